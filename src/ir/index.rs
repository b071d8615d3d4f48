//! Which clauses of a long list can match a path at all, by the bytes their patterns begin with.
//!
//! A redirect list may hold a hundred thousand clauses and a request needs one of them. An index is made when a list
//! is first run and kept with the program, whose lists never change or move.

use super::clause::{Captures, Clause, OnFailure, Subject, Then};
use super::pattern::Pattern;
use rustc_hash::FxHashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Lists shorter than this are run clause by clause.
const WORTH_IT: usize = 32;

/// The indexes of a program's lists.
#[derive(Debug, Default)]
pub struct Indexes(RwLock<FxHashMap<(usize, usize), Arc<ListIndex>>>);

impl Indexes {
    /// The index of a list of the program; `None` where it is too short to need one.
    pub fn of(&self, clauses: &[Clause]) -> Option<Arc<ListIndex>> {
        if clauses.len() < WORTH_IT {
            return None;
        }
        let key = (clauses.as_ptr().addr(), clauses.len());
        if let Some(index) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(Arc::clone(index));
        }
        let index = Arc::new(ListIndex::new(clauses));
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&index));
        Some(index)
    }
}

/// The clauses of one list by what they can match.
#[derive(Debug)]
pub struct ListIndex {
    /// Clauses by the bytes that the path has to begin with.
    path: Prefixes,
    /// The same for clauses that look at the text being rewritten.
    rewritten: Prefixes,
    /// Clauses of which nothing is known.
    others: Vec<u32>,
    /// How many clauses before each place clear the captures where they fail.
    clears: Vec<u32>,
}

#[derive(Debug, Default)]
struct Prefixes {
    by_text: FxHashMap<Box<[u8]>, Vec<u32>>,
    lengths: Vec<usize>,
}

impl Prefixes {
    fn add(&mut self, prefix: &[u8], at: u32) {
        match self.by_text.get_mut(prefix) {
            Some(list) => list.push(at),
            None => drop(self.by_text.insert(prefix.into(), vec![at])),
        }
    }

    fn seal(&mut self) {
        self.lengths = self.by_text.keys().map(|prefix| prefix.len()).collect();
        self.lengths.sort_unstable();
        self.lengths.dedup();
    }

    fn collect(&self, subject: &[u8], out: &mut Vec<u32>) {
        for prefix in self.lengths.iter().map_while(|&length| subject.get(..length)) {
            out.extend(self.by_text.get(prefix).into_iter().flatten());
        }
    }
}

impl ListIndex {
    fn new(clauses: &[Clause]) -> Self {
        let (mut path, mut rewritten) = (Prefixes::default(), Prefixes::default());
        let (mut others, mut clears, mut count) = (Vec::new(), Vec::with_capacity(clauses.len() + 1), 0u32);
        for (at, clause) in (0u32..).zip(clauses) {
            clears.push(count);
            let Some((subject, prefix, captures)) = known(clause) else {
                others.push(at);
                continue;
            };
            count += u32::from(captures.on_failure == OnFailure::Clear && captures.store.is_some());
            match subject {
                Subject::Path => path.add(prefix, at),
                _ => rewritten.add(prefix, at),
            }
        }
        clears.push(count);
        path.seal();
        rewritten.seal();
        Self { path, rewritten, others, clears }
    }

    /// The clauses that can match, in order.
    pub fn candidates(&self, path: &[u8], rewritten: &[u8]) -> Vec<u32> {
        let mut found = Vec::new();
        self.path.collect(path, &mut found);
        self.rewritten.collect(rewritten, &mut found);
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

/// What the subject of a clause has to begin with, where its failing does nothing but clear the first register file.
fn known(clause: &Clause) -> Option<(&Subject, &[u8], &Captures)> {
    let test = clause.when.matches.as_ref()?;
    let simple = !test.negated && clause.otherwise == Then::Next && !clause.when.not_in_sub_request;
    let first = matches!(test.captures.store, None | Some(super::clause::Store::Pattern));
    if !simple || !first || !matches!(test.subject, Subject::Path | Subject::Rewritten) {
        return None;
    }
    let prefix: &[u8] = match &test.pattern {
        Pattern::Exact(text) | Pattern::Prefix(text) => text,
        Pattern::Regex(regex) => regex.prefix(),
        _ => return None,
    };
    (!prefix.is_empty()).then_some((&test.subject, prefix, &test.captures))
}
