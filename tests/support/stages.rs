//! What holds for any bytes at all, stage by stage: the targets that every fuzzer drives.
//!
//! A target panics where its promise is broken. It sees no disk: the only files there are hold the text itself, so
//! that an `include` leads somewhere and back again.

use redirlint::analysis::{Facts, Knobs};
use redirlint::diagnostic::Finding;
use redirlint::emit::{self, Emitted};
use redirlint::eval::follow::{Limits, follow, request_for};
use redirlint::eval::{FileKind, Kind, Unknown, World};
use redirlint::fix::converge::{End, Site, Texts, converge};
use redirlint::fix::select::Level;
use redirlint::ir::Reach;
use redirlint::lower::{Dialect, Loader, Lowered, Options, lower};
use redirlint::source::{FileId, Sources, Span};
use redirlint::syntax::{Tree, apache, nginx};
use std::io;
use std::path::{Path, PathBuf};

/// The languages.
pub const DIALECTS: [Dialect; 3] = [Dialect::Nginx, Dialect::Htaccess, Dialect::Apache];

/// A promise about any text in a language.
pub type Promise = fn(&[u8], Dialect);

/// Every target by its name.
pub const TARGETS: [(&str, Promise); 6] = [
    ("parse", parses),
    ("lower", lowers),
    ("evaluate", evaluates),
    ("check", checks),
    ("convert", converts),
    ("fix", fixes),
];

/// The tree prints as it was read.
pub fn parses(text: &[u8], dialect: Dialect) {
    assert!(tree(text, dialect).print(text) == text, "it is not printed as it was read");
}

/// Every tree that was lowered belongs to a file, and what is said of it lies within.
pub fn lowers(text: &[u8], dialect: Dialect) {
    let (sources, lowered) = lowered(text, &options(dialect));
    assert_eq!(sources.iter().count(), lowered.trees.len(), "files and trees");
    let program = &lowered.program;
    let said = program.notes.iter().map(|note| note.span).chain(program.refusals.iter().map(|refusal| refusal.span));
    said.for_each(|span| assert_within(&sources, span, "a note"));
}

/// Requests made of the text's own words are answered, where files are unknown and where everything exists.
pub fn evaluates(text: &[u8], dialect: Dialect) {
    let (_, lowered) = lowered(text, &options(dialect));
    let words = text.split(|byte| b" \t\n\"'^$;".contains(byte)).filter(|word| !word.is_empty());
    for word in words.filter(|word| word.contains(&b'/')).chain([&b"/"[..], b"//a/../b%2fc?d=e"]).take(12) {
        let url = [b"http://localhost/", word.strip_prefix(b"/").unwrap_or(word)].concat();
        let Some(request) = request_for(&url) else { continue };
        for world in [&Unknown as &dyn World, &Everything] {
            let journey = follow(&lowered.program, world, request.clone(), Limits { redirects: 5, explain: true });
            assert!(!journey.hops.is_empty(), "no answer at all");
        }
    }
}

/// Every finding and every edit lies within its file.
pub fn checks(text: &[u8], dialect: Dialect) {
    let (sources, findings) = checked(text, dialect);
    for finding in &findings {
        assert_within(&sources, finding.primary.span, finding.rule);
        let edits = finding.fix.iter().flat_map(|fix| &fix.edits);
        edits.for_each(|edit| assert_within(&sources, edit.span, finding.rule));
    }
}

/// What is written in the other language is read there without an error, and its server would take it.
pub fn converts(text: &[u8], dialect: Dialect) {
    let (sources, lowered) = lowered(text, &options(dialect));
    // As `redirlint convert` does: what the source's server refuses is not carried over.
    let refusals = lowered.program.refusals.iter();
    let without = refusals.map(|refusal| (refusal.span, refusal.message.clone())).collect();
    let (words, asked) = (Words(&sources), emit::Options { without, ..emit::Options::default() });
    let (emitted, other) = match dialect {
        Dialect::Nginx => (emit::apache::emit(&lowered.program, &words, &asked), Dialect::Apache),
        _ => (emit::nginx::emit(&lowered.program, &words, &asked), Dialect::Nginx),
    };
    let written = whole(&emitted, other);
    let shown = || String::from_utf8_lossy(&written).into_owned();
    let tree = tree(&written, other);
    assert!(tree.errors.is_empty(), "converted:\n{}\n{:?}", shown(), tree.errors);
    let refusals = self::lowered(&written, &options(other)).1.program.refusals;
    let refused = refusals.iter().find(|refusal| refusal.reach == Reach::Server);
    assert!(refused.is_none(), "converted:\n{}\n{refused:?}", shown());
}

