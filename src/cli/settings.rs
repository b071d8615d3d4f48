//! What flags and `redirlint.yaml` say together about one configuration. A flag beats the file.

use super::args::{Files, Scheme, Shared};
use super::disk::read_file;
use super::input::Wanted;
use super::{Stop, paths};
use crate::config::{self, Config};
use crate::lower::{Dialect, Options};
use std::path::{Path, PathBuf};

/// The settings for a file: those named with `--config`, else the nearest file upward from it.
///
/// # Errors
/// Settings that cannot be read or that make no sense.
pub fn config(main: &Path, shared: &Shared) -> Result<Config, Stop> {
    let found = match &shared.config {
        _ if shared.no_config => None,
        Some(named) => Some(named.clone()),
        None => nearest(main),
    };
    let Some(path) = found else { return Ok(Config::default()) };
    let shown = path.display().to_string();
    let text = read_file(&path).map_err(|error| Stop::Told(format!("cannot read `{shown}`: {error}")))?;
    let folder = paths::folder_of(&path);
    Config::read(&text, &folder).map_err(|why| Stop::Told(format!("`{shown}`: {why}")))
}

fn nearest(main: &Path) -> Option<PathBuf> {
    let folder = if main.as_os_str() == "-" { paths::absolute(Path::new(".")) } else { paths::folder_of(main) };
    folder.ancestors().map(|folder| folder.join(config::NAME)).find(|path| path.is_file())
}

/// Everything beside the text that decides what a configuration means.
///
/// # Errors
/// A version that is none, or a document root that is no folder.
pub fn options(wanted: &Wanted, shared: &Shared, dialect: Dialect, config: &Config) -> Result<Options, Stop> {
    let declared = if dialect == Dialect::Nginx { config.nginx_version } else { config.apache_version };
    let served = shared.root.as_ref().or(config.document_root.as_ref()).map(|root| folder(root)).transpose()?;
    let real_files = shared.files == Files::Real || served.is_some();
    Ok(Options {
        dialect,
        version: shared.server_version.as_deref().map(str::parse).transpose().map_err(Stop::Told)?.or(declared),
        prefix: shared.prefix.as_deref().map_or_else(|| paths::folder_of(&wanted.path), paths::absolute),
        real_files,
        root: served.or_else(|| wanted.site.as_deref().map(paths::absolute)),
        base: with_slashes(&shared.base),
        host: shared.host.clone(),
        scheme: shared.scheme.map(|scheme| if scheme == Scheme::Https { "https" } else { "http" }.to_owned()),
        defines: shared.define.iter().map(|define| split_define(define)).collect(),
        index_files: config.index_files.clone(),
    })
}

/// The document root: where there is no such folder, every test of a file would come out wrong.
fn folder(root: &Path) -> Result<PathBuf, Stop> {
    let none = || Stop::Told(format!("the document root `{}` is no folder", root.display()));
    root.is_dir().then(|| paths::absolute(root)).ok_or_else(none)
}

fn with_slashes(base: &str) -> String {
    match base.trim_matches('/') {
        "" => "/".to_owned(),
        inner => format!("/{inner}/"),
    }
}

fn split_define(define: &str) -> (String, Option<String>) {
    match define.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
        None => (define.to_owned(), None),
    }
}
