//! Promise: `trace -v` tells the story of a request: what was asked on the way, how that came out, and what changed;
//! and no list is so long that its story is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::process::Command;

fn story(name: &str, text: &str, args: &[&str]) -> String {
    let site = tempfile::tempdir().unwrap();
    std::fs::write(site.path().join(name), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
    command.current_dir(site.path()).args(["trace", name, "-v", "--no-config", "--color", "never"]).args(args);
    let told = String::from_utf8(command.output().unwrap().stdout).unwrap();
    told.replace(&*site.path().to_string_lossy(), "SITE")
}

const NGINX: &str = r#"events { }
http {
    map $uri $new { /mapped /target; }
    server {
        listen 80;
        server_name example.com;
        rewrite ^/never$ /nowhere permanent;
        if ($http_user_agent ~ (bot)) { set $who $1; }
        if ($host != example.com) { return 444; }
        location ~ ^/shop/(\d+)$ { return 301 /item/$1; }
        location ~ ^/item/(.*)$ { rewrite ^/item/(.*)$ /i?id=$1 redirect; }
        location / { if ($new) { return 301 $new; } }
    }
}
"#;

const HTACCESS: &str = "RewriteEngine On\n\
    RewriteRule ^never$ /nowhere [R=301,L]\n\
    RewriteCond %{HTTP_HOST} ^www\\.(.+)$ [NC]\n\
    RewriteRule ^ https://%1/ [R=301,L]\n\
    RewriteCond %{REQUEST_METHOD} !=POST\n\
    RewriteRule ^shop/(\\d+)$ /item/$1 [R=301,L]\n";

#[test]
fn nginx_tells_tests_that_fail_and_tests_that_hold() {
    insta::assert_snapshot!("nginx", story("nginx.conf", NGINX, &["http://example.com/shop/7"]));
    insta::assert_snapshot!("nginx_map", story("nginx.conf", NGINX, &["http://example.com/mapped", "--no-follow"]));
}

#[test]
fn apache_tells_tests_that_fail_and_tests_that_hold() {
    insta::assert_snapshot!("apache", story(".htaccess", HTACCESS, &["http://example.com/shop/7"]));
    insta::assert_snapshot!("apache_host", story(".htaccess", HTACCESS, &["http://WWW.example.com/x", "--no-follow"]));
}

#[test]
fn a_long_list_is_told_in_short() {
    let rules: String = (0..3000).map(|at| format!("rewrite ^/old{at}$ /new{at} permanent;\n")).collect();
    let locations: String = (0..300).map(|at| format!("location ~ ^/(l|m){at}$ {{ return 301 /n; }}\n")).collect();
    let text = format!("server {{ listen 80; server_name a.test;\n{rules}{locations}}}\n");
    let told = story("nginx.conf", &text, &["http://a.test/old2999", "--no-follow"]);
    assert!(told.contains("and 2998 more behind it") && told.contains("http://a.test/new2999"), "{told}");
    assert!(told.lines().count() < 40, "{told}");
    assert!(story("nginx.conf", &text, &["http://a.test/none", "--no-follow"]).lines().count() < 40);
}
