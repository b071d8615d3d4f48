//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::expression::{self, Choices, Kind, Node};
use crate::analysis::routes::{PathKind, Route};
use crate::analysis::uses::{On, Use, uses};
use crate::analysis::witness::Proof;
use crate::diagnostic::{Confidence, Finding, Severity};
use crate::ir::pattern::Regex;
use crate::pcre::MatchError;

declare! {
    /// A short request makes the pattern try more ways than the engine allows.
    ///
    /// ## What it does
    /// Builds a request for each pattern with a repetition inside a repetition, and reports the pattern if PCRE2 gives
    /// up on it.
    ///
    /// ## Why is this bad?
    /// `(a+)+$` can be split in more ways with every letter. One request keeps a worker busy until the match limit is
    /// reached, and is then answered with 500, or as if nothing matched.
    ///
    /// ## Example
    /// ```nginx bad
    /// location ~ ^/(a+)+$ {
    ///     return 301 /x;
    /// }
    /// ```
    /// ```nginx good
    /// location ~ ^/a+$ {
    ///     return 301 /x;
    /// }
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^(a+)+$ /x [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^a+$ /x [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// No fix: the pattern has to be thought over. One of the two repetitions is mostly too many; an atomic group
    /// `(?>…)` or a possessive `++` gives nothing back.
    ///
    /// ## Traps
    /// Only what really reaches the limit is reported, so a pattern that is merely slow is not, nor one that only a
    /// path with `//` or `..` would slow down: the server takes these out first.
    ///
    /// ## Sources
    /// OWASP, regular expression denial of service; PCRE2, match limits.
    RULE {
        name: "catastrophic-backtracking",
        group: Group::Regex,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

/// Patterns tried in one program: each that goes wrong costs as long as the limit allows.
const MAX_TRIED: usize = 24;
/// How often the repeated piece is repeated.
const TURNS: usize = 32;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut tried = 0;
    let repeats = |one: &Use<'_, '_>| one.regex.text.iter().filter(|byte| matches!(byte, b'*' | b'+' | b'{')).count();
    for one in uses(facts, |one| repeats(one) > 1) {
        if tried >= MAX_TRIED {
            break;
        }
        let tree = expression::of(one.regex);
        let Some(nested) = nested(&tree) else { continue };
        tried += 1;
        let arrives = |subject: &[u8]| !matches!(one.on, On::Path(_)) || is_normal(subject);
        let Some(attack) = attack(one.regex, &tree, nested, arrives) else { continue };
        let message = format!("`{}` takes more steps than the engine allows", lossy(&one.regex.text));
        let at = words::piece(facts, one.regex, nested.start, nested.end).unwrap_or(one.regex.span);
        let finding = match shown(facts, &one, &attack) {
            Some(proof) => by_proof(&RULE, &proof, message, at),
            None => with_confidence(&RULE, Confidence::Possible, message, at),
        };
        findings.push(finding.label("a repetition in a repetition").help("leave one of the two repetitions out"));
    }
}

/// A repetition without bound whose inside can repeat too.
fn nested(tree: &Node) -> Option<&Node> {
    let open = |node: &Node| matches!(node.kind, Kind::Repeat { max: None, possessive: false, .. });
    let inner = |node: &Node| node.children().iter().any(|child| child.walk().into_iter().any(open));
    tree.walk().into_iter().find(|node| open(node) && inner(node))
}

/// Whether a path is as the server normalises it: without empty segments, `.` and `..`.
fn is_normal(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let (folders, last) = path.split_at(memchr::memrchr(b'/', path).map_or(0, |at| at + 1));
    let mut segments = folders.split_inclusive(|&byte| byte == b'/').chain([last]);
    !segments.any(|segment| matches!(segment, b"/" | b"./" | b"../" | b"." | b".."))
}

/// A subject on which the engine gives up, of those that can arrive.
fn attack(regex: &Regex, tree: &Node, nested: &Node, arrives: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let compiled = regex.compiled().ok()?;
    let sample = |node: &Node, variant| expression::sample(node, Choices { variant, ..Choices::default() });
    let before: Vec<u8> =
        tree.sequence().iter().take_while(|node| node.end <= nested.start).flat_map(|node| sample(node, 0)).collect();
    let Kind::Repeat { node: inside, .. } = &nested.kind else { return None };
    let ends: [&[u8]; 3] = [b"!", b"/!", b"\x01"];
    let pumps = [sample(inside, 0), sample(inside, 1), b"a".to_vec(), b"a/".to_vec(), b"/".to_vec()];
    for pump in pumps.iter().filter(|pump| !pump.is_empty()) {
        for end in ends {
            let subject = [&before, &pump.repeat(TURNS), end].concat();
            if arrives(&subject) && compiled.is_match(&subject) == Err(MatchError::Limit) {
                return Some(subject);
            }
        }
    }
    None
}

/// The request that carries the subject, with whatever it is answered.
fn shown(facts: &Facts<'_>, one: &Use<'_, '_>, attack: &[u8]) -> Option<Proof> {
    let route: &Route<'_> = one.route;
    let path = match one.on {
        On::Path(PathKind::Url) if attack.starts_with(b"/") => attack.to_vec(),
        On::Path(PathKind::Url) => [&b"/"[..], attack].concat(),
        On::Path(PathKind::Relative) => [route.mount.as_deref()?, attack].concat(),
        _ => return None,
    };
    let request = facts.proposal_at(route, &path).into_iter().next()?;
    let answer = facts.answer(&request);
    Some(Proof { request, answer })
}
