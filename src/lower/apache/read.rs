//! The walk over the trees: every directive expanded, read-time sections decided, the rest left as [`Line`]s.
//!
//! What a directive that acts at reading time does stands in `read_time`, following other files in `include`.

use super::conditional::{self, NEWEST, World};
use super::load::{Line, Loaded};
use super::macros::{Macro, Substitution};
use super::words::{self, Arg};
use crate::ir::{Effect, Note, Reach, Refusal};
use crate::lower::{Dialect, Loader, Options, directives};
use crate::source::{FileId, Sources, Span};
use crate::syntax::apache::line::logical_lines;
use crate::syntax::apache::{self, template};
use crate::syntax::{Directive, Item, Tree};
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sections, includes and macros within each other: far beyond any real configuration, and a bound for the call stack.
const DEEPEST: usize = 256;
/// Bytes read again, through macros and files included before: what a chain of doublings would make without end.
const MOST_BYTES: usize = 16 << 20;
/// Bytes of a logical line in a `.htaccess`, its line feed not counted.
const LONGEST_LINE: usize = 8191;

/// Where a line stands.
#[derive(Clone, Copy, Default)]
pub struct Place<'s> {
    /// What a `Use` puts for parameters.
    pub substitution: Option<&'s Substitution>,
    /// Whether a section that is in force at run time is around it.
    pub in_section: bool,
}

/// A directive after expansion.
pub struct Read {
    /// Lower case.
    pub name: Arc<[u8]>,
    /// Where it stands: name and arguments.
    pub head: Span,
    /// Where its arguments stand.
    pub rest: Span,
    /// The arguments, where they differ from the bytes at `rest`.
    pub text: Option<Box<[u8]>>,
}

/// Reads files into a [`Loaded`].
pub struct Reader<'a> {
    pub(super) sources: &'a mut Sources,
    pub(super) options: &'a Options,
    pub(super) loader: &'a dyn Loader,
    pub(super) loaded: Loaded,
    /// `ServerRoot`.
    pub(super) root: PathBuf,
    pub(super) macros: FxHashMap<Box<[u8]>, Macro>,
    /// Files read so far.
    pub(super) files: FxHashMap<PathBuf, FileId>,
    /// Files that are being read, and macros that are being used.
    pub(super) open_files: Vec<FileId>,
    pub(super) open_macros: Vec<Box<[u8]>>,
    /// Names as written, and in lower case.
    names: FxHashMap<Box<[u8]>, Arc<[u8]>>,
    depth: usize,
    bytes: usize,
}

impl<'a> Reader<'a> {
    /// A reader that goes on from `loaded`.
    pub fn new(sources: &'a mut Sources, options: &'a Options, loader: &'a dyn Loader, loaded: Loaded) -> Self {
        Self {
            sources,
            options,
            loader,
            loaded,
            root: options.prefix.clone(),
            macros: FxHashMap::default(),
            files: FxHashMap::default(),
            open_files: Vec::new(),
            open_macros: Vec::new(),
            names: FxHashMap::default(),
            depth: 0,
            bytes: 0,
        }
    }

    /// Reads the main file. `alone` if nothing is known about the modules of its server yet.
    pub fn main(mut self, main: FileId, alone: bool) -> Loaded {
        let path = self.sources.file(main).path().to_owned();
        if self.root.as_os_str().is_empty() {
            self.root = path.parent().map(Path::to_owned).unwrap_or_default();
        }
        self.files.insert(path, main);
        if self.is_htaccess() {
            self.long_lines(main);
        }
        let tree = apache::parse(main, self.sources.file(main).bytes());
        if alone && !self.is_htaccess() && loads_its_modules(&tree, self.sources) {
            self.loaded.modules = super::modules::Modules::built_in();
        }
        let mut lines = Vec::new();
        self.file(tree, Place::default(), &mut lines);
        self.loaded.lines = lines;
        self.loaded
    }

    /// Whether a `.htaccess` is read: what acts at reading time in a server's file is refused there.
    pub fn is_htaccess(&self) -> bool {
        self.options.dialect == Dialect::Htaccess
    }

    /// Walks a file's tree and keeps it.
    pub fn file(&mut self, tree: Tree, place: Place<'_>, out: &mut Vec<Line>) {
        let file = tree.file;
        let slot = self.loaded.trees.len();
        self.loaded.trees.push(Tree { file, items: Vec::new(), errors: Vec::new() });
        self.open_files.push(file);
        self.tree(&tree, place, out);
        self.open_files.pop();
        if let Some(kept) = self.loaded.trees.get_mut(slot) {
            *kept = tree;
        }
        if self.loaded.templates.contains(&file) {
            self.loaded.refusals.retain(|refusal| refusal.span.file != file);
        }
    }

