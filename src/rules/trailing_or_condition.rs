//! See the page of [`RULE`].

use super::make::{Also, by_proof, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::propose::connections;
use crate::analysis::routes::Route;
use crate::analysis::witness::{Proof, paths};
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};
use crate::ir::condition::{Condition, Test};
use crate::source::Span;

declare! {
    /// The last condition of a rule carries `[OR]`, so the rule runs even where it is false.
    ///
    /// ## What it does
    /// Finds `RewriteCond … [OR]` directly in front of the `RewriteRule`.
    ///
    /// ## Why is this bad?
    /// `OR` says that the next condition may help out. There is no next one, and Apache then goes on as if the
    /// group had held: the rule runs for every request that its pattern matches.
    ///
    /// ## Example
    /// ```htaccess bad also=redirect-loop
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} ^old\.example$ [NC,OR]
    /// RewriteRule ^ https://new.example%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} ^old\.example$ [NC]
    /// RewriteRule ^ https://new.example%{REQUEST_URI} [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the fix takes the flag off, and the condition begins to count.
    ///
    /// ## Traps
    /// `OR` between conditions that others must hold with is legal and binds tighter than the line break, which stands
    /// for "and". It is not reported: "one of these, and that" is what most such lists mean.
    ///
    /// ## Sources
    /// `apply_rewrite_rule` in mod_rewrite.c.
    RULE {
        name: "trailing-or-condition",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Apache,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().all.iter().filter(|route| route.enabled) {
        let Some(tests) = trailing(&route.clause.when.conditions) else { continue };
        let Some(last) = tests.last() else { continue };
        // A condition below it that the server refuses is the last one that was written.
        let between = |at: Span| at.file == last.span.file && last.span.end <= at.start && at.end <= route.span.start;
        if facts.program.refusals.iter().any(|refusal| between(refusal.span)) {
            continue;
        }
        let message = "`OR` stands on the last condition: the rule runs even where the condition is false";
        let mut finding = match anyway(facts, route, &tests) {
            Some(proof) => by_proof(&RULE, &proof, message, last.span),
            None => with_confidence(&RULE, Confidence::Likely, message, last.span).at_most(Severity::Info),
        };
        let runs = match &route.clause.when.conditions {
            Condition::All(parts) if parts.len() > 1 => "runs wherever the conditions above these hold",
            _ => "runs for every request that the pattern matches",
        };
        finding = finding.related(route.span, runs).help("take `OR` off");
        let directive = facts.directive(last.span);
        let flag = directive.and_then(|directive| words::flag(facts, directive, "OR", "ornext"));
        if let (Some(directive), Some(flag)) = (directive, flag) {
            finding.primary.span = flag.span;
            let edits = words::without(facts, directive, &flag).into_iter().collect();
            finding = finding.fix(Applicability::Unsafe, "take `OR` off", edits);
        }
        findings.push(finding);
    }
}

/// The tests of a group that nothing closes.
fn trailing(condition: &Condition) -> Option<Vec<&Test>> {
    let parts = match condition {
        Condition::Trailing(parts) => parts,
        Condition::All(parts) => return parts.last().and_then(trailing),
        _ => return None,
    };
    Some(
        parts
            .iter()
            .filter_map(|part| match part {
                Condition::Test(test) => Some(&**test),
                _ => None,
            })
            .collect(),
    )
}

/// A request for which the tests are made to fail and that the rule answers all the same.
fn anyway(facts: &Facts<'_>, route: &Route<'_>, tests: &[&Test]) -> Option<Proof> {
    let paths = paths(route);
    let mut starts = connections(facts, route.site).into_iter();
    starts.find_map(|start| {
        paths.iter().find_map(|path| {
            let mut draft = start.clone();
            draft.path.clone_from(path);
            tests.iter().for_each(|test| draft.make_hold(facts.program, test, !test.negated, 0));
            facts.prove(route, draft.request())
        })
    })
}
