//! See the page of [`RULE`].

use super::make::{Also, certain, lossy, replace};
use super::{FixKind, Group, Servers};
use crate::analysis::transport::Stated;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::syntax::{apache, nginx};

declare! {
    /// The value of Strict-Transport-Security is not one that clients understand.
    ///
    /// ## What it does
    /// Reads every value that stands in the configuration (those of a `map` included) by the grammar of RFC 6797
    /// and by the preload list's own, stricter reader.
    ///
    /// ## Why is this bad?
    /// A client that cannot read `max-age`, or meets a directive twice, throws the whole policy away. The header is
    /// there, and protects nobody.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header always set Strict-Transport-Security "max age=31536000" "expr=%{HTTPS} == 'on'"
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000, includeSubDomains" always;
    /// }
    /// ```
    /// ```htaccess good
    /// Header always set Strict-Transport-Security "max-age=31536000" "expr=%{HTTPS} == 'on'"
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe for a stray `;` and for casing. Repairing `max age` or a comma switches a dead policy on: for a human
    /// to confirm.
    ///
    /// ## Traps
    /// An empty value sends nothing in nginx, which is how a `map` leaves the header out of plain answers: silent.
    /// A quoted `max-age` is valid in RFC 6797, but not for the preload list: a warning where `preload` stands beside it.
    /// Directives that nobody knows are ignored by clients: info. A value that a template fills in is not judged.
    ///
    /// ## Sources
    /// RFC 6797 sections 6.1 and 8.1; chromium/hstspreload, `header.parse` codes.
    RULE {
        name: "hsts-invalid-value",
        group: Group::HstsSecurity,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for stated in facts.sts_values() {
        let Some((severity, why)) = defect(&stated.text).filter(|_| !is_filled_in(facts, &stated)) else { continue };
        let shown = lossy(&stated.text);
        let message = match severity {
            Severity::Info => format!("in `{shown}` {why}"),
            _ => format!("`{shown}` is no policy that clients keep: {why}"),
        };
        let mut finding = certain(&RULE, message, stated.span)
            .help(match severity {
                Severity::Info => "write what RFC 6797 names, as it writes it, and nothing else",
                _ => "write `max-age=31536000`, with `; includeSubDomains` behind it where that is meant",
            })
            .at_most(severity);
        finding.witness = facts.sts_proof(&stated.text).map(|proof| proof.witness());
        findings.push(repaired(facts, &stated, severity, finding));
    }
}

/// Whether the value is known only after a template engine has filled it in.
fn is_filled_in(facts: &Facts<'_>, stated: &Stated<'_>) -> bool {
    let mark = if facts.is_apache() { apache::template::find(&stated.text) } else { nginx::template::find(&stated.text) };
    mark.is_some() && facts.is_template(stated.span.file)
}

/// How bad the value is, and why.
fn defect(text: &[u8]) -> Option<(Severity, &'static str)> {
    let (policy, issues) = hsts::parse(text);
    let has = |code: &str| issues.errors.contains(&code) || issues.warnings.contains(&code);
    if has("header.parse.empty") {
        return None;
    }
    let quoted = text.windows(9).any(|nine| nine.eq_ignore_ascii_case(b"max-age=\""));
    if has("header.parse.max_age.non_digit_characters") {
        return match quoted {
            true if policy.preload => Some((Severity::Warning, "the preload list takes no quotes around the age")),
            true => None,
            false if text.contains(&b',') => {
                Some((Severity::Error, "directives are divided by `;`, not by `,`, so clients ignore it"))
            }
            false => Some((Severity::Error, "`max-age` takes a whole number of seconds, so clients ignore it")),
        };
    }
    if has("header.parse.invalid.max_age.no_value") || has("header.parse.max_age.parse_int_error") {
        return Some((Severity::Error, "`max-age` has no number that can be read, so clients ignore it"));
    }
    if policy.max_age.is_none() {
        return Some((Severity::Error, "it has no `max-age=`, so clients ignore it"));
    }
    if ["max_age", "include_sub_domains", "preload"].iter().any(|name| has(&format!("header.parse.repeated.{name}"))) {
        return Some((Severity::Error, "a directive stands in it twice, so clients ignore it"));
    }
    if has("header.parse.invalid.include_sub_domains") {
        return Some((Severity::Error, "`includeSubDomains` takes no value, so clients ignore it"));
    }
    if has("header.parse.invalid.preload") {
        return Some((Severity::Warning, "`preload` takes no value"));
    }
    if has("header.parse.unknown_directive") {
        return Some((Severity::Info, "stands a directive that clients do not know"));
    }
    if has("header.parse.empty_directive") {
        return Some((Severity::Info, "a `;` has nothing behind it"));
    }
    if has("header.parse.max_age.leading_zero") {
        return Some((Severity::Info, "the age begins with a zero"));
    }
    let spelt = String::from_utf8_lossy(text).contains("includeSubDomains");
    (policy.include_subdomains && !spelt)
        .then_some((Severity::Info, "`includeSubDomains` is usually written like this (clients do not mind)"))
}

fn repaired(facts: &Facts<'_>, stated: &Stated<'_>, severity: Severity, finding: Finding) -> Finding {
    let word = facts.text(stated.span);
    if stated.rule.value.as_literal().is_none() {
        return finding;
    }
    let (fixed, applicability, text) = if severity == Severity::Info {
        (cosmetic(&word), Applicability::Safe, "tidy the value")
    } else {
        let fixed = word.replace("max age=", "max-age=").replace("max_age=", "max-age=").replace(", ", "; ").replace(',', "; ");
        (fixed, Applicability::Unsafe, "make the value one that clients understand")
    };
    let bare = fixed.trim_matches(['"', '\'']);
    if fixed == word || defect(bare.as_bytes()).is_some() {
        return finding;
    }
    finding.fix(applicability, text, vec![replace(stated.span, fixed)])
}

/// Without stray semicolons, and with the usual casing.
fn cosmetic(word: &str) -> String {
    let quote: String = word.chars().next().filter(|first| matches!(first, '"' | '\'')).into_iter().collect();
    let inner = word.trim_matches(['"', '\'']);
    let parts = inner.split(';').map(str::trim).filter(|part| !part.is_empty());
    let parts = parts.map(|part| if part.eq_ignore_ascii_case("includesubdomains") { "includeSubDomains" } else { part });
    format!("{quote}{}{quote}", parts.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_clients_throw_away_is_an_error_and_a_matter_of_taste_is_not() {
        let severity = |text: &str| defect(text.as_bytes()).map(|(severity, _)| severity);
        assert_eq!(severity("max-age=31536000; includeSubDomains; preload"), None);
        assert_eq!(severity("max-age=\"31536000\""), None);
        assert_eq!(severity("max-age=1y"), Some(Severity::Error));
        assert_eq!(severity("includeSubDomains"), Some(Severity::Error));
        assert_eq!(severity("max-age=1; max-age=2"), Some(Severity::Error));
        assert_eq!(severity("max-age=31536000;"), Some(Severity::Info));
        assert_eq!(severity("max-age=31536000; includeSubdomains"), Some(Severity::Info));
    }
}
