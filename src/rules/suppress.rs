//! Suppressions in the configuration's own comments: `# redirlint: ignore[rule] reason`.
//!
//! A comment on a line of its own counts for the next directive, with its block; `ignore-file[rule]` counts for
//! the whole file. One that stops nothing is reported, so that it does not outlive its reason.

use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::source::{FileId, Sources, Span};
use crate::syntax::{Item, Tree};

/// The name under which a comment that stops nothing is reported.
pub const UNUSED: &str = "unused-suppression";

/// One comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The comment.
    pub span: Span,
    /// Names of rules; empty means all.
    pub rules: Vec<String>,
    /// What it covers.
    pub covers: Covers,
}

/// What a suppression covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// A directive with everything in it.
    Within(Span),
    /// A file.
    File(FileId),
}

/// Leaves out what is suppressed, and adds a finding for each suppression that stopped nothing.
pub fn apply(facts: &Facts<'_>, findings: Vec<Finding>) -> Vec<Finding> {
    let all: Vec<Suppression> = facts.trees.iter().flat_map(|tree| read(facts.sources, tree)).collect();
    if all.is_empty() {
        return findings;
    }
    let mut used = vec![false; all.len()];
    let mut kept = Vec::new();
    for finding in findings {
        let mut stopped = false;
        for (suppression, used) in all.iter().zip(&mut used) {
            if suppression.stops(&finding) {
                *used = true;
                stopped = true;
            }
        }
        if !stopped {
            kept.push(finding);
        }
    }
    let unused = all.iter().zip(&used).filter(|(_, used)| !**used);
    kept.extend(unused.map(|(suppression, _)| {
        Finding::new(UNUSED, Severity::Info, "this suppression stops no finding; remove it", suppression.span)
    }));
    kept
}

impl Suppression {
    fn stops(&self, finding: &Finding) -> bool {
        let named = self.rules.is_empty() || self.rules.iter().any(|rule| rule == finding.rule);
        let at = finding.primary.span;
        let inside = match self.covers {
            Covers::File(file) => at.file == file,
            Covers::Within(span) => at.file == span.file && span.start <= at.start && at.start < span.end,
        };
        named && inside
    }
}

/// The suppressions of a tree, in the order of the text.
pub fn read(sources: &Sources, tree: &Tree) -> Vec<Suppression> {
    let mut out = Vec::new();
    let mut stack = vec![tree.items.as_slice()];
    while let Some(items) = stack.pop() {
        let mut pending: Vec<(Span, Vec<String>)> = Vec::new();
        for item in items {
            match item {
                Item::Comment(span) => match command(sources.text(*span)) {
                    Some((true, rules)) => {
                        out.push(Suppression { span: *span, rules, covers: Covers::File(tree.file) })
                    }
                    Some((false, rules)) => pending.push((*span, rules)),
                    None => {}
                },
                Item::Directive(directive) => {
                    let covers = Covers::Within(directive.span);
                    out.extend(pending.drain(..).map(|(span, rules)| Suppression { span, rules, covers }));
                    stack.extend(directive.block.as_ref().map(|block| block.items.as_slice()));
                }
                Item::Junk(_) => {}
            }
        }
        // Before nothing: it covers only itself, and is reported as unused.
        out.extend(pending.into_iter().map(|(span, rules)| Suppression { span, rules, covers: Covers::Within(span) }));
    }
    out.sort_by_key(|suppression| suppression.span);
    out
}

/// Whether the comment is for the file, and the rules it names.
fn command(comment: &[u8]) -> Option<(bool, Vec<String>)> {
    let text = String::from_utf8_lossy(comment);
    let text = text.trim_start_matches('#').trim_start().strip_prefix("redirlint:")?.trim_start();
    let (file, rest) = match text.strip_prefix("ignore-file") {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix("ignore")?),
    };
    let names = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or("", |(names, _)| names);
    Some((file, names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_rules_or_all_of_them() {
        assert_eq!(command(b"# redirlint: ignore[a-b, c] why"), Some((false, vec!["a-b".into(), "c".into()])));
        assert_eq!(command(b"#redirlint: ignore"), Some((false, vec![])));
        assert_eq!(command(b"# redirlint: ignore-file[x]"), Some((true, vec!["x".into()])));
        assert_eq!(command(b"# something else"), None);
    }
}
