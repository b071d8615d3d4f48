//! The flat view of a program: one [`Route`] for every clause that answers, redirects or rewrites.
//!
//! Rules and converters read this instead of walking the IR: where a clause stands, what must hold for it to
//! run (its own match and everything around it, by dimension), what it does. Linear in the size of the program.
//! Knows no request; whether a route is really reached is a question for [`super::witness`].

use super::language::Language;
use crate::ir::choice::{Applies, Choice, Location, Locations, Section};
use crate::ir::clause::{Action, Clause, Content, Match, Subject, Target, Then};
use crate::ir::condition::{Condition, Test};
use crate::ir::pattern::{Pattern, Regex};
use crate::ir::scope::{Scope, Slot, Stacked};
use crate::ir::template::Part;
use crate::ir::{Program, ScopeId, SiteId};
use crate::source::Span;
use rustc_hash::FxHashSet;
use std::borrow::Cow;
use std::sync::Arc;

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
        let mut reader =
            Reader { program, base, routes: Self::default(), seen: FxHashSet::default(), scopes: FxHashSet::default() };
        for (at, site) in program.sites.iter().enumerate() {
            let site_id = SiteId(at as u32);
            let around = Around::default();
            reader.scope(site_id, site.scope, &around);
            match &site.choice {
                Choice::Locations(locations) => reader.locations(site_id, locations, &around, 0),
                Choice::Sections(sections) => {
                    for section in sections.folders.iter().chain(&sections.folder_patterns) {
                        reader.section(site_id, section, PathKind::File, &around);
                    }
                    let mut files: Vec<_> = sections.htaccess.iter().collect();
                    files.sort();
                    for (_, scope) in files {
                        reader.scope(site_id, *scope, &around);
                    }
                    for section in &sections.urls {
                        reader.section(site_id, section, PathKind::Url, &around);
                    }
                }
            }
        }
        let mut routes = reader.routes;
        routes.scopes = reader.scopes.into_iter().collect();
        routes.scopes.sort_unstable();
        routes.all.shrink_to_fit();
        routes.by_span = routes.all.iter().map(|route| (route.span, route.id)).collect();
        routes.by_span.sort_unstable();
        routes
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

/// What stands around a list.
#[derive(Clone, Default)]
struct Around<'a> {
    paths: Vec<PathTest<'a>>,
    guards: Vec<Guard<'a>>,
    depth: usize,
}

struct Reader<'a> {
    program: &'a Program,
    base: &'a str,
    routes: Routes<'a>,
    /// Lists that were read for a site already: scopes that inherit share them.
    seen: FxHashSet<(SiteId, *const ())>,
    scopes: FxHashSet<(SiteId, ScopeId)>,
}

/// Where a list stands.
#[derive(Clone, Copy)]
struct List<'l> {
    site: SiteId,
    scope: ScopeId,
    slot: Slot,
    enabled: bool,
    mount: Option<&'l Arc<[u8]>>,
}

