//! Recorded answers of real nginx servers, replayed without a server: status and `Location`, byte for byte, and
//! the configurations that the server refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use redirlint::eval::{self, FileKind, Kind, Outcome, Request, World};
use redirlint::lower::{self, Dialect, Loader, Options, Version};
use redirlint::source::Sources;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Case {
    name: String,
    config: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    config_error: Option<String>,
    requests: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Recorded {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    tls: bool,
    addr: Option<String>,
    port: Option<u16>,
    status: u16,
    location: Option<String>,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
    None(()),
}

/// One code point is one byte.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn shown(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

struct Disk;

impl World for Disk {
    fn stat(&self, path: &[u8]) -> Option<Option<FileKind>> {
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        let Ok(found) = fs::metadata(path) else { return Some(None) };
        let kind = if found.is_dir() {
            Kind::Directory
        } else if found.is_file() {
            Kind::File
        } else {
            Kind::Other
        };
        let mode = found.permissions().mode();
        Some(Some(FileKind {
            kind,
            link: path.is_symlink(),
            executable: mode & 0o111 != 0,
            owner_executable: mode & 0o100 != 0,
            size: found.len(),
            readable: true,
        }))
    }

    fn read(&self, path: &[u8]) -> Option<Vec<u8>> {
        fs::read(std::ffi::OsStr::from_bytes(path)).ok()
    }

    fn environment(&self, _: &[u8]) -> Option<Option<Vec<u8>>> {
        Some(None)
    }

    fn now(&self) -> Option<i64> {
        None
    }
}

impl Loader for Disk {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = glob::glob(&pattern.to_string_lossy()).unwrap().map(Result::unwrap).collect();
        found.sort_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
        found
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn find(&self, _: &Path, _: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// Writes the case's files and configuration to a folder.
fn lay_out(case: &Case, folder: &Path) -> PathBuf {
    for name in ["html", "logs"] {
        fs::create_dir(folder.join(name)).unwrap();
    }
    for (name, text) in &case.files {
        let path = folder.join(std::ffi::OsStr::from_bytes(&latin1(name)));
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, latin1(text)).unwrap();
    }
    let config = folder.join("nginx.conf");
    let head = b"events { worker_connections 64; }\nhttp {\n";
    fs::write(&config, [&head[..], &latin1(&case.config), b"\n}\n"].concat()).unwrap();
    config
}

fn request(recorded: &Recorded) -> Request {
    let mut headers: Vec<(Box<[u8]>, Box<[u8]>)> = Vec::new();
    if !recorded.headers.keys().any(|name| name.eq_ignore_ascii_case("host")) {
        headers.push((b"Host"[..].into(), b"example.com"[..].into()));
    }
    for (name, values) in &recorded.headers {
        let values: &[String] = match values {
            Values::One(value) => std::slice::from_ref(value),
            Values::Many(values) => values,
            Values::None(()) => &[],
        };
        headers.extend(values.iter().map(|value| (latin1(name).into(), latin1(value).into())));
    }
    Request {
        method: latin1(&recorded.method).into(),
        target: latin1(&recorded.url).into(),
        version: recorded.version.as_deref().unwrap_or("1.1").as_bytes().into(),
        headers,
        encrypted: recorded.tls,
        local: Some((
            recorded.addr.as_deref().unwrap_or("127.0.0.1").as_bytes().into(),
            recorded.port.unwrap_or(18081),
        )),
        remote: Some(b"127.0.0.1"[..].into()),
        sni: None,
    }
}

/// Differences between a case's recorded answers and ours.
fn differences(case: &Case, version: Version) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let config = lay_out(case, folder.path());
    let mut sources = Sources::new();
    let main = sources.add(&config, fs::read(&config).unwrap());
    let options =
        Options { version: Some(version), real_files: true, ..Options::new(Dialect::Nginx, folder.path().to_owned()) };
    let lowered = lower::lower(&mut sources, main, &options, &Disk);
    let program = &lowered.program;
    let refusal =
        program.refusals.first().map(|refusal| refusal.message.replace(&*folder.path().to_string_lossy(), "PREFIX"));
    let mut found = Vec::new();
    match (&case.config_error, refusal) {
        (None, Some(message)) => return vec![format!("{}: refused: {message}", case.name)],
        (Some(error), None) => return vec![format!("{}: not refused: {error}", case.name)],
        (Some(error), Some(message)) if !error.contains(&message) => {
            return vec![format!("{}: refused with `{message}`, the server: {error}", case.name)];
        }
        (Some(_), Some(_)) => return Vec::new(),
        (None, None) => {}
    }
    for recorded in &case.requests {
        let answer = eval::answer(program, &Disk, &request(recorded), false);
        let status = if answer.outcome == Outcome::Answered { answer.status } else { None };
        let location = answer.location.as_deref().map(shown);
        let body = answer.body.as_deref().map(shown);
        let same_body = match (&recorded.body, &body) {
            (Some(recorded), Some(body)) => recorded == body,
            _ => true,
        };
        if status != Some(recorded.status) || location != recorded.location || !same_body {
            found.push(format!(
                "{}: {} {}: recorded {} {:?} {:?}, got {:?} {status:?} {location:?} {body:?} {:?}",
                case.name,
                recorded.method,
                recorded.url,
                recorded.status,
                recorded.location,
                recorded.body,
                answer.outcome,
                answer.unknown.map(|(_, what)| what),
            ));
        }
    }
    found
}

fn replay(file: &str, version: Version) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle").join(file)).unwrap();
    let cases: Vec<Case> = serde_yaml::from_str(&text).unwrap();
    let total: usize = cases.iter().map(|case| case.requests.len().max(1)).sum();
    let found: Vec<String> = cases.iter().flat_map(|case| differences(case, version)).collect();
    assert!(found.is_empty(), "{} of {total} differ:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_recorded_answer_of_the_older_server_is_given_again() {
    replay("nginx.yaml", Version(1, 22, 1));
}

#[test]
fn every_recorded_answer_of_the_newer_server_is_given_again() {
    replay("nginx-1.29.yaml", Version(1, 29, 8));
}

/// Fillers that never match, then a clause that does, then one that reads the captures of a match before them.
fn long_list(fillers: usize) -> Case {
    let fillers: String = (0..fillers).map(|at| format!("rewrite ^/filler{at}$ /x permanent;\n")).collect();
    let config = format!(
        "server {{ listen 127.0.0.1:18081; server_name example.com;\n\
         if ($uri ~ ^/(k.*)$) {{ set $seen $1; }}\n{fillers}\
         rewrite ^/old/(.*)$ /new/$1;\n{fillers}\
         rewrite ^/new/(.*)$ /newer/$1 permanent;\n\
         return 301 /$seen-$1; }}"
    );
    let recorded = |url: &str, location: &str| Recorded {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: BTreeMap::new(),
        version: None,
        tls: false,
        addr: None,
        port: None,
        status: 301,
        location: Some(format!("http://example.com:18081{location}")),
        body: None,
    };
    let requests = vec![recorded("/kept", "/kept-"), recorded("/old/a?b", "/newer/a?b"), recorded("/filler3", "/x")];
    Case { name: "long list".to_owned(), config, files: BTreeMap::new(), config_error: None, requests }
}

#[test]
fn a_list_long_enough_for_an_index_answers_like_a_short_one() {
    for fillers in [4, 100] {
        assert_eq!(differences(&long_list(fillers), Version(1, 22, 1)), Vec::<String>::new(), "{fillers} fillers");
    }
}
