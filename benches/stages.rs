//! How long each stage takes for a list of redirects: parse, lower, index, analyse, report.

use divan::{Bencher, black_box};
use redirlint::analysis::{Facts, Knobs};
use redirlint::cli::disk::Disk;
use redirlint::eval::{Request, Unknown, answer};
use redirlint::lower::{Dialect, Lowered, Options, lower};
use redirlint::report::human::Human;
use redirlint::source::{FileId, Sources};
use redirlint::syntax::{apache, nginx};

fn main() {
    divan::main();
}

const SIZES: [usize; 2] = [1_000, 10_000];

const SHAPES: [&str; 6] = ["location", "rewrite", "pattern", "Redirect", "RedirectMatch", "RewriteRule"];

fn text(shape: &str, count: usize) -> String {
    let line = |at: usize| match shape {
        "location" => format!("location = /old-{at} {{ return 301 /new-{at}; }}\n"),
        "rewrite" => format!("rewrite ^/old-{at}$ /new-{at} permanent;\n"),
        "pattern" => format!("location ~ ^/old-{at}/(.*)$ {{ return 301 /new-{at}/$1; }}\n"),
        "Redirect" => format!("Redirect 301 /old-{at} /new-{at}\n"),
        "RedirectMatch" => format!("RedirectMatch 301 ^/old-{at}/(.*)$ /new-{at}/$1\n"),
        _ => format!("RewriteRule ^old-{at}$ /new-{at} [R=301,L]\n"),
    };
    let lines: String = (0..count).map(line).collect();
    match is_nginx(shape) {
        true => format!("events {{}}\nhttp {{\nserver {{\nlisten 80;\n{lines}}}\n}}\n"),
        false => format!("RewriteEngine On\n{lines}"),
    }
}

fn is_nginx(shape: &str) -> bool {
    matches!(shape, "location" | "rewrite" | "pattern")
}

fn lowered(shape: &str, text: &str) -> (Sources, Lowered, Options) {
    let dialect = if is_nginx(shape) { Dialect::Nginx } else { Dialect::Htaccess };
    let options = Options::new(dialect, "/site");
    let mut sources = Sources::new();
    let name = if is_nginx(shape) { "/site/nginx.conf" } else { "/site/.htaccess" };
    let main = sources.add(name, text.as_bytes().to_vec());
    let lowered = lower(&mut sources, main, &options, &Disk::real());
    (sources, lowered, options)
}

#[divan::bench(args = SHAPES, consts = SIZES)]
fn parse<const N: usize>(bencher: Bencher, shape: &str) {
    let text = text(shape, N);
    bencher.bench(|| match is_nginx(shape) {
        true => nginx::parse(FileId(0), black_box(text.as_bytes())),
        false => apache::parse(FileId(0), black_box(text.as_bytes())),
    });
}

#[divan::bench(args = SHAPES, consts = SIZES)]
fn parse_and_lower<const N: usize>(bencher: Bencher, shape: &str) {
    let text = text(shape, N);
    bencher.bench(|| lowered(shape, black_box(&text)));
}

/// The first request makes the indexes of the lists it meets.
#[divan::bench(args = SHAPES, consts = SIZES)]
fn index_and_answer<const N: usize>(bencher: Bencher, shape: &str) {
    let text = text(shape, N);
    let request = Request {
        method: b"GET"[..].into(),
        target: b"/old-500"[..].into(),
        version: b"1.1"[..].into(),
        headers: vec![(b"Host"[..].into(), b"example.com"[..].into())],
        encrypted: false,
        local: None,
        remote: None,
        sni: None,
    };
    bencher
        .with_inputs(|| lowered(shape, &text))
        .bench_refs(|(_, lowered, _)| answer(&lowered.program, &Unknown, black_box(&request), false));
}

#[divan::bench(args = SHAPES, consts = SIZES)]
fn analyse<const N: usize>(bencher: Bencher, shape: &str) {
    let text = text(shape, N);
    let (sources, lowered, options) = lowered(shape, &text);
    let knobs = Knobs::default();
    bencher.bench(|| redirlint::rules::check(&Facts::new(&sources, &lowered, &options, &knobs)));
}

/// A list in which every redirect leads to the next one, so that there is something to report.
#[divan::bench(args = [100, 1_000])]
fn report(bencher: Bencher, count: usize) {
    let text: String = (0..count).map(|at| format!("Redirect 301 /a{at} /a{}\n", at ^ 1)).collect();
    let (sources, lowered, options) = lowered("Redirect", &text);
    let knobs = Knobs::default();
    let findings = redirlint::rules::check(&Facts::new(&sources, &lowered, &options, &knobs));
    bencher.bench(|| {
        let mut human = Human::new(&sources, false, 100, false);
        findings.iter().map(|finding| human.render(finding).len()).sum::<usize>()
    });
}
