//! See the page of [`RULE`].

use super::make::{Also, by_proof};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Finding, Severity};

declare! {
    /// A request can put a line break into `Location`, and headers of its own behind it.
    ///
    /// ## What it does
    /// Finds redirects made of decoded text (`$uri`, `$document_uri`, captures of the path) by sending paths with
    /// `%0d%0a`, and reports those whose `Location` then holds a raw CR or LF.
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
    /// escapes, and answers 500 where it may not. `add_header` values are not looked at.
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
}
