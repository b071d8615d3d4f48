//! Puts new text in a file's place, so that the file is whole at every moment: the old one or the new one.

use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

/// Whether a path lies in one of the given roots once links are followed. A root that is a file allows itself.
pub fn inside(path: &Path, roots: &[PathBuf]) -> bool {
    let Ok(real) = path.canonicalize() else { return false };
    roots.iter().filter_map(|root| root.canonicalize().ok()).any(|root| real.starts_with(root))
}

/// Replaces a file. A link stays, its target is replaced. Mode and owner are kept.
///
/// # Errors
/// What is in the way and what to do, with the path; the file is as it was.
pub fn replace(path: &Path, read: &[u8], new: &[u8]) -> Result<(), String> {
    let told = |error: &io::Error| format!("cannot write `{}`: {error}; the file is as it was", path.display());
    let target = path.canonicalize().map_err(|error| told(&error))?;
    if std::fs::read(&target).map_err(|error| told(&error))? != read {
        return Err(format!(
            "`{}` changed while redirlint was at work: nothing was written, run it again",
            path.display()
        ));
    }
    let about = target.metadata().map_err(|error| told(&error))?;
    if about.permissions().readonly() {
        return Err(format!("`{}` is read-only: nothing was written, make it writable first", path.display()));
    }
    let folder = target.parent().unwrap_or(Path::new("/"));
    swap(&target, folder, &about, new).map_err(|error| told(&error))
}

/// The new file is complete, on the disk and has its owner before it takes the old one's name.
fn swap(target: &Path, folder: &Path, about: &std::fs::Metadata, new: &[u8]) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".redirlint-").tempfile_in(folder)?;
    file.write_all(new)?;
    let made = file.as_file().metadata()?;
    if (made.uid(), made.gid()) != (about.uid(), about.gid()) {
        fchown(file.as_file(), Some(about.uid()), Some(about.gid()))?;
    }
    file.as_file().set_permissions(std::fs::Permissions::from_mode(about.mode() & 0o7777))?;
    file.as_file().sync_all()?;
    file.persist(target).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mode_and_link_are_kept_and_nothing_else_is_left_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a"), folder.path().join("link"));
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        replace(&link, b"old", b"new").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
        assert!(link.is_symlink());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(folder.path().read_dir().unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_changed_or_is_read_only_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        std::fs::write(&file, "newer").unwrap();
        assert!(replace(&file, b"old", b"new").unwrap_err().contains("changed while"));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o444)).unwrap();
        assert!(replace(&file, b"newer", b"new").unwrap_err().contains("read-only"));
        assert_eq!(std::fs::read(&file).unwrap(), b"newer");
    }

    #[test]
    fn a_link_out_of_the_roots_is_outside() {
        let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let target = other.path().join("a");
        std::fs::write(&target, "").unwrap();
        let link = root.path().join("link");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert!(!inside(&link, &[root.path().to_path_buf()]));
        assert!(inside(&target, std::slice::from_ref(&target)));
    }
}
