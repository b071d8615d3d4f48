//! See the page of [`RULE`].

use super::make::{Also, certain, lossy};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::{Facts, TlsUpstream};
use crate::analysis::propose::name_of;
use crate::analysis::transport::{Entrance, public};
use crate::analysis::witness::witness_of;
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::eval::follow::{End, Journey};
use crate::eval::{Outcome, Request};
use crate::ir::SiteId;
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A host is served over TLS, and plain http is answered with content as well.
    ///
    /// ## What it does
    /// For each host with an encrypted listener, asks for `/` over plain http and follows. Reports hosts where
    /// that ends in content without TLS.
    ///
    /// ## Why is this bad?
    /// Strict-Transport-Security works only once a visitor was on https, and nothing brings them there. Search
    /// engines see two copies of every page.
    ///
    /// ## Example
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     root /srv/www;
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     server_name www.example.com;
    ///     return 301 https://www.example.com$request_uri;
    /// }
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     root /srv/www;
    /// }
    /// ```
    /// ```apache bad
    /// Listen 80
    /// Listen 443 https
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    /// </VirtualHost>
    /// <VirtualHost *:443>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=31536000"
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// Listen 80
    /// Listen 443 https
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     Redirect permanent / https://www.example.com/
    /// </VirtualHost>
    /// <VirtualHost *:443>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    ///     SSLEngine on
    ///     Header always set Strict-Transport-Security "max-age=31536000"
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: plain http is redirected at the head of the site that answers it, everything below it included: a
    /// path for certificates (`/.well-known/acme-challenge/`) then has to be reachable over https.
    ///
    /// ## Traps
    /// No listener on port 80 at all is fine. A lone `.htaccess` does not show its listeners: silent. Behind a
    /// proxy that ends TLS, plain http inside is as it should be: then nothing here has an encrypted listener.
    ///
    /// ## Sources
    /// RFC 6797 section 7.2; hstspreload.org, requirements.
    RULE {
        name: "missing-https-redirect",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    // Where something in front ends TLS, it is the one to redirect.
    if facts.knobs.tls_upstream == TlsUpstream::Always {
        return;
    }
    let mut told: FxHashSet<(SiteId, SiteId)> = FxHashSet::default();
    for door in facts.entrances().iter().filter(|door| door.proof.request.encrypted && public(&door.host)) {
        if !facts.encrypted(door.site) {
            continue;
        }
        let Some((site, request)) = plain(facts, door) else { continue };
        let journey = facts.journey(request);
        let Some(at) = facts.program.sites.get(site.0 as usize).and_then(|site| site.span) else { continue };
        // Under which of its names a site is asked makes no second finding.
        if !stays_plain(&journey) || !told.insert((door.site, site)) {
            continue;
        }
        let name = named(facts, door);
        let who = name.map_or_else(|| "this server".to_owned(), |name| format!("`{}`", lossy(name)));
        let message = format!("{who} is served over TLS, but plain http gets content, not a redirect to https");
        let mut finding = certain(&RULE, message, head(facts, at)).help("answer plain http with a 301 to https of the same host");
        if let Some(span) = journey.hops.last().and_then(|hop| hop.answer.cause).filter(|span| *span != at) {
            finding = finding.related(head(facts, span), "answers plain http");
        }
        finding.witness = Some(witness_of(&journey));
        let finding = finding.mend(Applicability::Unsafe, "redirect plain http", redirect(facts, at, site, name));
        let in_front = facts.knobs.tls_upstream == TlsUpstream::Maybe && facts.behind_proxy();
        findings.push(if in_front { finding.at_most(Severity::Info) } else { finding });
    }
}

/// The host a door was asked for, unless it is made up.
fn named<'a>(facts: &Facts<'_>, door: &'a Entrance) -> Option<&'a [u8]> {
    let known = facts.program.sites.get(door.site.0 as usize).and_then(name_of);
    (known.is_some() || facts.options.host.is_some()).then_some(&door.host)
}

/// The same question at port 80, and the site that names the host there. Where none does, the first site of the
/// listener answers; that counts only in a whole configuration.
fn plain(facts: &Facts<'_>, door: &Entrance) -> Option<(SiteId, Request)> {
    let open = |listener: &&crate::ir::site::Listener| !listener.encrypted && listener.port == Some(80);
    let sites = facts.program.listeners.iter().filter(open);
    let named = |site: &SiteId| facts.program.sites.get(site.0 as usize).is_some_and(|site| names(site, &door.host));
    let mut default = None;
    for listener in sites {
        if let Some(site) = listener.sites.iter().copied().find(named) {
            return Some((site, request(door)));
        }
        default = default.or(Some(listener.default));
    }
    default.filter(|_| !facts.program.fragment).map(|site| (site, request(door)))
}

fn names(site: &crate::ir::site::Site, host: &[u8]) -> bool {
    use crate::ir::site::SiteName;
    site.own.host.eq_ignore_ascii_case(host)
        || site.names.iter().any(|name| match name {
            SiteName::Exact(text) => text.eq_ignore_ascii_case(host),
            SiteName::Leading(suffix) | SiteName::LeadingOrBare(suffix) => host.ends_with(suffix),
            _ => false,
        })
}

fn request(door: &Entrance) -> Request {
    let mut request = door.proof.request.clone();
    request.encrypted = false;
    request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
    request.headers.insert(0, (b"Host"[..].into(), door.host.as_slice().into()));
    request
}

/// Whether the way ends in content without TLS.
fn stays_plain(journey: &Journey) -> bool {
    let Some(last) = journey.hops.last() else { return false };
    let content = last.answer.outcome == Outcome::Content || matches!(last.answer.status, Some(200..=299));
    journey.end == End::Served && content && journey.hops.iter().all(|hop| hop.url.starts_with(b"http:"))
}

fn head(facts: &Facts<'_>, span: Span) -> Span {
    facts.directive(span).map_or(span, |directive| directive.head())
}

/// A redirect at the head of the site.
fn redirect(facts: &Facts<'_>, at: Span, site: SiteId, host: Option<&[u8]>) -> Option<Vec<Edit>> {
    let line = match facts.is_apache() {
        true if facts.encrypted(site) => return None,
        true => format!("Redirect permanent / https://{}/", lossy(host?)),
        false => "if ($scheme = http) { return 301 https://$host$request_uri; }".to_owned(),
    };
    mend::first_in(facts, at, line.as_bytes())
}
