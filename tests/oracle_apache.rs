//! Recorded answers of real Apache servers, replayed without a server: status and `Location`, byte for byte, and
//! the configurations that the server refuses.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use redirlint::cli::disk::Disk;
use redirlint::eval::{self, Assumed, Outcome, Request};
use redirlint::ir::Reach;
use redirlint::lower::{self, Dialect, Options, Version};
use redirlint::source::Sources;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const PORT: u16 = 18080;
const TLS_PORT: u16 = 18443;

/// Modules that the recorded server loads unless a case says otherwise.
const MODULES: &str = "mpm_prefork access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user \
                       autoindex dir env filter headers mime negotiation rewrite setenvif status";

/// The configuration around a case.
const FRAME: &str = r#"ServerRoot "@ROOT@"
Listen 127.0.0.1:@PORT@
@LOADS@
User www-data
Group www-data
ErrorLog "@ROOT@/error.log"
TypesConfig /dev/null
AddType text/html .html
AddType text/plain .txt
AddType application/x-php .php
ServerName @NAME@
DocumentRoot "@DOCROOT@"
<Directory "/">
    Options FollowSymLinks
    AllowOverride None
    Require all denied
</Directory>
<Directory "@DOCROOT@">
    Options FollowSymLinks
    AllowOverride All
    Require all granted
</Directory>
<Files ".ht*">
    Require all denied
</Files>
DirectoryIndex index.html
Header always set X-Rl-Uri "expr=%{escape:%{REQUEST_URI}}"
"#;

#[derive(Deserialize)]
struct Case {
    name: String,
    #[serde(default = "server")]
    context: String,
    #[serde(default)]
    config: String,
    #[serde(default)]
    server_config: Option<String>,
    #[serde(default)]
    server_name: Option<String>,
    #[serde(default)]
    files: Option<BTreeMap<String, String>>,
    #[serde(default)]
    modules: Vec<String>,
    #[serde(default)]
    without_modules: Vec<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    environ: BTreeMap<String, String>,
    requests: Vec<Recorded>,
}

fn server() -> String {
    "server".to_owned()
}

#[derive(Deserialize)]
struct Recorded {
    #[serde(default)]
    method: Option<String>,
    #[serde(default)]
    url: Option<String>,
    #[serde(default)]
    raw: Option<String>,
    #[serde(default)]
    ssl: bool,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    status: Status,
    location: Option<String>,
}

#[derive(Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Status {
    Number(u16),
    Word(String),
    None(()),
}

