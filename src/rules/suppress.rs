//! Suppressions in the configuration's own comments: `# redirlint: ignore[rule] reason`.
//!
//! A comment on a line of its own counts for the next directive, with its block, and in front of a `RewriteCond` for
//! the rule that the condition waits for as well; one behind a directive counts for that one; `ignore-file[rule]` counts
//! for the whole file. One that stops nothing is reported, so that it does not outlive its reason.

use super::{ALL, named, nearest};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::source::{FileId, Sources, Span};
use crate::syntax::{Directive, Item, Tree};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;

/// The name under which a comment that stops nothing is reported.
pub const UNUSED: &str = "unused-suppression";

/// What is said of suppressions, Markdown.
pub const PAGE: &str = "\
A comment that suppresses a rule stops nothing, or names a rule that does not exist.

- `# redirlint: ignore[rule, other-rule] reason` on a line of its own counts for the next directive and all that stands
  in its block; in front of a `RewriteCond`, for the rule that the condition waits for as well.
- Behind a directive, on its line, it counts for that directive.
- `# redirlint: ignore-file[rule] reason` counts for the whole file.
- Without names, every rule is meant.

Take the comment away, or write the name that was meant.";

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
    let mut files: FxHashMap<FileId, Named<'_>> = FxHashMap::default();
    let mut spans: Vec<(FileId, u32, Reverse<u32>, usize)> = Vec::new();
    for (at, suppression) in all.iter().enumerate() {
        match suppression.covers {
            Covers::File(file) => files.entry(file).or_default().add(suppression, at),
            Covers::Within(span) => spans.push((span.file, span.start, Reverse(span.end), at)),
        }
    }
    spans.sort_unstable();
    let mut findings = findings;
    findings.sort_by_key(|finding| (finding.primary.span.file, finding.primary.span.start));
    // Directives nest, so those around the present finding are a stack.
    let mut spans = spans.chunk_by(|a, b| (a.0, a.1, a.2) == (b.0, b.1, b.2)).peekable();
    let begins_by = |same: &[(FileId, u32, Reverse<u32>, usize)], at: Span| {
        same.first().is_some_and(|(file, start, ..)| (*file, *start) <= (at.file, at.start))
    };
    let mut around: Vec<(FileId, u32, Named<'_>)> = Vec::new();
    let mut kept = Vec::new();
    for finding in findings {
        let at = finding.primary.span;
        while let Some(same) = spans.next_if(|same| begins_by(same, at)) {
            let Some(&(file, _, Reverse(end), _)) = same.first() else { continue };
            around.retain(|(open, till, _)| *open == file && *till >= end);
            around.push((file, end, Named::of(&all, same.iter().map(|(.., at)| *at))));
        }
        around.retain(|(file, end, _)| *file == at.file && at.start < *end);
        let covering = around.iter_mut().map(|(.., named)| named).chain(files.get_mut(&at.file));
        let stopped = covering.map(|named| named.stops(finding.rule, &mut used)).filter(|stops| *stops).count() > 0;
        if !stopped {
            kept.push(finding);
        }
    }
    let unused = all.iter().zip(&used).filter(|(_, used)| !**used);
    kept.extend(
        unused.map(|(suppression, _)| Finding::new(UNUSED, Severity::Info, idle(&suppression.rules), suppression.span)),
    );
    kept
}

/// What is said of a suppression that stops nothing.
fn idle(rules: &[String]) -> String {
    let Some(unknown) = rules.iter().find(|rule| named(rule).is_none() && *rule != UNUSED) else {
        return "this suppression stops no finding; remove it".to_owned();
    };
    match nearest(unknown, ALL.iter().map(|rule| rule.name)) {
        Some(near) => format!("no rule is called `{unknown}`: did you mean `{near}`?"),
        None => format!("no rule is called `{unknown}`: `redirlint explain` lists them"),
    }
}

/// Suppressions that cover the same, by the rules they name.
#[derive(Default)]
struct Named<'a> {
    /// Those for all rules; emptied once they are known to be used.
    all: Option<Vec<usize>>,
    by_rule: FxHashMap<&'a str, Vec<usize>>,
}

impl<'a> Named<'a> {
    fn of(all: &'a [Suppression], these: impl Iterator<Item = usize>) -> Self {
        let mut named = Self::default();
        these.filter_map(|at| Some((all.get(at)?, at))).for_each(|(suppression, at)| named.add(suppression, at));
        named
    }

