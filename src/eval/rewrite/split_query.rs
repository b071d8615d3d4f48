//! Where mod_rewrite's text ends and its query begins, and what becomes of the old query.

use super::url;
use crate::eval::machine::Machine;
use crate::ir::clause::Rewrite;
use crate::ir::policy::{OldQuery, QueryPolicy, SplitAt};

/// Takes the query off the text and merges it with the request's (`splitout_queryargs`).
pub fn apply(machine: &mut Machine, change: &Rewrite, text: &mut Vec<u8>) {
    let QueryPolicy::Split { split, old } = change.query else { return };
    if old == OldQuery::None {
        machine.query = None;
        return;
    }
    let scheme = url::scheme(text);
    if let Some((_, false)) = scheme {
        machine.query = None;
        return;
    }
    if matches!(old, OldQuery::Discard | OldQuery::DiscardThenAppend) {
        machine.query = None;
    }
    let skip = scheme.map_or(0, |(length, _)| length);
    let tail = text.get(skip..).unwrap_or_default();
    let mark = match split {
        SplitAt::First => memchr::memchr(b'?', tail),
        SplitAt::Last => memchr::memrchr(b'?', tail),
    };
    let Some(mark) = mark else { return };
    let new = tail.get(mark + 1..).unwrap_or_default().to_vec();
    text.truncate(skip + mark);
    let keeps = new.is_empty() && machine.query == machine.rewriting.kept;
    if matches!(old, OldQuery::Append | OldQuery::DiscardThenAppend) {
        if !new.is_empty() {
            let mut merged = new;
            merged.push(b'&');
            merged.extend_from_slice(machine.query.as_deref().unwrap_or_default());
            machine.query = Some(merged);
        }
    } else {
        machine.query = Some(new);
    }
    match &mut machine.query {
        Some(query) if query.is_empty() => machine.query = None,
        Some(query) if query.ends_with(b"&") => {
            query.pop();
            if let (true, OldQuery::Append, Some(kept)) = (keeps, old, &mut machine.rewriting.kept) {
                // The `&` is taken off in place, and the query counts as the one that came.
                kept.pop();
            }
        }
        _ => {}
    }
}
