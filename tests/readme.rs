//! Promise: every command in the README works, and what it shows is what comes out.
//!
//! In a `console` block a line that starts with `$ ` is run in the project's root; if text follows, it is the
//! exact output. To renew a block, run the command and paste what it prints.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::path::Path;
use std::process::Command;

/// Commands that set up or run this very test; each with the reason it is not run from here.
const NOT_RUN: &[(&str, &str)] = &[
    ("cargo test", "runs this test"),
    ("cargo install --path .", "builds the program once more; the README's other commands run what it installs"),
    (
        "cargo rustc --release --bin redirlint -- -C target-feature=+crt-static",
        "builds the program once more, with the C library in it",
    ),
    ("pip install redirlint", "needs the published wheel; the recipe is tested by building it"),
    (
        "pre-commit install",
        "changes the repository it is run in; tests/hooks.rs runs the real program in a scratch one",
    ),
];

struct Shown {
    command: String,
    output: String,
}

fn shown(readme: &str) -> Vec<Shown> {
    let mut found: Vec<Shown> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match line.strip_prefix("$ ") {
                Some(command) => found.push(Shown { command: command.to_owned(), output: String::new() }),
                None => {
                    let last = found.last_mut().expect("a console block starts with a command");
                    last.output.push_str(line);
                    last.output.push('\n');
                }
            },
            _ => {}
        }
    }
    found
}

fn run(command: &str) -> (i32, String) {
    let program = env!("CARGO_BIN_EXE_redirlint");
    let line = command.replace("cargo run --release --", program);
    let line = line.strip_prefix("redirlint").map(|rest| format!("{program}{rest}")).unwrap_or(line);
    let line = line.replace("| redirlint", &format!("| {program}"));
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("COLUMNS", "100")
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn every_command_shown_works_and_prints_what_is_shown() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let commands = shown(&readme);
    assert!(commands.len() >= 10, "only {} commands found", commands.len());
    for Shown { command, output } in commands {
        if NOT_RUN.iter().any(|(name, _)| command == *name) {
            continue;
        }
        let (code, printed) = run(&command);
        assert!(code == 0 || code == 1, "`{command}` ended with {code}");
        if !output.trim().is_empty() {
            let trim = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned();
            assert_eq!(trim(&printed), trim(&output), "the README shows something else for `{command}`");
        }
    }
}

#[test]
fn the_table_of_rules_lists_every_rule_once_in_order() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let listed: Vec<&str> = readme
        .lines()
        .skip_while(|line| *line != "## Rules")
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    let rules: Vec<&str> = redirlint::rules::ALL.iter().map(|rule| rule.name).collect();
    assert_eq!(listed, rules, "one line for each line of `redirlint rules`, in its order");
}
