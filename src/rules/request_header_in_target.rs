//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::routes::{Host, Route};
use crate::analysis::steer::How;
use crate::analysis::transport::is_redirect;
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::ir::site::SiteName;
use crate::ir::template::{Attribute, Part};
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A redirect's host or scheme is whatever a request header says.
    ///
    /// ## What it does
    /// Finds targets whose host comes from `X-Forwarded-Host` and its like (a warning), and targets with the
    /// request's own `Host` in a server that answers for any name (info).
    ///
    /// ## Why is this bad?
    /// Who can write the header chooses where visitors land; a shared cache may keep the answer for all of them.
    ///
    /// ## Example
    /// ```nginx bad
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com;
    ///         return 301 https://$http_x_forwarded_host$request_uri;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com www.example.com;
    ///         return 301 https://$host$request_uri;
    ///     }
    /// }
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ https://%{HTTP:X-Forwarded-Host}/b [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^a$ https://www.example.com/b [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: a forwarded host gives way to the one that was asked for. A host that any request may name has no
    /// fix: name the hosts in `server_name`, or write the host.
    ///
    /// ## Traps
    /// `$host` in a server with names is idiomatic: silent. A server for many customers' names is meant to answer
    /// for all of them: leave the info alone.
    ///
    /// ## Sources
    /// OWASP, Host header injection; nginx, server names; RFC 9110 section 7.2.
    RULE {
        name: "request-header-in-target",
        group: Group::InjectionSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for steered in facts.steered().iter().filter(|one| one.how == How::Forwarded) {
        let Some(route) = facts.routes().get(steered.route) else { continue };
        let message = format!("a header of the request leads this redirect to `{}`", lossy(&steered.host));
        let finding = by_proof(&RULE, &steered.proof, message, route.span).help("write the host, or use the server's own name");
        findings.push(finding.mend(Applicability::Unsafe, "use the host that was asked for", asked_for(facts, route)));
    }
    if facts.is_piece() {
        return;
    }
    let mut told: FxHashSet<Span> = FxHashSet::default();
    for route in facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status())) {
        if !echoes(route) || !answers_for_any(facts, route) || route.guards.iter().any(|guard| guard.dimensions.contains(&crate::analysis::guard::Dimension::Host)) {
            continue;
        }
        let Some(proof) = facts.proofs(route).first().filter(|_| told.insert(route.span)) else { continue };
        let message = "the target's host is the request's, and this server answers for any name";
        findings.push(
            by_proof(&RULE, proof, message, route.span)
                .at_most(Severity::Info)
                .help("name the hosts this server is for, and let another one refuse the rest"),
        );
    }
}

/// Whether the host of the target is the request's.
fn echoes(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    let is_host = |part: &Part| match part {
        Part::Attribute(Attribute::Host) => true,
        Part::Attribute(Attribute::Header(name) | Attribute::HeaderVariable(name)) => name.eq_ignore_ascii_case(b"host"),
        _ => false,
    };
    target.host == Host::Request || (target.host == Host::Mixed && target.template.parts.iter().any(is_host))
}

/// Whether the route's site has no name of its own and gets what no other site names.
fn answers_for_any(facts: &Facts<'_>, route: &Route<'_>) -> bool {
    let Some(site) = facts.program.sites.get(route.site.0 as usize) else { return false };
    let nameless = site.names.iter().all(|name| matches!(name, SiteName::Exact(text) if text.is_empty() || &text[..] == b"_"));
    let default = facts.program.listeners.iter().any(|listener| listener.default == route.site);
    nameless && default && site.own.host.iter().all(|&byte| byte == b'_')
}

/// `$host` for the forwarded one.
fn asked_for(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let pairs: [(&[u8], &[u8]); 2] =
        [(b"$http_x_forwarded_host", b"$host"), (b"%{HTTP:X-Forwarded-Host}", b"%{HTTP_HOST}")];
    pairs.into_iter().find_map(|(from, to)| mend::in_target(facts, route.span, from, to))
}
