//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::steer::How;
use crate::diagnostic::{Finding, Severity};

declare! {
    /// A request can make a relative `Location` begin with two slashes, which names another host.
    ///
    /// ## What it does
    /// Asks redirects to a path for `//evil.example/`, where the path is taken from the request as it came.
    ///
    /// ## Why is this bad?
    /// `Location: //evil.example/` leads to another host over the same scheme.
    ///
    /// ## Example
    /// ```nginx bad also=redirect-missing-target
    /// server {
    ///     listen 80;
    ///     server_name example.com;
    ///     absolute_redirect off;
    ///     if ($request_uri ~ ^([^?]*)/$) {
    ///         return 301 $1;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     server_name example.com;
    ///     absolute_redirect off;
    ///     rewrite ^(.+)/$ $1 permanent;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix.
    ///
    /// ## Traps
    /// With `absolute_redirect on` the host is written in front: silent. `$uri` has its slashes merged unless
    /// `merge_slashes off`. Apache writes the host in front, and with `RedirectRelative On` merges the slashes even where
    /// `MergeSlashes Off` keeps them elsewhere, so that the rule has nothing to ask there.
    ///
    /// ## Sources
    /// RFC 3986 section 4.2; CWE-601; nginx `absolute_redirect`, `merge_slashes`.
    RULE {
        name: "open-redirect-double-slash",
        group: Group::InjectionSecurity,
        severity: Severity::Warning,
        servers: Servers::Nginx,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for steered in facts.steered().iter().filter(|one| one.how == How::DoubleSlash) {
        let Some(route) = facts.routes().get(steered.route) else { continue };
        let message = format!("a path with two slashes leads this redirect to another host, `{}`", lossy(&steered.host));
        findings.push(
            by_proof(&RULE, &steered.proof, message, route.span)
                .help("take the path from `$uri`, whose slashes are merged, or write the host"),
        );
    }
}
