//! See the page of [`RULE`].

use super::make::{Also, certain, lossy, replace, insert_behind};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::transport::{Entrance, Stated, is_redirect};
use crate::analysis::witness::witness_of;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Finding, Severity, Witness, Applicability, Edit};
use crate::eval::Outcome;
use crate::eval::follow::{Hop, Journey};

declare! {
    /// `preload` is sent, but the configuration fails a requirement of the preload list.
    ///
    /// ## What it does
    /// Where a policy says `preload`, asks what the list's scanner asks: `/` over `http` and over `https`, with the
    /// redirects that follow. Each failed requirement is told once, under the list's own code.
    ///
    /// ## Why is this bad?
    /// `preload` says "put this domain on the list". A failed requirement keeps it off, or gets it removed later.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header always set Strict-Transport-Security "max-age=31536000; preload" "expr=%{HTTPS} == 'on'"
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=16000000; includeSubDomains; preload" always;
    /// }
    /// ```
    /// ```htaccess good
    /// Header always set Strict-Transport-Security "max-age=63072000; includeSubDomains" "expr=%{HTTPS} == 'on'"
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     server_name example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=63072000; includeSubDomains; preload" always;
    /// }
    /// ```
    /// ```apache good
    /// <VirtualHost *:80>
    ///     ServerName example.org
    ///     Redirect permanent / https://example.org/
    /// </VirtualHost>
    /// <VirtualHost *:443>
    ///     ServerName example.org:443
    ///     SSLEngine on
    ///     Header always add Strict-Transport-Security "max-age=31536000; includeSubDomains; preload"
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe for a value that falls short: `max-age` is raised to a year, `includeSubDomains` is added, and both
    /// bind visitors. The list itself advises against preloading by default: dropping `preload` (`hsts-preload-
    /// consequences`) is the other way. What redirects do wrong has no fix here.
    ///
    /// ## Traps
    /// Certificates and DNS cannot be seen in a configuration and are not judged. On a sub-domain `preload` has no
    /// effect: info. A lone `.htaccess` does not show its host: only its value is judged.
    ///
    /// ## Sources
    /// hstspreload.org; chromium/hstspreload (`domain`, `header`, `redirects`).
    RULE {
        name: "hsts-preload-ineligible",
        group: Group::HstsSecurity,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Redirects the scanner follows.
const MAX_REDIRECTS: usize = 3;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for stated in facts.sts_values() {
        if !hsts::parse(&stated.text).0.preload {
            continue;
        }
        let own = |entrance: &&Entrance| {
            entrance.proof.request.encrypted && hsts::values_in(&entrance.proof.answer).contains(&&stated.text[..])
        };
        let witness = facts.sts_proof(&stated.text).map(|proof| proof.witness());
        for code in hsts::preloadable(&stated.text, hsts::Bar::Year).errors {
            let edits = raised(facts, &stated, code).map(|edit| vec![edit]);
            let finding = finding(&stated, code, witness.clone());
            findings.push(finding.mend(Applicability::Unsafe, "meet the requirement", edits));
        }
        if facts.is_piece() {
            continue;
        }
        // A site without a name answers for any host; which one would be put on the list, it does not say.
        let named = facts.entrances().iter().filter(own).filter(|entrance| facts.own_host(&entrance.host));
        let (domains, below): (Vec<&Entrance>, Vec<&Entrance>) = named.partition(|entrance| registrable(&entrance.host));
        if domains.is_empty() {
            findings.extend(below.first().and_then(|entrance| subdomain(&stated, entrance)));
        }
        let mut told: Vec<&'static str> = Vec::new();
        for entrance in domains.into_iter().take(8) {
            for (code, witness) in journeys(facts, entrance) {
                if !told.contains(&code) {
                    told.push(code);
                    findings.push(finding(&stated, code, witness));
                }
            }
        }
    }
}

fn finding(stated: &Stated<'_>, code: &'static str, witness: Option<Witness>) -> Finding {
    let message = format!("`preload` is sent, but {} ({code})", words(code));
    let mut finding = certain(&RULE, message, stated.span)
        .help("meet the requirement, or drop `preload`, which the list does not recommend by default");
    finding.witness = witness;
    finding
}

fn subdomain(stated: &Stated<'_>, entrance: &Entrance) -> Option<Finding> {
    let domain = psl::domain(&entrance.host)?;
    let message = format!(
        "`{}` is below `{}`, and `preload` counts only on that (domain.is_subdomain)",
        lossy(&entrance.host),
        lossy(domain.as_bytes())
    );
    let mut finding = certain(&RULE, message, stated.span).at_most(Severity::Info).help("drop `preload` here");
    finding.witness = Some(entrance.proof.witness());
    Some(finding)
}

/// Whether the name is a domain that can be on the list.
fn registrable(host: &[u8]) -> bool {
    psl::domain(host).is_some_and(|domain| domain.as_bytes() == host)
}

/// The requirements on the way from `/` that fail.
fn journeys(facts: &Facts<'_>, entrance: &Entrance) -> Vec<(&'static str, Option<Witness>)> {
    let mut out = Vec::new();
    let secure = facts.journey(entrance.proof.request.clone());
    let mut fail = |code: &'static str, journey: &Journey| out.push((code, Some(witness_of(journey))));
    if targets(&secure).iter().any(|url| !url.starts_with(b"https:")) {
        fail("redirects.insecure.initial", &secure);
    }
    let mut long = (redirects(&secure) > MAX_REDIRECTS).then(|| secure.clone());
    let door = |other: &&Entrance| other.host == entrance.host && !other.proof.request.encrypted;
    // A port other than 80 is none of the scanner's.
    let plain = facts.entrances().iter().filter(door).find(|other| !host_header(other).contains(&b':'));
    if let Some(plain) = plain {
        let journey = facts.journey(plain.proof.request.clone());
        http(entrance, &journey, &mut fail);
        if redirects(&journey) > MAX_REDIRECTS {
            long.get_or_insert(journey);
        }
    }
    if let Some(journey) = long {
        fail("redirects.too_many", &journey);
    }
    out
}

/// The way that begins over plain http.
fn http(entrance: &Entrance, journey: &Journey, fail: &mut impl FnMut(&'static str, &Journey)) {
    let Some(first) = journey.hops.first() else { return };
    if first.answer.outcome == Outcome::Unknown || first.answer.status == Some(0) {
        return;
    }
    if !is_redirect(first.answer.status) {
        return fail("redirects.http.no_redirect", journey);
    }
    let all = targets(journey);
    let Some(to) = all.first() else { return };
    let host = to.split(|&byte| byte == b'/').nth(2).unwrap_or_default();
    let host = host.split(|&byte| byte == b':').next().unwrap_or_default();
    let www = [b"www.", entrance.host.as_slice()].concat();
    if host == www {
        fail("redirects.http.www_first", journey);
    } else if !to.starts_with(b"https:") || host != entrance.host {
        fail("redirects.http.first_redirect.insecure", journey);
    } else if let Some(second) = journey.hops.get(1).filter(|hop| hop.answer.outcome != Outcome::Unknown) {
        let value = hsts::single(&hsts::values_in(&second.answer)).map(<[u8]>::to_vec);
        let bound = value.is_ok_and(|value| hsts::preloadable(&value, hsts::Bar::Year).errors.is_empty());
        // A value that is itself too weak was told already.
        if !bound && hsts::values_in(&second.answer).is_empty() {
            fail("redirects.http.first_redirect.no_hsts", journey);
        }
    }
    if all.iter().skip(1).any(|url| !url.starts_with(b"https:")) {
        fail("redirects.insecure.subsequent", journey);
    }
}

fn redirects(journey: &Journey) -> usize {
    journey.hops.iter().filter(|hop| is_redirect(hop.answer.status)).count()
}

/// Where each redirect leads.
fn targets(journey: &Journey) -> Vec<Vec<u8>> {
    let mut urls: Vec<Vec<u8>> = journey.hops.iter().skip(1).map(|hop: &Hop| hop.url.clone()).collect();
    if journey.hops.last().is_some_and(|hop| is_redirect(hop.answer.status)) {
        urls.push(journey.last.clone());
    }
    urls
}

fn host_header(entrance: &Entrance) -> Vec<u8> {
    let headers = &entrance.proof.request.headers;
    let host = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    host.map(|(_, value)| value.to_vec()).unwrap_or_default()
}

fn words(code: &str) -> &'static str {
    match code {
        "header.preloadable.include_sub_domains.missing" => "`includeSubDomains` is missing",
        "header.preloadable.max_age.missing" => "`max-age` is missing",
        "header.preloadable.max_age.zero" => "`max-age` is 0",
        "header.preloadable.max_age.below_1_year" => "`max-age` is below a year (31536000)",
        "redirects.http.no_redirect" => "plain http is answered without a redirect",
        "redirects.http.www_first" => "http is redirected to `www.` before it is redirected to https of the same host",
        "redirects.http.first_redirect.insecure" => "the first redirect from http does not lead to https of the same host",
        "redirects.http.first_redirect.no_hsts" => "the first https answer behind the redirect from http carries no policy",
        "redirects.insecure.initial" | "redirects.insecure.subsequent" => "a redirect leads to plain http",
        "redirects.too_many" => "there are more than 3 redirects",
        _ => "its value cannot be read",
    }
}

/// The value as the list wants it.
fn raised(facts: &Facts<'_>, stated: &Stated<'_>, code: &str) -> Option<Edit> {
    let literal = stated.rule.value.as_literal().is_some();
    let word = facts.directive(stated.rule.span)?.args.iter().find(|word| literal && word.span == stated.span)?;
    let inner = mend::inside(facts, word);
    match code {
        "header.preloadable.include_sub_domains.missing" => Some(insert_behind(inner, "; includeSubDomains")),
        "header.preloadable.max_age.below_1_year" | "header.preloadable.max_age.zero" => {
            Some(replace(inner, hsts::with_age(&facts.text(inner), hsts::YEAR)?))
        }
        _ => None,
    }
}
