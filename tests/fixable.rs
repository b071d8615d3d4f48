//! Promise: every rule that offers a fix mends its own bad examples. After it the finding is gone, the text reads as
//! well as before, a second run changes nothing, and a safe fix leaves every other answer as it was: by the
//! evaluator for all of them, and on the real servers, where they are installed, for those that they load.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/apache_modules.rs"]
mod apache_modules;
#[path = "support/examples.rs"]
mod examples;
#[path = "support/live.rs"]
mod live;
#[path = "support/start_apache.rs"]
mod start_apache;
#[path = "support/start_nginx.rs"]
mod start_nginx;

use examples::{Alone, Example, examples, options};
use live::{Ask, Live, Reply};
use redirlint::analysis::{Facts, Knobs, compare};
use redirlint::eval::Request;
use redirlint::eval::follow::{Journey, Limits, follow};
use redirlint::lower::{Dialect, Lowered, Options, lower};
use redirlint::rules::{self, FixKind, Rule};
use redirlint::source::Sources;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Requests that every example is asked at the most.
const REQUESTS: usize = 200;

struct File {
    folder: tempfile::TempDir,
    name: &'static str,
    language: &'static str,
    version: Option<String>,
}

impl File {
    fn new(example: &Example) -> Self {
        let (name, language) = match example.dialect {
            Dialect::Htaccess => (".htaccess", "htaccess"),
            Dialect::Apache => ("httpd.conf", "apache"),
            Dialect::Nginx => ("nginx.conf", "nginx"),
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), &example.text).unwrap();
        let version = example.version.map(|version| format!("{}.{}.{}", version.0, version.1, version.2));
        Self { folder, name, language, version }
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
        command.args(["check", "--no-config", "--as", self.language]).args(args);
        if let Some(version) = &self.version {
            command.args(["--server-version", version]);
        }
        command.arg(self.name).current_dir(self.folder.path()).output().unwrap()
    }

    /// How often the rule finds something.
    fn count(&self, rule: &str) -> usize {
        let out = self.run(&["--select", rule, "--format", "json"]).stdout;
        let report: serde_json::Value = serde_json::from_slice(&out).unwrap();
        report["findings"].as_array().unwrap().len()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(self.name)).unwrap()
    }
}

fn fixable() -> impl Iterator<Item = (&'static Rule, Example)> {
    let rules = rules::ALL.iter().filter(|rule| rule.fix != FixKind::None);
    rules.flat_map(|rule| examples(rule).into_iter().filter(|example| example.bad).map(|example| (*rule, example)))
}

