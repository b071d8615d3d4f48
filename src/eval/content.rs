//! What a path leads to where nothing answered before: index files, folders, files, handlers.

use super::flow::{Fail, Flow, Reply, Try};
use super::machine::{Current, Machine};
use super::{FileKind, Kind, access, condition, escape, folder, proxy, template, try_files};
use crate::ir::clause::Handler;
use crate::ir::policy::ContentPolicy;
use crate::ir::template::Template;
use crate::ir::{Effect, scope::Settings};
use std::sync::Arc;

/// Serves the content.
pub fn serve(machine: &mut Machine) -> Flow {
    if let Some(handler) = machine.pending_handler.take() {
        // A handler that a rewrite asks for comes last and takes the place of every other one.
        let mut scope = (*machine.scope).clone();
        scope.settings.handler = Some(handler);
        machine.scope = Current::Own(Arc::new(scope));
        if let Some(target) = machine.planted.take() {
            // The name of the file is the redirect's by now.
            machine.file = Some([b"redirect:", &*target].concat());
        }
    }
    if let Some(target) = machine.planted.clone() {
        // What a folder's rewriting asked for takes effect as soon as nothing else answered.
        return folder::restart(machine, &target);
    }
    if let Some(note) = machine.scope.notes.iter().find(|note| note.effect != Effect::None) {
        return Flow::Unknown(Some(note.span), format!("`{}` is not modelled", note.directive));
    }
    match machine.scope.settings.handler.clone() {
        Some(Handler::Dynamic(name))
            if machine.program.facts.content == ContentPolicy::Apache && name.eq_ignore_ascii_case(b"cgi-script") =>
        {
            folder::script(machine)
        }
        Some(Handler::Dynamic(_)) => Flow::Content,
        Some(Handler::Proxy(proxy)) => proxy::hand_on(machine, &proxy),
        // A page of the server's own is for reading; other methods see through to the file.
        Some(Handler::Fixed(_))
            if machine.program.facts.content == ContentPolicy::Apache
                && !matches!(&*machine.method, b"GET" | b"HEAD") =>
        {
            folder::default_handler(machine)
        }
        Some(Handler::Fixed(200)) if !matches!(&*machine.method, b"GET" | b"HEAD") => Reply::bare(405, None).into(),
        Some(Handler::Fixed(status)) => Reply::bare(status, machine.scope.span).into(),
        Some(Handler::Opaque(name)) => {
            Flow::Unknown(machine.scope.span, format!("`{}` is not modelled", String::from_utf8_lossy(&name)))
        }
        // What lists folders has a handler of its own.
        Some(Handler::Unserved)
            if machine.found == Some(Kind::Directory) && matches!(&*machine.method, b"GET" | b"HEAD" | b"POST") =>
        {
            Reply::bare(404, None).into()
        }
        Some(Handler::Unserved) => folder::default_handler(machine),
        Some(Handler::Static) | None => match machine.program.facts.content {
            ContentPolicy::Nginx => index_then_file(machine).unwrap_or_else(Flow::from),
            ContentPolicy::Apache => folder::default_handler(machine),
        },
    }
}

/// Another server has the content: sections of URLs say who may have it, and nothing of the file system counts.
pub fn elsewhere(machine: &mut Machine) -> Flow {
    let asked =
        |name: &[u8]| machine.program.variables.iter().position(|variable| variable.name.eq_ignore_ascii_case(name));
    let not_here = asked(b"no-proxy").and_then(|at| machine.variables.get(at)?.as_ref()).is_some();
    let opaque = machine.scope.settings.opaque_proxy == Some(true);
    if machine.scope.settings.handler.is_some() || not_here || opaque {
        return Flow::Content;
    }
    match access::check(machine) {
        Flow::Next => {
            let mut scope = (*machine.scope).clone();
            scope.settings.handler = machine.forced_handler.clone();
            machine.scope = Current::Own(Arc::new(scope));
            serve(machine)
        }
        refused => refused,
    }
}

