//! Finds the `.htaccess` files that belong to a site, and reads them.

use super::load::{self, Line, Loaded};
use crate::lower::{Loader, Options};
use crate::source::{FileId, Sources};
use std::path::{Path, PathBuf};

/// A `.htaccess` that was read.
#[derive(Debug)]
pub struct HtaccessFile {
    /// The folder it stands in, with a slash at the end.
    pub folder: Vec<u8>,
    /// The file.
    pub id: FileId,
    /// Its lines.
    pub loaded: Loaded,
}

/// A path as bytes with a slash at the end.
pub fn as_folder(path: &Path) -> Vec<u8> {
    // `/a/.` is `/a`: the components leave such dots out.
    let plain: std::path::PathBuf = path.components().collect();
    let mut bytes = plain.to_string_lossy().into_owned().into_bytes();
    if !bytes.ends_with(b"/") {
        bytes.push(b'/');
    }
    bytes
}

/// The other files of the site of a lone `.htaccess`: all below the document root, where one is named. Without one
/// nothing tells where the site ends, and the file stands alone.
pub fn beside(
    sources: &mut Sources,
    main: FileId,
    options: &Options,
    loader: &dyn Loader,
    loaded: &Loaded,
) -> Vec<HtaccessFile> {
    let path = sources.file(main).path().to_path_buf();
    let Some(root) = options.root.clone() else { return Vec::new() };
    read_all(sources, options, loader, loaded, &[root], Some(&path), &[".htaccess".to_owned()])
}

/// Files below every folder that a configuration serves.
pub fn below(sources: &mut Sources, options: &Options, loader: &dyn Loader, loaded: &Loaded) -> Vec<HtaccessFile> {
    if !options.real_files {
        return Vec::new();
    }
    let mut roots: Vec<PathBuf> = options.root.iter().cloned().collect();
    let mut names = vec![".htaccess".to_owned()];
    collect(sources, &loaded.lines, options, &mut roots, &mut names, 0);
    roots.sort();
    roots.dedup();
    let inside: Vec<PathBuf> = roots.clone();
    roots.retain(|root| !inside.iter().any(|other| other != root && root.starts_with(other)));
    read_all(sources, options, loader, loaded, &roots, None, &names)
}

fn collect(
    sources: &Sources,
    lines: &[Line],
    options: &Options,
    roots: &mut Vec<PathBuf>,
    names: &mut Vec<String>,
    depth: usize,
) {
    for line in lines {
        let words = line.words(sources);
        let word = |at: usize| words.get(at).map(|word| String::from_utf8_lossy(&word.value).into_owned());
        let named = match &*line.name {
            b"documentroot" | b"directory" => word(0),
            b"alias" => word(1),
            b"accessfilename" => {
                names.extend(words.iter().map(|word| String::from_utf8_lossy(&word.value).into_owned()));
                None
            }
            _ => None,
        };
        let usable = |name: &String| name != "/" && name != "~" && !name.contains(['*', '?', '[', '%', '$']);
        roots.extend(named.filter(usable).map(|name| options.prefix.join(name)));
        if depth < 16 {
            collect(sources, line.block.as_deref().unwrap_or_default(), options, roots, names, depth + 1);
        }
    }
}

fn read_all(
    sources: &mut Sources,
    options: &Options,
    loader: &dyn Loader,
    server: &Loaded,
    roots: &[PathBuf],
    except: Option<&Path>,
    names: &[String],
) -> Vec<HtaccessFile> {
    let mut files = Vec::new();
    for path in roots.iter().flat_map(|root| loader.find(root, names)) {
        if except == Some(path.as_path()) {
            continue;
        }
        let (Ok(bytes), Some(folder)) = (loader.read(&path), path.parent()) else { continue };
        let folder = as_folder(folder);
        let id = sources.add(path, bytes);
        let options = Options { dialect: crate::lower::Dialect::Htaccess, ..options.clone() };
        let loaded = load::load(sources, id, &options, loader, Some(server));
        files.push(HtaccessFile { folder, id, loaded });
    }
    files
}
