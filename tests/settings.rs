//! Promise: every key of `redirlint.yaml` does what the file that `init` writes says of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/command.rs"]
mod command;

use command::{folder, json, run, trouble};

const LOOP: &str = "Redirect 301 /a /b\nRedirect 301 /b /a\n";
const CLEAN: &str = "Redirect 301 /old /new\n";

fn severities(site: &tempfile::TempDir, args: &[&str]) -> Vec<String> {
    let report = json(&run(site.path(), &[&["check", "sub/.htaccess", "--format", "json"], args].concat()));
    let found = report["findings"].as_array().unwrap().iter();
    found.filter(|one| one["rule"] == "redirect-loop").map(|one| one["severity"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_nearest_file_upward_counts_unless_flags_say_otherwise() {
    let site = folder(&[
        ("sub/.htaccess", LOOP),
        ("redirlint.yaml", "ignore: [redirect-loop]\n"),
        ("other.yaml", "severity: {redirect-loop: info}\n"),
    ]);
    assert!(severities(&site, &[]).is_empty());
    assert_eq!(severities(&site, &["--no-config"]).len(), 1);
    assert_eq!(severities(&site, &["--config", "other.yaml"]), ["info"]);
    assert_eq!(severities(&site, &["--select", "redirect-loop"]).len(), 1, "the command line wins");
}

#[test]
fn settings_that_make_no_sense_are_trouble_with_their_place() {
    let site = folder(&[(".htaccess", CLEAN), ("redirlint.yaml", "ignore: []\nselct: []\n")]);
    trouble(&run(site.path(), &[".htaccess"]), &["redirlint.yaml", "line 2", "did you mean `select`?"]);
}

#[test]
fn init_writes_a_file_that_is_accepted_and_never_overwrites_one_unasked() {
    let site = folder(&[(".htaccess", CLEAN)]);
    assert_eq!(run(site.path(), &["init"]).status.code(), Some(0));
    assert_eq!(run(site.path(), &[".htaccess"]).status.code(), Some(0));
    std::fs::write(site.path().join("redirlint.yaml"), "mine").unwrap();
    trouble(&run(site.path(), &["init"]), &["exists", "--force"]);
    assert_eq!(std::fs::read(site.path().join("redirlint.yaml")).unwrap(), b"mine");
    assert_eq!(run(site.path(), &["init", "--force"]).status.code(), Some(0));
}

/// How loud a rule is under settings; `None` where it says nothing.
fn level(files: &[(&str, &str)], settings: &str, rule: &str) -> Option<String> {
    let site = folder(&[files, &[("redirlint.yaml", settings)]].concat());
    let report = json(&run(site.path(), &["check", files[0].0, "--format", "json"]));
    let found = report["findings"].as_array().unwrap().iter().find(|one| one["rule"] == rule);
    found.map(|one| one["severity"].as_str().unwrap().to_owned())
}

/// What each setting makes of a rule on a text: under `None`, without any.
fn under(name: &str, text: &str, rule: &str, expected: &[(&str, Option<&str>)]) {
    for (assumed, wanted) in expected {
        let settings = if assumed.is_empty() { String::new() } else { format!("assume: {{ {assumed} }}\n") };
        let got = level(&[(name, text)], &settings, rule);
        assert_eq!(got.as_deref(), *wanted, "{rule} under `{assumed}`");
    }
}

fn htaccess(text: &str, rule: &str, expected: &[(&str, Option<&str>)]) {
    under(".htaccess", &format!("RewriteEngine On\n{text}\n"), rule, expected);
}

fn server(text: &str, rule: &str, expected: &[(&str, Option<&str>)]) {
    under("nginx.conf", &format!("events {{}}\nhttp {{ server {{ {text} }} }}\n"), rule, expected);
}

#[test]
fn own_hosts_and_known_ones_may_get_the_method_and_the_body() {
    let text = "RewriteRule ^pay$ https://pay.example.net/pay [R=308,L]";
    let own = "hosts: [www.example.com]";
    htaccess(
        text,
        "method-preserving-cross-origin",
        &[
            ("", None),
            (own, Some("warning")),
            ("canonical_host: www.example.com", Some("warning")),
            (&format!("{own}, known_external_hosts: [pay.example.net]"), None),
            ("hosts: [www.example.com, example.net]", None),
        ],
    );
}

#[test]
fn a_lone_file_is_asked_at_the_canonical_host() {
    let chain = "Redirect 301 /a /b\nRedirect 301 /b /c\n";
    let site = folder(&[(".htaccess", chain), ("redirlint.yaml", "assume: { canonical_host: www.example.org }\n")]);
    let report = json(&run(site.path(), &["check", ".htaccess", "--format", "json"]));
    assert_eq!(report["findings"][0]["witness"]["url"], "http://www.example.org/a", "{report}");
}

#[test]
fn what_ends_tls_in_front_decides_whether_a_redirect_to_https_ends() {
    let rule = "tls-proxy-redirect-loop";
    let behind = "listen 80; server_name e.com; set_real_ip_from 10.0.0.0/8; root /w; if ($scheme = http) { return 301 https://$host$request_uri; }";
    let levels = |no, maybe, always| {
        [
            ("tls_terminated_upstream: no", no),
            ("tls_terminated_upstream: maybe", maybe),
            ("tls_terminated_upstream: always", always),
        ]
    };
    server(behind, rule, &levels(None, Some("info"), Some("warning")));
    let alone = "RewriteCond %{HTTPS} off\nRewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]";
    htaccess(alone, rule, &levels(None, None, Some("warning")));
}

#[test]
fn the_header_of_the_proxy_is_sent_along_before_a_redirect_to_https_is_called_endless() {
    let text = "RewriteCond %{HTTP:X-Proto} !=secure\nRewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]";
    let with = |header: &str| format!("tls_terminated_upstream: always, tls_header: {header}");
    htaccess(
        text,
        "tls-proxy-redirect-loop",
        &[
            (&with("{ name: X-Proto, value: secure }"), None),
            (&with("{ name: X-Proto, value: https }"), Some("warning")),
            (&with("{ name: X-Scheme, value: secure }"), Some("warning")),
            ("tls_terminated_upstream: always", None),
        ],
    );
}

#[test]
fn a_header_that_is_added_in_front_is_not_missed() {
    let text =
        "listen 443 ssl; ssl_certificate c.pem; ssl_certificate_key k.pem; server_name example.com; return 200 x;";
    server(text, "hsts-missing", &[("", Some("warning")), ("hsts_upstream: true", None)]);
}

#[test]
fn a_lone_file_is_judged_alone_where_the_user_says_so() {
    let text = "RewriteRule ^a$ /b [R=301,L]\n";
    let levels =
        [("", Some("warning")), ("vhost_visible: false", Some("warning")), ("vhost_visible: true", Some("error"))];
    under(".htaccess", text, "rewrite-engine-off", &levels);
}

#[test]
fn files_below_the_document_root_decide_what_depends_on_them() {
    let text = "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^a$ /b [R=301,L]\nRewriteRule ^b$ /a [R=301,L]\n";
    let known = "assume: { document_root: public }\n";
    let alone: &[(&str, &str)] = &[("public/.htaccess", text)];
    assert_eq!(level(alone, "", "conditional-redirect-loop").as_deref(), Some("info"));
    assert_eq!(level(alone, known, "redirect-loop").as_deref(), Some("error"));
    let with_file = [alone, &[("public/a", "there")]].concat();
    for rule in ["redirect-loop", "conditional-redirect-loop"] {
        assert_eq!(level(&with_file, known, rule), None, "{rule}");
    }
    let site = folder(&[(".htaccess", CLEAN), ("redirlint.yaml", "assume: { document_root: nowhere }\n")]);
    trouble(&run(site.path(), &[".htaccess"]), &["nowhere", "is no folder"]);
}

#[test]
fn index_files_are_those_of_a_folder_whose_configuration_names_none() {
    let text =
        |more: &str| format!("listen 80; server_name e.com; root /w; {more} rewrite ^/start\\.html$ / permanent;");
    let said = "index_files: [start.html]";
    server(&text(""), "index-redirect-loop", &[("", None), (said, Some("warning"))]);
    server(&text("index main.html;"), "index-redirect-loop", &[(said, None)]);
}

#[test]
fn what_a_server_of_that_version_does_not_know_is_told() {
    let rule = "version-gated-feature";
    htaccess(
        "RewriteRule ^a$ /b [R=301,END]",
        rule,
        &[
            ("", None),
            ("apache_version: 2.2", Some("warning")),
            ("apache_version: 2.4", None),
            ("nginx_version: 1.2", None),
        ],
    );
    // a number of YAML would lose its last digit
    server(
        "listen 80; return 308 /x;",
        rule,
        &[
            ("nginx_version: 1.10", Some("warning")),
            ("nginx_version: \"1.12.2\"", Some("warning")),
            ("nginx_version: 1.20", None),
        ],
    );
}

#[test]
fn paths_of_programs_and_of_temporary_redirects_are_the_users_word() {
    let moved = "listen 80; location /api/ { return 301 /v2/; }";
    server(moved, "method-lost-on-redirect", &[("", None), ("api_paths: [\"/api/**\"]", Some("warning"))]);
    let sale = "Redirect /sale/shoes /shoes\n";
    let levels =
        [("", Some("warning")), ("temporary_ok: [\"/sale/*\"]", None), ("temporary_ok: [\"/shoes\"]", Some("warning"))];
    under(".htaccess", sale, "implicit-temporary-redirect", &levels);
}

#[test]
fn more_hops_than_are_acceptable_are_an_error() {
    let chain: String = (0..4).map(|at| format!("Redirect 301 /a{at} /a{}\n", at + 1)).collect();
    let levels = [("", Some("warning")), ("max_hops: 4", Some("warning")), ("max_hops: 3", Some("error"))];
    under(".htaccess", &chain, "redirect-chain", &levels);
}

#[test]
fn a_folder_with_a_choice_of_its_own_is_judged_by_it() {
    let settings = "ignore: [style]\noverrides:\n  - paths: [old]\n    severity: { loop-chain: info }\n  - paths: ['old/*/deep']\n    ignore: [redirect-loop]\n";
    for (path, wanted) in
        [("new/.htaccess", Some("error")), ("old/.htaccess", Some("info")), ("old/x/deep/.htaccess", None)]
    {
        assert_eq!(level(&[(path, LOOP)], settings, "redirect-loop").as_deref(), wanted, "{path}");
    }
}

#[test]
fn values_that_make_no_sense_are_told_in_the_words_of_the_file() {
    for (text, words) in [
        ("assume: []", "expected keys with values, found a list"),
        ("assume: { max_hops: 0 }", "`0` is no number of redirects from 1 to 100"),
        ("assume: { max_hops: many }", "`many` is no number"),
        ("assume: { hosts: example.com }", "assume.hosts: expected a list, like `[one, two]`, found \"example.com\""),
        ("assume: { canonical_host: \"https://e.com/\" }", "`https://e.com/` is no name of a host"),
        ("assume: { hosts: [\"e.com:8080\"] }", "`e.com:8080` is no name of a host"),
        ("assume: { hsts_upstream: maybe }", "expected `true` or `false`"),
        ("assume: { tls_terminated_upstream: sometimes }", "none of `no`, `maybe` and `always`"),
        ("assume: { tls_header: X-Proto }", "expected `name` and `value`"),
        ("assume: { tls_header: { name: X-Proto } }", "the key `value` is missing"),
        ("assume: { apache_version: new }", "write it like `2.4.62`"),
        ("assume: { api_paths: [\"[\"] }", "`[` is no pattern of paths"),
        ("severity: { status: erorr }", "did you mean `error`?"),
        ("overrides: [{ path: [a] }]", "did you mean `paths`?"),
        ("overrides: [{ ignore: [status] }]", "the key `paths` is missing"),
        ("just a text", "expected keys with values"),
    ] {
        let site = folder(&[(".htaccess", CLEAN), ("redirlint.yaml", text)]);
        trouble(&run(site.path(), &[".htaccess"]), &["redirlint.yaml", "line 1", words]);
    }
}
