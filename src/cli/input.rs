//! From paths to loaded configurations.

use super::args::{As, Files, Scheme, Shared};
use super::disk::{Disk, read_file};
use super::{Stop, detect};
use crate::eval::Assumed;
use crate::fix::converge::Texts;
use crate::lower::{Dialect, Loader, Lowered, Options, Version, lower};
use crate::source::{FileId, Sources};
use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One configuration, loaded with everything it includes.
#[derive(Debug)]
pub struct Loaded {
    /// Its files.
    pub sources: Sources,
    /// The first one.
    pub main: FileId,
    /// What it means.
    pub lowered: Lowered,
    /// What it was read as.
    pub options: Options,
}

/// A configuration to load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The main file; `-` for standard input.
    pub path: PathBuf,
    /// The searched folder that a `.htaccess` was found in.
    pub site: Option<PathBuf>,
    /// Found by searching: silently left out where no language is recognised.
    pub searched: bool,
}

/// The configurations that paths stand for, and what is wrong with some of the paths.
pub fn discover(paths: &[PathBuf]) -> (Vec<Wanted>, Vec<String>) {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let (mut wanted, mut troubles) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            search(path, &mut wanted, &mut troubles);
        } else {
            wanted.push(Wanted { path: path.clone(), site: None, searched: false });
        }
    }
    (wanted, troubles)
}

fn search(folder: &Path, wanted: &mut Vec<Wanted>, troubles: &mut Vec<String>) {
    let walk = ignore::WalkBuilder::new(folder).hidden(false).sort_by_file_name(std::ffi::OsStr::cmp).build();
    let mut found: Vec<PathBuf> = Vec::new();
    for entry in walk {
        match entry {
            Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                let hidden_store = entry.path().components().any(|part| part.as_os_str() == ".git");
                if !hidden_store && detect::is_candidate(entry.path()) {
                    found.push(entry.into_path());
                }
            }
            Ok(_) => {}
            Err(error) => troubles.push(error.to_string()),
        }
    }
    // The outermost `.htaccess` leads its site; those below it are read with it.
    found.sort_by_key(|path| path.components().count());
    let site = |path: &Path| path.file_name().is_some_and(|name| name == ".htaccess").then(|| folder.to_path_buf());
    wanted.extend(found.into_iter().map(|path| Wanted { site: site(&path), path, searched: true }));
}

/// Loads what is wanted; `None` for a searched file in no known language.
///
/// # Errors
/// A sentence for the user where the file cannot be read or its language is not known.
pub fn load(wanted: &Wanted, shared: &Shared) -> Result<Option<Loaded>, Stop> {
    load_over(wanted, shared, &Texts::new())
}

/// The same, with some texts in place of the files on disk.
///
/// # Errors
/// Those of [`load`].
pub fn load_over(wanted: &Wanted, shared: &Shared, texts: &Texts) -> Result<Option<Loaded>, Stop> {
    let bytes = match texts.get(&wanted.path) {
        Some(text) => text.clone(),
        None => read(&wanted.path)?,
    };
    let path = wanted.path.display();
    if bytes.contains(&0) && detect::by_name(&wanted.path).is_none() {
        return if wanted.searched {
            Ok(None)
        } else {
            Err(Stop::Told(format!("`{path}` is a binary file, not a configuration")))
        };
    }
    let given = shared.dialect.map(|given| match given {
        As::Apache => Dialect::Apache,
        As::Htaccess => Dialect::Htaccess,
        As::Nginx => Dialect::Nginx,
    });
    let Some(dialect) = given.or_else(|| detect::detect(&wanted.path, &bytes)) else {
        let unknown =
            format!("cannot tell the language of `{path}`: say `--as apache`, `--as htaccess` or `--as nginx`");
        return if wanted.searched { Ok(None) } else { Err(Stop::Told(unknown)) };
    };
    let options = options(wanted, shared, dialect)?;
    let mut sources = Sources::new();
    let main = sources.add(wanted.path.clone(), bytes);
    let disk = Disk::new(options.real_files, Assumed::default());
    let lowered = lower(&mut sources, main, &options, &Over { disk, texts });
    Ok(Some(Loaded { sources, main, lowered, options }))
}

/// The disk, with some texts in place of its files.
struct Over<'a> {
    disk: Disk,
    texts: &'a Texts,
}

impl Loader for Over<'_> {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        self.texts.get(path).map_or_else(|| Loader::read(&self.disk, path), |text| Ok(text.clone()))
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        self.disk.glob(pattern)
    }

    fn exists(&self, path: &Path) -> bool {
        self.disk.exists(path)
    }

    fn find(&self, folder: &Path, names: &[String]) -> Vec<PathBuf> {
        self.disk.find(folder, names)
    }
}

/// Paths that were read with a configuration, to tell which others still stand alone.
pub fn files_of(loaded: &Loaded) -> BTreeSet<PathBuf> {
    loaded.sources.iter().map(|(_, file)| real(file.path())).collect()
}

/// The path with links and dots resolved, as far as that is possible.
pub fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    if path.as_os_str() != "-" {
        return read_file(path).map_err(|error| Stop::Told(format!("cannot read `{}`: {error}", path.display())));
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(super::disk::LARGEST).read_to_end(&mut bytes);
    read.map_err(|error| Stop::Told(format!("cannot read standard input: {error}")))?;
    Ok(bytes)
}

fn options(wanted: &Wanted, shared: &Shared, dialect: Dialect) -> Result<Options, Stop> {
    let folder = wanted.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let below = wanted.site.as_deref().and_then(|site| folder.strip_prefix(site).ok());
    let base = match below.and_then(Path::to_str) {
        Some(below) if !below.is_empty() => format!("{}/{below}", shared.base.trim_end_matches('/')),
        _ => shared.base.clone(),
    };
    let root = shared.root.as_deref().map(absolute);
    Ok(Options {
        dialect,
        version: shared.server_version.as_deref().map(version).transpose()?,
        prefix: absolute(shared.prefix.as_deref().unwrap_or(folder)),
        real_files: shared.files == Files::Real || root.is_some(),
        root,
        base: with_slashes(&base),
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
