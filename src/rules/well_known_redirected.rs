//! See the page of [`RULE`].

use super::make::{Also, shown};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::analysis::transport::{host_asked, leads_to};
use crate::analysis::witness::{Proof, fits};
use crate::diagnostic::{Finding, Severity};
use std::collections::BTreeSet;

declare! {
    /// A blanket redirect takes a file that must answer at its own address.
    ///
    /// ## What it does
    /// Asks every redirect of a whole site for the files that apps, certificate authorities and crawlers look for at fixed
    /// addresses, and reports redirects that send them to another host.
    ///
    /// ## Why is this bad?
    /// `apple-app-site-association` and `assetlinks.json` are not followed through redirects; a `robots.txt` of another host
    /// counts for that host.
    ///
    /// ## Example
    /// ```nginx bad
    /// # also answers apple-app-site-association for the app
    /// server {
    ///     listen 443 ssl;
    ///     server_name b.example;
    ///     ssl_certificate b.pem;
    ///     ssl_certificate_key b.key;
    ///     add_header Strict-Transport-Security "max-age=63072000" always;
    ///     return 301 https://www.b.example$request_uri;
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     server_name b.example;
    ///     ssl_certificate b.pem;
    ///     ssl_certificate_key b.key;
    ///     add_header Strict-Transport-Security "max-age=63072000" always;
    ///     location = /.well-known/apple-app-site-association { root /srv/aasa; }
    ///     location / { return 301 https://www.b.example$request_uri; }
    /// }
    /// ```
    /// ```apache bad
    /// <VirtualHost *:443>
    ///     ServerName b.example
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=63072000"
    ///     Redirect 301 / https://www.b.example/
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// <VirtualHost *:443>
    ///     ServerName b.example
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=63072000"
    ///     RedirectMatch 301 ^/(?!\.well-known/)(.*)$ https://www.b.example/$1
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// No fix: serve these paths before the redirect.
    ///
    /// ## Traps
    /// Whether a site has an app is not known: the finding is information, once for each configuration.
    ///
    /// ## Sources
    /// RFC 8615; the vendors' pages on both files.
    RULE {
        name: "well-known-redirected",
        group: Group::Seo,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

const FILE: &[u8] = b"/.well-known/apple-app-site-association";

/// Redirects asked about; a list of thousands of hosts says the same thousands of times.
const MOST: usize = 100;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    let mut told: Option<Finding> = None;
    let blanket = facts.routes().redirects().filter(|route| route.enabled && takes_everything(route));
    for route in blanket.take(MOST) {
        let requests = facts.proposal_at(route, FILE).into_iter().filter(|request| request.encrypted);
        let away = requests.filter_map(|request| facts.prove(route, request)).find(|proof| leaves(facts, proof));
        let Some(proof) = away.filter(|_| seen.insert(route.span)) else { continue };
        told = Some(match told.take() {
            Some(first) => first.related(route.span, "so does this"),
            None => shown(&RULE, &facts.journey(proof.request), "files that apps look for at this host are redirected to another one", route.span)
                .at_most(Severity::Info)
                .help("serve `/.well-known/apple-app-site-association` (and `assetlinks.json`) before the redirect, if there is an app"),
        });
    }
    findings.extend(told);
}

/// Whether the answer leads to another host. What a lone file hands over to somebody else's may be a folder only, whose
/// file of that name nobody looks for; a host below or above its own is another name of the whole site.
fn leaves(facts: &Facts<'_>, proof: &Proof) -> bool {
    let Some((_, to)) = proof.answer.location.as_deref().and_then(|location| leads_to(&proof.request, location)) else {
        return false;
    };
    let from = host_asked(&proof.request);
    let below = |one: &[u8], other: &[u8]| one.strip_suffix(other).is_some_and(|rest| rest.ends_with(b"."));
    to != from && (!facts.is_piece() || below(&to, &from) || below(&from, &to))
}

fn takes_everything(route: &Route<'_>) -> bool {
    fits(route, b"/") && fits(route, FILE)
}