/// Fixes settle, and a file that the server took is one that it takes afterwards.
pub fn fixes(text: &[u8], dialect: Dialect) {
    for level in [Level::Safe, Level::Unsafe] {
        let mut site = InMemory { text, dialect };
        let Ok(outcome) = converge(&mut site, level);
        assert_eq!(outcome.end, End::Settled, "the fixes do not settle: {:?}", outcome.applied);
    }
}

fn assert_within(sources: &Sources, span: Span, what: &str) {
    let length = sources.file(span.file).bytes().len();
    assert!(span.range().start <= span.range().end && span.range().end <= length, "`{what}` points out of its file");
}

fn tree(text: &[u8], dialect: Dialect) -> Tree {
    match dialect {
        Dialect::Nginx => nginx::parse(FileId(0), text),
        Dialect::Apache | Dialect::Htaccess => apache::parse(FileId(0), text),
    }
}

fn options(dialect: Dialect) -> Options {
    Options::new(dialect, "/nowhere")
}

fn lowered(text: &[u8], options: &Options) -> (Sources, Lowered) {
    let mut sources = Sources::new();
    let main = sources.add(MAIN, text.to_vec());
    let lowered = lower(&mut sources, main, options, &Alone(text));
    (sources, lowered)
}

fn checked(text: &[u8], dialect: Dialect) -> (Sources, Vec<Finding>) {
    let (options, knobs) = (options(dialect), Knobs::default());
    let (sources, lowered) = lowered(text, &options);
    let findings = redirlint::rules::check(&Facts::new(&sources, &lowered, &options, &knobs));
    (sources, findings)
}

/// Emitted parts as one file.
fn whole(emitted: &Emitted, dialect: Dialect) -> Vec<u8> {
    let of = |scope: &str| -> Vec<u8> {
        emitted.parts.iter().filter(|part| part.scope == scope).flat_map(|part| part.text.iter().copied()).collect()
    };
    if dialect != Dialect::Nginx {
        return emitted.parts.iter().flat_map(|part| part.text.iter().copied()).collect();
    }
    let (http, server) = (of("http"), of("server"));
    let server = if server.is_empty() { Vec::new() } else { [b"server {\n", &server[..], b"\n}\n"].concat() };
    [b"events {}\nhttp {\n", &http[..], &server, b"\n}\n"].concat()
}

const MAIN: &str = "/nowhere/file.conf";

/// A disk with one file, found under its own name and by every pattern with a star.
struct Alone<'a>(&'a [u8]);

impl Loader for Alone<'_> {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if self.exists(path) { Ok(self.0.to_vec()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        if pattern.to_string_lossy().contains('*') { vec![MAIN.into()] } else { Vec::new() }
    }

    fn exists(&self, path: &Path) -> bool {
        path == Path::new(MAIN)
    }

    fn find(&self, _: &Path, _: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// Every path is a file.
struct Everything;

impl World for Everything {
    fn stat(&self, _: &[u8]) -> Option<Option<FileKind>> {
        Some(Some(FileKind::assumed(Kind::File)))
    }

    fn read(&self, _: &[u8]) -> Option<Vec<u8>> {
        Some(b"a b\n/c /d\n".to_vec())
    }

    fn environment(&self, _: &[u8]) -> Option<Option<Vec<u8>>> {
        Some(Some(b"value".to_vec()))
    }

    fn now(&self) -> Option<i64> {
        Some(1_700_000_000)
    }
}

struct Words<'a>(&'a Sources);

impl emit::Texts for Words<'_> {
    fn directive(&self, span: Span) -> Vec<u8> {
        self.0.text(span).to_vec()
    }

    fn comments(&self, _: Span) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

/// The text as a site to fix.
struct InMemory<'a> {
    text: &'a [u8],
    dialect: Dialect,
}

impl InMemory<'_> {
    fn text<'b>(&'b self, texts: &'b Texts) -> &'b [u8] {
        texts.get(Path::new(MAIN)).map_or(self.text, Vec::as_slice)
    }
}

impl Site for InMemory<'_> {
    type Error = std::convert::Infallible;

    fn look(&mut self, texts: &Texts) -> Result<(Sources, Vec<Finding>), Self::Error> {
        Ok(checked(self.text(texts), self.dialect))
    }

    fn may_edit(&self, path: &Path) -> bool {
        path == Path::new(MAIN)
    }

    fn keeps(&mut self, before: &Texts, after: &Texts, _: &[&Finding]) -> Result<(), String> {
        let broken = |texts: &Texts| {
            let (_, lowered) = lowered(self.text(texts), &options(self.dialect));
            lowered.trees.iter().map(|tree| tree.errors.len()).sum::<usize>() + lowered.program.refusals.len()
        };
        if broken(after) > broken(before) { Err("the server would refuse it".to_owned()) } else { Ok(()) }
    }
}
