//! Promise: `diff` says what is answered differently, and claims that nothing is only where that is proven.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::process::Command;

const OLD: &str = "RewriteEngine On\nRewriteRule ^old-[0-9]+$ https://new.example/ [R=301,L]\nRewriteRule ^gone$ https://new.example/x [R=302,L]\n";

/// What `diff` prints for [`OLD`] and this inside of a server block, and its exit code.
fn diff(new: &str) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let (old_path, new_path) = (folder.path().join(".htaccess"), folder.path().join("new.conf"));
    std::fs::write(&old_path, OLD).unwrap();
    std::fs::write(&new_path, format!("{new}location = /gone {{ return 302 https://new.example/x$is_args$args; }}\n"))
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(["diff", "--no-config", "--new-as", "nginx"])
        .args([&old_path, &new_path])
        .output()
        .unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn equal_languages_in_other_words_are_proven_equal() {
    let (text, code) = diff("location ~ ^/old-\\d+\\z { return 301 https://new.example/$is_args$args; }\n");
    assert!(text.contains("and none exists"), "{text}");
    assert_eq!(code, Some(0));
}

#[test]
fn a_difference_that_no_sample_meets_is_found_by_inclusion() {
    let (text, code) =
        diff("location ~ ^/old-\\d\\d?\\d?\\d?\\d?\\d?\\z { return 301 https://new.example/$is_args$args; }\n");
    assert!(text.contains("answered differently"), "{text}");
    assert_eq!(code, Some(1));
}

#[test]
fn what_a_path_does_to_a_target_is_asked_and_not_proven() {
    let (text, _) = diff("location ~ ^/old-(\\d+)\\z { return 301 https://new.example/$1; }\n");
    assert!(!text.contains("none exists"), "{text}");
}
