//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::routes::{Place, Route};
use crate::analysis::transport::{host_asked, is_redirect, leads_to};
use crate::analysis::witness::Proof;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Finding, Severity, Applicability};
use crate::eval::follow::url_of;
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A request over https is redirected to plain http.
    ///
    /// ## What it does
    /// Sends requests over TLS to each redirect and looks at the scheme it answers with.
    ///
    /// ## Why is this bad?
    /// Path, query and cookies go over the wire in the clear, browsers block it inside secure pages, and under
    /// Strict-Transport-Security the browser turns back to https: a loop.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine on
    /// RewriteCond %{HTTP_HOST} ^example\.com$ [NC]
    /// RewriteRule ^(.*)$ http://www.example.com/$1 [R=301,L]
    /// ```
    /// ```nginx bad also=hsts-missing
    /// server {
    ///     listen 443 ssl;
    ///     server_name example.com www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     location = /old {
    ///         return 301 http://www.example.com/new;
    ///     }
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine on
    /// RewriteCond %{HTTP_HOST} ^example\.com$ [NC]
    /// RewriteRule ^(.*)$ https://www.example.com/$1 [R=301,L]
    /// ```
    /// ```nginx good also=hsts-missing
    /// server {
    ///     listen 443 ssl;
    ///     server_name example.com www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     location = /old {
    ///         return 301 https://www.example.com/new;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `https://` is written in the target. Whether it answers over TLS is for its owner to say. No fix where
    /// the redirect would then lead to itself.
    ///
    /// ## Traps
    /// An error where the target is a host of this configuration, a warning where it is a stranger's: there it may
    /// have no TLS. A lone `.htaccess` does not show whether its site has TLS: a warning, and only where the target
    /// is the host that was asked for or its `www.` sibling.
    ///
    /// ## Sources
    /// hstspreload.org, `redirects.insecure`; RFC 6797 section 8.3; Mixed Content.
    RULE {
        name: "https-downgrade",
        group: Group::HstsSecurity,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let seen_site = facts.program.listeners.iter().any(|listener| listener.encrypted);
    let alone = facts.is_piece();
    if !seen_site && !alone || facts.options.scheme.as_deref() == Some("http") {
        return;
    }
    let mut told: FxHashSet<Span> = FxHashSet::default();
    for route in facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status()) && may_be_plain(route)) {
        if !alone && !facts.encrypted(route.site) || told.contains(&route.span) {
            continue;
        }
        let Some((proof, host)) = downgrade(facts, route) else { continue };
        let sibling = related(&host_asked(&proof.request), &host);
        let own = sibling || facts.own_host(&host);
        let severity = match (alone, own) {
            (true, _) if !sibling => continue,
            (true, _) => Severity::Warning,
            (false, true) => Severity::Error,
            (false, false) => Severity::Warning,
        };
        told.insert(route.span);
        let mut message = format!("a request over https is redirected to plain http on `{}`", lossy(&host));
        if !hsts::values_in(&proof.answer).is_empty() && host == host_asked(&proof.request) {
            message.push_str(", and the policy this answer carries turns browsers back");
        }
        let finding = by_proof(&RULE, &proof, message, route.span).at_most(severity);
        findings.push(if undoes(&proof) {
            finding.help("take the redirect out: over https it would lead to itself")
        } else {
            let edits = mend::in_target(facts, route.span, b"http://", b"https://");
            finding.help("write `https://` in the target").mend(Applicability::Unsafe, "write `https://`", edits)
        });
    }
}

/// Whether the target can begin with `http:` at all.
fn may_be_plain(route: &Route<'_>) -> bool {
    route.target().is_some_and(|target| match (&target.scheme, target.place) {
        (Some(scheme), _) => scheme.as_slice() == b"http",
        (None, Place::Dynamic) => true,
        _ => false,
    })
}

/// A request over TLS that is led to plain http, and where.
fn downgrade(facts: &Facts<'_>, route: &Route<'_>) -> Option<(Proof, Vec<u8>)> {
    facts.proofs(route).iter().filter(|proof| proof.request.encrypted).find_map(|proof| {
        let location = proof.answer.location.as_deref()?;
        let (encrypted, host) = leads_to(&proof.request, location)?;
        (!encrypted).then(|| (proof.clone(), host))
    })
}

/// Whether it leads to the same page without TLS and does nothing else.
fn undoes(proof: &Proof) -> bool {
    let asked = url_of(&proof.request);
    asked.strip_prefix(b"https://").is_some_and(|page| proof.location().strip_prefix(b"http://") == Some(page))
}

/// The same host, or one with `www.` in front of the other.
fn related(one: &[u8], other: &[u8]) -> bool {
    one.strip_prefix(b"www.").unwrap_or(one) == other.strip_prefix(b"www.").unwrap_or(other)
}
