//! See the page of [`RULE`].

use super::make::{Also, by_proof};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::analysis::routes::Route;
use crate::analysis::target::Query;
use crate::diagnostic::{Finding, Severity};
use crate::ir::policy::{OldQuery, QueryPolicy};

declare! {
    /// A redirect carries the path along but loses the query.
    ///
    /// ## What it does
    /// Finds redirects whose target takes over a part of the request's path and says nothing of the query: nginx
    /// `return` with captures or `$uri`, and Apache rules whose target has a query of its own and no `QSA`.
    ///
    /// ## Why is this bad?
    /// Campaign, search and paging parameters vanish on the way.
    ///
    /// ## Example
    /// ```nginx bad
    /// location ~ ^/blog/([a-z]+)$ {
    ///     return 301 https://blog.example.com/$1;
    /// }
    /// ```
    /// ```nginx good
    /// location ~ ^/blog/([a-z]+)$ {
    ///     return 301 https://blog.example.com/$1$is_args$args;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: dropping the query may be meant.
    ///
    /// ## Traps
    /// What is dropped in writing (`QSD`, a `?` at the end) is not reported, nor are fixed targets, nor rules that
    /// test the query themselves.
    ///
    /// ## Sources
    /// nginx `return`; mod_rewrite flags `QSA` and `QSD`.
    RULE {
        name: "query-string-dropped",
        group: Group::Correctness,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled && loses(route)) {
        let dropped = facts.proofs(route).first().and_then(|proof| facts.prove(route, proof.with_query(b"utm_source=x")));
        let Some(proof) = dropped.filter(|proof| memchr::memmem::find(proof.location(), b"utm_source").is_none()) else {
            continue;
        };
        let (what, help) = match facts.is_apache() {
            true => ("the target's own query replaces the request's", "add `QSA` to keep both, or `QSD` to say that it goes"),
            false => ("the path is carried along, the query is not", "add `$is_args$args` to the target"),
        };
        findings.push(by_proof(&RULE, &proof, what, route.span).help(help));
    }
}

fn loses(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    let by_default = match target.policy {
        QueryPolicy::Ignore => true,
        QueryPolicy::Split { old, .. } => old == OldQuery::Default,
        _ => false,
    };
    let tested = |dimension: &Dimension| matches!(dimension, Dimension::Query(_) | Dimension::RawTarget);
    by_default
        && target.query == Query::Dropped
        && target.keeps_path
        && route.guards_on(tested).next().is_none()
}
