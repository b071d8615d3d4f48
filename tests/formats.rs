//! Promise: every format is what its readers expect, and fixing writes what it says and nothing else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::path::Path;
use std::process::{Command, Output};

fn redirlint(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redirlint")).args(args).current_dir(folder).output().unwrap()
}

fn site(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".htaccess"), text).unwrap();
    folder
}

const TEXT: &str = "Redirect 301 /a /b\nRedirect 301 /b /a\nRedirect /old http://example.com/new\n";

#[test]
fn sarif_is_one_log_with_every_rule() {
    let out = redirlint(site(TEXT).path(), &["check", "--format", "sarif", ".htaccess"]);
    let log: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert_eq!(log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().len(), redirlint::rules::ALL.len());
}

#[test]
fn every_line_of_jsonl_is_a_finding_of_the_json_report() {
    let folder = site(TEXT);
    let lines = redirlint(folder.path(), &["check", "--format", "jsonl", ".htaccess"]);
    let report = redirlint(folder.path(), &["check", "--format", "json", ".htaccess"]);
    let lines: Vec<serde_json::Value> =
        String::from_utf8(lines.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(&serde_json::Value::Array(lines), &report["findings"]);
}

#[test]
fn a_written_baseline_silences_the_run_after_it_even_when_lines_move() {
    let folder = site(TEXT);
    redirlint(folder.path(), &["check", "--baseline", "known.json", "--write-baseline", ".htaccess"]);
    std::fs::write(folder.path().join(".htaccess"), format!("# new\n\n{TEXT}")).unwrap();
    let out = redirlint(folder.path(), &["check", "--format", "jsonl", "--baseline", "known.json", ".htaccess"]);
    assert_eq!((out.status.code(), out.stdout.len()), (Some(0), 0), "{}", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn a_baseline_that_is_missing_is_trouble_and_says_how_to_make_one() {
    let out = redirlint(site(TEXT).path(), &["check", "--baseline", "none.json", ".htaccess"]);
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("--write-baseline"));
}

#[test]
fn diff_changes_no_file() {
    let folder = site(TEXT);
    redirlint(folder.path(), &["check", "--diff", "--unsafe-fixes", ".htaccess"]);
    assert_eq!(std::fs::read_to_string(folder.path().join(".htaccess")).unwrap(), TEXT);
}

#[test]
fn completions_and_the_manual_name_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["completions", "bash"][..], &["completions", "zsh"], &["completions", "fish"], &["man"]] {
        let out = redirlint(folder.path(), args);
        assert!(out.status.success());
        let text = String::from_utf8_lossy(&out.stdout).replace('\\', "");
        assert!(text.contains("max-findings"), "{args:?}");
    }
}
