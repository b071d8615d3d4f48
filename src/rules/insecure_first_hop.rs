//! See the page of [`RULE`].

use super::make::{Also, lossy, shown};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::Host;
use crate::analysis::transport::{Entrance, is_redirect, leads_to, public};
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::eval::follow::{Hop, Journey};
use crate::source::Span;
use crate::syntax::nginx::template;
use crate::syntax::{Directive, Item};
use rustc_hash::FxHashSet;

declare! {
    /// The first redirect from plain http does not lead to https of the same host.
    ///
    /// ## What it does
    /// Asks each host for `/` over plain http. Reports a first redirect that stays on http though https follows,
    /// and (info) one that leads to https of another host at once.
    ///
    /// ## Why is this bad?
    /// From http to http and only then to https leaves one more hop that can be intercepted. From http to https of
    /// another host, the first host is never remembered for its policy, and the preload list refuses it.
    ///
    /// ## Example
    /// ```nginx bad also=redirect-chain
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com;
    ///         return 301 http://www.example.com$request_uri;
    ///     }
    ///     server {
    ///         listen 80;
    ///         server_name www.example.com;
    ///         return 301 https://www.example.com$request_uri;
    ///     }
    /// }
    /// ```
    /// ```nginx bad also=redirect-chain
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com;
    ///         return 301 http://www.example.com$request_uri;
    ///     }
    ///     server {
    ///         listen 80;
    ///         server_name www.example.com;
    ///         return 301 https://www.example.com$request_uri;
    ///     }
    ///     server {
    ///         listen 443 ssl;
    ///         server_name example.com;
    ///         ssl_certificate site.pem;
    ///         ssl_certificate_key site.key;
    ///         add_header Strict-Transport-Security max-age=63072000 always;
    ///         return 301 https://www.example.com$request_uri;
    ///     }
    ///     server {
    ///         listen 443 ssl;
    ///         server_name www.example.com;
    ///         ssl_certificate site.pem;
    ///         ssl_certificate_key site.key;
    ///         add_header Strict-Transport-Security max-age=63072000 always;
    ///     }
    /// }
    /// ```
    /// ```apache bad also=redirect-chain
    /// <VirtualHost *:80>
    ///     ServerName example.com
    ///     ServerAlias www.example.com
    ///     RewriteEngine On
    ///     RewriteCond %{HTTP_HOST} !^www\. [NC]
    ///     RewriteRule ^(.*)$ http://www.example.com$1 [R=301,L]
    ///     RewriteCond %{HTTPS} off
    ///     RewriteRule ^(.*)$ https://%{HTTP_HOST}$1 [R=301,L]
    /// </VirtualHost>
    /// ```
    /// Change the scheme first, then the host:
    /// ```nginx good
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com www.example.com;
    ///         return 301 https://$host$request_uri;
    ///     }
    /// }
    /// ```
    /// ```apache bad also=redirect-chain
    /// Listen 80
    /// <VirtualHost *:80>
    ///     ServerName example.com
    ///     Redirect 301 / http://www.example.com/
    /// </VirtualHost>
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     Redirect 301 / https://www.example.com/
    /// </VirtualHost>
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTPS} off
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// RewriteCond %{HTTP_HOST} ^example\.com$ [NC]
    /// RewriteRule ^ https://www.example.com%{REQUEST_URI} [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: other redirects are sent. The rule of a `RewriteRule` list that leads to https goes above the one that
    /// leads to the other host, and that one leads there over https; elsewhere the redirect leads to https of the host
    /// that was asked for, if something answers there.
    ///
    /// ## Traps
    /// It takes two redirects over http and one over https, which is what a policy needs; `redirect-chain` does not
    /// report that shape. A domain that only leads to another brand needs no policy: leave the info alone. Where a
    /// template chooses between the name and the redirect (`{% else %}`), nothing is said.
    ///
    /// ## Sources
    /// hstspreload.org, `redirects.http.first_redirect.insecure` and `www_first`; RFC 6797 section 7.2.
    RULE {
        name: "insecure-first-hop",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told: FxHashSet<Span> = FxHashSet::default();
    let alone = facts.program.sites.iter().all(|site| site.span.is_none());
    for door in facts.entrances().iter().filter(|door| !door.proof.request.encrypted && public(&door.host)) {
        let answer = &door.proof.answer;
        let (Some(location), Some(at)) = (answer.location.as_deref(), answer.cause) else { continue };
        if !is_redirect(answer.status) {
            continue;
        }
        if excluded(facts, door, at) {
            continue;
        }
        let Some((encrypted, host)) = leads_to(&door.proof.request, location) else { continue };
        if encrypted && (host == door.host || alone || !related(facts, &host, &door.host)) || !told.insert(at) {
            continue;
        }
        let journey = facts.journey(door.proof.request.clone());
        if !encrypted && !turns_secure(&journey) {
            told.remove(&at);
            continue;
        }
        let message = match encrypted {
            false => format!("the first redirect stays on plain http (`{}`), only a later one leads to https", lossy(location)),
            true => format!("the first redirect leads to another host, so `{}` is never remembered for https", lossy(&door.host)),
        };
        let help = format!("redirect to `https://{}` first, then to the other host (2 hops over http, 1 over https)", lossy(&door.host));
        let edits = scheme_first(facts, &journey, at).or_else(|| same_host(facts, door, at));
        let finding = shown(&RULE, &journey, message, at).help(help).mend(Applicability::Unsafe, "change the scheme first", edits);
        findings.push(if encrypted { finding.at_most(Severity::Info) } else { finding });
    }
}

