//! SARIF 2.1.0, for code-scanning services.
//!
//! Columns count characters. A fingerprint names a finding across line shifts; a witness with several hops is a
//! code flow, so that a viewer can step through a chain or a loop.

use super::{Report, ends, place};
use crate::diagnostic::fingerprint::{self, Fingerprint};
use crate::diagnostic::{Applicability, Finding, Severity, Witness};
use crate::rules::{ALL, Rule};
use crate::source::{FileId, Sources, Span};
use serde_json::{Value, json};
use serde_sarif::sarif::{
    ArtifactChange, ArtifactContent, ArtifactLocation, CodeFlow, Fix, Location, Message, MultiformatMessageString,
    PhysicalLocation, PropertyBag, Region, Replacement, ReportingConfiguration, ReportingDescriptor,
    Result as SarifResult, ResultLevel, Run, Sarif as Log, ThreadFlow, ThreadFlowLocation, Tool, ToolComponent,
};
use std::collections::BTreeMap;
use std::io::{self, Write};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// The name of our way to make fingerprints; a new way gets a new number.
const FINGERPRINT: &str = "redirlint/v1";

/// The log in the making.
#[derive(Debug, Default)]
pub struct Sarif {
    results: Vec<SarifResult>,
}

impl Report for Sarif {
    fn add(&mut self, sources: &Sources, findings: &[Finding], _: &mut dyn Write) -> io::Result<()> {
        let names = fingerprint::all(findings, sources, &place);
        self.results.extend(findings.iter().zip(names).map(|(finding, name)| result(sources, finding, name)));
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let driver = ToolComponent::builder()
            .name("redirlint")
            .semantic_version(env!("CARGO_PKG_VERSION"))
            .rules(ALL.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>())
            .build();
        let run = Run::builder()
            .tool(Tool::builder().driver(driver).build())
            .column_kind(json!("unicodeCodePoints"))
            .results(std::mem::take(&mut self.results))
            .build();
        let log = Log::builder().schema(SCHEMA).version(json!("2.1.0")).runs(vec![run]).build();
        writeln!(out, "{}", super::shown::json(&serde_json::to_string_pretty(&log)?))
    }
}

fn descriptor(rule: &Rule) -> ReportingDescriptor {
    let page: String = rule.doc.lines().map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect();
    let first = page.lines().find(|line| !line.trim().is_empty()).unwrap_or(rule.name).trim().to_owned();
    let tag = serde_json::to_value(rule.group).ok().and_then(|tag| tag.as_str().map(str::to_owned));
    ReportingDescriptor::builder()
        .id(rule.name)
        .short_description(MultiformatMessageString::builder().text(first).build())
        .help(MultiformatMessageString::builder().text(page.clone()).markdown(page).build())
        .default_configuration(ReportingConfiguration::builder().level(level(rule.severity)).build())
        .properties(PropertyBag::builder().tags(tag.into_iter().collect::<Vec<_>>()).build())
        .build()
}

fn level(severity: Severity) -> Value {
    json!(match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    })
}

fn result_level(severity: Severity) -> ResultLevel {
    match severity {
        Severity::Error => ResultLevel::Error,
        Severity::Warning => ResultLevel::Warning,
        Severity::Info => ResultLevel::Note,
    }
}

fn result(sources: &Sources, finding: &Finding, name: Fingerprint) -> SarifResult {
    let mut text = finding.message.clone();
    if let Some(help) = &finding.help {
        text = format!("{text}\n{help}");
    }
    let mut result = SarifResult::builder()
        .rule_id(finding.rule)
        .level(result_level(finding.severity))
        .message(message(&text))
        .locations(vec![location(sources, finding.primary.span, &finding.primary.message)])
        .partial_fingerprints(BTreeMap::from([(FINGERPRINT.to_owned(), name.to_string())]))
        .build();
    result.rule_index = ALL.iter().position(|rule| rule.name == finding.rule).and_then(|at| i64::try_from(at).ok());
    if !finding.related.is_empty() {
        let related = finding.related.iter().zip(0..);
        let related =
            related.map(|(label, id)| Location { id: Some(id), ..location(sources, label.span, &label.message) });
        result.related_locations = Some(related.collect());
    }
    result.code_flows =
        finding.witness.as_ref().and_then(|witness| flow(sources, finding, witness)).map(|flow| vec![flow]);
    result.fixes = fix(sources, finding).map(|fix| vec![fix]);
    result
}

fn message(text: &str) -> Message {
    Message::builder().text(text).build()
}

fn location(sources: &Sources, span: Span, text: &str) -> Location {
    let physical = PhysicalLocation::builder()
        .artifact_location(artifact(sources, span.file))
        .region(region(sources, span))
        .build();
    let mut location = Location::builder().physical_location(physical).build();
    location.message = (!text.is_empty()).then(|| message(text));
    location
}

fn artifact(sources: &Sources, file: FileId) -> ArtifactLocation {
    ArtifactLocation::builder().uri(uri(&place(sources.file(file).path()))).build()
}

