//! See the page of [`RULE`].

use super::make::{Also, by_proof, replace};
use super::{FixKind, Group, Servers, status};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::analysis::routes::Route;
use crate::analysis::target::Host;
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::eval::follow;

declare! {
    /// A move to https or to another host name of the site is sent as temporary.
    ///
    /// ## What it does
    /// Finds redirects that change only the scheme or the host, keep the path, and answer 302, 303 or 307.
    ///
    /// ## Why is this bad?
    /// Such a move is for good. Sent as temporary it is asked for again each time, search engines keep the old address,
    /// and RFC 6797 wants a permanent redirect from http.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{HTTPS} off
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=302,L]
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     server_name a.example;
    ///     return 302 https://$host$request_uri;
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTPS} off
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     server_name a.example;
    ///     return 301 https://$host$request_uri;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: browsers remember a permanent redirect until told otherwise. 302 becomes 301, 307 becomes 308.
    ///
    /// ## Traps
    /// While a move is tried out, a temporary status is right: silence the rule for that time, or name the
    /// paths under `temporary_ok` in `redirlint.yaml`. Redirects that depend on a
    /// cookie, the client or the time are not reported, nor is a move to a host that the configuration does not name.
    ///
    /// ## Sources
    /// RFC 6797 section 7.2; RFC 9110 sections 15.4.2 and 15.4.9.
    RULE {
        name: "temporary-canonical-redirect",
        group: Group::Status,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let Some(sent) = route.status().filter(|status| matches!(status, 302 | 303 | 307)) else { continue };
        let kept = route.target().is_some_and(|target| target.keeps_path && matches!(target.host, Host::Fixed(_) | Host::Request | Host::ServerName));
        if !kept || route.guards.iter().any(|guard| guard.dimensions.iter().any(changes)) {
            continue;
        }
        let Some((proof, what)) = facts.proofs(route).iter().find_map(|proof| Some((proof, moved(facts, route, proof)?))) else { continue };
        if facts.knobs.may_be_temporary(&proof.request.target) {
            continue;
        }
        let better = if sent == 307 { 308 } else { 301 };
        let message = format!("the move to another {what} is permanent, but {sent} says it is temporary");
        let finding = by_proof(&RULE, proof, message, route.span).help(format!("send {better}"));
        findings.push(match status::written(facts, route.span, sent) {
            Some(span) => finding.fix(Applicability::Unsafe, format!("send {better}"), vec![replace(span, better.to_string())]),
            None => finding,
        });
    }
}

fn changes(dimension: &Dimension) -> bool {
    dimension.is_volatile() || matches!(dimension, Dimension::Variable(_) | Dimension::Unknown | Dimension::Query(_))
}

/// What changes, where the path and the query stay; `None` where they do not, or where the host is a stranger's.
fn moved(facts: &Facts<'_>, route: &Route<'_>, proof: &Proof) -> Option<&'static str> {
    let from = url::Url::parse(&String::from_utf8_lossy(&follow::url_of(&proof.request))).ok()?;
    let to = url::Url::parse(&String::from_utf8_lossy(proof.answer.location.as_deref()?)).ok()?;
    if from.path() != to.path() || from.path() == "/" {
        return None;
    }
    let (scheme, host) = (from.scheme() != to.scheme(), from.host_str() != to.host_str());
    if host && !facts.is_own_host(route, to.host_str()?) {
        return None;
    }
    match (scheme, host) {
        (true, true) => Some("scheme and host"),
        (true, false) => Some("scheme"),
        (false, true) => Some("host"),
        (false, false) => None,
    }
}
