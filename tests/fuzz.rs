//! Promise: whatever is done to a configuration, every stage ends without a panic, trees print as they were read, and
//! what is converted reads again.
//!
//! Fixtures and sentences of the grammars are cut, doubled, crossed and sprinkled. `REDIRLINT_FUZZ` is the number
//! of cases of each dialect (a few hundred by default); `REDIRLINT_FUZZ_SEED` starts elsewhere. A case that fails is
//! printed with its seed, and belongs into `fixtures/syntax` once it is mended.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/ebnf.rs"]
mod ebnf;

use redirlint::analysis::{Facts, Knobs};
use redirlint::cli::disk::Disk;
use redirlint::emit;
use redirlint::lower::{Dialect, Lowered, Options, lower};
use redirlint::source::{FileId, Sources, Span};
use redirlint::syntax::{apache, nginx};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than any case of a few kilobytes may take without optimisation, on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(20);

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// A random source of small numbers (splitmix64), the same for the same seed on every machine.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

/// Every file below a folder of fixtures, and every configuration in the recorded cases.
fn seeds(nginx: bool) -> Vec<Vec<u8>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut found = Vec::new();
    let end = if nginx { "nginx" } else { "htaccess" };
    for folder in [fixtures.join("syntax").join(if nginx { "nginx" } else { "apache" }), fixtures.join("convert")] {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file()
                && (!path.parent().unwrap().ends_with("convert") || path.extension().is_some_and(|e| e == end))
            {
                found.push(std::fs::read(path).unwrap());
            }
        }
    }
    let cases = std::fs::read(fixtures.join("oracle").join(if nginx { "nginx.yaml" } else { "apache.yaml" })).unwrap();
    let cases: serde_yaml::Value = serde_yaml::from_slice(&cases).unwrap();
    texts(&cases, &mut found);
    found
}

/// Every text of several words in a document: configurations among them.
fn texts(value: &serde_yaml::Value, found: &mut Vec<Vec<u8>>) {
    match value {
        serde_yaml::Value::String(text) if text.contains(' ') && text.len() > 12 => {
            found.push(text.clone().into_bytes())
        }
        serde_yaml::Value::Sequence(parts) => parts.iter().for_each(|part| texts(part, found)),
        serde_yaml::Value::Mapping(parts) => parts.iter().for_each(|(_, part)| texts(part, found)),
        _ => {}
    }
}

const PIECES: [&[u8]; 40] = [
    b"\n",
    b" ",
    b"\"",
    b"'",
    b"\\",
    b"{",
    b"}",
    b";",
    b"#",
    b"<",
    b">",
    b"%",
    b"$",
    b"$1",
    b"%{",
    b"(",
    b")",
    b"[",
    b"]",
    b"*",
    b"+",
    b"?",
    b"|",
    b"^",
    b"\0",
    b"\xff",
    b"\r",
    b"%2",
    b"%00",
    b"[R=301,L]",
    b"[C,N,S=3]",
    b"http://",
    b"//",
    b"return 301 ",
    b"RewriteCond ",
    b"RewriteRule ",
    b"if ($host = a) {",
    b"<If \"",
    b"${x:y}",
    b"(?<n>a)",
];

fn mutate(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let pick = |dice: &mut Dice| seeds[dice.below(seeds.len())].clone();
    let mut text = pick(dice);
    for _ in 0..1 + dice.below(6) {
        let (from, to) = (dice.below(text.len() + 1), dice.below(text.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        match dice.below(7) {
            0 => drop(text.drain(from..to.min(from + 30))),
            1 => {
                let piece = text[from..to].to_vec();
                text.splice(from..from, piece);
            }
            2 => {
                let other = pick(dice);
                let (a, b) = (dice.below(other.len() + 1), dice.below(other.len() + 1));
                text.splice(from..from, other[a.min(b)..a.max(b)].iter().copied());
            }
            3 if from < text.len() => text[from] = dice.below(256) as u8,
            _ => {
                let piece = PIECES[dice.below(PIECES.len())];
                text.splice(from..from, piece.iter().copied());
            }
        }
        text.truncate(8_000);
    }
    text
}

fn options(dialect: Dialect) -> Options {
    Options {
        dialect,
        version: None,
        prefix: "/nowhere".into(),
        root: None,
        base: "/".to_owned(),
        real_files: false,
        host: None,
        scheme: None,
        defines: Vec::new(),
    }
}

struct Texts<'a>(&'a Sources);

impl emit::Texts for Texts<'_> {
    fn directive(&self, span: Span) -> Vec<u8> {
        self.0.text(span).to_vec()
    }

    fn comments(&self, _: Span) -> Vec<Vec<u8>> {
        Vec::new()
    }
}

