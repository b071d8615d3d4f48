//! See the page of [`RULE`].

use super::make::{Also, by_proof, with_confidence};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::propose::connections;
use crate::analysis::routes::Route;
use crate::analysis::witness::{Proof, paths};
use crate::diagnostic::{Confidence, Finding, Severity, Applicability, Edit};
use crate::ir::SiteId;
use crate::ir::scope::{RewriteList, Slot};
use crate::source::Span;
use std::sync::Arc;

declare! {
    /// Rewrite rules of the server do not run in its virtual hosts.
    ///
    /// ## What it does
    /// Finds `RewriteRule`s outside of every `<VirtualHost>` that no virtual host inherits.
    ///
    /// ## Why is this bad?
    /// A virtual host has a rewriting list of its own and does not inherit the server's, nor its `RewriteEngine On`.
    /// As soon as there are virtual hosts, they answer, and the rules are dead.
    ///
    /// ## Example
    /// ```apache bad
    /// Listen 80
    /// RewriteEngine On
    /// RewriteRule ^/a$ /b [R=301,L]
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// Listen 80
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    ///     RewriteEngine On
    ///     RewriteRule ^/a$ /b [R=301,L]
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `RewriteOptions InheritDown` in the server, and `RewriteEngine On` in the host that is named, bring
    /// all of the server's rules to life there. Most often they are meant for one host: then move them.
    ///
    /// ## Traps
    /// Where the server itself still answers at some address, the rules do run there, and the finding is a note. That the
    /// rules of a folder take the place of those of the folder above is not told: each `.htaccess` is read for itself.
    ///
    /// ## Sources
    /// mod_rewrite `RewriteOptions` and `RewriteEngine`.
    RULE {
        name: "rules-not-inherited",
        group: Group::Correctness,
        severity: Severity::Warning,
        servers: Servers::Apache,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let sites = &facts.program.sites;
    if sites.len() < 2 || facts.program.fragment {
        return;
    }
    let Some(main) = sites.iter().position(|site| site.span.is_none()) else { return };
    let main_id = SiteId(main as u32);
    let scope = sites.get(main).map(|site| site.scope);
    let of_server = |route: &&Route<'_>| route.site == main_id && Some(route.scope) == scope && route.slot == Slot::Rewrite;
    let Some(first) = facts.routes().all.iter().filter(|route| route.enabled).find(of_server) else { return };
    let host = (0..sites.len()).filter(|&at| at != main).find(|&at| !inherits(facts, main, at));
    let Some(host) = host else { return };
    let reachable = facts.program.listeners.iter().any(|listener| listener.sites.contains(&main_id));
    let message = "virtual hosts do not inherit the server's rewrite rules: this one and those beside it do not run in them";
    let finding = match shown(facts, first, SiteId(host as u32)) {
        Some(proof) => by_proof(&RULE, &proof, message, first.span),
        None => with_confidence(&RULE, Confidence::Possible, message, first.span),
    };
    let finding = finding.help("move the rules into the virtual host that they are meant for");
    let finding = if reachable { finding.at_most(Severity::Info) } else { finding };
    findings.push(match sites.get(host).and_then(|site| site.span) {
        Some(span) => finding
            .related(span, "answers without them")
            .mend(Applicability::Unsafe, "let the host inherit the rules", inherited(facts, first, span)),
        None => finding,
    });
}

/// Whether the host's list holds a list of the server's.
fn inherits(facts: &Facts<'_>, main: usize, host: usize) -> bool {
    let list = |at: usize| -> Option<&Arc<RewriteList>> {
        let site = facts.program.sites.get(at)?;
        facts.program.scopes.get(site.scope.0 as usize)?.lists.rewrite.as_ref()
    };
    let (Some(main), Some(host)) = (list(main), list(host)) else { return false };
    let parts = &main.clauses.0;
    host.clauses.0.iter().any(|part| parts.iter().any(|one| Arc::ptr_eq(one, part)))
}

/// A request to the virtual host that the rule would answer and does not.
fn shown(facts: &Facts<'_>, route: &Route<'_>, host: SiteId) -> Option<Proof> {
    let mut draft = connections(facts, host).into_iter().next()?;
    draft.path = paths(route).into_iter().next()?;
    let request = draft.request();
    let answer = facts.answer(&request);
    (answer.cause != Some(route.span)).then_some(Proof { request, answer })
}

/// The option that hands the rules down, and the switch that runs them.
fn inherited(facts: &Facts<'_>, first: &Route<'_>, host: Span) -> Option<Vec<Edit>> {
    let mut edits = mend::line_above(facts, first.span, b"RewriteOptions InheritDown")?;
    edits.extend(mend::first_in(facts, host, b"RewriteEngine On")?);
    Some(edits)
}
