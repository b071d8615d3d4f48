//! Where the program's regular expressions are used: on what, and by which route.
//!
//! For rules about expressions: each one comes once, with the first route that tries it.

use super::Facts;
use super::guard::{Asked, Dimension, Guard};
use super::routes::{PathKind, PathPattern, Route};
use crate::ir::clause::Match;
use crate::ir::condition::{Condition, TestKind};
use crate::ir::pattern::{Pattern, Regex};
use rustc_hash::FxHashSet;

/// How deep conditions may nest before the rest is left out.
const MAX_DEPTH: usize = 64;

/// One regular expression at its place.
#[derive(Clone, Debug)]
pub struct Use<'f, 'a> {
    /// The expression.
    pub regex: &'a Regex,
    /// What it is held against.
    pub on: On,
    /// The first route that tries it.
    pub route: &'f Route<'a>,
    /// Whether it must not match.
    pub negated: bool,
    /// Whether it is the clause's own match.
    pub own: bool,
}

/// What an expression is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// A path.
    Path(PathKind),
    /// Something else of the request.
    Other(Dimension),
}

/// Every expression that a route tries and that is wanted, in the order of the routes, each once.
pub fn uses<'f, 'a>(facts: &'f Facts<'a>, wanted: impl Fn(&Use<'f, 'a>) -> bool) -> Vec<Use<'f, 'a>> {
    let mut seen = FxHashSet::default();
    let mut out = Vec::new();
    let mut found = |one: Use<'f, 'a>| {
        if wanted(&one) && !is_template(&one.regex.text) && seen.insert(one.regex.span) {
            out.push(one);
        }
    };
    for route in facts.routes().all.iter().filter(|route| route.enabled) {
        for test in &route.paths {
            if let PathPattern::Regex(regex) = test.pattern {
                found(Use { regex, on: On::Path(test.on), route, negated: test.negated, own: test.own });
            }
        }
        for guard in &route.guards {
            of_guard(guard, route, &mut found);
        }
    }
    out
}

/// Whether a template engine still has to fill something in: then it is no expression yet.
fn is_template(text: &[u8]) -> bool {
    let mut marks = memchr::memchr2_iter(b'{', b'<', text).filter_map(|at| text.get(at..at + 2));
    marks.any(|mark| matches!(mark, b"{{" | b"{%" | b"<%"))
}

fn of_guard<'f, 'a>(guard: &Guard<'a>, route: &'f Route<'a>, found_one: &mut impl FnMut(Use<'f, 'a>)) {
    let on = || On::Other(guard.dimensions.first().cloned().unwrap_or(Dimension::Unknown));
    let found: Vec<(&'a Match, bool)> = match guard.asked {
        Asked::Match(found) => vec![(found, found.negated)],
        Asked::Test(test) => match &test.kind {
            TestKind::Matches(found) => vec![(found, found.negated != test.negated)],
            _ => Vec::new(),
        },
        Asked::Tree(tree) => matches_in(tree),
    };
    for (found, negated) in found {
        if let Pattern::Regex(regex) = &found.pattern {
            let on = found.attribute().and_then(super::guard::dimension_of).map_or_else(on, On::Other);
            found_one(Use { regex, on, route, negated, own: false });
        }
    }
}

/// Every match of a condition, and whether it is turned round.
pub fn matches_in(condition: &Condition) -> Vec<(&Match, bool)> {
    let mut out = Vec::new();
    let mut stack = vec![(condition, 0)];
    while let Some((condition, depth)) = stack.pop() {
        match condition {
            Condition::Test(test) => {
                if let TestKind::Matches(found) = &test.kind {
                    out.push((found, found.negated != test.negated));
                }
            }
            Condition::All(parts) | Condition::Any(parts) | Condition::Trailing(parts) if depth < MAX_DEPTH => {
                stack.extend(parts.iter().rev().map(|part| (part, depth + 1)));
            }
            _ => {}
        }
    }
    out
}
