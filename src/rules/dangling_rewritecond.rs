//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{Basis, FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::source::Span;
use crate::syntax::{Directive, Item, Tree};

declare! {
    /// A `RewriteCond` is followed by no `RewriteRule`.
    ///
    /// ## What it does
    /// Finds conditions at the end of a file or section, with no rule behind them.
    ///
    /// ## Why is this bad?
    /// Conditions belong to the next rule only. Without one they do nothing, and whatever they were meant to guard
    /// is unguarded.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=301,L]
    /// RewriteCond %{HTTP_HOST} ^www\. [NC]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} ^www\. [NC]
    /// RewriteRule ^a$ /b [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// No fix: either the condition or the rule stands in the wrong place.
    ///
    /// ## Traps
    /// `<IfModule>` and its like are no sections of their own: a rule behind them takes the condition. So may an
    /// included file, behind which nothing is reported. It is a warning and no error, since no answer is wrong for
    /// certain. Conditions that wait for the same rule are one finding. Conditions above several rules guard the first one
    /// only; most files mean it so, and where they do not, the loop that comes of it is told.
    ///
    /// ## Sources
    /// mod_rewrite `RewriteCond`.
    RULE {
        name: "dangling-rewritecond",
        group: Group::Correctness,
        severity: Severity::Warning,
        basis: Basis::Text,
        servers: Servers::Apache,
        fix: FixKind::None,
        check: check,
    }
}

/// Sections that are gone once the file is read: their lines stand where the section stood.
const TRANSPARENT: [&str; 7] =
    ["IfModule", "IfDefine", "IfVersion", "IfDirective", "IfFile", "IfSection", "RequireAll"];

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (at, tree) in facts.trees.iter().enumerate() {
        // A file that is included may end in the middle of something.
        let whole = at == 0 || facts.program.fragment;
        findings.extend(dangling(facts, tree, whole).iter().filter_map(|run| finding(run)));
    }
}

/// One finding for conditions that wait for the same rule.
fn finding(run: &[Span]) -> Option<Finding> {
    let (first, others) = run.split_first()?;
    let message = match others.len() {
        0 => "no `RewriteRule` follows this condition: it guards nothing".to_owned(),
        more => format!("no `RewriteRule` follows this condition and {more} more: they guard nothing"),
    };
    let finding = certain(&RULE, message, *first).help("put it in front of the rule that it belongs to");
    Some(others.iter().fold(finding, |finding, other| finding.related(*other, "waits for the same rule")))
}

struct Level<'a> {
    items: std::slice::Iter<'a, Item>,
    pending: Vec<Span>,
    transparent: bool,
}

/// Conditions that no rule follows, those together that wait for the same one.
fn dangling(facts: &Facts<'_>, tree: &Tree, whole: bool) -> Vec<Vec<Span>> {
    let mut found = Vec::new();
    let mut levels = vec![Level { items: tree.items.iter(), pending: Vec::new(), transparent: !whole }];
    while let Some(level) = levels.last_mut() {
        match level.items.next() {
            Some(Item::Directive(directive)) => match &directive.block {
                Some(block) => {
                    let transparent = is_any(facts, directive, &TRANSPARENT);
                    let pending = if transparent { std::mem::take(&mut level.pending) } else { Vec::new() };
                    levels.push(Level { items: block.items.iter(), pending, transparent });
                }
                None if words::is(facts, directive, "RewriteCond") => level.pending.push(directive.span),
                None if is_any(facts, directive, &["RewriteRule", "Use"]) => level.pending.clear(),
                None if is_any(facts, directive, &["Include", "IncludeOptional"]) && brings_rules(facts, directive) => {
                    level.pending.clear();
                }
                None => {}
            },
            Some(_) => {}
            None => {
                let Some(done) = levels.pop() else { break };
                match levels.last_mut() {
                    Some(outer) if done.transparent => outer.pending.extend(done.pending),
                    _ if done.transparent => {}
                    _ => found.push(done.pending),
                }
            }
        }
    }
    found
}

/// Whether the files included here may begin with a rule: one does have rules outside of sections, or one is not here.
fn brings_rules(facts: &Facts<'_>, include: &Directive) -> bool {
    let missing = facts.program.notes.iter().any(|note| note.directive.to_ascii_lowercase().starts_with("include"));
    let pattern = include.args.first().map(|word| String::from_utf8_lossy(facts.word(word)).into_owned());
    // Where the server's folder is does not matter for telling its files apart.
    let pattern = pattern.and_then(|text| glob::Pattern::new(&format!("**/{}", text.trim_start_matches('/'))).ok());
    let named = |tree: &&Tree| {
        let path = facts.sources.file(tree.file).path();
        pattern.as_ref().is_none_or(|pattern| path.ancestors().any(|path| pattern.matches_path(path)))
    };
    let is_rule = |item: &Item| matches!(item, Item::Directive(one) if words::is(facts, one, "RewriteRule"));
    missing || facts.trees.iter().skip(1).filter(named).any(|tree| tree.items.iter().any(is_rule))
}

fn is_any(facts: &Facts<'_>, directive: &Directive, names: &[&str]) -> bool {
    names.iter().any(|name| words::is(facts, directive, name))
}
