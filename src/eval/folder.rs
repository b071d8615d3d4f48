//! Folders and files where the path was mapped to a file before: slash, index, fallback, aliases.

use super::clauses::ListEnd;
use super::flow::{Flow, Reply, Try};
use super::machine::{Machine, Value};
use super::rewrite::sub_request::{self, Reached};
use super::{Kind, content, escape, matching, own_url, template, try_files};
use crate::ir::clause::{Clause, Handler, MapTo, Rest, Store};

/// Redirects a folder to itself with a slash.
pub fn directory_slash(machine: &mut Machine) -> Flow {
    let off = machine.scope.settings.directory_slash == Some(false) || machine.path_info.is_some();
    if off || is_careful(machine) || machine.found != Some(Kind::Directory) || machine.path.ends_with(b"/") {
        return Flow::Next;
    }
    let mut to = escape::path(&machine.path);
    to.push(b'/');
    if let Some(query) = &machine.query {
        to.push(b'?');
        to.extend_from_slice(query);
    }
    let to = own_url::absolute(machine, &to);
    Reply::location(301, to, None).into()
}

/// Whether a variable asks that only GET and HEAD be redirected.
fn is_careful(machine: &Machine) -> bool {
    let variables = &machine.program.variables;
    let at = variables.iter().position(|variable| variable.name.eq_ignore_ascii_case(b"redirect-carefully"));
    let set = at.and_then(|at| machine.variables.get(at)?.as_ref()).is_some_and(|value| value.bytes.is_some());
    set && !matches!(&*machine.method, b"GET" | b"HEAD")
}

/// Something other than the file system answers.
fn handled(machine: &Machine) -> bool {
    !matches!(machine.scope.settings.handler, Some(Handler::Static) | None)
}

/// A sub-request leads to something that can be served: a file, or a page that another server has.
fn is_servable(inner: &Machine) -> bool {
    inner.found == Some(Kind::File) || inner.forced_handler.is_some()
}

/// Looks for an index file.
pub fn index(machine: &mut Machine) -> Flow {
    if machine.planted.is_some() || machine.found != Some(Kind::Directory) || !machine.path.ends_with(b"/") {
        return Flow::Next;
    }
    let unless_handled = machine.scope.settings.index_unless_handled == Some(true);
    if (unless_handled && handled(machine)) || machine.path_info.is_some() {
        return Flow::Next;
    }
    match indexed(machine) {
        Ok(flow) => flow,
        Err(fail) => fail.into(),
    }
}

fn indexed(machine: &mut Machine) -> Try<Flow> {
    let mut names = Vec::new();
    match machine.scope.settings.index.clone() {
        Some(templates) => {
            for name in &templates {
                names.push(template::render(machine, name)?);
            }
        }
        None => names.extend(machine.program.facts.index.iter().map(|name| name.to_vec())),
    }
    let mut failed = None;
    for name in names {
        let path = if name.starts_with(b"/") { name.clone() } else { [&*escape::path(&machine.path), &*name].concat() };
        let target = match &machine.query {
            Some(query) => [&*path, b"?", query].concat(),
            None => path,
        };
        let (inner, reached) = sub_request::by_url(machine, &target)?;
        match reached {
            Reached::Content if is_servable(&inner) => {
                if let Some(status) = machine.scope.settings.index_redirect.filter(|&status| status != 0) {
                    let to = own_url::absolute(machine, &escape::path(&inner.path));
                    return Ok(Reply::location(status, to, None).into());
                }
                take_over(machine, inner);
                return Ok(Flow::Next);
            }
            Reached::Answer(reply) if (300..400).contains(&reply.status) => return Ok(reply.into()),
            Reached::Answer(reply) if reply.status != 404 => failed = Some(reply),
            _ => machine.recorder.assumptions.extend(inner.recorder.assumptions),
        }
    }
    Ok(failed.map_or(Flow::Next, Flow::from))
}

