//! Long lists of the same finding, kept short for a person: the first ones in full, the rest by their lines.

use crate::diagnostic::{Finding, Severity};
use crate::source::Sources;
use std::collections::BTreeMap;

/// Findings of one rule in one file that are shown in full.
const IN_FULL: usize = 10;
/// Lines named for the rest.
const LINES: usize = 12;

/// Findings that are not shown in full.
#[derive(Debug)]
pub struct Repeats {
    rule: &'static str,
    severity: Severity,
    lines: Vec<usize>,
}

/// The findings to show in full, and what is left of each rule and file.
pub fn split<'f>(sources: &Sources, findings: &'f [Finding]) -> (Vec<&'f Finding>, Vec<Repeats>) {
    let mut seen: BTreeMap<_, Repeats> = BTreeMap::new();
    let mut shown = Vec::new();
    for finding in findings {
        let key = (finding.file(), finding.rule, finding.severity);
        let fresh = || Repeats { rule: finding.rule, severity: finding.severity, lines: Vec::new() };
        let repeats = seen.entry(key).or_insert_with(fresh);
        repeats.lines.push(sources.position(finding.primary.span).line);
        if repeats.lines.len() <= IN_FULL {
            shown.push(finding);
        }
    }
    let mut left: Vec<Repeats> = seen.into_values().filter(|repeats| repeats.lines.len() > IN_FULL).collect();
    left.iter_mut().for_each(|repeats| drop(repeats.lines.drain(..IN_FULL)));
    (shown, left)
}

impl Repeats {
    /// One line: `warning: 27 more unanchored-pattern on the lines 31, 34 …; -v shows them`.
    pub fn tell(&self) -> String {
        let lines: Vec<String> = self.lines.iter().take(LINES).map(ToString::to_string).collect();
        let rest = if self.lines.len() > LINES { " …" } else { "" };
        let on = if self.lines.len() == 1 { "line" } else { "lines" };
        format!(
            "{}: {} more `{}`, on {on} {}{rest}; `-v` shows them all",
            super::word(self.severity),
            self.lines.len(),
            self.rule,
            lines.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    #[test]
    fn what_goes_beyond_ten_is_told_by_its_lines() {
        let mut sources = Sources::new();
        let file = sources.add("a.conf", "x\n".repeat(40).into_bytes());
        let found =
            (0..30).map(|at| Finding::new("a-rule", Severity::Warning, "same", Span::new(file, at * 2, at * 2 + 1)));
        let findings: Vec<Finding> = found.collect();
        let (shown, left) = split(&sources, &findings);
        assert_eq!(shown.len(), 10);
        assert_eq!(
            left[0].tell(),
            "warning: 20 more `a-rule`, on lines 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22 …; `-v` shows them all"
        );
    }
}
