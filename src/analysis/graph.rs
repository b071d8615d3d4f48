//! Where redirects lead: chains and loops, found by following.
//!
//! Candidates come cheaply: the confirmed requests of each route, and requests made backwards so that one route's
//! target falls on another route's literal path. Every candidate is followed by the evaluator, and only what was
//! seen there is reported. For long lists of literal redirects an index of literal paths says which routes lead
//! nowhere inside the configuration, so that nothing is compared pairwise.

use super::Facts;
use super::guard::{Dimension, dimensions_of};
use super::image::Image;
use super::propose::{Draft, connections};
use super::routes::{Host, Route, RouteId};
use super::target::Place;
use crate::eval::Request;
use crate::eval::follow::{self, End, Journey};
use crate::ir::TableId;
use crate::ir::table::TableKind;
use crate::ir::template::{Origin, Part};
use crate::source::Span;
pub use index::path_of;
use index::{ByPattern, Index};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rustc_hash::{FxHashMap, FxHashSet};

mod index;

/// So many routes at least are worth a thread of their own.
const WORTH_THREADS: usize = 256;
/// Above this many routes, literal redirects are looked up before they are followed.
const SMALL: usize = 400;
/// Backward requests tried for one route.
const MAX_BACKWARD: usize = 24;

/// A journey of at least one redirect that starts at a route.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The route that answers the first request.
    pub first: RouteId,
    /// The route of each hop, where one is known.
    pub routes: Vec<Option<RouteId>>,
    /// The words that decided each hop: the directive, or the entry of the table that its target came from.
    pub spans: Vec<Span>,
    /// The hops and their end.
    pub journey: Journey,
    /// What kind of way it is.
    pub shape: Shape,
}

/// What kind of way a walk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// One redirect, then something else.
    Single,
    /// So many redirects, then something else.
    Chain(usize),
    /// A request comes back: hop number (from 0) at which the circle begins.
    Loop(usize),
    /// The URL grows on every turn.
    Growing,
    /// Too many redirects without either.
    Endless,
}

impl Walk {
    /// Redirects that the configuration itself sends on the way.
    pub fn redirects(&self) -> usize {
        self.journey.hops.iter().filter(|hop| is_redirect(hop.answer.status)).count()
    }
}

fn is_redirect(status: Option<u16>) -> bool {
    matches!(status, Some(301 | 302 | 303 | 307 | 308))
}

/// Follows every candidate.
pub(super) fn walks(facts: &Facts<'_>) -> Vec<Walk> {
    let routes = &facts.routes().all;
    let index = Index::of(facts);
    let worth = |route: &&Route<'_>| {
        let counts = route.is_redirect() && route.enabled && !leaves(facts, route);
        counts && !(routes.len() > SMALL && index.leads_nowhere(route))
    };
    let walk_of = |route, request| walk(facts, &index, route, facts.journey(request));
    let from = |route| candidates(facts, route, &index).into_iter().filter_map(move |request| walk_of(route, request));
    // Only a thread that was made to check has a stack for what is walked by recursion.
    let mut walks: Vec<Walk> = match routes.len() < WORTH_THREADS || rayon::current_thread_index().is_none() {
        true => routes.iter().filter(worth).flat_map(from).collect(),
        false => routes.par_iter().filter(worth).flat_map_iter(from).collect(),
    };
    let mut seen: FxHashSet<(Vec<Span>, bool)> = FxHashSet::default();
    walks.retain(|walk| {
        if walk.shape != Shape::Single && facts.guesses_target(walk) {
            return false;
        }
        let looping = matches!(walk.shape, Shape::Loop(_) | Shape::Growing | Shape::Endless);
        seen.insert((walk.spans.clone(), looping)) || walk.spans.len() <= 1
    });
    for walk in walks.iter_mut().filter(|walk| walk.shape != Shape::Single) {
        walk.journey.hops.iter_mut().for_each(|hop| facts.settle(&hop.request, &mut hop.answer));
    }
    walks
}

