//! From paths to sites: configurations with everything they include, read as the flags and `redirlint.yaml` say.
//!
//! Every command that reads a configuration does it here, so that all of them mean the same by a path. The
//! `.htaccess` files below one searched folder, or below `--root`, are one site.

use super::args::{As, Shared};
use super::disk::{Disk, FilesOnly, read_file, read_whole};
use super::select::Selection;
use super::{Stop, detect, paths, settings};
use crate::analysis::{Facts, Knobs};
use crate::config::Config;
use crate::diagnostic::Finding;
use crate::eval::Assumed;
use crate::fix::converge::Texts;
use crate::lower::{Dialect, Loader, Lowered, Options, lower};
use crate::source::{FileId, Sources};
use std::collections::HashSet;
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
    /// What `redirlint.yaml` says.
    pub config: Config,
    /// What its requests find.
    files: FilesOnly,
}

impl Loaded {
    /// Facts about it.
    pub fn facts(&self) -> Facts<'_> {
        Facts::new(&self.sources, &self.lowered, &self.options, self.knobs()).in_world(&self.files)
    }

    /// What the user says about the world around it.
    pub fn knobs(&self) -> &Knobs {
        &self.config.knobs
    }

    /// What is wrong with it, as far as it is asked for.
    pub fn findings(&self, selection: &Selection) -> Vec<Finding> {
        let found = crate::rules::check(&self.facts());
        asked_for(found, &self.sources, &self.config, selection)
    }
}

/// Those of the findings that are asked for, as loud as the settings want them.
pub fn asked_for(found: Vec<Finding>, sources: &Sources, config: &Config, selection: &Selection) -> Vec<Finding> {
    let adjusted = found.into_iter().filter_map(|finding| {
        let path = paths::absolute(sources.file(finding.file()).path());
        let asked = selection.names(finding.rule);
        selection.takes(finding.rule).then(|| config.adjust(finding, &path, asked)).flatten()
    });
    adjusted.collect()
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

/// A folder with more outermost `.htaccess` than this is no site with some folders of its own, but holds many sites.
const SIBLINGS: usize = 100;

/// The configurations that paths stand for, and what is wrong with some of the paths. `one_site` says of a folder
/// whether it is known to be a single site, however many `.htaccess` files it holds.
pub fn discover(paths: &[PathBuf], one_site: impl Fn(&Path) -> bool) -> (Vec<Wanted>, Vec<String>) {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here[..] } else { paths };
    let (mut wanted, mut troubles) = (Vec::new(), Vec::new());
    for path in paths {
        if path.is_dir() {
            search(path, &one_site, &mut wanted, &mut troubles);
        } else {
            wanted.push(Wanted { path: path.clone(), site: None, searched: false });
        }
    }
    if paths.len() > 1 {
        let mut seen = HashSet::new();
        wanted.retain(|one| seen.insert(real(&one.path)));
    }
    (wanted, troubles)
}

fn search(folder: &Path, one_site: &dyn Fn(&Path) -> bool, wanted: &mut Vec<Wanted>, troubles: &mut Vec<String>) {
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
    // Files that include others come first, then the outermost: those that a site has read are not read again.
    found.sort_by_key(|path| (!detect::is_main(path), path.components().count()));
    let leads = outermost(&found);
    // The outermost `.htaccess` leads its site; those below it are read with it.
    let many = leads.iter().filter(|leads| **leads).count() > SIBLINGS && !one_site(folder);
    let mut led = false;
    for (path, leads) in found.into_iter().zip(leads) {
        if !is_in_place(&path) {
            wanted.push(Wanted { path, site: None, searched: true });
        } else if leads && (many || !std::mem::replace(&mut led, true)) {
            let site = path.parent().filter(|_| many).unwrap_or(folder).to_path_buf();
            wanted.push(Wanted { path, site: Some(site), searched: true });
        }
    }
}

fn is_in_place(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == ".htaccess")
}

/// Which of the paths, the shallow ones first, are a `.htaccess` with no other one in a folder above.
fn outermost(paths: &[PathBuf]) -> Vec<bool> {
    let mut folders: HashSet<&Path> = HashSet::new();
    let mut leads = Vec::with_capacity(paths.len());
    for path in paths {
        let outer = is_in_place(path) && !path.ancestors().skip(2).any(|above| folders.contains(above));
        folders.extend(path.parent().filter(|_| outer));
        leads.push(outer);
    }
    leads
}