    /// Walks a tree; what the parser could not read is refused at its place.
    pub fn tree(&mut self, tree: &Tree, place: Place<'_>, out: &mut Vec<Line>) {
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        let mut errors = tree.errors.iter().filter(|error| !is_left_open(error, self.sources)).collect::<Vec<_>>();
        errors.reverse();
        for item in &tree.items {
            self.item(item, place, out);
            let end = item_end(item);
            while let Some(error) = errors.pop_if(|error| error.span.start < end) {
                self.refuse(error.span, error.message.clone(), error.help.as_deref().unwrap_or_default());
            }
        }
        for error in errors.into_iter().rev() {
            self.refuse(error.span, error.message.clone(), error.help.as_deref().unwrap_or_default());
        }
        self.depth -= 1;
    }

    fn items(&mut self, items: &[Item], place: Place<'_>, out: &mut Vec<Line>) {
        self.depth += 1;
        for item in items {
            self.item(item, place, out);
        }
        self.depth -= 1;
    }

    fn item(&mut self, item: &Item, place: Place<'_>, out: &mut Vec<Line>) {
        match item {
            Item::Directive(directive) => self.directive(directive, place, out),
            Item::Junk(span) if template::block(self.sources.text(*span)).is_some() => self.is_template(*span),
            Item::Comment(_) | Item::Junk(_) => {}
        }
    }

    fn directive(&mut self, directive: &Directive, place: Place<'_>, out: &mut Vec<Line>) {
        let read = self.read(directive, place);
        let Some(block) = &directive.block else {
            if !self.act(&read, place, out) {
                out.push(line(read, None));
            }
            return;
        };
        if self.depth >= DEEPEST {
            let message = format!("sections are nested deeper than {DEEPEST}");
            return self.refuse(read.head, message, "nothing in it is read; take sections away");
        }
        if conditional::is_read_time(&read.name) {
            if self.holds(&read, &block.items) {
                self.items(&block.items, place, out);
            }
        } else if *read.name == *b"macro" {
            self.define_macro(&read, block);
        } else {
            let mut lines = Vec::new();
            if is_code(&read.name) {
                return out.push(line(read, Some(lines)));
            }
            self.items(&block.items, Place { in_section: true, ..place }, &mut lines);
            out.push(line(read, Some(lines)));
        }
    }

    /// Name and arguments with parameters and `${NAME}` replaced.
    fn read(&mut self, directive: &Directive, place: Place<'_>) -> Read {
        let (head, rest) = (directive.head(), directive.rest);
        self.look_for_template(head);
        let (name, text) = match self.text(directive.name.span, place) {
            None => {
                let name = directive.name.value(self.sources.file(head.file).bytes());
                let known = self.names.get(name).cloned();
                let name = known.ok_or_else(|| Box::from(name));
                (name.unwrap_or_else(|name| self.intern(name)), self.text(rest, place))
            }
            Some(_) => {
                let whole = self.text(directive.name.span.to(rest), place).unwrap_or_default();
                let name = words::general(&whole).into_iter().next();
                let (name, end) = name.map(|name| (name.value.into(), name.range.end)).unwrap_or_default();
                (self.intern(name), Some(whole.get(end..).unwrap_or_default().to_vec()))
            }
        };
        self.bytes = self.bytes.saturating_add(text.as_ref().map_or(0, Vec::len));
        Read { name, head, rest, text: text.map(|text| text.trim_ascii().into()) }
    }

    /// The text at a span as one line, if it differs from the bytes there.
    fn text(&self, span: Span, place: Place<'_>) -> Option<Vec<u8>> {
        let raw = self.sources.text(span);
        let mut text = memchr::memchr(b'\n', raw).map(|_| joined(raw));
        if let Some(substitution) = place.substitution {
            text = substitution.apply(text.as_deref().unwrap_or(raw)).or(text);
        }
        let environment = |name: &[u8]| self.loader.environment(name).filter(|_| self.options.real_files);
        self.loaded.defines.expand(text.as_deref().unwrap_or(raw), environment).or(text)
    }

    /// A name in lower case; equal spellings share it.
    fn intern(&mut self, name: Box<[u8]>) -> Arc<[u8]> {
        self.names.entry(name).or_insert_with_key(|name| name.to_ascii_lowercase().into()).clone()
    }

    /// The words of a directive that acts at reading time.
    pub fn words<'r>(&'r self, read: &'r Read) -> Vec<Arg<'r>> {
        words::general(self.args(read))
    }

    /// Its argument text.
    pub fn args<'r>(&'r self, read: &'r Read) -> &'r [u8] {
        read.text.as_deref().unwrap_or_else(|| self.sources.text(read.rest))
    }

    /// Whether the content of a read-time section is read.
    fn holds(&mut self, read: &Read, items: &[Item]) -> bool {
        let args = self.args(read);
        let world = World {
            defines: &self.loaded.defines,
            modules: &self.loaded.modules,
            version: self.options.version.unwrap_or(NEWEST),
        };
        if let Some(holds) = world.test(&read.name, args) {
            return holds;
        }
        let words = words::general(args);
        let word = words.first().map(|word| word.value.as_ref()).unwrap_or_default();
        let (negated, name) = word.strip_prefix(b"!").map_or((false, word), |name| (true, name));
        if *read.name == *b"iffile" && self.options.real_files {
            return self.loader.exists(&self.root.join(super::include::path(name))) != negated;
        }
        let shown = String::from_utf8_lossy(word).into_owned();
        let effect = if self.matters(items) { Effect::May } else { Effect::None };
        let taken = if negated { "taken as true" } else { "taken as false" };
        self.note(read, effect, format!("whether `{shown}` holds cannot be seen; {taken}"));
        negated
    }

