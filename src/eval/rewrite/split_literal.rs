//! A rewrite whose text is split at the first question mark that stands in it literally (nginx's `rewrite`).

use crate::eval::clauses::ListEnd;
use crate::eval::flow::{Fail, Reply, Try};
use crate::eval::machine::Machine;
use crate::eval::{escape, template};
use crate::ir::clause::{Clause, Rewrite};

/// Applies it; `Some` where it answers with a redirect.
pub fn apply(machine: &mut Machine, clause: &Clause, change: &Rewrite, drop_old: bool) -> Try<Option<ListEnd>> {
    machine.flags.internal = true;
    machine.taint = None;
    let Some(to) = &change.to else { return Ok(None) };
    let (text, mark) = template::render_marked(machine, to)?;
    machine.list.rewritten = true;
    if let Some(taint) = machine.taint.take() {
        return Err(Fail::Unknown(Some(clause.span), taint.to_string()));
    }
    let old = machine.query.clone().filter(|query| !query.is_empty() && !drop_old);
    if let Some(status) = change.redirect {
        let mut target = escape::apply(machine, &change.escape, &text);
        if let Some(old) = old {
            target.push(if mark.is_some() { b'&' } else { b'?' });
            target.extend_from_slice(&old);
        }
        let said = String::from_utf8_lossy(&target).into_owned();
        machine.recorder.step(clause.span, || format!("redirects with {status} to `{said}`"));
        return Ok(Some(ListEnd::Left(Reply::location(status, target, Some(clause.span)).into())));
    }
    internal(machine, clause, text, mark, old, drop_old)
}

fn internal(
    machine: &mut Machine,
    clause: &Clause,
    text: Vec<u8>,
    mark: Option<usize>,
    old: Option<Vec<u8>>,
    drop_old: bool,
) -> Try<Option<ListEnd>> {
    match mark.and_then(|at| text.split_at_checked(at)) {
        Some((path, query)) => {
            let mut query = query.get(1..).unwrap_or_default().to_vec();
            if let Some(old) = old {
                query.push(b'&');
                query.extend_from_slice(&old);
            }
            machine.path = path.to_vec();
            machine.query = Some(query);
        }
        None => {
            machine.path = text;
            if drop_old {
                machine.query = None;
            }
        }
    }
    if machine.path.is_empty() {
        return Err(Fail::Status(500, Some(clause.span)));
    }
    machine.flags.path_changed = true;
    machine.flags.target_changed = true;
    let path = String::from_utf8_lossy(&machine.path).into_owned();
    machine.recorder.step(clause.span, || format!("rewrites the path to `{path}`"));
    Ok(None)
}
