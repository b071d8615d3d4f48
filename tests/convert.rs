//! Promise: each snippet of `fixtures/convert` comes out as the file beside it says, twice the same, and nothing
//! is left out in silence. `REDIRLINT_BLESS=1` writes the files; read them before committing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// Converts a text for nginx: the output, the report, the exit code.
fn converted(dialect: &str, text: &[u8]) -> (String, String, Option<i32>) {
    let to = if dialect == "nginx" { "apache" } else { "nginx" };
    let mut child = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(["convert", "--to", to, "--as", dialect, "--no-config", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn a_dollar_sign_in_a_document_root_is_spelled_out() {
    let text =
        b"<VirtualHost *:80>\nServerName a.example\nDocumentRoot \"/srv/${x:y}/$z\"\nRedirect /a /b\n</VirtualHost>\n";
    let (output, report, code) = converted("apache", text);
    assert_eq!(code, Some(0), "{report}");
    assert!(output.contains("root \"/srv/${dollar}{x:y}/${dollar}z\";"), "{output}");
    assert!(output.contains("geo $dollar"), "{output}");
}

#[test]
fn a_condition_on_a_fixed_text_is_decided_and_no_table_of_networks() {
    let text = b"RewriteEngine On\nRewriteCond %{ENV:nothing} ^off$\nRewriteRule ^a$ /b [R=301,L]\nRewriteCond %{ENV:nothing} !^off$\nRewriteRule ^c$ /d [R=301,L]\n";
    let (output, report, code) = converted("htaccess", text);
    assert_eq!(code, Some(0), "{report}");
    assert!(!output.contains("geo") && !output.contains("/b") && output.contains("location = /c"), "{output}");
}

#[test]
fn a_status_that_nginx_does_not_take_is_left_out() {
    let (output, report, code) = converted("htaccess", b"Redirect 65535 /a\n");
    assert_ne!(code, Some(2), "{report}");
    assert!(!output.contains("return 65535"), "{output}");
}

#[test]
fn a_group_that_the_pattern_does_not_have_is_empty() {
    let text = b"RewriteEngine On\nRewriteCond $1 ^x\nRewriteRule ^a /b [R=301,L]\nRewriteCond $1 !^x\nRewriteRule !^c(.) /d$1 [R=301,L]\n";
    let (output, report, code) = converted("htaccess", text);
    assert_eq!(code, Some(0), "{report}");
    assert!(!output.contains("part_1"), "{output}");
}

#[test]
fn a_target_at_the_sites_own_url_is_served_and_not_redirected_to() {
    let host = |name: &str, target: &str| {
        format!(
            "<VirtualHost *:80>\nServerName {name}:80\nDocumentRoot /srv\nRewriteEngine On\nRewriteRule ^/a$ {target} [L]\n</VirtualHost>\n"
        )
    };
    let (output, report, code) = converted("apache", host("own.example", "http://own.example/b").as_bytes());
    assert_eq!(code, Some(0), "{report}");
    assert!(output.contains("rewrite ^/a") && !output.contains("return"), "{output}");
    let (output, report, _) = converted("apache", host("own.example", "http://other.example/b").as_bytes());
    assert!(output.contains("return 302 http://other.example/b"), "{output}{report}");
}

#[test]
fn a_htaccess_lies_over_the_section_of_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("site");
    std::fs::create_dir(&root).unwrap();
    let shown = root.display();
    let main = format!(
        "DocumentRoot {shown}\n<Directory {shown}>\nAllowOverride All\nRewriteEngine On\nRewriteRule ^a$ /x [R=301,L]\nRedirect 302 /c /d\nErrorDocument 404 /outer\n</Directory>\n"
    );
    let file = folder.path().join("httpd.conf");
    std::fs::write(&file, main).unwrap();
    let ask = || {
        let output = Command::new(env!("CARGO_BIN_EXE_redirlint"))
            .args(["convert", "--to", "nginx", "--as", "apache", "--no-config", "--files", "real"])
            .arg(&file)
            .output()
            .unwrap();
        let all = [output.stdout, output.stderr].concat();
        (String::from_utf8_lossy(&all).into_owned(), output.status.code())
    };
    std::fs::write(root.join(".htaccess"), "Redirect 301 /e /f\nErrorDocument 404 /inner\n").unwrap();
    let (text, code) = ask();
    assert_eq!(code, Some(0), "{text}");
    assert!(["/x", "/d", "/f", "error_page 404 /inner"].iter().all(|part| text.contains(part)), "{text}");
    assert!(!text.contains("/outer"), "{text}");
    std::fs::write(root.join(".htaccess"), "RewriteEngine On\nRewriteRule ^b$ /y [R=301,L]\n").unwrap();
    let (text, code) = ask();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("/y") && text.contains("/d") && !text.contains("/x"), "{text}");
}

#[test]
fn what_is_understood_of_a_broken_file_is_converted_and_the_rest_stands_as_a_comment() {
    let broken: [(&str, &[u8]); 4] = [
        ("htaccess", b"Redirect 301 /a /b\n<IfModule mod_x.c>\nRedirect 301 /c\nRewriteRule ^d$\n"),
        ("htaccess", b"Redirect 301 /a /b\n{% if x %}\nRedirect 301 /old {{ target }}\n{% endif %}\nRewriteRule <%= a %> /z [R]\n"),
        ("htaccess", b"Redirect 301 /a /b\n\x00\x01\x7fELF\xff\xfe\x1b[31m\nRedirect 301 \"/half\n"),
        ("htaccess", b"Redirect 301 /a /b\nRewriteRule ^x$ /y [R=301,\n"),
    ];
    for (dialect, text) in broken {
        let (output, report, code) = converted(dialect, text);
        let shown = format!("{}\n{output}\n{report}", String::from_utf8_lossy(text));
        assert_eq!(code, Some(1), "{shown}");
        assert!(output.contains("/b$part_1_url"), "{shown}");
        assert!(output.contains("# not converted: "), "{shown}");
        assert!(report.contains("left out: "), "{shown}");
        assert!(!report.contains('\x1b'), "{shown}");
    }
}

#[test]
fn a_broken_nginx_file_is_converted_as_far_as_it_is_understood() {
    let text = b"server {\n  location = /a { return 301 /b; }\n  rewrite ^/c$ {{ target }} permanent;\n  location = /d { return 301 /e\n";
    let (output, report, code) = converted("nginx", text);
    assert_eq!(code, Some(1), "{output}\n{report}");
    assert!(output.contains("/b"), "{output}\n{report}");
    assert!(report.contains("left out: "), "{output}\n{report}");
}

#[test]
fn a_file_is_written_whole_and_only_overwritten_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join(".htaccess"), folder.path().join("out.conf"));
    std::fs::write(&from, "Redirect 301 /a /b\n").unwrap();
    let write = |force: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
        command.args(["convert", "--to", "nginx", "--no-config", "-o"]).arg(&to).args(force).arg(&from);
        command.output().unwrap().status.code()
    };
    assert_eq!(write(&[]), Some(0));
    let text = std::fs::read_to_string(&to).unwrap();
    std::fs::write(&to, "mine").unwrap();
    assert_eq!(write(&[]), Some(2));
    assert_eq!(std::fs::read_to_string(&to).unwrap(), "mine");
    assert_eq!(write(&["--force"]), Some(0));
    assert_eq!(std::fs::read_to_string(&to).unwrap(), text);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_is_left_out_is_told_with_the_way_to_do_it_by_hand() {
    let (_, report, _) = converted("htaccess", b"RewriteEngine On\nRewriteRule ^(.*)_(.*)$ $1-$2 [N]\n");
    assert!(report.contains("left out: ") && report.contains("by hand: "), "{report}");
}
