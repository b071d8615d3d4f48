//! Promise: whatever is done to a configuration, every stage ends, soon, without a panic and with what it promises.
//!
//! `REDIRLINT_FUZZ` is the number of cases of each target (a few hundred by default), `REDIRLINT_FUZZ_SEED` starts
//! elsewhere. A case that fails is printed with its seed and its text, and belongs into [`FOUND`] once it is mended:
//!
//! ```text
//! REDIRLINT_FUZZ=1000000 cargo test --release --test fuzz check -- --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/ebnf.rs"]
mod ebnf;
#[path = "support/mutate.rs"]
mod mutate;
#[path = "support/stages.rs"]
mod stages;

use mutate::{Dice, mutate, seeds};
use redirlint::lower::Dialect;
use stages::{DIALECTS, Promise, TARGETS};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Processor time that a case may take: one second for 64 KB, which no case comes near; without optimisation ten.
const LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
/// On a machine with other work, a case that has not ended after this long never will.
const PATIENCE: Duration = Duration::from_secs(120);
/// Memory that a process may hold which did nothing but this, in bytes.
const MEMORY: u64 = 1 << 30;
/// As much stack as the program's main thread has.
const STACK: usize = 8 << 20;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Processor time of this thread; zero where the system does not tell.
fn processor_time() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(told.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// The most memory that this process held so far, in bytes; zero where the system does not tell.
fn memory() -> u64 {
    let told = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// What is wrong with a case, if anything.
fn judge(promise: Promise, text: &[u8], dialect: Dialect) -> Result<Duration, String> {
    let start = processor_time();
    std::panic::catch_unwind(|| promise(text, dialect)).map_err(|_| "it panics".to_owned())?;
    let took = processor_time().saturating_sub(start);
    match took {
        _ if took > LIMIT => Err(format!("it takes {took:?}")),
        _ if memory() > MEMORY => Err(format!("the process holds {} MB", memory() >> 20)),
        _ => Ok(took),
    }
}

/// The text of a case, and what it is read as.
fn case(seed: u64, all: &[(Dialect, Vec<Vec<u8>>); 3]) -> (Dialect, Vec<u8>) {
    let (dialect, seeds) = &all[(seed % 3) as usize];
    (*dialect, mutate(&mut Dice::new(seed), seeds))
}

/// Tries cases in a thread of its own, so that one that never ends is told, too.
fn fuzz(name: &'static str, cases: u64) {
    let (_, promise) = *TARGETS.iter().find(|(own, _)| *own == name).unwrap();
    let first = number("REDIRLINT_FUZZ_SEED", 0);
    let last = first + number("REDIRLINT_FUZZ", cases);
    let (judged, verdicts) = channel();
    let all = || DIALECTS.map(|dialect| (dialect, seeds(dialect)));
    let work = move || {
        let all = all();
        for seed in first..last {
            let (dialect, text) = case(seed, &all);
            let verdict = judge(promise, &text, dialect);
            judged
                .send((seed, verdict.map_err(|why| format!("{why}: {dialect:?} {:?}", String::from_utf8_lossy(&text)))))
                .ok();
        }
    };
    std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap();
    let (mut failed, mut longest, mut total) = (Vec::new(), Duration::ZERO, Duration::ZERO);
    for expected in first..last {
        match verdicts.recv_timeout(PATIENCE) {
            Ok((_, Ok(took))) => (longest, total) = (longest.max(took), total + took),
            Ok((seed, Err(why))) => {
                eprintln!("{name}: seed {seed}: {why}");
                failed.push(seed);
            }
            Err(RecvTimeoutError::Timeout) => {
                let (dialect, text) = case(expected, &all());
                panic!("{name}: seed {expected} does not end: {dialect:?} {:?}", String::from_utf8_lossy(&text))
            }
            Err(RecvTimeoutError::Disconnected) => panic!("{name}: seed {expected} ends the thread"),
        }
        if (expected + 1 - first).is_multiple_of(1_000) {
            println!(
                "{name}: {} cases, {total:.0?}, longest {longest:.0?}, {} MB",
                expected + 1 - first,
                memory() >> 20
            );
        }
    }
    assert!(failed.is_empty(), "{name}: seeds that fail: {failed:?}");
}

#[test]
fn trees_print_as_they_were_read() {
    fuzz("parse", 1_500);
}

#[test]
fn whatever_is_lowered_stays_within_its_files() {
    fuzz("lower", 600);
}

#[test]
fn every_request_is_answered() {
    fuzz("evaluate", 300);
}

#[test]
fn findings_point_into_their_files() {
    fuzz("check", 450);
}

#[test]
fn what_is_converted_reads_again() {
    fuzz("convert", 450);
}

#[test]
fn fixes_settle() {
    fuzz("fix", 200);
}

/// What fuzzing found, mended since.
const FOUND: &[(Dialect, &[u8])] = &[
    // Index files that are folders with index files: sub-requests multiply.
    (Dialect::Htaccess, b"DirectoryIndex ./ .// /./ /.// / // ///\n"),
    // An address that is none must not be carried into the other language.
    (Dialect::Apache, b"<VirtualHost *:@PORif ($host = a) {T@>\nServerName w01\nRewriteEngine On\nRewriteRule ^/c$ /d [R]\n</VirtualHost>\n"),
    // Two that take the same paths, in other words, must not be put above each other in turn.
    (Dialect::Apache, b"RedirectMatch 301 ^/a /b\nRedirectMatch 301 ^/a.* /c\n"),
    (Dialect::Htaccess, b"RedirectMatch 301 ^/a /b\nRedirectMatch 301 ^/a.* /c\nRedirectMatch 301 ^/ax /d\n"),
    // Behind an open quote nothing can be added, and a quote is no place for a blank.
    (Dialect::Htaccess, b"RewriteEngine On\nRewriteRule ^/a$ 'http://x.example/a [NE\n"),
    (Dialect::Htaccess, b"RewriteEngine On\nRewriteRule '^/k l$' 'http://x.example/6 z[R]\n"),
    // To spare the target's own paths stops no redirect that leads elsewhere.
    (Dialect::Apache, b"RewriteEngine On\nRewriteRule ^(.*)$ http%://x.example/parent/$1 [R,L]\n"),
    (Dialect::Htaccess, b"RewriteEngine On\nRewriteRule ^(.*)$ htt?p://x.example/[$1] [R,NE]\n"),
    // The second word of the tree is not that of mod_rewrite.
    (Dialect::Htaccess, b"RewriteEngine On\nRewriteRule ^/g\\ h$ hxtp://x.example/4\\ z [R]\n"),
    // What waits for a file is not hidden by what comes behind it.
    (Dialect::Htaccess, b"RewriteEngine On\nRewriteCond /x -f\nRewriteRule ^a$ /b [R=301,L]\nRewriteRule ^a /c [R=301,L]\n"),
    // nginx takes no `rewrite` to nothing.
    (Dialect::Apache, b"RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-d\nRewriteRule ^ %1 [L]\n"),
    // The name of an argument is no part of an expression.
    (Dialect::Nginx, b"server { location / { if ($arg_[x) { return 404; } } }\n"),
    // A rule that never applies does not ask for the file that the next one looks at.
    (Dialect::Htaccess, b"RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteCond %{REQUEST_IN WordPress\nRewriteRule ^index\\.php$ - [L]\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule . /index.php [L]\n"),
    // An address that no name server knows is none.
    (Dialect::Nginx, b"server { listen \"80ndex.p;\nreturn_uri\n\"; server_name a.example; }\n"),
    (Dialect::Apache, b"Listen 80\n<VirtualHost *ne:80>\nServerName a.example\n</VirtualHost>\n"),
    // The name of a variable stands in a flag of Apache's.
    (Dialect::Nginx, b"if ($uri ~ ^/old) { set $part_2_ves,:while x; }\n"),
    // A header's name is a token.
    (Dialect::Nginx, b"server { listen 443 ssl; add_header Strict-\xcdranspor\\t-Security \"max-age=1\" always; }\n"),
    (Dialect::Nginx, b"server { listen 443 ssl; add_header Strict-Transport-Security\\ \"max-age=1\" always; }\n"),
    // Two addresses of Apache's may be one of nginx's.
    (Dialect::Apache, b"Listen 80\n<VirtualHost *:80>\nServerName a.example\n</VirtualHost>\n<VirtualHost *>\nServerName b.example\n</VirtualHost>\n"),
];

#[test]
fn what_was_found_once_holds() {
    for (dialect, text) in FOUND {
        for (name, promise) in TARGETS {
            println!("{name}: {}", String::from_utf8_lossy(text));
            promise(text, *dialect);
        }
    }
}

/// nginx takes no word of 4,096 bytes (`NGX_CONF_BUFFER`).
#[test]
fn words_that_nginx_cannot_read_are_not_written() {
    let long = "x".repeat(5_000);
    let texts = [
        format!("Redirect /a http://x.example/{long}\n"),
        format!("RedirectMatch ^/{long}$ /a\n"),
        format!("RewriteEngine On\nRewriteRule ^/a$ /{long} [R]\nRewriteRule ^/b$ /{long}\n"),
        format!("RewriteEngine On\nRewriteCond %{{QUERY_STRING}} ={long}\nRewriteRule ^/a$ /b [R]\n"),
        format!("ErrorDocument 404 /{long}\nHeader always set X {long}\nDirectoryIndex {long}\n"),
        format!(
            "RewriteEngine On\nRewriteRule ^/{long}$ - [L]\nRewriteCond %{{QUERY_STRING}} {long}\nRewriteRule ^/c - [F]\n"
        ),
        format!(
            "SetEnvIf Referer ^{long} a={long}\nRewriteEngine On\nRewriteRule ^/d - [E=b:{long}]\nRewriteRule ^/e /%{{ENV:b}} [R]\n"
        ),
        format!(
            "<Directory /{long}>\nRequire ip 10.0.0.1\nRedirect /{long}/x /y\n<Files {long}>\nRequire all denied\n</Files>\n</Directory>\n"
        ),
        format!("FallbackResource /{long}\n"),
    ];
    texts.iter().for_each(|text| stages::converts(text.as_bytes(), Dialect::Apache));
}
