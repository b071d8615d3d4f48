//! Promise: every dependency is wanted for a reason that is written down, and unsafe code has one place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::collections::BTreeSet;
use std::path::Path;

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Names in the dependency tables of `Cargo.toml`.
fn declared() -> BTreeSet<String> {
    let manifest = text("Cargo.toml");
    let tables = manifest
        .split("\n[")
        .filter(|table| table.starts_with("dependencies]") || table.starts_with("dev-dependencies]"));
    let lines = tables.flat_map(|table| table.lines().skip(1));
    lines.filter_map(|line| Some(line.split_once('=')?.0.trim().to_owned())).collect()
}

/// Names in the first column of the table in `CONTRIBUTING.md`.
fn explained() -> BTreeSet<String> {
    let page = text("CONTRIBUTING.md");
    let table = page.split("## Dependencies, and why each is there").nth(1).unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[test]
fn every_dependency_says_why_it_is_there() {
    assert_eq!(declared(), explained());
}

#[test]
fn unsafe_code_stands_in_one_module() {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    let mut allowed = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| text.contains("allow(unsafe_code)")) {
                allowed.push(path.file_name().unwrap().to_owned());
            }
        }
    }
    assert_eq!(allowed, ["pcre.rs"]);
    assert!(text("Cargo.toml").contains("unsafe_code = \"deny\""));
}