/// One code point is one byte.
fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn shown(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// The folder of a case: `www` in it is the document root.
struct Layout {
    root: String,
}

impl Layout {
    fn fill(&self, text: &str) -> String {
        text.replace("@DOCROOT@", &format!("{}/www", self.root))
            .replace("@ROOT@", &self.root)
            .replace("@PORT@", &PORT.to_string())
            .replace("@SSLPORT@", &TLS_PORT.to_string())
            .replace("@MODDIR@", "/usr/lib/apache2/modules")
            .replace("@CERT@", &format!("{}/cert.pem", self.root))
            .replace("@KEY@", &format!("{}/key.pem", self.root))
    }

    fn empty(&self, text: &str) -> String {
        text.replace(&format!("{}/www", self.root), "@DOCROOT@")
            .replace(&self.root, "@ROOT@")
            .replace(&format!(":{PORT}"), ":@PORT@")
            .replace(&format!(":{TLS_PORT}"), ":@SSLPORT@")
    }

    fn write(&self, name: &str, text: &str) {
        let name = latin1(name);
        let below = name.strip_prefix(b"../").map_or_else(|| [b"www/", &*name].concat(), <[u8]>::to_vec);
        let path = Path::new(&self.root).join(std::ffi::OsStr::from_bytes(&below));
        if name.ends_with(b"/") {
            fs::create_dir_all(path).unwrap();
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.strip_prefix("->") {
            Some(target) => std::os::unix::fs::symlink(self.fill(target), path).unwrap(),
            None => fs::write(path, latin1(&self.fill(text))).unwrap(),
        }
    }

    fn config(&self, case: &Case) -> String {
        let more = case.modules.iter().map(String::as_str);
        let loads: String = MODULES
            .split_whitespace()
            .chain(more)
            .filter(|name| !case.without_modules.iter().any(|without| without == name))
            .map(|name| format!("LoadModule {name}_module \"@MODDIR@/mod_{name}.so\"\n"))
            .collect();
        let name = case.server_name.as_deref().unwrap_or("www.example.com:80");
        let mut text = FRAME.replace("@LOADS@", loads.trim_end()).replace("@NAME@", name);
        text += case.server_config.as_deref().unwrap_or_default();
        text.push('\n');
        match case.context.as_str() {
            "server" => text += &format!("{}\n", case.config),
            "vhost" => {
                let head = "<VirtualHost *:@PORT@>\nServerName www.example.com:80\nDocumentRoot \"@DOCROOT@\"\n";
                text += &format!("{head}{}\n</VirtualHost>\n", case.config);
            }
            _ => {}
        }
        self.fill(&text)
    }

    /// Writes the case's files and configuration.
    fn lay_out(&self, case: &Case) -> PathBuf {
        fs::create_dir(Path::new(&self.root).join("www")).unwrap();
        for (name, text) in case.files.iter().flatten() {
            self.write(name, text);
        }
        if case.context == "htaccess" {
            self.write(".htaccess", &case.config);
        }
        let config = Path::new(&self.root).join("httpd.conf");
        fs::write(&config, latin1(&self.config(case))).unwrap();
        config
    }

    fn request(&self, recorded: &Recorded) -> Request {
        let mut headers: Vec<(Box<[u8]>, Box<[u8]>)> = Vec::new();
        if !recorded.headers.keys().any(|name| name.eq_ignore_ascii_case("host")) {
            headers.push((b"Host"[..].into(), b"www.example.com"[..].into()));
        }
        for (name, value) in &recorded.headers {
            let value = value.iter().map(|value| (latin1(name).into(), latin1(&self.fill(value)).into()));
            headers.extend(value);
        }
        let mut method = recorded.method.clone().unwrap_or_else(|| "GET".to_owned());
        let mut target = self.fill(recorded.url.as_deref().unwrap_or("/"));
        let mut version = "1.1".to_owned();
        if let Some(raw) = &recorded.raw {
            let raw = self.fill(raw);
            let words: Vec<&str> = raw.split(' ').collect();
            method = words[0].to_owned();
            (target, version) = match words.as_slice() {
                [_, middle @ .., last] if !middle.is_empty() => {
                    (middle.join(" "), last.rsplit('/').next().unwrap().to_owned())
                }
                _ => (words.last().unwrap().to_string(), "0.9".to_owned()),
            };
        }
        Request {
            method: latin1(&method).into(),
            target: latin1(&target).into(),
            version: latin1(&version).into(),
            headers,
            encrypted: recorded.ssl,
            local: Some((b"127.0.0.1"[..].into(), if recorded.ssl { TLS_PORT } else { PORT })),
            remote: Some(b"127.0.0.1"[..].into()),
            sni: None,
        }
    }
}

/// Differences between a case's recorded answers and ours.
fn differences(case: &Case, version: Version) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout { root: folder.path().to_str().unwrap().to_owned() };
    let config = layout.lay_out(case);
    let environment = case.environ.iter().map(|(name, value)| (latin1(name), Some(latin1(value)))).collect();
    let disk = Disk::new(true, Assumed { environment, ..Assumed::default() });
    let mut sources = Sources::new();
    let main = sources.add(&config, fs::read(&config).unwrap());
    let defines = case.args.windows(2).filter(|two| two[0] == "-D").map(|two| (two[1].clone(), None));
    let options = Options {
        version: Some(version),
        real_files: true,
        defines: defines.collect(),
        ..Options::new(Dialect::Apache, folder.path().to_owned())
    };
    let lowered = lower::lower(&mut sources, main, &options, &disk);
    let refusal = lowered.program.refusals.iter().find(|refusal| refusal.reach == Reach::Server);
    let refused = case.requests.iter().any(|request| request.status == Status::Word("config-error".to_owned()));
    match (refused, refusal) {
        (true, Some(_)) => return Vec::new(),
        (true, None) => return vec![format!("{}: not refused", case.name)],
        (false, Some(refusal)) => return vec![format!("{}: refused: {}", case.name, refusal.message)],
        (false, None) => {}
    }
    let mut found = Vec::new();
    for recorded in &case.requests {
        let request = layout.request(recorded);
        let answer = eval::answer(&lowered.program, &disk, &request, false);
        let status = match (answer.outcome, answer.status) {
            (Outcome::Answered, Some(status)) => Status::Number(status),
            (Outcome::Answered, None) => Status::None(()),
            (outcome, _) => Status::Word(format!("{outcome:?} {:?}", answer.unknown)),
        };
        let location = answer.location.as_deref().map(|to| layout.empty(&shown(to)));
        if status != recorded.status || location != recorded.location {
            let target = shown(&request.target);
            let (want, to) = (&recorded.status, &recorded.location);
            found.push(format!("{}: {target}: recorded {want:?} {to:?}, got {status:?} {location:?}", case.name));
        }
    }
    found
}

fn replay(file: &str, version: Version) {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/oracle").join(file)).unwrap();
    let cases: Vec<Case> = serde_yaml::from_str(&text).unwrap();
    let total: usize = cases.iter().map(|case| case.requests.len()).sum();
    let found: Vec<String> = cases.iter().flat_map(|case| differences(case, version)).collect();
    assert!(found.is_empty(), "{} of {total} differ:\n{}", found.len(), found.join("\n"));
}

#[test]
fn every_recorded_answer_is_given_again() {
    replay("apache.yaml", Version(2, 4, 71));
}

#[test]
fn every_answer_that_was_once_wrong_is_given_as_recorded() {
    replay("apache-found.yaml", Version(2, 4, 71));
}