/// Whether the target names a host that nothing here answers for, so that its first redirect is the last.
fn leaves(facts: &Facts<'_>, route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    let Host::Fixed(host) = &target.host else { return false };
    // A test of the host may choose another one to begin with.
    let host_asked = |one: &Dimension| match one {
        Dimension::Header(name) => name.as_slice() == b"host",
        other => *other == Dimension::Host,
    };
    if route.guards_on(host_asked).next().is_some() {
        return false;
    }
    let port = target.port.iter().flat_map(|port| [b":", port.as_slice()].concat()).collect::<Vec<u8>>();
    let urls = [&b"http://"[..], b"https://"].map(|scheme| [scheme, host, &port].concat());
    let next: Vec<Request> = urls.iter().filter_map(|url| follow::request_for(url)).collect();
    let starts = connections(facts, route.site);
    let homes: Vec<Request> = starts.iter().map(Draft::request).collect();
    let stays =
        |home: &Request| next.iter().any(|next| follow::answers_for(facts.program, follow::authority(home), next));
    !homes.iter().any(stays)
}

/// Requests worth following.
fn candidates(facts: &Facts<'_>, route: &Route<'_>, index: &Index<'_>) -> Vec<Request> {
    let mut out: Vec<Request> = Vec::new();
    let big = index.routes > SMALL;
    if big && (route.exact_path().is_some() || route.path_prefix().len() > 1) {
        out.extend(facts.proposals(route).into_iter().take(1));
    } else {
        out.extend(facts.proofs(route).iter().map(|proof| proof.request.clone()));
    }
    if feeds_on_table(facts, route) {
        for path in &index.chained {
            out.extend(facts.proposal_at(route, path).into_iter().take(1));
        }
    }
    let known = route.exact_path();
    for path in sources_reaching(facts, index, route) {
        // The route's own literal path was tried above.
        if known.as_deref() == Some(&*path) || out.iter().any(|request| *request.target == *path) {
            continue;
        }
        out.extend(
            facts.proposal_at(route, &path).into_iter().filter(|request| !out.contains(request)).collect::<Vec<_>>(),
        );
    }
    out
}

fn walk(facts: &Facts<'_>, index: &Index<'_>, route: &Route<'_>, journey: Journey) -> Option<Walk> {
    let first = journey.hops.first()?;
    // An empty target is another defect: clients differ in what they make of it.
    let redirects = || journey.hops.iter().filter(|hop| is_redirect(hop.answer.status));
    let sent = redirects().all(|hop| hop.answer.location.as_deref().is_some_and(|to| !to.is_empty()));
    if first.answer.cause != Some(route.span) || !is_redirect(first.answer.status) || !sent {
        return None;
    }
    let by_cause = |span| facts.routes().at(span).next().map(|route| route.id);
    let mut routes: Vec<_> = journey.hops.iter().map(|hop| hop.answer.cause.and_then(by_cause)).collect();
    let shape = match journey.end {
        End::Loop => {
            let back = journey.hops.iter().position(|hop| hop.url == without_fragment(&journey.last)).unwrap_or(0);
            Shape::Loop(back)
        }
        End::TooManyHops if grows(&journey) => Shape::Growing,
        End::TooManyHops => Shape::Endless,
        _ => match journey.hops.iter().filter(|hop| is_redirect(hop.answer.status)).count() {
            0 | 1 => Shape::Single,
            count => Shape::Chain(count),
        },
    };
    if shape == Shape::Growing {
        routes.truncate(1);
    }
    let spans = journey.hops.iter().filter_map(|hop| index.decided(facts, hop)).collect();
    Some(Walk { first: route.id, routes, spans, journey, shape })
}

fn without_fragment(url: &[u8]) -> Vec<u8> {
    url.iter().copied().take_while(|&byte| byte != b'#').collect()
}

