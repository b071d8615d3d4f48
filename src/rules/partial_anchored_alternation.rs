//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, with_confidence, replace};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::expression::{self, Choices, Kind, Node};
use crate::analysis::guard::Dimension;
use crate::analysis::routes::PathKind;
use crate::analysis::uses::{On, Use, uses};
use crate::analysis::witness::Proof;
use crate::diagnostic::{Confidence, Finding, Severity, Applicability, Edit};

declare! {
    /// `^a|b$`: each anchor binds to one alternative only.
    ///
    /// ## What it does
    /// Finds alternatives without a group around them whose first has `^` and whose last has `$`, and no other.
    ///
    /// ## Why is this bad?
    /// `^www\.a\.com|b\.com$` means "begins with www.a.com, or ends with b.com": `evil-b.com` and `www.a.com.evil`
    /// match too.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^foo|bar$ /x [R=301,L]
    /// ```
    /// ```nginx bad
    /// rewrite ^/foo|/bar$ /x permanent;
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^(?:foo|bar)$ /x [R=301,L]
    /// RewriteRule ^tmp/|\.ini$ - [R=404]
    /// ```
    /// ```nginx good
    /// rewrite ^/(?:foo|bar)$ /x permanent;
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the alternatives are put into a group between the anchors. The pattern may be meant as it stands.
    ///
    /// ## Traps
    /// Where every alternative has an anchor of the same kind, nothing is reported; where only the first has `^`, or
    /// only the last has `$`, it is a note. A folder beside an ending, `^tmp/|\.ini$`, is meant as it stands.
    ///
    /// ## Sources
    /// PCRE2 pattern syntax, vertical bar.
    RULE {
        name: "partial-anchored-alternation",
        group: Group::Regex,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for one in uses(facts, |one| one.regex.text.contains(&b'|')) {
        let tree = expression::of(one.regex);
        let branches = tree.branches();
        let Some(classic) = partial(&branches) else { continue };
        let message = format!("the anchors of `{}` bind to one alternative only", lossy(&one.regex.text));
        let at = words::place(facts, one.regex);
        let proof = if classic { beside(facts, &one, &branches) } else { None };
        let finding = match proof {
            Some(proof) => by_proof(&RULE, &proof, message, at),
            None => with_confidence(&RULE, Confidence::Possible, message, at),
        };
        findings.push(
            finding
                .help("put the alternatives into a group: `^(?:a|b)$`")
                .mend(Applicability::Unsafe, "put the alternatives into a group", grouped(facts, &one)),
        );
    }
}

/// Whether the anchors stand at the two ends only; `None` where they are no partial ones.
fn partial(branches: &[&Node]) -> Option<bool> {
    let (first, last) = (branches.first()?, branches.last()?);
    let starts = branches.iter().filter(|branch| branch.anchored_start()).count();
    let ends = branches.iter().filter(|branch| branch.anchored_end()).count();
    // `^$|…` asks for the empty text on its own, and a bare piece in the middle is rarely meant with anchors.
    let empty = branches.iter().any(|branch| branch.sequence().iter().all(|node| node.is_assertion()));
    if branches.len() < 2 || empty {
        return None;
    }
    let only_first = starts == 1 && first.anchored_start();
    let only_last = ends == 1 && last.anchored_end();
    match (only_first, only_last) {
        // `^tmp/|\.ini$`: a folder, or an ending.
        (true, true) if is_folder(first) && is_ending(last) => None,
        (true, true) if !first.anchored_end() && !last.anchored_start() => Some(true),
        (true, false) if ends == 0 => Some(false),
        (false, true) if starts == 0 && !is_ending(last) => Some(false),
        _ => None,
    }
}

/// `\.php$`: a file's ending beside other things is often meant.
fn is_ending(branch: &Node) -> bool {
    branch.sequence().first().is_some_and(|node| node.plain_byte() == Some(b'.') || !matches!(node.kind, Kind::Literal { .. }))
}

/// `^tmp/`
fn is_folder(branch: &Node) -> bool {
    branch.sequence().last().is_some_and(|node| node.plain_byte() == Some(b'/'))
}

/// A request that passes because an anchor is missing.
fn beside(facts: &Facts<'_>, one: &Use<'_, '_>, branches: &[&Node]) -> Option<Proof> {
    let sample = |node: &Node| expression::sample(node, Choices::default());
    let behind = [sample(branches.first()?).as_slice(), b"-other"].concat();
    let last = sample(branches.last()?);
    let matches = |text: &[u8]| one.regex.compiled().is_ok_and(|compiled| compiled.is_match(text).unwrap_or(false));
    match &one.on {
        On::Path(PathKind::Relative) if one.own => {
            let path = [one.route.mount.as_deref()?, &behind].concat();
            facts.proof_at(one.route, &path)
        }
        On::Path(PathKind::Url) if one.own && behind.starts_with(b"/") => facts.proof_at(one.route, &behind),
        On::Other(Dimension::Host) if !one.negated => {
            let host = [&b"other-"[..], &last].concat();
            let known = facts.proofs(one.route).first()?;
            if matches(&host) { facts.prove(one.route, known.with_host(&host)) } else { None }
        }
        _ => None,
    }
}

/// The whole pattern between the anchors it has.
fn grouped(facts: &Facts<'_>, one: &Use<'_, '_>) -> Option<Vec<Edit>> {
    let text = &one.regex.text;
    let inner = text.strip_prefix(b"^").unwrap_or(text);
    let inner = inner.strip_suffix(b"$").filter(|rest| !rest.ends_with(b"\\")).unwrap_or(inner);
    let grouped = [b"^(?:", inner, b")$"].concat();
    Some(vec![replace(words::piece(facts, one.regex, 0, text.len())?, grouped)])
}
