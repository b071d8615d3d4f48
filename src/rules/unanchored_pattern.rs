//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, replace, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::expression::{self, Choices, Kind, Node};
use crate::analysis::guard::Dimension;
use crate::analysis::routes::{PathKind, PathPattern, Route};
use crate::analysis::uses::{On, uses};
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Confidence, Edit, Finding, Severity};
use crate::ir::pattern::Regex;
use crate::ir::template::Part;
use rustc_hash::FxHashSet;

declare! {
    /// A redirect's pattern has no `^`, so it matches in the middle of other paths.
    ///
    /// ## What it does
    /// Finds redirects to one page whose pattern is a piece of a path without `^` in front.
    ///
    /// ## Why is this bad?
    /// `RedirectMatch /three /four` redirects `/x/three/y` too. Patterns are searched anywhere in the path.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RedirectMatch 301 /three /four
    /// ```
    /// ```nginx bad
    /// rewrite /old /new permanent;
    /// ```
    /// ```htaccess good
    /// RedirectMatch 301 ^/three$ /four
    /// ```
    /// ```nginx good
    /// rewrite ^/old$ /new permanent;
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `^` and `$` are put around the pattern, so that just this path matches. Which of the paths were
    /// meant is known to the author only.
    ///
    /// ## Traps
    /// Patterns for a file's ending (`\.php$`) need no `^`. A pattern that is closed with `$` is a note only, and so
    /// is one that keeps a part of the path. Of conditions only those on the method are looked at, for a note.
    ///
    /// ## Sources
    /// mod_alias `RedirectMatch`; mod_rewrite; nginx `rewrite`.
    RULE {
        name: "unanchored-pattern",
        group: Group::Regex,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    findings.extend(methods(facts));
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let Some((regex, on)) = own(route).filter(|(regex, _)| !regex.text.starts_with(b"^")) else { continue };
        let tree = expression::of(regex);
        if !is_loose(&tree) || !leads_to_one_page(route) {
            continue;
        }
        let Some(proof) = elsewhere(facts, route, &tree, on) else { continue };
        let message = format!("`{}` is found anywhere in a path, not only at its beginning", lossy(&regex.text));
        let help = match on {
            PathKind::Relative => "begin the pattern with `^`, and close it with `$` if only this path is meant",
            _ => "begin the pattern with `^/`, and close it with `$` if only this path is meant",
        };
        let finding = by_proof(&RULE, &proof, message, words::place(facts, regex))
            .help(help)
            .mend(Applicability::Unsafe, "anchor the pattern", anchored(facts, regex, on, &tree));
        findings.push(if tree.anchored_end() { finding.at_most(Severity::Info) } else { finding });
    }
}

/// A note on each pattern that names methods without anchors: harmless as methods go, and easily written as it is meant.
fn methods<'f>(facts: &'f Facts<'_>) -> impl Iterator<Item = Finding> + 'f {
    let mut told = FxHashSet::default();
    let on_method = uses(facts, |one| one.on == On::Other(Dimension::Method));
    let loose = on_method.into_iter().filter(move |one| {
        let tree = expression::of(one.regex);
        let letters = tree.sequence().iter().all(|node| node.plain_byte().is_some_and(|byte| byte.is_ascii_uppercase()));
        letters && told.insert(&one.regex.text)
    });
    loose.map(|one| {
        let text = lossy(&one.regex.text);
        let message = format!("`{text}` is found anywhere in a method, not only as the whole of it");
        with_confidence(&RULE, Confidence::Possible, message, words::place(facts, one.regex)).help(format!("write `={text}`"))
    })
}

fn own<'a>(route: &Route<'a>) -> Option<(&'a Regex, PathKind)> {
    route.paths.iter().find(|test| test.own && !test.negated).and_then(|test| match test.pattern {
        PathPattern::Regex(regex) => Some((regex, test.on)),
        _ => None,
    })
}

/// A piece of a path without an anchor in front: some letters, and not just a file's ending.
fn is_loose(tree: &Node) -> bool {
    let sequence = tree.sequence();
    let letters = sequence.iter().filter(|node| node.plain_byte().is_some_and(|byte| byte.is_ascii_alphanumeric())).count();
    let first = sequence.first();
    let opens = first.is_some_and(|node| node.plain_byte().is_some_and(|byte| byte != b'.'));
    !matches!(tree.kind, Kind::Alternation(_)) && opens && letters > 1
}

fn leads_to_one_page(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    !target.keeps_path && target.template.parts.iter().all(|part| matches!(part, Part::Literal(_) | Part::Attribute(_)))
}

/// A request whose path only holds what the pattern names.
fn elsewhere(facts: &Facts<'_>, route: &Route<'_>, tree: &Node, on: PathKind) -> Option<Proof> {
    let text = expression::sample(tree, Choices::default());
    let (before, behind): (&[u8], &[u8]) = (b"/archive/my-", if tree.anchored_end() { b"" } else { b"-list" });
    let before = if text.starts_with(b"/") { b"/archive" } else { before };
    let path = match on {
        PathKind::Relative => {
            let mount = route.mount.as_deref()?;
            [mount, before.get(1..).unwrap_or_default(), &text, behind].concat()
        }
        _ => [before, &text, behind].concat(),
    };
    facts.proof_at(route, &path)
}

/// `^` in front, with the slash that a path begins with, and `$` behind.
fn anchored(facts: &Facts<'_>, regex: &Regex, on: PathKind, tree: &Node) -> Option<Vec<Edit>> {
    let rooted = on == PathKind::Relative || regex.text.starts_with(b"/");
    let end = regex.text.len();
    let mut edits = vec![replace(words::piece(facts, regex, 0, 0)?, if rooted { "^" } else { "^/" })];
    if !tree.anchored_end() {
        edits.push(replace(words::piece(facts, regex, end, end)?, "$"));
    }
    Some(edits)
}
