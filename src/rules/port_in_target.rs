//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::routes::{Host, Place, Route};
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};
use crate::ir::SiteId;
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// The port of the request goes into the target, where it does not fit.
    ///
    /// ## What it does
    /// Finds redirects to the other scheme that copy the request's `Host` with its port (`%{HTTP_HOST}`,
    /// `$http_host`) on a server that listens at an unusual port. Notes nginx servers at such a port that redirect
    /// to a path, which nginx completes with the port.
    ///
    /// ## Why is this bad?
    /// `http://h:8080/` is sent to `https://h:8080/`, where nobody speaks TLS. And behind a proxy nobody outside can
    /// reach the port that nginx writes.
    ///
    /// ## Example
    /// ```nginx bad
    /// events {}
    /// http {
    ///     server {
    ///         listen 8080;
    ///         server_name example.com;
    ///         return 301 https://$http_host$request_uri;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// events {}
    /// http {
    ///     server {
    ///         listen 8080;
    ///         server_name example.com;
    ///         return 301 https://$host$request_uri;
    ///     }
    /// }
    /// ```
    /// ```apache bad
    /// Listen 8080
    /// <VirtualHost *:8080>
    ///     ServerName www.example.com
    ///     RewriteEngine On
    ///     RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// Listen 8080
    /// <VirtualHost *:8080>
    ///     ServerName www.example.com
    ///     RewriteEngine On
    ///     RewriteRule ^ https://www.example.com%{REQUEST_URI} [R=301,L]
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `$host` has no port, so a service that really speaks TLS at the same port is not reached any more.
    ///
    /// ## Traps
    /// At port 80 the `Host` has no port and nothing is reported.
    ///
    /// ## Sources
    /// nginx core module, `port_in_redirect` and `absolute_redirect`; RFC 9110 section 7.2.
    RULE {
        name: "port-in-target",
        group: Group::Correctness,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let unusual: FxHashSet<SiteId> = facts
        .program
        .listeners
        .iter()
        .filter(|listener| listener.port.is_some_and(|port| !matches!(port, 0 | 80 | 443)))
        .flat_map(|listener| listener.sites.iter().copied())
        .collect();
    let mut noted: FxHashSet<SiteId> = FxHashSet::default();
    for route in facts.routes().redirects().filter(|route| route.enabled && unusual.contains(&route.site)) {
        let Some(target) = route.target() else { continue };
        match (&target.host, target.place) {
            (Host::Request, Place::Absolute) => findings.extend(leaked(facts, route)),
            (Host::Same, Place::Path) if !facts.is_apache() && !noted.contains(&route.site) => {
                if let Some(found) = completed(facts, route) {
                    noted.insert(route.site);
                    findings.push(found);
                }
            }
            _ => {}
        }
    }
}

/// A redirect to the other scheme with the request's port.
fn leaked(facts: &Facts<'_>, route: &Route<'_>) -> Option<Finding> {
    let (proof, port) = facts.proofs(route).iter().find_map(|proof| {
        let port = port_of(proof.host())?;
        let to_other = proof.location().starts_with(b"https:") != proof.request.encrypted;
        (to_other && authority(proof).ends_with(&port)).then_some((proof, port))
    })?;
    let message = format!("the request's port `{}` goes along to the other scheme", lossy(&port));
    let help = if facts.is_apache() { "use `%{SERVER_NAME}`, or the name itself" } else { "use `$host`, which has no port" };
    let finding = by_proof(&RULE, proof, message, route.span).help(help);
    let text = facts.sources.text(route.span);
    Some(match memchr::memmem::find(text, b"$http_host") {
        Some(at) => {
            let start = route.span.start as usize + at;
            let span = Span::new(route.span.file, start, start + b"$http_host".len());
            let edit = super::make::replace(span, "$host");
            finding.fix(Applicability::Unsafe, "use the host without its port", vec![edit])
        }
        None => finding,
    })
}

/// A path that nginx completes with a port.
fn completed(facts: &Facts<'_>, route: &Route<'_>) -> Option<Finding> {
    let proof = facts.proofs(route).iter().find(|proof| port_of(authority(proof)).is_some())?;
    let message = "nginx completes this path with the port it listens at, which nobody reaches behind a proxy";
    let mut finding = by_proof(&RULE, proof, message, route.span).help("`absolute_redirect off;` or `port_in_redirect off;`");
    finding.severity = Confidence::Possible.lower(RULE.severity);
    Some(finding)
}

/// `:` and digits at the end.
fn port_of(host: &[u8]) -> Option<Vec<u8>> {
    let at = host.iter().rposition(|&byte| byte == b':')?;
    let port = host.get(at..)?;
    (port.len() > 1 && port.iter().skip(1).all(u8::is_ascii_digit)).then(|| port.to_vec())
}

fn authority(proof: &Proof) -> &[u8] {
    proof.location().split(|&byte| byte == b'/').nth(2).unwrap_or_default()
}
