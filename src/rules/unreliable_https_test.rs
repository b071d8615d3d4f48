//! See the page of [`RULE`].

use super::make::{Also, certain, replace};
use super::{Basis, FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::syntax::Directive;

declare! {
    /// A test for https looks at something that always says the same.
    ///
    /// ## What it does
    /// Finds `%{ENV:HTTPS}` and `%{HTTP_X_FORWARDED_PROTO}` in a `RewriteCond`, both always empty there, and nginx's `$https`
    /// compared with `off`, which it never is.
    ///
    /// ## Why is this bad?
    /// "Not https" is then always true, also on https: the redirect to https never ends. Or it is never true, and nothing
    /// is redirected.
    ///
    /// ## Example
    /// ```htaccess bad also=redirect-loop,unknown-server-variable
    /// RewriteEngine On
    /// RewriteCond %{HTTP_X_FORWARDED_PROTO} !https
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     if ($https = off) { return 301 https://$host/a; }
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP:X-Forwarded-Proto} =http
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     if ($scheme = http) { return 301 https://$host/a; }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe, as it makes the test work for the first time.
    ///
    /// ## Traps
    /// `SetEnvIf X-Forwarded-Proto https HTTPS=on` gives `%{ENV:HTTPS}` a meaning; with such a line the rule is silent.
    ///
    /// ## Sources
    /// mod_rewrite's list of variables; mod_ssl sets `HTTPS` only after rewriting; nginx `$https`.
    RULE {
        name: "unreliable-https-test",
        group: Group::LoopChain,
        severity: Severity::Error,
        basis: Basis::Text,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut sets_https = false;
    let mut found = Vec::new();
    facts.each_directive(|directive, _| {
        let name = facts.name(directive);
        if name.starts_with("setenv") || name.starts_with("rewriterule") {
            let mut args = directive.args.iter().map(|word| facts.word(word));
            sets_https |= args.any(|word| word.windows(5).any(|five| five == b"HTTPS") && name.starts_with("setenv") || word.windows(8).any(|eight| eight == b"E=HTTPS:"));
        }
        found.extend(wrong(facts, directive));
    });
    findings.extend(found.into_iter().filter(|(env, _)| !(*env && sets_https)).map(|(_, finding)| finding));
}

/// The finding, and whether a variable of the environment that a line may set is meant.
fn wrong<'a>(facts: &Facts<'a>, directive: &'a Directive) -> Option<(bool, Finding)> {
    if words::is(facts, directive, "RewriteCond") {
        let word = directive.args.first()?;
        let text = facts.text(word.span).to_ascii_uppercase();
        let (env, better) = match text.trim_matches('"') {
            "%{ENV:HTTPS}" => (true, "%{HTTPS}"),
            "%{HTTP_X_FORWARDED_PROTO}" | "%{X_FORWARDED_PROTO}" => (false, "%{HTTP:X-Forwarded-Proto}"),
            _ => return None,
        };
        let message = format!("`{text}` is always empty here: it says nothing about https");
        let fix = replace(word.span, better);
        let finding = certain(&RULE, message, word.span).help(format!("write `{better}`"));
        return Some((env, finding.at_most(Severity::Warning).fix(Applicability::Unsafe, format!("write `{better}`"), vec![fix])));
    }
    if !words::is(facts, directive, "if") {
        return None;
    }
    let text: Vec<String> = directive.args.iter().map(|word| String::from_utf8_lossy(facts.word(word)).into_owned()).collect();
    let text = text.join(" ");
    let compares = text.trim_matches(['(', ')', ' ']).split_whitespace().collect::<Vec<_>>();
    let off = matches!(compares.as_slice(), ["$https", "=" | "!=", "off"]);
    off.then(|| {
        let span = directive.args.first().map_or(directive.name.span, |word| word.span);
        let finding = certain(&RULE, "`$https` is `on` or empty, never `off`: this test always gives the same", span);
        (false, finding.help("test `$scheme = http`").at_most(Severity::Warning))
    })
}
