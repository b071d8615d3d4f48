//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::steer::How;
use crate::diagnostic::{Finding, Severity};

declare! {
    /// The test that should admit known hosts to a redirect admits a stranger's, too.
    ///
    /// ## What it does
    /// Where a test of the destination stands in front of a redirect, looks for a foreign address that passes it.
    ///
    /// ## Why is this bad?
    /// A pattern without anchors, or with a bare dot, accepts `https://evil.example/?example.com` as well. The list
    /// looks like protection and is none.
    ///
    /// ## Example
    /// ```nginx bad
    /// location = /go {
    ///     if ($arg_url ~ "https://.*example\.com") {
    ///         return 302 $arg_url;
    ///     }
    ///     return 404;
    /// }
    /// ```
    /// ```nginx good
    /// location = /go {
    ///     if ($arg_url ~ "^https://(?:www\.)?example\.com/") {
    ///         return 302 $arg_url;
    ///     }
    ///     return 404;
    /// }
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{QUERY_STRING} ^url=(https://.*example\.com/.*)$
    /// RewriteRule ^go$ %1 [R=302,L,NE,QSD]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{QUERY_STRING} ^url=(https://www\.example\.com/[a-z/]*)$
    /// RewriteRule ^go$ %1 [R=302,L,NE,QSD]
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix.
    ///
    /// ## Traps
    /// For sub-domains write `^https://([a-z0-9-]+\.)*example\.com/`. The end of the host needs its slash: without
    /// it `example.com.evil.example` passes.
    ///
    /// ## Sources
    /// CWE-601; CWE-777; OWASP, Unvalidated Redirects and Forwards.
    RULE {
        name: "weak-redirect-allowlist",
        group: Group::InjectionSecurity,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for steered in facts.steered() {
        let (Some(test), Some(route)) = (steered.allowed_by, facts.routes().get(steered.route)) else { continue };
        if !matches!(steered.how, How::Whole | How::Concat) {
            continue;
        }
        let message = format!("this test lets `{}` pass, and the redirect leads there", lossy(&steered.host));
        findings.push(
            by_proof(&RULE, &steered.proof, message, test)
                .related(route.span, "leads where the request says")
                .help("anchor the pattern, escape its dots, and end the host with a slash"),
        );
    }
}
