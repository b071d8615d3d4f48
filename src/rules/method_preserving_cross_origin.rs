//! See the page of [`RULE`].

use super::make::{Also, by_proof, replace};
use super::{FixKind, Group, Servers, status};
use crate::analysis::Facts;
use crate::analysis::target::Host;
use crate::diagnostic::{Finding, Severity, Applicability};

declare! {
    /// A redirect sends POST bodies on to another site.
    ///
    /// ## What it does
    /// Finds 307 and 308 to a host that is not the site's own, where POST can get there.
    ///
    /// ## Why is this bad?
    /// The browser sends the body again, passwords and files included, to the other site and asks nobody.
    ///
    /// ## Example
    /// ```apache bad
    /// <VirtualHost *:443>
    ///     ServerName a.example
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=63072000"
    ///     Redirect 308 / https://partner.test/
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// <VirtualHost *:443>
    ///     ServerName a.example
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=63072000"
    ///     Redirect 301 / https://partner.test/
    /// </VirtualHost>
    /// ```
    /// ```nginx bad
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name a.example;
    ///         return 308 https://partner.test$request_uri;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name a.example;
    ///         return 301 https://partner.test$request_uri;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: 308 becomes 301, 307 becomes 302, and a POST arrives at the other site as GET. A condition on GET
    /// and HEAD may be better.
    ///
    /// ## Traps
    /// Name your other domains under `hosts` in `redirlint.yaml`, and partners that may have the body under
    /// `known_external_hosts`. Hosts below the same registrable domain are taken as your
    /// own. In a lone `.htaccess` the own host is not known, and the rule is silent.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4.
    RULE {
        name: "method-preserving-cross-origin",
        group: Group::Status,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if facts.partial() && facts.knobs.own_hosts().next().is_none() {
        return;
    }
    for route in facts.routes().redirects().filter(|route| route.enabled && matches!(route.status(), Some(307 | 308))) {
        let Some(Host::Fixed(host)) = route.target().map(|target| &target.host) else { continue };
        let host = String::from_utf8_lossy(host).into_owned();
        if facts.is_own_host(route, &host) || facts.knobs.is_known_external(&host) {
            continue;
        }
        let post = facts.proposals(route).into_iter().find_map(|mut request| {
            request.method = b"POST"[..].into();
            facts.prove(route, request)
        });
        let Some(proof) = post else { continue };
        let message = format!("POST bodies are sent on to `{host}`, another site");
        let sent = route.status().unwrap_or_default();
        let older = if sent == 308 { "301" } else { "302" };
        let edits = status::written(facts, route.span, sent).map(|span| vec![replace(span, older)]);
        let finding = by_proof(&RULE, &proof, message, route.span).help("let only GET and HEAD through, or send 301 or 302");
        findings.push(finding.mend(Applicability::Unsafe, format!("send {older}"), edits));
    }
}
