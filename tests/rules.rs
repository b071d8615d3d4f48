//! The promise of every rule's page: its bad examples make exactly that rule fire, its good ones keep it silent,
//! and every witness shows what it says when it is replayed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use redirlint::analysis::{Facts, Knobs};
use redirlint::diagnostic::{Finding, Severity, Witness};
use redirlint::eval::follow::{self, Limits};
use redirlint::lower::{self, Dialect, Loader, Options, Version};
use redirlint::rules::{self, Rule};
use redirlint::source::Sources;
use std::path::{Path, PathBuf};

struct Alone;

impl Loader for Alone {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::Error::new(std::io::ErrorKind::NotFound, path.display().to_string()))
    }
    fn glob(&self, _pattern: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
    fn exists(&self, _path: &Path) -> bool {
        false
    }
    fn find(&self, _folder: &Path, _names: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

struct Example {
    dialect: Dialect,
    bad: bool,
    also: Vec<String>,
    version: Option<Version>,
    text: String,
}

fn examples(rule: &Rule) -> Vec<Example> {
    let mut out = Vec::new();
    let page = rule.page();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        let words: Vec<&str> = info.split_whitespace().collect();
        let dialect = match words[0] {
            "htaccess" => Dialect::Htaccess,
            "apache" => Dialect::Apache,
            "nginx" => Dialect::Nginx,
            other => panic!("{}: a block is marked `{other}`", rule.name),
        };
        let word = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let version = word("version=").map(|text| {
            let numbers: Vec<u16> = text.split('.').map(|number| number.parse().expect("a number")).collect();
            Version(numbers[0], numbers[1], numbers[2])
        });
        // A list that is long by nature is written once and repeated, its numbers counting up.
        let repeat: usize = word("repeat=").map_or(1, |count| count.parse().expect("a number"));
        let body = text.join("\n") + "\n";
        let body: String = (1..=repeat).map(|at| body.replace("p1", &format!("p{at}"))).collect();
        let also = words.iter().find_map(|word| word.strip_prefix("also=")).unwrap_or_default();
        out.push(Example {
            dialect,
            bad: words.contains(&"bad"),
            also: also.split(',').map(str::to_owned).collect(),
            version,
            text: body,
        });
    }
    out
}

fn options(dialect: Dialect) -> Options {
    Options {
        dialect,
        version: None,
        prefix: PathBuf::from("/etc/server"),
        root: None,
        base: "/".into(),
        real_files: false,
        host: None,
        scheme: None,
        defines: Vec::new(),
    }
}

fn findings(example: &Example, mut replay: impl FnMut(&Facts<'_>, &Finding)) -> Vec<Finding> {
    let mut sources = Sources::new();
    let name = if example.dialect == Dialect::Htaccess { "/srv/www/.htaccess" } else { "example.conf" };
    let main = sources.add(name, example.text.clone().into_bytes());
    let options = Options { version: example.version, ..options(example.dialect) };
    let lowered = lower::lower(&mut sources, main, &options, &Alone);
    let knobs = Knobs::default();
    let facts = Facts::new(&sources, &lowered, &options, &knobs);
    let found = rules::check(&facts);
    found.iter().for_each(|finding| replay(&facts, finding));
    found
}

fn replays(facts: &Facts<'_>, witness: &Witness) -> bool {
    let mut request = follow::request_for(&witness.url).expect("an absolute URL");
    request.method = witness.method.clone().into_bytes().into();
    for (name, value) in &witness.headers {
        request.headers.push((name.clone().into_bytes().into(), value.clone().into()));
    }
    let limits = Limits::default();
    let journey = follow::follow(facts.program, &redirlint::analysis::witness::Unseen, request, limits);
    let seen = journey.hops.iter().map(|hop| (hop.answer.status, hop.answer.location.as_deref()));
    let told = witness.observed.iter().map(|one| (one.status, one.location.as_deref()));
    seen.zip(told).all(|(seen, told)| seen == told) && journey.hops.len() >= witness.observed.len()
}

#[test]
fn bad_examples_fire_exactly_their_rule_and_good_ones_are_silent() {
    let mut wrong = Vec::new();
    for rule in rules::ALL {
        for (at, example) in examples(rule).iter().enumerate() {
            let found = findings(example, |facts, finding| {
                if let Some(witness) = &finding.witness {
                    assert!(replays(facts, witness), "{}: a witness of example {at} does not replay", finding.rule);
                }
            });
            let fired = found.iter().any(|finding| finding.rule == rule.name);
            if fired != example.bad {
                let wanted = if example.bad { "must fire" } else { "must be silent" };
                wrong.push(format!("{} {wanted} on example {at}:\n{}", rule.name, example.text));
            }
            let others = found.iter().filter(|finding| {
                finding.rule != rule.name
                    && finding.severity > Severity::Info
                    && !example.also.iter().any(|name| name == finding.rule)
            });
            wrong.extend(others.map(|finding| {
                format!("{}: example {at} also fires {}: {}", rule.name, finding.rule, finding.message)
            }));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn told(dialect: Dialect, text: &str) -> Vec<(&'static str, Severity)> {
    let example = Example { dialect, bad: false, also: Vec::new(), version: None, text: text.to_owned() };
    findings(&example, |_, _| {}).into_iter().map(|finding| (finding.rule, finding.severity)).collect()
}

#[test]
fn of_two_rules_that_speak_of_the_same_words_only_the_better_one_does() {
    let engine = "RewriteEngine On\n";
    for (text, better, other) in [
        (
            "RewriteCond %{HTTP_X_FORWARDED_PROTO} !https\nRewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]",
            "unreliable-https-test",
            "unknown-server-variable",
        ),
        (
            "RewriteCond %{HTTPS} off\nRewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R,L]",
            "temporary-canonical-redirect",
            "implicit-temporary-redirect",
        ),
        ("RewriteRule ^a$ https://example.com/$1/b [R=301,L]", "undefined-capture", "double-slash-target"),
    ] {
        let rules: Vec<_> =
            told(Dialect::Htaccess, &format!("{engine}{text}\n")).into_iter().map(|one| one.0).collect();
        assert!(rules.contains(&better) && !rules.contains(&other), "{text}: {rules:?}");
    }
}

#[test]
fn what_a_template_says_after_rendering_is_not_judged_as_if_it_were_known() {
    let either = "{% if staging %}\nRedirect 301 /a https://staging.example.com/\n{% else %}\nRedirect 301 /a https://example.com/\n{% endif %}\n";
    let marked = "RewriteEngine On\nRewriteRule ^/<%= path %> /new [last,redirect=permanent]\n";
    for (dialect, text) in [
        (Dialect::Apache, either),
        (Dialect::Apache, marked),
        (Dialect::Nginx, "server {\nlisten 443 ssl;\nadd_header Strict-Transport-Security \"{{ hsts }}\" always;\n}\n"),
        (Dialect::Nginx, "server {\naccess_log {log_path}/{name}.log;\n}\n"),
    ] {
        let told = told(dialect, text);
        assert!(told.iter().all(|one| one.1 == Severity::Info), "{text}: {told:?}");
    }
}

#[test]
fn every_page_has_every_section_and_an_example_of_each_kind() {
    let sections = ["## What it does", "## Why is this bad?", "## Example", "## Fix safety", "## Traps", "## Sources"];
    for rule in rules::ALL {
        let page = rule.page();
        for section in sections {
            assert!(page.lines().any(|line| line == section), "{} lacks `{section}`", rule.name);
        }
        let examples = examples(rule);
        assert!(
            examples.iter().any(|one| one.bad) && examples.iter().any(|one| !one.bad),
            "{} lacks an example",
            rule.name
        );
        assert!(
            !rule.summary().is_empty() && rule.summary().len() <= 110,
            "{}: the first line is empty or long",
            rule.name
        );
    }
}

#[test]
fn names_are_kebab_case_and_unique() {
    let mut names: Vec<&str> = rules::ALL.iter().map(|rule| rule.name).collect();
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
