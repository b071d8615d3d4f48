//! See the page of [`RULE`].

use super::make::{Also, lossy, shown};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::transport::{is_redirect, leads_to, public};
use crate::diagnostic::{Finding, Severity};
use crate::eval::follow::Journey;
use crate::source::Span;
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
    ///
    /// ## Fix safety
    /// No automatic fix: two redirects have to change places.
    ///
    /// ## Traps
    /// It takes two redirects over http and one over https, which is what a policy needs; `redirect-chain` does not
    /// report that shape. A domain that only leads to another brand needs no policy: leave the info alone.
    ///
    /// ## Sources
    /// hstspreload.org, `redirects.http.first_redirect.insecure` and `www_first`; RFC 6797 section 7.2.
    RULE {
        name: "insecure-first-hop",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::None,
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
        let finding = shown(&RULE, &journey, message, at).help(help);
        findings.push(if encrypted { finding.at_most(Severity::Info) } else { finding });
    }
}

fn turns_secure(journey: &Journey) -> bool {
    journey.last.starts_with(b"https:") || journey.hops.iter().any(|hop| hop.url.starts_with(b"https:"))
}

/// Whether the hosts belong together: one is below the other.
fn related(facts: &Facts<'_>, one: &[u8], other: &[u8]) -> bool {
    let below = |long: &[u8], short: &[u8]| long.strip_suffix(short).is_some_and(|rest| rest.ends_with(b"."));
    (below(one, other) || below(other, one)) && (facts.own_host(one) || facts.own_host(other))
}
