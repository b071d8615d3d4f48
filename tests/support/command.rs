//! Running the program in a folder of its own, and reading what it says.
#![allow(dead_code)]

use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub fn run(folder: &Path, args: &[&str]) -> Output {
    let since = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("COLUMNS");
    let output = command.output().unwrap();
    assert!(since.elapsed() < Duration::from_secs(30), "{args:?} took {:?}", since.elapsed());
    output
}

pub fn fed(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {} {}", out(output), err(output)))
}

/// Asserts exit code 2 with the words in the message, and no panic.
pub fn trouble(output: &Output, words: &[&str]) {
    let told = err(output);
    assert_eq!(output.status.code(), Some(2), "{told}{}", out(output));
    assert!(words.iter().all(|word| told.contains(word)) && !told.contains("panicked"), "{words:?} in {told}");
}
