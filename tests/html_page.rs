//! Promise: the HTML report works in a real browser. An address with a filter in it shows the findings of that
//! filter alone, the graph is drawn, and nothing is asked of a network.
//!
//! Skipped where no Chromium is installed, also under `REDIRLINT_LIVE=require`, which is about the servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::path::{Path, PathBuf};
use std::process::Command;

const TEXT: &str = "Redirect 301 /a /b\nRedirect 301 /b /a\nRedirect /old /new\n";

fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let all = std::env::split_paths(&folders).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = all.into_iter().find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: no Chromium is installed");
    }
    found
}

/// The page of a configuration, opened at an address with this fragment: the document once its script has run.
fn document(browser: &Path, fragment: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".htaccess"), TEXT).unwrap();
    let page = folder.path().join("report.html");
    let mut report = Command::new(env!("CARGO_BIN_EXE_redirlint"));
    let out = report.args(["check", "--no-config", "--format", "html", ".htaccess"]).current_dir(folder.path());
    std::fs::write(&page, out.output().unwrap().stdout).unwrap();
    let profile = format!("--user-data-dir={}", folder.path().join("profile").display());
    let address = format!("file://{}#{fragment}", page.display());
    let shown = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", &profile, "--dump-dom", &address])
        .output()
        .unwrap();
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

/// The opening tags of the findings of a rule.
fn cards<'d>(document: &'d str, rule: &str) -> Vec<&'d str> {
    let of_rule = format!("data-rule=\"{rule}\"");
    let tags = document.split("<article").skip(1).map(|card| card.split('>').next().unwrap_or_default());
    tags.filter(|tag| tag.contains(&of_rule)).collect()
}

#[test]
fn an_address_with_a_filter_shows_what_it_names_and_hides_the_rest() {
    let Some(browser) = browser() else { return };
    let all = document(&browser, "");
    assert_eq!(cards(&all, "redirect-loop").len(), 1, "{all}");
    let one = document(&browser, "rule=redirect-loop");
    assert!(cards(&one, "redirect-loop").iter().all(|tag| !tag.contains("hidden")), "{one}");
    let other = cards(&one, "implicit-temporary-redirect");
    assert!(!other.is_empty() && other.iter().all(|tag| tag.contains("hidden")), "{one}");
    assert!(one.contains("1 shown"), "{one}");
    let warnings = document(&browser, "severity=warning");
    assert!(cards(&warnings, "redirect-loop").iter().all(|tag| tag.contains("hidden")), "{warnings}");
}

#[test]
fn the_page_draws_where_the_redirects_lead() {
    let Some(browser) = browser() else { return };
    let page = document(&browser, "");
    assert!(page.contains("Where the redirects lead") && page.contains("<svg"), "{page}");
}
