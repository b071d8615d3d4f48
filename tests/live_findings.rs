//! Promise: what redirlint says of a configuration is what the real server does. Every witness of a finding above
//! info is sent to the server that runs the configuration, and followed as far as the finding shows hops; where a
//! directive is said never to answer, the server must answer alike without it.
//!
//! The configurations are the bad examples of the rules' pages; `REDIRLINT_FINDINGS=FOLDER` names a folder of others
//! (every file in it, read as what it is).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/apache_modules.rs"]
mod apache_modules;
#[path = "support/claims.rs"]
mod claims;
#[path = "support/examples.rs"]
mod examples;
// Only what needs no server of its own port is used here.
#[allow(dead_code)]
#[path = "support/live.rs"]
mod live;
#[path = "support/namespace.rs"]
mod namespace;
#[path = "support/stage.rs"]
mod stage;
#[path = "support/version.rs"]
mod version;

use claims::{Claim, Config};
use live::Reply;
use redirlint::cli::detect;
use redirlint::eval::Request;
use redirlint::eval::follow;
use redirlint::lower::{Dialect, Version};
use redirlint::rules;
use stage::Stage;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Folders under one Apache.
const BATCH: usize = 400;

/// How a run went.
#[derive(Default)]
struct Tally {
    replayed: BTreeMap<&'static str, usize>,
    refused: Vec<String>,
    wrong: Vec<String>,
}

struct Servers {
    apache: PathBuf,
    nginx: PathBuf,
    versions: (Version, Version),
    stage: Stage,
}

#[test]
fn every_witness_replays_on_the_real_server() {
    let (Some(apache), Some(nginx)) = (live::installed("apache2"), live::installed("nginx")) else { return };
    if !namespace::enter("every_witness_replays_on_the_real_server") {
        return;
    }
    let Some(stage) = live::installed("openssl").and_then(|_| Stage::new()) else { return };
    let versions = (version::version_of(&apache, "-v"), version::version_of(&nginx, "-v"));
    let servers = Servers { apache, nginx, versions, stage };
    let texts = match std::env::var_os("REDIRLINT_FINDINGS") {
        Some(folder) => files(Path::new(&folder)),
        None => bad_examples(),
    };
    let mut tally = Tally::default();
    let (folders, mains): (Vec<_>, Vec<_>) = texts.into_iter().partition(|(_, kind, _)| *kind == Dialect::Htaccess);
    for batch in folders.chunks(BATCH) {
        servers.folders(batch, &mut tally);
    }
    for (name, dialect, text) in &mains {
        servers.server(name, *dialect, text, &mut tally);
    }
    let replayed: usize = tally.replayed.values().sum();
    println!("{replayed} findings replayed, {} wrong: {:?}", tally.wrong.len(), tally.replayed);
    println!("{} configurations refused:\n  {}", tally.refused.len(), tally.refused.join("\n  "));
    assert!(tally.wrong.is_empty(), "{}", tally.wrong.join("\n"));
    assert!(replayed > 60, "only {replayed} findings were replayed");
}

impl Servers {
    fn folders(&self, batch: &[(String, Dialect, Vec<u8>)], tally: &mut Tally) {
        let top = tempfile::tempdir_in(self.stage.dir.path()).unwrap();
        open(top.path());
        let mut roots: Vec<PathBuf> = Vec::new();
        let mut lay = |text: &[u8]| {
            let root = top.path().join(roots.len().to_string());
            std::fs::create_dir(&root).unwrap();
            std::fs::write(root.join(".htaccess"), text).unwrap();
            roots.push(root.clone());
            (roots.len() - 1, root)
        };
        let mut asked: Vec<(usize, Config, Vec<Option<usize>>)> = Vec::new();
        for (name, dialect, text) in batch {
            let (at, root) = lay(text);
            let config = claims::claims(name, *dialect, &root.join(".htaccess"), text, self.versions.0);
            let without = config.claims.iter().map(|claim| Some(lay(claim.without.as_ref()?).0)).collect();
            asked.push((at, config, without));
        }
        let running = self.stage.folders(&self.apache, &roots).expect("Apache starts");
        for (at, config, without) in &asked {
            let address = |at: usize| vec![stage::address_of(at)];
            for (claim, without) in config.claims.iter().zip(without) {
                tally.judge(config, claim, &address(*at));
                if let Some(other) = without {
                    tally.compare(config, claim, &address(*at), &address(*other));
                }
            }
        }
        drop(running);
    }

