//! Promise: a configuration written to do harm ends with a message and an exit code, soon, and never with a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/untrusting.rs"]
mod untrusting;

use std::os::unix::ffi::OsStrExt;
use std::process::Command;
use untrusting::{folder, nginx, run};

#[test]
fn expressions_that_run_away_end_at_a_limit() {
    let text = "RedirectMatch 301 ^/(a+)+$ /b\nRedirectMatch 301 ^/(x*)*y(x*)*$ /c\nRedirectMatch 301 (((a{1,30}){1,30}){1,30})b /d\n";
    let site = folder(".htaccess", text);
    run(site.path(), &["check", ".htaccess"]);
    let long = format!("http://localhost/{}!", "a".repeat(40));
    run(site.path(), &["trace", ".htaccess", &long]);
}

#[test]
fn expressions_whose_automata_explode_leave_the_question_open() {
    let text: String = (0..6).map(|at| format!("RedirectMatch 301 ^/.*[ab].{{{}}}x$ /to{at}\n", 200 + at)).collect();
    run(folder(".htaccess", text).path(), &["check", ".htaccess"]);
}

#[test]
fn ten_thousand_blocks_in_each_other_are_read_or_refused() {
    let deep = format!("{}{}", "location /a {\n".repeat(10_000), "}\n".repeat(10_000));
    let site = folder("nginx.conf", nginx(&deep));
    run(site.path(), &["check", "nginx.conf"]);
    let deep = format!("{}{}", "<IfModule a>\n".repeat(10_000), "</IfModule>\n".repeat(10_000));
    run(folder(".htaccess", deep).path(), &["check", ".htaccess"]);
    let deep = format!(
        "RewriteEngine On\nRewriteCond expr \"{}true{}\"\nRewriteRule a b\n",
        "(".repeat(3_000),
        ")".repeat(3_000)
    );
    run(folder(".htaccess", deep).path(), &["check", ".htaccess"]);
    let deep = format!("RedirectMatch 301 {}a{} /b\n", "(".repeat(240), ")".repeat(240));
    run(folder(".htaccess", deep).path(), &["check", ".htaccess"]);
}

#[test]
fn a_line_of_ten_megabytes_is_one_line() {
    let line = format!("Redirect 301 /a /{}\n", "x".repeat(10_000_000));
    let site = folder(".htaccess", line);
    run(site.path(), &["check", ".htaccess"]);
    let line = nginx(&format!("return 301 /{};", "x".repeat(10_000_000)));
    run(folder("nginx.conf", line).path(), &["check", "nginx.conf"]);
}

#[test]
fn includes_in_circles_and_bombs_end() {
    let site = folder("nginx.conf", "events {}\nhttp { include nginx.conf; }\n");
    let ended = run(site.path(), &["check", "nginx.conf"]);
    assert_ne!(ended.code, Some(0), "{}", ended.out);
    // Each file includes the next one twenty times: 20^8 readings.
    for at in 0..8 {
        let text = format!("include {}.conf;\n", at + 1).repeat(20);
        std::fs::write(site.path().join(format!("{at}.conf")), text).unwrap();
    }
    std::fs::write(site.path().join("8.conf"), "return 301 /;\n").unwrap();
    std::fs::write(site.path().join("nginx.conf"), nginx("include 0.conf;")).unwrap();
    run(site.path(), &["check", "nginx.conf"]);
}