    fn add(&mut self, suppression: &'a Suppression, at: usize) {
        if suppression.rules.is_empty() {
            self.all.get_or_insert_default().push(at);
        }
        for rule in &suppression.rules {
            self.by_rule.entry(rule).or_default().push(at);
        }
    }

    /// Whether one of them stops a finding of the rule; all that do are noted as used.
    fn stops(&mut self, rule: &str, used: &mut [bool]) -> bool {
        let named = self.by_rule.get_mut(rule);
        let stopped = named.is_some() || self.all.is_some();
        for at in named.into_iter().chain(self.all.as_mut()).flat_map(|list| list.drain(..)) {
            if let Some(used) = used.get_mut(at) {
                *used = true;
            }
        }
        stopped
    }
}

/// The suppressions of a tree, in the order of the text.
pub fn read(sources: &Sources, tree: &Tree) -> Vec<Suppression> {
    let mut out = Vec::new();
    let mut stack = vec![tree.items.as_slice()];
    while let Some(items) = stack.pop() {
        let mut pending: Vec<(Span, Vec<String>)> = Vec::new();
        let mut before: Option<Span> = None;
        let mut condition: Option<Span> = None;
        for item in items {
            match item {
                Item::Comment(span) => match command(sources.text(*span)) {
                    Some((true, rules)) => {
                        out.push(Suppression { span: *span, rules, covers: Covers::File(tree.file) })
                    }
                    Some((false, rules)) => match before.filter(|before| shares_line(sources, *before, *span)) {
                        Some(before) => out.push(Suppression { span: *span, rules, covers: Covers::Within(before) }),
                        None => pending.push((*span, rules)),
                    },
                    None => {}
                },
                Item::Directive(directive) => {
                    before = Some(directive.span);
                    stack.extend(directive.block.as_ref().map(|block| block.items.as_slice()));
                    let from = condition.take().unwrap_or(directive.span);
                    if !pending.is_empty() && is_condition(sources, directive) {
                        condition = Some(from);
                        continue;
                    }
                    let covers = Covers::Within(from.to(directive.span));
                    out.extend(pending.drain(..).map(|(span, rules)| Suppression { span, rules, covers }));
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

/// Whether a comment stands behind a directive, on the line where that ends.
fn shares_line(sources: &Sources, directive: Span, comment: Span) -> bool {
    let file = sources.file(directive.file);
    file.position(directive.end as usize).line == file.position(comment.start as usize).line
}

/// Whether the directive is the condition of a rule below.
fn is_condition(sources: &Sources, directive: &Directive) -> bool {
    directive.name.value(sources.file(directive.span.file).bytes()).eq_ignore_ascii_case(b"RewriteCond")
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

    /// What a suppression covers, as text.
    fn covered(text: &str, parse: fn(FileId, &[u8]) -> Tree) -> String {
        let mut sources = Sources::new();
        let file = sources.add("a.conf", text.as_bytes().to_vec());
        let tree = parse(file, text.as_bytes());
        match read(&sources, &tree).first().map(|one| one.covers) {
            Some(Covers::Within(span)) => String::from_utf8_lossy(sources.text(span)).into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_comment_counts_for_the_directive_below_it_or_on_its_line() {
        let nginx = |text| covered(text, crate::syntax::nginx::parse);
        assert_eq!(nginx("set $a b;\n# redirlint: ignore why\nset $c d;\n"), "set $c d;");
        assert_eq!(nginx("set $a b; # redirlint: ignore why\nset $c d;\n"), "set $a b;");
        let apache = |text| covered(text, crate::syntax::apache::parse);
        let rule = "RewriteCond %{HTTPS} off\nRewriteCond %{REQUEST_URI} ^/a\nRewriteRule ^ /b [R]";
        assert_eq!(apache(&format!("# redirlint: ignore why\n{rule}\nRewriteRule ^x /y\n")), rule);
    }

    #[test]
    fn a_name_that_no_rule_has_is_told_with_the_nearest_one() {
        assert!(idle(&["redirect-lop".into()]).contains("did you mean `redirect-loop`?"));
        assert!(idle(&["redirect-loop".into()]).contains("remove it"));
    }
}
