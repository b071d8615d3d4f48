//! Following `Include` and `IncludeOptional`.

use super::load::Line;
use super::read::{Place, Read, Reader};
use crate::ir::Effect;
use crate::source::FileId;
use crate::syntax::apache;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Files that include each other in a chain.
const DEEPEST_CHAIN: usize = 128;
/// Folders in folders, where a folder is included.
const DEEPEST_FOLDER: usize = 20;

/// A path from a configuration's bytes.
pub fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

impl Reader<'_> {
    /// Reads the files an `Include` names, in place.
    pub fn include(&mut self, read: &Read, place: Place<'_>, out: &mut Vec<Line>) {
        let name = self.word(read, 0);
        let optional = *read.name == *b"includeoptional";
        let full = self.root.join(path(&name));
        if !name.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
            return self.include_path(&full, optional, 0, read, place, out);
        }
        let found = self.loader.glob(&full);
        if found.is_empty() {
            let folder = full.parent().unwrap_or(Path::new(""));
            if self.options.real_files && !optional {
                let message = match self.loader.exists(folder) {
                    true => {
                        let last = full.file_name().unwrap_or_default().to_string_lossy();
                        format!("No matches for the wildcard '{last}' in '{}', failing", folder.display())
                    }
                    false => format!("Could not open directory {}: No such file or directory", folder.display()),
                };
                let message = format!("Include/IncludeOptional: {message}");
                self.refuse(read.head, message, "use `IncludeOptional` if there may be none");
            } else if !self.options.real_files && !self.loader.exists(folder) {
                self.unseen(&full, read);
            }
        }
        for one in found {
            self.include_path(&one, optional, 0, read, place, out);
        }
    }

    fn include_path(
        &mut self,
        full: &Path,
        optional: bool,
        depth: usize,
        read: &Read,
        place: Place<'_>,
        out: &mut Vec<Line>,
    ) {
        match self.open(full) {
            Ok(file) => self.include_file(file, full, read, place, out),
            Err(ErrorKind::IsADirectory) if depth < DEEPEST_FOLDER => {
                for one in self.loader.glob(&full.join("*")) {
                    self.include_path(&one, optional, depth + 1, read, place, out);
                }
            }
            Err(_) if !self.options.real_files => self.unseen(full, read),
            Err(_) if optional => {}
            Err(kind) => {
                let message = format!("Could not open configuration file {}: {kind}", full.display());
                self.refuse(read.head, message, "create the file, or use `IncludeOptional` if there may be none");
            }
        }
    }

    fn include_file(&mut self, file: FileId, full: &Path, read: &Read, place: Place<'_>, out: &mut Vec<Line>) {
        if self.open_files.contains(&file) || self.open_files.len() > DEEPEST_CHAIN {
            let message =
                format!("Exceeded maximum include depth of {DEEPEST_CHAIN}, There appears to be a recursion.");
            let help = format!("`{}` is being read already; remove this line", full.display());
            return self.refuse(read.head, message, &help);
        }
        let known = self.loaded.trees.iter().any(|known| known.file == file);
        let again = if known { self.sources.file(file).bytes().len() } else { 0 };
        if !self.afford(again, read) {
            return;
        }
        // A file is not part of a macro, even where a macro includes it.
        let place = Place { substitution: None, ..place };
        let tree = apache::parse(file, self.sources.file(file).bytes());
        if known {
            self.open_files.push(file);
            self.tree(&tree, place, out);
            self.open_files.pop();
        } else {
            self.file(tree, place, out);
        }
    }

    fn open(&mut self, full: &Path) -> Result<FileId, ErrorKind> {
        if let Some(known) = self.files.get(full) {
            return Ok(*known);
        }
        let bytes = self.loader.read(full).map_err(|error| error.kind())?;
        let file = self.sources.add(full, bytes);
        self.files.insert(full.to_owned(), file);
        Ok(file)
    }

    fn unseen(&mut self, full: &Path, read: &Read) {
        self.note(read, Effect::May, format!("`{}` is not here, so that what it says is unknown", full.display()));
    }
}
