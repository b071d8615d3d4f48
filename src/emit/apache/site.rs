//! One site: its own list, then its locations in order, then what stands beside lists.

use super::action::{Does, Query};
use super::guard::{Guard, PathTest, Piece, Test};
use super::list::{Lists, Place};
use super::locations::{self, Entry};
use super::plan::{Cond, Rule, Statement};
use super::rule::filling;
use super::text::{Captures, Names};
use crate::ir::access::Access;
use crate::ir::choice::Choice;
use crate::ir::scope::{Scope, TryLast};
use crate::ir::site::Site;
use rustc_hash::FxHashMap;

/// The statements of a site's lists.
pub fn rules(lists: &mut Lists<'_>, site: &Site, first: &[Guard], names: &Names) -> Vec<Statement> {
    let Choice::Locations(choice) = &site.choice else { return Vec::new() };
    lists.entries = locations::entries(choice);
    lists.named = choice.named.iter().map(|(name, id)| (name.to_vec(), *id)).collect();
    let headers = lists.scope(site.scope).into_iter().flat_map(|scope| scope.settings.headers.items.iter());
    lists.site_spans = headers.map(|rule| rule.span).collect();
    let pages = lists.scope(site.scope).into_iter().flat_map(|scope| scope.settings.error_pages.items.iter());
    lists.site_spans.extend(pages.map(|page| page.span));
    lists.own_name = site.own.host.to_vec();
    lists.changed = false;
    lists.again = false;
    lists.needs = super::rule::Needs::default();
    let mut place = Place { guards: first.to_vec(), names: names.clone(), server: true, closing: false };
    let scope = lists.scope(site.scope);
    let ends = match scope.and_then(|scope| scope.lists.rewrite.as_ref()) {
        Some(list) => lists.list(list.clauses.iter(), &mut place, 0),
        None => false,
    };
    let own = std::mem::take(&mut lists.out);
    lists.has_own_rules = own.iter().any(|one| matches!(one, Statement::Rule(_)));
    let own_root = scope.and_then(root);
    if !ends {
        let before = (lists.verdicts.len(), lists.commented.clone(), lists.needs.clone(), lists.changed);
        all_entries(lists, &place, own_root.as_deref());
        if lists.again && !before.3 && !lists.htaccess {
            // gone through again, the locations look at the new path: none may name the one that was asked for
            lists.verdicts.truncate(before.0);
            (lists.commented, lists.needs) = (before.1, before.2);
            lists.out.clear();
            lists.changed = true;
            all_entries(lists, &place, own_root.as_deref());
        }
    }
    let rest = std::mem::take(&mut lists.out);
    together(lists, own, rest)
}

fn all_entries(lists: &mut Lists<'_>, place: &Place, own_root: Option<&[u8]>) {
    let entries = lists.entries.clone();
    let active: Vec<bool> = entries.iter().map(|entry| lists.is_active(entry)).collect();
    for (at, entry) in entries.iter().enumerate() {
        let later = entries.iter().zip(&active).skip(at + 1);
        let reaches = later.clone().any(|(other, active)| *active && !entry.excludes(other));
        one(lists, entry, place, own_root, reaches);
    }
}

