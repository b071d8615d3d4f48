//! Promise: each snippet of `fixtures/convert` comes out as the file beside it says, twice the same, and nothing
//! is left out in silence. `REDIRLINT_BLESS=1` writes the files; read them before committing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn snippets() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/convert");
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "htaccess"));
    found.sort();
    found
}

fn convert(path: &Path, format: &str) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(["convert", "--to", "nginx", "--as", "htaccess", "--no-config", "--format", format])
        .arg(path)
        .output()
        .unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn every_snippet_comes_out_as_written_down() {
    let bless = std::env::var_os("REDIRLINT_BLESS").is_some();
    let mut wrong = Vec::new();
    for path in snippets() {
        let (text, _) = convert(&path, "human");
        let expected = path.with_extension("nginx");
        if bless {
            std::fs::write(&expected, &text).unwrap();
        }
        let written = std::fs::read_to_string(&expected).unwrap_or_default();
        if written != text {
            wrong.push(format!("{}:\n{text}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_left_out_stands_in_the_report_and_as_a_comment_and_the_exit_code_says_so() {
    let path = snippets().into_iter().find(|path| path.ends_with("rule-next.htaccess")).unwrap();
    let (json, code) = convert(&path, "json");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, Some(1));
    assert_eq!(report["untranslated"][0]["range"]["start"]["line"], 2);
    let text = report["output"].as_array().unwrap().last().unwrap()["text"].as_str().unwrap();
    assert!(text.contains("#    RewriteRule ^(.*)_(.*)$ $1-$2 [N]"), "{text}");
}

#[test]
fn converting_twice_gives_the_same_text() {
    for path in snippets() {
        assert_eq!(convert(&path, "human"), convert(&path, "human"));
    }
}