#[test]
fn a_fix_mends_what_the_finding_complains_of_and_settles() {
    let mut mended: Vec<&str> = Vec::new();
    let mut wrong = Vec::new();
    for (rule, example) in fixable() {
        let file = File::new(&example);
        let (before, broken) = (file.count(rule.name), file.count("config-syntax-error"));
        let out = file.run(&["--select", rule.name, "--unsafe-fixes"]);
        if file.text() == example.text {
            continue;
        }
        let told = format!(
            "{}:\n{}---\n{}---\n{}",
            rule.name,
            example.text,
            file.text(),
            String::from_utf8_lossy(&out.stderr)
        );
        mended.push(rule.name);
        if before == 0 || file.count(rule.name) > 0 {
            wrong.push(format!("the finding is still there: {told}"));
        }
        if file.count("config-syntax-error") > broken {
            wrong.push(format!("the server would refuse it now: {told}"));
        }
        if !file.run(&["--select", rule.name, "--unsafe-fixes", "--diff"]).stdout.is_empty() {
            wrong.push(format!("a second run changes more: {told}"));
        }
    }
    let idle = rules::ALL.iter().filter(|rule| rule.fix != FixKind::None && !mended.contains(&rule.name));
    wrong.extend(idle.map(|rule| format!("{}: no example is mended", rule.name)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Side {
    sources: Sources,
    lowered: Lowered,
    options: Options,
}

impl Side {
    fn new(example: &Example, text: &str) -> Self {
        let mut sources = Sources::new();
        let name = if example.dialect == Dialect::Htaccess { "/srv/www/.htaccess" } else { "example.conf" };
        let main = sources.add(name, text.as_bytes().to_vec());
        let options = Options { version: example.version, ..options(example.dialect) };
        let lowered = lower(&mut sources, main, &options, &Alone);
        Self { sources, lowered, options }
    }

    fn requests(&self) -> Vec<Request> {
        let knobs = Knobs::default();
        let facts = Facts::new(&self.sources, &self.lowered, &self.options, &knobs);
        compare::requests(&facts).into_iter().map(|ask| ask.request).take(REQUESTS).collect()
    }

    fn journey(&self, request: &Request) -> Journey {
        let world = redirlint::eval::Unknown;
        follow(&self.lowered.program, &world, request.clone(), Limits::default())
    }
}

/// Where a client ends, and with what.
fn end(journey: &Journey) -> (Option<u16>, Vec<u8>) {
    (journey.hops.last().and_then(|hop| hop.answer.status), journey.last.clone())
}

/// Whether a finding that may be fixed on its own names this answer as wrong: an empty `Location`, one that is spelled
/// wrong, a file that is not loaded.
fn named(rule: &Rule, journey: &Journey) -> bool {
    let mut locations = journey.hops.iter().filter_map(|hop| hop.answer.location.as_deref());
    match rule.name {
        "redirect-missing-target" => locations.any(<[u8]>::is_empty),
        "target-encoding-mistake" | "duplicate-query-string" => locations.next().is_some(),
        "config-syntax-error" => true,
        _ => false,
    }
}

fn safely_fixed() -> Vec<(&'static Rule, Example, String)> {
    let fixed = fixable().map(|(rule, example)| {
        let file = File::new(&example);
        file.run(&["--select", rule.name, "--fix"]);
        let text = file.text();
        (rule, example, text)
    });
    fixed.filter(|(_, example, text)| example.text != *text).collect()
}

#[test]
fn a_safe_fix_changes_no_other_answer() {
    let fixed = safely_fixed();
    assert!(fixed.len() > 10, "only {} examples have a safe fix", fixed.len());
    for (rule, example, text) in fixed {
        let (old, new) = (Side::new(&example, &example.text), Side::new(&example, &text));
        for request in old.requests() {
            let (one, other) = (old.journey(&request), new.journey(&request));
            let target = String::from_utf8_lossy(&request.target).into_owned();
            let same = end(&one) == end(&other) || named(rule, &one);
            assert!(same, "{}: GET {target} ends elsewhere:\n{}---\n{text}", rule.name, example.text);
        }
    }
}

/// The server with an example, where it loads.
fn start(example: &Example, text: &str, programs: &Programs) -> Option<Live> {
    match example.dialect {
        Dialect::Htaccess => {
            let files = [(".htaccess".to_owned(), text.as_bytes().to_vec()), ("index.html".to_owned(), b"x".to_vec())];
            start_apache::apache(programs.apache.as_deref()?, "", &files).ok()
        }
        Dialect::Nginx if !text.contains("server {") => {
            let config = format!("server {{ listen 127.0.0.1:@PORT@;\n{text}\n}}");
            start_nginx::nginx(programs.nginx.as_deref()?, &config, &[]).ok()
        }
        _ => None,
    }
}

struct Programs {
    apache: Option<PathBuf>,
    nginx: Option<PathBuf>,
}

/// The last answer on the way of a request, as long as it stays on this server.
fn arrive(live: &Live, first: &Request) -> (Vec<u8>, Reply) {
    let mut ask = Ask {
        method: String::from_utf8_lossy(&first.method).into_owned(),
        target: first.target.to_vec(),
        host: first.headers.iter().find_map(|(name, value)| header(name, value)),
        headers: Vec::new(),
    };
    let mut reply = live.ask(&ask);
    for _ in 0..8 {
        let Some(rest) = reply.location.as_deref().and_then(|to| own_target(to, ask.host.as_deref()?, live.port))
        else {
            break;
        };
        ask.target = rest;
        reply = live.ask(&ask);
    }
    (ask.target, Reply { location: reply.location.map(|to| without_port(&to, live.port)), ..reply })
}

fn header(name: &[u8], value: &[u8]) -> Option<String> {
    name.eq_ignore_ascii_case(b"host").then(|| String::from_utf8_lossy(value).into_owned())
}

fn without_port(to: &[u8], port: u16) -> Vec<u8> {
    String::from_utf8_lossy(to).replace(&format!(":{port}/"), "/").into_bytes()
}

/// The target of a `Location` on the same host.
fn own_target(to: &[u8], host: &str, port: u16) -> Option<Vec<u8>> {
    let to = without_port(to, port);
    to.strip_prefix(format!("http://{host}").as_bytes()).filter(|rest| rest.starts_with(b"/")).map(<[u8]>::to_vec)
}

#[test]
fn real_servers_answer_alike_before_and_after_a_safe_fix() {
    let programs = Programs { apache: live::installed("apache2"), nginx: live::installed("nginx") };
    for (rule, example, text) in safely_fixed() {
        let Some(old) = start(&example, &example.text, &programs) else { continue };
        let new = start(&example, &text, &programs).expect("the server loads the fixed file as well");
        let side = Side::new(&example, &example.text);
        let told = |request: &Request| named(rule, &side.journey(request));
        let asked = side.requests().into_iter().filter(|request| !request.encrypted && !told(request));
        for request in asked.take(20) {
            let (one, other) = (arrive(&old, &request), arrive(&new, &request));
            assert_eq!(one, other, "{}: {}\n{text}", rule.name, String::from_utf8_lossy(&request.target));
        }
    }
}