/// The request goes on as what a sub-request found.
fn take_over<'p>(machine: &mut Machine<'p>, inner: Machine<'p>) {
    let (depth, method) = (machine.depth, std::mem::take(&mut machine.method));
    let statuses = (machine.saved_status, machine.first_error.take());
    let (port, ended) = (machine.host_port.take(), machine.flags.rewriting_ended);
    let (before, around) = (machine.trail_before.take(), machine.around.take());
    let handler = machine.pending_handler.take();
    *machine = inner;
    (machine.trail_before, machine.around) = (before, around);
    machine.pending_handler = machine.pending_handler.take().or(handler);
    (machine.saved_status, machine.first_error) = statuses;
    (machine.depth, machine.method, machine.host_port) = (depth, method, port);
    machine.flags.rewriting_ended = ended;
}

/// `FallbackResource`.
pub fn fallback(machine: &mut Machine) -> Flow {
    if machine.planted.is_some() {
        return Flow::Next;
    }
    let Some(Some(path)) = machine.scope.settings.fallback.clone() else { return Flow::Next };
    if machine.found.is_some() || handled(machine) {
        return Flow::Next;
    }
    let target = match &machine.query {
        Some(query) => [&*path, b"?", query].concat(),
        None => path.to_vec(),
    };
    match sub_request::by_url(machine, &target) {
        Ok((inner, Reached::Content)) if is_servable(&inner) => {
            take_over(machine, inner);
            Flow::Next
        }
        Ok((_, Reached::Answer(reply))) if reply.status != 404 => reply.into(),
        Ok(_) => Flow::Next,
        Err(fail) => fail.into(),
    }
}

/// An internal redirect to a path that is read like a request's: escapes and all.
pub fn restart(machine: &mut Machine, path: &[u8]) -> Flow {
    let mut whole = path.to_vec();
    if let Some(query) = &machine.query {
        whole.push(b'?');
        whole.extend_from_slice(query);
    }
    let (path, query) = sub_request::path_and_query(&whole);
    let (path, query) = (path.to_vec(), query.map(<[u8]>::to_vec));
    if machine.budget == 0 {
        // The request that may not be redirected any more dies as itself.
        return try_files::to_path(machine, path, query);
    }
    rename_variables(machine, machine.saved_status.unwrap_or(200));
    let own = machine.saved_status;
    if !own.is_some_and(|own| (300..400).contains(&own)) {
        machine.location = None;
    }
    machine.first_error = own.map(|own| machine.first_error.take().unwrap_or((own, machine.location.clone())));
    let flow = try_files::to_path(machine, path, query);
    machine.found = None;
    machine.forced_handler = None;
    machine.encoded = true;
    flow
}

/// Variables that were set are called `REDIRECT_…` after an internal redirect.
pub fn rename_variables(machine: &mut Machine, status: u16) {
    let program = machine.program;
    let old = std::mem::replace(&mut machine.variables, vec![None; program.variables.len()]);
    for (at, variable) in program.variables.iter().enumerate() {
        let Some((head, inner)) = variable.name.split_at_checked(9) else { continue };
        if !head.eq_ignore_ascii_case(b"REDIRECT_") {
            continue;
        }
        let from = program.variables.iter().position(|other| other.name.eq_ignore_ascii_case(inner));
        let value = match inner.to_ascii_uppercase().as_slice() {
            b"STATUS" => Some(Value { bytes: Some(status.to_string().into_bytes()), taint: None }),
            _ => from.and_then(|from| old.get(from).cloned().flatten()).filter(|value| value.bytes.is_some()),
        };
        if let Some(slot) = machine.variables.get_mut(at) {
            *slot = value;
        }
    }
}

/// The methods that httpd knows beside those that it serves files for (`http_protocol.c`, `ap_method_registry_init`).
const REGISTERED: [&[u8]; 22] = [
    b"PUT",
    b"DELETE",
    b"CONNECT",
    b"PATCH",
    b"PROPFIND",
    b"PROPPATCH",
    b"MKCOL",
    b"COPY",
    b"MOVE",
    b"LOCK",
    b"UNLOCK",
    b"VERSION-CONTROL",
    b"CHECKOUT",
    b"UNCHECKOUT",
    b"CHECKIN",
    b"UPDATE",
    b"LABEL",
    b"REPORT",
    b"MKWORKSPACE",
    b"MKACTIVITY",
    b"BASELINE-CONTROL",
    b"MERGE",
];

