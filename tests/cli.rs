//! Promise: the command line keeps its contract (flags, exit codes, fields), and bad input gets a clear message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/command.rs"]
mod command;

use command::{err, fed, folder, json, out, run, trouble};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

const LOOP: &str = "Redirect 301 /a /b\nRedirect 301 /b /a\n";
const CLEAN: &str = "Redirect 301 /old /new\n";

mod bad_input {
    use super::*;

    #[test]
    fn a_missing_file_is_named_and_the_others_are_still_checked() {
        let site = folder(&[("b.htaccess", LOOP)]);
        let output = run(site.path(), &["none.htaccess", "b.htaccess"]);
        trouble(&output, &["cannot read `none.htaccess`", "No such file"]);
        assert!(out(&output).contains("redirect-loop"));
    }

    #[test]
    fn a_folder_without_permission_is_named_and_the_others_are_still_checked() {
        let site = folder(&[(".htaccess", LOOP), ("closed/.htaccess", CLEAN)]);
        let closed = site.path().join("closed");
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
        // nothing is closed to the superuser
        let open_anyway = std::fs::read_dir(&closed).is_ok();
        let output = run(site.path(), &["."]);
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(out(&output).contains("redirect-loop"));
        if !open_anyway {
            trouble(&output, &["closed", "ermission denied"]);
        }
    }

    #[test]
    fn a_binary_file_is_refused_by_name_and_skipped_in_a_search() {
        let site =
            folder(&[("x.bin", "\u{0}\u{1}RewriteRule\u{0}"), ("y.conf", "\u{0}\u{1}\u{2}"), (".htaccess", CLEAN)]);
        trouble(&run(site.path(), &["x.bin"]), &["`x.bin` is a binary file"]);
        assert_eq!(run(site.path(), &["."]).status.code(), Some(0));
    }

    #[test]
    fn a_file_of_a_hundred_megabytes_is_refused_unread() {
        let site = folder(&[]);
        let file = std::fs::File::create(site.path().join(".htaccess")).unwrap();
        file.set_len(100 << 20).unwrap();
        trouble(&run(site.path(), &[".htaccess"]), &["`.htaccess`", "larger than"]);
    }

    #[test]
    fn an_include_cycle_ends() {
        let site = folder(&[
            ("nginx.conf", "events {}\nhttp {\n  include a.conf;\n}\n"),
            ("a.conf", "include b.conf;\n"),
            ("b.conf", "include a.conf;\n"),
        ]);
        let output = run(site.path(), &["trace", "nginx.conf", "/", "--format", "json"]);
        assert_eq!(json(&output)["outcome"], "config-error");
        let output = run(site.path(), &["nginx.conf"]);
        assert!(matches!(output.status.code(), Some(0..=2)), "{}", err(&output));
        let apache = folder(&[("httpd.conf", "Include a.conf\n"), ("a.conf", "Include httpd.conf\n")]);
        let output = run(apache.path(), &["trace", "httpd.conf", "/", "--format", "json"]);
        assert_eq!(json(&output)["outcome"], "config-error", "{}", out(&output));
    }

    #[test]
    fn ten_thousand_nested_blocks_are_survived() {
        let nginx = format!("{}return 301 /;{}", "location / {\n".repeat(10_000), "}".repeat(10_000));
        let apache = format!("{}{}", "<IfModule x>\n".repeat(10_000), "</IfModule>\n".repeat(10_000));
        let site = folder(&[("nginx.conf", nginx.as_str()), (".htaccess", apache.as_str())]);
        for file in ["nginx.conf", ".htaccess"] {
            let output = run(site.path(), &[file]);
            assert!(output.status.code().is_some_and(|code| code <= 2), "{file}: {:?} {}", output.status, err(&output));
        }
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let site = folder(&[]);
        let pipe = site.path().join("pipe.htaccess");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        trouble(&run(site.path(), &["pipe.htaccess"]), &["`pipe.htaccess`", "not a regular file"]);
        assert_eq!(run(site.path(), &["."]).status.code(), Some(0), "and left aside in a search");
    }

    #[test]
    fn a_file_in_no_known_language_says_what_to_do() {
        let site = folder(&[("x", "hello\n")]);
        trouble(&run(site.path(), &["x"]), &["cannot tell the language of `x`", "--as nginx"]);
        let site = folder(&[("README.md", "# Notes\n\nRewriteEngine On\nRewriteRule ^a$ /b [R=301,L]\n")]);
        trouble(&run(site.path(), &["README.md"]), &["`README.md` is no configuration by its name", "--as htaccess"]);
    }

