//! What `redirlint test` prints.

use super::super::input::Loaded;
use super::judge::Verdict;
use crate::report::shown::escape;
use crate::source::Span;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use std::io::{self, Write};
use std::path::Path;

/// A diff-like report for people.
///
/// # Errors
/// Where output cannot be written.
pub fn human(
    loaded: &Loaded,
    verdicts: &[Verdict],
    untested: &[Span],
    verbose: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for verdict in verdicts {
        if verdict.differences.is_empty() {
            if verbose {
                writeln!(out, "ok    {}", escape(&verdict.request))?;
            }
            continue;
        }
        writeln!(out, "FAIL  {}", escape(&verdict.request))?;
        for (what, expected, seen) in &verdict.differences {
            writeln!(out, "      - {what}: {}", escape(expected))?;
            writeln!(out, "      + {what}: {}", escape(seen))?;
        }
        for hop in &verdict.way {
            writeln!(out, "        {}", escape(hop))?;
        }
        if let Some(cause) = verdict.cause {
            writeln!(out, "        decided by {}", place(loaded, cause))?;
        }
    }
    for span in untested {
        writeln!(out, "untested  {}", place(loaded, *span))?;
    }
    let failed = verdicts.iter().filter(|verdict| !verdict.differences.is_empty()).count();
    write!(out, "{} passed, {failed} failed", verdicts.len() - failed)?;
    match untested.len() {
        0 => writeln!(out),
        count => writeln!(out, ", {count} redirects untested"),
    }
}

fn place(loaded: &Loaded, span: Span) -> String {
    let file = loaded.sources.file(span.file);
    let text = String::from_utf8_lossy(loaded.sources.text(span));
    escape(&format!("{}:{}: {text}", file.path().display(), loaded.sources.position(span).line))
}

/// The same as data.
///
/// # Errors
/// Where output cannot be written.
pub fn json(loaded: &Loaded, verdicts: &[Verdict], untested: &[Span], out: &mut dyn Write) -> io::Result<()> {
    let cases: Vec<_> = verdicts
        .iter()
        .map(|verdict| {
            let differences: Vec<_> = verdict
                .differences
                .iter()
                .map(|(what, expected, seen)| serde_json::json!({ "what": what, "expected": expected, "seen": seen }))
                .collect();
            serde_json::json!({
                "request": verdict.request,
                "passed": verdict.differences.is_empty(),
                "differences": differences,
                "way": verdict.way,
            })
        })
        .collect();
    let untested: Vec<_> = untested
        .iter()
        .map(|span| {
            let at = loaded.sources.position(*span);
            let file = loaded.sources.file(span.file).path().display().to_string();
            serde_json::json!({ "file": file, "line": at.line, "directive": String::from_utf8_lossy(loaded.sources.text(*span)) })
        })
        .collect();
    let failed = verdicts.iter().filter(|verdict| !verdict.differences.is_empty()).count();
    let all = serde_json::json!({
        "version": 1, "passed": verdicts.len() - failed, "failed": failed, "cases": cases, "untested": untested,
    });
    writeln!(out, "{all:#}")
}

/// JUnit XML, as CI systems read it.
///
/// # Errors
/// Where output cannot be written.
pub fn junit(config: &Path, verdicts: &[Verdict], out: &mut dyn Write) -> io::Result<()> {
    let mut suite = TestSuite::new(config.display().to_string());
    for verdict in verdicts {
        let status = if verdict.differences.is_empty() {
            TestCaseStatus::success()
        } else {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            let lines: Vec<String> = verdict
                .differences
                .iter()
                .map(|(what, expected, seen)| format!("{what}: expected {expected}, got {seen}"))
                .chain(verdict.way.iter().cloned())
                .collect();
            status.set_message(lines.first().cloned().unwrap_or_default());
            status.set_description(lines.join("\n"));
            status
        };
        suite.add_test_case(TestCase::new(verdict.request.clone(), status));
    }
    let mut report = Report::new("redirlint");
    report.add_test_suite(suite);
    let text = report.to_string().map_err(io::Error::other)?;
    out.write_all(text.as_bytes())
}