    /// Whether anything in there is modelled.
    fn matters(&self, items: &[Item]) -> bool {
        let mut open: Vec<&Item> = items.iter().collect();
        while let Some(item) = open.pop() {
            let Item::Directive(directive) = item else { continue };
            let name = directive.name.value(self.sources.file(directive.span.file).bytes());
            let modelled = |entry: &directives::Entry| entry.effect == directives::Effect::Modelled;
            if directive.block.is_none() && directives::apache().get(name).any(modelled) {
                return true;
            }
            open.extend(directive.block.iter().flat_map(|block| &block.items));
        }
        false
    }

    /// Takes the file for a template if the text shows a mark.
    fn look_for_template(&mut self, head: Span) {
        if self.loaded.templates.contains(&head.file) {
            return;
        }
        if let Some((at, length)) = template::find(self.sources.text(head)) {
            let start = head.start as usize + at;
            self.is_template(Span::new(head.file, start, start + length));
        }
    }

    fn is_template(&mut self, span: Span) {
        if self.loaded.templates.insert(span.file) {
            let directive = String::from_utf8_lossy(self.sources.text(span)).into_owned();
            let reason = "the file is a template: what it says after rendering is unknown".to_owned();
            self.loaded.notes.push(Note { span, directive, effect: Effect::Template, reason });
        }
    }

    /// Whether so many more bytes may be read; says so where not.
    pub fn afford(&mut self, bytes: usize, read: &Read) -> bool {
        let fits = self.bytes.saturating_add(bytes) <= MOST_BYTES && self.depth < DEEPEST;
        if fits {
            self.bytes += bytes;
        } else {
            self.refuse(read.head, "includes and macros make too much text".to_owned(), "include each file once");
        }
        fits
    }

    pub fn refuse(&mut self, span: Span, message: String, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.loaded.refusals.push(Refusal { span, message, help, reach: Reach::Server });
    }

    pub fn note(&mut self, read: &Read, effect: Effect, reason: String) {
        let written = Span { end: read.rest.start.max(read.head.start), ..read.head };
        let directive = String::from_utf8_lossy(self.sources.text(written).trim_ascii()).into_owned();
        self.loaded.notes.push(Note { span: read.head, directive, effect, reason });
    }

    fn long_lines(&mut self, file: FileId) {
        let source = self.sources.file(file).bytes();
        if source.len() <= LONGEST_LINE {
            return;
        }
        let long = logical_lines(source).find(|line| line.text.len() > LONGEST_LINE);
        if let Some(range) = long.map(|line| line.source) {
            let span = Span::new(file, range.start, range.end);
            self.refuse(span, "Line too long".to_owned(), "a line of a .htaccess has at most 8191 bytes; split it up");
        }
    }
}

/// Whether a section holds a program in another language instead of directives.
fn is_code(name: &[u8]) -> bool {
    name == b"perl" || name.starts_with(b"luahook") || name == b"luaquickhandler"
}

fn line(read: Read, block: Option<Vec<Line>>) -> Line {
    Line { name: read.name, head: read.head, rest: read.rest, text: read.text, block }
}

fn item_end(item: &Item) -> u32 {
    match item {
        Item::Directive(directive) => directive.span.end,
        Item::Comment(span) | Item::Junk(span) => span.end,
    }
}

/// Read-time sections may be left open at the end of a file.
fn is_left_open(error: &crate::syntax::SyntaxError, sources: &Sources) -> bool {
    error.message.ends_with("is never closed")
        && conditional::is_read_time(&sources.text(error.span).to_ascii_lowercase())
}

/// Several physical lines as one.
fn joined(raw: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(raw.len());
    for line in raw.split_inclusive(|&byte| byte == b'\n') {
        let cut = line.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        text.extend_from_slice(cut.and_then(|line| line.strip_suffix(b"\\")).unwrap_or(line));
    }
    text
}

/// Whether a configuration is whole enough to say itself which modules there are.
fn loads_its_modules(tree: &Tree, sources: &Sources) -> bool {
    let source = sources.file(tree.file).bytes();
    let named = |one: &Directive, name: &[u8]| one.name.value(source).eq_ignore_ascii_case(name);
    // `<IfModule !x>` around one says that others may have loaded it.
    let asks = |one: &&Directive| {
        named(one, b"IfModule") && one.args.first().is_some_and(|word| word.value(source).starts_with(b"!"))
    };
    let perhaps: Vec<_> = tree.directives().filter(asks).map(|one| one.span.range()).collect();
    let mut count = 0;
    for load in tree.directives().filter(|one| named(one, b"LoadModule")) {
        if perhaps.iter().any(|range| range.contains(&(load.span.start as usize))) {
            continue;
        }
        count += 1;
        if count > 3 || load.args.first().is_some_and(|word| word.value(source).starts_with(b"mpm_")) {
            return true;
        }
    }
    false
}
