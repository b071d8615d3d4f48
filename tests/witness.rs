//! Promise: what is said above info about behaviour comes with a request, and the request shows what was said.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[allow(dead_code)]
#[path = "support/check.rs"]
mod check;

use check::{Files, replays};
use redirlint::diagnostic::Severity;
use redirlint::lower::Dialect;
use redirlint::rules::{self, Basis};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A recorded case, as far as it is a configuration.
#[derive(Deserialize)]
struct Case {
    name: String,
    config: String,
    context: Option<String>,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Recorded cases with the marks of folders and ports filled in.
fn recorded(name: &str) -> Vec<(String, Files)> {
    let text = std::fs::read_to_string(fixtures().join("oracle").join(name)).unwrap();
    let cases: Vec<Case> = serde_yaml::from_str(&text).unwrap();
    let files = |case: Case| {
        let marks = [("@DOCROOT@", "/srv/www"), ("@ROOT@", "/srv"), ("@PORT@", "80"), ("@SSLPORT@", "443")];
        let config = marks.iter().fold(case.config, |text, (mark, value)| text.replace(mark, value));
        let (dialect, text) = match (name.starts_with("nginx"), case.context.as_deref()) {
            (true, _) => (Dialect::Nginx, format!("events {{}}\nhttp {{\n{config}\n}}\n")),
            (false, Some("htaccess")) => (Dialect::Htaccess, config),
            (false, Some("vhost")) => {
                let head = "Listen 80\nServerName www.example.com\n";
                (
                    Dialect::Apache,
                    format!("{head}<VirtualHost *:80>\nServerName www.example.com\n{config}\n</VirtualHost>\n"),
                )
            }
            (false, _) => (Dialect::Apache, format!("Listen 80\nServerName www.example.com\n{config}\n")),
        };
        (case.name, Files::alone(dialect, &text))
    };
    cases.into_iter().map(files).collect()
}

/// Configurations that stand in files of their own.
fn files_below(folder: &str) -> Vec<(String, Files)> {
    let mut found = Vec::new();
    let mut folders = vec![fixtures().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let dialect = match name.as_str() {
                _ if path.is_dir() => {
                    folders.push(path);
                    continue;
                }
                name if name.ends_with("htaccess") => Dialect::Htaccess,
                name if name.ends_with(".nginx") || name == "nginx.conf" => Dialect::Nginx,
                _ => continue,
            };
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            found.push((name, Files::alone(dialect, &text)));
        }
    }
    found
}

#[test]
fn every_finding_about_behaviour_above_info_has_a_request_that_shows_it() {
    let oracle = ["apache.yaml", "apache-found.yaml", "nginx.yaml", "nginx-1.29.yaml"];
    let mut all: Vec<(String, Files)> = oracle.into_iter().flat_map(recorded).collect();
    all.extend(["convert", "showcase"].into_iter().flat_map(files_below));
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for (name, files) in &all {
        files.check(&files.options(), |facts, finding| {
            let rule = rules::named(finding.rule);
            let needs = rule.is_some_and(|rule| rule.basis == Basis::Request) && finding.severity > Severity::Info;
            let shown = finding.witness.as_ref().map_or(!needs, |witness| replays(facts, witness));
            seen += usize::from(finding.witness.is_some());
            if !shown {
                wrong.push(format!("{name}: {}: {} {:?}", finding.rule, finding.message, finding.witness));
            }
        });
    }
    assert!(wrong.is_empty(), "{} of {seen} do not hold\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen > 100, "only {seen} witnesses were tried");
}
