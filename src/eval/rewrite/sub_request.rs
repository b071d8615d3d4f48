//! Requests inside a request: what a path would lead to, asked by conditions, look-aheads and index files.

use crate::eval::flow::{Fail, Flow, Reply, Try};
use crate::eval::machine::Machine;
use crate::eval::{attribute, condition, content, escape, phase, sections};
use crate::ir::Phase;
use crate::ir::condition::FileTest;
use crate::ir::template::Attribute;

/// How deep sub-requests may nest.
const DEPTH: u8 = 10;
/// Sub-requests of one request: index files that are folders with index files multiply.
const MOST: u32 = 10_000;

/// What a sub-request came to, short of its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Its content would be served.
    Content,
    /// It answers.
    Answer(Reply),
}

/// Handles a URL up to its content; the machine afterwards, and what it came to.
///
/// # Errors
/// Where something that is not modelled decides.
pub fn by_url<'p>(machine: &Machine<'p>, target: &[u8]) -> Try<(Machine<'p>, Reached)> {
    let mut inner = inside(machine)?;
    let (path, query) = path_and_query(target);
    inner.path = if path.starts_with(b"/") { path.to_vec() } else { [&*parent(&machine.path), path].concat() };
    inner.query = query.map(<[u8]>::to_vec);
    if exceeds_limits(&inner) {
        inner.file = Some(Vec::new());
        return Ok((inner, Reached::Answer(Reply::bare(500, None))));
    }
    let start = inner.program.entry.sub_request;
    let reached = run(&mut inner, start, |phase| phase == Phase::Content)?;
    Ok((inner, reached))
}

/// A request inside a request, before anything is known of what it asks for (`make_sub_request`).
fn inside<'p>(machine: &Machine<'p>) -> Try<Machine<'p>> {
    machine.sub_requests.set(machine.sub_requests.get() + 1);
    if machine.sub_requests.get() > MOST {
        return Err(Fail::Unknown(None, "more sub-requests than are followed".to_owned()));
    }
    let mut inner = machine.clone();
    inner.depth = inner.depth.saturating_add(1);
    inner.around = Some(machine.path.clone());
    inner.trail_before = Some(std::mem::take(&mut inner.trail));
    inner.method = b"GET".to_vec();
    (inner.file, inner.path_info, inner.planted, inner.found) = (None, None, None, None);
    // The port stands in the first request's URL only.
    inner.host_port = None;
    (inner.forced_handler, inner.pending_handler) = (None, None);
    (inner.saved_status, inner.first_error) = (None, None);
    (inner.flags.mapped, inner.flags.rewriting_ended) = (false, false);
    inner.encoded = true;
    inner.enter_site();
    Ok(inner)
}

/// Where no internal redirect is left, no request inside the request is either, and it gets no file name
/// (`ap_is_recursion_limit_exceeded`).
fn exceeds_limits(inner: &Machine) -> bool {
    inner.depth > DEPTH || inner.budget == 0
}

/// The folder that a relative target is looked up in, escaped.
fn parent(path: &[u8]) -> Vec<u8> {
    escape::path(beginning(path))
}

/// Path and query of a target that the server makes itself, which is read as a URL: a fragment is cut off.
pub fn path_and_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    let target = target.split(|&byte| byte == b'#').next().unwrap_or_default();
    match memchr::memchr(b'?', target).and_then(|at| target.split_at_checked(at)) {
        Some((path, query)) => (path, query.get(1..)),
        None => (target, None),
    }
}

/// Runs the phases from one on, up to the first that is the end.
fn run(inner: &mut Machine, start: usize, is_end: impl Fn(Phase) -> bool) -> Try<Reached> {
    let mut at = start;
    while let Some(&phase) = inner.program.pipeline.get(at) {
        if is_end(phase) {
            break;
        }
        at += 1;
        match phase::run(inner, phase) {
            Flow::Next => {}
            Flow::Jump(to) if to >= at => at = to,
            Flow::Jump(_) | Flow::Content => break,
            Flow::Finish(reply) => return Ok(Reached::Answer(reply)),
            Flow::Unknown(span, what) => return Err(Fail::Unknown(span, what)),
        }
    }
    // A status that a redirect left behind stays that of the request, whatever it came to.
    Ok(inner.saved_status.map_or(Reached::Content, |status| Reached::Answer(Reply::bare(status, None))))
}

/// Whether a sub-request may be asked at all: not from within one for the same path (`subreq_ok`).
fn allowed(machine: &Machine) -> bool {
    machine.around.as_ref().is_none_or(|around| *around != machine.path)
}

