//! See the page of [`RULE`].

use super::make::{Also, by_proof};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::routes::{Does, Route};
use crate::analysis::transport::is_redirect;
use crate::diagnostic::{Finding, Severity};
use crate::ir::access::{Access, Clients};
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A redirect is answered before the access rules beside it are looked at.
    ///
    /// ## What it does
    /// Finds `return` and redirecting `rewrite` in a block where access is refused by default (`deny all`, a login).
    ///
    /// ## Why is this bad?
    /// nginx runs the rewrite module first. Everybody gets the redirect, and what its target tells.
    ///
    /// ## Example
    /// ```nginx bad
    /// location /admin {
    ///     allow 10.0.0.0/8;
    ///     deny all;
    ///     return 302 https://intranet.example.com$request_uri;
    /// }
    /// ```
    /// ```nginx good
    /// location /admin {
    ///     allow 10.0.0.0/8;
    ///     deny all;
    ///     root /srv/admin;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix.
    ///
    /// ## Traps
    /// A fixed path as target tells nothing that the request did not: info. A few refused addresses are no access
    /// control in this sense: silent.
    ///
    /// ## Sources
    /// nginx, phases of a request; ngx_http_rewrite_module, ngx_http_access_module.
    RULE {
        name: "redirect-bypasses-access-control",
        group: Group::InjectionSecurity,
        severity: Severity::Warning,
        servers: Servers::Nginx,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told: FxHashSet<Span> = FxHashSet::default();
    for route in facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status())) {
        let Some(scope) = facts.program.scopes.get(route.scope.0 as usize) else { continue };
        let Some(rule) = scope.settings.access.as_ref().and_then(refuses) else { continue };
        let Some(proof) = facts.proofs(route).first().filter(|_| told.insert(route.span)) else { continue };
        let finding = by_proof(&RULE, proof, "this redirect is answered before the access rules are looked at", route.span)
            .related(rule, "asked only for requests that go on")
            .help("redirect in a location of its own, and protect what it leads to");
        findings.push(if tells_nothing(route) { finding.at_most(Severity::Info) } else { finding });
    }
}

/// The rule that refuses by default.
fn refuses(access: &Access) -> Option<Span> {
    match access {
        Access::Denied(span) | Access::Unknown(_, span) | Access::When(_, span) => Some(*span),
        Access::Login(login) => Some(login.span),
        Access::SubRequest(rule) => Some(rule.span),
        Access::Networks(rules) => rules.iter().find(|rule| !rule.allow && reaches_far(rule.clients)).map(|rule| rule.span),
        Access::Each(all) | Access::Any(all) => all.iter().find_map(refuses),
        Access::Granted => None,
    }
}

/// Whether a rule is about the whole of IPv4 at least.
fn reaches_far(clients: Clients) -> bool {
    match clients {
        Clients::Everyone => true,
        Clients::Network(first, last) => last - first >= u128::from(u32::MAX),
        Clients::Sockets => false,
    }
}

/// A fixed path on the same host.
fn tells_nothing(route: &Route<'_>) -> bool {
    let Does::Redirect { target, .. } = &route.does else { return false };
    target.stays() && target.literal().is_some_and(|text| text.starts_with(b"/"))
}
