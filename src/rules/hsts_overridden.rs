//! See the page of [`RULE`].

use super::make::{Also, by_proof, certain};
use super::{FixKind, Group, Servers};
use crate::analysis::transport::{is_redirect, sends, sts_of};
use crate::analysis::witness::Proof;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Finding, Severity};
use crate::ir::scope::{HeaderAction, HeaderRule, Scope};
use crate::ir::{ScopeId, SiteId};
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A later or inner directive removes or weakens a Strict-Transport-Security policy.
    ///
    /// ## What it does
    /// Finds a policy that a directive behind it (in the same table) or in an inner block takes away, or replaces
    /// by one with a smaller `max-age` or without `includeSubDomains`.
    ///
    /// ## Why is this bad?
    /// The line that sets the policy reads as if it was in force. A weaker one from any path of the host replaces
    /// what clients remembered: one `max-age=0` switches the policy off for all of it.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header always set Strict-Transport-Security "max-age=31536000" "expr=%{HTTPS} == 'on'"
    /// Header always unset Strict-Transport-Security
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     location / {
    ///         add_header Strict-Transport-Security "max-age=0" always;
    ///     }
    /// }
    /// ```
    /// ```htaccess good
    /// Header onsuccess unset Strict-Transport-Security
    /// Header always set Strict-Transport-Security "max-age=31536000" "expr=%{HTTPS} == 'on'"
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     location / {
    ///         add_header Strict-Transport-Security "max-age=31536000" always;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix: which of the two is meant is not written.
    ///
    /// ## Traps
    /// `Header onsuccess unset` beside `Header always set` is the right way to replace an application's header.
    /// Where no request shows it, info.
    ///
    /// ## Sources
    /// mod_headers, order of processing; ngx_http_headers_module; RFC 6797 section 8.1.
    RULE {
        name: "hsts-overridden",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told: FxHashSet<Span> = FxHashSet::default();
    for (at, site) in facts.program.sites.iter().enumerate() {
        let id = SiteId(at as u32);
        let outer = facts.program.scopes.get(site.scope.0 as usize);
        for (scope_id, scope) in facts.site_scopes(id) {
            let own: Vec<&HeaderRule> = sts_of(scope).collect();
            let outer = outer.filter(|_| scope_id != site.scope);
            for (later, earlier) in overridden(&own, outer) {
                if told.insert(later.span) {
                    findings.push(finding(facts, id, scope_id, later, earlier));
                }
            }
        }
    }
}

/// Directives that take away or weaken another, with that one.
fn overridden<'a>(own: &[&'a HeaderRule], outer: Option<&'a Scope>) -> Vec<(&'a HeaderRule, &'a HeaderRule)> {
    let mut out = Vec::new();
    let outside: Vec<&HeaderRule> = outer.into_iter().flat_map(sts_of).collect();
    for (at, later) in own.iter().enumerate() {
        let inherited = outside.iter().filter(|rule| rule.span != later.span);
        let mut before = own.iter().take(at).chain(inherited).filter(|rule| rule.always == later.always && sends(rule));
        if let Some(earlier) = before.next_back().copied().filter(|earlier| weaker(later, earlier)) {
            out.push((*later, earlier));
        }
    }
    out
}

fn weaker(later: &HeaderRule, earlier: &HeaderRule) -> bool {
    if later.condition.is_some() && later.action == HeaderAction::Unset {
        // Taken away for plain http, as a rule.
        return false;
    }
    match later.action {
        HeaderAction::Unset => true,
        HeaderAction::Set | HeaderAction::Add => {
            let (Some(new), Some(old)) = (later.value.as_literal(), earlier.value.as_literal()) else { return false };
            let ((new, _), (old, _)) = (hsts::parse(new), hsts::parse(old));
            new.max_age < old.max_age || (old.include_subdomains && !new.include_subdomains)
        }
        _ => false,
    }
}

fn finding(facts: &Facts<'_>, site: SiteId, scope: ScopeId, later: &HeaderRule, earlier: &HeaderRule) -> Finding {
    let message = match later.action {
        HeaderAction::Unset => "this takes the Strict-Transport-Security away that was set before",
        _ => "this weakens the Strict-Transport-Security that was set before",
    };
    let finding = match proof(facts, site, scope, later) {
        Some(proof) => by_proof(&RULE, &proof, message, later.span),
        None => certain(&RULE, message, later.span).at_most(Severity::Info),
    };
    finding.related(earlier.span, "set here").help("keep one policy for the whole host")
}

/// An encrypted answer in which the later directive had its way.
fn proof(facts: &Facts<'_>, site: SiteId, scope: ScopeId, later: &HeaderRule) -> Option<Proof> {
    let shows = |proof: &&Proof| {
        let values = hsts::values_in(&proof.answer);
        proof.request.encrypted
            && match later.action {
                HeaderAction::Unset => values.is_empty(),
                _ => values.first().copied() == later.value.as_literal(),
            }
    };
    let doors = facts.entrances().iter().filter(|door| door.site == site).map(|door| &door.proof);
    let inside = facts.routes().redirects().filter(|route| route.scope == scope && is_redirect(route.status())).take(4);
    let mut proof = doors.chain(inside.flat_map(|route| facts.proofs(route))).find(shows)?.clone();
    // What lies on the disk does not change which headers go out.
    proof.answer.assumptions.clear();
    Some(proof)
}
