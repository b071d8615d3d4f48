//! See the page of [`RULE`].

use super::make::{Also, certain, lossy};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::propose::{connections, host_of, name_of};
use crate::analysis::transport::Entrance;
use crate::analysis::witness::Proof;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::ir::clause::Handler;
use crate::ir::scope::{HeaderAction, Scope};
use crate::ir::site::Site;
use crate::ir::{Effect, SiteId};
use crate::source::Span;
use crate::syntax::Item;

declare! {
    /// A site is served over TLS without Strict-Transport-Security.
    ///
    /// ## What it does
    /// Finds sites with an encrypted listener none of whose scopes sends the header. One finding a site.
    ///
    /// ## Why is this bad?
    /// Without it, the redirect from `http` can be cut out on every visit, and the visitor stays on a plain
    /// connection without noticing.
    ///
    /// ## Example
    /// ```nginx bad
    /// http {
    ///     server {
    ///         listen 443 ssl;
    ///         server_name www.example.com;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         root /srv/www;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// http {
    ///     server {
    ///         listen 443 ssl;
    ///         server_name www.example.com;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         root /srv/www;
    ///         add_header Strict-Transport-Security "max-age=63072000" always;
    ///     }
    /// }
    /// ```
    /// ```apache bad
    /// Listen 443 https
    /// <VirtualHost *:443>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    ///     SSLEngine on
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// Listen 443 https
    /// <VirtualHost *:443>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=63072000"
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: a policy binds visitors for as long as it says, so that the one put in is short (`max-age=300`).
    /// Raise it step by step, and never ask for more than is needed. No fix where plain http is answered by the
    /// same site, or where nginx would lose headers of an outer block.
    ///
    /// ## Traps
    /// A proxy in front or the application behind may send it: set `hsts_upstream`; a site that only hands on to
    /// another server is info. Names without a dot and addresses are left alone, for clients ignore the header
    /// there. A lone `.htaccess` does not show its site: silent. A `server` block without its `http` block is info.
    ///
    /// ## Sources
    /// RFC 6797 sections 7.1 and 8.1.
    RULE {
        name: "hsts-missing",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if facts.knobs.hsts_upstream || facts.refused() || added_unseen(facts) {
        return;
    }
    for (at, site) in facts.program.sites.iter().enumerate() {
        let id = SiteId(at as u32);
        let encrypted = facts.encrypted(id);
        let Some(span) = site.span.filter(|_| encrypted && public(&host_of(site))) else { continue };
        if scopes(facts, id, site).any(sends) {
            continue;
        }
        let only_leads_on = |entrance: &Entrance| entrance.site == id && super::hsts_missing_on_redirect::takes(facts, entrance);
        if facts.entrances().iter().any(|entrance| entrance.proof.request.encrypted && only_leads_on(entrance)) {
            continue;
        }
        let Some(proof) = plain_answer(facts, id) else { continue };
        let who = name_of(site).map_or_else(|| "this server".to_owned(), |name| format!("`{}`", lossy(&name)));
        let mut finding = certain(&RULE, format!("{who} is served over TLS without Strict-Transport-Security"), head(facts, span))
            .help("send it on every answer, first with `max-age=300`, then raise it step by step to `max-age=63072000`");
        finding.witness = Some(proof.witness());
        finding = finding.mend(Applicability::Unsafe, "send a first, short policy", policy(facts, id, span));
        let handed_on = scopes(facts, id, site).any(|scope| matches!(scope.settings.handler, Some(Handler::Dynamic(_) | Handler::Proxy(_))));
        let unsure = handed_on || facts.program.fragment;
        findings.push(if unsure { finding.at_most(Severity::Info) } else { finding });
    }
}

/// A module that is not modelled may add the header.
fn added_unseen(facts: &Facts<'_>) -> bool {
    facts.program.notes.iter().any(|note| {
        let name = note.directive.to_ascii_lowercase();
        note.effect != Effect::None && (name.contains("header") || name.contains("include") || name.contains("lua"))
    })
}

fn scopes<'a>(facts: &Facts<'a>, id: SiteId, site: &'a Site) -> impl Iterator<Item = &'a Scope> {
    let program = facts.program;
    let main = program.sites.iter().filter(|site| site.span.is_none()).map(|site| site.scope);
    let all: Vec<_> = facts.routes().scopes_of(id).chain([site.scope]).chain(main).collect();
    all.into_iter().filter_map(|scope| program.scopes.get(scope.0 as usize))
}

fn sends(scope: &Scope) -> bool {
    scope.settings.headers.items.iter().any(|rule| {
        rule.name.eq_ignore_ascii_case(b"strict-transport-security")
            && !matches!(rule.action, HeaderAction::Unset | HeaderAction::Note)
    })
}

/// A name that a browser may remember a policy for.
fn public(host: &[u8]) -> bool {
    let digits = host.iter().all(|byte| byte.is_ascii_digit() || b".:[]".contains(byte));
    let private = [&b".local"[..], b".localhost", b".internal", b".test", b".lan"].iter().any(|end| host.ends_with(end));
    host.contains(&b'.') && !digits && !private
}

fn plain_answer(facts: &Facts<'_>, site: SiteId) -> Option<Proof> {
    let drafts = connections(facts, site);
    let request = drafts.iter().map(|draft| draft.request()).find(|request| request.encrypted)?;
    let answer = facts.answer(&request);
    hsts::values_in(&answer).is_empty().then_some(Proof { request, answer })
}

fn head(facts: &Facts<'_>, span: Span) -> Span {
    facts.directive(span).map_or(span, |directive| directive.head())
}

/// A policy of five minutes at the head of the site.
fn policy(facts: &Facts<'_>, id: SiteId, site: Span) -> Option<Vec<Edit>> {
    let plain = facts.program.listeners.iter().any(|listener| !listener.encrypted && listener.sites.contains(&id));
    let outer = facts.parent(facts.directive(site)?).and_then(|parent| parent.block.as_ref());
    let header = |item: &Item| matches!(item, Item::Directive(inner) if words::is(facts, inner, "add_header"));
    if plain || outer.is_some_and(|block| block.items.iter().any(header)) {
        return None;
    }
    let line: &[u8] = match facts.is_apache() {
        true => b"Header always set Strict-Transport-Security \"max-age=300\"",
        false => b"add_header Strict-Transport-Security \"max-age=300\" always;",
    };
    mend::first_in(facts, site, line)
}