/// `-F` and `-U` of mod_rewrite: whether a sub-request would succeed.
///
/// # Errors
/// Where something that is not modelled decides.
pub fn reachable(machine: &mut Machine, test: FileTest, path: &[u8]) -> Try<bool> {
    match test {
        _ if path.is_empty() || !allowed(machine) => Ok(false),
        FileTest::ReachableUrl => url_succeeds(machine, path),
        _ => file_succeeds(machine, path),
    }
}

/// The same of an expression, which looks out for circles only where it asks for a path, and knows no empty names
/// (`op_url_subr`, `op_file_subr`).
///
/// # Errors
/// Where something that is not modelled decides.
pub fn reachable_in_expression(machine: &mut Machine, test: FileTest, path: &[u8]) -> Try<bool> {
    match test {
        FileTest::ReachableUrl => Ok(allowed(machine) && url_succeeds(machine, path)?),
        _ => file_succeeds(machine, path),
    }
}

fn url_succeeds(machine: &Machine, path: &[u8]) -> Try<bool> {
    Ok(match by_url(machine, path)?.1 {
        Reached::Content => true,
        Reached::Answer(reply) => reply.status < 400,
    })
}

/// A file that is refused does not succeed, nor one that is not there, whatever its name has become meanwhile.
fn file_succeeds(machine: &mut Machine, path: &[u8]) -> Try<bool> {
    let (mut inner, reached) = by_file(machine, path)?;
    if matches!(&reached, Reached::Answer(reply) if reply.status >= 300) {
        return Ok(false);
    }
    let file = content::file_name(&mut inner)?;
    Ok(condition::stat(machine, &file, "file").is_some())
}

/// Handles a file by its name up to its content (`ap_sub_req_lookup_file`). It has a path only where it lies in the
/// folder of the request's file; but whatever its name is, it is read like a URL first.
fn by_file<'p>(machine: &Machine<'p>, name: &[u8]) -> Try<(Machine<'p>, Reached)> {
    let mut inner = inside(machine)?;
    let folder = beginning(machine.file.as_deref().unwrap_or(&machine.path));
    let whole = if name.starts_with(b"/") { name.to_vec() } else { [folder, name].concat() };
    let whole = sections::canonical(&whole);
    let beside = whole.strip_prefix(folder).filter(|rest| !rest.is_empty() && !rest.contains(&b'/'));
    let target = match beside {
        Some(rest) => [beginning(&machine.path), rest].concat(),
        None => name.to_vec(),
    };
    let (path, query) = path_and_query(&target);
    (inner.path, inner.query) = (path.to_vec(), query.map(<[u8]>::to_vec));
    inner.file = Some(whole.clone());
    inner.flags.mapped = true;
    if exceeds_limits(&inner) {
        return Ok((inner, Reached::Answer(Reply::bare(500, None))));
    }
    let read = phase::run(&mut inner, Phase::Normalise);
    if beside.is_none() {
        inner.path.clear();
    }
    if let Flow::Finish(reply) = read {
        return Ok((inner, Reached::Answer(reply)));
    }
    let walk = inner.program.pipeline.iter().position(|&phase| phase == Phase::Walk).unwrap_or_default();
    let reached = run(&mut inner, walk, |phase| phase == Phase::Content)?;
    Ok((inner, reached))
}

/// The folder at the beginning of a path, with its slash.
fn beginning(path: &[u8]) -> &[u8] {
    path.get(..memchr::memrchr(b'/', path).map_or(0, |at| at + 1)).unwrap_or_default()
}

/// `LA-U`, `LA-F`: an attribute of a sub-request for the text that is being rewritten.
///
/// # Errors
/// Where something that is not modelled decides.
pub fn look_ahead(machine: &mut Machine, url: bool, attribute: &Attribute) -> Try<Vec<u8>> {
    if !allowed(machine) {
        return Ok(Vec::new());
    }
    let text = machine.list.text.clone().unwrap_or_default();
    let rewriting = &machine.rewriting;
    let (mut inner, _) = match (url, &rewriting.folder) {
        (true, Some(folder)) if !text.starts_with(b"/") => {
            by_url(machine, &[rewriting.base.as_ref().unwrap_or(folder), &*text].concat())?
        }
        (false, Some(folder)) if !text.starts_with(b"/") => by_file(machine, &[folder, &*text].concat())?,
        (false, None) => by_file(machine, &text)?,
        _ => by_url(machine, &text)?,
    };
    attribute::value(&mut inner, attribute)
}
