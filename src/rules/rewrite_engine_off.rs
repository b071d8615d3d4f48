//! See the page of [`RULE`].

use super::make::{Also, certain, insert_before};
use super::{Basis, FixKind, Group, Servers};
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
    /// the folder above, which cannot be seen: then it is a warning. A piece of a server's configuration that says nothing
    /// of a server (no host, no port, no root) is included by one that may switch it on: there it is a note.
    ///
    /// ## Sources
    /// Apache mod_rewrite, `RewriteEngine`; virtual hosts do not inherit it.
    RULE {
        name: "rewrite-engine-off",
        group: Group::Correctness,
        severity: Severity::Error,
        basis: Basis::Text,
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
        let piece = facts.is_piece() && facts.knobs.vhost_visible != Some(true);
        let message = match facts.partial() || piece {
            true => "nothing here switches the rewrite engine on: unless something around it does, this rule and those beside it are ignored",
            false => "the rewrite engine is off here: this rule and those beside it are ignored",
        };
        let mut finding = certain(&RULE, message, route.span)
            .help("write `RewriteEngine On` above the first rule")
            .fix(Applicability::Unsafe, "switch the engine on", vec![insert_before(route.span, "RewriteEngine On\n")]);
        finding.witness = facts.attempt(route).map(|proof| proof.witness());
        findings.push(match facts.partial() {
            true => finding.at_most(Severity::Warning),
            false if piece => finding.at_most(Severity::Info),
            false => finding,
        });
    }
}
