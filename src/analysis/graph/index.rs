//! The literal paths of a configuration, to say which redirects lead nowhere in it without comparing them pairwise.

use super::{SMALL, feeds_on_table, table_paths};
use crate::analysis::language::Language;
use crate::analysis::order::{self, Paths};
use crate::analysis::routes::{PathKind, PathPattern, Route, RouteId};
use crate::analysis::target::Place;
use crate::analysis::{Facts, witness};
use crate::eval::Request;
use crate::eval::follow::Hop;
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::sync::{Arc, OnceLock};

/// Literal paths that routes (and tables that feed them) answer.
#[derive(Default)]
pub(super) struct Index<'a> {
    /// How many routes there are.
    pub routes: usize,
    exact: FxHashSet<Cow<'a, [u8]>>,
    prefixes: Beginnings<'a>,
    /// Literal beginnings of patterns.
    patterns: Beginnings<'a>,
    /// Exact paths and prefixes, sorted, for "everything below this prefix".
    sorted: OnceLock<Vec<Cow<'a, [u8]>>>,
    /// [`Index::patterns`], sorted.
    sorted_patterns: OnceLock<Vec<Cow<'a, [u8]>>>,
    /// Routes without a literal path of any kind.
    open: bool,
    /// Redirects whose source is no literal path.
    by_pattern: Vec<ByPattern<'a>>,
    /// The places in [`Index::by_pattern`] by what is asked: the folder and the paths.
    asked: FxHashMap<(Option<Arc<[u8]>>, Paths<'a>), usize>,
    /// Keys of tables that redirects send values of, with their entries.
    entries: FxHashMap<&'a [u8], Span>,
    /// The keys whose value some route or key answers again.
    pub chained: Vec<&'a [u8]>,
}

/// Redirects that ask for the same paths, none of them a literal one.
pub(super) struct ByPattern<'a> {
    /// The literal beginning.
    begins: Cow<'a, [u8]>,
    /// The first of them.
    first: RouteId,
    /// Whether there are more.
    shared: bool,
    paths: OnceLock<Vec<Vec<u8>>>,
    language: OnceLock<Option<Language>>,
}

impl ByPattern<'_> {
    /// Paths they take that look human.
    pub fn paths(&self, facts: &Facts<'_>) -> &[Vec<u8>] {
        self.paths.get_or_init(|| facts.routes().get(self.first).map(witness::paths).unwrap_or_default())
    }

    /// All paths they take.
    pub fn language(&self, facts: &Facts<'_>) -> Option<&Language> {
        self.language.get_or_init(|| facts.routes().get(self.first)?.language()).as_ref()
    }
}

impl<'a> Index<'a> {
    pub fn of(facts: &Facts<'a>) -> Self {
        let mut index = Self { routes: facts.routes().all.len(), ..Self::default() };
        for route in facts.routes().all.iter().filter(|route| route.enabled) {
            index.add(route);
        }
        let entries = table_paths(facts);
        for (path, _, span) in &entries {
            index.exact.insert(Cow::Borrowed(*path));
            index.entries.insert(*path, *span);
        }
        let again = entries.into_iter().filter(|(_, value, _)| index.exact.contains(*value) || index.begins(value));
        index.chained = again.map(|(path, ..)| path).collect();
        index
    }

    /// The words that decided a hop.
    pub fn decided(&self, facts: &Facts<'_>, hop: &Hop) -> Option<Span> {
        let cause = hop.answer.cause?;
        let entry = self.entries.get(path_of(&hop.request).as_ref()).copied();
        let fed = entry.is_some() && facts.routes().at(cause).any(|route| feeds_on_table(facts, route));
        if fed { entry } else { Some(cause) }
    }

