//! See the page of [`RULE`].

use super::circle::{self, Kind};
use super::make::{Also, shown};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity, Applicability};
use std::collections::BTreeSet;

declare! {
    /// Redirects lead in a circle as long as a cookie, a header or a file stays as it is.
    ///
    /// ## What it does
    /// Finds loops that hang on a condition which the tool cannot decide and which the next request may answer otherwise.
    ///
    /// ## Why is this bad?
    /// A visitor for whom the condition never changes, one who refuses cookies for instance, never arrives.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{HTTP_COOKIE} !consent=1
    /// RewriteRule ^ /consent [R=302,L]
    /// ```
    /// ```nginx bad
    /// location / {
    ///     if ($cookie_consent = "") { return 302 /consent; }
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{REQUEST_URI} !^/consent
    /// RewriteCond %{HTTP_COOKIE} !consent=1
    /// RewriteRule ^ /consent [R=302,L]
    /// ```
    /// ```nginx good
    /// location = /consent { }
    /// location / {
    ///     if ($cookie_consent = "") { return 302 /consent; }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the target's own path is left out of what is redirected.
    ///
    /// ## Traps
    /// Where the target's page sets the cookie, most visitors make one hop only; those without cookies still go round.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4.
    RULE {
        name: "conditional-redirect-loop",
        group: Group::LoopChain,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for walk in facts.walks() {
        let Some(Kind::Conditional(guard)) = circle::kind(facts, walk) else { continue };
        let (members, closing) = circle::members(walk);
        let Some(at) = closing.filter(|_| seen.insert(members)) else { continue };
        let mut finding = shown(&RULE, &walk.journey, "this redirect leads back to itself as long as its condition holds", at)
            .help("leave the target's own path out of the condition")
            .mend(Applicability::Unsafe, "leave the target's own path out", circle::spare_target(facts, walk, at));
        if let Some(guard) = guard {
            finding = finding.related(guard.span, "while this holds");
        }
        findings.push(circle::placed(facts, walk, finding));
    }
}
