//! `redirlint.yaml`: which rules speak, how loudly, and what the user knows of the world around a configuration.
//!
//! Text in, settings out: finding and reading the file is the program's business. A key or a name that is not known
//! is an error with its place and the nearest one that is; a file that is large or multiplies itself by aliases is
//! refused before it costs anything.

pub mod choice;
mod file;
pub mod template;

pub use choice::{Level, Selector};

use crate::analysis::Knobs;
use crate::diagnostic::Finding;
use crate::lower::Version;
use choice::{Choice, Override};
use std::path::{Path, PathBuf};

/// The file's name.
pub const NAME: &str = "redirlint.yaml";
/// Largest file that is read, in bytes.
pub const LARGEST: usize = 128 << 10;

/// What a file says; by default what is assumed without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The folder its paths are relative to.
    folder: PathBuf,
    choice: Choice,
    overrides: Vec<Override>,
    /// The world around the configuration.
    pub knobs: Knobs,
    /// The folder that a site's files are served from.
    pub document_root: Option<PathBuf>,
    /// Files looked for in a folder where the configuration names none.
    pub index_files: Vec<String>,
    /// The version of Apache that runs.
    pub apache_version: Option<Version>,
    /// The version of nginx that runs.
    pub nginx_version: Option<Version>,
}

impl Config {
    /// Reads the text of a file in `folder`.
    ///
    /// # Errors
    /// What is wrong, with line and column, and the nearest name that exists where one is not known.
    pub fn read(text: &[u8], folder: &Path) -> Result<Self, String> {
        if text.len() > LARGEST {
            return Err(format!("is larger than the {} KiB that are read", LARGEST >> 10));
        }
        let Some(read) = file::read(text)? else { return Ok(Self { folder: folder.into(), ..Self::default() }) };
        Ok(Self {
            folder: folder.into(),
            choice: Choice::new(read.select, read.ignore, read.severity),
            overrides: read.overrides.into_iter().map(Override::from).collect(),
            document_root: read.assume.document_root.as_ref().map(|root| folder.join(root)),
            apache_version: read.assume.apache_version.as_ref().map(|version| version.0),
            nginx_version: read.assume.nginx_version.as_ref().map(|version| version.0),
            index_files: read.assume.index_files.clone(),
            knobs: read.assume.into(),
        })
    }

    /// The finding as the file wants it, or `None` where it is not wanted. `asked` says that the rule was asked for by
    /// name on the command line, which beats what the file leaves out.
    pub fn adjust(&self, mut finding: Finding, file: &Path, asked: bool) -> Option<Finding> {
        let below = file.strip_prefix(&self.folder).unwrap_or(file);
        let mut choice = self.choice.clone();
        for over in self.overrides.iter().filter(|over| over.covers(below)) {
            choice.add(&over.choice);
        }
        if !asked && !choice.takes(finding.rule) {
            return None;
        }
        match choice.level(finding.rule) {
            None => {}
            Some(Level::Off) if asked => {}
            Some(Level::Off) => return None,
            Some(level) => finding.severity = level.for_finding(&finding)?,
        }
        Some(finding)
    }
}

#[cfg(test)]
mod tests;