/// The one site that a path stands for: a file, `-`, or a folder that holds just one.
///
/// # Errors
/// A file that cannot be read, or a folder that holds no configuration, or several.
pub fn load_one(path: &Path, shared: &Shared) -> Result<Loaded, Stop> {
    if !path.is_dir() {
        let wanted = Wanted { path: path.into(), site: None, searched: false };
        let unknown = || Stop::Told(format!("`{}` is no configuration", path.display()));
        return load(&wanted, shared)?.ok_or_else(unknown);
    }
    let (mut wanted, troubles) = discover(&[path.into()], |_| true);
    if let Some(trouble) = troubles.into_iter().next() {
        return Err(Stop::Told(trouble));
    }
    if wanted.iter().any(|one| detect::is_main(&one.path)) {
        wanted.retain(|one| detect::is_main(&one.path));
    } else if wanted.iter().any(|one| one.site.is_some()) {
        wanted.retain(|one| one.site.is_some());
    }
    match wanted.as_slice() {
        [] => Err(Stop::Told(format!("`{}` holds no redirect configuration", path.display()))),
        [one] => load(one, shared)?.ok_or_else(|| {
            Stop::Told(format!("cannot tell the language of `{}`: name it with `--as`", one.path.display()))
        }),
        [first, second, ..] => Err(Stop::Told(format!(
            "`{}` holds several configurations, such as `{}` and `{}`: name one of them",
            path.display(),
            first.path.display(),
            second.path.display()
        ))),
    }
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
    let texts: Texts = texts.iter().map(|(path, text)| (paths::absolute(path), text.clone())).collect();
    let bytes = match texts.get(&paths::absolute(&wanted.path)) {
        Some(text) => text.clone(),
        None => read(&wanted.path)?,
    };
    let path = wanted.path.display();
    if bytes.contains(&0) && shared.dialect.is_none() && detect::by_name(&wanted.path).is_none() {
        let binary = || Stop::Told(format!("`{path}` is a binary file, not a configuration"));
        return if wanted.searched { Ok(None) } else { Err(binary()) };
    }
    let given = shared.dialect.map(|given| match given {
        As::Apache => Dialect::Apache,
        As::Htaccess => Dialect::Htaccess,
        As::Nginx => Dialect::Nginx,
    });
    let Some(dialect) = given.or_else(|| detect::detect(&wanted.path, &bytes)) else {
        let what = match detect::is_other(&wanted.path) {
            true => format!("`{path}` is no configuration by its name: to read it as one, say"),
            false => format!("cannot tell the language of `{path}`: say"),
        };
        let unknown = || Stop::Told(format!("{what} `--as apache`, `--as htaccess` or `--as nginx`"));
        return if wanted.searched { Ok(None) } else { Err(unknown()) };
    };
    let config = settings::config(&wanted.path, shared)?;
    let options = settings::options(wanted, shared, dialect, &config)?;
    // The servers know absolute paths; people see the paths they typed.
    let mut sources = Sources::new();
    let main = sources.add(paths::of_main(&wanted.path, options.root.as_deref()), bytes);
    let disk = Disk::new(options.real_files, Assumed::default());
    let lowered = lower(&mut sources, main, &options, &Over { disk, texts: &texts });
    sources.rename(|path| paths::shown(wanted, path));
    let files = FilesOnly { real: options.real_files };
    Ok(Some(Loaded { sources, main, lowered, options, config, files }))
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

    fn environment(&self, name: &[u8]) -> Option<Vec<u8>> {
        Loader::environment(&self.disk, name)
    }
}

/// Files that were read with a configuration's main file, to tell which others still stand alone.
pub fn included(loaded: &Loaded) -> impl Iterator<Item = PathBuf> {
    let others = loaded.sources.iter().filter(|(id, _)| *id != loaded.main);
    others.map(|(_, file)| real(file.path()))
}

/// The path with links and dots resolved, as far as that is possible.
pub fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

fn read(path: &Path) -> Result<Vec<u8>, Stop> {
    if path.as_os_str() != "-" {
        return read_file(path).map_err(|error| Stop::Told(format!("cannot read `{}`: {error}", path.display())));
    }
    let read = read_whole(std::io::stdin().lock());
    read.map_err(|error| Stop::Told(format!("cannot read standard input: {error}")))
}
