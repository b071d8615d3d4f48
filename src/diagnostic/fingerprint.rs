//! Names for findings that survive edits elsewhere in the file.
//!
//! A baseline and a code-scanning service must recognise a finding after lines were added above it. A
//! fingerprint therefore holds what the finding is about (rule, file, the text of its line, the words meant) and
//! never where it stands; equal findings in one file are told apart by their order. It holds no message: wording
//! may be bettered without making every old finding new.

use super::Finding;
use crate::source::Sources;
use std::collections::HashMap;
use std::fmt;

/// The name of a finding: stable under line shifts, changes of indentation and of wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

/// One fingerprint per finding, in their order. `place` names a file, the same on every machine.
pub fn all(findings: &[Finding], sources: &Sources, place: &dyn Fn(&std::path::Path) -> String) -> Vec<Fingerprint> {
    let mut seen: HashMap<u128, u32> = HashMap::new();
    let name = |finding: &Finding| {
        let content = content(finding, sources, place);
        let nth = seen.entry(content).or_default();
        *nth += 1;
        Fingerprint(hash(content, &nth.to_be_bytes()))
    };
    findings.iter().map(name).collect()
}

fn content(finding: &Finding, sources: &Sources, place: &dyn Fn(&std::path::Path) -> String) -> u128 {
    let span = finding.primary.span;
    let file = sources.file(span.file);
    let line = file.line(sources.position(span).line).unwrap_or_default();
    let line = file.bytes().get(line).unwrap_or_default();
    [finding.rule.as_bytes(), place(file.path()).as_bytes(), &blank_free(line), &blank_free(sources.text(span))]
        .iter()
        .fold(OFFSET, |state, part| hash(hash(state, &(part.len() as u64).to_be_bytes()), part))
}

/// The words with one blank between them, so that a new indentation changes nothing.
fn blank_free(text: &[u8]) -> Vec<u8> {
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(&b' ')
}

const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// FNV-1a with 128 bits: the same on every machine and in every version, which a library's hasher need not be.
fn hash(state: u128, bytes: &[u8]) -> u128 {
    bytes.iter().fold(state, |state, &byte| (state ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source::Span;

    fn named(text: &str, words: &[&str]) -> Vec<Fingerprint> {
        let mut sources = Sources::new();
        let file = sources.add("a", text.as_bytes().to_vec());
        let mut from = 0;
        let mut findings = Vec::new();
        for word in words {
            let at = from + text.get(from..).unwrap().find(word).unwrap();
            from = at + word.len();
            findings.push(Finding::new("rule", Severity::Info, "m", Span::new(file, at, from)));
        }
        all(&findings, &sources, &|path| path.display().to_string())
    }

    #[test]
    fn a_fingerprint_survives_lines_above_and_a_new_indentation() {
        assert_eq!(named("Redirect /a /b\n", &["/a"]), named("# new\n\n  Redirect  /a /b\n", &["/a"]));
    }

    #[test]
    fn a_fingerprint_changes_with_the_line_and_with_the_words_meant() {
        assert_ne!(named("Redirect /a /b\n", &["/a"]), named("Redirect /a /c\n", &["/a"]));
        assert_ne!(named("Redirect /a /b\n", &["/a"]), named("Redirect /a /b\n", &["/b"]));
    }

    #[test]
    fn equal_findings_in_one_file_are_told_apart() {
        let twice = named("Redirect /a /b\nRedirect /a /b\n", &["/a", "/a"]);
        assert_ne!(twice[0], twice[1]);
    }

    #[test]
    fn a_fingerprint_is_the_same_in_every_version() {
        assert_eq!(named("Redirect /a /b\n", &["/a"])[0].to_string(), "d54b75cc00bc330770bbd925aa15b249");
    }
}
