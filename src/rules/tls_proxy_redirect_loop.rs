//! See the page of [`RULE`].

use super::make::{Also, replace, with_confidence};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::guard::Dimension;
use crate::analysis::routes::Route;
use crate::analysis::witness::Proof;
use crate::analysis::{Facts, Knobs, TlsUpstream};
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
    /// Unsafe: the header `X-Forwarded-Proto`, or the one that `redirlint.yaml` names as `tls_header`, is tested instead
    /// of the connection. Which header the proxy sets, only its operator knows.
    ///
    /// ## Traps
    /// Silent where this server itself listens with TLS, unless `redirlint.yaml` says `tls_terminated_upstream: always`:
    /// then it is a warning where the request that the proxy makes of the answer, with the header that `tls_header` names,
    /// gets that answer again. With `no` the rule is silent. The header can be forged where the server can be reached past
    /// the proxy; that skips the redirect and nothing more.
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

/// The header by which the proxy in front tells the client's scheme.
struct Told<'k> {
    name: &'k str,
    value: &'k str,
    /// Whether the user says so.
    said: bool,
}

impl<'k> Told<'k> {
    fn of(knobs: &'k Knobs) -> Self {
        match &knobs.tls_header {
            Some((name, value)) => Self { name, value, said: true },
            None => Self { name: "X-Forwarded-Proto", value: "https", said: false },
        }
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if !facts.tls_may_end_in_front() {
        return;
    }
    let told = Told::of(facts.knobs);
    let to_https = |route: &&Route<'_>| route.target().is_some_and(|target| target.scheme.as_deref() == Some(b"https"));
    for route in facts.routes().redirects().filter(|route| route.enabled).filter(to_https) {
        let seen = if facts.knobs.tls_upstream == TlsUpstream::Always { comes_back(facts, route, &told) } else { None };
        if seen.is_none() && !asks_connection(route, told.name) {
            continue;
        }
        let message = "behind a proxy that ends TLS this redirect to https never ends";
        let mut finding = with_confidence(&RULE, Confidence::Possible, message, route.span)
            .help(format!("test the header by which the proxy tells the client's scheme, such as `{}`", told.name));
        if seen.is_some() {
            finding.severity = Severity::Warning;
        }
        // A plain request is what the proxy makes of the https request that the answer leads to.
        let plain = || facts.proofs(route).iter().find(|proof| !proof.request.encrypted).map(Proof::witness);
        finding.witness = seen.as_ref().map(Proof::witness).or_else(plain);
        let text = format!("test `{}`", told.name);
        findings.push(finding.mend(Applicability::Unsafe, text, by_header(facts, route, &told)));
    }
}

/// What the proxy makes of the https request that the answer leads to, where that gets the same answer again.
fn comes_back(facts: &Facts<'_>, route: &Route<'_>, told: &Told<'_>) -> Option<Proof> {
    let another = route.guards_on(|dimension| matches!(dimension, Dimension::Header(_))).next().is_some();
    if another && !told.said {
        // It may well ask the header that the proxy in front sends.
        return None;
    }
    let again = |proof: &Proof| {
        let rest = proof.location().strip_prefix(b"https:")?;
        let mut request = follow::request_for(&[b"http:", rest].concat())?;
        request.headers.push((told.name.as_bytes().into(), told.value.as_bytes().into()));
        facts.prove(route, request).filter(|again| again.location() == proof.location())
    };
    facts.proofs(route).iter().filter(|proof| !proof.request.encrypted).find_map(again)
}

/// Whether it looks at the connection alone: not as well at the header by which the proxy tells the client's scheme.
fn asks_connection(route: &Route<'_>, header: &str) -> bool {
    let told = Dimension::Header(header.to_ascii_lowercase().into_bytes());
    let asks = |wanted: &Dimension| route.guards_on(|dimension| dimension == wanted).next().is_some();
    asks(&Dimension::Scheme) && !asks(&told)
}

/// The header in place of the connection, in the test that asks about it.
fn by_header(facts: &Facts<'_>, route: &Route<'_>, told: &Told<'_>) -> Option<Vec<Edit>> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !plain(told.name) || !plain(told.value) {
        return None;
    }
    let guard = route.guards_on(|dimension| *dimension == Dimension::Scheme).next()?;
    let mut found = None;
    facts.each_directive(|directive, _| {
        let head = directive.head();
        let inside = head.file == guard.span.file && head.start <= guard.span.start && guard.span.end <= head.end;
        if inside && (words::is(facts, directive, "RewriteCond") || words::is(facts, directive, "if")) {
            found = Some(directive);
        }
    });
    let directive = found?;
    let [subject, rest @ ..] = directive.args.as_slice() else { return None };
    if words::is(facts, directive, "if") {
        let name = memchr::memmem::find(facts.sources.text(subject.span), b"$scheme").filter(|_| told.value == "https")?;
        let start = subject.span.start as usize + name;
        let span = crate::source::Span::new(subject.span.file, start, start + b"$scheme".len());
        let variable = told.name.to_ascii_lowercase().replace('-', "_");
        return Some(vec![replace(span, format!("$http_{variable}"))]);
    }
    let test = rest.first()?;
    let off = matches!(facts.word(test), b"off" | b"!on" | b"=off" | b"!=on" | b"^off$" | b"!^on$");
    let known = facts.word(subject) == b"%{HTTPS}" && off;
    let wanted = if told.value == "https" { "=http".to_owned() } else { format!("!={}", told.value) };
    let subject = mend::inside(facts, subject);
    known.then(|| vec![replace(subject, format!("%{{HTTP:{}}}", told.name)), replace(test.span, wanted)])
}