    fn server(&self, name: &str, dialect: Dialect, text: &[u8], tally: &mut Tally) {
        let (program, version) = match dialect {
            Dialect::Nginx => (&self.nginx, self.versions.1),
            _ => (&self.apache, self.versions.0),
        };
        let path = self.stage.dir.path().join("main.conf");
        let config = claims::claims(name, dialect, &path, text, version);
        if config.claims.is_empty() {
            return;
        }
        let ports = ports(&config);
        let run = |text: &[u8]| self.stage.server(program, dialect, text, &ports);
        let answers = match run(&config.text) {
            Err(words) => {
                let noise = ["AH00558", "AH00112", "AH00526", "AH00548", "test failed"];
                let telling = words.lines().filter(|line| !noise.iter().any(|word| line.contains(word)));
                tally.refused.push(format!("{name}: {}", telling.take(5).collect::<Vec<_>>().join(" / ")));
                return;
            }
            Ok(running) => {
                config.claims.iter().for_each(|claim| tally.judge(&config, claim, &running.addresses));
                let dead = config
                    .claims
                    .iter()
                    .map(|claim| claim.without.as_ref().map(|_| replies(claim, &running.addresses)));
                dead.collect::<Vec<_>>()
            }
        };
        for (claim, told) in config.claims.iter().zip(answers) {
            let (Some(text), Some(told)) = (&claim.without, told) else { continue };
            let Ok(running) = run(text) else { continue };
            tally.alike(&config, claim, &told, &replies(claim, &running.addresses));
        }
    }
}

/// The files that a witness assumes, on the disk for as long as it is asked.
struct Laid(Vec<PathBuf>);

impl Laid {
    fn new(claim: &Claim) -> Self {
        let lay = |file: &Path| {
            std::fs::create_dir_all(file.parent()?).ok()?;
            std::fs::File::create_new(file).ok().map(|_| file.to_owned())
        };
        Self(claim.files().filter_map(lay).collect())
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        for file in &self.0 {
            let _ = std::fs::remove_file(file);
        }
    }
}

impl Tally {
    /// Sends the witness and compares every hop that the finding shows.
    fn judge(&mut self, config: &Config, claim: &Claim, addresses: &[IpAddr]) {
        *self.replayed.entry(claim.rule).or_default() += 1;
        let _laid = Laid::new(claim);
        // A URL does not say at which of the server's addresses its name lives.
        let tries: Vec<_> = addresses.iter().map(|&address| replay(claim, address)).collect();
        if let Some(words) = tries.iter().all(Result::is_err).then(|| tries.into_iter().find_map(Result::err)).flatten()
        {
            self.wrong(config, claim, &words);
        }
    }

    fn compare(&mut self, config: &Config, claim: &Claim, with: &[IpAddr], without: &[IpAddr]) {
        self.alike(config, claim, &replies(claim, with), &replies(claim, without));
    }

    fn alike(&mut self, config: &Config, claim: &Claim, with: &[Option<Reply>], without: &[Option<Reply>]) {
        if with != without {
            self.wrong(config, claim, &format!("with the directive {with:?}, without it {without:?}"));
        }
    }

    fn wrong(&mut self, config: &Config, claim: &Claim, words: &str) {
        let (name, rule, line) = (&config.name, claim.rule, claim.line);
        self.wrong.push(format!("{name}:{line} {rule}: {}\n    {words}", claim.message));
    }
}

