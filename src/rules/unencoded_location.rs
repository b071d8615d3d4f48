//! See the page of [`RULE`].

use super::make::{Also, by_proof, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::analysis::steer::{sends_decoded, spill, stays_escaped};
use crate::analysis::transport::is_redirect;
use crate::analysis::witness::paths;
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::eval::Answer;
use crate::ir::scope::Slot;
use crate::ir::template::Part;
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A `Location` is made of decoded text and sent without escaping it again.
    ///
    /// ## What it does
    /// Sends paths with an escaped space to redirects made of `$uri` or captures (nginx `return`, Apache's `NE`),
    /// and reports those whose `Location` then holds a raw space.
    ///
    /// ## Why is this bad?
    /// The target is no valid URL: clients guess, and an escaped `?` or `%` in the path changes its meaning.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine on
    /// RewriteRule ^a/(.*)$ /b/$1 [R=301,L,NE]
    /// ```
    /// ```nginx bad
    /// location ~ "^/old/([a-z ]+)$" {
    ///     return 301 /new/$1;
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine on
    /// RewriteRule ^a/(.*)$ /b/$1 [R=301,L]
    /// ```
    /// ```nginx good
    /// rewrite ^/old/(.*)$ /new/$1 permanent;
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `NE` is taken off; in nginx `$request_uri` takes the place of `$uri`, and a `return` of captures
    /// becomes a `rewrite` with the location's pattern, which escapes them.
    ///
    /// ## Traps
    /// Captures that admit letters and digits only are fine. Where a line break can get in, too,
    /// `crlf-in-location` tells it. `NE` is right for a literal `#` or `%`: then the finding is a note, and the flags
    /// `B= %?#` and `BNP` beside it escape the captures alone.
    ///
    /// ## Sources
    /// RFC 3986 section 2; RewriteRule flag `NE`; ngx_http_rewrite_module.
    RULE {
        name: "unencoded-location",
        group: Group::InjectionSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}


fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    // Where a line break gets in, `crlf-in-location` speaks.
    let worse = if facts.is_apache() { &[] } else { facts.broken() };
    let mut told: FxHashSet<Span> = worse.iter().filter_map(|(id, _)| Some(facts.routes().get(*id)?.span)).collect();
    let open = facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status()));
    for route in open.filter(|route| sends_decoded(facts, route)) {
        if told.contains(&route.span) || stays_escaped(route) {
            continue;
        }
        let Some(proof) = spill(facts, route, &paths(route), b" copy", false, spaced) else { continue };
        told.insert(route.span);
        let message = "decoded text of the path is sent in `Location` unescaped, a space as a space";
        let finding = by_proof(&RULE, &proof, message, route.span);
        findings.push(match (facts.is_apache(), needs_raw(route)) {
            (false, _) => finding.mend(Applicability::Unsafe, "send what is escaped", escaped(facts, route)).help("use `rewrite`, which escapes captures, or `$request_uri`"),
            (true, false) => finding.mend(Applicability::Unsafe, "send what is escaped", escaped(facts, route)).help("leave `NE` out"),
            (true, true) if route.slot == Slot::Rewrite => finding.at_most(Severity::Info).help("add `B= %?#` and `BNP` (the flags in quotes): they escape these characters in what is captured, a space as `%20`"),
            (true, true) => finding.at_most(Severity::Info).help("use a `RewriteRule` with `NE`, `B= %?#` and `BNP` (the flags in quotes): they escape these characters in what is captured, a space as `%20`"),
        });
    }
}

/// Whether the target holds what `NE` is there for: a fragment, or escapes that are written out.
fn needs_raw(route: &Route<'_>) -> bool {
    let literal = |part: &Part| matches!(part, Part::Literal(text) if text.iter().any(|byte| matches!(byte, b'#' | b'%')));
    route.target().is_some_and(|target| target.template.parts.iter().any(literal))
}

fn spaced(answer: &Answer) -> bool {
    answer.location.as_deref().is_some_and(|text| text.contains(&b' '))
}

/// The same target, escaped by the server or sent as it came.
pub(super) fn escaped(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let directive = facts.directive(route.span)?;
    if facts.is_apache() {
        let flag = words::flag(facts, directive, "NE", "noescape")?;
        return Some(vec![words::without(facts, directive, &flag)?]);
    }
    [&b"$uri$is_args$args"[..], b"$uri", b"$document_uri"]
        .into_iter()
        .find_map(|name| mend::in_target(facts, route.span, name, b"$request_uri"))
        .or_else(|| as_rewrite(facts, route))
}

/// `return 301 /new/$1;` in `location ~ ^/old/(.*)$` as a `rewrite`; the closing `?` keeps the query out as before.
fn as_rewrite(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let directive = facts.directive(route.span).filter(|directive| words::is(facts, directive, "return"))?;
    let location = facts.parent(directive).filter(|parent| words::is(facts, parent, "location"))?;
    let [kind, pattern] = location.args.as_slice() else { return None };
    let flag = match route.status()? {
        301 => "permanent",
        302 => "redirect",
        _ => return None,
    };
    let case = match facts.word(kind) {
        b"~" => "",
        b"~*" => "(?i)",
        _ => return None,
    };
    let to = facts.text(mend::inside(facts, mend::target(facts, route.span)?));
    let numbered = to.split('$').skip(1).all(|part| part.starts_with(|letter: char| letter.is_ascii_digit()));
    let pattern = facts.text(mend::inside(facts, pattern));
    let text = format!("rewrite \"{case}{pattern}\" \"{to}?\" {flag};");
    (numbered && !pattern.contains('"') && !to.contains('"')).then(|| vec![replace(directive.span, text)])
}
