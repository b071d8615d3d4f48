//! Locations: their tree, their scopes, and the clauses inside.

use super::context::Context;
use super::load::Node;
use super::settings::Level;
use super::variables::Captures;
use crate::ir::ScopeId;
use crate::ir::choice::{Location, Locations};
use crate::ir::clause::Clause;
use crate::ir::scope::{Lists, MethodScope, RewriteList, Scope, Settings, Shared, Stacked, TryFiles, TryLast};
use crate::ir::template::Template;
use crate::source::Span;
use std::collections::HashSet;
use std::sync::Arc;

/// A location's name.
enum Name<'a> {
    Exact(&'a [u8]),
    Prefix(&'a [u8], bool),
    Pattern(&'a [u8], bool),
    Named(&'a [u8]),
}

/// The location around the ones being read.
#[derive(Clone, Copy, Default)]
pub struct Parent<'a> {
    name: &'a [u8],
    exact: bool,
    named: bool,
    inside: bool,
}

/// What a block is for its clauses and settings.
#[derive(Clone, Copy)]
pub struct Place<'l> {
    /// What is in force in it.
    pub level: &'l Level,
    /// A server block: an `if` in it enters no scope.
    pub server: bool,
    /// Its name, where paths begin with that.
    pub name: Option<&'l [u8]>,
}

impl Context {
    /// The settings of a block, laid over the outer ones.
    pub fn level<'a>(&mut self, nodes: &[Node<'a>], outer: &Level, name: Option<&[u8]>, same_place: bool) -> Level {
        let rewrites = |node: &Node| matches!(node.name(), b"return" | b"rewrite" | b"set" | b"break");
        if !same_place && nodes.iter().all(rewrites) {
            return outer.inside();
        }
        let mut own = Level::default();
        for node in nodes {
            self.setting(&mut own, *node, name);
        }
        if let Some(node) = nodes.iter().find(|node| node.name() == b"valid_referers") {
            self.settle_referers(own.referers(), node.head());
        }
        own.over(outer, same_place)
    }

    /// The clauses of a block, in order.
    pub fn clauses(&mut self, nodes: &[Node], place: Place) -> Vec<Clause> {
        let mut clauses = Vec::new();
        let mut late = Vec::new();
        for &node in nodes {
            match node.name() {
                b"rewrite" => clauses.extend(self.rewrite_clause(node)),
                b"return" => clauses.extend(self.return_clause(node)),
                b"set" => clauses.extend(self.set_clause(node)),
                b"break" => clauses.push(self.break_clause(node)),
                b"if" if node.has_block() => clauses.extend(self.if_block(node, place)),
                b"rewrite_by_lua" | b"rewrite_by_lua_block" | b"rewrite_by_lua_file" => {
                    self.note(node, crate::ir::Effect::May, "what it does is not known");
                    late.push(self.opaque_clause(node));
                }
                _ => {}
            }
        }
        clauses.extend(late);
        clauses
    }

    fn if_block(&mut self, node: Node, place: Place) -> Option<Clause> {
        let test = self.if_test(node);
        let inside: Vec<Node> = node.children().collect();
        let mut scope = None;
        let level = if place.server { None } else { Some(self.level(&inside, place.level, place.name, true)) };
        let inner = Place { level: level.as_ref().unwrap_or(place.level), ..place };
        let flat: Vec<Node> = inside.iter().copied().filter(|node| node.name() != b"if").collect();
        let clauses = self.clauses(&flat, inner);
        if let Some(level) = &level {
            scope = Some(self.plain_scope(node.head(), level));
        }
        Some(self.if_clause(node, test?, scope, clauses))
    }

    /// A scope of settings alone.
    pub fn plain_scope(&mut self, span: Span, level: &Level) -> ScopeId {
        self.scope(Scope { span: Some(span), settings: level.settings(), notes: level.notes(), ..Scope::default() })
    }

    /// A scope with a rewriting list.
    pub fn full_scope(
        &mut self,
        span: Option<Span>,
        level: &Level,
        settings: Shared<Settings>,
        clauses: Vec<Clause>,
    ) -> ScopeId {
        let list = RewriteList { clauses: Stacked::of(clauses), ..RewriteList::default() };
        let rewrite = (!list.clauses.0.is_empty()).then(|| Arc::new(list));
        let lists = Lists { rewrite, ..Lists::default() };
        self.scope(Scope { span, lists, settings, notes: level.notes(), ..Scope::default() })
    }

    /// `try_files`.
    pub fn try_files(&mut self, nodes: &[Node]) -> Option<Arc<TryFiles>> {
        let node = nodes.iter().rfind(|node| node.name() == b"try_files")?;
        let last = node.words().len().checked_sub(1)?;
        let mut candidates = Vec::new();
        for at in 0..last {
            let text = node.arg(at)?;
            let (text, folder) = match text.strip_suffix(b"/") {
                Some(text) => (text, true),
                None => (text, false),
            };
            candidates.push((self.template(text, Captures::Raw, node.arg_span(at)), folder));
        }
        let text = node.arg(last)?;
        let last = match text {
            [b'=', code @ ..] => {
                let digits = Some(code).filter(|code| code.iter().all(u8::is_ascii_digit));
                let number = digits.and_then(|code| std::str::from_utf8(code).ok()?.parse::<u16>().ok());
                let Some(status) = number.filter(|&code| code <= 999) else {
                    let shown = String::from_utf8_lossy(text);
                    self.refuse(node.arg_span(last), format!("invalid code \"{shown}\""));
                    return None;
                };
                match status {
                    // No status at all: the text is a path like any other.
                    0 => TryLast::Path(Template::literal(text)),
                    status => TryLast::Status(status),
                }
            }
            [b'@', ..] => TryLast::Named(text.into()),
            _ => TryLast::Path(self.template(text, Captures::Raw, node.arg_span(last))),
        };
        Some(Arc::new(TryFiles { span: node.head(), candidates, last }))
    }

    /// The locations among some directives, with what is nested in them.
    pub fn locations(&mut self, nodes: &[Node], outer: &Level, parent: Parent) -> Locations {
        let mut locations = Locations::default();
        let mut seen: HashSet<Vec<u8>> = HashSet::new();
        for &node in nodes.iter().filter(|node| node.name() == b"location" && node.has_block()) {
            let Some(name) = self.location_name(node) else { continue };
            self.check_place(node, &name, parent);
            let shown = String::from_utf8_lossy(plain(&name)).into_owned();
            let kind: &[u8] = if matches!(name, Name::Exact(_)) { b"=" } else { b"" };
            if !matches!(name, Name::Pattern(..) | Name::Named(_)) && !seen.insert([kind, plain(&name)].concat()) {
                self.refuse_late(node.head(), format!("duplicate location \"{shown}\""));
                continue;
            }
            self.add_location(&mut locations, node, &name, outer);
        }
        locations.prefixes.sort_by(|(a, _), (b, _)| a.cmp(b));
        locations
    }

    fn add_location(&mut self, locations: &mut Locations, node: Node, name: &Name, outer: &Level) {
        let pattern = match name {
            Name::Pattern(text, caseless) => Some(self.regex(text, *caseless, node.arg_span(node.words().len() - 1))),
            _ => None,
        };
        let inside: Vec<Node> = node.children().collect();
        let own_name = match name {
            Name::Exact(name) | Name::Prefix(name, _) => Some(*name),
            _ => None,
        };
        let here = Parent {
            name: plain(name),
            exact: matches!(name, Name::Exact(_)),
            named: matches!(name, Name::Named(_)),
            inside: true,
        };
        let level = self.level(&inside, outer, own_name, false);
        let scope = self.location_scope(node.head(), &inside, &level, own_name);
        let nested = self.locations(&inside, &level, here);
        let is_empty = nested.exact.is_empty() && nested.prefixes.is_empty() && nested.patterns.is_empty();
        let location = Location {
            scope,
            no_patterns: matches!(name, Name::Prefix(_, true)),
            slash_redirect: level.passes_on && plain(name).ends_with(b"/"),
            nested: (!is_empty).then(|| Box::new(nested)),
            span: node.head(),
        };
        match (name, pattern) {
            (Name::Exact(text), _) => drop(locations.exact.insert((*text).into(), location)),
            (Name::Prefix(text, _), _) => locations.prefixes.push((self.stored_prefix(text).into(), location)),
            // The first of a name is found.
            (Name::Named(text), _) => {
                locations.named.entry((*text).into()).or_insert(scope);
            }
            (Name::Pattern(..), Some((regex, named))) => locations.patterns.push((regex, named, location)),
            (Name::Pattern(..), None) => {}
        }
    }

    /// The part of a name that is compared: before 1.23.4 a length is kept in one byte.
    fn stored_prefix<'n>(&self, name: &'n [u8]) -> &'n [u8] {
        if self.since(1, 23, 4) || name.len() < 257 {
            return name;
        }
        let kept = if name.len().is_multiple_of(256) { 256 } else { name.len() % 256 };
        name.get(..kept).unwrap_or(name)
    }

    /// The scope of a location with these directives in it.
    pub fn location_scope(&mut self, span: Span, inside: &[Node], level: &Level, name: Option<&[u8]>) -> ScopeId {
        let clauses = self.clauses(inside, Place { level, server: false, name });
        let mut settings = level.settings();
        let (try_files, method_scope) = (self.try_files(inside), self.limit_except(inside, level, name));
        let internal = inside.iter().any(|node| node.name() == b"internal");
        if try_files.is_some() || internal || method_scope.is_some() {
            (settings.try_files, settings.internal, settings.method_scope) = (try_files, internal, method_scope);
        }
        self.full_scope(Some(span), level, settings, clauses)
    }

    fn limit_except(&mut self, inside: &[Node], level: &Level, name: Option<&[u8]>) -> Option<Arc<MethodScope>> {
        let node = inside.iter().find(|node| node.name() == b"limit_except" && node.has_block())?;
        const METHODS: &[&[u8]] = &[
            b"GET",
            b"HEAD",
            b"POST",
            b"PUT",
            b"DELETE",
            b"MKCOL",
            b"COPY",
            b"MOVE",
            b"OPTIONS",
            b"PROPFIND",
            b"PROPPATCH",
            b"LOCK",
            b"UNLOCK",
            b"PATCH",
        ];
        let mut methods = Vec::new();
        for (at, word) in node.args().enumerate() {
            let method = word.to_ascii_uppercase();
            if !METHODS.contains(&&*method) {
                let shown = String::from_utf8_lossy(word);
                self.refuse(node.arg_span(at), format!("invalid method \"{shown}\""));
            }
            methods.push(method.into());
        }
        let inner: Vec<Node> = node.children().collect();
        let level = self.level(&inner, level, name, true);
        let scope = self.plain_scope(node.head(), &level);
        Some(Arc::new(MethodScope { methods, scope }))
    }

    fn location_name<'a>(&mut self, node: Node<'a>) -> Option<Name<'a>> {
        let first = node.arg(0)?;
        if let Some(name) = node.arg(1) {
            return Some(match first {
                b"=" => Name::Exact(name),
                b"^~" => Name::Prefix(name, true),
                b"~" => Name::Pattern(name, false),
                b"~*" => Name::Pattern(name, true),
                other => {
                    let shown = String::from_utf8_lossy(other);
                    self.refuse(node.arg_span(0), format!("invalid location modifier \"{shown}\""));
                    return None;
                }
            });
        }
        Some(match first {
            [b'=', name @ ..] => Name::Exact(name),
            [b'^', b'~', name @ ..] => Name::Prefix(name, true),
            [b'~', b'*', name @ ..] => Name::Pattern(name, true),
            [b'~', name @ ..] => Name::Pattern(name, false),
            [b'@', ..] => Name::Named(first),
            name => Name::Prefix(name, false),
        })
    }

    fn check_place(&mut self, node: Node, name: &Name, parent: Parent) {
        if !parent.inside {
            return;
        }
        let shown = String::from_utf8_lossy(plain(name)).into_owned();
        let outer = String::from_utf8_lossy(parent.name).into_owned();
        let span = node.arg_span(node.words().len().saturating_sub(1));
        let message = if parent.exact {
            format!("location \"{shown}\" cannot be inside the exact location \"{outer}\"")
        } else if parent.named {
            format!("location \"{shown}\" cannot be inside the named location \"{outer}\"")
        } else if matches!(name, Name::Named(_)) {
            format!("named location \"{shown}\" can be on the server level only")
        } else if !matches!(name, Name::Pattern(..)) && !plain(name).starts_with(parent.name) {
            format!("location \"{shown}\" is outside location \"{outer}\"")
        } else {
            return;
        };
        self.refuse(span, message);
    }
}

fn plain<'n>(name: &Name<'n>) -> &'n [u8] {
    match name {
        Name::Exact(text) | Name::Prefix(text, _) | Name::Pattern(text, _) | Name::Named(text) => text,
    }
}
