//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::steer::How;
use crate::diagnostic::{Finding, Severity};

declare! {
    /// A request chooses the host it is redirected to.
    ///
    /// ## What it does
    /// Puts a stranger's address wherever a redirect's target looks: arguments, cookies, headers, the path. Reports
    /// redirects that lead there.
    ///
    /// ## Why is this bad?
    /// A link to your site takes the reader to the attacker's, with your name in front.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine on
    /// RewriteCond %{QUERY_STRING} (?:^|&)url=([^&]+)
    /// RewriteRule ^go$ %1 [R=302,L,NE]
    /// ```
    /// ```nginx bad also=redirect-missing-target
    /// location = /go {
    ///     return 302 $arg_url;
    /// }
    /// ```
    /// Let requests name a destination, not spell it:
    /// ```htaccess good
    /// RewriteEngine on
    /// RewriteCond %{QUERY_STRING} (?:^|&)to=docs(?:&|$)
    /// RewriteRule ^go$ https://docs.example.com/ [R=302,L,QSD]
    /// ```
    /// ```nginx good
    /// location = /go {
    ///     if ($arg_to = docs) {
    ///         return 302 https://docs.example.com/;
    ///     }
    ///     return 404;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix: which destinations are allowed is for the author to say.
    ///
    /// ## Traps
    /// Request text behind a fixed host and a slash is fine, and so is a `map` of allowed destinations. Where a test
    /// of the host stands in front and does not hold, `weak-redirect-allowlist` tells it.
    ///
    /// ## Sources
    /// CWE-601; OWASP, Unvalidated Redirects and Forwards.
    RULE {
        name: "open-redirect-parameter",
        group: Group::InjectionSecurity,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for steered in facts.steered().iter().filter(|one| one.how == How::Whole && one.allowed_by.is_none()) {
        let Some(route) = facts.routes().get(steered.route) else { continue };
        let message = format!("a request can lead this redirect to any host, here `{}`", lossy(&steered.host));
        findings.push(
            by_proof(&RULE, &steered.proof, message, route.span)
                .help("let the request name one of a fixed list of destinations"),
        );
    }
}