/// One location. `reaches`: rules of later ones could match its requests too.
fn one(lists: &mut Lists<'_>, entry: &Entry, place: &Place, own_root: Option<&[u8]>, reaches: bool) {
    let mut place = Place { server: false, ..place.clone() };
    for test in &entry.tests {
        let groups = matches!(test, PathTest::Regex(..));
        let guard = lists.guard(Test::Path(test.clone()), false);
        if groups {
            place.names.captures = Captures::Of(guard.id);
            for (group, id) in &entry.named {
                let group = u8::try_from(*group).unwrap_or(u8::MAX);
                place.names.values.insert(id.0, vec![Piece::Group(guard.id, group, false)]);
            }
        }
        place.guards.push(guard);
    }
    let span = entry.span.unwrap_or(crate::source::Span::new(crate::source::FileId(0), 0, 0));
    if let Some(name) = &entry.slash {
        let does = Does::Location(301, vec![Piece::Literal(name.clone())], Query::Keep);
        let _ = lists.rules(span, &place, None, &does);
        return;
    }
    let Some(scope) = entry.scope.and_then(|id| lists.scope(id)) else { return };
    lists.root = match &scope.settings.alias {
        Some(_) => Err("its files lie under an `alias`".to_owned()),
        None => Ok(root(scope).filter(|root| Some(root.as_slice()) != own_root)),
    };
    if comment_of(lists, entry) {
        let comments = lists.texts.comments(span);
        // a location on one line shares its comments with what stands in it
        for clause in scope.lists.rewrite.iter().flat_map(|list| list.clauses.iter()) {
            if !comments.is_empty() && lists.texts.comments(clause.span) == comments {
                lists.commented.insert(clause.span);
            }
        }
        lists.out.extend(comments.into_iter().map(Statement::Comment));
    }
    beside(lists, scope);
    if let Some(methods) = &scope.settings.method_scope {
        // other methods never reach the list of the location
        let mut names: Vec<Vec<u8>> = methods.methods.iter().map(|name| name.to_vec()).collect();
        if names.iter().any(|name| name == b"GET") {
            names.push(b"HEAD".to_vec());
        }
        let text = vec![Piece::Expression("%{REQUEST_METHOD}", true)];
        let pattern = [b"^(?:", names.join(&b'|').as_slice(), b")$"].concat();
        let guard = lists.guard(Test::Regex(text, pattern, false), false);
        place.guards.push(guard);
    }
    if scope.settings.internal {
        let _ = lists.rules(span, &place, None, &Does::Status(404));
        return;
    }
    let ends = match &scope.lists.rewrite {
        Some(list) => lists.list(list.clauses.iter(), &mut place, 0),
        None => false,
    };
    if ends {
        return;
    }
    if let Some(Access::Denied(denied)) = &scope.settings.access {
        let _ = lists.rules(*denied, &place, None, &Does::Status(403));
        return;
    }
    if try_files(lists, scope, &place) {
        return;
    }
    if reaches {
        let _ = lists.rules(span, &place, None, &Does::Stop);
    }
}

/// What a location says beside its list holds for all of a host in rules' terms, and so is not carried over.
fn beside(lists: &mut Lists<'_>, scope: &Scope) {
    let by_hand = |what: &str| Some(format!("a `<LocationMatch>` with {what}"));
    for rule in &scope.settings.headers.items {
        if !lists.site_spans.contains(&rule.span) {
            lists.leave_out(rule.span, "the header is one location's alone".to_owned(), by_hand("this `Header`"));
        }
    }
    for page in &scope.settings.error_pages.items {
        if !lists.site_spans.contains(&page.span) {
            let reason = "the page is one location's alone".to_owned();
            lists.leave_out(page.span, reason, by_hand("this `ErrorDocument`"));
        }
    }
    if let Some(Access::Networks(rules)) = &scope.settings.access {
        for rule in rules.iter() {
            let reason = "who may come in is no rewriting rule's business".to_owned();
            lists.leave_out(rule.span, reason, by_hand("`Require ip`"));
        }
    }
}

/// Whether the location's own comments are still to be written.
fn comment_of(lists: &mut Lists<'_>, entry: &Entry) -> bool {
    lists.is_active(entry) && entry.span.is_some_and(|span| lists.commented.insert(span))
}

