//! nginx's choice of a location as an ordered list: the first entry whose tests hold is the one nginx takes.
//!
//! Exact names come first, then prefixes that keep patterns away, then patterns in order (those inside a prefix
//! before those around it), then prefixes, longest first. A prefix that stands before others because of its patterns
//! says which longer names it does not mean.

use super::guard::PathTest;
use crate::ir::choice::{Location, Locations};
use crate::ir::{ScopeId, VarId};
use crate::source::Span;

/// Deepest nesting that is followed.
const DEPTH: usize = 64;

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// All of these hold.
    pub tests: Vec<PathTest>,
    /// The scope in force; `None`: a slash is put behind the path.
    pub scope: Option<ScopeId>,
    /// The directive.
    pub span: Option<Span>,
    /// Groups of the last test that become variables.
    pub named: Vec<(u32, VarId)>,
    /// Where a slash is added: the name with it.
    pub slash: Option<Vec<u8>>,
}

/// The entries of a site.
pub fn entries(locations: &Locations) -> Vec<Entry> {
    let (mut first, rest) = level(locations, &[], 0);
    first.extend(rest);
    if let Some(scope) = locations.otherwise {
        first.push(Entry { tests: Vec::new(), scope: Some(scope), span: None, named: Vec::new(), slash: None });
    }
    first
}

/// Entries that are final, and those that stand back behind the patterns of an outer level.
fn level(locations: &Locations, outer: &[PathTest], depth: usize) -> (Vec<Entry>, Vec<Entry>) {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    if depth > DEPTH {
        return (first, rest);
    }
    let with = |test: PathTest| outer.iter().cloned().chain([test]).collect::<Vec<_>>();
    let entry = |tests: Vec<PathTest>, location: &Location| Entry {
        tests,
        scope: Some(location.scope),
        span: Some(location.span),
        named: Vec::new(),
        slash: None,
    };
    let mut exact: Vec<_> = locations.exact.iter().collect();
    exact.sort_by_key(|(_, location)| location.span);
    for (name, location) in &exact {
        first.push(entry(vec![PathTest::Exact(name.to_vec())], location));
    }
    let named = exact.iter().map(|(name, location)| (*name, *location));
    let all = named.chain(locations.prefixes.iter().map(|(name, location)| (name, location)));
    for (name, location) in all.filter(|(_, location)| location.slash_redirect) {
        let bare = name.strip_suffix(b"/").unwrap_or(name);
        let taken = |other: &[u8]| other == bare;
        let prevented = locations.exact.keys().any(|other| taken(other))
            || locations.prefixes.iter().any(|(other, _)| taken(other));
        if !prevented && !bare.is_empty() {
            let tests = vec![PathTest::Exact(bare.to_vec())];
            first.push(Entry { slash: Some(name.to_vec()), scope: None, ..entry(tests, location) });
        }
    }
    let mut prefixes: Vec<_> = locations.prefixes.iter().collect();
    prefixes.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    let mut ahead = Vec::new();
    for (name, location) in &prefixes {
        let longer =
            prefixes.iter().map(|(other, _)| other).filter(|other| other.len() > name.len() && other.starts_with(name));
        let except: Vec<Vec<u8>> = shortest(longer.map(|other| other.to_vec()).collect());
        let apart = with(PathTest::Prefix(name.to_vec(), except));
        let (inner_first, inner_rest) =
            location.nested.as_deref().map_or_else(Default::default, |nested| level(nested, &apart, depth + 1));
        first.extend(inner_first);
        if location.no_patterns {
            ahead.extend(inner_rest);
            ahead.push(entry(apart, location));
        } else {
            rest.extend(inner_rest);
            rest.push(entry(with(PathTest::Prefix(name.to_vec(), Vec::new())), location));
        }
    }
    first.extend(ahead);
    for (regex, named, location) in &locations.patterns {
        let tests = with(PathTest::Regex(regex.text.to_vec(), regex.options.caseless));
        if let Some(nested) = location.nested.as_deref() {
            let (inner_first, inner_rest) = level(nested, &tests, depth + 1);
            first.extend(inner_first);
            first.extend(inner_rest);
        }
        first.push(Entry { named: named.to_vec(), ..entry(tests, location) });
    }
    (first, rest)
}

/// Names that no other one is the beginning of.
fn shortest(names: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let covered = |name: &Vec<u8>| names.iter().any(|other| other.len() < name.len() && name.starts_with(other));
    let mut out: Vec<_> = names.iter().filter(|name| !covered(name)).cloned().collect();
    out.sort();
    out
}

impl Entry {
    /// Whether a literal path is this entry's, given that no earlier entry took it.
    pub fn takes(&self, path: &[u8]) -> bool {
        self.tests.iter().all(|test| test.matches(path))
    }

    /// Bytes that every path of it begins with.
    pub fn prefix(&self) -> Vec<u8> {
        self.tests.iter().map(PathTest::prefix).max_by_key(Vec::len).unwrap_or_default()
    }

    /// Whether no path can be both entries'.
    pub fn excludes(&self, other: &Self) -> bool {
        self.tests.iter().any(|one| other.tests.iter().any(|two| one.excludes(two)))
    }
}
