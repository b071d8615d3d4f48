//! Where redirects lead: chains and loops, found by following.
//!
//! Candidates come cheaply: the confirmed requests of each route, and requests made backwards so that one route's
//! target falls on another route's literal path. Every candidate is followed by the evaluator, and only what was
//! seen there is reported. For long lists of literal redirects an index of literal paths says which routes lead
//! nowhere inside the configuration, so that nothing is compared pairwise.

use super::expression::{self, Choices};
use super::guard::dimensions_of;
use super::routes::{Does, PathKind, PathPattern, Route, RouteId};
use super::target::Place;
use super::{Facts, witness};
use crate::eval::Request;
use crate::eval::follow::{End, Hop, Journey};
use crate::ir::TableId;
use crate::ir::table::TableKind;
use crate::ir::template::{Origin, Part};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

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
    let mut out = Vec::new();
    let mut seen: FxHashSet<(Vec<Span>, bool)> = FxHashSet::default();
    for route in routes.iter().filter(|route| route.is_redirect() && route.enabled) {
        if routes.len() > SMALL && index.leads_nowhere(route) {
            continue;
        }
        for request in candidates(facts, route, &index) {
            let journey = facts.journey(request);
            let Some(mut walk) = walk(facts, &index, route, journey) else { continue };
            let looping = matches!(walk.shape, Shape::Loop(_) | Shape::Growing | Shape::Endless);
            if !seen.insert((walk.spans.clone(), looping)) && walk.spans.len() > 1 {
                continue;
            }
            if walk.shape != Shape::Single {
                walk.journey.hops.iter_mut().for_each(|hop| facts.settle(&hop.request, &mut hop.answer));
            }
            out.push(walk);
        }
    }
    out
}

/// Requests worth following.
fn candidates(facts: &Facts<'_>, route: &Route<'_>, index: &Index) -> Vec<Request> {
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
    for path in index.sources_reaching(facts, route) {
        // The route's own literal path was tried above.
        if known.as_ref() == Some(&path) || out.iter().any(|request| *request.target == *path) {
            continue;
        }
        out.extend(
            facts.proposal_at(route, &path).into_iter().filter(|request| !out.contains(request)).collect::<Vec<_>>(),
        );
    }
    out
}

