//! `redirlint lsp`: the language server on standard input and output, checking sites as `check` does.

use super::args::Shared;
use super::input::{self, Loaded, Wanted};
use super::select::Selection;
use super::{Exit, Stop, deeds, detect};
use crate::analysis::Facts;
use crate::fix::converge::Texts;
use crate::lsp::{self, Checked, Deed, Workspace};
use lsp_server::Connection;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders upward that are looked at for the configuration a file belongs to.
const UPWARD: usize = 8;

/// Runs the server until the client ends it.
///
/// # Errors
/// A client that breaks the protocol or the connection.
pub fn run() -> Result<Exit, Stop> {
    let (connection, threads) = Connection::stdio();
    let served = lsp::serve(&connection, &Editor);
    // The writing thread ends when the connection is gone.
    drop(connection);
    let joined = threads.join();
    served.map_err(|error| Stop::Told(format!("the language client broke off: {error}")))?;
    joined?;
    Ok(Exit::Clean)
}

struct Editor;

impl Workspace for Editor {
    fn check(&self, file: &Path, open: &BTreeMap<PathBuf, Vec<u8>>) -> Option<Checked> {
        let texts: Texts = open.iter().map(|(path, text)| (path.clone(), text.clone())).collect();
        let loaded = site_of(file, &texts)?;
        let findings = loaded.findings(&Selection::default());
        let Loaded { sources, lowered, options, config, .. } = loaded;
        Some(Checked { sources, lowered, options, knobs: config.knobs, findings, deeds: OnceCell::new() })
    }

    fn deeds(&self, checked: &Checked) -> Vec<Deed> {
        let facts = Facts::new(&checked.sources, &checked.lowered, &checked.options, &checked.knobs);
        let all = facts.routes().all.iter().filter(|route| route.enabled);
        all.map(|route| Deed { span: route.span, text: deeds::deed(&facts, route) }).collect()
    }
}

/// The site a file belongs to: that of the outermost `.htaccess` above it, that of a main file nearby which includes it,
/// else its own.
fn site_of(file: &Path, texts: &Texts) -> Option<Loaded> {
    let load = |wanted: &Wanted| input::load_over(wanted, &Shared::default(), texts).ok().flatten();
    let own = Wanted { path: file.to_path_buf(), site: None, searched: true };
    if file.file_name().is_some_and(|name| name == ".htaccess") {
        return load(&outermost(file).unwrap_or(own));
    }
    if !detect::is_main(file) {
        let folders = file.ancestors().skip(1).take(UPWARD);
        let mains =
            folders.flat_map(|folder| detect::MAINS.map(|name| folder.join(name))).filter(|path| path.is_file());
        let including = |main: PathBuf| {
            let loaded = load(&Wanted { path: main, site: None, searched: true })?;
            let includes = loaded.sources.iter().any(|(_, source)| source.path() == file);
            includes.then_some(loaded)
        };
        if let Some(loaded) = mains.into_iter().find_map(including) {
            return Some(loaded);
        }
    }
    load(&own)
}

/// The outermost `.htaccess` of the same project.
fn outermost(file: &Path) -> Option<Wanted> {
    let mut found = None;
    for folder in file.ancestors().skip(1).take(UPWARD) {
        let path = folder.join(".htaccess");
        if path == file || path.is_file() {
            found = Some(Wanted { path, site: Some(folder.to_path_buf()), searched: true });
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    found
}
