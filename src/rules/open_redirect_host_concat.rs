//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::steer::How;
use crate::diagnostic::{Finding, Severity};

declare! {
    /// Request text goes on right where the target's host ends.
    ///
    /// ## What it does
    /// Finds targets with a fixed host and no `/` behind it, where what follows comes from the request and need not
    /// begin with a slash.
    ///
    /// ## Why is this bad?
    /// `/.evil.example` makes `https://example.com` into `https://example.com.evil.example`. And ordinary paths
    /// become `https://example.compage`.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect 301 / https://shop.example.net
    /// ```
    /// ```nginx bad
    /// rewrite ^/(.*)$ https://shop.example.net$1 permanent;
    /// ```
    /// ```htaccess good
    /// Redirect 301 / https://shop.example.net/
    /// ```
    /// ```nginx good
    /// rewrite ^/(.*)$ https://shop.example.net/$1 permanent;
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix yet: put a `/` behind the host.
    ///
    /// ## Traps
    /// `$request_uri` and `$uri` begin with a slash, and so does `$1` of `^(.*)$` in a virtual host: silent.
    ///
    /// ## Sources
    /// CWE-601; mod_alias, `Redirect`.
    RULE {
        name: "open-redirect-host-concat",
        group: Group::InjectionSecurity,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for steered in facts.steered().iter().filter(|one| one.how == How::Concat && one.allowed_by.is_none()) {
        let Some(route) = facts.routes().get(steered.route) else { continue };
        let message =
            format!("no `/` ends the target's host, so a request can go on with it, here to `{}`", lossy(&steered.host));
        findings.push(by_proof(&RULE, &steered.proof, message, route.span).help("put a `/` behind the host"));
    }
}
