//! Sections that apply to a URL or a file, laid over each other for each request.

use super::flow::{Fail, Flow, Reply, Try};
use super::machine::{Current, Machine};
use super::{Kind, condition, content, matching};
use crate::ir::Bytes;
use crate::ir::choice::{Applies, Choice, Section, Sections};
use crate::ir::clause::Handler;
use crate::ir::scope::{Lists, Scope};
use std::sync::Arc;

/// The longest path that the operating system takes, in bytes, with the byte that ends it.
const LONGEST_PATH: usize = 4096;
/// The longest name in a folder, in bytes.
const LONGEST_NAME: usize = 255;

/// Merges the sections that apply by URL alone.
pub fn merge_url(machine: &mut Machine) -> Flow {
    let site = machine.site;
    let Choice::Sections(sections) = &site.choice else { return Flow::Next };
    let mut scope = ground(machine);
    match by_url(machine, sections, &mut scope) {
        Ok(()) => {
            machine.scope = Current::Own(Arc::new(scope));
            Flow::Next
        }
        Err(fail) => fail.into(),
    }
}

/// What is in force before any section: the site's settings, its lists left aside (they run as the site's own).
fn ground(machine: &mut Machine) -> Scope {
    machine.trail.clear();
    Scope { lists: Lists::default(), ..machine.scope_by_id(machine.site.scope).clone() }
}

fn by_url(machine: &mut Machine, sections: &Sections, scope: &mut Scope) -> Try<()> {
    let path = machine.path.clone();
    for section in &sections.urls {
        add_matching(machine, section, &path, scope)?;
    }
    conditions(machine, scope)
}

/// Lays a section over the scope if its pattern matches.
fn add_matching(machine: &mut Machine, section: &Section, subject: &[u8], scope: &mut Scope) -> Try<()> {
    let Applies::Path(pattern) = &section.applies else { return Ok(()) };
    if let Some(found) = matching::find(machine, pattern, subject, Some(section.span))? {
        matching::set_named(machine, &section.named, subject, &found);
        add(machine, section, scope);
    }
    Ok(())
}

fn add(machine: &mut Machine, section: &Section, scope: &mut Scope) {
    let inner = machine.scope_by_id(section.scope);
    *scope = inner.over(scope);
    machine.trail.push(section.scope);
    machine.recorder.step(section.span, || "applies".to_owned());
}

/// `<If>` chains, nested ones included.
fn conditions(machine: &mut Machine, scope: &mut Scope) -> Try<()> {
    let mut waiting = std::mem::take(&mut scope.inner.conditions);
    let all = waiting.clone();
    for _ in 0..16 {
        let mut before = false;
        for section in &waiting {
            let holds = match &section.applies {
                Applies::When(test) => {
                    before = condition::holds(machine, test)?;
                    before
                }
                Applies::Otherwise(test) => {
                    let now = !before && condition::holds(machine, test)?;
                    before |= now;
                    now
                }
                Applies::Path(_) => false,
            };
            if holds {
                add(machine, section, scope);
            }
        }
        waiting = std::mem::take(&mut scope.inner.conditions);
        if waiting.is_empty() {
            break;
        }
    }
    scope.inner.conditions = all;
    Ok(())
}

/// Maps the path to a file and merges every section that applies.
pub fn walk(machine: &mut Machine) -> Flow {
    let site = machine.site;
    let Choice::Sections(sections) = &site.choice else { return Flow::Next };
    match walked(machine, sections) {
        Ok(flow) => flow,
        Err(fail) => fail.into(),
    }
}

fn walked(machine: &mut Machine, sections: &Sections) -> Try<Flow> {
    if !machine.flags.mapped {
        if !machine.path.starts_with(b"/") {
            let whole_server = machine.path == b"*" && machine.method == b"OPTIONS";
            return Ok(if whole_server { Reply::served() } else { Reply::bare(400, None) }.into());
        }
        let path = machine.path.clone();
        machine.file = Some(under_root(machine, &path)?);
        machine.flags.mapped = true;
    }
    if machine.method == b"TRACE" {
        // The core sends the request back where it would map it to a file.
        let refused = machine.scope.settings.trace == Some(false);
        return Ok(if refused { Reply::bare(405, None) } else { Reply::served() }.into());
    }
    let mut scope = ground(machine);
    let whole = canonical(machine.file.as_deref().unwrap_or_default());
    if let Some(flow) = folders(machine, sections, &whole, &mut scope)? {
        // What the folders said so far is in force for the answer.
        machine.scope = Current::Own(Arc::new(scope));
        return Ok(flow);
    }
    for section in &sections.folder_patterns {
        // The file's own name takes part, and a folder asked for without a slash has none.
        let file = machine.file.clone().unwrap_or_default();
        add_matching(machine, section, &file, &mut scope)?;
    }
    let file = machine.file.clone().unwrap_or_default();
    let name = file.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec();
    for section in scope.inner.files.clone() {
        add_matching(machine, &section, &name, &mut scope)?;
    }
    by_url(machine, sections, &mut scope)?;
    let handler = machine.forced_handler.as_ref().or(scope.settings.handler.as_ref()).cloned();
    let handler = handler.or_else(|| by_name(machine, &scope, &name));
    if handler.is_some() || scope.settings.handler.is_some() {
        scope.settings.handler = handler;
    }
    machine.scope = Current::Own(Arc::new(scope));
    Ok(Flow::Next)
}

