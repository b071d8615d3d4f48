//! Who comes first: for each route the earlier route of the same list that takes every request it would match.
//!
//! Literals are looked up, patterns are compared only where their literal beginnings allow it, and only so many.

use super::Facts;
use super::expression::{self, Beginning, Choices};
use super::language::Language;
use super::routes::{Does, PathKind, PathPattern, PathTest, Route, RouteId};
use crate::ir::ScopeId;
use crate::ir::clause::{Action, Clause, Then};
use crate::ir::pattern::Regex;
use crate::ir::scope::Slot;
use crate::pcre::Options;
use rustc_hash::{FxHashMap, FxHashSet, FxHasher};
use std::borrow::Cow;
use std::hash::{Hash, Hasher};

/// Comparisons of languages in one program.
const MAX_LANGUAGES: usize = 400;
/// Texts that are tried before languages are compared.
const SAMPLES: usize = 3;
/// Patterns of one list that later routes are held against.
const MAX_PATTERNS: usize = 64;

/// A route and the earlier one that takes its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadowed {
    /// The later route.
    pub later: RouteId,
    /// The earlier route.
    pub earlier: RouteId,
    /// Whether both ask for exactly the same.
    pub same: bool,
}

/// Every shadowed route, by the later one.
pub(super) fn shadowed<'a>(facts: &Facts<'a>) -> Vec<Shadowed> {
    let mut lists: FxHashMap<(u32, ScopeId, Slot), Taken<'a>> = FxHashMap::default();
    let mut budget = MAX_LANGUAGES;
    let mut out = Vec::new();
    let jumping = jumping_scopes(facts);
    for route in facts.routes().all.iter().filter(|route| route.enabled) {
        if jumping.contains(&route.scope) && route.slot == Slot::Rewrite {
            continue;
        }
        let taken = lists.entry((route.site.0, route.scope, route.slot)).or_default();
        let question = Question::of(facts, route);
        if let Some((earlier, same)) = taken.find(facts, route, question, &mut budget) {
            out.push(Shadowed { later: route.id, earlier, same });
            continue;
        }
        if matches!(route.does, Does::Rewrite { .. }) && !ends(route) {
            // Later routes see another text than the earlier ones did.
            *taken = Taken::default();
        } else if ends(route) {
            taken.add(route, question);
        }
    }
    out.extend(super::overtaken::overtaken(facts, &out));
    out
}

/// Scopes whose rewriting list jumps: which clauses come before which is not plain there.
fn jumping_scopes(facts: &Facts<'_>) -> FxHashSet<ScopeId> {
    let jumps = |clause: &Clause| {
        let jump = |then: Then| matches!(then, Then::Skip(_) | Then::Restart { .. });
        jump(clause.then) || jump(clause.otherwise)
    };
    let scopes = facts.program.scopes.iter().enumerate();
    let found =
        scopes.filter(|(_, scope)| scope.lists.rewrite.as_ref().is_some_and(|list| list.clauses.iter().any(jumps)));
    found.map(|(at, _)| ScopeId(at as u32)).collect()
}

/// Whether nothing behind the route runs once it applied.
fn ends(route: &Route<'_>) -> bool {
    let answers = route.clause.does.iter().any(|action| matches!(action, Action::Answer(_)));
    answers || matches!(route.then, Then::EndList | Then::EndAll)
}

/// What the routes of a list so far take for themselves.
#[derive(Default)]
struct Taken<'a> {
    same: FxHashMap<Question, RouteId>,
    exact: FxHashMap<Cow<'a, [u8]>, RouteId>,
    segments: FxHashMap<&'a [u8], RouteId>,
    patterns: Vec<(RouteId, Cow<'a, [u8]>)>,
    everything: Option<RouteId>,
}