    #[test]
    fn nothing_to_check_is_said() {
        let output = run(folder(&[("readme.txt", "x")]).path(), &[]);
        assert_eq!(output.status.code(), Some(0));
        assert!(out(&output).contains("no redirect configuration found"), "{}", out(&output));
    }

    #[test]
    fn what_would_steer_a_terminal_never_reaches_it() {
        let text =
            "Redirect 301 \"/a\u{1b}]0;x\u{7}\" /b\u{202e}\u{1b}[31m\nRedirect 301 /b /b\u{9b}2J\n\u{1b}[2Jx y\n";
        let name = "evil\u{1b}[31m.htaccess";
        let site = folder(&[(name, text)]);
        let name = format!("./{name}");
        for args in [
            vec!["check", &name, "--color", "never", "--fail-on", "never"],
            vec!["check", &name, "--format", "plain"],
            vec!["check", &name, "--statistics"],
            vec!["check", &name, "--format", "github"],
            vec!["trace", &name, "/b", "--color", "never", "-v"],
            vec!["graph", &name, "--format", "mermaid"],
            vec!["check", "none\u{1b}[31m"],
            vec!["explain", "\u{1b}[31m"],
        ] {
            let output = run(site.path(), &args);
            for text in [out(&output), err(&output)] {
                let bad = text.chars().find(|c| (c.is_control() && !"\n\t".contains(*c)) || *c == '\u{202e}');
                assert!(bad.is_none(), "{args:?}: {bad:?} in {text:?}");
            }
        }
    }
}

mod exit_codes {
    use super::*;

    #[test]
    fn findings_fail_by_their_severity() {
        let site = folder(&[("w.htaccess", LOOP), ("c.htaccess", CLEAN)]);
        let code = |args: &[&str]| run(site.path(), args).status.code();
        assert_eq!(code(&["c.htaccess"]), Some(0));
        assert_eq!(code(&["w.htaccess"]), Some(1));
        assert_eq!(code(&["w.htaccess", "--fail-on", "never"]), Some(0));
        assert_eq!(code(&["w.htaccess", "--fail-on", "info"]), Some(1));
    }

    #[test]
    fn usage_is_trouble_and_help_is_not() {
        let site = folder(&[]);
        trouble(&run(site.path(), &["--formt", "json"]), &["--format"]);
        trouble(&run(site.path(), &["chek"]), &["no file `chek`", "did you mean the command `check`"]);
        trouble(&run(site.path(), &["trace", ".htaccess"]), &["<URL>"]);
        trouble(&run(site.path(), &["--select", "redirect-lop"]), &["did you mean `redirect-loop`"]);
        trouble(&run(site.path(), &["--server-version", "new", "--as", "nginx", "-"]), &["`new` is not a version"]);
        let help = run(site.path(), &["--help"]);
        assert_eq!(help.status.code(), Some(0));
        assert!(out(&help).contains("Exit codes"));
        assert!(out(&run(site.path(), &["--version"])).contains("PCRE2"));
    }
}

mod checking {
    use super::*;

    #[test]
    fn json_has_the_promised_fields() {
        let site = folder(&[(".htaccess", LOOP)]);
        let report = json(&run(site.path(), &[".htaccess", "--format", "json"]));
        assert_eq!(report["version"], 1);
        assert_eq!((&report["summary"]["files"], &report["summary"]["directives"]), (&1.into(), &2.into()));
        let finding = &report["findings"][0];
        assert_eq!((&finding["rule"], &finding["file"]), (&"redirect-loop".into(), &".htaccess".into()));
        let start = &finding["range"]["start"];
        assert!(start["line"].is_u64() && start["column"].is_u64() && start["byte"].is_u64(), "{finding}");
        assert_eq!(finding["witness"]["observed"][0]["status"], 301);
        assert!(finding["message"].is_string() && finding["severity"].is_string() && finding["related"].is_array());
    }

    #[test]
    fn standard_input_needs_a_language_only_where_nothing_tells() {
        let here = folder(&[]);
        let read = |args: &[&str], text| fed(here.path(), args, text);
        assert!(out(&read(&["-", "--as", "htaccess"], LOOP)).contains("redirect-loop"));
        assert!(out(&read(&["-"], LOOP)).contains("redirect-loop"));
        trouble(&read(&["-"], "hello"), &["cannot tell the language of `-`"]);
    }

