//! What Apache's expressions become.

use super::*;
use crate::pcre::Options;
use crate::source::{FileId, Span};

fn source(text: &str) -> Source {
    let options = Options { dot_all: true, dollar_end_only: true, ..Options::default() };
    Source::new(&Regex::new(text.as_bytes(), options, Span::new(FileId(0), 0, 0))).unwrap()
}

fn under(text: &str, folder: &str) -> String {
    String::from_utf8(source(text).pattern(Subject::Under(folder.as_bytes()), &[]).text).unwrap()
}

#[test]
fn an_anchor_becomes_the_folder_and_the_dollar_the_very_end() {
    assert_eq!(under("^a$", "/"), r"^/a\z");
    assert_eq!(under("^a/(.*)$", "/sub/"), r"(?s)^/sub/a/(.*)$");
    assert_eq!(under("(.*)", "/"), r"(?s)^/(.*)");
}

#[test]
fn an_unanchored_expression_cannot_begin_at_the_slash_of_the_folder() {
    assert_eq!(under("foo", "/"), "foo");
    assert_eq!(under(".x", "/"), "(?s)^/.*?.x");
    assert_eq!(under("foo", "/s/"), "(?s)^/s/.*?foo");
}

#[test]
fn alternatives_keep_their_anchors() {
    assert_eq!(under("^a|^b$", "/"), r"^/(?:a|b\z)");
    assert_eq!(under("^a|b", "/"), "(?s)^/.*?(?:(?<=^/)a|b)");
}

#[test]
fn classes_and_counted_repeats_are_kept_whole() {
    assert_eq!(under(r"^([^/\]]{2,4})(?:x|y)[[:alpha:]]$", "/"), r"^/([^/\]]{2,4})(?:x|y)[[:alpha:]]\z");
}

#[test]
fn a_group_is_clean_where_every_byte_may_stand_in_a_path() {
    assert!(source(r"^(\d+)-([\w-]+)$").group_is_clean(2));
    assert!(!source("^([^/]+)$").group_is_clean(1));
    assert!(!source("^(a.b)$").group_is_clean(1));
    assert!(source("^([a-z]{2}(x|y)?)/(.*)$").group_is_clean(1));
}

#[test]
fn expressions_that_match_everything_are_known() {
    for text in ["", "^", "(.*)", "^(.*)$", ".*", ".?", "^.*$"] {
        assert!(source(text).matches_all(), "{text}");
    }
    for text in ["^$", ".", "^(.+)$", "x*y"] {
        assert!(!source(text).matches_all(), "{text}");
    }
}

#[test]
fn a_group_can_be_given_a_name() {
    let pattern = source("^(a)(b)$").pattern(Subject::Same, &[(2, "rest".into())]);
    assert_eq!(pattern.text, br"^(a)(?<rest>b)\z");
}
