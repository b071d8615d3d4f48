//! See the page of [`RULE`].

use super::circle::{self, Kind};
use super::make::{Also, lossy, shown};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity, Applicability};
use std::collections::BTreeSet;

declare! {
    /// A prefix is redirected to a place below itself, which it matches again.
    ///
    /// ## What it does
    /// Finds `Redirect /blog /blog/`, `location /a { return 301 /a/b; }` and their like: the target begins with the very
    /// prefix that is matched, on the same host.
    ///
    /// ## Why is this bad?
    /// The target is redirected as well: the URL grows on every turn, or comes back at once, until the browser gives up.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect 301 /blog /blog/
    /// ```
    /// ```nginx bad
    /// location /a {
    ///     return 301 /a/index;
    /// }
    /// ```
    /// Match the one path only:
    /// ```htaccess good
    /// RedirectMatch 301 ^/blog$ /blog/
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 301 /a/index;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: only the one path is redirected afterwards (`RedirectMatch` with `^` and `$`, `location =`), nothing
    /// below it. Whether that is meant the author knows.
    ///
    /// ## Traps
    /// Apache's `Redirect /a /a.html` does not loop: it matches whole segments. A more specific nginx location that
    /// serves the target ends the circle.
    ///
    /// ## Sources
    /// mod_alias `alias_matches`; nginx `location`.
    RULE {
        name: "prefix-redirect-into-itself",
        group: Group::LoopChain,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for walk in facts.walks() {
        let Some(Kind::Prefix(route)) = circle::kind(facts, walk) else { continue };
        if !seen.insert(route.span) {
            continue;
        }
        let to = route.target().map(|target| lossy(&target.path_prefix)).unwrap_or_default();
        let message = format!("the target `{to}` lies below the prefix that is redirected, so it is redirected again");
        let help = if facts.is_apache() {
            "match the one path: `RedirectMatch` with `^` and `$`"
        } else {
            "match the one path: `location =`"
        };
        let edits = mend::exact_path(facts, route.span);
        findings.push(shown(&RULE, &walk.journey, message, route.span).help(help).mend(Applicability::Unsafe, "match the one path", edits));
    }
}