impl<'a> Reader<'a> {
    fn get(&self, id: ScopeId) -> Option<&'a Scope> {
        self.program.scopes.get(id.0 as usize)
    }

    fn scope(&mut self, site: SiteId, id: ScopeId, around: &Around<'a>) {
        let Some(scope) = self.get(id) else { return };
        if around.depth > MAX_DEPTH || !self.scopes.insert((site, id)) {
            return;
        }
        let lists = &scope.lists;
        if let Some(rewrite) = &lists.rewrite {
            let enabled = scope.settings.rewriting.unwrap_or_else(|| self.rewriting_default(site, id));
            let mount = self.mount(site, &rewrite.folder);
            let list = List { site, scope: id, slot: Slot::Rewrite, enabled, mount: mount.as_ref() };
            self.stacked(&rewrite.clauses, list, around);
        }
        if let Some(clause) = &lists.expression_redirect {
            let list = List { site, scope: id, slot: Slot::ExpressionRedirect, enabled: true, mount: None };
            if self.seen.insert((site, Arc::as_ptr(clause).cast())) {
                self.clause(clause, list, around, &mut 0);
            }
        }
        let list = List { site, scope: id, slot: Slot::Redirect, enabled: true, mount: None };
        self.stacked(&lists.redirect, list, around);
        for section in &scope.inner.files {
            self.section(site, section, PathKind::File, around);
        }
        for section in &scope.inner.conditions {
            self.section(site, section, PathKind::File, around);
        }
    }

    /// Without choice by sections rewriting is always on. With it, a folder's list takes the switch of any folder
    /// around it: on where some scope switches it on (the evaluator decides for a request); the site's own list takes none.
    fn rewriting_default(&self, site: SiteId, scope: ScopeId) -> bool {
        match self.program.sites.get(site.0 as usize) {
            Some(known) if matches!(known.choice, Choice::Sections(_)) => {
                known.scope != scope && self.program.scopes.iter().any(|scope| scope.settings.rewriting == Some(true))
            }
            _ => true,
        }
    }

    /// The URL path of a folder: below the document root, or the base of a lone `.htaccess`.
    fn mount(&self, site: SiteId, folder: &[u8]) -> Option<Arc<[u8]>> {
        if folder.is_empty() {
            return None;
        }
        let site = self.program.sites.get(site.0 as usize)?;
        let root =
            self.get(site.scope).and_then(|scope| scope.settings.root.as_ref()).and_then(|root| root.as_literal());
        let below = match root {
            Some(root) => folder.strip_prefix(root.strip_suffix(b"/").unwrap_or(root)),
            None => Some(folder),
        };
        match below {
            Some(below) if below.starts_with(b"/") => Some(below.into()),
            _ => Some(self.base.as_bytes().into()),
        }
    }

    fn stacked(&mut self, lists: &'a Stacked<Clause>, list: List<'_>, around: &Around<'a>) {
        let mut ordinal = 0;
        for part in &lists.0 {
            if self.seen.insert((list.site, Arc::as_ptr(part).cast())) {
                part.iter().for_each(|clause| self.clause(clause, list, around, &mut ordinal));
            }
        }
    }

    fn locations(&mut self, site: SiteId, locations: &'a Locations, around: &Around<'a>, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let mut all: Vec<(Span, &'a Location, PathPattern<'a>)> = Vec::new();
        for (text, location) in &locations.exact {
            all.push((location.span, location, PathPattern::Exact(text)));
        }
        for (text, location) in &locations.prefixes {
            all.push((location.span, location, PathPattern::Prefix(text)));
        }
        for (regex, _, location) in &locations.patterns {
            all.push((location.span, location, PathPattern::Regex(regex)));
        }
        all.sort_by_key(|(span, ..)| *span);
        for (span, location, pattern) in all {
            self.routes.places.push((site, pattern));
            let mut inner = around.clone();
            inner.depth += 1;
            inner.paths.push(PathTest { on: PathKind::Url, pattern, negated: false, span, own: false });
            self.scope(site, location.scope, &inner);
            if let Some(nested) = &location.nested {
                self.locations(site, nested, &inner, depth + 1);
            }
        }
        let mut named: Vec<_> = locations.named.values().copied().collect();
        named.sort();
        for scope in named.into_iter().chain(locations.otherwise) {
            self.scope(site, scope, around);
        }
    }

    fn section(&mut self, site: SiteId, section: &'a Section, on: PathKind, around: &Around<'a>) {
        let mut inner = around.clone();
        inner.depth += 1;
        match &section.applies {
            Applies::Path(pattern) => {
                inner.paths.push(PathTest {
                    on,
                    pattern: pattern.into(),
                    negated: false,
                    span: section.span,
                    own: false,
                });
            }
            Applies::When(condition) | Applies::Otherwise(condition) => self.condition(condition, &mut inner),
        }
        self.scope(site, section.scope, &inner);
    }

    /// Splits a condition into guards that must all hold, and tests of the path.
    fn condition(&self, condition: &'a Condition, around: &mut Around<'a>) {
        match condition {
            Condition::All(parts) => parts.iter().for_each(|part| self.condition(part, around)),
            Condition::Test(test) => self.test(test, around),
            other => around.guards.push(Guard::of_condition(other, self.program)),
        }
    }

    fn test(&self, test: &'a Test, around: &mut Around<'a>) {
        let guard = Guard::of_test(test, self.program);
        if let Some((pattern, negated)) = guard.path_pattern() {
            around.paths.push(PathTest {
                on: PathKind::Url,
                pattern: pattern.into(),
                negated,
                span: test.span,
                own: false,
            });
        } else {
            around.guards.push(guard);
        }
    }

    fn clause(&mut self, clause: &'a Clause, list: List<'_>, around: &Around<'a>, ordinal: &mut usize) {
        let mut inner = around.clone();
        inner.depth += 1;
        if inner.depth > MAX_DEPTH {
            return;
        }
        if let Some(found) = &clause.when.matches {
            self.own(found, clause.span, &mut inner);
        }
        self.condition(&clause.when.conditions, &mut inner);
        for action in &clause.does {
            match action {
                Action::Block(clauses) => {
                    clauses.iter().for_each(|clause| self.clause(clause, list, &inner, ordinal));
                }
                Action::Enter(scope) => self.scope(list.site, *scope, &inner),
                Action::Answer(answer) => {
                    let does = match &answer.content {
                        Content::None => Does::Respond { status: answer.status, body: None },
                        Content::Body(text) => {
                            Does::Respond { status: answer.status, body: Some(TargetView::of_text(text)) }
                        }
                        Content::Location(target) => self.redirect(answer.status, target),
                    };
                    self.push(clause, list, &inner, ordinal, does);
                }
                Action::Rewrite(rewrite) => {
                    if let Some(does) = super::target::rewriting(rewrite) {
                        self.push(clause, list, &inner, ordinal, does);
                    }
                }
                _ => {}
            }
        }
        *ordinal += 1;
    }

    fn redirect(&self, status: u16, target: &'a Target) -> Does<'a> {
        Does::Redirect { status, target: TargetView::of_target(target) }
    }

    fn own(&self, found: &'a Match, span: Span, around: &mut Around<'a>) {
        let on = match &found.subject {
            Subject::Path => Some(PathKind::Url),
            Subject::Rewritten => Some(PathKind::Relative),
            _ => None,
        };
        match on {
            Some(on) => {
                around.paths.push(PathTest {
                    on,
                    pattern: (&found.pattern).into(),
                    negated: found.negated,
                    span,
                    own: true,
                });
            }
            None => around.guards.push(Guard::of_match(found, span, self.program)),
        }
    }

    /// The same, knowing that a variable named like a group of a pattern around it holds a part of the path.
    fn with_named_groups(&self, mut does: Does<'a>, paths: &[PathTest<'a>]) -> Does<'a> {
        let (Does::Redirect { target, .. } | Does::Rewrite { target }) = &mut does else { return does };
        let named = |part: &Part| {
            let Part::Variable(variable) = part else { return false };
            let Some(variable) = self.program.variables.get(variable.0 as usize) else { return false };
            paths.iter().any(|test| matches!(test.pattern, PathPattern::Regex(regex) if group_named(regex, &variable.name).is_some()))
        };
        target.keeps_path |= target.template.parts.iter().any(named);
        does
    }

    fn push(&mut self, clause: &'a Clause, list: List<'_>, around: &Around<'a>, ordinal: &usize, does: Does<'a>) {
        let id = RouteId(self.routes.all.len() as u32);
        let does = self.with_named_groups(does, &around.paths);
        let mut paths = around.paths.clone();
        let mount = list.mount.cloned();
        if mount.is_none() {
            // Without a folder the rewritten text is the whole path.
            paths.iter_mut().filter(|test| test.on == PathKind::Relative).for_each(|test| test.on = PathKind::Url);
        }
        self.routes.all.push(Route {
            id,
            site: list.site,
            scope: list.scope,
            slot: list.slot,
            ordinal: *ordinal,
            clause,
            span: clause.span,
            paths,
            guards: around.guards.clone(),
            does,
            then: clause.then,
            enabled: list.enabled,
            mount,
        });
    }
}
