//! Which clauses of a long list can match a path at all, by the bytes their patterns begin with.
//!
//! A redirect list may hold a hundred thousand clauses and a request needs one of them. An index is made when a list
//! is first run and kept with the program, whose lists never change or move.

mod prefixes;

use super::VarId;
use super::choice::Location;
use super::clause::{Captures, Clause, OnFailure, Store, Subject, Then};
use super::condition::{Condition, Test, TestKind};
use super::pattern::{Pattern, Regex};
use super::template::{Attribute, Part};
use prefixes::{Prefixes, Texts};
use rustc_hash::FxHashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Lists shorter than this are run clause by clause.
const WORTH_IT: usize = 32;

/// Patterns that match every path a rewriting list can see, so that trying them tells nothing.
const UNIVERSAL: [&[u8]; 9] = [b"^", b".*", b"(.*)", b"^.*", b"^.*$", b"^(.*)", b"^(.*)$", b"^/?(.*)", b"^/?(.*)$"];

/// Address and length of a list.
type Key = (usize, usize);

/// The indexes of a program's lists.
#[derive(Debug, Default)]
pub struct Indexes {
    lists: RwLock<FxHashMap<Key, Arc<ListIndex>>>,
    patterns: RwLock<FxHashMap<Key, Arc<PatternIndex>>>,
}

/// A location chosen by a pattern: the pattern, its named groups, and the location.
type ByPattern = (Regex, Box<[(u32, VarId)]>, Location);

fn kept<T, I>(known: &RwLock<FxHashMap<Key, Arc<I>>>, list: &[T], make: impl FnOnce(&[T]) -> I) -> Option<Arc<I>> {
    if list.len() < WORTH_IT {
        return None;
    }
    let key = (list.as_ptr().addr(), list.len());
    if let Some(index) = known.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Some(Arc::clone(index));
    }
    let index = Arc::new(make(list));
    known.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&index));
    Some(index)
}

impl Indexes {
    /// The index of a list of the program; `None` where it is too short to need one.
    pub fn of(&self, clauses: &[Clause]) -> Option<Arc<ListIndex>> {
        kept(&self.lists, clauses, ListIndex::new)
    }

    /// The index of the locations of one level that are chosen by pattern; `None` where they are few.
    pub fn of_patterns(&self, patterns: &[ByPattern]) -> Option<Arc<PatternIndex>> {
        kept(&self.patterns, patterns, PatternIndex::new)
    }
}

/// Locations chosen by pattern, by the bytes that the path has to begin with.
#[derive(Debug)]
pub struct PatternIndex {
    known: Prefixes,
    others: Vec<u32>,
}

impl PatternIndex {
    fn new(patterns: &[ByPattern]) -> Self {
        let (mut known, mut others) = (Prefixes::default(), Vec::new());
        for (at, (regex, ..)) in (0u32..).zip(patterns) {
            match regex.beginning() {
                b"" => others.push(at),
                prefix => known.add(prefix, regex.options.caseless, at),
            }
        }
        known.seal();
        Self { known, others }
    }

    /// The places of the patterns that can match, in order.
    pub fn candidates(&self, path: &[u8]) -> Vec<u32> {
        let mut found = self.others.clone();
        self.known.collect(path, &mut found);
        found.sort_unstable();
        found
    }
}

/// The clauses of one list by what they can match.
#[derive(Debug)]
pub struct ListIndex {
    /// Clauses by the bytes that the path has to begin with.
    path: Prefixes,
    /// The same for clauses that look at the text being rewritten.
    rewritten: Prefixes,
    /// Clauses that take whole segments of the path, by those segments with single slashes.
    segments: Texts,
    /// Clauses that take every path, by what their first condition wants of the request, in lower case.
    wanted: Vec<(Attribute, FxHashMap<Box<[u8]>, Vec<u32>>)>,
    /// Clauses of which nothing is known.
    others: Vec<u32>,
    /// How many clauses before each place clear the captures where they fail.
    clears: Vec<u32>,
}

impl ListIndex {
    fn new(clauses: &[Clause]) -> Self {
        let (mut path, mut rewritten, mut segments) = <(Prefixes, Prefixes, Texts)>::default();
        let mut wanted: Vec<(Attribute, FxHashMap<Box<[u8]>, Vec<u32>>)> = Vec::new();
        let (mut others, mut clears, mut count) = (Vec::new(), Vec::with_capacity(clauses.len() + 1), 0u32);
        for (at, clause) in (0u32..).zip(clauses) {
            clears.push(count);
            match known(clause) {
                Some((key, captures)) => {
                    count += u32::from(captures.on_failure == OnFailure::Clear && captures.store.is_some());
                    match key {
                        Beginning::Path(prefix, folded) => path.add(prefix, folded, at),
                        Beginning::Rewritten(prefix, folded) => rewritten.add(prefix, folded, at),
                        Beginning::Segments(text) => segments.add(&single_slashes(text), at),
                    }
                }
                None => match wants(clause) {
                    Some((attribute, text)) => {
                        let place = wanted.iter().position(|(have, _)| have == attribute);
                        let place = place.unwrap_or_else(|| {
                            wanted.push((attribute.clone(), FxHashMap::default()));
                            wanted.len() - 1
                        });
                        if let Some((_, by_text)) = wanted.get_mut(place) {
                            by_text.entry(text.into()).or_default().push(at);
                        }
                    }
                    None => others.push(at),
                },
            }
        }
        clears.push(count);
        path.seal();
        rewritten.seal();
        segments.seal();
        Self { path, rewritten, segments, wanted, others, clears }
    }