    #[test]
    fn rules_are_chosen_by_name_and_group() {
        let site = folder(&[(".htaccess", &format!("{LOOP}Redirect /x /y\n"))]);
        let rules = |args: &[&str]| {
            let report = json(&run(site.path(), &[&["check", ".htaccess", "--format", "json"], args].concat()));
            let found = report["findings"].as_array().unwrap().iter();
            found.map(|one| one["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(rules(&["--select", "redirect-loop"]), ["redirect-loop"]);
        assert_eq!(rules(&["--select", "status"]), ["implicit-temporary-redirect"]);
        assert!(!rules(&["--ignore", "loop-chain"]).contains(&"redirect-loop".to_owned()));
    }

    #[test]
    fn a_comment_in_the_configuration_suppresses_a_rule() {
        let site =
            folder(&[(".htaccess", "# redirlint: ignore[implicit-temporary-redirect] a sale\nRedirect /x /y\n")]);
        let report = json(&run(site.path(), &[".htaccess", "--format", "json", "--select", "status"]));
        assert_eq!(report["summary"]["findings"], 0, "{report}");
    }

    #[test]
    fn colour_follows_the_flags_and_the_environment() {
        let site = folder(&[(".htaccess", LOOP)]);
        let coloured = |args: &[&str], name: &str, value: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
            let output = command.args(args).current_dir(site.path()).env_remove("NO_COLOR").env(name, value).output();
            output.unwrap().stdout.contains(&0x1b)
        };
        assert!(!coloured(&[".htaccess"], "A", "1"), "no terminal, no colour");
        assert!(coloured(&[".htaccess", "--color", "always"], "A", "1"));
        assert!(coloured(&[".htaccess"], "CLICOLOR_FORCE", "1"));
        assert!(!coloured(&[".htaccess", "--color", "never"], "CLICOLOR_FORCE", "1"));
        assert!(coloured(&[".htaccess", "--color", "always"], "NO_COLOR", "1"), "the flag says more");
    }

    #[test]
    fn the_report_is_as_wide_as_the_screen() {
        let site = folder(&[(".htaccess", LOOP)]);
        let widest = |columns: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
            let output = command.arg(".htaccess").current_dir(site.path()).env("COLUMNS", columns).output().unwrap();
            out(&output).lines().map(|line| line.chars().count()).max().unwrap()
        };
        assert!(widest("60") <= 60, "{}", widest("60"));
        assert!(widest("200") > widest("60"));
    }

    #[test]
    fn nested_files_are_one_site_and_each_finding_is_told_once() {
        let site = folder(&[
            ("www/.htaccess", "Redirect 301 /sub/x /sub/y\n"),
            ("www/sub/.htaccess", "Redirect 301 /sub/y /sub/x\n"),
        ]);
        let report = json(&run(site.path(), &["check", "www", "www/sub/.htaccess", "--format", "json"]));
        assert_eq!(report["summary"]["findings"], 1, "{report}");
        assert_eq!(report["findings"][0]["rule"], "redirect-loop");
        assert!(report["findings"][0]["file"].as_str().unwrap().starts_with("www/"), "{report}");
    }

    #[test]
    fn an_included_file_is_read_with_the_one_that_includes_it_only() {
        let site = folder(&[
            ("a.conf", "location = /a { return 301 /b; }\nlocation = /b { return 301 /a; }\n"),
            ("nginx.conf", "events {}\nhttp { server { listen 80; include a.conf; } }\n"),
        ]);
        let report = json(&run(site.path(), &["--format", "json", "--select", "redirect-loop"]));
        assert_eq!(report["summary"]["findings"], 1, "{report}");
        assert_eq!(report["findings"][0]["file"], "a.conf");
    }
}

mod tracing {
    use super::*;

    fn trace(text: &str, args: &[&str]) -> Value {
        let site = folder(&[(".htaccess", text)]);
        json(&run(site.path(), &[&["trace", ".htaccess"], args, &["--format", "json"]].concat()))
    }

    #[test]
    fn json_has_the_promised_fields() {
        let answer = trace(LOOP, &["http://example.com/a?x=1"]);
        assert_eq!((&answer["version"], &answer["outcome"]), (&1.into(), &"loop".into()));
        let hop = &answer["hops"][0];
        assert_eq!(
            (&hop["request"]["method"], &hop["request"]["url"]),
            (&"GET".into(), &"http://example.com/a?x=1".into())
        );
        let response = &hop["response"];
        assert_eq!((&response["status"], &response["location"]), (&301.into(), &"http://example.com/b?x=1".into()));
        assert!(response["headers"].is_array() && response["served"].is_null());
        assert_eq!((&hop["cause"]["file"], &hop["cause"]["line"]), (&".htaccess".into(), &1.into()));
        assert_eq!(hop["cause"]["directive"], "Redirect 301 /a /b");
        assert!(hop["steps"].is_array() && hop["assumptions"].is_array());
    }

