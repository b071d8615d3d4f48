//! The flat view of a program: one [`Route`] for every clause that answers, redirects or rewrites.
//!
//! Rules and converters read this instead of walking the IR: where a clause stands, what must hold for it to
//! run (its own match and everything around it, by dimension), what it does. Linear in the size of the program.
//! Knows no request; whether a route is really reached is a question for [`super::witness`].

use super::language::Language;
use crate::ir::clause::{Clause, Match, Then};
use crate::ir::pattern::{Pattern, Regex};
use crate::ir::scope::Slot;
use crate::ir::{Program, ScopeId, SiteId};
use crate::source::Span;
use std::borrow::Cow;
use std::sync::Arc;

mod read;

pub use super::guard::{Dimension, Guard};
pub use super::target::{Host, Place, TargetView};

/// How deep blocks and sections may nest before the rest is left out.
const MAX_DEPTH: usize = 256;

/// A route in [`Routes::all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RouteId(pub u32);

/// A clause that answers, redirects or rewrites, with everything that must hold for it to run.
#[derive(Clone, Debug)]
pub struct Route<'a> {
    /// Its place in [`Routes::all`].
    pub id: RouteId,
    /// The virtual host or server block; the first of those that share it.
    pub site: SiteId,
    /// The scope whose list it stands in.
    pub scope: ScopeId,
    /// Which list.
    pub slot: Slot,
    /// Position in the list, from 0; lists of inner blocks (`if`) count on in the order of the text.
    pub ordinal: usize,
    /// The clause itself.
    pub clause: &'a Clause,
    /// The directive: [`Clause::span`].
    pub span: Span,
    /// The tests of the path that must hold: the sections and locations around it, then its own.
    pub paths: Vec<PathTest<'a>>,
    /// Every other test that must hold, outermost first. All must hold together.
    pub guards: Vec<Guard<'a>>,
    /// What it does.
    pub does: Does<'a>,
    /// Where its list goes on if it applied.
    pub then: Then,
    /// Whether rewriting is switched on where it stands (always true outside of [`Slot::Rewrite`]).
    pub enabled: bool,
    /// The part of the URL path that is taken off before [`Subject::Rewritten`] is matched, where it is known.
    pub mount: Option<Arc<[u8]>>,
}

/// What a route does.
#[derive(Clone, Debug)]
pub enum Does<'a> {
    /// Sends a `Location`.
    Redirect {
        /// The status.
        status: u16,
        /// Where to.
        target: TargetView<'a>,
    },
    /// Answers without a `Location`.
    Respond {
        /// The status.
        status: u16,
        /// A text given with it.
        body: Option<TargetView<'a>>,
    },
    /// Changes the path inside the server.
    Rewrite {
        /// The new path.
        target: TargetView<'a>,
    },
}

/// A test of the request's path.
#[derive(Clone, Copy, Debug)]
pub struct PathTest<'a> {
    /// What the pattern is held against.
    pub on: PathKind,
    /// The pattern.
    pub pattern: PathPattern<'a>,
    /// Whether it must not match.
    pub negated: bool,
    /// The words it comes from.
    pub span: Span,
    /// Whether it is the clause's own match (its captures are what the target's numbers mean).
    pub own: bool,
}

/// A pattern of the program that is held against a path.
#[derive(Clone, Copy, Debug)]
pub enum PathPattern<'a> {
    /// The whole path.
    Exact(&'a [u8]),
    /// A plain byte prefix.
    Prefix(&'a [u8]),
    /// A prefix that ends at a segment.
    Segments(&'a [u8]),
    /// A regular expression.
    Regex(&'a Regex),
    /// Anything else.
    Other(&'a Pattern),
}

impl<'a> From<&'a Pattern> for PathPattern<'a> {
    fn from(pattern: &'a Pattern) -> Self {
        match pattern {
            Pattern::Exact(text) => Self::Exact(text),
            Pattern::Prefix(text) => Self::Prefix(text),
            Pattern::Segments(text) => Self::Segments(text),
            Pattern::Regex(regex) => Self::Regex(regex),
            other => Self::Other(other),
        }
    }
}

impl PathPattern<'_> {
    /// The paths it accepts; `None` where that is not regular.
    pub fn language(&self) -> Option<Language> {
        match self {
            Self::Exact(text) => Some(Language::literal(text)),
            Self::Prefix(text) => Some(Language::prefix(text)),
            Self::Segments(text) => Language::segments(text),
            Self::Regex(regex) => Language::matching(regex),
            Self::Other(pattern) => Language::of(pattern),
        }
    }
}

/// What a path test is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathKind {
    /// The decoded, normalised URL path.
    Url,
    /// The same without the mount (per-directory rewriting): no leading slash.
    Relative,
    /// A file system path: a folder, or a file name.
    File,
}

/// Every route of a program.
#[derive(Debug, Default)]
pub struct Routes<'a> {
    /// In the order in which they are met: sites in order, the site's own lists before its locations or sections.
    pub all: Vec<Route<'a>>,
    /// The directive of each route, sorted.
    by_span: Vec<(Span, RouteId)>,
    scopes: Vec<(SiteId, ScopeId)>,
    places: Vec<(SiteId, PathPattern<'a>)>,
}

impl<'a> Routes<'a> {
    /// Reads a program.
    pub fn of(program: &'a Program, base: &'a str) -> Self {
        read::read(program, base)
    }

    /// Every scope that requests of a site can meet.
    pub fn scopes_of(&self, site: SiteId) -> impl Iterator<Item = ScopeId> {
        self.scopes.iter().filter(move |(of, _)| *of == site).map(|(_, scope)| *scope)
    }

    /// The patterns of a site's locations, nested ones among them.
    pub fn places(&self, site: SiteId) -> impl Iterator<Item = &PathPattern<'a>> {
        self.places.iter().filter(move |(of, _)| *of == site).map(|(_, pattern)| pattern)
    }

    /// The route behind a handle.
    pub fn get(&self, id: RouteId) -> Option<&Route<'a>> {
        self.all.get(id.0 as usize)
    }

    /// The routes of a directive (several where several sites share it).
    pub fn at(&self, span: Span) -> impl Iterator<Item = &Route<'a>> {
        let from = self.by_span.partition_point(|(at, _)| *at < span);
        let these = self.by_span.iter().skip(from).take_while(move |(at, _)| *at == span);
        these.filter_map(|(_, id)| self.get(*id))
    }

    /// Routes that send a `Location`.
    pub fn redirects(&self) -> impl Iterator<Item = &Route<'a>> {
        self.all.iter().filter(|route| matches!(route.does, Does::Redirect { .. }))
    }
}

