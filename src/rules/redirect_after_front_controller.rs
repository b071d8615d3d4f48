//! See the page of [`RULE`].

use super::make::{Also, by_proof, with_confidence};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::analysis::routes::{Does, PathKind, PathPattern, Route};
use crate::diagnostic::{Confidence, Finding, Severity, Applicability};
use crate::ir::clause::Then;
use crate::ir::scope::Slot;
use crate::ir::{ScopeId, SiteId};
use rustc_hash::FxHashMap;

declare! {
    /// Redirects stand below the front controller, which takes every request first.
    ///
    /// ## What it does
    /// Finds `RewriteRule … [R]` behind a catch-all such as `RewriteRule . /index.php [L]` of the same list.
    ///
    /// ## Why is this bad?
    /// Whatever is no file is handed to the application before the redirect is looked at. The redirect never happens.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^index\.php$ - [L]
    /// RewriteCond %{REQUEST_FILENAME} !-f
    /// RewriteRule . /index.php [L]
    /// RewriteRule ^old$ /new [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^old$ /new [R=301,L]
    /// RewriteRule ^index\.php$ - [L]
    /// RewriteCond %{REQUEST_FILENAME} !-f
    /// RewriteRule . /index.php [L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the redirects move above the front controller, and above the comments of a program that writes its
    /// own part (`# BEGIN WordPress`), and begin to answer.
    ///
    /// ## Traps
    /// A redirect of a file that exists is still reached, which is why the finding is one step milder where the
    /// catch-all asks for files. Several redirects below one catch-all are one finding.
    ///
    /// ## Sources
    /// mod_rewrite, order of rules.
    RULE {
        name: "redirect-after-front-controller",
        group: Group::DeadCode,
        severity: Severity::Error,
        servers: Servers::Apache,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// A front controller and the redirects below it that were not reached.
struct Below<'r, 'a> {
    front: &'r Route<'a>,
    dead: Vec<&'r Route<'a>>,
}

/// Redirects tried for one front controller.
const MAX_TRIED: usize = 200;
/// Further redirects named in one finding.
const MAX_SHOWN: usize = 5;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut lists: FxHashMap<(SiteId, ScopeId), Below<'_, '_>> = FxHashMap::default();
    let mut order: Vec<(SiteId, ScopeId)> = Vec::new();
    for route in facts.routes().all.iter().filter(|route| route.enabled && route.slot == Slot::Rewrite) {
        let key = (route.site, route.scope);
        match lists.get_mut(&key) {
            None if is_front_controller(route) => {
                lists.insert(key, Below { front: route, dead: Vec::new() });
                order.push(key);
            }
            Some(below) if route.is_redirect() && below.dead.len() < MAX_TRIED
                && facts.proofs(route).is_empty() && facts.attempt(route).is_some() => {
                    below.dead.push(route);
                }
            _ => {}
        }
    }
    for below in order.iter().filter_map(|key| lists.get(key)) {
        findings.extend(finding(facts, below));
    }
}

fn finding(facts: &Facts<'_>, below: &Below<'_, '_>) -> Option<Finding> {
    let first = below.dead.first()?;
    let message = match below.dead.len() {
        1 => "this redirect is never reached: the front controller above takes its requests".to_owned(),
        count => format!("this redirect and {} more are never reached: the front controller above takes their requests", count - 1),
    };
    // The request that the redirect was written for, coming past the front controller instead.
    let proof = facts.proposals(first).into_iter().find_map(|request| facts.passing(below.front, request));
    let finding = match proof {
        Some(proof) => by_proof(&RULE, &proof, message, first.span),
        None => with_confidence(&RULE, Confidence::Possible, message, first.span),
    };
    let dead: Vec<_> = below.dead.iter().map(|route| route.span).collect();
    let edits = mend::move_above(facts, &dead, below.front.span);
    let mut finding = finding;
    for other in below.dead.iter().skip(1).take(MAX_SHOWN) {
        finding = finding.related(other.span, "never reached either");
    }
    let finding = finding.related(below.front.span, "takes every request that is no file");
    Some(finding.help("move the redirects above it").mend(Applicability::Unsafe, "move them above it", edits))
}

/// A rewrite of everything, perhaps of everything that is no file, that ends the list.
fn is_front_controller(route: &Route<'_>) -> bool {
    if !matches!(route.does, Does::Rewrite { .. }) || !matches!(route.then, Then::EndList | Then::EndAll) {
        return false;
    }
    let files_only = route.guards.iter().all(|guard| guard.dimensions.iter().all(|one| *one == Dimension::File));
    let universal = route.paths.iter().filter(|test| test.own).all(|test| !test.negated && is_universal(&test.pattern));
    let others = route.paths.iter().any(|test| !test.own && test.on != PathKind::File);
    files_only && universal && !others
}

fn is_universal(pattern: &PathPattern<'_>) -> bool {
    let PathPattern::Regex(regex) = pattern else { return false };
    let matches = |text: &[u8]| regex.compiled().is_ok_and(|compiled| compiled.is_match(text).unwrap_or(false));
    [&b"blog/page"[..], b"a", b"x.html", b"/blog/page"].into_iter().all(matches)
}
