//! Promise: the hook definitions work with the real `pre-commit`, and the action's step with a real shell. Only the way
//! the program is installed is left out: they run the binary of this build.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::path::Path;
use std::process::{Command, Output};

fn run(folder: &Path, program: &str, args: &[&str]) -> Output {
    let binaries = Path::new(env!("CARGO_BIN_EXE_redirlint")).parent().unwrap();
    let path = std::env::join_paths(
        std::iter::once(binaries.to_path_buf()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env("PATH", path.unwrap()).env("PRE_COMMIT_HOME", folder.join(".cache"));
    command.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").env_remove("GIT_WORK_TREE");
    command.output().unwrap()
}

fn git(folder: &Path, args: &[&str]) {
    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"];
    let out = run(folder, "git", &[&identity[..], args].concat());
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn the_hooks_run_in_a_real_repository_and_complain_of_a_loop() {
    if Command::new("pre-commit").arg("--version").output().is_err() {
        println!("skipped: pre-commit is not installed");
        return;
    }
    let (hooks, site) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let text = include_str!("../.pre-commit-hooks.yaml");
    let system = text.replace("language: python", "language: system");
    assert_eq!(text.matches("language: python").count(), 2);
    std::fs::write(hooks.path().join(".pre-commit-hooks.yaml"), system).unwrap();
    git(hooks.path(), &["init", "-q"]);
    git(hooks.path(), &["add", "."]);
    git(hooks.path(), &["commit", "-qm", "hooks"]);
    git(hooks.path(), &["tag", "v1"]);
    let repo = hooks.path().display();
    let config = format!("repos:\n- repo: {repo}\n  rev: v1\n  hooks:\n  - id: redirlint\n  - id: redirlint-fix\n");
    std::fs::write(site.path().join(".pre-commit-config.yaml"), config).unwrap();
    std::fs::write(site.path().join(".htaccess"), "Redirect 301 /a /b\nRedirect 301 /b /a\n").unwrap();
    std::fs::write(site.path().join("notes.txt"), "Redirect nonsense\n").unwrap();
    git(site.path(), &["init", "-q"]);
    git(site.path(), &["add", ".htaccess", "notes.txt", ".pre-commit-config.yaml"]);
    let out = run(site.path(), "pre-commit", &["run", "--all-files", "--verbose"]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("hook id: redirlint\n") && text.contains("hook id: redirlint-fix\n"), "{text}");
    assert!(text.contains("1 file, 2 directives") && !text.contains("notes.txt"), "{text}");
}

/// The script of the action's step of this name, run on a folder: its exit code, what it hands on, and its SARIF.
fn act(site: &Path, arguments: &str) -> Option<(Option<i32>, String, serde_json::Value)> {
    let action: serde_json::Value = serde_yaml::from_str(include_str!("../action.yml")).unwrap();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let lint = steps.iter().find(|step| step["id"] == "lint").expect("the action lints");
    let (temporary, handed) = (tempfile::tempdir().unwrap(), tempfile::NamedTempFile::new().unwrap());
    let binaries = Path::new(env!("CARGO_BIN_EXE_redirlint")).parent().unwrap();
    let path = format!("{}:{}", binaries.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    shell.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", lint["run"].as_str().unwrap()]).current_dir(site);
    shell.env("PATH", path).env("INPUT_PATH", ".").env("INPUT_ARGS", arguments);
    shell.env("RUNNER_TEMP", temporary.path()).env("GITHUB_OUTPUT", handed.path());
    let Ok(out) = shell.output() else {
        println!("skipped: bash is not installed");
        return None;
    };
    let sarif = std::fs::read(temporary.path().join("redirlint.sarif")).unwrap();
    let sarif = serde_json::from_slice(&sarif).unwrap_or_default();
    Some((out.status.code(), std::fs::read_to_string(handed.path()).unwrap(), sarif))
}

#[test]
fn the_action_hands_on_the_verdict_and_leaves_sarif_to_upload() {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join(".htaccess"), "Redirect 301 /a /b\nRedirect 301 /b /a\n").unwrap();
    let Some((code, handed, sarif)) = act(site.path(), "") else { return };
    assert_eq!((code, handed.as_str()), (Some(0), "code=1\n"));
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "redirect-loop", "{sarif}");
    let (code, handed, _) = act(site.path(), "--fail-on never --select *").unwrap();
    assert_eq!((code, handed.as_str()), (Some(2), "code=2\n"), "a star is no pattern of files");
    let (code, handed, _) = act(site.path(), "--fail-on never").unwrap();
    assert_eq!((code, handed.as_str()), (Some(0), "code=0\n"));
}