/// Serves a mapped file.
pub fn default_handler(machine: &mut Machine) -> Flow {
    let file = machine.file.clone().unwrap_or_default();
    if machine.scope.settings.negotiates == Some(true) && machine.found.is_none() {
        return Flow::Unknown(machine.scope.span, "`MultiViews` may find a similar file".to_owned());
    }
    match &*machine.method {
        b"GET" | b"HEAD" | b"POST" => {}
        b"OPTIONS" | b"TRACE" => return Reply::served().into(),
        other if REGISTERED.contains(&other) => return Reply::bare(405, None).into(),
        _ => return Reply::bare(501, None).into(),
    }
    match (machine.world.stat(&file), machine.found) {
        (None, _) => Flow::Content,
        (_, None) => Reply::bare(404, None).into(),
        (_, Some(Kind::Directory)) => listing(machine),
        (Some(Some(found)), _) if !found.readable => Reply::bare(403, None).into(),
        (_, Some(Kind::File))
            if machine.path_info.is_some() && machine.scope.settings.accept_path_info != Some(true) =>
        {
            Reply::bare(404, None).into()
        }
        (Some(None), Some(Kind::File)) => Reply::bare(403, None).into(),
        (_, Some(_)) => Reply::served().into(),
    }
}

/// A script that is there is taken to answer with 200.
pub fn script(machine: &mut Machine) -> Flow {
    let file = machine.file.clone().unwrap_or_default();
    match (machine.world.stat(&file), machine.found) {
        (None, _) => Flow::Content,
        (_, None) => Reply::bare(404, None).into(),
        (_, Some(Kind::Directory)) => Reply::bare(403, None).into(),
        _ if machine.path_info.is_some() && machine.scope.settings.accept_path_info == Some(false) => {
            Reply::bare(404, None).into()
        }
        (_, Some(_)) => {
            machine.recorder.assume(format!("status:{}", String::from_utf8_lossy(&file)), "200");
            Reply::served().into()
        }
    }
}

/// What a folder without an index answers: only reading asks for a listing.
fn listing(machine: &Machine) -> Flow {
    let refused = machine.program.facts.bare_folder;
    match machine.scope.settings.listing {
        _ if machine.method == b"POST" || refused == 404 => Reply::bare(404, None).into(),
        Some(true) => Reply::served().into(),
        _ => Reply::bare(refused, None).into(),
    }
}

/// Maps the path to a file under a folder.
///
/// # Errors
/// Where the folder's name cannot be made.
pub fn map_to(machine: &mut Machine, clause: &Clause, to: &MapTo) -> Try<Option<ListEnd>> {
    let file = template::render(machine, &to.to)?;
    let mut file = content::full_name(machine, file);
    let folder = file.clone();
    if let Some(end) = taken(machine, &to.rest) {
        let (prefix, rest) = machine.path.split_at_checked(end).unwrap_or((&machine.path, b""));
        machine.context = Some((prefix.to_vec(), folder));
        file.extend_from_slice(rest);
    }
    machine.recorder.step(clause.span, || format!("maps the path to `{}`", String::from_utf8_lossy(&file)));
    machine.file = Some(file);
    machine.flags.mapped = true;
    Ok(Some(ListEnd::Ended))
}

/// How many bytes of the path the folder takes the place of, where the others follow it.
fn taken(machine: &Machine, rest: &Rest) -> Option<usize> {
    match rest {
        Rest::Nothing => None,
        Rest::Matched => {
            let matched = machine.captures.of(Store::Pattern);
            Some(matched.groups.first().cloned().flatten().map_or(0, |range| range.end))
        }
        Rest::Behind(_) if machine.scope.settings.alias_preserves_path != Some(true) => None,
        Rest::Behind(own) => matching::segments(own, &machine.path),
    }
}
