//! See the page of [`RULE`].

use super::make::{Also, by_proof};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::steer::{sends_decoded, spill};
use crate::analysis::transport::is_redirect;
use crate::diagnostic::{Finding, Severity};
use crate::eval::Answer;
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
    /// No automatic fix: `rewrite` adds the query, which `return` does not.
    ///
    /// ## Traps
    /// Captures that admit letters and digits only are fine. Where a line break can get in, too,
    /// `crlf-in-location` tells it. `NE` is right for a literal `#` or `%`.
    ///
    /// ## Sources
    /// RFC 3986 section 2; RewriteRule flag `NE`; ngx_http_rewrite_module.
    RULE {
        name: "unencoded-location",
        group: Group::InjectionSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

/// Redirects whose patterns are solved for.
const DEEP: usize = 100;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut worse = Vec::new();
    if !facts.is_apache() {
        (super::crlf_in_location::RULE.check)(facts, &mut worse);
    }
    let mut told: FxHashSet<Span> = worse.iter().map(|finding| finding.primary.span).collect();
    let open = facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status()));
    for (at, route) in open.filter(|route| sends_decoded(facts, route)).enumerate() {
        if told.contains(&route.span) {
            continue;
        }
        let Some(proof) = spill(facts, route, b" ", at < DEEP, spaced) else { continue };
        told.insert(route.span);
        findings.push(
            by_proof(&RULE, &proof, "decoded text of the path is sent in `Location` unescaped, a space as a space", route.span)
                .help(if facts.is_apache() { "leave `NE` out" } else { "use `rewrite`, which escapes captures, or `$request_uri`" }),
        );
    }
}

fn spaced(answer: &Answer) -> bool {
    answer.location.as_deref().is_some_and(|text| text.contains(&b' '))
}