fn walk(facts: &Facts<'_>, index: &Index, route: &Route<'_>, journey: Journey) -> Option<Walk> {
    let first = journey.hops.first()?;
    // An empty target is another defect: clients differ in what they make of it.
    let sent = first.answer.location.as_deref().is_some_and(|to| !to.is_empty());
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

/// Literal paths that routes (and tables that feed them) answer.
#[derive(Default)]
struct Index {
    routes: usize,
    exact: FxHashSet<Vec<u8>>,
    prefixes: FxHashSet<Vec<u8>>,
    /// Sorted, for "everything below this prefix".
    sorted: Vec<Vec<u8>>,
    /// Routes without a literal path of any kind.
    open: bool,
    /// Literal beginnings of patterns.
    patterns: FxHashSet<Vec<u8>>,
    /// The same, sorted.
    sorted_patterns: Vec<Vec<u8>>,
    /// Keys of tables that redirects send values of, with their entries.
    entries: FxHashMap<Vec<u8>, Span>,
    /// The keys whose value some route or key answers again.
    chained: Vec<Vec<u8>>,
}

impl Index {
    fn of(facts: &Facts<'_>) -> Self {
        let mut index = Self { routes: facts.routes().all.len(), ..Self::default() };
        for route in facts.routes().all.iter().filter(|route| route.enabled) {
            index.add(route);
        }
        let entries = table_paths(facts);
        for (path, _, span) in &entries {
            index.exact.insert(path.clone());
            index.entries.insert(path.clone(), *span);
        }
        index.sorted = index.exact.iter().chain(&index.prefixes).cloned().collect();
        index.sorted.sort();
        index.sorted_patterns = index.patterns.iter().cloned().collect();
        index.sorted_patterns.sort();
        let again = entries.into_iter().filter(|(_, value, _)| index.exact.contains(value) || index.begins(value));
        index.chained = again.map(|(path, ..)| path).collect();
        index
    }

    /// The words that decided a hop.
    fn decided(&self, facts: &Facts<'_>, hop: &Hop) -> Option<Span> {
        let cause = hop.answer.cause?;
        let path: Vec<u8> = hop.request.target.iter().copied().take_while(|&byte| byte != b'?').collect();
        let entry = self.entries.get(&percent_decoded(&path)).copied();
        let fed = entry.is_some() && facts.routes().at(cause).any(|route| feeds_on_table(facts, route));
        if fed { entry } else { Some(cause) }
    }

    fn add(&mut self, route: &Route<'_>) {
        if let Some(path) = route.exact_path() {
            self.exact.insert(path);
            return;
        }
        let positive = route.paths.iter().filter(|test| !test.negated && test.on != PathKind::File);
        let segment = positive.clone().find_map(|test| match test.pattern {
            PathPattern::Segments(text) | PathPattern::Prefix(text) => Some(text.to_vec()),
            _ => None,
        });
        match (segment, route.path_prefix()) {
            (Some(text), _) if text.len() > 1 => {
                self.prefixes.insert(text);
            }
            (_, prefix) if prefix.len() > 1 => {
                self.patterns.insert(prefix);
            }
            _ => self.open = true,
        }
    }

    /// Whether a literal target on the same site is answered by no route.
    fn leads_nowhere(&self, route: &Route<'_>) -> bool {
        let Some(target) = route.target() else { return true };
        if self.open || target.place == Place::Dynamic || target.path_prefix.is_empty() {
            return false;
        }
        let path = &target.path_prefix;
        let fixed = target.literal().is_some();
        let path: &[u8] = path.split(|&byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
        let decoded = percent_decoded(path);
        if !fixed || target.appends_rest {
            return !self.touches(&decoded);
        }
        !self.exact.contains(&decoded) && !self.begins(&decoded)
    }

    /// Whether some literal beginning covers the path.
    fn begins(&self, path: &[u8]) -> bool {
        (1..=path.len()).any(|length| {
            path.get(..length).is_some_and(|start| self.prefixes.contains(start) || self.patterns.contains(start))
        })
    }

    /// Whether some literal lies below the prefix, or some literal beginning covers it.
    fn touches(&self, prefix: &[u8]) -> bool {
        let from = self.sorted_patterns.partition_point(|pattern| pattern.as_slice() < prefix);
        self.begins(prefix)
            || self.below(prefix).next().is_some()
            || self.sorted_patterns.get(from).is_some_and(|pattern| pattern.starts_with(prefix))
    }

    fn below<'i>(&'i self, prefix: &'i [u8]) -> impl Iterator<Item = &'i Vec<u8>> {
        let from = self.sorted.partition_point(|path| path.as_slice() < prefix);
        self.sorted.iter().skip(from).take_while(move |path| path.starts_with(prefix))
    }

    /// Paths of the route whose target falls on a literal path of another route: solved through the one capture
    /// (or the appended rest) that the target ends in.
    fn sources_reaching(&self, facts: &Facts<'_>, route: &Route<'_>) -> Vec<Vec<u8>> {
        let Does::Redirect { target, .. } = &route.does else { return Vec::new() };
        if target.path_prefix.is_empty() || target.place == Place::Dynamic {
            return Vec::new();
        }
        let wanted = self.below(&target.path_prefix).take(MAX_BACKWARD);
        let rests: Vec<Vec<u8>> =
            wanted.map(|path| path.iter().skip(target.path_prefix.len()).copied().collect()).collect();
        let _ = facts;
        let own = route.paths.iter().find(|test| test.own && !test.negated);
        let Some(own) = own else { return Vec::new() };
        let solve = |rest: &Vec<u8>| -> Option<Vec<u8>> {
            let text = match own.pattern {
                PathPattern::Segments(text) | PathPattern::Prefix(text) if target.appends_rest => {
                    [text, rest.as_slice()].concat()
                }
                PathPattern::Regex(regex) => {
                    let group = single_capture(target.template)?;
                    let tree = expression::of(regex);
                    expression::sample(&tree, Choices { variant: 0, forced: Some((group, rest)) })
                }
                _ => return None,
            };
            match (own.on, &route.mount) {
                (PathKind::Relative, Some(mount)) => Some([mount.as_slice(), &text].concat()),
                _ => Some(text),
            }
        };
        rests.iter().filter_map(solve).filter(|path| witness::fits(route, path)).collect()
    }
}

/// The number of the capture, where the template has exactly one part that is not fixed.
fn single_capture(template: &crate::ir::template::Template) -> Option<u32> {
    let mut holes = template.parts.iter().filter(|part| !matches!(part, Part::Literal(_)));
    match (holes.next(), holes.next()) {
        (Some(Part::Capture { group, .. }), None) if *group > 0 => Some(u32::from(*group)),
        _ => None,
    }
}

/// Literal keys of tables whose value some redirect sends, with that value: each is a redirect of its own.
pub fn table_paths(facts: &Facts<'_>) -> Vec<(Vec<u8>, Vec<u8>, Span)> {
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
                let literal = map
                    .exact
                    .iter()
                    .filter_map(|(key, value)| Some((key.to_vec(), value.value.as_literal()?.to_vec(), value.span)));
                out.extend(literal);
            }
        }
    }
    out.sort();
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

fn percent_decoded(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some((&byte, tail)) = rest.split_first() {
        let decoded = match (byte, tail.first_chunk::<2>()) {
            (b'%', Some(digits)) => std::str::from_utf8(digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok()),
            _ => None,
        };
        out.push(decoded.unwrap_or(byte));
        rest = if decoded.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    out
}
