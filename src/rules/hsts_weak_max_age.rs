//! See the page of [`RULE`].

use super::make::{Also, certain, replace};
use super::{FixKind, Group, Servers};
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Finding, Severity, Applicability};

declare! {
    /// The age of a Strict-Transport-Security policy is short, zero, or looks like a slip.
    ///
    /// ## What it does
    /// Compares `max-age` with half a year (15552000 seconds) and with the usual values that lost or gained a digit.
    ///
    /// ## Why is this bad?
    /// A policy that ends before the next visit protects nobody. `3153600` is 36 days, not a year;
    /// `31536000000` are milliseconds.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header always set Strict-Transport-Security "max-age=3153600" "expr=%{HTTPS} == 'on'"
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=3600" always;
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
    /// Unsafe: a longer policy binds visitors longer. The number that was probably meant is written, or a year. A
    /// first step on the way up (300, 86400, …) and `max-age=0` are left alone.
    ///
    /// ## Traps
    /// 300, 86400, 604800 and 2592000 are steps of a careful start, and 0 retires a policy: info.
    ///
    /// ## Sources
    /// RFC 6797 section 6.1.1; hstspreload.org, deployment recommendations; MDN HTTP Observatory.
    RULE {
        name: "hsts-weak-max-age",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Half a year of 30-day months, in seconds.
const HALF_A_YEAR: u64 = 15_552_000;
/// Steps of a careful start.
const STEPS: [u64; 4] = [300, 86_400, 604_800, 2_592_000];
/// Values people mean: half a year, a year, two years.
const USUAL: [u64; 4] = [HALF_A_YEAR, 15_768_000, hsts::YEAR, 2 * hsts::YEAR];

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for stated in facts.sts_values() {
        let (policy, _) = hsts::parse(&stated.text);
        // Too short for the preload list is told with its other requirements.
        let Some((severity, why)) = policy.max_age.and_then(judge).filter(|_| !policy.preload) else { continue };
        let mut finding = certain(&RULE, why, stated.span)
            .at_most(severity)
            .help("raise it step by step to `max-age=31536000` or more");
        if severity == Severity::Warning {
            let fixed = hsts::with_age(&facts.text(stated.span), meant(policy.max_age.unwrap_or_default()));
            let edits = fixed.filter(|_| stated.rule.value.as_literal().is_some()).map(|text| vec![replace(stated.span, text)]);
            finding = finding.mend(Applicability::Unsafe, "write the age that was meant", edits);
        }
        finding.witness = facts.sts_proof(&stated.text).map(|proof| proof.witness());
        findings.push(finding);
    }
}

/// The usual number that a digit was lost from or put to, else a year.
fn meant(age: u64) -> u64 {
    let slip = |usual: &&u64| age.checked_mul(10) == Some(**usual) || **usual * 1_000 == age;
    USUAL.iter().find(slip).copied().unwrap_or(hsts::YEAR)
}

fn judge(age: u64) -> Option<(Severity, String)> {
    let long = duration(age);
    let meant = USUAL.iter().find(|usual| age.checked_mul(10) == Some(**usual));
    Some(match (age, meant) {
        (0, _) => (Severity::Info, "`max-age=0` makes clients forget the policy".to_owned()),
        (_, Some(meant)) if age < *meant => (Severity::Warning, format!("`max-age={age}` is {long}; was {meant} meant?")),
        (age, _) if age > hsts::TEN_YEARS => {
            (Severity::Warning, format!("`max-age={age}` is over ten years; the unit is seconds, not milliseconds"))
        }
        (age, _) if STEPS.contains(&age) => {
            (Severity::Info, format!("`max-age={age}` is a first step; raise it once everything works over https"))
        }
        (age, _) if age < HALF_A_YEAR => {
            (Severity::Warning, format!("`max-age={age}` is {long}, less than half a year"))
        }
        _ => return None,
    })
}

/// A number of seconds in the unit that fits.
fn duration(age: u64) -> String {
    let (count, unit) = match age {
        0..=119 => (age, "second"),
        120..=7_199 => (age / 60, "minute"),
        7_200..=172_799 => (age / 3_600, "hour"),
        _ => (age / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_told_apart_from_careful_starts() {
        assert!(judge(3_153_600).is_some_and(|(severity, why)| severity == Severity::Warning && why.contains("31536000")));
        assert!(judge(31_536_000_000).is_some_and(|(severity, _)| severity == Severity::Warning));
        assert!(judge(300).is_some_and(|(severity, _)| severity == Severity::Info));
        assert!(judge(500).is_some_and(|(_, why)| why.contains("8 minutes")));
        assert_eq!(judge(31_536_000), None);
        assert_eq!(judge(15_552_000), None);
    }
}
