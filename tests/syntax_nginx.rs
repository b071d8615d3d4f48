//! The promise: any bytes become a tree that prints as those bytes, and what nginx would not read is reported in
//! nginx's words where nginx reports it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/ebnf.rs"]
mod ebnf;

use proptest::prelude::*;
use redirlint::source::{FileId, Sources};
use redirlint::syntax::{Tree, nginx};
use std::path::Path;

fn parse(text: &[u8]) -> Tree {
    nginx::parse(FileId(0), text)
}

fn errors(text: &str) -> Vec<String> {
    let mut sources = Sources::new();
    let file = sources.add("nginx.conf", text.as_bytes().to_vec());
    let tree = nginx::parse(file, text.as_bytes());
    tree.errors.iter().map(|error| format!("{}: {}", sources.position(error.span).line, error.message)).collect()
}

#[test]
fn every_fixture_prints_as_it_was_read_and_reports_what_its_first_lines_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/syntax/nginx");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        assert!(parse(&bytes).print(&bytes) == bytes, "{} is not printed as it was read", path.display());
        let text = String::from_utf8_lossy(&bytes);
        let expected: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# expect ")).collect();
        assert_eq!(errors(&text), expected, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} fixtures were found");
}

#[test]
fn every_sentence_of_the_grammar_is_read_without_error() {
    let grammar = ebnf::Grammar::read(include_str!("../grammar/nginx.ebnf"));
    for seed in 1..3_000 {
        let text = grammar.sentence("parse", seed, 400);
        let tree = parse(text.as_bytes());
        assert_eq!(tree.errors, vec![], "seed {seed}:\n{text}");
        assert_eq!(tree.print(text.as_bytes()), text.as_bytes());
    }
}

#[test]
fn every_production_has_its_function() {
    let grammar = ebnf::Grammar::read(include_str!("../grammar/nginx.ebnf"));
    let code = [include_str!("../src/syntax/nginx.rs"), include_str!("../src/syntax/nginx/lex.rs")].concat();
    for name in grammar.0.keys().filter(|name| name.chars().any(char::is_lowercase)) {
        assert!(code.contains(&format!("fn {name}(")), "no function reads `{name}`");
    }
}

#[test]
fn an_error_names_the_line_at_which_nginx_stops() {
    assert_eq!(errors("a {\n b c\n}\n"), ["3: unexpected \"}\""]);
    assert_eq!(errors("a {\n b c;\n"), ["3: unexpected end of file, expecting \"}\""]);
    assert_eq!(errors("a \"b\n c;\n"), ["3: unexpected end of file, expecting \";\" or \"}\""]);
    assert_eq!(errors("a;\n}\nb;\n;\n"), ["2: unexpected \"}\"", "4: unexpected \";\""]);
}

proptest! {
    #[test]
    fn random_bytes_are_printed_as_they_were_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert_eq!(parse(&bytes).print(&bytes), bytes);
    }

    #[test]
    fn random_marks_are_printed_as_they_were_read(text in "[a{}%<>;\"'#$\\\\ \n\\[\\])@_-]{0,200}") {
        let bytes = text.into_bytes();
        prop_assert_eq!(parse(&bytes).print(&bytes), bytes);
    }

    #[test]
    fn words_never_overlap_and_stand_in_order(text in "[a{};\"' \n#]{0,200}") {
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