/// Index files for paths that end in a slash, else the file; a folder gets its slash by a redirect.
fn index_then_file(machine: &mut Machine) -> Try<Flow> {
    let reads = matches!(&*machine.method, b"GET" | b"HEAD" | b"POST");
    if machine.path.ends_with(b"/") {
        return if reads { index(machine) } else { Ok(Reply::bare(405, None).into()) };
    }
    if !reads {
        return Ok(Reply::bare(405, None).into());
    }
    let path = file_name(machine)?;
    let Some(found) = look(machine, &path) else { return Ok(Flow::Content) };
    machine.file = Some(path);
    machine.flags.mapped = true;
    Ok(match found {
        None => Reply::bare(404, None).into(),
        Some(FileKind { kind: Kind::Directory, .. }) => with_slash(machine),
        Some(FileKind { readable: false, .. }) => Reply::bare(403, None).into(),
        Some(FileKind { kind: Kind::File, .. }) if machine.method == b"POST" => Reply::bare(405, None).into(),
        Some(FileKind { kind: Kind::File, .. }) => Reply::served().into(),
        Some(_) => Reply::bare(404, None).into(),
    })
}

fn look(machine: &Machine, path: &[u8]) -> Option<Option<FileKind>> {
    if memchr::memchr(0, path).is_some() { Some(None) } else { machine.world.stat(path) }
}

fn with_slash(machine: &mut Machine) -> Flow {
    let mut to = escape::uri(&machine.path);
    to.push(b'/');
    if let Some(query) = machine.query.as_ref().filter(|query| !query.is_empty()) {
        to.push(b'?');
        to.extend_from_slice(query);
    }
    Reply::location(301, to, None).into()
}

/// The first index name at which anything is, be it a folder. Before a second name is asked for, the folder of the
/// path must be one.
fn index(machine: &mut Machine) -> Try<Flow> {
    let usual = || machine.program.facts.index.iter().map(|name| Template::literal(&**name)).collect();
    let names = machine.scope.settings.index.clone().unwrap_or_else(usual);
    let folder = file_name(machine)?;
    let mut unknown = false;
    for name in &names {
        let name = template::render(machine, name)?;
        if name.starts_with(b"/") {
            let query = machine.query.clone();
            return Ok(try_files::to_path(machine, name, query));
        }
        let path = [&*folder, &*name].concat();
        match look(machine, &path) {
            Some(Some(_)) => {
                let (target, query) = ([&*machine.path, &*name].concat(), machine.query.clone());
                return Ok(try_files::to_path(machine, target, query));
            }
            Some(None) => match look(machine, &folder) {
                Some(None) => return Ok(Reply::bare(404, None).into()),
                Some(Some(found)) if found.kind != Kind::Directory => return Ok(Reply::bare(500, None).into()),
                _ => {}
            },
            None => unknown = true,
        }
    }
    if unknown {
        return Ok(Flow::Content);
    }
    Ok(match machine.scope.settings.listing == Some(true) {
        true => Reply::served().into(),
        false => Reply::bare(403, None).into(),
    })
}

/// The file the path maps to in the scope in force.
pub fn file_name(machine: &mut Machine) -> Try<Vec<u8>> {
    if machine.program.facts.content == ContentPolicy::Apache {
        // What a folder's rewriting asks for takes the file's place (`redirect:…`).
        return Ok(match &machine.planted {
            Some(target) => [b"redirect:", &**target].concat(),
            None => machine.file.clone().unwrap_or_default(),
        });
    }
    let root = document_root(machine)?;
    let Settings { alias, .. } = &*machine.scope.settings;
    match alias {
        Some(_) if machine.flags.name_lost => Err(Fail::Status(500, machine.scope.span)),
        Some(alias) => {
            let whole = machine.flags.path_follows_alias.then_some(0);
            let rest = alias.name.or(whole).and_then(|length| machine.path.get(length..)).unwrap_or_default();
            Ok([&*root, rest].concat())
        }
        None => Ok([&*root, &*machine.path].concat()),
    }
}

/// The folder that paths are looked up in.
pub fn document_root(machine: &mut Machine) -> Try<Vec<u8>> {
    let settings = &machine.scope.settings;
    let template = match (&settings.alias, &settings.root) {
        (Some(alias), _) => alias.to.clone(),
        (None, Some(root)) => root.clone(),
        (None, None) => crate::ir::template::Template::literal(&b"html"[..]),
    };
    let root = template::render(machine, &template)?;
    Ok(full_name(machine, root))
}

/// A path made absolute by the server's prefix.
pub fn full_name(machine: &Machine, path: Vec<u8>) -> Vec<u8> {
    if path.starts_with(b"/") {
        return path;
    }
    let prefix = &machine.program.facts.prefix;
    let slash: &[u8] = if prefix.ends_with(b"/") { b"" } else { b"/" };
    [prefix, slash, &path].concat()
}

/// Whether a file may be taken for there, with the assumption noted where that is not known.
pub fn exists(machine: &mut Machine, path: &[u8]) -> bool {
    condition::stat(machine, path, "file").is_some()
}
