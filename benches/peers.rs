//! `cargo bench --bench peers`: how long redirlint takes for long lists of redirects, beside the servers' own reading of
//! the same lists, in one run. Whole processes, the median of five, with the peak of their memory.
//!
//! A peer that is not installed is left out. `PEERS_SIZE` and `PEERS_CHAINS` change how many redirects a list has, and
//! let every so many of them lead to another old address (every tenth of those to itself).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../tests/support/apache_modules.rs"]
mod apache_modules;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs of each program.
const RUNS: usize = 5;
const MODULES: &str = "alias authz_core dir rewrite";

/// A list: its name, whether it is for nginx, and which share of the usual number of redirects it has.
const SHAPES: [(&str, bool, usize); 8] = [
    ("nginx-map", true, 1),
    ("nginx-rewrite", true, 1),
    ("nginx-location", true, 1),
    ("nginx-regex", true, 10),
    ("apache-redirect", false, 1),
    ("apache-match", false, 1),
    ("apache-rewrite", false, 1),
    ("apache-hosts", false, 10),
];

fn main() {
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (size, chains) = (number("PEERS_SIZE", 100_000_usize), number("PEERS_CHAINS", 0_usize));
    let folder = tempfile::tempdir().unwrap();
    println!("| list | redirects | server reads it | redirlint |\n| --- | --- | --- | --- |");
    for (shape, nginx, share) in SHAPES {
        let count = size / share;
        let program = server(nginx);
        let modules = if program.is_some() && !nginx { apache_modules::loads(MODULES) } else { String::new() };
        let (config, list) = written(folder.path(), shape, &modules, nginx, &lines(shape, count, chains));
        let test = program.map(|program| test_of(&program, folder.path(), nginx, &config));
        let server = test.map_or("not installed".to_owned(), |run| median(&run));
        let own = median(&redirlint(nginx, &list));
        println!("| {shape} | {count} | {server} | {own} |");
    }
}

/// The redirects of a list, one on a line (two for hosts).
fn lines(shape: &str, count: usize, chains: usize) -> String {
    let mut out = String::new();
    for at in 0..count {
        let to = match chains > 0 && at % chains == 0 {
            true if at % (10 * chains) == 0 => format!("/page-{at}"),
            true => format!("/page-{}", (at + 1) % count),
            false => format!("/moved/{at}"),
        };
        let line = match shape {
            "nginx-map" => format!("/page-{at} {to};"),
            "nginx-rewrite" => format!("rewrite ^/page-{at}$ {to} permanent;"),
            "nginx-location" => format!("location = /page-{at} {{ return 301 {to}; }}"),
            "nginx-regex" => format!("location ~ ^/page-{at}/(.*)$ {{ return 301 {to}/$1; }}"),
            "apache-redirect" => format!("Redirect 301 /page-{at} {to}"),
            "apache-match" => format!("RedirectMatch 301 ^/page-{at}/(.*)$ {to}/$1"),
            "apache-rewrite" => format!("RewriteRule ^page-{at}$ {to} [R=301,L]"),
            _ => format!(
                "RewriteCond %{{HTTP_HOST}} ^site{at}\\.example\\.net$ [NC]\nRewriteRule ^(.*)$ https://www.example.net/site{at}/$1 [R=301,L]"
            ),
        };
        let _ = writeln!(out, "{line}");
    }
    out
}

/// Writes the list as a whole configuration for its server and as what redirlint is given: for nginx the same file, for
/// Apache a file of its own that the configuration includes into a `<Directory>`.
fn written(folder: &Path, shape: &str, modules: &str, nginx: bool, lines: &str) -> (PathBuf, PathBuf) {
    let (config, list) = (folder.join(format!("{shape}.conf")), folder.join(format!("{shape}.htaccess")));
    if nginx {
        let (map, lines) = match shape {
            "nginx-map" => (
                format!("map_hash_max_size 1048576;\nmap_hash_bucket_size 128;\nmap $uri $to {{\n{lines}}}\n"),
                "if ($to) { return 301 $to; }\n",
            ),
            _ => (String::new(), lines),
        };
        let server = format!("server {{\nlisten 127.0.0.1:18099;\nserver_name example.net;\n{lines}}}\n");
        std::fs::write(&config, format!("events {{}}\nhttp {{\n{map}{server}}}\n")).unwrap();
        return (config.clone(), config);
    }
    let engine = if shape == "apache-rewrite" || shape == "apache-hosts" { "RewriteEngine On\n" } else { "" };
    std::fs::write(&list, format!("{engine}{lines}")).unwrap();
    let root = folder.display();
    let frame = format!("ServerRoot \"{root}\"\nListen 127.0.0.1:18099\nServerName example.net\n{modules}\n");
    let section = format!("<Directory \"{root}\">\nInclude \"{}\"\n</Directory>\n", list.display());
    std::fs::write(&config, frame + &section).unwrap();
    (config, list)
}

/// The server's program, where it is installed.
fn server(nginx: bool) -> Option<PathBuf> {
    let name = if nginx { "nginx" } else { "apache2" };
    let places = ["/usr/sbin", "/usr/local/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
    places.into_iter().find(|path| path.exists())
}

/// The server's test of a configuration.
fn test_of(program: &Path, folder: &Path, nginx: bool, config: &Path) -> Vec<String> {
    let text = |path: &Path| path.display().to_string();
    let (program, config) = (text(program), text(config));
    match nginx {
        true => {
            let (log, folder) = (text(&folder.join("error.log")), text(folder));
            [&*program, "-t", "-e", &*log, "-p", &*folder, "-c", &*config].map(str::to_owned).to_vec()
        }
        false => [&*program, "-t", "-f", &*config].map(str::to_owned).to_vec(),
    }
}

fn redirlint(nginx: bool, list: &Path) -> Vec<String> {
    let language = if nginx { "nginx" } else { "htaccess" };
    let program = env!("CARGO_BIN_EXE_redirlint").to_owned();
    vec![program, "check".into(), list.display().to_string(), "--as".into(), language.into()]
}

/// The median of the seconds a command takes, and the peak of its memory where `time` tells it.
fn median(command: &[String]) -> String {
    let mut runs: Vec<(f64, Option<u64>)> = (0..RUNS).map(|_| run(command)).collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (seconds, memory) = runs[RUNS / 2];
    match memory {
        Some(kilobytes) => format!("{seconds:.2} s, {} MB", kilobytes / 1024),
        None => format!("{seconds:.2} s"),
    }
}

fn run(command: &[String]) -> (f64, Option<u64>) {
    let time = Path::new("/usr/bin/time");
    let told = tempfile::NamedTempFile::new().unwrap();
    let out = tempfile::tempfile().unwrap();
    let mut process = match time.exists() {
        true => {
            let mut process = Command::new(time);
            process.args(["-f", "%M", "-o"]).arg(told.path()).args(command);
            process
        }
        false => {
            let mut process = Command::new(&command[0]);
            process.args(&command[1..]);
            process
        }
    };
    let start = Instant::now();
    process.stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).status().unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let memory = std::fs::read_to_string(told.path()).ok();
    (seconds, memory.and_then(|text| text.lines().last()?.trim().parse().ok()))
}
