//! See the page of [`RULE`].

use super::make::{Also, insert_before, lossy, shown, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};
use crate::eval::Outcome;
use crate::ir::clause::Then;
use crate::ir::scope::Slot;

declare! {
    /// A `RewriteRule` with `R` lets the rules below it run on, and they change its answer.
    ///
    /// ## What it does
    /// Finds redirecting rules without `L` or `END`, and asks what becomes of a request that such a rule redirects.
    ///
    /// ## Why is this bad?
    /// `R` marks the target as a redirect and goes on with the next rule. A front controller below then takes the
    /// request, and the visitor gets status 301 with the body of a page and no `Location`; another redirect below
    /// replaces target and status.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^old$ /new [R=301]
    /// RewriteRule . /index.php [END]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^old$ /new [R=301,L]
    /// RewriteRule . /index.php [END]
    /// ```
    ///
    /// ## Fix safety
    /// Safe where no rule below takes such a request today, unsafe where one does: the answer changes to the one that
    /// was meant.
    ///
    /// ## Traps
    /// Several rules that each change a part of the URL, the last of them ending with `L`, are a known way to redirect
    /// once. A rule in a chain (`C`) is left alone. Where nothing below matches, the finding is information.
    ///
    /// ## Sources
    /// mod_rewrite `apply_rewrite_list`; flags `R` and `L` of the Apache manual.
    RULE {
        name: "redirect-missing-last-flag",
        group: Group::Status,
        severity: Severity::Error,
        servers: Servers::Apache,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let routes = &facts.routes().all;
    for (at, route) in routes.iter().enumerate() {
        if !route.is_redirect() || !route.enabled || route.slot != Slot::Rewrite || route.clause.then != Then::Next {
            continue;
        }
        let Some(directive) = facts.directive(route.span) else { continue };
        let Some(flags) = words::flags(facts, directive) else { continue };
        if flags.iter().any(|flag| flag.is("C", "chain")) || !flags.iter().any(|flag| flag.is("R", "redirect")) {
            continue;
        }
        let followed = routes.get(at + 1).is_some_and(|next| next.scope == route.scope && next.slot == Slot::Rewrite);
        if !followed {
            continue;
        }
        let Some(first) = flags.first() else { continue };
        let add = insert_before(first.span, "L,");
        findings.push(match hijacked(facts, route) {
            Some(finding) => finding.fix(Applicability::Unsafe, "add `L`", vec![add]),
            None => with_confidence(&RULE, Confidence::Possible, "the rules below go on with this redirect", route.span)
                .help("add `L`, so that later changes below cannot replace the answer")
                .fix(Applicability::Safe, "add `L`", vec![add]),
        });
    }
}

/// The finding where a request that the rule redirects is answered by another one.
fn hijacked(facts: &Facts<'_>, route: &Route<'_>) -> Option<Finding> {
    let status = route.status()?;
    let journey = facts.proposals(route).into_iter().map(|request| facts.journey(request)).find(|journey| {
        journey.hops.first().is_some_and(|hop| {
            let other = hop.answer.cause.is_some_and(|cause| cause != route.span);
            let content = hop.answer.outcome == Outcome::Content && reaches(facts, route, &hop.request);
            let lost = hop.answer.location.is_none() && (hop.answer.status == Some(status) || content);
            let replaced = other && hop.answer.location.is_some() && reaches(facts, route, &hop.request);
            lost || replaced
        })
    })?;
    let answer = &journey.hops.first()?.answer;
    let message = match &answer.location {
        Some(location) => format!("a rule below replaces this redirect: the answer leads to `{}`", lossy(location)),
        None => format!("a rule below takes the redirected request: the answer is {status} without a `Location`"),
    };
    let mut finding = shown(&RULE, &journey, message, route.span).help("add `L`: `R` alone does not stop the rules below");
    if let Some(cause) = answer.cause.filter(|cause| *cause != route.span) {
        finding = finding.related(cause, "takes over");
    }
    Some(finding)
}

/// Whether the rule ran for this request, as the steps tell.
fn reaches(facts: &Facts<'_>, route: &Route<'_>, request: &crate::eval::Request) -> bool {
    let answer = crate::eval::answer(facts.program, facts.world, request, true);
    answer.deeds(route.span) > 0
}