    fn add(&mut self, route: &Route<'a>) {
        if let Some(path) = route.exact_path() {
            self.exact.insert(path);
            return;
        }
        if route.is_redirect() {
            self.add_pattern(route);
        }
        let positive = route.paths.iter().filter(|test| !test.negated && test.on != PathKind::File);
        let segment = positive.clone().find_map(|test| match test.pattern {
            PathPattern::Segments(text) | PathPattern::Prefix(text) => Some(text),
            _ => None,
        });
        match (segment, route.path_prefix()) {
            (Some(text), _) if text.len() > 1 => self.prefixes.insert(text.into()),
            (_, prefix) if prefix.len() > 1 => self.patterns.insert(prefix),
            _ => self.open = true,
        }
    }

    fn add_pattern(&mut self, route: &Route<'a>) {
        match self.asked.entry((route.mount.clone(), order::paths(route))) {
            Entry::Occupied(known) => {
                if let Some(known) = self.by_pattern.get_mut(*known.get()) {
                    known.shared = true;
                }
            }
            Entry::Vacant(new) if self.by_pattern.len() < SMALL => {
                new.insert(self.by_pattern.len());
                let (paths, language) = (OnceLock::new(), OnceLock::new());
                let begins = route.path_prefix();
                self.by_pattern.push(ByPattern { begins, first: route.id, shared: false, paths, language });
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Redirects by pattern, other than this one, whose literal beginning fits the text.
    pub fn meeting(&self, start: &[u8], but: RouteId) -> impl Iterator<Item = &ByPattern<'a>> {
        let fits = move |own: &[u8]| own.starts_with(start) || start.starts_with(own);
        self.by_pattern.iter().filter(move |one| fits(&one.begins) && (one.shared || one.first != but))
    }

    /// Whether a literal target on the same site is answered by no route.
    pub fn leads_nowhere(&self, route: &Route<'_>) -> bool {
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
        self.prefixes.cover(path) || self.patterns.cover(path)
    }

    /// Whether some literal lies below the prefix, or some literal beginning covers it.
    fn touches(&self, prefix: &[u8]) -> bool {
        let sorted = self.sorted_patterns.get_or_init(|| sorted(self.patterns.texts.iter()));
        self.begins(prefix) || self.below(prefix).next().is_some() || starting(sorted, prefix).next().is_some()
    }

    /// Exact paths and prefixes that begin like this.
    pub fn below<'i>(&'i self, prefix: &'i [u8]) -> impl Iterator<Item = &'i Cow<'a, [u8]>> {
        starting(self.sorted.get_or_init(|| sorted(self.exact.iter().chain(&self.prefixes.texts))), prefix)
    }
}

fn sorted<'i, 'a: 'i>(texts: impl Iterator<Item = &'i Cow<'a, [u8]>>) -> Vec<Cow<'a, [u8]>> {
    let mut texts: Vec<_> = texts.cloned().collect();
    texts.sort_unstable();
    texts
}

fn starting<'i, 'a>(sorted: &'i [Cow<'a, [u8]>], prefix: &'i [u8]) -> impl Iterator<Item = &'i Cow<'a, [u8]>> {
    let from = sorted.partition_point(|path| path.as_ref() < prefix);
    sorted.iter().skip(from).take_while(move |path| path.starts_with(prefix))
}

/// Literal beginnings of paths.
#[derive(Default)]
struct Beginnings<'a> {
    texts: FxHashSet<Cow<'a, [u8]>>,
    /// Their lengths, in order: only these beginnings of a path have to be looked up.
    lengths: BTreeSet<usize>,
}

impl<'a> Beginnings<'a> {
    fn insert(&mut self, text: Cow<'a, [u8]>) {
        self.lengths.insert(text.len());
        self.texts.insert(text);
    }

    /// Whether the path begins like one of them.
    fn cover(&self, path: &[u8]) -> bool {
        let mut starts = self.lengths.iter().map_while(|&length| path.get(..length));
        starts.any(|start| self.texts.contains(start))
    }
}

/// The path that a request asks for, percent-decoded; dots and slashes as they came.
pub fn path_of(request: &Request) -> Cow<'_, [u8]> {
    percent_decoded(request.target.split(|&byte| byte == b'?').next().unwrap_or_default())
}

fn percent_decoded(path: &[u8]) -> Cow<'_, [u8]> {
    if !path.contains(&b'%') {
        return path.into();
    }
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
    out.into()
}
