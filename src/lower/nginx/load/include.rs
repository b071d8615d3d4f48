//! Following `include`.
//!
//! Every file is parsed once, however often it is included; the graph of files is kept free of cycles and small
//! when it is unrolled, so that whoever walks it needs no limits of its own.

use super::super::super::{Loader, Options};
use super::{dump, node};
use crate::ir::{Effect, Note, Reach, Refusal};
use crate::source::{FileId, Sources, Span};
use crate::syntax::{Directive, Tree, nginx};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Files may include each other this deep.
const DEEPEST_CHAIN: usize = 64;
/// Directives that including files again may add to those that stand in the files.
const MOST_AGAIN: usize = 1_000_000;
/// Files that come with nginx or its packages and hold nothing about redirects.
const HARMLESS: [&str; 8] = [
    "mime.types",
    "fastcgi_params",
    "fastcgi.conf",
    "uwsgi_params",
    "scgi_params",
    "proxy_params",
    "koi-utf",
    "options-ssl-nginx.conf",
];

/// All files of a configuration.
pub struct Files {
    /// The main file's tree, then the others.
    pub trees: Vec<Tree>,
    /// By the span of an `include`, what it brought.
    pub includes: HashMap<Span, Vec<usize>>,
    /// By the span of an `include`, why nginx refuses it.
    pub problems: HashMap<Span, Refusal>,
    /// What could not be seen.
    pub notes: Vec<Note>,
}

struct Follower<'a> {
    sources: &'a mut Sources,
    options: &'a Options,
    loader: &'a dyn Loader,
    prefix: PathBuf,
    files: Files,
    /// The files of an `nginx -T` dump, which then are the only ones there are.
    dump: Option<Vec<(PathBuf, FileId)>>,
    by_path: HashMap<PathBuf, usize>,
    /// Per tree: how many directives it has with all it includes; `None` while it is being followed.
    sizes: Vec<Option<usize>>,
    /// Directives in all files so far.
    read: usize,
}

/// Parses the main file and everything it includes.
pub fn follow(sources: &mut Sources, main: FileId, options: &Options, loader: &dyn Loader) -> Files {
    let parts: Vec<(PathBuf, Vec<u8>)> =
        dump::split(sources.file(main).bytes()).into_iter().map(|(path, text)| (path, text.to_vec())).collect();
    let dump: Vec<(PathBuf, FileId)> =
        parts.into_iter().map(|(path, text)| (path.clone(), sources.add(path, text))).collect();
    let main = dump.first().map_or(main, |(_, first)| *first);
    let path = sources.file(main).path().to_owned();
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let prefix =
        if options.prefix.as_os_str().is_empty() || !dump.is_empty() { folder } else { options.prefix.clone() };
    let files = Files { trees: Vec::new(), includes: HashMap::new(), problems: HashMap::new(), notes: Vec::new() };
    let dump = (!dump.is_empty()).then_some(dump);
    let mut follower =
        Follower { sources, options, loader, prefix, files, dump, by_path: HashMap::new(), sizes: Vec::new(), read: 0 };
    let tree = follower.parse(main, path);
    follower.tree(tree, 0);
    follower.files
}

