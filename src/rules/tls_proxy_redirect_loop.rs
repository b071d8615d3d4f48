//! See the page of [`RULE`].

use super::make::{Also, replace, with_confidence};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::guard::Dimension;
use crate::analysis::routes::Route;
use crate::analysis::witness::Proof;
use crate::analysis::{Facts, TlsUpstream};
use crate::diagnostic::{Applicability, Confidence, Edit, Finding, Severity};
use crate::eval::follow;

declare! {
    /// A redirect to https looks at the connection, and something in front of this server seems to end TLS.
    ///
    /// ## What it does
    /// Finds redirects to https whose condition is the connection's own scheme or port, in a configuration that shows a
    /// proxy in front: `X-Forwarded-*` elsewhere, real-client-address settings, or the setting in `redirlint.yaml`.
    ///
    /// ## Why is this bad?
    /// Behind a proxy that ends TLS every request arrives as http. The redirect then never ends.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// SetEnvIf X-Forwarded-For ^ PROXIED=1
    /// RewriteCond %{HTTPS} off
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTPS} off
    /// RewriteCond %{HTTP:X-Forwarded-Proto} !https
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP:X-Forwarded-Proto} =http
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     server_name www.example.com;
    ///     set_real_ip_from 10.0.0.0/8;
    ///     if ($scheme = http) {
    ///         return 301 https://$host$request_uri;
    ///     }
    ///     location / { root /srv/www; }
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     server_name www.example.com;
    ///     set_real_ip_from 10.0.0.0/8;
    ///     if ($http_x_forwarded_proto = http) {
    ///         return 301 https://$host$request_uri;
    ///     }
    ///     location / { root /srv/www; }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the header `X-Forwarded-Proto` is tested instead of the connection. Which header the proxy sets,
    /// only its operator knows.
    ///
    /// ## Traps
    /// Silent where this server itself listens with TLS, unless `redirlint.yaml` says `tls_terminated_upstream: always`:
    /// then it is a warning, for servers that only answer plain http as well; with `no` the rule is silent. The header can be forged where the server can be reached past the
    /// proxy; that skips the redirect and nothing more.
    ///
    /// ## Sources
    /// RFC 7239; reports of sites behind load balancers.
    RULE {
        name: "tls-proxy-redirect-loop",
        group: Group::LoopChain,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if !facts.tls_may_end_in_front() {
        return;
    }
    let always = facts.knobs.tls_upstream == TlsUpstream::Always;
    let header = facts.knobs.tls_header.as_ref().map_or("X-Forwarded-Proto", |(name, _)| name);
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let loops = asks_connection(route, header) || always && comes_back(facts, route);
        if !loops {
            continue;
        }
        if route.target().is_some_and(|target| target.scheme.as_deref() == Some(b"https")) {
            let message = "behind a proxy that ends TLS this redirect to https never ends";
            let mut finding = with_confidence(&RULE, Confidence::Possible, message, route.span)
                .help(format!("test the header by which the proxy tells the client's scheme, such as `{header}`"));
            // Then this plain request is what the proxy makes of the https request that the answer leads to.
            finding.witness = facts.proofs(route).iter().find(|proof| !proof.request.encrypted).map(Proof::witness);
            if always && finding.witness.is_some() {
                finding.severity = Severity::Warning;
            }
            findings.push(finding.mend(Applicability::Unsafe, "test `X-Forwarded-Proto`", by_header(facts, route)));
        }
    }
}

/// Whether a plain request is sent to itself over https, which such a proxy makes the same plain request again.
fn comes_back(facts: &Facts<'_>, route: &Route<'_>) -> bool {
    let same = |proof: &Proof| {
        let url = follow::url_of(&proof.request);
        url.strip_prefix(b"http:").is_some_and(|rest| proof.location() == [b"https:", rest].concat())
    };
    facts.proofs(route).iter().any(same)
}

/// Whether it looks at the connection alone: not as well at the header by which the proxy tells the client's scheme.
fn asks_connection(route: &Route<'_>, header: &str) -> bool {
    let told = Dimension::Header(header.to_ascii_lowercase().into_bytes());
    let asks = |wanted: &Dimension| route.guards_on(|dimension| dimension == wanted).next().is_some();
    asks(&Dimension::Scheme) && !asks(&told)
}

/// The header in place of the connection, in the test that asks about it.
fn by_header(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let guard = route.guards_on(|dimension| *dimension == Dimension::Scheme).next()?;
    let mut found = None;
    facts.each_directive(|directive, _| {
        let inside = directive.span.file == guard.span.file && directive.head().start <= guard.span.start && guard.span.end <= directive.head().end;
        if inside && (words::is(facts, directive, "RewriteCond") || words::is(facts, directive, "if")) {
            found = Some(directive);
        }
    });
    let directive = found?;
    let [subject, rest @ ..] = directive.args.as_slice() else { return None };
    if words::is(facts, directive, "if") {
        let name = memchr::memmem::find(facts.sources.text(subject.span), b"$scheme")?;
        let start = subject.span.start as usize + name;
        let span = crate::source::Span::new(subject.span.file, start, start + b"$scheme".len());
        return Some(vec![replace(span, "$http_x_forwarded_proto")]);
    }
    let plain = matches!(facts.word(rest.first()?), b"off" | b"!on" | b"=off" | b"!=on" | b"^off$" | b"!^on$");
    let known = facts.word(subject) == b"%{HTTPS}" && plain;
    known.then(|| vec![replace(mend::inside(facts, subject), "%{HTTP:X-Forwarded-Proto}"), replace(rest.first().map_or(subject.span, |word| word.span), "=http")])
}
