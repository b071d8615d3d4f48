//! This machine's file system, as the configuration's files and as the world of a request.

use crate::eval::{Assumed, FileKind, Kind, World};
use crate::lower::Loader;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{Error, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Entries of folders that are looked at in a search for per-folder files; one of more takes minutes.
const MOST: usize = 1_000_000;
/// Largest file that is read, in bytes; a configuration beyond it is a mistake.
pub const LARGEST: u64 = 64 << 20;
const TOO_LARGE: &str = "is larger than the 64 MiB that are read";

/// The file system, and what the user assumed of it.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Whether requests are answered from this machine's files; without it files are unknown to them.
    real: bool,
    /// What `--assume` says; asked first.
    assumed: Assumed,
}

impl Disk {
    /// Requests see this machine's files.
    pub fn real() -> Self {
        Self { real: true, assumed: Assumed::default() }
    }

    /// Requests see only what is assumed; everything else is unknown.
    pub fn assumed(assumed: Assumed) -> Self {
        Self { real: false, assumed }
    }

    /// The same, with `real` files behind the assumptions or without.
    pub fn new(real: bool, assumed: Assumed) -> Self {
        Self { real, assumed }
    }
}

impl World for Disk {
    fn stat(&self, path: &[u8]) -> Option<Option<FileKind>> {
        if let Some(kind) = self.assumed.paths.get(path) {
            return Some(Some(FileKind::assumed(*kind)));
        }
        self.real.then(|| look(Path::new(OsStr::from_bytes(path))))
    }

    fn read(&self, path: &[u8]) -> Option<Vec<u8>> {
        if !self.real {
            return None;
        }
        read_file(Path::new(OsStr::from_bytes(path))).ok()
    }

    fn list(&self, folder: &[u8]) -> Option<Option<Vec<Vec<u8>>>> {
        self.real.then(|| names(Path::new(OsStr::from_bytes(folder))))
    }

    fn environment(&self, name: &[u8]) -> Option<Option<Vec<u8>>> {
        if let Some(value) = self.assumed.environment.get(name) {
            return Some(value.clone());
        }
        self.real.then(|| std::env::var_os(OsStr::from_bytes(name)).map(|value| value.as_bytes().to_vec()))
    }

    fn now(&self) -> Option<i64> {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }
}

/// The files alone: what is wrong with a configuration must not hang on the hour and the environment of the run.
#[derive(Clone, Copy, Debug)]
pub struct FilesOnly {
    /// Whether this machine's files are meant; without it they are unknown.
    pub real: bool,
}

impl World for FilesOnly {
    fn stat(&self, path: &[u8]) -> Option<Option<FileKind>> {
        self.real.then(|| look(Path::new(OsStr::from_bytes(path))))
    }

    fn list(&self, folder: &[u8]) -> Option<Option<Vec<Vec<u8>>>> {
        self.real.then(|| names(Path::new(OsStr::from_bytes(folder))))
    }
}

/// The names in a folder, as `readdir` gives them.
fn names(folder: &Path) -> Option<Vec<Vec<u8>>> {
    let inside = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let inside = inside.map(|entry| entry.file_name().as_bytes().to_vec());
    Some([b".".to_vec(), b"..".to_vec()].into_iter().chain(inside).collect())
}

fn look(path: &Path) -> Option<FileKind> {
    let link = path.symlink_metadata().ok()?.is_symlink();
    let meta = path.metadata().ok()?;
    let mode = meta.permissions().mode();
    let kind = if meta.is_file() {
        Kind::File
    } else if meta.is_dir() {
        Kind::Directory
    } else {
        Kind::Other
    };
    Some(FileKind {
        kind,
        link,
        executable: mode & 0o111 != 0,
        owner_executable: mode & 0o100 != 0,
        size: meta.len(),
        readable: mode & 0o444 != 0,
    })
}

