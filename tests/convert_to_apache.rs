//! Promise: a real nginx with a snippet of `fixtures/convert/to-apache` and a real apache2 with its conversion answer
//! the same requests alike; the conversion is what the file beside the snippet says, and what is left out is told.
//! `REDIRLINT_BLESS=1` writes the files; read them before committing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/apache_modules.rs"]
mod apache_modules;
#[path = "support/live.rs"]
mod live;
#[path = "support/start_apache.rs"]
mod start_apache;
#[path = "support/start_nginx.rs"]
mod start_nginx;

use live::{Ask, Reply};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Stands for the port while converting.
const PORT: &str = "18999";
const HOSTS: &[&str] =
    &["example.com", "www.example.com", "b.example.org", "a.example.org", "shop.example.net", "zz.test"];
const TARGETS: &[&str] = &[
    "/",
    "/a",
    "/a?x=1",
    "/a/b.html?x=1&y=%20",
    "/static/x.gif",
    "/static/x.png",
    "/static/new/x.gif",
    "/p.php",
    "/p.php?q=1",
    "/c/d%20e",
    "/C/d",
    "/app",
    "/app?x=1",
    "/old",
    "/old?x=1",
    "/oldest",
    "/s/a%20b?x=1",
    "/s/caf%C3%A9",
    "/old-a",
    "/OLD-B?y=2",
    "/blog/12",
    "/blog/x",
    "/any?lang=de",
    "/any?a=1&lang=de&b",
    "/x/1/2",
    "/y/1?q",
    "/to",
    "/files/none",
    "/files/f.html",
    "/try/none?x=1",
    "/try/f.html",
    "/close",
    "/rel",
    "/geo",
    "//double//slash?x",
];

fn snippets() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/convert/to-apache");
    let mut found: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "conf"));
    found.sort();
    found
}

fn convert(text: &str, format: &str) -> (String, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.conf");
    std::fs::write(&path, text.replace("@PORT@", PORT)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(["convert", "--to", "apache", "--as", "nginx", "--no-config", "--format", format])
        .arg(&path)
        .output()
        .unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

fn asks() -> Vec<Ask> {
    let ask = |method: &str, host: &str, target: &str, headers: &[(&str, &str)]| Ask {
        method: method.to_owned(),
        target: target.as_bytes().to_vec(),
        host: Some(host.to_owned()),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let mut out = Vec::new();
    for host in HOSTS {
        out.extend(TARGETS.iter().map(|target| ask("GET", host, target, &[])));
    }
    out.push(ask("POST", "example.com", "/a", &[]));
    out.push(ask("GET", "example.com", "/q", &[("User-Agent", "a Bot")]));
    out.push(ask("GET", "example.com", "/q", &[("Cookie", "x=1; beta=on")]));
    out
}

/// Own port left out, escapes in upper case.
fn comparable(reply: &Reply, port: u16) -> (u16, Option<String>) {
    let location = reply.location.as_ref().map(|place| {
        let text = String::from_utf8_lossy(place).replacen(&format!(":{port}"), "", 1);
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, behind)) = rest.split_once('%') {
            let (digits, after) = behind.split_at(behind.len().min(2));
            out += &format!("{before}%{}", digits.to_ascii_uppercase());
            rest = after;
        }
        out + rest
    });
    (reply.status, location)
}

#[test]
fn every_snippet_comes_out_as_written_down() {
    let mut wrong = Vec::new();
    for path in snippets() {
        let (text, _) = convert(&std::fs::read_to_string(&path).unwrap(), "human");
        let expected = path.with_extension("apache");
        if std::env::var_os("REDIRLINT_BLESS").is_some() {
            std::fs::write(&expected, &text).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != text {
            wrong.push(format!("{}:\n{text}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_left_out_stands_as_a_comment_and_in_the_report() {
    let path = snippets().into_iter().find(|path| path.ends_with("left-out.conf")).unwrap();
    let (json, code) = convert(&std::fs::read_to_string(path).unwrap(), "json");
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, Some(1));
    let left_out = report["untranslated"].as_array().unwrap();
    assert_eq!(left_out.len(), 3, "{json}");
    let text = report["output"][0]["text"].as_str().unwrap();
    for entry in left_out {
        assert!(text.contains(entry["reason"].as_str().unwrap()), "{text}");
    }
}

#[test]
fn the_script_behind_try_files_is_taken_to_exist() {
    let text = "server {\n    listen 80;\n    server_name a.example;\n    root /srv/a;\n    location / { try_files $uri $uri/ /index.php$is_args$args; }\n    location = /x { return 301 /y; }\n}\n";
    let (out, code) = convert(text, "human");
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("RewriteRule ^ /index.php [L]"), "{out}");
}

#[test]
fn real_servers_answer_a_snippet_and_its_conversion_alike() {
    let (Some(nginx), Some(apache)) = (live::installed("nginx"), live::installed("apache2")) else { return };
    let files = [
        ("f.html".to_owned(), b"x".to_vec()),
        ("files/f.html".to_owned(), b"x".to_vec()),
        ("try/f.html".to_owned(), b"x".to_vec()),
    ];
    let below: Vec<_> = files.iter().map(|(path, content)| (format!("html/{path}"), content.clone())).collect();
    let mut wrong = Vec::new();
    for path in snippets().into_iter().filter(|path| !path.ends_with("left-out.conf")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let (converted, code) = convert(&text, "human");
        assert_eq!(code, Some(0), "{}", path.display());
        let converted: String =
            converted.lines().filter(|line| !line.starts_with("Listen ")).map(|line| format!("{line}\n")).collect();
        let source = start_nginx::nginx(&nginx, &text, &below).unwrap();
        let target = start_apache::apache(&apache, &converted.replace(PORT, "@PORT@"), &files).unwrap();
        for ask in asks() {
            let (old, new) = (comparable(&source.ask(&ask), source.port), comparable(&target.ask(&ask), target.port));
            // content is what the files make of it: only redirects and refusals are the rules' business
            let content =
                |answer: &(u16, Option<String>)| answer.1.is_none() && matches!(answer.0, 200 | 404 | 403 | 405 | 502);
            if old != new && !(content(&old) && content(&new)) {
                wrong.push(format!("{}: {ask:?}: {old:?}, converted {new:?}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