/// The last hops are each longer than the turn before.
fn grows(journey: &Journey) -> bool {
    let lengths: Vec<usize> = journey.hops.iter().map(|hop| hop.url.len()).collect();
    (1..=4).any(|turn| {
        lengths.len() > 2 * turn && lengths.iter().zip(lengths.iter().skip(turn)).skip(1).all(|(a, b)| a < b)
    })
}

/// Paths of the route whose target falls on a path of another route: literal ones looked up, and for patterns a path of
/// theirs that the target can be, solved through what the target takes from the request.
fn sources_reaching(facts: &Facts<'_>, index: &Index<'_>, route: &Route<'_>) -> Vec<Vec<u8>> {
    let Some(target) = route.target().filter(|target| target.keeps_path) else { return Vec::new() };
    let Some(image) = Image::of(route, facts.program) else { return Vec::new() };
    let start = match target.place {
        Place::Path | Place::Absolute | Place::SchemeRelative if !target.path_prefix.is_empty() => &*target.path_prefix,
        _ => b"/",
    };
    let literal = index.below(start).take(MAX_BACKWARD).filter_map(|path| image.source_of(path));
    let met = index.meeting(start, route.id).take(MAX_BACKWARD);
    let all = literal.chain(met.flat_map(|met| sources_into(&image, facts, met, index.routes > SMALL)));
    let mut found: Vec<Vec<u8>> = Vec::new();
    all.for_each(|path| {
        if !found.contains(&path) {
            found.push(path)
        }
    });
    found
}

/// Paths whose target the other routes take: from paths that look human, else from what both have in common.
fn sources_into(image: &Image<'_, '_>, facts: &Facts<'_>, met: &ByPattern<'_>, big: bool) -> Vec<Vec<u8>> {
    let plain: Vec<_> = met.paths(facts).iter().filter_map(|path| image.source_of(path)).take(2).collect();
    if !plain.is_empty() || big {
        return plain;
    }
    let common = || image.language()?.and(met.language(facts)?);
    let both = common().map(|both| both.samples(4)).unwrap_or_default();
    both.iter().filter_map(|path| image.source_of(path)).take(2).collect()
}

/// Literal keys of tables whose value some redirect sends, with that value: each is a redirect of its own.
pub fn table_paths<'a>(facts: &Facts<'a>) -> Vec<(&'a [u8], &'a [u8], Span)> {
    let mut out = Vec::new();
    let mut seen = FxHashMap::default();
    for route in facts.routes().redirects() {
        let Some(target) = route.target() else { continue };
        for part in &target.template.parts {
            let table = table_of(facts, part);
            let Some(id) = table else { continue };
            let Some(table) = facts.program.tables.get(id.0 as usize) else { continue };
            if seen.insert(id, ()).is_some() {
                continue;
            }
            let by_path = table.source.as_ref().is_some_and(|source| {
                let looked = dimensions_of(source, facts.program);
                looked == [super::guard::Dimension::Path] || looked == [super::guard::Dimension::RawTarget]
            });
            if let (true, TableKind::Map(map)) = (by_path, &table.kind) {
                let literal =
                    map.exact.iter().filter_map(|(key, value)| Some((&**key, value.value.as_literal()?, value.span)));
                out.extend(literal);
            }
        }
    }
    out.sort_unstable();
    out
}

fn table_of(facts: &Facts<'_>, part: &Part) -> Option<TableId> {
    match part {
        Part::Lookup { table, .. } => Some(*table),
        Part::Variable(variable) => match facts.program.variables.get(variable.0 as usize).map(|v| &v.origin) {
            Some(Origin::Table(table)) => Some(*table),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the target is made of a value of a table.
fn feeds_on_table(facts: &Facts<'_>, route: &Route<'_>) -> bool {
    route.target().is_some_and(|target| target.template.parts.iter().any(|part| table_of(facts, part).is_some()))
}