    #[test]
    fn hops_end_at_the_limit_of_the_flag_or_the_client() {
        let text = "RewriteEngine On\nRewriteRule ^(.*)$ /x$1 [R=301,L]\n";
        let hops = |args: &[&str]| {
            let answer = trace(text, &[&["/"], args].concat());
            assert_eq!(
                answer["outcome"],
                if args == ["--no-follow"] { answer["outcome"].clone() } else { "too-many-hops".into() }
            );
            answer["hops"].as_array().unwrap().len()
        };
        assert_eq!(hops(&["--no-follow"]), 1);
        let (browser, curl, bot) = (hops(&[]), hops(&["--client", "curl"]), hops(&["--client", "googlebot"]));
        assert!(bot < browser && browser < curl, "{bot} {browser} {curl}");
        assert_eq!(hops(&["--max-hops", "10"]), bot);
    }

    #[test]
    fn method_and_headers_are_those_of_the_flags() {
        let text = "RewriteEngine On\nRewriteCond %{REQUEST_METHOD} =POST\nRewriteCond %{HTTP:X-Beta} =1\nRewriteRule ^a$ /b [R=307,L]\n";
        let status = |args: &[&str]| {
            trace(text, &[&["/a", "--no-follow"], args].concat())["hops"][0]["response"]["status"].clone()
        };
        assert_eq!(status(&["-X", "POST", "-H", "X-Beta: 1"]), 307);
        assert_ne!(status(&["-X", "POST"]), 307);
        assert_ne!(status(&["-H", "X-Beta: 1"]), 307);
    }

    #[test]
    fn what_is_assumed_decides_tests_of_files() {
        let site = folder(&[(
            "nginx.conf",
            "events {}\nhttp { server { listen 80; root /w; location / { if (-f $request_filename) { return 301 /is; } return 302 /not; } } }\n",
        )]);
        let status = |args: &[&str]| {
            let answer = json(&run(
                site.path(),
                &[&["trace", "nginx.conf", "/x", "--no-follow", "--format", "json"], args].concat(),
            ));
            answer["hops"][0]["response"]["status"].clone()
        };
        assert_eq!(status(&["--assume", "file:/w/x"]), 301);
        assert_eq!(status(&["--files", "real"]), 302);
        trouble(&run(site.path(), &["trace", "nginx.conf", "/x", "--assume", "x"]), &["`x` is nothing to assume"]);
    }

    #[test]
    fn a_header_without_a_colon_is_refused() {
        let site = folder(&[(".htaccess", CLEAN)]);
        trouble(&run(site.path(), &["trace", ".htaccess", "/", "-H", "Host"]), &["`Host` is no header"]);
    }

    #[test]
    fn a_configuration_that_is_refused_says_where() {
        let site = folder(&[("nginx.conf", "events {}\nhttp {\n  server { listen 80; retrun 301 /; }\n}\n")]);
        let answer = json(&run(site.path(), &["trace", "nginx.conf", "/", "--format", "json"]));
        assert_eq!((&answer["outcome"], answer["hops"].as_array().unwrap().len()), (&"config-error".into(), 0));
        assert!(answer["error"].to_string().contains("retrun"), "{answer}");
    }

    #[test]
    fn a_folder_is_a_site_and_several_configurations_are_not_guessed_among() {
        let site = folder(&[("w/.htaccess", CLEAN), ("w/sub/.htaccess", "Redirect 301 /sub/a /sub/b\n")]);
        let answer = json(&run(site.path(), &["trace", "w", "/sub/a", "--format", "json"]));
        assert_eq!(answer["hops"][0]["cause"]["file"], "w/sub/.htaccess", "{answer}");
        let many = folder(&[("a.conf", "server { listen 80; }\n"), ("b.conf", "server { listen 81; }\n")]);
        trouble(&run(many.path(), &["trace", ".", "/"]), &["several configurations", "a.conf"]);
    }

