//! See the page of [`RULE`].

use super::make::{Also, certain, insert_before};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::ir::scope::Slot;
use std::collections::BTreeSet;

declare! {
    /// Rewrite rules stand where the engine is never switched on.
    ///
    /// ## What it does
    /// Finds `RewriteRule` in a place where no `RewriteEngine On` is in force.
    ///
    /// ## Why is this bad?
    /// The rules are read and ignored, without a word in the log.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteRule ^a$ /b [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the rules come to life.
    ///
    /// ## Traps
    /// `RewriteEngine Off` is a decision and not reported. For a lone `.htaccess` the engine may be switched on in
    /// the folder above, which cannot be seen: then it is a warning.
    ///
    /// ## Sources
    /// Apache mod_rewrite, `RewriteEngine`; virtual hosts do not inherit it.
    RULE {
        name: "rewrite-engine-off",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Apache,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told = BTreeSet::new();
    for route in facts.routes().all.iter().filter(|route| route.slot == Slot::Rewrite && !route.enabled) {
        let scope = facts.program.scopes.get(route.scope.0 as usize);
        let decided = scope.is_some_and(|scope| scope.settings.rewriting.is_some());
        if decided || !told.insert(route.scope) {
            continue;
        }
        let finding = certain(&RULE, "the rewrite engine is off here: this rule and those beside it are ignored", route.span)
            .help("write `RewriteEngine On` above the first rule")
            .fix(Applicability::Unsafe, "switch the engine on", vec![insert_before(route.span, "RewriteEngine On\n")]);
        findings.push(if facts.program.fragment { finding.at_most(Severity::Warning) } else { finding });
    }
}
