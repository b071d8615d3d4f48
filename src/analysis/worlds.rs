//! Worlds a configuration is asked in: the file system is not known, and what it would say is tried out.

use crate::eval::{FileKind, Kind, World};
use std::sync::Mutex;

/// A world with the same thing at each of these paths, and nothing else known.
pub(super) struct Present<'p> {
    pub paths: &'p [Vec<u8>],
    pub kind: Kind,
}

impl World for Present<'_> {
    fn stat(&self, path: &[u8]) -> Option<Option<FileKind>> {
        let bare = |path: &[u8]| path.strip_suffix(b"/").unwrap_or(path).to_vec();
        if !self.paths.iter().any(|known| bare(known) == bare(path)) {
            return None;
        }
        Some(Some(FileKind::assumed(self.kind)))
    }
}

/// A world of which nothing is known, and which remembers what it was asked for.
#[derive(Default)]
pub(super) struct Asking(Mutex<Vec<Vec<u8>>>);

impl Asking {
    /// The paths asked for.
    pub fn paths(&self) -> Vec<Vec<u8>> {
        self.0.lock().map(|paths| paths.clone()).unwrap_or_default()
    }
}

impl World for Asking {
    fn stat(&self, path: &[u8]) -> Option<Option<FileKind>> {
        if let Ok(mut paths) = self.0.lock() {
            paths.push(path.to_vec());
        }
        None
    }
}
