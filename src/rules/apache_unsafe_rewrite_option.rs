//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{Basis, FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity, Applicability};

declare! {
    /// A mod_rewrite option switches a security fix off.
    ///
    /// ## What it does
    /// Finds `RewriteOptions AllowAnyURI` and `LegacyPrefixDocRoot`, and the flags `UnsafeAllow3F` and
    /// `UnsafePrefixStat`.
    ///
    /// ## Why is this bad?
    /// They bring back what CVE-2011-3368, CVE-2011-4317 and the fixes of 2024 (CVE-2024-38474, CVE-2024-38475)
    /// closed: requests that reach other servers or files than the rules intend.
    ///
    /// ## Example
    /// ```apache bad
    /// RewriteEngine on
    /// RewriteOptions AllowAnyURI
    /// ```
    /// ```apache good
    /// RewriteEngine on
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^(.+)$ index.php?path=$1 [B,L,QSA,UnsafeAllow3F]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the option is taken out, and something may rely on it.
    ///
    /// ## Traps
    /// A forward proxy may need `AllowAnyURI`: then its patterns must begin with `^/`, and the finding be
    /// suppressed with a reason. `UnsafeAllow3F` beside the flag `B` is harmless, since `B` escapes the question mark.
    ///
    /// ## Sources
    /// mod_rewrite, `RewriteOptions` and flags; httpd security advisories.
    RULE {
        name: "apache-unsafe-rewrite-option",
        group: Group::InjectionSecurity,
        severity: Severity::Warning,
        basis: Basis::Text,
        servers: Servers::Apache,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    facts.each_directive(|directive, _| {
        let mut tell = |name: &str, at, edits| {
            let message = format!("`{name}` switches a security fix of mod_rewrite off");
            let finding = certain(&RULE, message, at).help("leave it out, and tighten the patterns that needed it");
            findings.push(finding.mend(Applicability::Unsafe, "leave it out", edits));
        };
        if words::is(facts, directive, "RewriteOptions") {
            for word in &directive.args {
                let text = facts.word(word);
                for name in ["AllowAnyURI", "LegacyPrefixDocRoot"] {
                    if text.eq_ignore_ascii_case(name.as_bytes()) {
                        let alone = directive.args.len() == 1;
                        tell(name, word.span, if alone { mend::remove(facts, directive.span) } else { None });
                    }
                }
            }
        } else if words::is(facts, directive, "RewriteRule") {
            // `B` escapes the question mark that `UnsafeAllow3F` lets pass.
            let flags = words::flags(facts, directive).unwrap_or_default();
            let escaped = || flags.iter().any(|flag| flag.is("B", "escapeBackReferences"));
            for flag in &flags {
                for name in ["UnsafeAllow3F", "UnsafePrefixStat"] {
                    if flag.is(name, name) && !(name == "UnsafeAllow3F" && escaped()) {
                        tell(name, flag.span, words::without(facts, directive, flag).map(|edit| vec![edit]));
                    }
                }
            }
        }
    });
}
