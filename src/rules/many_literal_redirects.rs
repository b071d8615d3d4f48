//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::routes::{PathPattern, Route};
use crate::diagnostic::{Finding, Severity};
use crate::ir::scope::Slot;
use crate::ir::{ScopeId, SiteId};
use rustc_hash::FxHashMap;

declare! {
    /// Dozens of redirects for one fixed path each are tried one after the other.
    ///
    /// ## What it does
    /// Counts redirects of one fixed path to one fixed target in the same list, and notes fifty and more.
    ///
    /// ## Why is this bad?
    /// Every request runs through the whole list. A table is looked up at once, and can be read and reviewed as what
    /// it is: old address, new address.
    ///
    /// ## Example
    /// The page shows the shape; the note comes with the fiftieth.
    /// ```nginx bad repeat=50
    /// rewrite ^/p1$ /q1 permanent;
    /// ```
    /// ```nginx good
    /// map $uri $new {
    ///     default "";
    ///     /p1 /q1;
    ///     /p2 /q2;
    /// }
    /// server {
    ///     if ($new) {
    ///         return 301 $new;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: a table answers before or after the other rules, not between them.
    ///
    /// ## Traps
    /// nginx's `location = /p1` is looked up at once and is not counted. `RewriteMap` may not stand in a `.htaccess`.
    ///
    /// ## Sources
    /// nginx `map`; mod_rewrite `RewriteMap`.
    RULE {
        name: "many-literal-redirects",
        group: Group::Performance,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

/// So many are many.
const MANY: usize = 50;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut lists: FxHashMap<(SiteId, ScopeId, Slot), Vec<&Route<'_>>> = FxHashMap::default();
    for route in facts.routes().redirects().filter(|route| route.enabled && is_literal(route)) {
        lists.entry((route.site, route.scope, route.slot)).or_default().push(route);
    }
    let mut long: Vec<_> = lists.into_values().filter(|list| list.len() >= MANY).collect();
    long.sort_by_key(|list| list.first().map(|route| route.span));
    for list in long {
        let (Some(first), Some(last)) = (list.first(), list.last()) else { continue };
        let message = format!("{} redirects of one fixed path each are tried one after the other", list.len());
        let help = match (facts.is_apache(), first.mount.is_some() || facts.program.fragment) {
            (false, _) => "a `map` from `$uri` to the target is looked up at once",
            (true, false) => "a `RewriteMap` is looked up at once",
            (true, true) => "a `RewriteMap` in the server's configuration is looked up at once",
        };
        findings.push(certain(&RULE, message, first.span).related(last.span, "the last of them").help(help));
    }
}

/// One fixed path, one fixed target, tried in turn.
fn is_literal(route: &Route<'_>) -> bool {
    let own = route.paths.iter().find(|test| test.own && !test.negated);
    let source = own.is_some_and(|test| match test.pattern {
        PathPattern::Segments(text) => text.len() > 1,
        PathPattern::Exact(_) => true,
        PathPattern::Regex(regex) => crate::analysis::expression::beginning(regex).whole,
        _ => false,
    });
    source && route.target().is_some_and(|target| target.literal().is_some())
}