impl Follower<'_> {
    fn parse(&mut self, file: FileId, path: PathBuf) -> usize {
        let tree = nginx::parse(file, self.sources.file(file).bytes());
        self.files.trees.push(tree);
        self.sizes.push(None);
        self.by_path.insert(path, self.files.trees.len() - 1);
        self.files.trees.len() - 1
    }

    /// Follows the includes of one tree.
    fn tree(&mut self, at: usize, depth: usize) {
        let Some(tree) = self.files.trees.get(at) else { return };
        let source = self.sources.file(tree.file).bytes();
        let mut size = 0_usize;
        let mut found = Vec::new();
        for directive in tree.directives() {
            size += 1;
            if is_include(directive, source) {
                let name = directive.args.first().map(|word| word.value(source).to_vec()).unwrap_or_default();
                found.push((directive.span, directive.args.first().map_or(directive.span, |word| word.span), name));
            }
        }
        self.read += size;
        for (span, word, name) in found {
            let paths = self.paths(word, &name, span);
            let trees: Vec<usize> = paths.into_iter().filter_map(|path| self.file(&path, span, word, depth)).collect();
            size = trees.iter().fold(size, |size, &tree| size.saturating_add(self.size(tree)));
            let most = self.read + MOST_AGAIN;
            let too_many = size > most;
            if too_many {
                self.refuse(span, word, "too many included directives".to_owned(), "include each file once");
                size = most;
            }
            self.files.includes.insert(span, if too_many { Vec::new() } else { trees });
        }
        if let Some(slot) = self.sizes.get_mut(at) {
            *slot = Some(size);
        }
    }

    fn size(&self, tree: usize) -> usize {
        self.sizes.get(tree).copied().flatten().unwrap_or(0)
    }

    /// The files an `include` names, in nginx's order.
    fn paths(&mut self, word: Span, name: &[u8], span: Span) -> Vec<PathBuf> {
        let path = self.prefix.join(String::from_utf8_lossy(name).as_ref());
        if !name.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
            return vec![path];
        }
        let found = match &self.dump {
            Some(files) => in_dump(files, &path),
            None => self.loader.glob(&path),
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        if found.is_empty() && self.dump.is_none() && !self.options.real_files && !self.loader.exists(folder) {
            self.unseen(span, word, &path);
        }
        found
    }

    /// The tree of a file, followed itself.
    fn file(&mut self, path: &Path, span: Span, word: Span, depth: usize) -> Option<usize> {
        if let Some(&known) = self.by_path.get(path) {
            if self.sizes.get(known).copied().flatten().is_none() {
                let message = format!("include cycle: `{}` includes itself", path.display());
                self.refuse(span, word, message, "remove this include: nginx reads it until it runs out of files");
                return None;
            }
            return Some(known);
        }
        if depth >= DEEPEST_CHAIN {
            let message = format!("includes are nested deeper than {DEEPEST_CHAIN} files");
            self.refuse(span, word, message, "include the file from one further out");
            return None;
        }
        let file = self.open(path, span, word)?;
        let tree = self.parse(file, path.to_owned());
        self.tree(tree, depth + 1);
        Some(tree)
    }

    fn open(&mut self, path: &Path, span: Span, word: Span) -> Option<FileId> {
        if let Some(files) = &self.dump {
            let known = files.iter().find(|(one, _)| one == path).map(|(_, file)| *file);
            if known.is_none() {
                self.unseen(span, word, path);
            }
            return known;
        }
        match self.loader.read(path) {
            Ok(bytes) => Some(self.sources.add(path, bytes)),
            Err(_) if !self.options.real_files => {
                self.unseen(span, word, path);
                None
            }
            Err(error) => {
                let (what, why) = reason(&error);
                let message = format!("{what}() \"{}\" failed ({why})", path.display());
                self.refuse(
                    span,
                    word,
                    message,
                    "create the file, or correct the path: it is relative to the main file's folder",
                );
                None
            }
        }
    }

    fn refuse(&mut self, include: Span, word: Span, message: String, help: &str) {
        let refusal = Refusal { span: word, message, help: Some(help.to_owned()), reach: Reach::Server };
        self.files.problems.entry(include).or_insert(refusal);
    }

    fn unseen(&mut self, span: Span, _word: Span, path: &Path) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let effect = if HARMLESS.contains(&name.as_ref()) { Effect::None } else { Effect::May };
        let reason = format!("`{}` is not here, so that what it says is unknown", path.display());
        self.files.notes.push(Note { span, directive: "include".to_owned(), effect, reason });
    }
}

/// The call that failed and the operating system's words, as nginx prints them.
fn reason(error: &std::io::Error) -> (&'static str, String) {
    match error.kind() {
        std::io::ErrorKind::NotFound => ("open", "2: No such file or directory".to_owned()),
        std::io::ErrorKind::PermissionDenied => ("open", "13: Permission denied".to_owned()),
        std::io::ErrorKind::NotADirectory => ("open", "20: Not a directory".to_owned()),
        std::io::ErrorKind::IsADirectory => ("pread", "21: Is a directory".to_owned()),
        _ => ("open", error.to_string()),
    }
}

fn is_include(directive: &Directive, source: &[u8]) -> bool {
    directive.args.len() == 1
        && directive.block.is_none()
        && directive.name.value(source) == b"include"
        && node::terminated(directive, source)
}

fn in_dump(files: &[(PathBuf, FileId)], pattern: &Path) -> Vec<PathBuf> {
    let Ok(pattern) = glob::Pattern::new(&pattern.to_string_lossy()) else { return Vec::new() };
    let options =
        glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let mut found: Vec<PathBuf> =
        files.iter().map(|(path, _)| path.clone()).filter(|path| pattern.matches_path_with(path, options)).collect();
    found.sort();
    found.dedup();
    found
}
