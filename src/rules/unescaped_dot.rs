//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, replace, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::expression::{self, Choices, Kind, Node};
use crate::analysis::guard::Dimension;
use crate::analysis::uses::{On, Use, uses};
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};
use rustc_hash::FxHashMap;

declare! {
    /// A dot in a host name or file name is a wildcard.
    ///
    /// ## What it does
    /// Finds `.` between the letters of a host pattern, and in front of a file's ending, that is not escaped.
    ///
    /// ## Why is this bad?
    /// `^example.com$` matches `exampleXcom` too. What looks like a list of allowed hosts lets others in.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} ^www.old.example$ [NC]
    /// RewriteRule ^ https://new.example%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```nginx bad
    /// location / {
    ///     if ($host ~ ^www.old.example$) {
    ///         return 301 https://new.example$request_uri;
    ///     }
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} ^www\.old\.example$ [NC]
    /// RewriteRule ^ https://new.example%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```nginx good
    /// location / {
    ///     if ($host = www.old.example) {
    ///         return 301 https://new.example$request_uri;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: a host that was let in by the wildcard is refused afterwards.
    ///
    /// ## Traps
    /// Names of `server_name` and plain locations are no patterns. Dots in file names are a note only, since few sites
    /// have both `indexXhtml` and `index.html`. A pattern that stands at several places is one finding.
    ///
    /// ## Sources
    /// PCRE2 pattern syntax.
    RULE {
        name: "unescaped-dot",
        group: Group::Regex,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

const ENDINGS: [&[u8]; 24] = [
    b"html", b"htm", b"php", b"asp", b"aspx", b"jsp", b"cgi", b"pl", b"pdf", b"xml", b"txt", b"css", b"js", b"jpg",
    b"jpeg", b"png", b"gif", b"svg", b"ico", b"json", b"shtml", b"cfm", b"do", b"zip",
];

/// Further places named in one finding.
const MAX_SHOWN: usize = 5;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    // The same pattern stands above every rule of a list: it is one mistake, and one finding.
    let mut by_text: FxHashMap<(bool, &[u8]), Vec<Use<'_, '_>>> = FxHashMap::default();
    for one in uses(facts, |one| one.regex.text.contains(&b'.')) {
        let host = one.on == On::Other(Dimension::Host);
        let plain = || {
            let beginning = expression::beginning(one.regex);
            beginning.whole || beginning.open
        };
        if (host || matches!(one.on, On::Path(_))) && !plain() {
            by_text.entry((host, &one.regex.text)).or_default().push(one);
        }
    }
    for ((host, _), places) in by_text {
        findings.extend(finding(facts, host, &places));
    }
}

fn finding(facts: &Facts<'_>, host: bool, places: &[Use<'_, '_>]) -> Option<Finding> {
    let one = places.first()?;
    let tree = expression::of(one.regex);
    let dots = dots(&tree, host);
    let &first = dots.first()?;
    let edit = |one: &Use<'_, '_>, at: usize| words::piece(facts, one.regex, at, at + 1).map(|span| replace(span, "\\."));
    let edits: Option<Vec<_>> = places.iter().flat_map(|one| dots.iter().map(move |&at| edit(one, at))).collect();
    let at = words::piece(facts, one.regex, first, first + 1).unwrap_or(one.regex.span);
    let what = if host { "this host name" } else { "this file name" };
    let message = format!("the dot matches any character: `{}` is looser than {what} looks", lossy(&one.regex.text));
    let proof = if host { other_host(facts, one, &tree) } else { None };
    let mut finding = match proof {
        Some(proof) => by_proof(&RULE, &proof, message, at),
        None => with_confidence(&RULE, Confidence::Possible, message, at),
    };
    for other in places.iter().skip(1).take(MAX_SHOWN) {
        finding = finding.related(words::place(facts, other.regex), "the same pattern");
    }
    let finding = finding.help("write `\\.`");
    Some(match edits {
        Some(edits) => finding.fix(Applicability::Unsafe, "escape the dots", edits),
        None => finding,
    })
}

/// Offsets of dots that stand between letters of a name.
fn dots(tree: &Node, host: bool) -> Vec<usize> {
    let mut found = Vec::new();
    for node in tree.walk() {
        let Kind::Concat(nodes) = &node.kind else { continue };
        for (at, dot) in nodes.iter().enumerate() {
            let Kind::Dot(_) = dot.kind else { continue };
            let before = at.checked_sub(1).and_then(|before| nodes.get(before));
            let behind: Vec<u8> = nodes.iter().skip(at + 1).map_while(letter).collect();
            let named = if host {
                before.and_then(letter).is_some() && !behind.is_empty() || (before.is_some_and(|node| matches!(node.kind, Kind::Group(..))) && behind.len() > 1)
            } else {
                before.and_then(letter).is_some() && ENDINGS.iter().any(|ending| behind.eq_ignore_ascii_case(ending))
            };
            if named {
                found.push(dot.start);
            }
        }
    }
    found
}

fn letter(node: &Node) -> Option<u8> {
    match node.kind {
        Kind::Literal { byte, .. } if byte.is_ascii_alphanumeric() || byte == b'-' => Some(byte),
        _ => None,
    }
}

/// A request for another host that passes.
fn other_host(facts: &Facts<'_>, one: &Use<'_, '_>, tree: &Node) -> Option<Proof> {
    let text = expression::sample(tree, Choices::default());
    let other: Vec<u8> = match text.iter().position(|&byte| byte == b'.') {
        // The first dot of the sample may be an escaped one: try each.
        Some(_) => (0..text.len())
            .filter(|&at| text.get(at) == Some(&b'.'))
            .map(|at| text.iter().enumerate().map(|(i, &byte)| if i == at { b'x' } else { byte }).collect::<Vec<u8>>())
            .find(|text| one.regex.compiled().is_ok_and(|compiled| compiled.is_match(text).unwrap_or(false)))?,
        None => return None,
    };
    let known = facts.proofs(one.route).first()?;
    facts.prove(one.route, known.with_host(&other)).filter(|_| !one.negated)
}
