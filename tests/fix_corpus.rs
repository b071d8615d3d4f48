//! Promise: over configurations that other people wrote, `--fix` and `--unsafe-fixes` leave no file that a real
//! server loads in a state it refuses, and `--fix` changes no answer but those that findings name.
//!
//! `REDIRLINT_CORPUS` names a folder of configurations (searched; a name that ends in `.htaccess` is one), and
//! `REDIRLINT_EVERY` that only each so-many-th file is tried. Without the folder nothing is done.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/examples.rs"]
mod examples;
#[allow(dead_code)]
#[path = "support/live.rs"]
mod live;
#[path = "support/loads.rs"]
mod loads;

use redirlint::analysis::{Facts, Knobs, compare};
use redirlint::diagnostic::{Applicability, Finding};
use redirlint::eval::Request;
use redirlint::eval::follow::{Journey, Limits, follow};
use redirlint::lower::{Dialect, Lowered, Options, lower};
use redirlint::source::{Sources, Span};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Requests asked of each file.
const REQUESTS: usize = 120;

#[test]
fn fixes_leave_other_peoples_files_loadable_and_their_other_answers_alike() {
    let Some(folder) = std::env::var_os("REDIRLINT_CORPUS") else { return };
    let every = std::env::var("REDIRLINT_EVERY").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let servers = loads::Servers::found();
    let (mut changed, mut loaded, mut wrong) = (0, 0, Vec::new());
    let all = files(Path::new(&folder));
    for path in all.iter().step_by(every) {
        let text = std::fs::read(path).unwrap();
        for level in ["--fix", "--unsafe-fixes"] {
            let Some((fixed, dialect)) = fix(path, &text, level).filter(|(fixed, _)| *fixed != text) else { continue };
            changed += 1;
            match servers.verdicts(dialect, &text, &fixed) {
                Some((true, Err(words))) => wrong.push(format!("{} {level}: {words}", path.display())),
                Some((true, Ok(()))) => loaded += 1,
                Some((false, _)) | None => {}
            }
            if level == "--fix" {
                wrong.extend(differs(dialect, &text, &fixed).map(|what| format!("{}: {what}", path.display())));
            }
        }
    }
    println!("{} files, {changed} changed, {loaded} of them loaded by a server before and after", all.len() / every);
    assert!(changed > 0, "nothing was changed: is `REDIRLINT_CORPUS` a folder of configurations?");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path));
        } else if name.ends_with(".htaccess") || name.ends_with(".conf") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text after the fixes; `None` for a file in no known language.
fn fix(path: &Path, text: &[u8], level: &str) -> Option<(Vec<u8>, Dialect)> {
    let folder = tempfile::tempdir().unwrap();
    let htaccess = path.to_string_lossy().ends_with(".htaccess");
    let name = if htaccess { ".htaccess" } else { "site.conf" };
    let copy = folder.path().join(name);
    std::fs::write(&copy, text).unwrap();
    let dialect = if htaccess { Dialect::Htaccess } else { redirlint::cli::detect::detect(&copy, text)? };
    let language = match dialect {
        Dialect::Htaccess => "htaccess",
        Dialect::Apache => "apache",
        Dialect::Nginx => "nginx",
    };
    let run = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(["check", "--no-config", "-q", "--as", language, level, name])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(run.status.code().is_some_and(|code| code < 3), "{}: {run:?}", path.display());
    Some((std::fs::read(copy).unwrap(), dialect))
}

struct Side {
    sources: Sources,
    lowered: Lowered,
    options: Options,
}

impl Side {
    fn new(dialect: Dialect, text: &[u8]) -> Self {
        let mut sources = Sources::new();
        let name = if dialect == Dialect::Htaccess { "/srv/www/.htaccess" } else { "/etc/server/site.conf" };
        let main = sources.add(name, text.to_vec());
        let options = examples::options(dialect);
        let lowered = lower(&mut sources, main, &options, &examples::Alone);
        Self { sources, lowered, options }
    }

    fn with_facts<T>(&self, ask: impl FnOnce(&Facts<'_>) -> T) -> T {
        let knobs = Knobs::default();
        ask(&Facts::new(&self.sources, &self.lowered, &self.options, &knobs))
    }

    fn journey(&self, request: &Request) -> Journey {
        let world = redirlint::eval::Unknown;
        follow(&self.lowered.program, &world, request.clone(), Limits::default())
    }
}

/// A request that ends elsewhere although no finding with a safe fix names the redirects on its way.
fn differs(dialect: Dialect, text: &[u8], fixed: &[u8]) -> Option<String> {
    let (old, new) = (Side::new(dialect, text), Side::new(dialect, fixed));
    let safe = |finding: &Finding| finding.fix.as_ref().is_some_and(|fix| fix.applicability == Applicability::Safe);
    let (named, requests) = old.with_facts(|facts| {
        let findings = redirlint::rules::check(facts);
        let named: Vec<Span> = findings.iter().filter(|one| safe(one)).map(|one| one.primary.span).collect();
        let requests: Vec<Request> = compare::requests(facts).into_iter().map(|ask| ask.request).collect();
        (named, requests)
    });
    let meets =
        |span: Span| named.iter().any(|one| one.file == span.file && one.start < span.end && span.start < one.end);
    let step = requests.len() / REQUESTS + 1;
    requests.iter().step_by(step).find_map(|request| {
        let (one, other) = (old.journey(request), new.journey(request));
        let end = |journey: &Journey| (journey.hops.last().and_then(|hop| hop.answer.status), journey.last.clone());
        let told = one.hops.iter().any(|hop| hop.answer.cause.is_some_and(meets));
        let target = String::from_utf8_lossy(&request.target).into_owned();
        (!told && end(&one) != end(&other)).then(|| format!("GET {target}: {:?}, then {:?}", end(&one), end(&other)))
    })
}
