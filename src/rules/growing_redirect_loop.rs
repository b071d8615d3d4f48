//! See the page of [`RULE`].

use super::circle::{self, Kind};
use super::make::{Also, lossy, shown};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::graph::Shape;
use crate::diagnostic::{Finding, Severity, Applicability};
use std::collections::BTreeSet;

declare! {
    /// Every redirect makes the URL longer, until the client gives up.
    ///
    /// ## What it does
    /// Follows redirects up to a browser's limit and reports the ones whose target is caught by the same
    /// redirect again, longer each time: `/login/`, `/login/login/`, and so on.
    ///
    /// ## Why is this bad?
    /// Nobody reaches the page. Unlike a circle the URLs never repeat, so that tools which look for a repeated
    /// URL do not see it.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^(.*)$ /login/$1 [R=307,L]
    /// ```
    /// ```nginx bad
    /// location / {
    ///     return 307 /login$request_uri;
    /// }
    /// ```
    /// Leave the target out of what is redirected:
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{REQUEST_URI} !^/login(?:/|$)
    /// RewriteRule ^(.*)$ /login/$1 [R=307,L]
    /// ```
    /// ```nginx good
    /// location = / {
    ///     return 307 /login;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the target's own paths are left out of what is matched, as the examples show. Whether just these are
    /// to be left out is the author's decision.
    ///
    /// ## Traps
    /// A condition on a file that exists only on the server may stop it; then the finding is one step lower and
    /// names what was assumed.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4; WHATWG Fetch, HTTP-redirect fetch.
    RULE {
        name: "growing-redirect-loop",
        group: Group::LoopChain,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for walk in facts.walks().iter().filter(|walk| walk.shape == Shape::Growing) {
        if !matches!(circle::kind(facts, walk), Some(Kind::Plain)) {
            continue;
        }
        // The redirect that goes round, not the one that led into it.
        let Some(at) = walk.journey.hops.last().and_then(|hop| hop.answer.cause) else { continue };
        if !seen.insert(at) {
            continue;
        }
        let urls: Vec<String> = walk.journey.hops.iter().take(3).map(|hop| format!("`{}`", lossy(&hop.url))).collect();
        let message = format!("this redirect catches its own target and makes it longer: {} → …", urls.join(" → "));
        let finding = shown(&RULE, &walk.journey, message, at).help("leave the target's own paths out of what is matched");
        let finding = finding.mend(Applicability::Unsafe, "leave the target's own paths out", circle::spare_target(facts, walk, at));
        findings.push(circle::placed(facts, walk, finding));
    }
}