fn lowered(text: &[u8], options: &Options) -> (Sources, Lowered) {
    let mut sources = Sources::new();
    let main = sources.add("/nowhere/file.conf", text.to_vec());
    let lowered = lower(&mut sources, main, options, &Disk::real());
    (sources, lowered)
}

fn try_all(text: &[u8], dialect: Dialect) {
    let tree = match dialect {
        Dialect::Nginx => nginx::parse(FileId(0), text),
        _ => apache::parse(FileId(0), text),
    };
    assert!(tree.print(text) == text, "it is not printed as it was read");
    let (options, knobs) = (options(dialect), Knobs::default());
    let (sources, lowered) = lowered(text, &options);
    let facts = Facts::new(&sources, &lowered, &options, &knobs);
    for finding in redirlint::rules::check(&facts) {
        let range = finding.primary.span.range();
        let length = sources.file(finding.file()).bytes().len();
        assert!(range.end <= length, "`{}` points behind its file", finding.rule);
    }
    convert(&sources, &lowered, dialect);
}

fn convert(sources: &Sources, lowered: &Lowered, dialect: Dialect) {
    if dialect == Dialect::Nginx {
        return;
    }
    let emitted = emit::nginx::emit(&lowered.program, &Texts(sources), &emit::Options::default());
    let text = emitted.parts.iter().map(|part| part.text.as_slice()).collect::<Vec<_>>().concat();
    let tree = nginx::parse(FileId(0), &text);
    assert!(tree.errors.is_empty(), "converted:\n{}\n{:?}", String::from_utf8_lossy(&text), tree.errors);
}

fn fuzz(dialect: Dialect) {
    let nginx = dialect == Dialect::Nginx;
    let mut seeds = seeds(nginx);
    let grammar = if nginx { include_str!("../grammar/nginx.ebnf") } else { include_str!("../grammar/apache.ebnf") };
    let grammar = ebnf::Grammar::read(grammar);
    seeds.extend((1..200).map(|seed| grammar.sentence("parse", seed, 200).into_bytes()));
    let first = number("REDIRLINT_FUZZ_SEED", 0);
    let mut failed = Vec::new();
    for seed in first..first + number("REDIRLINT_FUZZ", 150) {
        let text = mutate(&mut Dice::new(seed), &seeds);
        let start = Instant::now();
        let ended = std::panic::catch_unwind(|| try_all(&text, dialect));
        if ended.is_err() || start.elapsed() > PATIENCE {
            eprintln!("seed {seed}, {:?}:\n{:?}", start.elapsed(), String::from_utf8_lossy(&text));
            failed.push(seed);
        }
    }
    assert!(failed.is_empty(), "seeds that fail: {failed:?}");
}

#[test]
fn no_nginx_configuration_brings_a_stage_down() {
    fuzz(Dialect::Nginx);
}

#[test]
fn no_htaccess_brings_a_stage_down() {
    fuzz(Dialect::Htaccess);
}

#[test]
fn no_apache_configuration_brings_a_stage_down() {
    fuzz(Dialect::Apache);
}

#[test]
fn an_address_that_is_none_is_not_carried_into_the_other_language() {
    try_all(b"<VirtualHost *:@PORif ($host = a) {T@>\nServerName w01\nRewriteEngine On\nRewriteRule ^/c$ /d [R]\n</VirtualHost>\n", Dialect::Apache);
}
