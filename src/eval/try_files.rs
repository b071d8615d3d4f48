//! `try_files`, and internal redirects to a path.

use super::condition::stat;
use super::flow::{Fail, Flow, Reply, ReplyContent, Try};
use super::machine::Machine;
use super::{Kind, choice, content, template};
use crate::ir::scope::{TryFiles, TryLast};

/// Looks for the first candidate that exists.
pub fn run(machine: &mut Machine) -> Flow {
    let Some(list) = machine.scope.settings.try_files.clone() else { return Flow::Next };
    look(machine, &list).unwrap_or_else(Flow::from)
}

fn look(machine: &mut Machine, list: &TryFiles) -> Try<Flow> {
    let alias = machine.scope.settings.alias.clone();
    let (root, name) = match &alias {
        Some(alias) => (template::render(machine, &alias.to)?, alias.name),
        None => (content::document_root(machine)?, Some(0)),
    };
    let root = content::full_name(machine, root);
    if alias.is_some() && machine.flags.name_lost {
        return Err(Fail::Status(500, Some(list.span)));
    }
    for (candidate, folder) in &list.candidates {
        let mut text = template::render(machine, candidate)?;
        let prefix = name.and_then(|length| machine.path.get(..length)).unwrap_or_default().to_vec();
        if !prefix.is_empty() && text.starts_with(&prefix) {
            text.drain(..prefix.len());
        }
        let path = [&*root, &*text].concat();
        let question = if *folder { "dir" } else { "file" };
        let found = stat(machine, &path, question);
        if found.is_none_or(|found| (found.kind == Kind::Directory) != *folder) {
            continue;
        }
        machine.recorder.step(list.span, || format!("finds `{}`", String::from_utf8_lossy(&path)));
        match (alias.is_some(), name) {
            (true, None) if *folder => {}
            (true, None) => {
                machine.path = text;
                machine.flags.path_follows_alias = true;
            }
            (true, Some(_)) => machine.path = [prefix, text].concat(),
            (false, _) => machine.path = text,
        }
        return Ok(Flow::Next);
    }
    last(machine, list, alias.is_some() && root.ends_with(b"/"))
}

/// What answers where no candidate exists. `in_folder`: what stands before the path in memory is a folder's slash.
fn last(machine: &mut Machine, list: &TryFiles, in_folder: bool) -> Try<Flow> {
    machine.cause = Some(list.span);
    match &list.last {
        // A status below 300 makes no reply: the connection is closed, except where nothing is to be said.
        TryLast::Status(status @ (201 | 204 | 300..)) => Ok(Reply::bare(*status, Some(list.span)).into()),
        TryLast::Status(_) => {
            Ok(Flow::Finish(Reply { status: 444, content: ReplyContent::Bare, cause: Some(list.span) }))
        }
        TryLast::Named(name) => Ok(choice::named(machine, name)),
        TryLast::Path(text) => {
            let text = template::render(machine, text)?;
            if text.is_empty() && in_folder {
                let message = "an empty path, of which the byte before it counts".to_owned();
                return Err(Fail::Unknown(Some(list.span), message));
            }
            machine.recorder.step(list.span, || format!("falls back to `{}`", String::from_utf8_lossy(&text)));
            Ok(if text.starts_with(b"@") { choice::named(machine, &text) } else { to_target(machine, &text) })
        }
    }
}

/// An internal redirect to a path with an optional query.
pub fn to_target(machine: &mut Machine, target: &[u8]) -> Flow {
    match memchr::memchr(b'?', target).and_then(|at| target.split_at_checked(at)) {
        Some((path, query)) => to_path(machine, path.to_vec(), query.get(1..).map(<[u8]>::to_vec)),
        None => to_path(machine, target.to_vec(), None),
    }
}

/// An internal redirect: path and query are replaced, the site's scope is in force, everything starts over.
pub fn to_path(machine: &mut Machine, path: Vec<u8>, query: Option<Vec<u8>>) -> Flow {
    if let Some(flow) = machine.spend() {
        return flow;
    }
    machine.trail_before = Some(std::mem::take(&mut machine.trail));
    machine.path = path;
    machine.query = query;
    machine.file = None;
    machine.path_info = None;
    machine.planted = None;
    machine.pending_handler = None;
    machine.flags.mapped = false;
    machine.flags.internal = true;
    machine.flags.target_changed = true;
    machine.flags.path_changed = false;
    machine.flags.name_lost = false;
    machine.flags.path_follows_alias = false;
    machine.enter_site();
    Flow::Jump(machine.program.entry.internal)
}