impl<'a> Taken<'a> {
    fn add(&mut self, route: &Route<'a>, question: Question) {
        self.same.entry(question).or_insert(route.id);
        let mut own = route.paths.iter().filter(|test| test.own);
        let (first, second) = (own.next(), own.next());
        // Guards beside the shared surroundings may let a request pass on to the later route.
        if second.is_some() || has_own_conditions(route) {
            return;
        }
        match first {
            None => {
                self.everything.get_or_insert(route.id);
            }
            Some(test) if test.negated || test.on == PathKind::File => {}
            Some(test) => match test.pattern {
                PathPattern::Exact(text) => {
                    self.exact.entry(text.into()).or_insert(route.id);
                }
                PathPattern::Segments(text) => {
                    self.segments.entry(text).or_insert(route.id);
                }
                PathPattern::Regex(regex) => match expression::beginning(regex) {
                    Beginning { text, whole: true, .. } => {
                        self.exact.entry(text).or_insert(route.id);
                    }
                    Beginning { text, .. } if self.patterns.len() < MAX_PATTERNS => {
                        self.patterns.push((route.id, text));
                    }
                    _ => {}
                },
                _ => {}
            },
        }
    }

    fn find(
        &self,
        facts: &Facts<'_>,
        route: &Route<'_>,
        question: Question,
        budget: &mut usize,
    ) -> Option<(RouteId, bool)> {
        let same = |id: &&RouteId| facts.routes().get(**id).is_some_and(|earlier| ask_the_same(facts, earlier, route));
        if let Some(id) = self.same.get(&question).filter(same) {
            return Some((*id, true));
        }
        if let Some(id) = self.everything {
            return Some((id, false));
        }
        let test = route.paths.iter().find(|test| test.own && !test.negated)?;
        match test.pattern {
            PathPattern::Exact(text) | PathPattern::Segments(text) => {
                self.literal(facts, route, text).map(|id| (id, false))
            }
            PathPattern::Regex(regex) => {
                let Beginning { text, whole, .. } = expression::beginning(regex);
                if whole {
                    return self.literal(facts, route, &text).map(|id| (id, false));
                }
                if let Some(id) = self.above(&text) {
                    return Some((*id, false));
                }
                self.pattern(facts, route, &text, budget).map(|id| (id, false))
            }
            _ => None,
        }
    }

    /// An earlier route that takes this literal (and everything below it, for a prefix).
    fn literal(&self, facts: &Facts<'_>, route: &Route<'_>, text: &[u8]) -> Option<RouteId> {
        let prefix = route.paths.iter().any(|test| test.own && matches!(test.pattern, PathPattern::Segments(_)));
        if !prefix && let Some(id) = self.exact.get(text) {
            return Some(*id);
        }
        if let Some(id) = self.segments.get(text).or_else(|| self.above(text)) {
            return Some(*id);
        }
        if prefix {
            return None;
        }
        let matches = |id: &RouteId| match facts.routes().get(*id).and_then(|earlier| own_regex(earlier)) {
            Some(regex) => regex.compiled().ok().and_then(|regex| regex.is_match(text).ok()).unwrap_or(false),
            None => false,
        };
        self.patterns.iter().filter(|(_, start)| text.starts_with(start.as_ref())).map(|(id, _)| *id).find(matches)
    }

    /// A path prefix that ends at a segment inside the text.
    fn above(&self, text: &[u8]) -> Option<&RouteId> {
        if self.segments.is_empty() {
            return None;
        }
        let cuts = text.iter().enumerate().filter(|(_, byte)| **byte == b'/').flat_map(|(at, _)| [at, at + 1]);
        cuts.filter_map(|at| self.segments.get(text.get(..at)?)).next()
    }

