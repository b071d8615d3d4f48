//! Which locations meet: whether another one, or a path that a rule writes, could be a later location's.
//!
//! A site may have a hundred thousand locations, so they are found by the bytes their paths begin with.

use super::guard::{PathTest, Piece};
use super::list::Lists;
use super::locations::Entry;
use crate::ir::access::Access;
use crate::ir::scope::Scope;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

/// The locations of a site in order, and by the bytes their paths begin with.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// In the order in which rules try them.
    pub all: Arc<[Entry]>,
    by_prefix: Arc<BTreeMap<Vec<u8>, Vec<usize>>>,
}

impl Entries {
    /// Locations in order.
    pub fn new(all: Vec<Entry>) -> Self {
        let mut by_prefix: BTreeMap<Vec<u8>, Vec<usize>> = BTreeMap::new();
        for (at, entry) in all.iter().enumerate() {
            by_prefix.entry(entry.prefix()).or_default().push(at);
        }
        Self { all: all.into(), by_prefix: Arc::new(by_prefix) }
    }

    /// Places of locations that begin with less than these bytes, or just these.
    fn up_to<'e>(&'e self, prefix: &'e [u8]) -> impl Iterator<Item = usize> + 'e {
        let mut next = Some(prefix);
        let shorter = std::iter::from_fn(move || {
            loop {
                let (known, places) = self.by_prefix.range::<[u8], _>((Unbounded, Included(next?))).next_back()?;
                let common = known.iter().zip(prefix).take_while(|(one, two)| one == two).count();
                let whole = common == known.len();
                // what lies between a prefix of these bytes and the bytes themselves is none
                let cut = if whole { common.checked_sub(1) } else { Some(common) };
                next = cut.and_then(|cut| prefix.get(..cut));
                if whole {
                    return Some(places);
                }
            }
        });
        shorter.flatten().copied()
    }

    /// Places of locations that begin with these bytes and more.
    fn beyond<'e>(&'e self, prefix: &'e [u8]) -> impl Iterator<Item = usize> + 'e {
        let from = (Excluded(prefix), Unbounded);
        let longer = self.by_prefix.range::<[u8], _>(from).take_while(move |(known, _)| known.starts_with(prefix));
        longer.flat_map(|(_, places)| places.iter().copied())
    }

    /// Places of locations that paths with this beginning may be of.
    fn near<'e>(&'e self, prefix: &'e [u8]) -> impl Iterator<Item = usize> + 'e {
        self.up_to(prefix).chain(self.beyond(prefix))
    }

    /// The location that takes a path.
    fn taking(&self, path: &[u8]) -> Option<&Entry> {
        let taking = |at: &usize| self.all.get(*at).is_some_and(|entry| entry.takes(path));
        self.up_to(path).filter(taking).min().and_then(|at| self.all.get(at))
    }
}

impl Lists<'_> {
    /// Whether rules of a later location could match requests of the one at this place, too.
    pub fn meets_later(&self, at: usize) -> bool {
        let Some(entry) = self.entries.all.get(at) else { return false };
        let meets = |other: usize| {
            let other = self.entries.all.get(other).filter(|_| other > at);
            other.is_some_and(|other| self.is_active(other) && !entry.excludes(other))
        };
        self.entries.near(&entry.prefix()).any(meets)
    }

    /// Whether a new path may be answered by a location that redirects.
    pub fn leads_on(&self, to: &[Piece]) -> bool {
        let mut known = Vec::new();
        let mut whole = true;
        for piece in to {
            match piece {
                Piece::Literal(bytes) => known.extend_from_slice(bytes),
                _ => {
                    whole = false;
                    break;
                }
            }
            if known.contains(&b'?') {
                break;
            }
        }
        let end = known.iter().position(|byte| *byte == b'?');
        whole |= end.is_some();
        known.truncate(end.unwrap_or(known.len()));
        if whole {
            let entry = self.entries.taking(&known);
            return entry.is_some_and(|entry| self.is_active(entry) && !self.only_looks_for_files(entry));
        }
        let target = PathTest::Prefix(known.clone(), Vec::new());
        let meets = |entry: &Entry| self.is_active(entry) && !entry.tests.iter().any(|test| test.excludes(&target));
        self.entries.near(&known).any(|at| self.entries.all.get(at).is_some_and(meets))
    }

    /// Whether an entry does anything that rules say.
    pub fn is_active(&self, entry: &Entry) -> bool {
        let Some(scope) = entry.scope.and_then(|id| self.scope(id)) else { return entry.slash.is_some() };
        listed(scope) || closed(scope) || scope.settings.try_files.is_some()
    }

    /// Whether an entry does nothing but look for files: what is sent there is the file it falls back to.
    fn only_looks_for_files(&self, entry: &Entry) -> bool {
        let Some(scope) = entry.scope.and_then(|id| self.scope(id)) else { return false };
        scope.settings.try_files.is_some() && !listed(scope) && !closed(scope)
    }
}

fn listed(scope: &Scope) -> bool {
    scope.lists.rewrite.as_ref().is_some_and(|list| list.clauses.iter().next().is_some())
}

fn closed(scope: &Scope) -> bool {
    scope.settings.internal || matches!(scope.settings.access, Some(Access::Denied(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_found_by_what_their_paths_begin_with() {
        let entry = |test| Entry { tests: vec![test], scope: None, span: None, named: Vec::new(), slash: None };
        let exact = |path: &str| entry(PathTest::Exact(path.into()));
        let prefix = |path: &str| entry(PathTest::Prefix(path.into(), Vec::new()));
        let regex = |text: &str| entry(PathTest::Regex(text.into(), false));
        let entries = Entries::new(vec![
            exact("/old-1"),
            exact("/old-10"),
            regex("^/old-(.*)$"),
            regex("x$"),
            prefix("/old/"),
            prefix("/"),
        ]);
        let near = |path: &[u8]| {
            let mut places: Vec<usize> = entries.near(path).collect();
            places.sort_unstable();
            places
        };
        assert_eq!(near(b"/old-1"), [0, 1, 2, 3, 5]);
        assert_eq!(near(b"/old-10"), [0, 1, 2, 3, 5]);
        assert_eq!(near(b"/old-11"), [0, 2, 3, 5]);
        assert_eq!(near(b"/old"), [0, 1, 2, 3, 4, 5]);
        assert_eq!(near(b"/new"), [3, 5]);
        assert_eq!(near(b""), [0, 1, 2, 3, 4, 5]);
        assert_eq!(
            entries.taking(b"/old-12").map(|entry| &entry.tests),
            Some(&vec![PathTest::Regex(b"^/old-(.*)$".to_vec(), false)])
        );
    }
}
