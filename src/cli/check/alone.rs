//! `.htaccess` files that stand alone: the same text is the same everywhere.
//!
//! A hosting company's thousand sites hold the same file. It is analysed in a stand-in for its folder, whose name gives
//! way to the real one in the assumptions that are told, and what was found is remembered by the text. A file that has
//! others below it, that looks for others, that asks how its folder is called, or whose folder has an odd name goes the
//! usual way.

use super::super::args::{As, CheckArgs, CheckFormat, Shared};
use super::super::disk::{Disk, read_file};
use super::super::input::Wanted;
use super::super::{detect, paths, settings};
use super::memo::{Memo, Weigh};
use crate::analysis::Facts;
use crate::config::Config;
use crate::diagnostic::Finding;
use crate::lower::{Dialect, Loader, Options, lower};
use crate::source::Sources;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The folder that every such file is analysed in.
const STAND_IN: &str = "/redirlint-stands-in-here";
/// What is remembered of earlier files, in bytes.
const ROOM: usize = 64 << 20;

/// Files that stand alone, and what is known of their texts.
pub struct Alone<'a> {
    shared: &'a Shared,
    memo: Memo<Key, Option<Arc<Known>>>,
    /// The settings of the first file; files with others go the usual way.
    config: OnceLock<Config>,
}

/// Everything that decides what is wrong with a file.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    text: Box<[u8]>,
    /// Whether it is known to lie in the folder that is served.
    at_root: bool,
}

/// What is known of a text.
pub struct Known {
    /// What is wrong with it, in the stand-in.
    findings: Vec<Finding>,
    /// Directives in it.
    pub directives: usize,
}