#[test]
fn httpd_s_includes_in_circles_bombs_and_of_devices_end() {
    let site = folder("httpd.conf", "Include httpd.conf\nRedirect 301 /a /b\n");
    assert_ne!(run(site.path(), &["check", "httpd.conf"]).code, Some(0));
    for at in 0..8 {
        let text = format!("Include {}.conf\n", at + 1).repeat(20);
        std::fs::write(site.path().join(format!("{at}.conf")), text).unwrap();
    }
    std::fs::write(site.path().join("8.conf"), "Redirect 301 /a /b\n").unwrap();
    std::fs::write(site.path().join("httpd.conf"), "Include 0.conf\n").unwrap();
    run(site.path(), &["check", "httpd.conf"]);
    assert!(Command::new("mkfifo").arg(site.path().join("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("loop", site.path().join("loop")).unwrap();
    for what in ["/dev/zero", "/proc/self/mem", "pipe", "loop", "*"] {
        std::fs::write(site.path().join("httpd.conf"), format!("Include {what}\nRedirect 301 /a /a\n")).unwrap();
        run(site.path(), &["check", "httpd.conf"]);
    }
}

#[test]
fn devices_pipes_and_circular_links_are_not_read() {
    let site = folder("nginx.conf", nginx("include /dev/zero;\ninclude pipe;\ninclude loop;\ninclude /proc/self/mem;"));
    assert!(Command::new("mkfifo").arg(site.path().join("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("loop", site.path().join("loop")).unwrap();
    std::os::unix::fs::symlink(".", site.path().join("again")).unwrap();
    run(site.path(), &["check", "nginx.conf"]);
    run(site.path(), &["check", "."]);
    let ended = run(site.path(), &["check", "--as", "nginx", "pipe"]);
    assert_eq!(ended.code, Some(2), "{}", ended.told);
    let ended = run(site.path(), &["check", "--as", "nginx", "/dev/zero"]);
    assert_eq!(ended.code, Some(2), "{}", ended.told);
    let ended = run(site.path(), &["check", "loop"]);
    assert_eq!(ended.code, Some(2), "{}", ended.told);
}

/// `REDIRLINT_SUPPRESSIONS` is how many.
#[test]
fn many_suppressions_are_looked_up_and_not_searched() {
    let many = std::env::var("REDIRLINT_SUPPRESSIONS").map_or(10_000, |many| many.parse().unwrap());
    let text: String = (0..many).map(|at| format!("# redirlint: ignore\nRedirect /{at} /x\n")).collect();
    let site = folder(".htaccess", text);
    let ended = run(site.path(), &["check", "--format", "jsonl", "--ignore", "many-literal-redirects", ".htaccess"]);
    assert_eq!(ended.out, "");
}

#[test]
fn a_configuration_file_that_unfolds_without_end_is_refused() {
    let site = folder(".htaccess", "Redirect 301 /a /b\n");
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for at in 1..12 {
        let inside = vec![format!("*a{}", at - 1); 9].join(",");
        bomb += &format!("a{at}: &a{at} [{inside}]\n");
    }
    bomb += "select: *a11\n";
    std::fs::write(site.path().join("redirlint.yaml"), bomb).unwrap();
    let ended = run(site.path(), &["check", ".htaccess"]);
    assert_eq!(ended.code, Some(2), "{}", ended.told);
    std::fs::write(site.path().join("redirlint.yaml"), "[".repeat(100_000)).unwrap();
    let ended = run(site.path(), &["check", ".htaccess"]);
    assert_eq!(ended.code, Some(2), "{}", ended.told);
}

#[test]
fn nothing_a_file_says_reaches_the_terminal_as_a_command() {
    let text = "Redirect 301 /a\x1b[2J\x07 http://x/\u{202e}b\x1b]0;t\x07\nRedirect /<script>alert(1)</script> /b\u{2066}\n\x1b[31mBad\u{9b}31m x\n";
    let site = folder(".htaccess", text);
    for format in ["human", "plain", "json", "jsonl", "sarif", "github", "checkstyle", "html"] {
        let ended = run(site.path(), &["check", "--format", format, ".htaccess"]);
        for bad in ["\x1b", "\x07", "\u{202e}", "\u{2066}", "\u{9b}"] {
            assert!(!ended.out.contains(bad) && !ended.told.contains(bad), "{format} lets {bad:?} through");
        }
        assert!(format != "html" || !ended.out.contains("<script>alert"), "html lets a script through");
    }
    let ended = run(site.path(), &["trace", ".htaccess", "http://localhost/a\u{1b}[2J"]);
    assert!(!ended.out.contains('\x1b') && !ended.told.contains('\x1b'));
}

#[test]
fn no_report_is_broken_by_what_a_file_says() {
    let text = "Redirect 301 /a\"'</text><script>alert(1)</script>]]><![CDATA[ /a\nRedirect 301 /x /x\n";
    let site = folder(".htaccess", text);
    std::fs::write(site.path().join("<img src=x onerror=alert(1)>.htaccess"), "Redirect 301 /a /a\n").unwrap();
    let names = [".htaccess", "<img src=x onerror=alert(1)>.htaccess"];
    let report = |format: &str| run(site.path(), &[&["check", "--format", format], &names[..]].concat()).out;
    for format in ["html", "checkstyle"] {
        let out = report(format);
        assert!(!out.contains("<img") && !out.contains("<script>alert"), "{format}: {out}");
    }
    for format in ["sarif", "json"] {
        let told: serde_json::Value = serde_json::from_str(&report(format)).unwrap();
        assert!(told.is_object(), "{format}");
    }
    // A workflow command is one line: nothing that a file says may begin another.
    assert!(report("github").lines().all(|line| line.starts_with("::")));
    for format in ["mermaid", "svg", "html"] {
        let graph = run(site.path(), &["graph", "--format", format, ".htaccess"]);
        assert!(!graph.out.contains("<script>alert"), "{format}: {}", graph.out);
    }
}

#[test]
fn odd_names_and_missing_files_are_told_on_one_line() {
    let site = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"a\nb\x1b[2J\xff.conf");
    std::fs::write(site.path().join(name), nginx("rewrite ^/a /b permanent; rewrite ^/a /c permanent;")).unwrap();
    for format in ["human", "plain", "github", "jsonl"] {
        let ended = run(site.path(), &["check", "--format", format, "."]);
        assert!(!ended.out.contains('\x1b') && !ended.told.contains('\x1b'), "{format}");
        assert!(!ended.out.contains("a\nb") && !ended.told.contains("a\nb"), "{format}: {}{}", ended.out, ended.told);
    }
    let ended = run(site.path(), &["check", "gone.conf"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.told.contains("gone.conf"), "{}", ended.told);
}
