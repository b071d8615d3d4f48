//! Walks a program's lists, with what stands around them, and collects their routes.

use super::{Does, Guard, MAX_DEPTH, PathKind, PathPattern, PathTest, Route, RouteId, Routes, TargetView, group_named};
use crate::ir::choice::{Applies, Choice, Location, Locations, Section};
use crate::ir::clause::{Action, Clause, Content, Match, Subject, Target};
use crate::ir::condition::{Condition, Test};
use crate::ir::scope::{Scope, Slot, Stacked};
use crate::ir::template::Part;
use crate::ir::{Program, ScopeId, SiteId};
use crate::source::Span;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// Reads a program.
pub(super) fn read<'a>(program: &'a Program, base: &'a str) -> Routes<'a> {
    let mut reader =
        Reader { program, base, routes: Routes::default(), seen: FxHashSet::default(), scopes: FxHashSet::default() };
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
        // A long list is not copied as it grows.
        self.routes.all.reserve(all.len());
        self.routes.places.reserve(all.len());
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
                    if let Some(does) = crate::analysis::target::rewriting(rewrite) {
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
