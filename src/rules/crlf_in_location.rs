//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::analysis::steer::{holds_decoded, spill};
use crate::analysis::transport::sends;
use crate::analysis::witness::paths;
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::eval::Answer;
use crate::ir::scope::HeaderRule;
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A request can put a line break into a header of a redirect, and headers of its own behind it.
    ///
    /// ## What it does
    /// Finds redirects made of decoded text (`$uri`, `$document_uri`, captures of the path) by sending paths with
    /// `%0d%0a`, and reports those whose `Location` then holds a raw CR or LF; and those that send such text in a header
    /// of `add_header`.
    ///
    /// ## Why is this bad?
    /// What stands behind the line break is a header of the attacker's: cookies are set, caches poisoned.
    ///
    /// ## Example
    /// ```nginx bad
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com;
    ///         return 301 https://example.com$uri;
    ///     }
    /// }
    /// ```
    /// ```nginx bad
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com;
    ///         add_header X-Moved-From $uri;
    ///         return 301 https://example.com$request_uri;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com;
    ///         return 301 https://example.com$request_uri;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `$request_uri` takes the place of `$uri`, is sent as it came, and carries the query as well, which
    /// is nearly always what was meant. Captures have no fix here where `rewrite` cannot take them.
    ///
    /// ## Traps
    /// A carriage return alone is a warning: only some clients take it for a line break. `.` in a pattern takes a CR, `[^/]` takes both, `[a-z0-9-]` neither. `rewrite` escapes its captures. Apache
    /// escapes, and answers 500 where it may not. The `add_header` of a location that only serves content is not looked at.
    ///
    /// ## Sources
    /// RFC 9110 section 5.5; CWE-113; ngx_http_rewrite_module.
    RULE {
        name: "crlf-in-location",
        group: Group::InjectionSecurity,
        severity: Severity::Error,
        servers: Servers::Nginx,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for (id, proof) in facts.broken() {
        let Some(route) = facts.routes().get(*id) else { continue };
        let feed = proof.answer.location.as_deref().is_some_and(|text| text.contains(&b'\n'));
        let message = match feed {
            true => "a request can put a line break into `Location` and add headers of its own behind it",
            false => "a request can put a raw carriage return into `Location`, which some clients take for a line break",
        };
        let worst = if feed { Severity::Error } else { Severity::Warning };
        findings.push(
            by_proof(&RULE, proof, message, route.span)
                .help("use `$request_uri`, a `rewrite` (which escapes captures), or a pattern that admits no control characters")
                .mend(Applicability::Unsafe, "send what is escaped", super::unencoded_location::escaped(facts, route))
                .at_most(worst),
        );
    }
    in_headers(facts, findings);
}

/// Redirects that are asked for the headers beside them.
const MOST: usize = 200;

/// Headers beside a redirect that hold decoded text, each directive once.
fn in_headers(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told: FxHashSet<Span> = FxHashSet::default();
    for route in facts.routes().redirects().filter(|route| route.enabled && !facts.is_apache()).take(MOST) {
        let Some(scope) = facts.program.scopes.get(route.scope.0 as usize) else { continue };
        for rule in &scope.settings.headers.items {
            if told.contains(&rule.span) || !sends(rule) || !holds_decoded(facts, &rule.value) {
                continue;
            }
            if let Some(finding) = beside(facts, route, rule) {
                told.insert(rule.span);
                findings.push(finding);
            }
        }
    }
}

fn beside(facts: &Facts<'_>, route: &Route<'_>, rule: &HeaderRule) -> Option<Finding> {
    let holds = |byte: u8| {
        move |answer: &Answer| answer.headers.iter().any(|(name, value)| *name == rule.name && value.contains(&byte))
    };
    let paths = paths(route);
    let (proof, severity) = match spill(facts, route, &paths, b"\r\nX-Injected:1", false, holds(b'\n')) {
        Some(proof) => (proof, Severity::Error),
        None => (spill(facts, route, &paths, b"\r", false, holds(b'\r'))?, Severity::Warning),
    };
    let message = format!("a request can put a line break into the header `{}` and add headers of its own behind it", lossy(&rule.name));
    let finding = by_proof(&RULE, &proof, message, rule.span).at_most(severity);
    Some(finding.help("use `$request_uri`, which is sent as it came, or a pattern that admits no control characters"))
}
