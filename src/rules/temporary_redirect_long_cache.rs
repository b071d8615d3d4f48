//! See the page of [`RULE`].

use super::make::{Also, by_proof, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A temporary redirect is sent with a header that lets it be stored for long.
    ///
    /// ## What it does
    /// Finds 302, 303 and 307 whose answer carries `Cache-Control` with more than an hour of `max-age` or `s-maxage`.
    ///
    /// ## Why is this bad?
    /// Temporary redirects are not stored unless a header says so. A blanket cache header says so, and the redirect stays
    /// with visitors long after it was taken back.
    ///
    /// ## Example
    /// ```nginx bad
    /// location = /promo {
    ///     add_header Cache-Control "public, max-age=31536000";
    ///     return 302 /spring;
    /// }
    /// ```
    /// ```nginx bad
    /// server {
    ///     expires 1y;
    ///     location = /promo {
    ///         return 302 /spring;
    ///     }
    /// }
    /// ```
    /// ```htaccess bad
    /// Header always set Cache-Control "max-age=31536000"
    /// Redirect 302 /promo /spring
    /// ```
    /// ```nginx good
    /// location = /promo {
    ///     add_header Cache-Control "max-age=60";
    ///     return 302 /spring;
    /// }
    /// ```
    /// ```htaccess bad
    /// Header always set Cache-Control "public, max-age=31536000"
    /// Redirect 302 /promo /spring
    /// ```
    /// ```htaccess good
    /// Header set Cache-Control "public, max-age=31536000"
    /// Redirect 302 /promo /spring
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: in nginx the location of the redirect goes without the header, or with `expires off`; in Apache the header
    /// goes without `always`, and with content only. Not where several headers are in question, nor for an `add_header`
    /// around the location, which would take the others along.
    ///
    /// ## Traps
    /// Apache's `Header set` without `always` does not reach redirects; the rule looks at what is really sent.
    ///
    /// ## Sources
    /// RFC 9110 section 15.1; RFC 9111 section 3.
    RULE {
        name: "temporary-redirect-long-cache",
        group: Group::Status,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Seconds from which on a stored redirect is called long-lived.
const LONG: u64 = 3600;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let headers = facts.program.scopes.iter().flat_map(|scope| &scope.settings.headers.items);
    let stored = headers.filter(|header| header.name.eq_ignore_ascii_case(b"cache-control"));
    let sources: FxHashSet<Span> = stored.map(|header| header.span).collect();
    if sources.is_empty() {
        return;
    }
    for route in facts.routes().redirects().filter(|route| route.enabled && matches!(route.status(), Some(302 | 303 | 307))) {
        let long = facts.proofs(route).iter().find_map(|proof| {
            let fresh = proof.answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"cache-control"));
            let seconds = fresh.filter_map(|(_, value)| freshness(value)).max()?;
            (seconds > LONG).then_some((proof, seconds))
        });
        if let Some((proof, seconds)) = long {
            let message = format!("this temporary redirect may be stored for {seconds} seconds");
            let finding = by_proof(&RULE, proof, message, route.span).help("leave redirects out of the cache header, or send 301 if the move is for good");
            let edits = sources.iter().next().filter(|_| sources.len() == 1).and_then(|only| excepted(facts, route.span, *only));
            findings.push(finding.mend(Applicability::Unsafe, "send the redirect without the cache header", edits));
        }
    }
}

/// The redirect without the header.
fn excepted(facts: &Facts<'_>, redirect: Span, header: Span) -> Option<Vec<Edit>> {
    let (redirect, header) = (facts.directive(redirect)?, facts.directive(header)?);
    if facts.is_apache() {
        let always = header.args.first().filter(|first| facts.word(first).eq_ignore_ascii_case(b"always"))?;
        let next = header.args.get(1)?;
        return Some(vec![replace(Span { end: next.span.start, ..always.span }, "")]);
    }
    let around = facts.parent(redirect).filter(|parent| words::is(facts, parent, "location"))?;
    let same = facts.parent(header).is_some_and(|parent| parent.span == around.span);
    match (words::is(facts, header, "expires"), same) {
        (true, true) => Some(vec![replace(header.args.first()?.span.to(header.args.last()?.span), "off")]),
        (true, false) => mend::first_in(facts, around.span, b"expires off;"),
        (false, true) => mend::remove(facts, header.span),
        (false, false) => None,
    }
}

/// The longest time a `Cache-Control` value allows, in seconds; `None` where it allows none.
fn freshness(value: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(value).to_ascii_lowercase();
    let words: Vec<&str> = text.split(',').map(str::trim).collect();
    if words.iter().any(|word| matches!(*word, "no-store" | "no-cache")) {
        return None;
    }
    let seconds = words.iter().filter_map(|word| word.strip_prefix("max-age=").or_else(|| word.strip_prefix("s-maxage=")));
    seconds.filter_map(|digits| digits.trim_matches('"').parse().ok()).max()
}
