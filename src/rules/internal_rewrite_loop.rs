//! See the page of [`RULE`].

use super::make::{Also, shown, replace};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::analysis::routes::{Does, Route};
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::eval::{Request, answer};
use crate::ir::template::Part;
use std::collections::BTreeSet;

declare! {
    /// Rewrites inside the server never settle, until it gives up with status 500.
    ///
    /// ## What it does
    /// Sends requests through the rewriting rules and reports those that end at the server's limit on internal redirects.
    ///
    /// ## Why is this bad?
    /// The visitor gets an internal server error, and the log a line about ten redirects or a rewrite cycle.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^(.*)$ /app/$1 [L]
    /// ```
    /// ```nginx bad
    /// location /d/ {
    ///     rewrite ^/d/(.*)$ /d/x/$1 last;
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^(?!app/)(.*)$ /app/$1 [L]
    /// ```
    /// ```nginx good
    /// location /d/ {
    ///     rewrite ^/d/(.*)$ /d/x/$1 break;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `END` instead of `L`, or `break` instead of `last`, stops the circle and everything that would come
    /// after it.
    ///
    /// ## Traps
    /// A test for missing files (`!-f`) ends the circle where the target exists; rules with one are left alone. A lone
    /// `.htaccess` that rewrites into a folder below it (`public/$1`) is a note: that folder often has rules of its own.
    ///
    /// ## Sources
    /// Apache `LimitInternalRecursion`; nginx `NGX_HTTP_MAX_URI_CHANGES`.
    RULE {
        name: "internal-rewrite-loop",
        group: Group::LoopChain,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Rewrites asked about; a list of thousands of them has the same few shapes.
const MOST: usize = 2_000;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    // A test for missing files ends the circle at a target that exists, which front controllers do.
    let settles = |route: &&Route<'_>| route.guards_on(|dimension| *dimension == Dimension::File).next().is_some();
    let rewrites = facts.routes().all.iter().filter(|route| route.enabled && matches!(route.does, Does::Rewrite { .. }));
    let rewrites = rewrites.filter(|route| !settles(route));
    for route in rewrites.take(MOST) {
        if seen.contains(&route.span) {
            continue;
        }
        let failing = facts.proposals(route).into_iter().take(4).find(|request| {
            let mut answer = facts.answer(request);
            let fails = answer.status == Some(500) && answer.cause.is_none_or(|cause| cause == route.span);
            if fails {
                facts.settle(request, &mut answer);
            }
            // Where a file would end the circle, there most likely is one.
            fails && answer.assumptions.is_empty() && comes_round(facts, route, request)
        });
        let Some(request) = failing else { continue };
        seen.insert(route.span);
        let journey = facts.journey(request);
        let help = if facts.is_apache() { "exclude the target from the pattern, or end with `END`" } else { "exclude the target from the pattern, or end with `break`" };
        let below = facts.program.fragment && facts.is_apache() && goes_below(route);
        let message = match below {
            true => "unless the folder below has rules of its own, this rewrite matches its own result: the server gives up with 500",
            false => "this rewrite matches its own result: the server gives up with 500",
        };
        let finding = shown(&RULE, &journey, message, route.span)
            .help(help)
            .mend(Applicability::Unsafe, "end the rewriting here", ended(facts, route));
        // A folder below may well have rules of its own, which take the place of these.
        findings.push(match facts.program.fragment && facts.is_apache() {
            true if below => finding.at_most(Severity::Info),
            true => finding.at_most(Severity::Warning),
            false => finding,
        });
    }
}

/// Whether the request really comes past the rewrite again: a path that becomes empty is answered with 500 as well.
fn comes_round(facts: &Facts<'_>, route: &Route<'_>, request: &Request) -> bool {
    let answer = answer(facts.program, facts.world, request, true);
    answer.deeds(route.span) > 1
}

/// `public/$1`: into a folder of the folder.
fn goes_below(route: &Route<'_>) -> bool {
    let Some(Part::Literal(text)) = route.target().and_then(|target| target.template.parts.first()) else { return false };
    !text.starts_with(b"/") && text.contains(&b'/')
}

/// `END` for `L`, `break` for the `last` of a location.
fn ended(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let directive = facts.directive(route.span)?;
    if words::is(facts, directive, "RewriteRule") {
        let edit = match words::flag(facts, directive, "L", "last") {
            Some(flag) => replace(flag.span, "END"),
            None => words::with(facts, directive, "END")?,
        };
        return Some(vec![edit]);
    }
    let in_location = facts.parent(directive).is_some_and(|parent| words::is(facts, parent, "location"));
    let flag = directive.args.get(2).filter(|word| in_location && facts.word(word) == b"last")?;
    Some(vec![replace(flag.span, "break")])
}
