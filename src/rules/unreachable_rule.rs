//! See the page of [`RULE`].

use super::make::{Also, by_proof};
use super::{FixKind, Group, Servers, mend, server_return_shadows_locations};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::analysis::witness::Proof;
use crate::diagnostic::{Finding, Severity, Applicability, Edit};

declare! {
    /// Every request that a redirect matches is answered by an earlier one.
    ///
    /// ## What it does
    /// Finds redirects behind a broader one without conditions: one that stands above and ends the list, or one of
    /// another list, location or module that the server asks first (in nginx the rewrites of a server before its
    /// locations, `^~` before patterns, patterns in their order; in Apache mod_rewrite before mod_alias).
    ///
    /// ## Why is this bad?
    /// The redirect never runs; its author believes that it does.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect 301 /a /b
    /// Redirect 301 /a/c /d
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     rewrite ^/old/ /new/ permanent;
    ///     rewrite ^/old/x$ /y permanent;
    /// }
    /// ```
    /// The narrower one comes first:
    /// ```htaccess good
    /// Redirect 301 /a/c /d
    /// Redirect 301 /a /b
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     rewrite ^/old/x$ /y permanent;
    ///     rewrite ^/old/ /new/ permanent;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the narrower directive moves in front of the broader one, and begins to answer. Where the redirect
    /// is wrong rather than the order, delete it. No fix where the two stand in different blocks or rules count
    /// each other.
    ///
    /// ## Traps
    /// A list that jumps (flags C, S, N) is left alone, and so is what stands behind a rewrite inside the server,
    /// which shows later redirects another path. Two redirects for the very same requests are `duplicate-source`.
    ///
    /// ## Sources
    /// Apache mod_alias, "Order of Processing"; nginx rewrite module.
    RULE {
        name: "unreachable-rule",
        group: Group::DeadCode,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for pair in facts.shadowed().iter().filter(|pair| !pair.same) {
        let (Some(later), Some(earlier)) = (facts.routes().get(pair.later), facts.routes().get(pair.earlier)) else { continue };
        let elsewhere = later.scope != earlier.scope;
        if elsewhere && !facts.is_apache() && server_return_shadows_locations::answers_everything(earlier) {
            continue;
        }
        let Some(proof) = taken_by(facts, later, earlier) else { continue };
        findings.push(
            by_proof(&RULE, &proof, "this is never reached: an earlier directive answers every request it matches", later.span)
                .related(earlier.span, "answers these requests")
                .help(match elsewhere {
                    true => "the server asks the broader one first: narrow that one, or delete this one",
                    false => "put it above the broader one, or delete it",
                })
                .mend(Applicability::Unsafe, "put it above the broader one", above(facts, later, earlier).filter(|_| !elsewhere)),
        );
    }
}

/// A request made for the later route that the earlier one answers; `None` also where some request does get through.
pub(super) fn taken_by(facts: &Facts<'_>, later: &Route<'_>, earlier: &Route<'_>) -> Option<Proof> {
    let mut taken = None;
    for request in facts.proposals(later).into_iter().take(8) {
        let answer = facts.answer(&request);
        if answer.cause == Some(later.span) && later.span != earlier.span {
            return None;
        }
        if taken.is_none() && answer.cause == Some(earlier.span) {
            taken = facts.prove(earlier, request);
        }
    }
    taken
}

/// The later directive in front of the earlier one, where both stand in one block.
fn above(facts: &Facts<'_>, later: &Route<'_>, earlier: &Route<'_>) -> Option<Vec<Edit>> {
    let parent = |route: &Route<'_>| facts.directive(route.span).map(|directive| facts.parent(directive).map(|parent| parent.span));
    let same = later.slot == earlier.slot && later.span != earlier.span && parent(later) == parent(earlier);
    if same { mend::move_above(facts, &[later.span], earlier.span) } else { None }
}
