//! Promise: fixing changes what the finding complains of, settles, and touches nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::path::Path;
use std::process::{Command, Output};

fn redirlint(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redirlint")).args(args).current_dir(folder).output().unwrap()
}

/// Comments, odd layout and CR LF stand around a line that has a safe fix.
const TEXT: &[u8] = b"# caf\xe9\r\n\tRedirect   /old  http://example.com/new\r\n#end";
const FIXED: &[u8] = b"# caf\xe9\r\n\tRedirect   302 /old  http://example.com/new\r\n#end";

#[test]
fn a_fix_keeps_every_other_byte_and_a_second_run_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".htaccess");
    std::fs::write(&file, TEXT).unwrap();
    redirlint(folder.path(), &["check", "--fix", ".htaccess"]);
    let once = std::fs::read(&file).unwrap();
    assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(FIXED));
    assert_eq!(once, FIXED);
    let again = redirlint(folder.path(), &["check", "--diff", ".htaccess"]);
    assert!(again.stdout.is_empty(), "{}", String::from_utf8_lossy(&again.stdout));
}

#[test]
fn an_include_outside_the_given_paths_is_named_and_never_touched() {
    let (root, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let included = other.path().join("more.conf");
    std::fs::write(&included, "Redirect /old http://example.com/new\n").unwrap();
    std::fs::write(root.path().join("httpd.conf"), format!("Include {}\n", included.display())).unwrap();
    let out = redirlint(root.path(), &["check", "--fix", "--as", "apache", "httpd.conf"]);
    assert_eq!(std::fs::read_to_string(&included).unwrap(), "Redirect /old http://example.com/new\n");
    assert!(String::from_utf8_lossy(&out.stderr).contains("outside the given paths"), "{out:?}");
}

#[test]
fn a_read_only_file_stays_whole_and_the_exit_code_tells() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".htaccess");
    std::fs::write(&file, TEXT).unwrap();
    let mut mode = file.metadata().unwrap().permissions();
    mode.set_readonly(true);
    std::fs::set_permissions(&file, mode).unwrap();
    let out = redirlint(folder.path(), &["check", "--fix", ".htaccess"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("read-only"));
    assert_eq!(std::fs::read(&file).unwrap(), TEXT);
}

#[test]
fn a_list_that_a_broad_redirect_hides_moves_above_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".htaccess");
    let list: String = (0..30).map(|n| format!("Redirect 301 /old/{n} https://example.com/new-{n}\n")).collect();
    let broad = "Redirect 301 / https://example.org/\n";
    std::fs::write(&file, format!("{broad}{list}")).unwrap();
    redirlint(folder.path(), &["check", "--unsafe-fixes", "--select", "unreachable-rule", ".htaccess"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{list}{broad}"));
}

#[test]
fn redirects_each_broader_than_the_next_are_turned_round_and_stay_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".htaccess");
    let lines: Vec<String> =
        (1..40).map(|n| format!("Redirect 301 {} https://example.com/{n}\n", "/a".repeat(n))).collect();
    let turned: String = lines.iter().rev().map(String::as_str).collect();
    let args = ["check", "--unsafe-fixes", "--select", "unreachable-rule", ".htaccess"];
    std::fs::write(&file, lines.concat()).unwrap();
    redirlint(folder.path(), &args);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), turned);
    redirlint(folder.path(), &args);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), turned);
}
