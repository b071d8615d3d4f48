//! The sites of a run: those that the paths stand for, then those that a list of files names.
//!
//! A list is read as it is needed, so that a program may still write it, and its length costs no memory.

use super::super::args::{CheckArgs, Shared};
use super::super::input::{Wanted, discover};
use super::super::{Stop, settings};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Longer than any path, in bytes: a file that is no list is not read into memory.
const LONGEST: u64 = 64 << 10;

/// A site, or what is wrong with a path.
pub type Site = Result<Wanted, String>;

/// Every site asked for, in order.
///
/// # Errors
/// A list that cannot be opened.
pub fn sites(args: &CheckArgs) -> Result<Box<dyn Iterator<Item = Site>>, Stop> {
    let list = match (&args.files_from, &args.files_from0) {
        (Some(list), _) => Some((list, b'\n')),
        (None, Some(list)) => Some((list, 0)),
        (None, None) => None,
    };
    let shared = args.shared.clone();
    let found = move |paths: &[PathBuf]| {
        let (wanted, troubles) = discover(paths, |folder| is_one_site(folder, &shared));
        troubles.into_iter().map(Err).chain(wanted.into_iter().map(Ok))
    };
    let Some((list, end)) = list else { return Ok(Box::new(found(&args.paths))) };
    let given = (!args.paths.is_empty()).then(|| found(&args.paths));
    let named = names(open(list)?, list.clone(), end).flat_map(move |name| match name {
        Ok(path) => found(&[path]).collect(),
        Err(trouble) => vec![Err(trouble)],
    });
    Ok(Box::new(given.into_iter().flatten().chain(named)))
}

/// Whether the user has said where the document root is: then all below it is one site.
fn is_one_site(folder: &Path, shared: &Shared) -> bool {
    let config = || settings::config(&folder.join(".htaccess"), shared);
    shared.root.is_some() || config().is_ok_and(|config| config.document_root.is_some())
}

fn open(list: &Path) -> Result<Box<dyn BufRead>, Stop> {
    if list.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let file = std::fs::File::open(list);
    let file = file.map_err(|error| Stop::Told(format!("cannot read `{}`: {error}", list.display())))?;
    Ok(Box::new(BufReader::new(file)))
}

/// The names in a list; empty ones are none. What cannot be read ends the list.
fn names(list: Box<dyn BufRead>, from: PathBuf, end: u8) -> impl Iterator<Item = Result<PathBuf, String>> {
    let mut list = Some(list);
    let next = move || {
        let name = name(list.as_mut()?, end).transpose()?;
        if name.is_err() {
            list = None;
        }
        Some(name.map_err(|error| format!("cannot read `{}`: {error}", from.display())))
    };
    std::iter::from_fn(next).filter(|name| name.as_ref().map_or(true, |name| !name.as_os_str().is_empty()))
}

fn name(list: &mut dyn BufRead, end: u8) -> std::io::Result<Option<PathBuf>> {
    let mut name = Vec::new();
    if list.take(LONGEST).read_until(end, &mut name)? == 0 {
        return Ok(None);
    }
    match name.strip_suffix(&[end]) {
        Some(name) => Ok(Some(OsStr::from_bytes(name).into())),
        None if name.len() as u64 == LONGEST => {
            let why =
                format!("a name of more than {LONGEST} bytes: end each with a line feed, or a NUL for `--files-from0`");
            Err(std::io::Error::new(std::io::ErrorKind::InvalidData, why))
        }
        None => Ok(Some(OsStr::from_bytes(&name).into())),
    }
}
