//! What the end of a mod_rewrite list means.

use super::{Flow, Machine, Reply, RewriteList, local, url};
use crate::eval::flow::Fail;
use crate::eval::machine::Value;
use crate::eval::{content, escape, own_url};
use crate::ir::VarId;

/// A site's own list: the result is a redirect, a path handed on, or a file.
pub fn site(machine: &mut Machine, list: &RewriteList) -> Flow {
    if !machine.path.starts_with(b"/") && !list.options.allow_any_uri {
        return Flow::Next;
    }
    own_variables(machine);
    machine.file = Some(machine.path.clone());
    machine.path_info = None;
    super::start(machine, None, None);
    if let Some(flow) = super::run_clauses(machine, list) {
        return flow;
    }
    let Some(raw) = machine.rewriting.changed else {
        return Flow::Next;
    };
    if let Some(flow) = leave(machine, raw) {
        return flow;
    }
    let text = machine.file.clone().unwrap_or_default();
    if machine.rewriting.passed {
        machine.saved_status = machine.rewriting.status.or(machine.saved_status);
        machine.file = Some([b"passthrough:", &*text].concat());
        machine.path = text;
        return Flow::Next;
    }
    if !text.starts_with(b"/") {
        return Reply::bare(400, machine.rewriting.span).into();
    }
    keep_status(machine);
    match local::file(machine, &list.options, text) {
        Ok(file) => {
            machine.file = Some(file);
            machine.flags.mapped = true;
            Flow::Next
        }
        Err(fail) => fail.into(),
    }
}

/// `SCRIPT_URL` and `SCRIPT_URI`, which every site's list sets: the path of the request that came from outside.
fn own_variables(machine: &mut Machine) {
    let id = |machine: &Machine, name: &[u8]| {
        let at = machine.program.variables.iter().position(|variable| variable.name.eq_ignore_ascii_case(name));
        at.map(|at| VarId(at as u32))
    };
    let Some(url) = id(machine, b"SCRIPT_URL") else { return };
    let kept = id(machine, if machine.depth > 0 { b"SCRIPT_URL" } else { b"REDIRECT_SCRIPT_URL" });
    let kept = kept.and_then(|kept| machine.variable(kept)?.bytes.clone());
    let path = kept.unwrap_or_else(|| machine.path.clone());
    let whole = own_url::absolute(machine, &path);
    machine.set_variable(url, Value { bytes: Some(path), taint: None });
    if let Some(uri) = id(machine, b"SCRIPT_URI") {
        machine.set_variable(uri, Value { bytes: Some(whole), taint: None });
    }
}

/// A folder's list: the result is a redirect, or becomes a path again that everything starts over with.
pub fn folder(machine: &mut Machine, list: &RewriteList) -> Flow {
    let before_file = machine.file.clone().unwrap_or_default();
    let bare = list.folder.strip_suffix(b"/");
    if !list.options.allow_no_slash && bare == Some(&*before_file) {
        return Flow::Next;
    }
    if machine.scope.settings.follow_symlinks == Some(false) {
        return Reply::bare(403, machine.scope.span).into();
    }
    super::start(machine, Some(list.folder.clone()), list.base.clone());
    if let Some(flow) = super::run_clauses(machine, list) {
        return flow;
    }
    let Some(raw) = machine.rewriting.changed else {
        machine.file = Some(before_file);
        return Flow::Next;
    };
    if let Some(text) = machine.file.clone()
        && let Some((length, _)) = url::scheme(&text)
        && machine.rewriting.proxied.is_none()
    {
        machine.file = Some(rebased(list, text, length));
    }
    if let Some(flow) = leave(machine, raw) {
        return flow;
    }
    let text = machine.file.take().unwrap_or_default();
    machine.file = Some(before_file.clone());
    if !text.starts_with(b"/") {
        return Reply::bare(400, machine.rewriting.span).into();
    }
    keep_status(machine);
    if text == before_file {
        return Flow::Next;
    }
    match as_path(machine, list, text) {
        Ok(path) => {
            machine.planted = Some(path);
            Flow::Next
        }
        Err(fail) => fail.into(),
    }
}