/// Follows the witness; `Err` says where the server does something else than was told.
fn replay(claim: &Claim, address: IpAddr) -> Result<(), String> {
    let mut request = claim.request().ok_or("the witness is no request")?;
    for (hop, told) in claim.witness.observed.iter().enumerate() {
        let url = follow::url_of(&request);
        let here = format!("hop {hop} {}", url.escape_ascii());
        let real = namespace::ask(&[address], &request).ok_or_else(|| format!("{here}: nobody listens"))?;
        let same = match told.status {
            // A folder that the configuration names is taken to be there; on this machine it may not.
            Some(301) if real.status == 404 && told.location == Some([&url[..], b"/"].concat()) => return Ok(()),
            Some(status) => real.status == status && real.location == told.location.as_deref().map(first_line),
            // Content that is missing here may have an error page elsewhere.
            None => real.status != 0 && (real.location.is_none() || claim.without.is_some()),
        };
        if !same {
            let (told, real) = (show(told.status, &told.location), show(Some(real.status), &real.location));
            return Err(format!("{here}: told {told}, the server says {real}"));
        }
        match next(&request, &real) {
            Some(following) => request = following,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// The answers to the witness and to requests beside it.
fn replies(claim: &Claim, addresses: &[IpAddr]) -> Vec<Option<Reply>> {
    let Some(request) = claim.request() else { return Vec::new() };
    let beside = |behind: &[u8]| Request { target: [&request.target, behind].concat().into(), ..request.clone() };
    let all = [request.clone(), beside(b"x"), beside(b"/x"), beside(b"?a=1")];
    all.iter().map(|request| namespace::ask(addresses, request)).collect()
}

/// The next request of a browser, by the URL standard and Fetch.
fn next(request: &Request, reply: &Reply) -> Option<Request> {
    let location = String::from_utf8_lossy(reply.location.as_ref()?).into_owned();
    let here = url::Url::parse(&String::from_utf8_lossy(&follow::url_of(request))).ok()?;
    let mut following = follow::request_for(here.join(&location).ok()?.as_str().as_bytes())?;
    following.method = match (reply.status, &*request.method) {
        (301 | 302, b"POST") => b"GET"[..].into(),
        (303, method) if method != b"HEAD" => b"GET"[..].into(),
        (_, method) => method.into(),
    };
    let scheme: &[u8] = if following.encrypted { b"https" } else { b"http" };
    for (name, value) in request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host")) {
        // A proxy in front tells of each request anew.
        let proxy = name.eq_ignore_ascii_case(b"x-forwarded-proto");
        following.headers.push((name.clone(), if proxy { scheme.into() } else { value.clone() }));
    }
    Some(following)
}

/// A `Location` up to a line break: what is behind it arrives as another header.
fn first_line(location: &[u8]) -> Vec<u8> {
    location[..memchr::memmem::find(location, b"\r\n").unwrap_or(location.len())].to_vec()
}

fn show(status: Option<u16>, location: &Option<Vec<u8>>) -> String {
    let status = status.map_or("content".to_owned(), |status| status.to_string());
    let location = location.as_ref().map(|bytes| bytes.escape_ascii().to_string());
    format!("{status} {}", location.unwrap_or_default())
}

/// The ports that the witnesses begin at.
fn ports(config: &Config) -> Vec<u16> {
    let port =
        |claim: &Claim| url::Url::parse(&String::from_utf8_lossy(&claim.witness.url)).ok()?.port_or_known_default();
    let mut all: Vec<u16> = config.claims.iter().filter_map(port).chain([80, 443]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Every readable file of a folder and below it.
fn files(folder: &Path) -> Vec<(String, Dialect, Vec<u8>)> {
    let walk = ignore::WalkBuilder::new(folder).standard_filters(false).sort_by_file_path(Ord::cmp).build();
    let paths = walk.filter_map(|entry| entry.ok()).map(|entry| entry.into_path()).filter(|path| path.is_file());
    let read = |path: PathBuf| {
        let text = std::fs::read(&path).ok()?;
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        Some((name, detect::detect(&path, &text)?, text))
    };
    paths.filter_map(read).collect()
}

/// The bad examples of the rules' pages.
fn bad_examples() -> Vec<(String, Dialect, Vec<u8>)> {
    let of = |rule: &'static rules::Rule| {
        let bad = examples::examples(rule).into_iter().filter(|example| example.bad).enumerate();
        bad.map(|(at, example)| (format!("{} {at}", rule.name), example.dialect, example.text.into_bytes()))
    };
    rules::ALL.iter().flat_map(|rule| of(rule)).collect()
}

/// The server runs as somebody else and has to read it.
fn open(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
