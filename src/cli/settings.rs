//! What flags and `redirlint.yaml` say together about one configuration. A flag beats the file.

use super::args::{Files, Scheme, Shared};
use super::disk::read_file;
use super::input::Wanted;
use super::{Stop, paths};
use crate::config::{self, Config};
use crate::lower::{Dialect, Options, Version};
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
/// A version that is none.
pub fn options(wanted: &Wanted, shared: &Shared, dialect: Dialect, config: &Config) -> Result<Options, Stop> {
    let declared = if dialect == Dialect::Nginx { config.nginx_version } else { config.apache_version };
    let served = shared.root.clone().or_else(|| config.document_root.clone()).map(|root| paths::absolute(&root));
    let real_files = shared.files == Files::Real || served.is_some();
    Ok(Options {
        dialect,
        version: shared.server_version.as_deref().map(version).transpose()?.or(declared),
        prefix: shared.prefix.as_deref().map_or_else(|| paths::folder_of(&wanted.path), paths::absolute),
        real_files,
        root: served.or_else(|| wanted.site.as_deref().map(paths::absolute)),
        base: with_slashes(&shared.base),
        host: shared.host.clone(),
        scheme: shared.scheme.map(|scheme| if scheme == Scheme::Https { "https" } else { "http" }.to_owned()),
        defines: shared.define.iter().map(|define| split_define(define)).collect(),
    })
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

fn version(text: &str) -> Result<Version, Stop> {
    let numbers: Option<Vec<u16>> = text.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some([major, minor]) => Ok(Version(*major, *minor, u16::MAX)),
        Some([major, minor, patch]) => Ok(Version(*major, *minor, *patch)),
        _ => Err(Stop::Told(format!("`{text}` is not a version: write it like `2.4.62` or `1.28.0`"))),
    }
}
