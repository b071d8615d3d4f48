//! See the page of [`RULE`].

use super::make::{Also, by_proof, with_confidence};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::analysis::routes::Route;
use crate::analysis::target::Query;
use crate::diagnostic::{Confidence, Finding, Severity, Applicability, Edit};
use crate::ir::SiteId;
use crate::ir::policy::{OldQuery, QueryPolicy};
use crate::source::Span;
use rustc_hash::FxHashMap;

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
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^q/([a-z]+)$ /s?term=$1 [R=302,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^q/([a-z]+)$ /s?term=$1 [R=302,L,QSA]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the query is carried along, with `QSA` or `$is_args$args`. Dropping it may have been meant.
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
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Redirects of one site that are shown one by one; the others are counted.
const SHOWN: usize = 25;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut sites: FxHashMap<SiteId, (usize, usize, Option<Span>)> = FxHashMap::default();
    for route in facts.routes().redirects().filter(|route| route.enabled && loses(route)) {
        let (shown, more, first) = sites.entry(route.site).or_default();
        if *shown >= SHOWN {
            *more += 1;
            first.get_or_insert(route.span);
            continue;
        }
        let dropped = facts.proofs(route).first().and_then(|proof| facts.prove(route, proof.with_query(b"utm_source=x")));
        let Some(proof) = dropped.filter(|proof| memchr::memmem::find(proof.location(), b"utm_source").is_none()) else {
            continue;
        };
        let (what, help) = match facts.is_apache() {
            true => ("the target's own query replaces the request's", "add `QSA` to keep both, or `QSD` to say that it goes"),
            false => ("the path is carried along, the query is not", "add `$is_args$args` to the target"),
        };
        *shown += 1;
        let finding = by_proof(&RULE, &proof, what, route.span).help(help);
        findings.push(finding.mend(Applicability::Unsafe, "carry the query along", carried(facts, route)));
    }
    for (more, at) in sites.into_values().filter_map(|(_, more, first)| Some((more, first?))) {
        let message = format!("{more} redirects from here on look like those before, which drop the query");
        findings.push(with_confidence(&RULE, Confidence::Possible, message, at));
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

/// `QSA`, or nginx's own two variables.
fn carried(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let directive = facts.directive(route.span)?;
    if words::is(facts, directive, "RewriteRule") {
        return Some(vec![words::with(facts, directive, "QSA")?]);
    }
    let asks = mend::find_in_target(facts, route.span, b"?").is_some();
    if asks || !words::is(facts, directive, "return") { None } else { mend::append_to_target(facts, route.span, b"$is_args$args") }
}
