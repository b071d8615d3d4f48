//! One cause, one finding: where two rules speak of the same words, only the better one does. And what is said of a
//! template is said with care, because no server reads it as it stands.

use crate::analysis::Facts;
use crate::diagnostic::{Confidence, Finding, Severity};
use crate::source::FileId;
use crate::syntax::{apache, nginx};
use rustc_hash::{FxHashMap, FxHashSet};

/// A rule, and one that says more of the same directive.
const QUIET: &[(&str, &str)] = &[
    ("double-slash-target", "malformed-target-url"),
    ("double-slash-target", "undefined-capture"),
    ("filesystem-path-in-location", "malformed-target-url"),
    ("implicit-temporary-redirect", "malformed-target-url"),
    ("implicit-temporary-redirect", "temporary-canonical-redirect"),
    ("redirect-chain", "insecure-first-hop"),
    ("unencoded-location", "crlf-in-location"),
    ("unknown-server-variable", "unreliable-https-test"),
];

/// Leaves out what a better finding on the same line says.
pub fn settle(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let place = |finding: &Finding| (finding.primary.span.file, facts.sources.position(finding.primary.span).line);
    let better = |rule: &str| QUIET.iter().any(|(_, loud)| *loud == rule);
    let loud: FxHashSet<(&str, (FileId, usize))> =
        findings.iter().filter(|one| better(one.rule)).map(|one| (one.rule, place(one))).collect();
    if !loud.is_empty() {
        findings.retain(|one| !QUIET.iter().any(|(quiet, by)| one.rule == *quiet && loud.contains(&(*by, place(one)))));
    }
}

/// Lowers what is said of templates: a line with a mark is known only after rendering, and where marks choose between
/// lines, what is said of the others rests on that choice.
pub fn soften(facts: &Facts<'_>, findings: &mut [Finding]) {
    let mut kinds: FxHashMap<FileId, Option<bool>> = FxHashMap::default();
    for finding in findings {
        let file = finding.file();
        let template = || facts.is_template(file).then(|| chooses(facts.sources.file(file).bytes()));
        let Some(chooses) = *kinds.entry(file).or_insert_with(template) else { continue };
        if has_mark(facts, finding) {
            finding.severity = Severity::Info;
        } else if chooses {
            // No request shows anything of a text that no server reads.
            let sure = if finding.witness.is_some() { Confidence::Possible } else { Confidence::Likely };
            finding.severity = sure.lower(finding.severity);
        }
    }
}

/// Whether a mark stands on the lines of the finding's words.
fn has_mark(facts: &Facts<'_>, finding: &Finding) -> bool {
    let file = facts.sources.file(finding.file());
    let range = finding.primary.span.range();
    let bytes = file.bytes();
    let start = bytes.get(..range.start).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |at| at + 1);
    let from = range.end.min(bytes.len());
    let end = bytes.get(from..).and_then(|behind| memchr::memchr(b'\n', behind)).map_or(bytes.len(), |at| from + at);
    let text = bytes.get(start..end).unwrap_or_default();
    if facts.is_apache() { apache::template::find(text).is_some() } else { nginx::template::find(text).is_some() }
}

/// Whether the template has conditions or loops, not only values to fill in.
fn chooses(text: &[u8]) -> bool {
    let control: [&[u8]; 8] = [b"{%", b"[%", b"{{#", b"{{ if", b"{{- if", b"{{if", b"{{ range", b"<?php"];
    let erb = memchr::memmem::find_iter(text, b"<%").any(|at| !matches!(text.get(at + 2), Some(b'=' | b'#')));
    erb || control.iter().any(|mark| memchr::memmem::find(text, mark).is_some())
}