    /// What has to be asked of the request before [`ListIndex::candidates`].
    pub fn asks(&self) -> impl Iterator<Item = &Attribute> {
        self.wanted.iter().map(|(attribute, _)| attribute)
    }

    /// The clauses that can match, in order; `values` are those of [`ListIndex::asks`].
    pub fn candidates(&self, path: &[u8], rewritten: &[u8], values: &[Vec<u8>]) -> Vec<u32> {
        let mut found = Vec::new();
        self.path.collect(path, &mut found);
        self.rewritten.collect(rewritten, &mut found);
        if !self.segments.is_empty() {
            self.segments.collect(&single_slashes(path), &mut found);
        }
        for ((_, by_text), value) in self.wanted.iter().zip(values) {
            let value = value.to_ascii_lowercase();
            found.extend(by_text.get(value.as_slice()).into_iter().flatten());
            // `$` holds before a last line feed as well.
            let line = value.strip_suffix(b"\n").and_then(|line| by_text.get(line));
            found.extend(line.into_iter().flatten());
        }
        found.sort_unstable();
        found
    }

    /// The first place from `at` on where a clause has to be tried.
    pub fn next(&self, candidates: &[u32], at: usize) -> usize {
        let from = |list: &[u32]| {
            let behind = list.partition_point(|&place| (place as usize) < at);
            list.get(behind).map_or(usize::MAX, |&place| place as usize)
        };
        from(candidates).min(from(&self.others)).min(self.clears.len().saturating_sub(1)).max(at)
    }

    /// Whether a clause in `from..to` clears the captures by failing.
    pub fn clears(&self, from: usize, to: usize) -> bool {
        self.clears.get(from) != self.clears.get(to)
    }
}

/// What the subject of a clause has to begin with, and whether in either case.
enum Beginning<'a> {
    Path(&'a [u8], bool),
    Rewritten(&'a [u8], bool),
    Segments(&'a [u8]),
}

/// What the subject of a clause has to begin with, where its failing does nothing but clear the first register file.
/// Holds outside of sub-requests only.
fn known(clause: &Clause) -> Option<(Beginning<'_>, &Captures)> {
    let test = clause.when.matches.as_ref()?;
    let first = matches!(test.captures.store, None | Some(Store::Pattern));
    if test.negated || clause.otherwise != Then::Next || !first {
        return None;
    }
    let (prefix, folded): (&[u8], bool) = match &test.pattern {
        Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Segments(text) => (text, false),
        Pattern::Regex(regex) => (regex.beginning(), regex.options.caseless),
        _ => return None,
    };
    let beginning = match (&test.subject, &test.pattern) {
        (Subject::Path, Pattern::Segments(_)) => Beginning::Segments(prefix),
        (_, Pattern::Segments(_)) => return None,
        (Subject::Path, _) => Beginning::Path(prefix, folded),
        (Subject::Rewritten, _) => Beginning::Rewritten(prefix, folded),
        _ => return None,
    };
    (!prefix.is_empty()).then_some((beginning, &test.captures))
}

/// What the first condition of a clause wants to be equal to a text in any case, where the clause takes every path
/// and its captures serve nobody but itself (a rewriting list of Apache: the next clause makes its own).
fn wants(clause: &Clause) -> Option<(&Attribute, Vec<u8>)> {
    let test = clause.when.matches.as_ref()?;
    let Pattern::Regex(regex) = &test.pattern else { return None };
    let plain = !test.negated && matches!(test.subject, Subject::Rewritten) && test.captures.named.is_empty();
    if !plain || clause.otherwise != Then::Next || !UNIVERSAL.contains(&&*regex.text) {
        return None;
    }
    let condition = first(&clause.when.conditions)?;
    let TestKind::Matches(asked) = &condition.kind else { return None };
    let (Subject::Text(subject), Pattern::Regex(regex)) = (&asked.subject, &asked.pattern) else { return None };
    let [Part::Attribute(attribute)] = subject.parts.as_slice() else { return None };
    let known = matches!(attribute, Attribute::Host | Attribute::Header(_) | Attribute::HeaderVariable(_));
    if condition.negated || asked.negated || !known {
        return None;
    }
    Some((attribute, regex.whole()?.to_ascii_lowercase()))
}

/// The test that is made first and has to hold.
fn first(condition: &Condition) -> Option<&Test> {
    let mut condition = condition;
    loop {
        condition = match condition {
            Condition::Test(test) => return Some(test),
            Condition::All(parts) => parts.first()?,
            Condition::Any(parts) => match parts.as_slice() {
                [only] => only,
                _ => return None,
            },
            Condition::Trailing(_) => return None,
        };
    }
}

/// The path with each run of slashes as one.
fn single_slashes(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path {
        if byte != b'/' || out.last() != Some(&b'/') {
            out.push(byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_slashes_count_as_one() {
        assert_eq!(single_slashes(b"//a///b/"), b"/a/b/");
    }
}