/// The status of a redirect that turned out local sticks to the answer.
fn keep_status(machine: &mut Machine) {
    machine.saved_status = machine.rewriting.status.or(machine.saved_status);
}

/// The path of a URL whose beginning is the folder gets the base instead.
fn rebased(list: &RewriteList, text: Vec<u8>, scheme: usize) -> Vec<u8> {
    let Some(base) = &list.base else { return text };
    let tail = text.get(scheme..).unwrap_or_default();
    let Some(slash) = memchr::memchr(b'/', tail) else { return text };
    let (head, path) = text.split_at(scheme + slash);
    match replace_prefix(path, &list.folder, base) {
        Some(path) => [head, &path].concat(),
        None => text,
    }
}

/// The text with a folder at its beginning replaced (`subst_prefix_path`).
fn replace_prefix(text: &[u8], folder: &[u8], with: &[u8]) -> Option<Vec<u8>> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    let rest = text.strip_prefix(folder)?.strip_prefix(b"/")?;
    let slash: &[u8] = if with.is_empty() || with.ends_with(b"/") { b"" } else { b"/" };
    Some([with, slash, rest].concat())
}

/// The URL path of a file name, by base or document root.
fn as_path(machine: &mut Machine, list: &RewriteList, text: Vec<u8>) -> Result<Vec<u8>, Fail> {
    let first = match &list.base {
        Some(base) => replace_prefix(&text, &list.folder, base),
        None => {
            let root = content::document_root(machine)?;
            let root = root.strip_suffix(b"/").unwrap_or(&root);
            text.strip_prefix(root).filter(|rest| rest.starts_with(b"/")).map(<[u8]>::to_vec)
        }
    };
    if let Some(path) = first {
        return Ok(path);
    }
    let context = machine.context.clone().filter(|_| !list.options.ignore_context_info);
    Ok(context.and_then(|(prefix, folder)| replace_prefix(&text, &folder, &prefix)).unwrap_or(text))
}

/// Whether the query holds bytes that cannot be sent on.
pub fn bad_query(machine: &Machine) -> bool {
    // What is handed on as a path has a mark in front by now.
    let absolute = !machine.rewriting.passed && machine.file.as_deref().is_some_and(|text| url::scheme(text).is_some());
    // What is fetched from elsewhere is not escaped here.
    let escapes = absolute && machine.rewriting.proxied.is_none() && machine.rewriting.changed == Some(false);
    let query = machine.query.as_deref().unwrap_or_default();
    machine.rewriting.changed.is_some() && !escapes && has_controls(query)
}

fn has_controls(query: &[u8]) -> bool {
    query.iter().any(|&byte| byte <= b' ' || byte == 0x7f)
}

/// A result that leaves the server, or cannot.
fn leave(machine: &mut Machine, raw: bool) -> Option<Flow> {
    let span = machine.rewriting.span;
    if bad_query(machine) {
        return Some(Reply::bare(403, span).into());
    }
    match machine.rewriting.proxied {
        Some(0) => return Some(Flow::Content),
        Some(status) => return Some(Reply::bare(status, span).into()),
        None => {}
    }
    let text = machine.file.clone().unwrap_or_default();
    url::scheme(&text)?;
    if machine.rewriting.passed {
        return Some(Reply::bare(400, span).into());
    }
    let mut to = if raw { text } else { url::escape_absolute(&text) };
    if let Some(query) = &machine.query {
        to.push(b'?');
        let kept = raw || machine.rewriting.kept.as_ref() == Some(query);
        to.extend_from_slice(&if kept { query.clone() } else { escape::path(query) });
    }
    let status = machine.rewriting.status.filter(|status| (300..400).contains(status)).unwrap_or(302);
    machine.saved_status = None;
    machine.file = Some(to.clone());
    let shown = to.clone();
    if let Some(span) = span {
        machine.recorder.step(span, || format!("answers {status} to `{}`", String::from_utf8_lossy(&shown)));
    }
    Some(Reply::location(status, to, span).into())
}
