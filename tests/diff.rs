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

/// What `diff` prints for two texts, by their names.
fn diff_of(old: (&str, &str), new: (&str, &str)) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let paths = [old, new].map(|(name, text)| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    });
    let output = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(["diff", "--no-config", "--as", "nginx"])
        .args(paths)
        .output()
        .unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn what_no_listener_hears_is_no_difference() {
    let server = |rest: &str| format!("server {{ listen 8080; server_name a.example; {rest} }}\n");
    let redirect = "location = /x { return 301 http://a.example/y; }";
    // nobody listens with encryption, whatever stands here
    let told = "if ($scheme = https) { return 404; }";
    let (text, code) = diff_of(("a.conf", &server(redirect)), ("b.conf", &server(&format!("{told} {redirect}"))));
    assert_eq!(code, Some(0), "{text}");
    let (text, code) = diff_of(("a.conf", &server(redirect)), ("b.conf", &server("")));
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn the_script_behind_try_files_is_taken_to_exist() {
    let server = |rest: &str| format!("server {{ listen 80; server_name a.example; root /srv/a; {rest} }}\n");
    let old = server("location / { try_files $uri $uri/ /index.php$is_args$args; }");
    let new = server("if (-e $request_filename) { break; } rewrite ^ /index.php last;");
    let (text, code) = diff_of(("a.conf", &old), ("b.conf", &new));
    assert_eq!(code, Some(0), "{text}");
}
