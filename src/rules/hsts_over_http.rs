//! See the page of [`RULE`].

use super::make::{Also, certain, insert_behind};
use super::{FixKind, Group, Servers};
use crate::analysis::transport::{sends, sts_of};
use crate::analysis::{Facts, TlsUpstream, hsts};
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// Strict-Transport-Security is sent over plain http, where clients ignore it.
    ///
    /// ## What it does
    /// Asks each site for `/` over plain http and looks for the header in the answer.
    ///
    /// ## Why is this bad?
    /// A server must not send it there, and clients must ignore it. It looks like protection and is none.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header always set Strict-Transport-Security "max-age=31536000"
    /// ```
    /// ```nginx bad
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name www.example.com;
    ///         add_header Strict-Transport-Security "max-age=31536000" always;
    ///         return 301 https://www.example.com$request_uri;
    ///     }
    /// }
    /// ```
    /// ```htaccess good
    /// Header always set Strict-Transport-Security "max-age=31536000" "expr=%{HTTPS} == 'on'"
    /// ```
    /// ```nginx good
    /// http {
    ///     map $https $policy {
    ///         on "max-age=31536000";
    ///         default "";
    ///     }
    ///     server {
    ///         listen 80;
    ///         server_name www.example.com;
    ///         add_header Strict-Transport-Security $policy always;
    ///         return 301 https://www.example.com$request_uri;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe where the user says that nothing in front ends TLS (`tls_terminated_upstream: no`): only answers over
    /// plain http change. Unsafe otherwise: behind such a proxy the server sees plain http only, and with the
    /// condition the policy would be gone altogether.
    ///
    /// ## Traps
    /// Behind such a proxy leave it alone, or set `hsts_upstream` where the proxy sends it itself. A configuration that
    /// shows a proxy in front (`X-Forwarded-*`, real client addresses) and has no TLS of its own is left alone, and so
    /// is a piece that does not say where it listens: what includes it may listen with TLS.
    ///
    /// ## Sources
    /// RFC 6797 sections 7.2 and 8.1; hstspreload.org, `redirects.http.useless_header`.
    RULE {
        name: "hsts-over-http",
        group: Group::HstsSecurity,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    // Where something in front ends TLS, what arrives as plain http was https to the client.
    if facts.knobs.hsts_upstream || facts.tls_may_end_in_front() {
        return;
    }
    let mut told: FxHashSet<Span> = FxHashSet::default();
    let how = if facts.knobs.tls_upstream == TlsUpstream::No { Applicability::Safe } else { Applicability::Unsafe };
    for door in facts.entrances().iter().filter(|door| !door.proof.request.encrypted && facts.states_listeners(door.site)) {
        let values = hsts::values_in(&door.proof.answer);
        let Some(value) = values.first() else { continue };
        let by_site = facts.site_scopes(door.site);
        let of_site = by_site.iter().flat_map(|(_, scope)| sts_of(scope));
        let sent = |rule: &&crate::ir::scope::HeaderRule| sends(rule) && rule.value.as_literal().is_none_or(|text| text == *value);
        let Some(rule) = of_site.chain(facts.sts_rules()).find(sent) else { continue };
        if !told.insert(rule.span) {
            continue;
        }
        let mut finding = certain(&RULE, "the header is sent over plain http, where it has no effect", rule.span);
        finding.witness = Some(door.proof.witness());
        finding = match facts.directive(rule.span).filter(|_| facts.is_apache() && rule.condition.is_none()) {
            Some(directive) => {
                let end = directive.args.last().map_or(directive.span, |word| word.span);
                let edits = vec![insert_behind(end, " \"expr=%{HTTPS} == 'on'\"")];
                finding.help("send it over https only").fix(how, "send it over https only", edits)
            }
            None => finding.help("move it to the server for https, or feed it from `map $https`"),
        };
        findings.push(finding);
    }
}