/// True where nothing gets past it.
fn try_files(lists: &mut Lists<'_>, scope: &Scope, place: &Place) -> bool {
    let Some(files) = &scope.settings.try_files else { return false };
    let named = match &files.last {
        TryLast::Named(name) => lists.named.get(name.as_ref()).and_then(|id| lists.scope(*id)),
        _ => None,
    };
    let mut inner = place.clone();
    for (candidate, folder) in &files.candidates {
        let Ok(mut text) = lists.pieces(candidate, place) else {
            lists.leave_out(files.span, "a name it looks for has no text in Apache".to_owned(), None);
            return false;
        };
        text.insert(0, Piece::Expression("%{DOCUMENT_ROOT}", false));
        if text.get(1..) == Some(&[Piece::Path(false)]) {
            text = vec![Piece::Variable("request_filename".to_owned())];
        }
        let kind =
            if *folder { crate::ir::condition::FileTest::Directory } else { crate::ir::condition::FileTest::File };
        let guard = lists.guard(Test::File(kind, text), true);
        inner.guards.push(guard);
    }
    let result = match &files.last {
        TryLast::Named(_) => match named.and_then(|scope| scope.lists.rewrite.as_ref()) {
            Some(list) => {
                lists.list(list.clauses.iter(), &mut inner, 1);
                Ok(())
            }
            None => Ok(()),
        },
        TryLast::Status(status) => lists.rules(files.span, &inner, None, &Does::Status(*status)),
        TryLast::Path(to) => lists.pieces(to, place).and_then(|to| fallback(lists, files.span, &inner, to)),
    };
    if let Err(reason) = result {
        lists.leave_out(files.span, reason, None);
    }
    false
}

fn fallback(lists: &mut Lists<'_>, span: crate::source::Span, place: &Place, mut to: Vec<Piece>) -> Result<(), String> {
    let query = if to.ends_with(&[Piece::QueryMark, Piece::Query]) {
        to.truncate(to.len().saturating_sub(2));
        Query::Keep
    } else {
        Query::Drop
    };
    let does = if lists.leads_on(&to) {
        if lists.htaccess && lists.has_own_rules {
            return Err(
                "a `.htaccess` starts over with a new path: a virtual host (`--scope vhost`) does not".to_owned()
            );
        }
        lists.again = true;
        Does::MoveAgain(to, query)
    } else {
        Does::MoveAndStop(to, query)
    };
    lists.rules(span, place, None, &does)?;
    lists.changed = true;
    Ok(())
}

/// The document root of a scope, where it is fixed.
pub fn root(scope: &Scope) -> Option<Vec<u8>> {
    scope.settings.root.as_ref().and_then(|root| root.as_literal()).map(<[u8]>::to_vec)
}

/// Both lists behind each other, with what they need in front, and jumps over the rest of the first one.
fn together(lists: &mut Lists<'_>, mut own: Vec<Statement>, rest: Vec<Statement>) -> Vec<Statement> {
    let count = |part: &[Statement]| part.iter().filter(|one| matches!(one, Statement::Rule(_))).count();
    for at in 0..own.len() {
        let behind = count(own.get(at + 1..).unwrap_or_default());
        if let Some(Statement::Rule(rule)) = own.get_mut(at)
            && rule.to_locations
        {
            match (behind, rest.is_empty()) {
                (_, true) => rule.flags.push("L".to_owned()),
                (0, false) => {}
                _ => rule.flags.push(format!("S={behind}")),
            }
        }
    }
    let mut out = Vec::new();
    if lists.needs.escape {
        out.push(Statement::Line(b"RewriteMap escape int:escape".to_vec()));
    }
    if lists.needs.unescape {
        out.push(Statement::Line(b"RewriteMap unescape int:unescape".to_vec()));
    }
    for name in &lists.needs.variables {
        out.push(Statement::Rule(filling(name)));
    }
    let skipped = count(&own);
    if lists.again && skipped > 0 && !lists.htaccess {
        let conditions = vec![Cond::new(b"%{ENV:relocated}", b"=1".to_vec(), false)];
        let flags = vec![format!("S={skipped}")];
        out.push(Statement::Rule(Rule { conditions, pattern: b"^".to_vec(), to: None, flags, to_locations: false }));
    }
    out.extend(own);
    out.extend(rest);
    out
}

/// Names for a list where nothing is known yet.
pub fn no_names() -> Names {
    Names { captures: Captures::Empty, values: FxHashMap::default() }
}
