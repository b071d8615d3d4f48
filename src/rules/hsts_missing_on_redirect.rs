//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::routes::Route;
use crate::analysis::transport::{Entrance, is_redirect, leads_to, public, sends, sts_of};
use crate::analysis::witness::Proof;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Applicability, Finding, Severity, Edit};
use crate::ir::SiteId;
use crate::ir::scope::HeaderRule;
use rustc_hash::FxHashMap;

declare! {
    /// An https answer that redirects carries no Strict-Transport-Security, though other answers do.
    ///
    /// ## What it does
    /// Asks every site over TLS for its redirects and looks at the headers of the redirect itself. Reports those
    /// without the header where the site sends it otherwise, and sites that only redirect to another site of the
    /// configuration that sends it.
    ///
    /// ## Why is this bad?
    /// A browser remembers the policy of the host that sent it. A host that only redirects without the header is
    /// never remembered, so every first request to it can be intercepted. The preload list looks at exactly this answer.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header set Strict-Transport-Security "max-age=31536000"
    /// RewriteEngine on
    /// RewriteCond %{HTTPS} =on
    /// RewriteRule ^old$ https://www.example.com/new [R=301,L]
    /// ```
    /// ```nginx bad
    /// http {
    ///     server {
    ///         listen 443 ssl;
    ///         server_name example.com;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         return 301 https://www.example.com$request_uri;
    ///     }
    ///     server {
    ///         listen 443 ssl;
    ///         server_name www.example.com;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         add_header Strict-Transport-Security "max-age=31536000" always;
    ///     }
    /// }
    /// ```
    /// Send it with the redirect, too:
    /// ```htaccess good
    /// Header always set Strict-Transport-Security "max-age=31536000" "expr=%{HTTPS} == 'on'"
    /// RewriteEngine on
    /// RewriteCond %{HTTPS} =on
    /// RewriteRule ^old$ https://www.example.com/new [R=301,L]
    /// ```
    /// ```nginx good
    /// http {
    ///     server {
    ///         listen 443 ssl;
    ///         server_name example.com;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         add_header Strict-Transport-Security "max-age=31536000" always;
    ///         return 301 https://www.example.com$request_uri;
    ///     }
    ///     server {
    ///         listen 443 ssl;
    ///         server_name www.example.com;
    ///         ssl_certificate a.pem;
    ///         ssl_certificate_key a.key;
    ///         add_header Strict-Transport-Security "max-age=31536000" always;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe where the policy is written once and lacks `always` or has a condition that redirects do not meet: the
    /// redirects get it, and error answers with them. Unsafe where it is written at several places, and where
    /// nginx's server for this host has none: the policy of the server that the redirect leads to is copied, and
    /// binds one more host.
    ///
    /// ## Traps
    /// Something in front may add the header: set `hsts_upstream`. One finding for each scope and cause, not for
    /// each redirect. Where an inner `add_header` of nginx is the cause, `hsts-dropped-by-inheritance` tells it.
    ///
    /// ## Sources
    /// RFC 6797 section 7.1; hstspreload.org, requirements; mod_headers on `always`; ngx_http_headers_module.
    RULE {
        name: "hsts-missing-on-redirect",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let blocks = super::hsts_dropped_by_inheritance::blocks(facts);
    for missing in missing(facts) {
        if blocks.iter().any(|block| block.holds(missing.route.span)) {
            continue;
        }
        let message = match missing.lost {
            Some(rule) if rule.condition.is_some() => {
                "this https redirect carries no Strict-Transport-Security: its directive's condition does not hold for redirects"
            }
            Some(rule) if !rule.always => {
                "this https redirect carries no Strict-Transport-Security: without `always` it goes with content only"
            }
            _ => "this https redirect carries no Strict-Transport-Security, so this host is never remembered",
        };
        let mut finding = by_proof(&RULE, &missing.proof, message, missing.route.span)
            .help("send the header with this answer, too; in Apache with `Header always set`");
        if let Some(rule) = missing.lost {
            finding = finding.related(rule.span, "sent with other answers");
            if let Some(edits) = super::hsts_condition_drops_header::repair(facts, rule) {
                let how = super::hsts_condition_drops_header::applicability(facts);
                finding = finding.fix(how, "send it with every https answer", edits);
            }
        } else if let Some(other) = missing.elsewhere {
            finding = finding
                .help(format!("send it here as well, as `{}` does", lossy(&other)))
                .mend(Applicability::Unsafe, "send the same policy here", copied(facts, missing.route.site, &other));
        }
        findings.push(finding);
    }
}

/// A redirect without the policy.
pub(super) struct Missing<'f, 'a> {
    pub(super) route: &'f Route<'a>,
    pub(super) proof: Proof,
    /// The directive of the site whose header this answer lacks.
    pub(super) lost: Option<&'a HeaderRule>,
    /// Another site that sends it.
    elsewhere: Option<Vec<u8>>,
}

/// One redirect for each site, scope and lost directive.
pub(super) fn missing<'f, 'a>(facts: &'f Facts<'a>) -> Vec<Missing<'f, 'a>> {
    let rules = facts.sts_rules();
    if facts.knobs.hsts_upstream || !rules.iter().any(|rule| sends(rule)) {
        return Vec::new();
    }
    let mut tried: FxHashMap<_, u32> = FxHashMap::default();
    let mut policies: FxHashMap<SiteId, Option<&HeaderRule>> = FxHashMap::default();
    let mut out: Vec<Missing<'f, 'a>> = Vec::new();
    for route in facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status())) {
        let count = tried.entry((route.site, route.scope, route.slot)).or_insert(0);
        if *count >= 4 {
            continue;
        }
        *count += 1;
        let Some(proof) = facts.proofs(route).iter().find(|proof| proof.request.encrypted) else { continue };
        if !hsts::values_in(&proof.answer).is_empty() || proof.answer.headers.iter().any(|(name, _)| name.is_empty()) {
            continue;
        }
        *count = 4;
        let lost = *policies.entry(route.site).or_insert_with(|| policy_of(facts, route.site));
        let elsewhere = if lost.is_none() { pinned_target(facts, route.site, proof) } else { None };
        if lost.is_none() && elsewhere.is_none() || out.iter().any(|one| one.route.span == route.span) {
            continue;
        }
        out.push(Missing { route, proof: proof.clone(), lost, elsewhere });
    }
    out
}

