//! Runs a list of clauses: match, conditions, actions, then on to the next place.

use super::flow::{Fail, Flow, Reply, Try};
use super::machine::{Machine, Value};
use super::{answer, attribute, condition, matching, rewrite, template};
use crate::ir::clause::{Action, Clause, Store, Then};
use crate::ir::index::ListIndex;
use crate::ir::template::{Attribute, Origin, Template};
use crate::ir::{ScopeId, VarId};

/// Where a list goes on after a clause, beyond what its `then` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListEnd {
    /// It was left behind the last clause.
    Through,
    /// A clause ended it.
    Ended,
    /// A clause ended it and all that would follow of its kind.
    EndedAll,
    /// The request is answered or goes on elsewhere.
    Left(Flow),
}

/// Runs a list.
pub fn run(machine: &mut Machine, clauses: &[Clause]) -> ListEnd {
    let mut at = 0usize;
    let mut rounds = 0u32;
    // In a sub-request some clauses are passed over without a match, which an index does not know.
    let index = if machine.depth == 0 { machine.program.indexes.of(clauses) } else { None };
    let mut candidates = match index.as_ref().map(|index| candidates(machine, index)).transpose() {
        Ok(candidates) => candidates,
        Err(fail) => return ListEnd::Left(fail.into()),
    };
    loop {
        if let (Some(index), Some(candidates)) = (&index, &candidates) {
            let next = index.next(candidates, at);
            if let (Some(first), Some(count @ 1..)) = (clauses.get(at), next.checked_sub(at)) {
                machine.recorder.passed_over(first.span, count);
            }
            if index.clears(at, next) {
                machine.captures.of_mut(Store::Pattern).clear();
            }
            at = next;
        }
        let Some(clause) = clauses.get(at) else { break };
        let then = match step(machine, clause) {
            Ok(Done::Failed) => clause.otherwise,
            Ok(Done::Then(then)) => {
                candidates = match index.as_ref().map(|index| self::candidates(machine, index)).transpose() {
                    Ok(candidates) => candidates,
                    Err(fail) => return ListEnd::Left(fail_at(fail, clause).into()),
                };
                then
            }
            Ok(Done::End(end)) => return end,
            Err(fail) => return ListEnd::Left(fail_at(fail, clause).into()),
        };
        match then {
            Then::Next => at += 1,
            Then::Skip(count) => at = at.saturating_add(1 + count as usize),
            Then::EndList => return ListEnd::Ended,
            Then::EndAll => return ListEnd::EndedAll,
            Then::Restart { limit } => {
                rounds += 1;
                if rounds > limit {
                    return ListEnd::Left(Reply::bare(rewrite::refusal(machine, 500), Some(clause.span)).into());
                }
                at = 0;
            }
        }
    }
    ListEnd::Through
}

fn fail_at(fail: Fail, clause: &Clause) -> Fail {
    match fail {
        Fail::Status(status, span) => Fail::Status(status, span.or(Some(clause.span))),
        Fail::Unknown(span, what) => Fail::Unknown(span.or(Some(clause.span)), what),
    }
}

fn candidates(machine: &mut Machine, index: &ListIndex) -> Try<Vec<u32>> {
    let values = index.asks().map(|asked| attribute::value(machine, asked)).collect::<Try<Vec<_>>>()?;
    Ok(index.candidates(&machine.path, machine.list.text.as_deref().unwrap_or(&machine.path), &values))
}

enum Done {
    Failed,
    Then(Then),
    End(ListEnd),
}

fn step(machine: &mut Machine, clause: &Clause) -> Try<Done> {
    if clause.when.not_in_sub_request && machine.depth > 0 {
        // Left aside as if it were not there: a chain is not asked.
        return Ok(Done::Then(Then::Next));
    }
    if !applies(machine, clause)? {
        return Ok(Done::Failed);
    }
    for action in &clause.does {
        if let Some(end) = act(machine, clause, action)? {
            return Ok(Done::End(end));
        }
    }
    Ok(Done::Then(clause.then))
}

fn applies(machine: &mut Machine, clause: &Clause) -> Try<bool> {
    let when = &clause.when;
    if let Some(test) = &when.matches
        && !matching::holds(machine, test, clause.span, matching::Asked::Clause)?
    {
        return Ok(false);
    }
    condition::holds(machine, &when.conditions)
}

/// Does one action; `Some` where the list ends with it.
pub fn act(machine: &mut Machine, clause: &Clause, action: &Action) -> Try<Option<ListEnd>> {
    match action {
        Action::Answer(reply) => return answer::give(machine, clause, reply).map(|flow| Some(ListEnd::Left(flow))),
        Action::Rewrite(change) => return rewrite::apply(machine, clause, change),
        Action::Set(variable, value) => set(machine, clause, *variable, value.as_ref())?,
        Action::Block(clauses) => match run(machine, clauses) {
            ListEnd::Through => {}
            end => return Ok(Some(end)),
        },
        Action::Enter(scope) => {
            machine.enter(*scope);
            machine.recorder.step(clause.span, || "holds, and its settings are in force".to_owned());
        }
        Action::MarkInternal => machine.flags.internal = true,
        Action::KeepScope => {
            machine.flags.name_lost |= machine.flags.path_changed;
            machine.flags.path_changed = false;
        }
        Action::MapTo(to) => return super::folder::map_to(machine, clause, to),
        Action::Cookie(value) => {
            let value = template::render(machine, value)?;
            machine.added_headers.push((b"Set-Cookie"[..].into(), value.into()));
        }
        Action::Handler(handler) => machine.forced_handler = Some(handler.clone()),
        Action::Opaque(what) => return Err(Fail::Unknown(Some(clause.span), what.clone())),
    }
    Ok(None)
}

fn set(machine: &mut Machine, clause: &Clause, variable: VarId, value: Option<&Template>) -> Try<()> {
    let outer = machine.taint.take();
    let bytes = value.map(|value| template::render(machine, value)).transpose()?;
    let taint = std::mem::replace(&mut machine.taint, outer);
    machine.recorder.step(clause.span, || match &bytes {
        Some(bytes) => format!("sets it to `{}`", String::from_utf8_lossy(bytes)),
        None => "unsets it".to_owned(),
    });
    assign(machine, variable, Value { bytes, taint });
    Ok(())
}

/// Sets a variable; the ones that stand for the query change the query.
pub fn assign(machine: &mut Machine, id: VarId, value: Value) {
    let origin = machine.program.variables.get(id.0 as usize).map(|variable| &variable.origin);
    match origin {
        Some(Origin::Attribute(Attribute::Query)) => {
            machine.query = value.bytes;
            machine.flags.target_changed = true;
        }
        _ => machine.set_variable(id, value),
    }
}

/// The scope an `if` enters, for those who look ahead.
pub fn entered(clause: &Clause) -> Option<ScopeId> {
    clause.does.iter().find_map(|action| match action {
        Action::Enter(scope) => Some(*scope),
        _ => None,
    })
}
