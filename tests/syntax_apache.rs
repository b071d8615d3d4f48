//! The promise: any bytes become a tree that prints as those bytes and lines that can be checked, and what httpd
//! would not read is reported where httpd reports it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/ebnf.rs"]
mod ebnf;

use proptest::prelude::*;
use redirlint::cli::disk::Disk;
use redirlint::lower::apache::check::{Frame, Override, check};
use redirlint::lower::apache::load::load;
use redirlint::lower::{Dialect, Options};
use redirlint::source::{FileId, Sources};
use redirlint::syntax::{Tree, apache};
use std::path::Path;

fn parse(text: &[u8]) -> Tree {
    apache::parse(FileId(0), text)
}

fn errors(text: &[u8]) -> Vec<String> {
    let mut sources = Sources::new();
    let file = sources.add("httpd.conf", text.to_vec());
    let tree = apache::parse(file, text);
    tree.errors.iter().map(|error| format!("{}: {}", sources.position(error.span).line, error.message)).collect()
}

/// Loads and checks a text, and yields the lines at which something is refused.
fn refused(text: &[u8], dialect: Dialect) -> Vec<usize> {
    let mut sources = Sources::new();
    let main = sources.add("/nowhere/main", text.to_vec());
    let options = Options::new(dialect, "/nowhere");
    let frame = match dialect {
        Dialect::Htaccess => Frame::Htaccess { allow: Override::ALL, list: Vec::new() },
        _ => Frame::Server,
    };
    let loaded = load(&mut sources, main, &options, &Disk::default(), None);
    let found = check(&loaded, &sources, &frame).refusals;
    loaded.refusals.iter().chain(&found).map(|refusal| sources.position(refusal.span).line).collect()
}

#[test]
fn every_fixture_prints_as_it_was_read_and_reports_what_its_comments_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/syntax/apache");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(parse(&bytes).print(&bytes) == bytes, "{} is not printed as it was read", path.display());
        let text = String::from_utf8_lossy(&bytes);
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# expect ")).collect();
        assert_eq!(errors(&bytes), expected, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} fixtures were found");
}

#[test]
fn every_sentence_of_the_grammar_is_read_without_error() {
    let grammar = ebnf::Grammar::read(include_str!("../grammar/apache.ebnf"));
    for seed in 1..3_000 {
        let text = grammar.sentence("parse", seed, 400);
        let tree = parse(text.as_bytes());
        assert_eq!(tree.errors, vec![], "seed {seed}:\n{text}");
        assert_eq!(tree.print(text.as_bytes()), text.as_bytes());
    }
}

#[test]
fn every_production_has_its_function() {
    let grammar = ebnf::Grammar::read(include_str!("../grammar/apache.ebnf"));
    let code = [include_str!("../src/syntax/apache.rs"), include_str!("../src/syntax/apache/word.rs")].concat();
    for name in grammar.0.keys().filter(|name| name.chars().any(char::is_lowercase)) {
        assert!(code.contains(&format!("fn {name}(")), "no function reads `{name}`");
    }
}

#[test]
fn a_refusal_stands_at_the_line_at_which_httpd_stops() {
    assert_eq!(refused(b"RewriteEngine On\n# \\\nx\nRewritRule \\\n a b\nRedirect 301 /a /b", Dialect::Htaccess), [4]);
    assert_eq!(refused(b"<IfModule !mod_rewrite.c>\nNonsense\n</IfModule>\nNonsense", Dialect::Apache), [4]);
    assert_eq!(refused(b"<Files a>\n<VirtualHost b>\n</VirtualHost>\n</Files>", Dialect::Apache), [2]);
}

proptest! {
    #[test]
    fn random_bytes_are_printed_loaded_and_checked(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(parse(&bytes).print(&bytes), &*bytes);
        refused(&bytes, Dialect::Apache);
        refused(&bytes, Dialect::Htaccess);
    }

    #[test]
    fn random_directives_that_act_at_reading_time_end_well(pieces in proptest::collection::vec(
        prop::sample::select(vec![
            "<Macro m $a>\n", "</Macro>\n", "Use m ", "Use $a\n", "$a", "${x}", "Define x ", "Define $a b\n", "UnDefine x\n",
            "<IfModule $a>\n", "</IfModule>\n", "<IfDefine x>", "\n", "\\\n", "<Files ${x}>\n", "</Files>\n", "\"", "m",
            "Include ", "*.conf", "LoadModule a b\n", "<If a>\n", "</If>\n", " ", "<% ", "%>", "<", ">",
        ]), 0..60))
    {
        let text = pieces.concat();
        refused(text.as_bytes(), Dialect::Apache);
        refused(text.as_bytes(), Dialect::Htaccess);
    }

    #[test]
    fn words_never_overlap_and_stand_in_order(text in "[aA<>/\"'# \n\\\\]{0,200}") {
        let tree = parse(text.as_bytes());
        for directive in tree.directives() {
            let mut at = directive.name.span.end;
            for word in &directive.args {
                prop_assert!(word.span.start >= at);
                at = word.span.end;
            }
        }
    }
}