impl<'a> Route<'a> {
    /// The status it answers with; `None` for rewrites inside the server.
    pub fn status(&self) -> Option<u16> {
        match self.does {
            Does::Redirect { status, .. } | Does::Respond { status, .. } => Some(status),
            Does::Rewrite { .. } => None,
        }
    }

    /// The text it sends or rewrites to.
    pub fn target(&self) -> Option<&TargetView<'a>> {
        match &self.does {
            Does::Redirect { target, .. } | Does::Rewrite { target } => Some(target),
            Does::Respond { body, .. } => body.as_ref(),
        }
    }

    /// Whether it sends a `Location`.
    pub fn is_redirect(&self) -> bool {
        matches!(self.does, Does::Redirect { .. })
    }

    /// The match whose captures the target's numbers mean.
    pub fn own_match(&self) -> Option<&'a Match> {
        self.clause.when.matches.as_ref()
    }

    /// Guards on a dimension.
    pub fn guards_on(&self, wanted: impl Fn(&Dimension) -> bool) -> impl Iterator<Item = &Guard<'a>> {
        self.guards.iter().filter(move |guard| guard.dimensions.iter().any(&wanted))
    }

    /// Whether nothing but the path decides whether it runs.
    pub fn is_unguarded(&self) -> bool {
        self.guards.is_empty()
    }

    /// The one URL path it runs for, where its path tests come down to one literal.
    pub fn exact_path(&self) -> Option<Cow<'a, [u8]>> {
        self.paths.iter().filter(|test| !test.negated).find_map(|test| self.literal_of(test, true))
    }

    /// A text every path it runs for begins with; `/` where nothing more is known.
    pub fn path_prefix(&self) -> Cow<'a, [u8]> {
        let known = self.paths.iter().filter(|test| !test.negated).filter_map(|test| self.literal_of(test, false));
        known.max_by_key(|text| text.len()).unwrap_or(Cow::Borrowed(b"/"))
    }

    /// The URL paths its tests accept (guards aside); `None` where that is not regular or a file path decides.
    pub fn language(&self) -> Option<Language> {
        let mut all = Language::prefix(b"/");
        for test in &self.paths {
            let own = match test.on {
                PathKind::Url => test.pattern.language()?,
                PathKind::Relative => Language::literal(self.mount.as_deref()?).then(&test.pattern.language()?)?,
                PathKind::File => return None,
            };
            all = if test.negated { all.without(&own)? } else { all.and(&own)? };
        }
        Some(all)
    }

    fn literal_of(&self, test: &PathTest<'a>, exact: bool) -> Option<Cow<'a, [u8]>> {
        let text = match test.pattern {
            PathPattern::Exact(text) => Cow::Borrowed(text),
            PathPattern::Prefix(text) | PathPattern::Segments(text) if !exact => Cow::Borrowed(text),
            PathPattern::Regex(regex) => {
                let beginning = super::expression::beginning(regex);
                (if exact { beginning.whole } else { beginning.anchored }).then_some(beginning.text)?
            }
            _ => return None,
        };
        match test.on {
            PathKind::Url => Some(text),
            PathKind::Relative => self.mount.as_ref().map(|mount| [mount, &*text].concat().into()),
            PathKind::File => None,
        }
    }
}

/// The number of the group of this name.
pub(super) fn group_named(regex: &Regex, name: &[u8]) -> Option<u32> {
    // Most expressions have no names, and are not compiled for the question.
    memchr::memmem::find(&regex.text, name)?;
    regex.compiled().ok()?.names().find(|(_, known)| *known == name).map(|(number, _)| number)
}
