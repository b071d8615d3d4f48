//! Promise: `redirlint test` passes what the server answers and says what differs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::process::{Command, Output};

fn run(yaml: &str, flags: &[&str]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("nginx.conf"),
        "events {}\nhttp { server { listen 80; server_name a.example;\n\
         location = /old { return 301 /new; }\n\
         location = /b { add_header X-A 1; return 302 https://b.example/; }\n\
         location = /round { return 301 /round; }\n} }\n",
    )
    .unwrap();
    let file = dir.path().join("t.yaml");
    std::fs::write(&file, yaml).unwrap();
    Command::new(env!("CARGO_BIN_EXE_redirlint")).arg("test").arg(file).args(flags).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const HEAD: &str = "config: nginx.conf\nhost: a.example\n";

#[test]
fn expectations_that_hold_pass_with_exit_code_0() {
    let cases = "cases:\n  - {request: /old, status: 301, location: /new, final: /new, hops: 1, outcome: served}\n  \
                 - {request: /b, response: {X-A: '1'}, outcome: redirected-away}\ntable: |\n  /old,/new\n  /b,https://b.example/,302\n";
    let output = run(&format!("{HEAD}{cases}"), &[]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "4 passed, 0 failed\n".to_owned()));
}

#[test]
fn what_differs_is_shown_with_the_way_and_the_deciding_line() {
    let output = run(&format!("{HEAD}cases:\n  - {{request: /old, status: 308, location: /newer, hops: 0}}\n"), &[]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    for line in [
        "- status: 308",
        "+ status: 301",
        "- location: /newer",
        "+ location: http://a.example/new",
        "- hops: at most 0",
        "http://a.example/old -> 301 http://a.example/new",
        "nginx.conf:3: return 301 /new;",
        "0 passed, 1 failed",
    ] {
        assert!(told.contains(line), "`{line}` is missing in:\n{told}");
    }
}

#[test]
fn a_loop_fails_even_where_only_the_first_answer_is_expected() {
    let output = run(&format!("{HEAD}table: |\n  /round,/round\n"), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("+ outcome: loop"));
}

#[test]
fn redirects_that_no_expectation_reaches_are_listed_on_request() {
    let output = run(&format!("{HEAD}table: |\n  /old,/new\n"), &["--untested"]);
    let told = text(&output.stdout);
    assert!(
        told.contains("untested")
            && told.contains("return 302 https://b.example/;")
            && !told.contains("return 301 /new"),
        "{told}"
    );
}

#[test]
fn junit_names_every_request_and_every_failure() {
    let output = run(&format!("{HEAD}table: |\n  /old,/new\n  /b,/elsewhere\n"), &["--format", "junit"]);
    let told = text(&output.stdout);
    assert!(
        told.contains("tests=\"2\"") && told.contains("failures=\"1\"") && told.contains("testcase name=\"/b\""),
        "{told}"
    );
}

#[test]
fn a_misspelled_key_and_a_missing_configuration_are_told_with_exit_code_2() {
    let output = run(&format!("{HEAD}cases:\n  - {{request: /old, statsu: 301}}\n"), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("statsu"), "{}", text(&output.stderr));
    let output = run("config: nowhere.conf\ntable: |\n  /a,/b\n", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nowhere.conf"));
}
