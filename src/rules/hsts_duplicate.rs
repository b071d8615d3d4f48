//! See the page of [`RULE`].

use super::make::{Also, certain, lossy};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::transport::{sends, sts_of};
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::ir::scope::HeaderRule;
use rustc_hash::FxHashSet;

declare! {
    /// One answer carries more than one Strict-Transport-Security.
    ///
    /// ## What it does
    /// Asks every site for `/` over TLS and counts the policies in the answer.
    ///
    /// ## Why is this bad?
    /// A server must send only one. Clients take the first and ignore the rest, and the preload list refuses the
    /// domain. In Apache `Header set` and `Header always set` write to two different tables, and content gets both.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header set Strict-Transport-Security "max-age=31536000" "expr=%{HTTPS} == 'on'"
    /// Header always set Strict-Transport-Security "max-age=31536000" "expr=%{HTTPS} == 'on'"
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
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
    /// Safe where both say the same: the weaker directive (the one without `always`, else the second) is deleted.
    /// No fix where they differ, for only its author knows which is meant.
    ///
    /// ## Traps
    /// `Header onsuccess unset` before `Header always set` is the right way to replace an application's header.
    /// What an application or another server behind adds is not seen.
    ///
    /// ## Sources
    /// RFC 6797 sections 7.1 and 8.1; mod_headers on its two tables; hstspreload.org, `response.multiple_headers`.
    RULE {
        name: "hsts-duplicate",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told = FxHashSet::default();
    for entrance in facts.entrances().iter().filter(|entrance| entrance.proof.request.encrypted) {
        let values = hsts::values_in(&entrance.proof.answer);
        let joined = values.iter().any(|value| value.split(|&byte| byte == b',').filter(|part| has_age(part)).count() > 1);
        if values.len() < 2 && !joined {
            continue;
        }
        let rules = senders(facts, entrance.site, &values);
        let Some((extra, kept)) = pair(&rules) else { continue };
        if !told.insert(extra.span) {
            continue;
        }
        let shown: Vec<String> = values.iter().map(|value| format!("`{}`", lossy(value))).collect();
        let message = format!("answers carry the header more than once: {}", shown.join(" and "));
        let mut finding = certain(&RULE, message, extra.span)
            .related(kept.span, "sent as well")
            .help("keep one, in Apache the one with `always`");
        finding.witness = Some(entrance.proof.witness());
        let same = kept.value == extra.value && !joined && (kept.always || !extra.always);
        let conditions = kept.condition.is_some() == extra.condition.is_some();
        if same && conditions {
            let edits = mend::remove(facts, extra.span);
            finding = finding.mend(Applicability::Safe, "delete the one that adds nothing", edits);
        }
        findings.push(finding);
    }
}

fn has_age(part: &[u8]) -> bool {
    part.windows(7).any(|seven| seven.eq_ignore_ascii_case(b"max-age"))
}

/// The site's directives that sent these values, in the order of the text.
fn senders<'a>(facts: &Facts<'a>, site: crate::ir::SiteId, values: &[&[u8]]) -> Vec<&'a HeaderRule> {
    let sent = |rule: &HeaderRule| {
        rule.value.as_literal().is_none_or(|text| values.iter().any(|value| value.windows(text.len().max(1)).any(|part| part == text)))
    };
    let mut rules: Vec<&HeaderRule> = facts
        .site_scopes(site)
        .into_iter()
        .flat_map(|(_, scope)| sts_of(scope))
        .filter(|rule| sends(rule) && sent(rule))
        .collect();
    if rules.len() < 2 {
        rules = facts.sts_rules().into_iter().filter(|rule| sends(rule) && sent(rule)).collect();
    }
    rules.sort_by_key(|rule| rule.span);
    rules.dedup_by_key(|rule| rule.span);
    rules
}

/// The directive to take away, and one that stays.
fn pair<'a>(rules: &[&'a HeaderRule]) -> Option<(&'a HeaderRule, &'a HeaderRule)> {
    let extra = rules.iter().find(|rule| !rule.always).or(rules.get(1)).copied()?;
    let kept = rules.iter().copied().find(|rule| rule.span != extra.span)?;
    Some((extra, kept))
}