impl Loader for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        read_file(path)
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let options = glob::MatchOptions {
            require_literal_leading_dot: true,
            require_literal_separator: true,
            ..Default::default()
        };
        let found = glob::glob_with(&pattern.to_string_lossy(), options);
        let mut paths: Vec<PathBuf> = found.map(|paths| paths.filter_map(Result::ok).collect()).unwrap_or_default();
        paths.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
        paths
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn environment(&self, name: &[u8]) -> Option<Vec<u8>> {
        World::environment(self, name).flatten()
    }

    fn find(&self, folder: &Path, names: &[String]) -> Vec<PathBuf> {
        let (found, whole) = search(folder, names, MOST);
        if !whole {
            super::complain(&format!(
                "`{}` holds more than {MOST} files and folders: `{}` in its deepest ones are not read; name a smaller document root",
                folder.display(),
                names.join("`, `")
            ));
        }
        found
    }
}

/// The files of these names in a folder and below, sorted, the shallow folders first of all looked into; and whether
/// everything was looked at before `most` entries had been seen.
fn search(folder: &Path, names: &[String], most: usize) -> (Vec<PathBuf>, bool) {
    let (mut found, mut folders, mut seen) = (Vec::new(), VecDeque::from([folder.to_path_buf()]), 0);
    while let Some(folder) = folders.pop_front().filter(|_| seen <= most) {
        // A folder that may not be read holds nothing for the server either.
        let inside = std::fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok);
        for entry in inside.inspect(|_| seen += 1).take(most + 1) {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push_back(entry.path()),
                Ok(_) if names.iter().any(|name| entry.file_name() == OsStr::new(name)) => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found.sort();
    (found, seen <= most)
}

/// Reads a regular file. Devices, pipes and the like would never end.
///
/// # Errors
/// The operating system's; or that the path is no regular file, or too large.
pub fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    // Looked at before it is opened: opening a pipe waits for a writer.
    let meta = std::fs::metadata(path)?;
    let refuse = |kind, why: &str| Err(Error::new(kind, why.to_owned()));
    if meta.is_dir() {
        return refuse(ErrorKind::IsADirectory, "is a directory");
    }
    if !meta.is_file() {
        return refuse(ErrorKind::InvalidInput, "is not a regular file");
    }
    if meta.len() > LARGEST {
        return refuse(ErrorKind::InvalidInput, TOO_LARGE);
    }
    read_whole(std::fs::File::open(path)?)
}

/// Reads to the end, unless that is too far off: a file may grow while it is read, and a stream says no length.
///
/// # Errors
/// The operating system's; or that it is too large.
pub fn read_whole(from: impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = from.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if read as u64 > LARGEST {
        return Err(Error::new(ErrorKind::InvalidInput, TOO_LARGE));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assumption_is_asked_before_the_disk() {
        let assumed = Assumed { paths: [(b"/nowhere/x".to_vec(), Kind::Directory)].into(), ..Assumed::default() };
        let disk = Disk::new(true, assumed);
        assert_eq!(disk.stat(b"/nowhere/x").flatten().map(|found| found.kind), Some(Kind::Directory));
        assert_eq!(disk.stat(b"/nowhere/y"), Some(None));
        assert_eq!(Disk::default().stat(b"/nowhere/y"), None);
    }

    #[test]
    fn a_search_ends_behind_so_many_entries_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for inner in ["a/b", "c"] {
            std::fs::create_dir_all(folder.path().join(inner)).unwrap();
            std::fs::write(folder.path().join(inner).join(".htaccess"), "").unwrap();
        }
        let names = [".htaccess".to_owned()];
        let (all, whole) = search(folder.path(), &names, 100);
        assert!(whole && all.len() == 2, "{all:?}");
        let (some, whole) = search(folder.path(), &names, 3);
        assert!(!whole && some == [folder.path().join("c/.htaccess")], "{some:?}");
    }

    #[test]
    fn a_device_is_not_read() {
        assert!(read_file(Path::new("/dev/zero")).is_err());
    }
}