    fn pattern(&self, facts: &Facts<'_>, route: &Route<'_>, start: &[u8], budget: &mut usize) -> Option<RouteId> {
        let own = own_regex(route)?;
        let (mut language, mut texts) = (None, None);
        for (id, _) in self.patterns.iter().filter(|(_, earlier)| start.starts_with(earlier.as_ref())) {
            let Some(earlier) = facts.routes().get(*id).and_then(own_regex).filter(|_| *budget > 0) else { continue };
            // A text that only the later one takes says the same in a fraction of the time.
            if texts.get_or_insert_with(|| samples(own)).iter().any(|text| takes(earlier, text) == Some(false)) {
                continue;
            }
            *budget -= 1;
            let Some(later) = language.get_or_insert_with(|| Language::matching(own)) else { return None };
            if Language::matching(earlier).is_some_and(|earlier| earlier.includes(later).is_yes()) {
                return Some(*id);
            }
        }
        None
    }
}

/// Some texts that the expression takes.
fn samples(regex: &Regex) -> Vec<Vec<u8>> {
    let tree = expression::of(regex);
    let texts = (0..SAMPLES).map(|variant| expression::sample(&tree, Choices { variant, ..Choices::default() }));
    texts.filter(|text| takes(regex, text) == Some(true)).collect()
}

/// Whether the expression takes the text; `None` where the engine gives up.
fn takes(regex: &Regex, text: &[u8]) -> Option<bool> {
    regex.compiled().ok()?.is_match(text).ok()
}

fn own_regex<'a>(route: &Route<'a>) -> Option<&'a Regex> {
    route.paths.iter().find_map(|test| match test.pattern {
        PathPattern::Regex(regex) if test.own && !test.negated => Some(regex),
        _ => None,
    })
}

/// Whether the clause itself asks for more than its path.
fn has_own_conditions(route: &Route<'_>) -> bool {
    use crate::ir::condition::Condition;
    let bare = matches!(&route.clause.when.conditions, Condition::All(parts) if parts.is_empty());
    // A guard of the surroundings counts as well: an `if` around the one need not stand around the other.
    !bare || !route.guards.is_empty() || route.paths.iter().any(|test| !test.own && test.negated)
}

/// The whole question, path tests and guards as written, in a few bytes: long lists hold many. Equal questions have the
/// same; whether two that have it are equal, [`ask_the_same`] says.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Question(u64);

/// What a route asks of the path, as written.
pub(super) type Paths<'a> = Vec<(PathKind, bool, Asked<'a>)>;

#[derive(PartialEq, Eq, Hash)]
pub(super) enum Asked<'a> {
    Exact(&'a [u8]),
    Prefix(&'a [u8]),
    Segments(&'a [u8]),
    Regex(Options, &'a [u8]),
    Other(String),
}

impl Question {
    fn of(facts: &Facts<'_>, route: &Route<'_>) -> Self {
        let mut hasher = FxHasher::default();
        asked(route).for_each(|one| one.hash(&mut hasher));
        guards(facts, route).for_each(|text| text.hash(&mut hasher));
        Self(hasher.finish())
    }
}

fn ask_the_same(facts: &Facts<'_>, one: &Route<'_>, other: &Route<'_>) -> bool {
    asked(one).eq(asked(other)) && guards(facts, one).eq(guards(facts, other))
}

fn guards<'r>(facts: &'r Facts<'_>, route: &'r Route<'_>) -> impl Iterator<Item = &'r [u8]> {
    route.guards.iter().map(|guard| facts.sources.text(guard.span))
}

/// What a route asks of the path.
pub(super) fn paths<'a>(route: &Route<'a>) -> Paths<'a> {
    asked(route).collect()
}

fn asked<'a>(route: &Route<'a>) -> impl Iterator<Item = (PathKind, bool, Asked<'a>)> {
    let asked = |test: &PathTest<'a>| match test.pattern {
        PathPattern::Exact(text) => Asked::Exact(text),
        PathPattern::Prefix(text) => Asked::Prefix(text),
        PathPattern::Segments(text) => Asked::Segments(text),
        PathPattern::Regex(regex) => Asked::Regex(regex.options, &regex.text),
        PathPattern::Other(pattern) => Asked::Other(format!("{pattern:?}")),
    };
    route.paths.iter().map(move |test| (test.on, test.negated, asked(test)))
}