/// The handler that a file's extensions ask for; the last one counts.
fn by_name(machine: &Machine, scope: &Scope, name: &[u8]) -> Option<Handler> {
    if machine.found == Some(Kind::Directory) {
        return None;
    }
    let handler = |extension: &[u8]| {
        let fits = |entry: &&Arc<(Bytes, Handler)>| entry.0.eq_ignore_ascii_case(extension);
        scope.settings.extensions.items.iter().rev().find(fits).map(|entry| entry.1.clone())
    };
    name.split(|&byte| byte == b'.').skip(1).filter_map(handler).last()
}

/// The file that a path names under the document root.
///
/// # Errors
/// 403 where its name is too long.
pub fn under_root(machine: &mut Machine, path: &[u8]) -> Try<Vec<u8>> {
    let root = content::document_root(machine)?;
    let prefix = machine.scope_by_id(machine.site.scope).settings.unmapped_prefix.as_deref();
    let rest = prefix.and_then(|prefix| path.strip_prefix(prefix.strip_suffix(b"/").unwrap_or(prefix)));
    let path = rest.filter(|rest| rest.is_empty() || rest.starts_with(b"/")).unwrap_or(path);
    let behind = path.iter().position(|&byte| byte != b'/').map_or(0, |at| path.len() - at);
    if root.len() + behind + 4 > LONGEST_PATH {
        return Err(Fail::Status(403, None));
    }
    Ok([&*root, path].concat())
}

/// The path without doubled slashes, `.` and `..` (APR `apr_filepath_merge`).
pub fn canonical(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut segments = path.split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            b"" | b"." => {}
            b".." => out.truncate(memchr::memrchr(b'/', &out).unwrap_or(0)),
            name => {
                out.push(b'/');
                out.extend_from_slice(name);
            }
        }
        if segments.peek().is_none() && (matches!(segment, b"" | b"." | b"..") || out.is_empty()) {
            out.push(b'/');
        }
    }
    out
}

/// Walks down the folders of a file's path, merging their sections and files; stops at the first thing that is no
/// folder. What is left of the path is its path info.
fn folders(machine: &mut Machine, sections: &Sections, whole: &[u8], scope: &mut Scope) -> Try<Option<Flow>> {
    let mut end = 1;
    machine.path_info = None;
    let before = std::mem::replace(&mut machine.folder, b"/".to_vec());
    loop {
        let folder = whole.get(..end).unwrap_or_default().to_vec();
        machine.folder.clone_from(&folder);
        enter_folder(machine, sections, &folder, scope)?;
        if let Some(broken) = &scope.settings.broken {
            let what = broken.to_string();
            let span = scope.span;
            if let Some(span) = span {
                machine.recorder.step(span, || format!("is refused: {what}"));
            }
            return Ok(Some(Reply::bare(500, span).into()));
        }
        let rest = whole.get(end..).unwrap_or_default();
        if rest.is_empty() {
            machine.file = Some(whole.to_vec());
            machine.found = Some(Kind::Directory);
            return Ok(None);
        }
        let segment = memchr::memchr(b'/', rest).unwrap_or(rest.len());
        let here = whole.get(..end + segment).unwrap_or_default().to_vec();
        let behind = whole.get(end + segment..).unwrap_or_default().to_vec();
        if segment > LONGEST_NAME || here.len() >= LONGEST_PATH {
            return Ok(Some(Reply::bare(403, None).into()));
        }
        let found = look(machine, sections, &here);
        machine.found = found;
        if found == Some(Kind::Directory) && !behind.is_empty() {
            end += segment + 1;
            continue;
        }
        if found == Some(Kind::Directory) {
            // A folder without its slash: its sections count too.
            let folder = [&*here, b"/"].concat();
            machine.folder.clone_from(&folder);
            enter_folder(machine, sections, &folder, scope)?;
            if scope.settings.broken.is_some() {
                return Ok(Some(Reply::bare(500, scope.span).into()));
            }
        }
        // A request inside a request takes over what was found out about its folder.
        let known = machine.depth > 0 && before == machine.folder;
        if found == Some(Kind::File) && behind.is_empty() && !known {
            // Sections of folders are held against the file as well.
            folder_sections(machine, sections, &[&*here, b"/"].concat(), scope)?;
        }
        machine.file = Some(here);
        machine.path_info = (!behind.is_empty()).then_some(behind);
        return Ok(None);
    }
}

fn folder_sections(machine: &mut Machine, sections: &Sections, folder: &[u8], scope: &mut Scope) -> Try<()> {
    let bare = folder.strip_suffix(b"/").filter(|bare| !bare.is_empty()).unwrap_or(folder).to_vec();
    for section in &sections.folders {
        let is_glob = matches!(&section.applies, Applies::Path(crate::ir::pattern::Pattern::Glob(_)));
        add_matching(machine, section, if is_glob { &bare } else { folder }, scope)?;
    }
    Ok(())
}

fn enter_folder(machine: &mut Machine, sections: &Sections, folder: &[u8], scope: &mut Scope) -> Try<()> {
    folder_sections(machine, sections, folder, scope)?;
    if let Some(id) = sections.htaccess.get(folder) {
        let inner = machine.scope_by_id(*id);
        *scope = inner.over(scope);
        machine.trail.push(*id);
    }
    Ok(())
}

/// What is at a path. Folders that the configuration itself stands in or names are there; what else is not known
/// is taken for absent.
fn look(machine: &mut Machine, sections: &Sections, path: &[u8]) -> Option<Kind> {
    match machine.world.stat(path) {
        Some(found) => found.map(|found| found.kind),
        None => {
            let folder = [path, b"/"].concat();
            let known = sections.htaccess.keys().any(|have| have.starts_with(&folder))
                || content::document_root(machine).is_ok_and(|root| [&*root, b"/"].concat().starts_with(&folder));
            if known {
                return Some(Kind::Directory);
            }
            condition::stat(machine, path, "file").map(|found| found.kind)
        }
    }
}
