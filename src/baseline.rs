//! Findings that are known already, so that a gate can be put up before everything is repaired.
//!
//! A baseline names findings by fingerprint; it knows no rule and no disk. Paths in it are relative to the folder
//! of the baseline file, with forward slashes, so that it means the same on every machine.

use crate::diagnostic::Finding;
use crate::diagnostic::fingerprint::{self, Fingerprint};
use crate::source::Sources;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One known finding. Rule and file are for people who read the file; the fingerprint decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Known {
    file: String,
    rule: String,
    fingerprint: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Text {
    version: u32,
    findings: BTreeSet<Known>,
}

/// A baseline, read or in the making.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    folder: PathBuf,
    known: BTreeSet<Known>,
}

impl Baseline {
    /// An empty one, for a file in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { folder: absolute(folder), known: BTreeSet::new() }
    }

    /// One from a file's text.
    ///
    /// # Errors
    /// Text that is no baseline, or one of a later version; the message says what to do.
    pub fn parse(folder: &Path, text: &[u8]) -> Result<Self, String> {
        let text: Text = serde_json::from_slice(text)
            .map_err(|error| format!("is no baseline ({error}): write it anew with `--write-baseline`"))?;
        match text.version {
            1 => Ok(Self { folder: absolute(folder), known: text.findings }),
            other => Err(format!("has version {other}, and this redirlint reads version 1")),
        }
    }

    /// Notes findings as known.
    pub fn learn(&mut self, findings: &[Finding], sources: &Sources) {
        for (finding, name) in findings.iter().zip(self.names(findings, sources)) {
            let file = self.place(sources.file(finding.file()).path());
            self.known.insert(Known { file, rule: finding.rule.to_owned(), fingerprint: name.to_string() });
        }
    }

    /// The findings that are not known.
    pub fn unknown(&self, findings: Vec<Finding>, sources: &Sources) -> Vec<Finding> {
        let known: BTreeSet<&str> = self.known.iter().map(|known| known.fingerprint.as_str()).collect();
        let names = self.names(&findings, sources);
        let new = findings.into_iter().zip(names).filter(|(_, name)| !known.contains(name.to_string().as_str()));
        new.map(|(finding, _)| finding).collect()
    }

    /// The file's text: sorted, one finding on few lines, so that a change is easy to review.
    pub fn print(&self) -> String {
        let text = Text { version: 1, findings: self.known.clone() };
        serde_json::to_string_pretty(&text).map(|text| text + "\n").unwrap_or_default()
    }

    /// How many findings are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    fn names(&self, findings: &[Finding], sources: &Sources) -> Vec<Fingerprint> {
        fingerprint::all(findings, sources, &|path| self.place(path))
    }

    fn place(&self, path: &Path) -> String {
        let path = absolute(path);
        let inner = path.strip_prefix(&self.folder).unwrap_or(&path);
        inner.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
    }
}

fn absolute(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source::Span;

    fn site(path: &str, text: &str) -> (Sources, Vec<Finding>) {
        let mut sources = Sources::new();
        let file = sources.add(path, text.as_bytes().to_vec());
        let at = |at: usize| Finding::new("rule", Severity::Warning, "m", Span::new(file, at, at + 8));
        let findings = text.match_indices("Redirect").map(|(found, _)| at(found)).collect();
        (sources, findings)
    }

    #[test]
    fn known_findings_stay_known_when_lines_move_and_new_ones_show() {
        let mut baseline = Baseline::new(Path::new("conf"));
        let (sources, findings) = site("conf/a", "Redirect /a /b\nRedirect /c /d\n");
        baseline.learn(&findings, &sources);
        let read = Baseline::parse(Path::new("./conf"), baseline.print().as_bytes()).unwrap();
        let (sources, findings) = site("./conf/a", "#\n\nRedirect /a /b\nRedirect /new /d\nRedirect /c /d\n");
        let new = read.unknown(findings, &sources);
        assert_eq!(new.len(), 1);
        assert_eq!(sources.position(new[0].primary.span).line, 4);
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn a_second_equal_finding_is_new() {
        let mut baseline = Baseline::new(Path::new(""));
        let (sources, findings) = site("a", "Redirect /a /b\n");
        baseline.learn(&findings, &sources);
        let (sources, findings) = site("a", "Redirect /a /b\nRedirect /a /b\n");
        assert_eq!(baseline.unknown(findings, &sources).len(), 1);
    }

    #[test]
    fn text_that_is_no_baseline_says_what_to_do() {
        let error = Baseline::parse(Path::new(""), b"{}").unwrap_err();
        assert!(error.contains("--write-baseline"), "{error}");
        assert!(Baseline::parse(Path::new(""), br#"{"version":2,"findings":[]}"#).unwrap_err().contains("version 2"));
    }
}
