//! See the page of [`RULE`].

use super::make::{Also, certain, lossy, replace};
use super::{FixKind, Group, Servers};
use crate::analysis::propose::host_of;
use crate::analysis::transport::host_asked;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::ir::SiteId;
use crate::source::Span;

declare! {
    /// `preload` commits the domain and all names below it for months.
    ///
    /// ## What it does
    /// Tells, wherever a policy says `preload`, what that means, and names the hosts of the configuration below the
    /// domain that have no TLS.
    ///
    /// ## Why is this bad?
    /// The list is built into browsers. Every name below the domain, internal ones included, must answer over https
    /// from then on, and removal takes months to arrive. The list's own site advises against it as a default.
    ///
    /// ## Example
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=63072000; includeSubDomains; preload" always;
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     server_name example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=63072000; includeSubDomains" always;
    /// }
    /// ```
    /// ```apache bad
    /// Listen 80
    /// Listen 443 https
    /// <VirtualHost *:80>
    ///     ServerName example.com
    ///     Redirect permanent / https://example.com/
    /// </VirtualHost>
    /// <VirtualHost *:443>
    ///     ServerName example.com
    ///     DocumentRoot /srv/www
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=63072000; includeSubDomains; preload"
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// Listen 80
    /// Listen 443 https
    /// <VirtualHost *:80>
    ///     ServerName example.com
    ///     Redirect permanent / https://example.com/
    /// </VirtualHost>
    /// <VirtualHost *:443>
    ///     ServerName example.com
    ///     DocumentRoot /srv/www
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=63072000; includeSubDomains"
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// Dropping `preload` changes nothing for clients, which ignore the word, but a domain that is on the list
    /// may be taken off it: for a human to confirm.
    ///
    /// ## Traps
    /// A domain that is on the list has to keep the word: suppress the finding with a reason.
    ///
    /// ## Sources
    /// hstspreload.org, on preloading and on removal; RFC 6797 section 11.4.
    RULE {
        name: "hsts-preload-consequences",
        group: Group::HstsSecurity,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for stated in facts.sts_values().into_iter().filter(|stated| hsts::parse(&stated.text).0.preload) {
        let message = "`preload` binds the domain and every name below it to https for months, even after it is removed";
        let mut finding = certain(&RULE, message, stated.span).help("keep it only if the whole domain is ready; a policy protects without it");
        if let Some(proof) = facts.sts_proof(&stated.text) {
            for (name, at) in unready(facts, &host_asked(&proof.request)).into_iter().take(5) {
                finding = finding.related(at, format!("`{}` has no TLS here", lossy(&name)));
            }
        }
        let word = facts.text(stated.span);
        let fixed = without_preload(&word);
        if fixed != word && stated.rule.value.as_literal().is_some() {
            finding = finding.fix(Applicability::Unsafe, "drop `preload`", vec![replace(stated.span, fixed)]);
        }
        findings.push(finding);
    }
}

fn without_preload(word: &str) -> String {
    let quote: String = word.chars().next().filter(|first| matches!(first, '"' | '\'')).into_iter().collect();
    let inner = word.trim_matches(['"', '\'']);
    let parts = inner.split(';').filter(|part| !part.trim().eq_ignore_ascii_case("preload"));
    format!("{quote}{}{quote}", parts.collect::<Vec<_>>().join(";"))
}

/// Hosts below the entrance's domain that are served without TLS only.
fn unready(facts: &Facts<'_>, host: &[u8]) -> Vec<(Vec<u8>, Span)> {
    let below = [b".", host].concat();
    let sites = facts.program.sites.iter().enumerate();
    let plain = sites.filter(|(at, _)| !facts.encrypted(SiteId(*at as u32)));
    let named = plain.filter_map(|(_, site)| Some((host_of(site), site.span?)));
    let ready = |host: &[u8]| facts.entrances().iter().any(|other| other.proof.request.encrypted && other.host == host);
    let found = named.filter(|(host, _)| host.ends_with(&below) && !ready(host));
    found.map(|(host, span)| (host, facts.directive(span).map_or(span, |directive| directive.head()))).collect()
}