/// The rule that leads to https in front of the one that leads to the other host.
fn scheme_first(facts: &Facts<'_>, journey: &Journey, at: Span) -> Option<Vec<Edit>> {
    let secure = |hop: &&Hop| hop.answer.location.as_deref().is_some_and(|to| to.starts_with(b"https:"));
    let upgrade = facts.directive(journey.hops.iter().find(secure)?.answer.cause?)?;
    let other = facts.directive(at)?;
    let rules = [upgrade, other].iter().all(|one| words::is(facts, one, "RewriteRule"));
    let parent = |one| facts.parent(one).map(|parent| parent.span);
    if !rules || parent(upgrade) != parent(other) || upgrade.span <= other.span {
        return None;
    }
    let mut edits = mend::move_above(facts, &[upgrade.span], other.span)?;
    edits.extend(mend::in_target(facts, at, b"http://", b"https://")?);
    Some(edits)
}

/// The redirect to https of the host asked for, where something else answers there.
fn same_host(facts: &Facts<'_>, door: &Entrance, at: Span) -> Option<Vec<Edit>> {
    let secure = |other: &&Entrance| other.proof.request.encrypted && other.host == door.host;
    let other = facts.entrances().iter().find(secure)?;
    let directive = facts.directive(at).filter(|_| other.proof.answer.cause != Some(at))?;
    let host: &[u8] = match &*facts.name(directive) {
        "return" | "rewrite" => b"https://$host",
        "rewriterule" => b"https://%{HTTP_HOST}",
        _ => return None,
    };
    let target = facts.routes().at(at).next()?.target()?;
    let start = target.literal_start();
    let authority = memchr::memmem::find(start, b"://")? + 3;
    let end = memchr::memchr(b'/', start.get(authority..)?).map_or(start.len(), |slash| authority + slash);
    let fixed = matches!(target.host, Host::Fixed(_));
    if fixed { mend::in_target(facts, at, start.get(..end)?, host) } else { None }
}

/// Whether a template writes either the name of the door or the redirect.
fn excluded(facts: &Facts<'_>, door: &Entrance, at: Span) -> bool {
    let site = facts.program.sites.get(door.site.0 as usize).and_then(|site| facts.directive(site.span?));
    let Some(block) = site.and_then(|site| site.block.as_ref()).filter(|_| facts.is_template(at.file)) else { return false };
    let mut names = block.items.iter().filter_map(|item| match item {
        Item::Directive(inner) if is_naming(facts, inner) => inner.args.iter().find(|word| facts.word(word).eq_ignore_ascii_case(&door.host)),
        _ => None,
    });
    names.any(|name| name.span.file == at.file && template::has_else(between(facts, name.span, at)))
}

fn is_naming(facts: &Facts<'_>, directive: &Directive) -> bool {
    matches!(&*facts.name(directive), "server_name" | "servername" | "serveralias")
}

/// What is written between two places of a file.
fn between<'a>(facts: &Facts<'a>, one: Span, other: Span) -> &'a [u8] {
    let (upper, lower) = (one.min(other), one.max(other));
    facts.sources.file(one.file).bytes().get(upper.end as usize..lower.start as usize).unwrap_or_default()
}

fn turns_secure(journey: &Journey) -> bool {
    journey.last.starts_with(b"https:") || journey.hops.iter().any(|hop| hop.url.starts_with(b"https:"))
}

/// Whether the hosts belong together: one is below the other.
fn related(facts: &Facts<'_>, one: &[u8], other: &[u8]) -> bool {
    let below = |long: &[u8], short: &[u8]| long.strip_suffix(short).is_some_and(|rest| rest.ends_with(b"."));
    (below(one, other) || below(other, one)) && (facts.own_host(one) || facts.own_host(other))
}