/// The directive that sends the policy on the site, the site's own first.
fn policy_of<'a>(facts: &Facts<'a>, site: SiteId) -> Option<&'a HeaderRule> {
    let own = facts.program.sites.get(site.0 as usize).map(|site| site.scope);
    let mut scopes = facts.site_scopes(site);
    scopes.sort_by_key(|(id, _)| Some(*id) != own);
    scopes.iter().find_map(|(_, scope)| sts_of(scope).find(|rule| sends(rule)))
}

/// The host the redirect leads to, where that is another site and sends the policy.
fn pinned_target(facts: &Facts<'_>, site: SiteId, proof: &Proof) -> Option<Vec<u8>> {
    let (_, host) = leads_to(&proof.request, proof.answer.location.as_deref()?)?;
    let pinned = |other: SiteId| other != site && facts.encrypted(other) && facts.site_sends_sts(other);
    (public(&host) && facts.sites_named(&host).any(pinned)).then_some(host)
}

/// Whether the door only leads to another site that sends the policy: then the missing header is this rule's.
pub(super) fn takes(facts: &Facts<'_>, entrance: &Entrance) -> bool {
    is_redirect(entrance.proof.answer.status) && pinned_target(facts, entrance.site, &entrance.proof).is_some()
}

/// The policy of the site that the redirect leads to, at the head of this one.
fn copied(facts: &Facts<'_>, site: SiteId, other: &[u8]) -> Option<Vec<Edit>> {
    let policy = facts.sites_named(other).find_map(|site| policy_of(facts, site))?;
    let own = facts.program.sites.get(site.0 as usize)?.span?;
    mend::first_in(facts, own, facts.sources.text(facts.directive(policy.span)?.span))
}
