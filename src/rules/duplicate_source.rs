//! See the page of [`RULE`].

use super::make::{Also, by_proof};
use super::unreachable_rule::taken_by;
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Finding, Severity};

declare! {
    /// Two redirects ask for the same requests; only the first one ever answers.
    ///
    /// ## What it does
    /// Finds redirects of one list with the same pattern and the same conditions.
    ///
    /// ## Why is this bad?
    /// The second one is dead. Where the two disagree, the wrong one may have won.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect 301 /a /b
    /// Redirect 302 /a /c
    /// ```
    /// ```htaccess good
    /// Redirect 301 /a /b
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     rewrite ^/a$ /b permanent;
    ///     rewrite ^/a$ /c permanent;
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     rewrite ^/a$ /b permanent;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe: deleting the later one changes no answer.
    ///
    /// ## Traps
    /// The same pattern under different conditions is no duplicate. With the same target it is info.
    ///
    /// ## Sources
    /// Apache mod_alias and mod_rewrite: the first that matches wins. nginx: so do the directives of a block.
    RULE {
        name: "duplicate-source",
        group: Group::DeadCode,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Safe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for pair in facts.shadowed().iter().filter(|pair| pair.same) {
        let (Some(later), Some(earlier)) = (facts.routes().get(pair.later), facts.routes().get(pair.earlier)) else { continue };
        if later.span == earlier.span {
            continue;
        }
        let Some(proof) = taken_by(facts, later, earlier) else { continue };
        let agree = later.status() == earlier.status()
            && later.target().map(|target| target.template) == earlier.target().map(|target| target.template);
        let message = match agree {
            true => "the same redirect stands above",
            false => "another redirect for the same requests stands above, and it wins",
        };
        let finding = by_proof(&RULE, &proof, message, later.span)
            .related(earlier.span, "answers these requests")
            .help("delete one of the two")
            .mend(Applicability::Safe, "delete the one that never answers", mend::remove(facts, later.span));
        findings.push(if agree { finding.at_most(Severity::Info) } else { finding });
    }
}
