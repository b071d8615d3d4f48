//! Promise: what is carried over and back again answers as before. Each snippet of `fixtures/convert` goes to nginx and
//! back to Apache, each of `fixtures/convert/to-apache` to Apache and back to nginx; what either way leaves out is told,
//! and only then may an answer differ.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn redirlint(args: &[&str], paths: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_redirlint")).args(args).args(paths).arg("--no-config").output().unwrap()
}

fn snippets(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == ending));
    found.sort();
    found
}

/// The converted text by scope, and whether anything is left out or changed.
fn convert(path: &Path, to: &str, from: &str) -> (Vec<(String, String)>, bool) {
    let output = redirlint(&["convert", "--to", to, "--as", from, "--format", "json"], &[path]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let text = |part: &Value, key: &str| part[key].as_str().unwrap().to_owned();
    let parts = report["output"].as_array().unwrap().iter().map(|part| (text(part, "scope"), text(part, "text")));
    let told = ["untranslated", "changed"].iter().any(|key| !report[key].as_array().unwrap().is_empty());
    (parts.collect(), told)
}

fn of(parts: &[(String, String)], scope: &str) -> String {
    parts.iter().filter(|(own, _)| own == scope).map(|(_, text)| text.as_str()).collect()
}

/// What `diff` says, where it finds a difference.
fn differences(old: &Path, old_as: &str, new: &Path, new_as: &str) -> Option<String> {
    let output = redirlint(&["diff", "--as", old_as, "--new-as", new_as], &[old, new]);
    (output.status.code() != Some(0)).then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_htaccess_comes_back_from_nginx_with_the_same_answers() {
    let scratch = tempfile::tempdir().unwrap();
    let (mut wrong, mut exact) = (Vec::new(), 0);
    let all = snippets("fixtures/convert", "htaccess");
    for path in &all {
        let (parts, told) = convert(path, "nginx", "htaccess");
        let there = scratch.path().join("nginx.conf");
        let head = "listen 80;\nlisten 443 ssl;\nserver_name _;\nroot /srv/www;\nindex index.html index.php;";
        let (http, server) = (of(&parts, "http"), of(&parts, "server"));
        std::fs::write(&there, format!("events {{}}\nhttp {{\n{http}\nserver {{\n{head}\n{server}\n}}\n}}\n")).unwrap();
        let (parts, _) = convert(&there, "apache", "nginx");
        let back = scratch.path().join("httpd.conf");
        let text: String = parts.iter().map(|(_, text)| text.as_str()).collect();
        std::fs::write(&back, text.replace("# SSLEngine on", "SSLEngine on")).unwrap();
        match differences(path, "htaccess", &back, "apache") {
            Some(found) if !told => wrong.push(format!("{}:\n{found}", path.display())),
            found => exact += usize::from(found.is_none()),
        }
    }
    println!("{exact} of {} come back exactly", all.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(exact * 10 >= all.len() * 9, "only {exact} of {} come back exactly", all.len());
}

#[test]
fn an_nginx_configuration_comes_back_from_apache_with_the_same_answers() {
    let scratch = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for path in snippets("fixtures/convert/to-apache", "conf") {
        let source = scratch.path().join("source.conf");
        std::fs::write(&source, std::fs::read_to_string(&path).unwrap().replace("@PORT@", "80")).unwrap();
        let (parts, told) = convert(&source, "apache", "nginx");
        let there = scratch.path().join("httpd.conf");
        let text: String = parts.iter().map(|(_, text)| text.as_str()).collect();
        std::fs::write(&there, format!("Listen 80\n{text}")).unwrap();
        let (parts, told_back) = convert(&there, "nginx", "apache");
        let back = scratch.path().join("nginx.conf");
        std::fs::write(&back, format!("events {{}}\nhttp {{\n{}}}\n", of(&parts, "http"))).unwrap();
        if let Some(found) = differences(&source, "nginx", &back, "nginx").filter(|_| !told && !told_back) {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_htaccess_made_from_nginx_answers_alike() {
    let scratch = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for path in snippets("fixtures/convert/to-apache", "conf") {
        let source = scratch.path().join("source.conf");
        std::fs::write(&source, std::fs::read_to_string(&path).unwrap().replace("@PORT@", "80")).unwrap();
        let args = ["convert", "--to", "apache", "--as", "nginx", "--scope", "htaccess", "--format", "json"];
        let output = redirlint(&args, &[&source]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        assert!(report["output"].as_array().unwrap().iter().all(|part| part["scope"] == "htaccess"));
        let text = report["output"][0]["text"].as_str().unwrap();
        assert!(!text.lines().any(|line| line.starts_with("RewriteMap") || line.starts_with('<')), "{text}");
        let told = ["untranslated", "changed"].iter().any(|key| !report[key].as_array().unwrap().is_empty());
        let made = scratch.path().join(".htaccess");
        std::fs::write(&made, text).unwrap();
        if let Some(found) = differences(&source, "nginx", &made, "htaccess").filter(|_| !told) {
            wrong.push(format!("{}:\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
