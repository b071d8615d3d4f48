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
    let out = redirlint(folder.path(), &["check", "--baseline", "known.json", "--write-baseline", ".htaccess"]);
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(told.contains("`known.json` now knows ") && told.contains("nothing to complain of"), "{told}");
    std::fs::write(folder.path().join(".htaccess"), format!("# new\n\n{TEXT}")).unwrap();
    let out = redirlint(folder.path(), &["check", "--format", "jsonl", "--baseline", "known.json", ".htaccess"]);
    assert_eq!((out.status.code(), out.stdout.len()), (Some(0), 0), "{}", String::from_utf8_lossy(&out.stdout));
    let out = redirlint(folder.path(), &["check", "--baseline", "known.json", ".htaccess"]);
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(told.contains(" findings more known to `known.json`"), "hidden ones are counted: {told}");
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

#[test]
fn a_place_far_away_is_told_by_its_line_in_plain_words() {
    let folder = site("Redirect 301 /a /b\n#\n#\n#\nRedirect 301 /b /c\n");
    let out = redirlint(folder.path(), &["check", "--select", "redirect-chain", "--format", "plain", ".htaccess"]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains(".htaccess:5: redirects again"), "{text}");
    assert!(!text.contains("label at line 2"), "{text}");
}

/// What a program prints, which is told of the script or page in a file; `None` where it is not installed.
fn shown(program: &str, args: &[&str], page: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page"), redirlint(folder.path(), page).stdout).unwrap();
    let mut command = Command::new(program);
    command.args(args).current_dir(folder.path()).env("MANWIDTH", "80").env("HOME", folder.path());
    match command.output() {
        Ok(out) => {
            assert!(out.stderr.is_empty(), "{program}: {}", String::from_utf8_lossy(&out.stderr));
            Some(String::from_utf8_lossy(&out.stdout).into_owned())
        }
        Err(_) => {
            println!("skipped: {program} is not installed");
            None
        }
    }
}

#[test]
fn shells_complete_flags_and_rules() {
    let asked = "source ./page; for word in --max redirect-swa; do COMP_WORDS=(redirlint check --select $word); COMP_CWORD=3; \
                 [ $word = --max ] && { COMP_WORDS=(redirlint check $word); COMP_CWORD=2; }; \
                 _redirlint redirlint $word \"${COMP_WORDS[COMP_CWORD-1]}\"; echo \"${COMPREPLY[@]}\"; done";
    if let Some(text) = shown("bash", &["--norc", "-c", asked], &["completions", "bash"]) {
        assert_eq!(text, "--max-findings\nredirect-swallows-directory\n");
    }
    let asked = "source ./page; complete -C 'redirlint check --max'; complete -C 'redirlint explain redirect-swa'";
    if let Some(text) = shown("fish", &["--no-config", "-c", asked], &["completions", "fish"]) {
        assert!(text.contains("--max-findings\t") && text.contains("redirect-swallows-directory\t"), "{text}");
    }
    let asked = "fpath=($PWD $fpath); cp page _redirlint; autoload -U compinit; compinit -u -d dump; \
                 autoload +X -U _redirlint && print ${_comps[redirlint]}";
    if let Some(text) = shown("zsh", &["-f", "-c", asked], &["completions", "zsh"]) {
        assert_eq!(text, "_redirlint\n");
    }
}

#[test]
fn the_manual_reads_without_a_warning() {
    for page in [&["man"][..], &["man", "check"], &["man", "convert"]] {
        if let Some(text) = shown("man", &["--warnings", "-l", "page"], page) {
            assert!(text.contains("NAME") && text.contains("--server-version"), "{text}");
        }
    }
}

#[test]
fn every_help_looks_alike() {
    let folder = tempfile::tempdir().unwrap();
    let all = redirlint(folder.path(), &["--help"]);
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    assert!(all.contains("Exit codes:"), "{all}");
    let commands = all.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<&str> = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names.into_iter().filter(|name| !name.is_empty() && *name != "help") {
        let help = redirlint(folder.path(), &[name, "--help"]);
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        assert!(help.contains("Usage: redirlint"), "{name}: {help}");
        // What a flag does stands beside it, not below.
        let mut flags = help.lines().map(str::trim_start).filter(|line| line.starts_with("-"));
        assert!(flags.all(|line| line.contains("  ")), "{name}: {help}");
    }
}
