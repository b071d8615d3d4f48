//! See the page of [`RULE`].

use super::make::{Also, by_proof};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};

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
    /// ```nginx good
    /// location = /promo {
    ///     add_header Cache-Control "max-age=60";
    ///     return 302 /spring;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: where the header comes from decides how to except redirects from it.
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
        fix: FixKind::None,
        check: check,
    }
}

/// Seconds from which on a stored redirect is called long-lived.
const LONG: u64 = 3600;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled && matches!(route.status(), Some(302 | 303 | 307))) {
        let long = facts.proofs(route).iter().find_map(|proof| {
            let fresh = proof.answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"cache-control"));
            let seconds = fresh.filter_map(|(_, value)| freshness(value)).max()?;
            (seconds > LONG).then_some((proof, seconds))
        });
        if let Some((proof, seconds)) = long {
            let message = format!("this temporary redirect may be stored for {seconds} seconds");
            findings.push(by_proof(&RULE, proof, message, route.span).help("leave redirects out of the cache header, or send 301 if the move is for good"));
        }
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
