//! One location: what of it rules can say, behind the tests of its path.

use super::does::{Does, Query};
use super::guard::{Guard, PathTest, Piece, Test};
use super::list::{Lists, Place};
use super::locations::Entry;
use super::plan::{Instead, Statement};
use super::site::root;
use super::text::Captures;
use crate::emit::Refusal;
use crate::ir::access::Access;
use crate::ir::condition::FileTest;
use crate::ir::scope::{Scope, TryFiles, TryLast};
use crate::ir::template::Template;
use crate::source::{FileId, Span};

/// The rules of the location at this place of the site's.
pub fn rules(lists: &mut Lists<'_>, at: usize, entry: &Entry, outer: &Place, own_root: Option<&[u8]>) {
    let mut place = within(lists, entry, outer);
    let span = entry.span.unwrap_or(Span::new(FileId(0), 0, 0));
    if let Some(name) = &entry.slash {
        let does = Does::Location(301, vec![Piece::Literal(name.clone())], Query::Keep);
        let _ = lists.rules(span, &place, None, &does);
        return;
    }
    let Some(scope) = entry.scope.and_then(|id| lists.scope(id)) else { return };
    lists.root = match &scope.settings.alias {
        Some(_) => Err(Refusal::new(
            "its files lie under an `alias`",
            "write an `Alias`, and test for the file below its folder",
        )),
        None => Ok(root(scope).filter(|root| Some(root.as_slice()) != own_root)),
    };
    comments(lists, entry, scope, span);
    beside(lists, scope);
    let answered = answers(lists, scope, &mut place, span);
    if !answered && lists.meets_later(at) {
        let _ = lists.rules(span, &place, None, &Does::Stop);
    }
}

/// The place inside: the tests of the path hold.
fn within(lists: &mut Lists<'_>, entry: &Entry, outer: &Place) -> Place {
    let mut place = Place { server: false, ..outer.clone() };
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
    place
}

/// What stands in the location; true where no request of it gets past that.
fn answers(lists: &mut Lists<'_>, scope: &Scope, place: &mut Place, span: Span) -> bool {
    methods(lists, scope, place);
    if scope.settings.internal {
        let _ = lists.rules(span, place, None, &Does::Status(404));
        return true;
    }
    if let Some(list) = &scope.lists.rewrite
        && lists.list(list.clauses.iter(), place, 0)
    {
        return true;
    }
    if let Some(Access::Denied(denied)) = &scope.settings.access {
        let _ = lists.rules(*denied, place, None, &Does::Status(403));
        return true;
    }
    try_files(lists, scope, place);
    false
}

/// Other methods than those of a `limit_except` never reach the list of the location.
fn methods(lists: &mut Lists<'_>, scope: &Scope, place: &mut Place) {
    let Some(methods) = &scope.settings.method_scope else { return };
    let mut names: Vec<Vec<u8>> = methods.methods.iter().map(|name| name.to_vec()).collect();
    if names.iter().any(|name| name == b"GET") {
        names.push(b"HEAD".to_vec());
    }
    let text = vec![Piece::Expression("%{REQUEST_METHOD}", true)];
    let pattern = [b"^(?:", names.join(&b'|').as_slice(), b")$"].concat();
    let guard = lists.guard(Test::Regex(text, pattern, false), false);
    place.guards.push(guard);
}

/// The location's own comments, once.
fn comments(lists: &mut Lists<'_>, entry: &Entry, scope: &Scope, span: Span) {
    if !lists.is_active(entry) || entry.span.is_none() || !lists.commented.insert(span) {
        return;
    }
    let comments = lists.texts.comments(span);
    // a location on one line shares its comments with what stands in it
    for clause in scope.lists.rewrite.iter().flat_map(|list| list.clauses.iter()) {
        if !comments.is_empty() && lists.texts.comments(clause.span) == comments {
            lists.commented.insert(clause.span);
        }
    }
    lists.out.extend(comments.into_iter().map(Statement::Comment));
}

