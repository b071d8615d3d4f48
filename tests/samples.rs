//! Promise: what articles recommend is told with the rules it breaks, and what is well made is left alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[allow(dead_code)]
#[path = "support/check.rs"]
mod check;

use check::{Files, replays};
use redirlint::diagnostic::{Finding, Severity};
use redirlint::lower::{Dialect, Options, Version};
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    name: String,
    #[serde(rename = "as")]
    dialect: String,
    version: Option<String>,
    config: String,
    /// Rules that must be among the findings.
    #[serde(default)]
    finds: Vec<String>,
    /// Nothing above info.
    #[serde(default)]
    silent: bool,
    /// Rules that may warn.
    #[serde(default)]
    may: Vec<String>,
}

fn samples(name: &str) -> Vec<Sample> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules").join(name);
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

impl Sample {
    fn findings(&self) -> Vec<Finding> {
        let dialect = match self.dialect.as_str() {
            "htaccess" => Dialect::Htaccess,
            "apache" => Dialect::Apache,
            _ => Dialect::Nginx,
        };
        let version = self.version.as_ref().map(|text| {
            let numbers: Vec<u16> = text.split('.').map(|number| number.parse().unwrap()).collect();
            Version(numbers[0], numbers[1], numbers[2])
        });
        let files = Files::alone(dialect, &self.config);
        files.check(&Options { version, ..files.options() }, |facts, finding| {
            let shown = finding.witness.as_ref().is_none_or(|witness| replays(facts, witness));
            assert!(shown, "{}: the witness of {} does not replay", self.name, finding.rule);
        })
    }
}

fn told(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|one| format!("  {:?} {}: {}", one.severity, one.rule, one.message));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_articles_show_is_told_with_the_rules_it_breaks() {
    let mut wrong = Vec::new();
    for sample in samples("articles.yaml") {
        let found = sample.findings();
        let missing = sample.finds.iter().filter(|rule| found.iter().all(|one| one.rule != **rule));
        wrong.extend(missing.map(|rule| format!("{}: {rule} is not among\n{}", sample.name, told(&found))));
        if sample.silent && found.iter().any(|one| one.severity > Severity::Info) {
            wrong.push(format!("{}: is complained of\n{}", sample.name, told(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn well_made_configurations_are_left_alone() {
    let mut wrong = Vec::new();
    for sample in samples("silent.yaml") {
        let mut found = sample.findings();
        let may = |one: &Finding| one.severity == Severity::Warning && sample.may.iter().any(|rule| rule == one.rule);
        found.retain(|one| one.severity > Severity::Info && !may(one));
        if !found.is_empty() {
            wrong.push(format!("{}: is complained of\n{}", sample.name, told(&found)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