    #[test]
    fn many_requests_are_answered_a_line_each_in_order() {
        let site = folder(&[(".htaccess", CLEAN)]);
        let asked = "{\"url\":\"http://h/old\"}\n{\"target\":\"/x\",\"headers\":[[\"Host\",\"h\"]]}\n";
        let output = fed(site.path(), &["trace", ".htaccess", "--requests", "-"], asked);
        let answers: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(answers.len(), 2, "{}", err(&output));
        assert_eq!(answers[0]["hops"][0]["response"]["location"], "http://h/new");
        trouble(&fed(site.path(), &["trace", ".htaccess", "--requests", "-"], "{}\n"), &["line 1"]);
    }
}

mod explaining {
    use super::*;

    fn explain(what: &str) -> String {
        let output = run(Path::new("."), &["explain", what]);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        out(&output)
    }

    #[test]
    fn rules_statuses_flags_variables_directives_and_groups_have_pages() {
        for (what, told) in [
            ("redirect-loop", "Why is this bad?"),
            ("307", "method"),
            ("QSA", "query"),
            ("$request_uri", "a variable of nginx"),
            ("try_files", "a directive of nginx"),
            ("loop-chain", "redirect-chain"),
            ("%{HTTPS}", "a variable of apache"),
            ("%{HTTP:X-Forwarded-Proto}", "The request header of that name"),
            ("%1", "RewriteCond"),
            ("unused-suppression", "ignore-file"),
            ("SSLFIPS", "Allowed in: server"),
            ("FallbackResource", "`.htaccess`"),
        ] {
            assert!(explain(what).contains(told), "{what}: {}", explain(what));
        }
        trouble(&run(Path::new("."), &["explain", "redirect-lop"]), &["did you mean `redirect-loop`?"]);
        trouble(&run(Path::new("."), &["explain", "%{NO_SUCH}"]), &["`%{NO_SUCH}` is no variable"]);
    }

    #[test]
    fn a_line_is_told_with_status_target_method_and_cache() {
        let told = explain("RewriteRule ^a$ /b [R,L]");
        for words in ["302", "`/b`", "Method: POST becomes GET", "Cache: not stored", "`L`", "GET http://example.com/a"]
        {
            assert!(told.contains(words), "{words} in {told}");
        }
        assert!(explain("return 308 /x;").contains("308"), "{}", explain("return 308 /x;"));
        assert!(explain("RewriteRule ^(a /b [R]").contains("The server refuses it"));
    }
}

mod graphs {
    use super::*;

    #[test]
    fn a_chain_a_loop_and_another_site_are_told_apart_in_every_format() {
        let text = format!(
            "{LOOP}Redirect 301 /one /two\nRedirect 301 /two /three\nRedirect 302 /out https://elsewhere.example/\n"
        );
        let site = folder(&[(".htaccess", &text)]);
        let draw = |format: &str| run(site.path(), &["graph", ".htaccess", "--format", format]);
        let graph = json(&draw("json"));
        let fate = |label: &str| {
            let nodes = graph["nodes"].as_array().unwrap().iter();
            let found = nodes.filter(|node| node["label"].as_str().unwrap().trim_end_matches('…') == label);
            found.map(|node| node["fate"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!((fate("/a"), fate("/b")), (vec!["loop".to_owned()], vec!["loop".to_owned()]), "{graph}");
        assert_eq!(
            (fate("/one"), fate("/two"), fate("/three")),
            (vec!["start".to_owned()], vec!["chain".to_owned()], vec!["end".to_owned()])
        );
        assert_eq!(fate("/"), ["away"]);
        assert_eq!(graph["edges"].as_array().unwrap().len(), 5);
        for (format, start) in
            [("dot", "digraph"), ("mermaid", "flowchart"), ("svg", "<svg"), ("html", "<!doctype html")]
        {
            let text = out(&draw(format));
            assert!(text.to_lowercase().trim_start().starts_with(start), "{format}: {}", &text[..text.len().min(80)]);
            assert!(text.contains("/two") && text.contains("302"), "{format}");
        }
    }

    #[test]
    fn five_hundred_redirects_are_drawn_in_groups() {
        let text: String = (0..500).map(|n| format!("Redirect 301 /part{}/old{n} /new{n}\n", n % 10)).collect();
        let site = folder(&[(".htaccess", &text)]);
        let graph = json(&run(site.path(), &["graph", ".htaccess", "--format", "json"]));
        assert_eq!(graph["edges"].as_array().unwrap().len(), 500);
        assert_eq!(graph["groups"].as_array().unwrap().len(), 10);
        assert_eq!(run(site.path(), &["graph", ".htaccess", "--format", "html"]).status.code(), Some(0));
    }
}