/// What a location says beside its list holds for all of a host in rules' terms, and so is not carried over.
fn beside(lists: &mut Lists<'_>, scope: &Scope) {
    let by_hand = |reason: &str, what: &str| Refusal::new(reason, format!("a `<LocationMatch>` with {what}"));
    for rule in &scope.settings.headers.items {
        if !lists.site_spans.contains(&rule.span) {
            lists.leave_out(rule.span, by_hand("the header is one location's alone", "this `Header`"));
        }
    }
    for page in &scope.settings.error_pages.items {
        if !lists.site_spans.contains(&page.span) {
            let reason = "the page is one location's alone";
            lists.leave_out(page.span, by_hand(reason, "this `ErrorDocument`"));
        }
    }
    if let Some(Access::Networks(rules)) = &scope.settings.access {
        for rule in rules.iter() {
            let reason = "who may come in is no rewriting rule's business";
            lists.leave_out(rule.span, by_hand(reason, "`Require ip`"));
        }
    }
}

/// The first of several files that exists, and what answers where none does.
fn try_files(lists: &mut Lists<'_>, scope: &Scope, place: &Place) {
    let Some(files) = &scope.settings.try_files else { return };
    let named = match &files.last {
        TryLast::Named(name) => lists.named.get(name.as_ref()).and_then(|id| lists.scope(*id)),
        _ => None,
    };
    let mut inner = place.clone();
    for (candidate, folder) in &files.candidates {
        let Ok(mut text) = lists.pieces(candidate, place) else {
            lists.leave_out(files.span, "a name it looks for has no text in Apache");
            return;
        };
        text.insert(0, Piece::Expression("%{DOCUMENT_ROOT}", false));
        if text.get(1..) == Some(&[Piece::Path(false)]) {
            text = vec![Piece::Variable("request_filename".to_owned())];
        }
        let kind = if *folder { FileTest::Directory } else { FileTest::File };
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
        TryLast::Path(to) => lists.pieces(to, place).and_then(|to| fallback(lists, files, &inner, to)),
    };
    if let Err(reason) = result {
        lists.leave_out(files.span, reason);
    }
}

/// Whether it is asked for every path whether that is a file, then whether it is a folder, in the site's own root.
fn only_looks(lists: &Lists<'_>, place: &Place, files: &TryFiles) -> bool {
    let asks = |(name, folder): &(Template, bool)| {
        let path = lists.pieces(name, place).is_ok_and(|name| name.as_slice() == [Piece::Path(false)]);
        path.then_some(*folder)
    };
    let asked: Vec<_> = files.candidates.iter().map(asks).collect();
    let every = |guard: &Guard| matches!(guard.test, Test::File(..)) || guard.settled() == Some(true);
    asked == [Some(false), Some(true)] && place.guards.iter().all(every) && lists.root == Ok(None)
}

fn fallback(lists: &mut Lists<'_>, files: &TryFiles, place: &Place, mut to: Vec<Piece>) -> Result<(), Refusal> {
    let query = if to.ends_with(&[Piece::QueryMark, Piece::Query]) {
        to.truncate(to.len().saturating_sub(2));
        Query::Keep
    } else {
        Query::Drop
    };
    let front = only_looks(lists, place, files).then(|| super::instead::fallback(&to)).flatten();
    let does = if lists.leads_on(&to) {
        if lists.htaccess && lists.has_own_rules {
            return Err(super::does::starts_over());
        }
        lists.again = true;
        Does::MoveAgain(to, query)
    } else {
        Does::MoveAndStop(to, query)
    };
    lists.rules(files.span, place, None, &does)?;
    if let (Some(line), Does::MoveAndStop(..), Some(Statement::Rule(rule))) = (front, &does, lists.out.last_mut()) {
        rule.instead = Some(Instead::Fallback(line, files.span));
    }
    lists.changed = true;
    Ok(())
}
