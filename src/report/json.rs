//! Findings for programs. The fields are a promise to the outside: add, never rename.

use super::shown;
use crate::diagnostic::{Finding, Label, Severity};
use crate::source::{Sources, Span};
use serde_json::{Value, json};
use std::io::{self, Write};

/// One finding.
pub fn finding(sources: &Sources, finding: &Finding) -> Value {
    let mut value = json!({
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "file": path(sources, finding.primary.span),
        "range": range(sources, finding.primary.span),
        "related": finding.related.iter().map(|label| related(sources, label)).collect::<Vec<_>>(),
    });
    let Value::Object(fields) = &mut value else { return value };
    if let Some(help) = &finding.help {
        fields.insert("help".to_owned(), json!(help));
    }
    if let Some(witness) = &finding.witness {
        let observed = witness
            .observed
            .iter()
            .map(|seen| json!({"status": seen.status, "location": seen.location.as_deref().map(lossy)}));
        let headers = witness.headers.iter().map(|(name, value)| json!([name, lossy(value)]));
        let witness = json!({
            "method": witness.method,
            "url": lossy(&witness.url),
            "headers": headers.collect::<Vec<_>>(),
            "assumptions": witness.assumptions,
            "observed": observed.collect::<Vec<_>>(),
        });
        fields.insert("witness".to_owned(), witness);
    }
    if let Some(fix) = &finding.fix {
        let edits = fix.edits.iter().map(|edit| {
            json!({"file": path(sources, edit.span), "start": edit.span.start, "end": edit.span.end, "text": lossy(&edit.text)})
        });
        let fix =
            json!({"applicability": fix.applicability, "message": fix.message, "edits": edits.collect::<Vec<_>>()});
        fields.insert("fix".to_owned(), fix);
    }
    value
}

/// The whole report, written as it comes: the counts stand behind the findings.
#[derive(Debug, Default)]
pub struct Json {
    findings: usize,
    errors: usize,
    warnings: usize,
}

impl Json {
    /// Adds findings.
    ///
    /// # Errors
    /// Those of the output.
    pub fn add(&mut self, sources: &Sources, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
        for one in findings {
            let before = if self.findings == 0 { "{\"findings\":[" } else { "," };
            write!(out, "{before}{}", shown::json(&finding(sources, one).to_string()))?;
            self.findings += 1;
            self.errors += usize::from(one.severity == Severity::Error);
            self.warnings += usize::from(one.severity == Severity::Warning);
        }
        Ok(())
    }

    /// Nothing more will come.
    ///
    /// # Errors
    /// Those of the output.
    pub fn end(&self, files: usize, directives: usize, out: &mut dyn Write) -> io::Result<()> {
        let Self { findings, errors, warnings } = self;
        let summary = json!({
            "files": files,
            "directives": directives,
            "findings": findings,
            "errors": errors,
            "warnings": warnings,
        });
        let before = if self.findings == 0 { "{\"findings\":[" } else { "" };
        writeln!(out, "{before}],\"summary\":{summary},\"version\":1}}")
    }
}

fn related(sources: &Sources, label: &Label) -> Value {
    json!({"file": path(sources, label.span), "range": range(sources, label.span), "message": label.message})
}

fn range(sources: &Sources, span: Span) -> Value {
    let place = |offset: u32| {
        let place = sources.file(span.file).position(offset as usize);
        json!({"line": place.line, "column": place.column, "byte": offset})
    };
    json!({"start": place(span.start), "end": place(span.end)})
}

fn path(sources: &Sources, span: Span) -> String {
    sources.file(span.file).path().display().to_string()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