fn region(sources: &Sources, span: Span) -> Region {
    let (start, end) = ends(sources, span);
    let number = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Region::builder()
        .start_line(number(start.line))
        .start_column(number(start.column))
        .end_line(number(end.line))
        .end_column(number(end.column))
        .byte_offset(i64::from(span.start))
        .byte_length(number(span.len()))
        .build()
}

/// A path as a URI reference.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The hops of a witness. The first stands at the finding, the others at its related places, as far as they go.
fn flow(sources: &Sources, finding: &Finding, witness: &Witness) -> Option<CodeFlow> {
    if witness.observed.len() < 2 {
        return None;
    }
    let spans = std::iter::once(&finding.primary).chain(&finding.related).map(|label| label.span);
    let spans = spans.chain(std::iter::repeat(finding.primary.span));
    let mut url = String::from_utf8_lossy(&witness.url).into_owned();
    let mut locations = Vec::new();
    for (seen, span) in witness.observed.iter().zip(spans) {
        let status = seen.status.map_or("content".to_owned(), |status| status.to_string());
        let next = seen.location.as_deref().map(|to| String::from_utf8_lossy(to).into_owned()).unwrap_or_default();
        let told = format!("{} {url}: {status} {next}", witness.method);
        let at = location(sources, span, told.trim_end());
        locations.push(ThreadFlowLocation::builder().location(at).build());
        url = next;
    }
    let thread = ThreadFlow::builder().locations(locations).build();
    Some(CodeFlow::builder().thread_flows(vec![thread]).build())
}

/// The repair, where its text can be written in a JSON string.
fn fix(sources: &Sources, finding: &Finding) -> Option<Fix> {
    let fix = finding.fix.as_ref().filter(|fix| fix.applicability != Applicability::Display)?;
    let mut files: BTreeMap<FileId, Vec<Replacement>> = BTreeMap::new();
    for edit in &fix.edits {
        let text = std::str::from_utf8(&edit.text).ok()?;
        let mut replacement = Replacement::builder().deleted_region(region(sources, edit.span)).build();
        replacement.inserted_content = Some(ArtifactContent::builder().text(text).build());
        files.entry(edit.span.file).or_default().push(replacement);
    }
    let change = |(file, replacements)| {
        ArtifactChange::builder().artifact_location(artifact(sources, file)).replacements(replacements).build()
    };
    let changes: Vec<_> = files.into_iter().map(change).collect();
    (!changes.is_empty()).then(|| Fix::builder().description(message(&fix.message)).artifact_changes(changes).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_is_a_code_flow_with_its_hops_in_order() {
        let log: Value = serde_json::from_str(&crate::report::samples::print(&mut Sarif::default())).unwrap();
        let result = &log["runs"][0]["results"][0];
        let steps = result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().unwrap();
        let lines: Vec<&Value> =
            steps.iter().map(|step| &step["location"]["physicalLocation"]["region"]["startLine"]).collect();
        assert_eq!(lines, [2, 3]);
        assert_eq!(steps[1]["location"]["message"]["text"], "GET http://example.com/b: 301 http://example.com/a");
        assert_eq!(
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "site/a%20b%2C%25%3A%3C%26.htaccess"
        );
    }

    fn cargo(args: &[&str]) -> Option<Vec<u8>> {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Some(std::process::Command::new(program).args(args).output().ok()?.stdout)
    }

    /// The schema lies in the crate that we take the types from.
    fn schema() -> Option<Value> {
        let about = String::from_utf8(cargo(&["-vV"])?).ok()?;
        let host = about.lines().find_map(|line| line.strip_prefix("host: "))?;
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        // Crates of other platforms need not have been downloaded here.
        let listed = cargo(&[
            "metadata",
            "--format-version=1",
            "--offline",
            "--filter-platform",
            host,
            "--manifest-path",
            manifest,
        ])?;
        let listed: Value = serde_json::from_slice(&listed).ok()?;
        let packages = listed["packages"].as_array()?;
        let package = packages.iter().find(|package| package["name"] == "serde-sarif")?;
        let manifest = std::path::Path::new(package["manifest_path"].as_str()?);
        let text = std::fs::read_to_string(manifest.with_file_name("src").join("schema.json")).ok()?;
        // The published pattern for a language has a bracket too many, which strict engines refuse.
        serde_json::from_str(&text.replace("{2}]?$", "{2}$")).ok()
    }

    #[test]
    fn the_log_is_valid_by_the_published_schema() {
        let schema = schema().expect("serde-sarif carries the schema");
        let validator = jsonschema::validator_for(&schema).unwrap();
        let log: Value = serde_json::from_str(&crate::report::samples::print(&mut Sarif::default())).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert_eq!(errors, [] as [String; 0]);
        let mut broken = log;
        broken["runs"][0]["results"][0]["level"] = json!("terrible");
        assert!(!validator.is_valid(&broken), "the schema itself must bite");
    }
}