/// What is known of a file.
pub struct Verdict {
    /// The file alone.
    pub sources: Sources,
    /// What its settings say.
    pub config: Config,
    /// What is known of its text.
    pub known: Arc<Known>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl<'a> Alone<'a> {
    /// For a run that tells no more than findings.
    pub fn new(args: &'a CheckArgs) -> Option<Self> {
        let told = args.shared.verbose == 0 && args.format != CheckFormat::Html;
        let read = matches!(args.shared.dialect, None | Some(As::Htaccess));
        let new = || Self { shared: &args.shared, memo: Memo::new(ROOM), config: OnceLock::new() };
        (told && read).then(new)
    }

    /// What is known of a file; nothing where it has to be read the usual way.
    pub fn check(&self, wanted: &Wanted) -> Option<Verdict> {
        let folder = plain_folder(wanted)?;
        let config = settings::config(&wanted.path, self.shared).ok()?;
        let options = settings::options(wanted, self.shared, Dialect::Htaccess, &config).ok()?;
        if options.real_files || *self.config.get_or_init(|| config.clone()) != config {
            return None;
        }
        let text = read_file(&wanted.path).ok()?;
        if has_others(wanted, &folder) {
            return None;
        }
        let key = Key { text: text.clone().into(), at_root: wanted.site.is_some() };
        let known = self.memo.get_or(key, |key| analyse(key, &options, &config).map(Arc::new))?;
        let mut sources = Sources::new();
        sources.add(paths::shown(wanted, &paths::absolute(&wanted.path)), text);
        let mut findings = known.findings.clone();
        findings.iter_mut().for_each(|finding| settle(finding, &folder));
        Some(Verdict { sources, config, known, findings })
    }
}

/// Names the real folder in what is assumed.
fn settle(finding: &mut Finding, folder: &str) {
    for assumed in finding.witness.iter_mut().flat_map(|witness| &mut witness.assumptions) {
        if assumed.contains(STAND_IN) {
            *assumed = assumed.replace(STAND_IN, folder);
        }
    }
}

/// The absolute folder of a `.htaccess`, where its name says nothing special in a path, a URL or an expression.
fn plain_folder(wanted: &Wanted) -> Option<String> {
    let named = wanted.path.file_name()? == ".htaccess" && detect::by_name(&wanted.path) == Some(Dialect::Htaccess);
    let own = wanted.site.as_deref().is_none_or(|site| Some(site) == wanted.path.parent());
    let folder = paths::folder_of(&wanted.path).to_str()?.to_owned();
    let plain = folder.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-.".contains(&byte));
    (named && own && plain && folder.len() > 1).then_some(folder)
}

/// Whether the site holds another `.htaccess`. Without a site, nobody looks for one.
fn has_others(wanted: &Wanted, folder: &str) -> bool {
    let found = || Disk::default().find(Path::new(folder), &[".htaccess".to_owned()]);
    wanted.site.is_some() && found().len() != 1
}

/// What is wrong with a text that stands in the stand-in; nothing is known where it looks for other files.
fn analyse(key: &Key, options: &Options, config: &Config) -> Option<Known> {
    if key.text.split(|&byte| byte == b'\n').any(names_folder) {
        return None;
    }
    let folder = PathBuf::from(STAND_IN);
    let root = key.at_root.then(|| folder.clone());
    let mut sources = Sources::new();
    let main = sources.add(folder.join(".htaccess"), key.text.clone());
    let options = Options { prefix: folder, root, ..options.clone() };
    let nothing = Nothing::default();
    let lowered = lower(&mut sources, main, &options, &nothing);
    if nothing.asked.get() {
        return None;
    }
    let findings = crate::rules::check(&Facts::new(&sources, &lowered, &options, &config.knobs));
    let directives = lowered.trees.iter().map(|tree| tree.directives().count()).sum();
    findings.iter().all(tells_no_folder).then_some(Known { findings, directives })
}

/// Tests of a condition that ask for nothing but the file.
const ASKS: [&str; 7] = ["-d", "-f", "-h", "-L", "-l", "-s", "-x"];
/// What names the path of a folder or a file.
const NAMES: [&str; 5] = ["FILENAME", "DOCUMENT_ROOT", "CONTEXT_", "PATH_TRANSLATED", "%{LA-"];

/// Whether a line holds the path of a folder or a file against a text, or puts it into one; to ask for the file is no
/// harm.
fn names_folder(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line).to_ascii_uppercase();
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let asks = |test: &str| ASKS.iter().any(|asks| test.trim_start_matches('!').eq_ignore_ascii_case(asks));
    match words.as_slice() {
        [first, ..] if first.starts_with('#') => false,
        ["REWRITECOND", _, test, ..] if asks(test) => false,
        _ => NAMES.iter().any(|name| line.contains(name)),
    }
}

/// Whether only the beginnings of assumed paths say where the file stands.
fn tells_no_folder(finding: &Finding) -> bool {
    let mut rest = finding.clone();
    for assumed in rest.witness.iter_mut().flat_map(|witness| &mut witness.assumptions) {
        let below = |kind: &str| assumed.strip_prefix(kind)?.strip_prefix(STAND_IN).map(str::to_owned);
        *assumed = below("file:").or_else(|| below("dir:")).unwrap_or_else(|| std::mem::take(assumed));
    }
    rest.texts().all(|text| memchr::memmem::find(text, STAND_IN.as_bytes()).is_none())
}

/// No other files; notes whether one was asked for.
#[derive(Default)]
struct Nothing {
    asked: Cell<bool>,
}

impl Loader for Nothing {
    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        self.asked.set(true);
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn glob(&self, _: &Path) -> Vec<PathBuf> {
        self.asked.set(true);
        Vec::new()
    }

    fn exists(&self, _: &Path) -> bool {
        self.asked.set(true);
        false
    }

    /// That there are none was seen before.
    fn find(&self, _: &Path, _: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

impl Weigh for Key {
    fn weight(&self) -> usize {
        self.text.len()
    }
}

impl Weigh for Option<Arc<Known>> {
    fn weight(&self) -> usize {
        let findings = self.iter().flat_map(|known| &known.findings);
        findings.map(|finding| size_of::<Finding>() + finding.texts().map(<[u8]>::len).sum::<usize>()).sum()
    }
}
