//! Requests inside a request: what a path would lead to, asked by conditions, look-aheads and index files.

use crate::eval::flow::{Fail, Flow, Reply, Try};
use crate::eval::machine::Machine;
use crate::eval::{Kind, attribute, condition, escape, phase, sections};
use crate::ir::Phase;
use crate::ir::condition::FileTest;
use crate::ir::template::Attribute;

/// How deep sub-requests may nest.
const DEPTH: u8 = 10;
/// Sub-requests of one request: index files that are folders with index files multiply.
const MOST: u32 = 1_000;

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
    machine.sub_requests.set(machine.sub_requests.get() + 1);
    if machine.sub_requests.get() > MOST {
        return Err(Fail::Unknown(None, "more sub-requests than are followed".to_owned()));
    }
    let mut inner = machine.clone();
    inner.depth = inner.depth.saturating_add(1);
    // Where no internal redirect is left, no request inside the request is either, and it gets no file name
    // (`ap_is_recursion_limit_exceeded`).
    if inner.depth > DEPTH || machine.budget == 0 {
        inner.file = Some(Vec::new());
        return Ok((inner, Reached::Answer(Reply::bare(500, None))));
    }
    let (path, query) = path_and_query(target);
    let path = if path.starts_with(b"/") { path.to_vec() } else { [&*parent(&machine.path), path].concat() };
    inner.around = Some((machine.path.clone(), machine.file.clone()));
    inner.trail_before = Some(std::mem::take(&mut inner.trail));
    inner.path = path;
    inner.query = query.map(<[u8]>::to_vec);
    inner.method = b"GET".to_vec();
    (inner.file, inner.path_info, inner.planted, inner.found) = (None, None, None, None);
    // The port stands in the first request's URL only.
    inner.host_port = None;
    (inner.forced_handler, inner.pending_handler) = (None, None);
    (inner.saved_status, inner.first_error) = (None, None);
    inner.flags.mapped = false;
    inner.flags.rewriting_ended = false;
    inner.encoded = true;
    inner.enter_site();
    let start = inner.program.entry.sub_request;
    let reached = run(&mut inner, start, |phase| phase == Phase::Content)?;
    Ok((inner, reached))
}

/// The folder that a relative target is looked up in, escaped.
fn parent(path: &[u8]) -> Vec<u8> {
    let end = memchr::memrchr(b'/', path).map_or(0, |at| at + 1);
    escape::path(path.get(..end).unwrap_or_default())
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
    Ok(Reached::Content)
}

/// Whether a sub-request may be asked at all: not from within one for the same path or file (`subreq_ok`).
///
/// # Errors
/// For something else inside more than so many requests: such requests multiply, and are not followed.
fn allowed(machine: &Machine, most: u8) -> Try<bool> {
    let Some((path, file)) = &machine.around else { return Ok(true) };
    // Until it is mapped, a request's file name is its path.
    let around = file.as_ref().unwrap_or(path);
    let own = machine.file.as_ref().unwrap_or(&machine.path);
    if *path == machine.path || around == own {
        return Ok(false);
    }
    match machine.depth > most {
        true => Err(Fail::Unknown(None, "a request inside a request inside a request".to_owned())),
        false => Ok(true),
    }
}

/// `-F` and `-U`: whether a sub-request would succeed.
///
/// # Errors
/// Where something that is not modelled decides.
pub fn reachable(machine: &mut Machine, test: FileTest, path: &[u8]) -> Try<bool> {
    if path.is_empty() || !allowed(machine, 1)? {
        return Ok(false);
    }
    if test == FileTest::ReachableUrl {
        return Ok(match by_url(machine, path)?.1 {
            Reached::Content => true,
            Reached::Answer(reply) => reply.status < 400,
        });
    }
    let path = &beside(machine, path);
    let off = machine.scope.settings.directory_slash == Some(false);
    let found = condition::stat(machine, path, "file");
    if found.is_some_and(|found| found.kind == Kind::Directory && !off && !path.ends_with(b"/")) {
        // A folder answers with a redirect to its slash.
        return Ok(false);
    }
    let (inner, reached) = by_file(machine, path)?;
    // What a rewrite has put in the file's place is no file (`redirect:/…`).
    let good = inner.planted.is_none()
        && match reached {
            Reached::Content => true,
            Reached::Answer(reply) => reply.status < 300,
        };
    Ok(good && found.is_some() && machine.budget > 0)
}

/// A file's name made absolute: it lies beside the file that the path was mapped to.
fn beside(machine: &Machine, path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path.to_vec();
    }
    let file = machine.file.as_deref().unwrap_or_default();
    let end = memchr::memrchr(b'/', file).map_or(0, |at| at + 1);
    [file.get(..end).unwrap_or_default(), path].concat()
}

fn by_file<'p>(machine: &Machine<'p>, path: &[u8]) -> Try<(Machine<'p>, Reached)> {
    let mut inner = machine.clone();
    inner.depth = inner.depth.saturating_add(1);
    inner.around = Some((machine.path.clone(), machine.file.clone()));
    inner.trail_before = Some(std::mem::take(&mut inner.trail));
    inner.file = Some(path.to_vec());
    (inner.path_info, inner.host_port) = (None, None);
    (inner.planted, inner.forced_handler, inner.pending_handler) = (None, None, None);
    (inner.saved_status, inner.first_error) = (None, None);
    inner.flags.rewriting_ended = false;
    inner.enter_site();
    let reached = match sections::walk(&mut inner) {
        Flow::Finish(reply) => Reached::Answer(reply),
        Flow::Unknown(span, what) => return Err(Fail::Unknown(span, what)),
        _ => {
            // Its folder is not looked into: a file was named.
            let start = inner.program.pipeline.iter().position(|phase| matches!(phase, Phase::Access { .. }));
            run(&mut inner, start.unwrap_or_default(), |phase| phase == Phase::DirectorySlash)?
        }
    };
    Ok((inner, reached))
}

/// `LA-U`, `LA-F`: an attribute of a sub-request.
///
/// # Errors
/// Where something that is not modelled decides.
pub fn look_ahead(machine: &mut Machine, url: bool, attribute: &Attribute) -> Try<Vec<u8>> {
    if !allowed(machine, 0)? {
        return Ok(Vec::new());
    }
    let mut inner = match url {
        true => {
            let target = machine.file.clone().unwrap_or_else(|| machine.path.clone());
            by_url(machine, &target)?.0
        }
        false => {
            let file = machine.file.clone().unwrap_or_default();
            by_file(machine, &file)?.0
        }
    };
    attribute::value(&mut inner, attribute)
}
