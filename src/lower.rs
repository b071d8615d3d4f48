//! Trees to IR: what the words mean.
//!
//! One folder per dialect, one file per family of directives. Lowering reads the directive tables of `grammar/`,
//! follows includes, and leaves a [`crate::ir::Note`] for everything it does not model and a
//! [`crate::ir::Refusal`] for everything the server would not load. It never looks at a request.

pub mod apache;
pub mod directives;
mod expected;
pub mod nginx;

use crate::ir::Program;
use crate::source::{FileId, Sources};
use crate::syntax::Tree;
use std::path::{Path, PathBuf};

/// What to read a configuration as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `httpd.conf`: Apache's server configuration, or a fragment of it.
    Apache,
    /// `.htaccess`.
    Htaccess,
    /// nginx, whole or a fragment.
    Nginx,
}

/// A server version, such as 2.4.71.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16, pub u16, pub u16);

impl Version {
    /// The last number where none is written: the newest of its line.
    const NEWEST: u16 = u16::MAX;
}

impl std::str::FromStr for Version {
    type Err = String;

    /// `2.4.62`, or `2.4` for the newest of that line.
    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u16>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some([major, minor]) => Ok(Self(*major, *minor, Self::NEWEST)),
            Some([major, minor, patch]) => Ok(Self(*major, *minor, *patch)),
            _ => Err(format!("`{text}` is not a version: write it like `2.4.62` or `1.28.0`")),
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self(major, minor, Self::NEWEST) => write!(f, "{major}.{minor}"),
            Self(major, minor, patch) => write!(f, "{major}.{minor}.{patch}"),
        }
    }
}

/// Everything beside the text that decides what a configuration means.
#[derive(Clone, Debug)]
pub struct Options {
    /// The language.
    pub dialect: Dialect,
    /// The server's version; the newest known by default.
    pub version: Option<Version>,
    /// What relative paths are relative to.
    pub prefix: PathBuf,
    /// The document root, where the user names one; a `.htaccess` in it and below belongs to the site.
    pub root: Option<PathBuf>,
    /// The URL path a lone `.htaccess` is served at, with a slash at both ends.
    pub base: String,
    /// Whether folders and files the configuration names are read from this machine.
    pub real_files: bool,
    /// Host of the site that a fragment belongs to.
    pub host: Option<String>,
    /// Scheme of the site that a fragment belongs to.
    pub scheme: Option<String>,
    /// `Define`s and template variables: name and value.
    pub defines: Vec<(String, Option<String>)>,
    /// Files looked for in a folder where the configuration names none; the server's own default where this is empty.
    pub index_files: Vec<String>,
}

impl Options {
    /// A configuration of this language, whose relative paths start at `prefix`, with nothing else said of it.
    pub fn new(dialect: Dialect, prefix: impl Into<PathBuf>) -> Self {
        Self {
            dialect,
            version: None,
            prefix: prefix.into(),
            root: None,
            base: "/".to_owned(),
            real_files: false,
            host: None,
            scheme: None,
            defines: Vec::new(),
            index_files: Vec::new(),
        }
    }
}

/// Where included files come from. The only window to a file system below `cli`.
pub trait Loader {
    /// The content of a file.
    ///
    /// # Errors
    /// The operating system's.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;
    /// Paths that match a shell pattern, sorted by bytes.
    fn glob(&self, pattern: &Path) -> Vec<PathBuf>;
    /// Whether something exists at the path.
    fn exists(&self, path: &Path) -> bool;
    /// Every file of one of these names under a folder, at most some ten thousand.
    fn find(&self, folder: &Path, names: &[String]) -> Vec<PathBuf>;
    /// A variable of the environment that the server starts in, where that is known.
    fn environment(&self, _name: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// What lowering yields: the program, and the trees it was made from (the main file's first).
#[derive(Debug)]
pub struct Lowered {
    /// The program.
    pub program: Program,
    /// Every file that was read.
    pub trees: Vec<Tree>,
}

/// Lowers a configuration whose main file is already in `sources`; included files are added to them.
pub fn lower(sources: &mut Sources, main: FileId, options: &Options, loader: &dyn Loader) -> Lowered {
    let mut lowered = match options.dialect {
        Dialect::Nginx => nginx::lower(sources, main, options, loader),
        Dialect::Apache | Dialect::Htaccess => apache::lower(sources, main, options, loader),
    };
    lowered.program.facts.index = match options.index_files.as_slice() {
        [] => vec![b"index.html"[..].into()],
        names => names.iter().map(|name| name.as_bytes().into()).collect(),
    };
    if lowered.program.fragment {
        lowered.program.expected_hosts = expected::hosts(&lowered.program);
    }
    lowered
}
