//! See the page of [`RULE`].

use super::make::{Also, by_proof, certain, insert_before, replace};
use super::{FixKind, Group, Servers};
use crate::analysis::transport::{sends, sts_of};
use crate::analysis::witness::Proof;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::ir::scope::HeaderRule;
use crate::source::Span;

declare! {
    /// Strict-Transport-Security is written so that some https answers lose it.
    ///
    /// ## What it does
    /// Apache: finds the header written without `always`, or with `env=HTTPS`. nginx: finds `add_header` without
    /// `always` (info).
    ///
    /// ## Why is this bad?
    /// Apache sends a header without `always` with content only, not with redirects and errors. `env=HTTPS` is
    /// worse: the variable is set late, so exactly redirects lack the header, and a check of the page in a browser
    /// does not show it. nginx leaves it out of 4xx and 5xx only.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header always set Strict-Transport-Security "max-age=31536000" env=HTTPS
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000";
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
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe where the policy is written once: only the answers that lacked it change. Unsafe where it is written at
    /// other places, too. Where the same header is written with `always` as well, no fix is offered, for there
    /// would be two.
    ///
    /// ## Traps
    /// Where a redirect of the configuration shows the loss, `hsts-missing-on-redirect` tells it instead. Without
    /// a request that shows the loss this is info.
    ///
    /// ## Sources
    /// mod_headers, "condition"; the order of mod_ssl's and mod_rewrite's hooks; ngx_http_headers_module.
    RULE {
        name: "hsts-condition-drops-header",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let rules = facts.sts_rules();
    let told: Vec<Span> = super::hsts_missing_on_redirect::missing(facts).iter().filter_map(|one| Some(one.lost?.span)).collect();
    for rule in rules.iter().filter(|rule| sends(rule) && !told.contains(&rule.span)) {
        let env = env_word(facts, rule);
        if rule.always && env.is_none() {
            continue;
        }
        // The same header in the other table covers what this one leaves out.
        if covered(facts, rule) {
            continue;
        }
        let (message, at) = match env {
            Some(word) => ("`env=HTTPS` is not set yet when Apache sends redirects, so they lack the header", word),
            None if facts.is_apache() => ("without `always` the header is left out of redirects and errors", rule.span),
            None => ("without `always` the header is left out of answers with 4xx and 5xx", rule.span),
        };
        let proof = if facts.is_apache() { loss(facts) } else { None };
        let mut finding = match &proof {
            Some(proof) => by_proof(&RULE, proof, message, at),
            None => certain(&RULE, message, at).at_most(Severity::Info),
        };
        finding = finding.help(match env {
            Some(_) => "write `\"expr=%{HTTPS} == 'on'\"` in its place",
            None => "write `always`",
        });
        if let Some(edits) = repair(facts, rule) {
            finding = finding.fix(applicability(facts), "send it with every https answer", edits);
        }
        findings.push(finding);
    }
}

/// Whether the same header goes out always wherever the directive is in force.
fn covered(facts: &Facts<'_>, rule: &HeaderRule) -> bool {
    let mut scopes = facts.program.scopes.iter().filter(|scope| sts_of(scope).any(|one| one.span == rule.span)).peekable();
    let always = |other: &HeaderRule| other.always && other.condition.is_none() && sends(other) && other.span != rule.span;
    scopes.peek().is_some() && scopes.all(|scope| sts_of(scope).any(always))
}

/// The edits that send the header with every https answer.
pub(super) fn repair(facts: &Facts<'_>, rule: &HeaderRule) -> Option<Vec<Edit>> {
    let directive = facts.directive(rule.span)?;
    let mut edits = Vec::new();
    if let Some(word) = env_word(facts, rule) {
        edits.push(replace(word, "\"expr=%{HTTPS} == 'on'\""));
    }
    if !rule.always {
        if facts.is_apache() {
            let first = directive.args.first()?;
            match facts.word(first).eq_ignore_ascii_case(b"onsuccess") {
                true => edits.push(replace(first.span, "always")),
                false => edits.push(insert_before(first.span, "always ")),
            }
        } else {
            edits.push(super::make::insert_behind(directive.args.last()?.span, " always"));
        }
    }
    (!edits.is_empty()).then_some(edits)
}

/// Safe where no other directive sends the policy: a second header would come of it.
pub(super) fn applicability(facts: &Facts<'_>) -> Applicability {
    match facts.sts_rules().iter().filter(|rule| sends(rule)).count() {
        1 => Applicability::Safe,
        _ => Applicability::Unsafe,
    }
}

/// The word `env=HTTPS`.
fn env_word(facts: &Facts<'_>, rule: &HeaderRule) -> Option<Span> {
    if !facts.is_apache() {
        return None;
    }
    let directive = facts.directive(rule.span)?;
    directive.args.iter().find(|word| facts.word(word).eq_ignore_ascii_case(b"env=https")).map(|word| word.span)
}

/// An encrypted request whose answer shows the loss: a method that no file takes.
fn loss(facts: &Facts<'_>) -> Option<Proof> {
    for entrance in facts.entrances().iter().filter(|entrance| entrance.proof.request.encrypted) {
        for method in [&b"GET"[..], b"PUT", b"DELETE"] {
            let mut request = entrance.proof.request.clone();
            request.method = method.into();
            let answer = facts.answer(&request);
            let plain = answer.status.is_some_and(|status| status >= 300);
            if plain && hsts::values_in(&answer).is_empty() {
                return Some(Proof { request, answer });
            }
        }
    }
    None
}
