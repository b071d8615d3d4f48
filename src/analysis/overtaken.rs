//! Redirects that no request reaches because another list or location answers first.
//!
//! [`super::order`] compares within one list; which list, location or module comes first is the evaluator's knowledge.
//! So the requests made for a redirect are asked: where others answer every one of them, and the languages show that
//! those take every path of the redirect, it is overtaken. Where something else on the way meets its paths, a path of
//! both is asked as well.

use super::Facts;
use super::language::Language;
use super::order::Shadowed;
use super::routes::{Does, PathPattern, Route, RouteId};
use crate::source::Span;
use rustc_hash::FxHashSet;

/// Programs of more routes are not searched.
const MAX_ROUTES: usize = 400;
/// Requests asked for one redirect before languages are compared.
const MAX_ASKED: usize = 8;
/// Paths shared with something else that are asked.
const MAX_SHARED: usize = 24;

/// Every overtaken redirect that is not among the `known` ones.
pub(super) fn overtaken(facts: &Facts<'_>, known: &[Shadowed]) -> Vec<Shadowed> {
    let routes = facts.routes();
    if routes.all.len() > MAX_ROUTES {
        return Vec::new();
    }
    let known: FxHashSet<RouteId> = known.iter().map(|pair| pair.later).collect();
    let open = routes.redirects().filter(|route| route.enabled && !known.contains(&route.id));
    open.filter_map(|route| {
        let earlier = overtaker(facts, route)?;
        Some(Shadowed { later: route.id, earlier, same: false })
    })
    .collect()
}

/// The first of the routes that take everything the redirect is made for.
fn overtaker(facts: &Facts<'_>, route: &Route<'_>) -> Option<RouteId> {
    if !facts.proofs(route).is_empty() {
        return None;
    }
    let mut takers: Vec<&Route<'_>> = Vec::new();
    for request in facts.proposals(route).into_iter().take(MAX_ASKED) {
        let taker = taker(facts, route, facts.answer(&request).cause?)?;
        // What comes later in the same list takes what this one left, for a reason that another request may not have.
        if (taker.scope, taker.slot) == (route.scope, route.slot) && taker.id > route.id {
            return None;
        }
        if takers.iter().all(|known| known.id != taker.id) {
            takers.push(taker);
        }
    }
    let own = merged(facts, route)?;
    let mut taken = Language::none();
    for taker in &takers {
        taken = taken.or(&taker.language()?)?;
    }
    let spans: Vec<Span> = takers.iter().map(|taker| taker.span).collect();
    let sure = taken.includes(&own).is_yes()
        && shared(facts, route, &own).iter().all(|path| answered_by(facts, route, path, &spans));
    takers.first().filter(|_| sure).map(|first| first.id)
}

/// The route behind an answer, where it answers whatever but the path is asked. One below in the same list comes
/// after the redirect: that was reached, and let go on.
fn taker<'f, 'a>(facts: &'f Facts<'a>, route: &Route<'_>, cause: Span) -> Option<&'f Route<'a>> {
    let answers = |other: &&Route<'_>| other.site == route.site && !matches!(other.does, Does::Rewrite { .. });
    let open = |other: &&Route<'_>| other.is_unguarded() && other.span != route.span;
    let below =
        |other: &Route<'_>| (other.scope, other.slot) == (route.scope, route.slot) && other.ordinal > route.ordinal;
    facts.routes().at(cause).filter(answers).find(open).filter(|taker| !below(taker))
}

/// Paths of the redirect that something else of its site takes as well: there the choice could fall otherwise.
fn shared(facts: &Facts<'_>, route: &Route<'_>, own: &Language) -> Vec<Vec<u8>> {
    let prefix = route.path_prefix();
    let near = |text: &[u8]| text.starts_with(&prefix) || prefix.starts_with(text);
    let locations = facts.routes().places(route.site).filter(|pattern| match pattern {
        PathPattern::Exact(text) | PathPattern::Prefix(text) => near(text),
        _ => true,
    });
    let others = facts
        .routes()
        .all
        .iter()
        .filter(|other| other.site == route.site && other.id != route.id && near(&other.path_prefix()));
    let languages = locations.filter_map(|pattern| pattern.language()).chain(others.filter_map(Route::language));
    languages.take(MAX_SHARED).filter_map(|other| other.and(own)?.samples(1).into_iter().next()).collect()
}

fn answered_by(facts: &Facts<'_>, route: &Route<'_>, path: &[u8], takers: &[Span]) -> bool {
    let causes = facts.proposal_at(route, path).into_iter().map(|request| facts.answer(&request).cause);
    causes.into_iter().all(|cause| cause.is_some_and(|cause| takers.contains(&cause)))
}

/// The paths of the redirect as lists see them: where a server makes one of several slashes, none with two.
fn merged(facts: &Facts<'_>, route: &Route<'_>) -> Option<Language> {
    let all = route.language()?;
    let site = facts.program.sites.get(route.site.0 as usize)?;
    let settings = &facts.program.scopes.get(site.scope.0 as usize)?.settings;
    match settings.merge_slashes.unwrap_or(facts.program.target.merge_slashes) {
        true => all.without(&Language::containing(b"//")),
        false => Some(all),
    }
}
