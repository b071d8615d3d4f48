//! See the page of [`RULE`].

use super::make::{Also, proven};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::routes::{PathPattern, Route};
use crate::analysis::uses::matches_in;
use crate::diagnostic::{Finding, Severity};
use crate::ir::clause::{Action, Clause, Store, Subject};
use crate::ir::condition::{Condition, TestKind};
use crate::ir::pattern::{Pattern, Regex};
use crate::ir::site::SiteName;
use crate::ir::table::TableKind;
use crate::ir::template::Part;
use crate::ir::{ScopeId, SiteId};
use rustc_hash::FxHashMap;

declare! {
    /// The target uses a group that no pattern supplies, so it is always empty.
    ///
    /// ## What it does
    /// Finds `$2` where the pattern has one group, `$1` behind a negated pattern, `%1` without a condition that has a
    /// group, and nginx captures where no expression before them can have set any.
    ///
    /// ## Why is this bad?
    /// Nothing is put in, and no error is shown: `/new/$1` leads everybody to `/new/`.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule !^new/ /new/$1 [R=302,L]
    /// ```
    /// ```nginx bad
    /// location ^~ /a/ {
    ///     return 301 /b/$1;
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^(?!new/)(.*)$ /new/$1 [R=302,L]
    /// ```
    /// ```nginx good
    /// location ^~ /a/ {
    ///     rewrite ^/a/(.*)$ /b/$1 permanent;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: only the author knows what was to be put in.
    ///
    /// ## Traps
    /// There are nine groups at most: `$12` is `$1` and a `2`. nginx keeps the groups of the last expression that
    /// matched, wherever it stands; so an nginx target is reported only where no expression of the server can supply
    /// the group.
    ///
    /// ## Sources
    /// mod_rewrite, back-references; nginx rewrite module.
    RULE {
        name: "undefined-capture",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut known: FxHashMap<(SiteId, ScopeId), usize> = FxHashMap::default();
    for route in facts.routes().all.iter().filter(|route| route.enabled) {
        let Some(target) = route.target() else { continue };
        for (store, group) in captures(&target.template.parts) {
            let found = match store {
                Store::Pattern => missing_pattern(facts, route, group, &mut known),
                Store::Condition => missing_condition(route, group),
                Store::Expression => None,
            };
            if let Some(why) = found {
                let sign = if store == Store::Condition { '%' } else { '$' };
                let message = format!("`{sign}{group}` is always empty: {why}");
                findings.push(proven(facts, &RULE, route, message).help("put the part that is meant in parentheses"));
                break;
            }
        }
    }
}

fn captures(parts: &[Part]) -> impl Iterator<Item = (Store, u8)> {
    parts.iter().filter_map(|part| match part {
        Part::Capture { store, group, .. } if *group > 0 => Some((*store, *group)),
        _ => None,
    })
}

fn groups(regex: &Regex) -> usize {
    regex.group_count().unwrap_or(usize::MAX)
}

fn pattern_groups(pattern: &Pattern) -> usize {
    match pattern {
        Pattern::Regex(regex) => groups(regex),
        _ => 0,
    }
}

fn missing_pattern(
    facts: &Facts<'_>,
    route: &Route<'_>,
    group: u8,
    known: &mut FxHashMap<(SiteId, ScopeId), usize>,
) -> Option<String> {
    let wanted = usize::from(group);
    let own = route.own_match().filter(|found| !matches!(found.subject, Subject::Text(_)));
    if let Some(found) = own {
        if found.negated {
            return Some("a negated pattern captures nothing".into());
        }
        let have = pattern_groups(&found.pattern);
        return (wanted > have).then(|| how_many("the pattern", have));
    }
    if facts.is_apache() {
        return None;
    }
    let around = route.paths.iter().filter_map(|test| match test.pattern {
        PathPattern::Regex(regex) => Some(groups(regex)),
        _ => None,
    });
    let most = *known.entry((route.site, route.scope)).or_insert_with(|| supplied(facts, route.site, route.scope));
    (wanted > around.max().unwrap_or(0).max(most)).then(|| "no expression that runs before it has such a group".into())
}

fn how_many(what: &str, have: usize) -> String {
    match have {
        0 => format!("{what} has no group"),
        1 => format!("{what} has one group only"),
        have => format!("{what} has {have} groups only"),
    }
}

/// The most groups that an nginx expression outside of the route itself can leave behind: its scope's list, the
/// server's, the server's names, tables.
fn supplied(facts: &Facts<'_>, site: SiteId, scope: ScopeId) -> usize {
    let site = facts.program.sites.get(site.0 as usize);
    let scopes = [Some(scope), site.map(|site| site.scope)];
    let lists = scopes.into_iter().flatten().filter_map(|id| facts.program.scopes.get(id.0 as usize));
    let mut most = 0;
    for scope in lists {
        if let Some(list) = &scope.lists.rewrite {
            list.clauses.iter().for_each(|clause| most = most.max(of_clause(clause, 0)));
        }
    }
    for name in site.into_iter().flat_map(|site| &site.names) {
        if let SiteName::Regex(regex, _) = name {
            most = most.max(groups(regex));
        }
    }
    for table in &facts.program.tables {
        if let TableKind::Map(map) = &table.kind {
            most = map.patterns.iter().map(|(regex, ..)| groups(regex)).max().unwrap_or(0).max(most);
        }
    }
    most
}

fn of_clause(clause: &Clause, depth: usize) -> usize {
    let own = clause.when.matches.as_ref().map_or(0, |found| pattern_groups(&found.pattern));
    let tests = matches_in(&clause.when.conditions).into_iter().map(|(found, _)| pattern_groups(&found.pattern));
    let inner = clause.does.iter().filter_map(|action| match action {
        Action::Block(clauses) if depth < 64 => {
            clauses.iter().map(|inner| of_clause(inner, depth + 1)).max()
        }
        _ => None,
    });
    tests.chain(inner).max().unwrap_or(0).max(own)
}

/// `%N`: what the conditions of the rule supply.
fn missing_condition(route: &Route<'_>, group: u8) -> Option<String> {
    let conditions = &route.clause.when.conditions;
    if has_expression(conditions, 0) {
        return None;
    }
    let positive: Vec<usize> = matches_in(conditions)
        .into_iter()
        .filter(|(_, negated)| !negated)
        .map(|(found, _)| pattern_groups(&found.pattern))
        .collect();
    let most = positive.iter().copied().max();
    match most {
        // A percent sign and digits that are meant as `%20` have a rule of their own.
        None if followed_by_digit(route, group) => None,
        None => Some("no condition of the rule matches a pattern".into()),
        Some(most) if usize::from(group) > most && followed_by_digit(route, group) => None,
        Some(most) if usize::from(group) > most => Some(how_many("the conditions' longest pattern", most)),
        Some(_) => None,
    }
}

fn followed_by_digit(route: &Route<'_>, group: u8) -> bool {
    let parts = route.target().map(|target| target.template.parts.as_slice()).unwrap_or_default();
    parts.iter().zip(parts.iter().skip(1)).any(|(part, behind)| {
        matches!(part, Part::Capture { store: Store::Condition, group: at, .. } if *at == group)
            && matches!(behind, Part::Literal(text) if text.first().is_some_and(u8::is_ascii_hexdigit))
    })
}

fn has_expression(condition: &Condition, depth: usize) -> bool {
    match condition {
        Condition::Test(test) => {
            matches!(test.kind, TestKind::Expression(_) | TestKind::ExpressionInto(..) | TestKind::Unknown(_))
        }
        Condition::All(parts) | Condition::Any(parts) | Condition::Trailing(parts) => {
            depth > 64 || parts.iter().any(|part| has_expression(part, depth + 1))
        }
    }
}
