//! Real servers, started by a test on loopback in a scratch folder, and raw requests to them.
//!
//! `REDIRLINT_LIVE=require` makes a missing server a failure; without it the live tests say that they were
//! skipped and pass.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What a server answered: status (0 where it closed without a word), `Location`, and whether anything came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub location: Option<Vec<u8>>,
}

/// A request as bytes on the wire need it.
#[derive(Clone)]
pub struct Ask {
    pub method: String,
    pub target: Vec<u8>,
    pub host: Option<String>,
    pub headers: Vec<(String, String)>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} Host: {:?} {:?}", self.method, self.target.escape_ascii(), self.host, self.headers)
    }
}

/// A running server; killed when dropped.
pub struct Live {
    child: Child,
    pub dir: tempfile::TempDir,
    pub port: u16,
}

/// The server's program, if it is installed.
pub fn installed(name: &str) -> Option<PathBuf> {
    let found = ["/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
        .iter()
        .map(|folder| Path::new(folder).join(name))
        .find(|path| path.exists());
    let required = std::env::var("REDIRLINT_LIVE").is_ok_and(|value| value == "require");
    assert!(found.is_some() || !required, "`{name}` is not installed, but REDIRLINT_LIVE=require asks for it");
    if found.is_none() {
        eprintln!("skipped: `{name}` is not installed");
    }
    found
}

/// A port nobody listens on.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Writes files below a folder; a path that ends in a slash is a folder.
pub fn lay_out(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (path, content) in files {
        let full = folder.join(path);
        if path.ends_with('/') {
            std::fs::create_dir_all(full).unwrap();
            continue;
        }
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, content).unwrap();
    }
}

impl Live {
    /// Starts a program that is to listen on `port` and waits until it does; `Err` with its words where it ends.
    pub fn start(mut command: Command, dir: tempfile::TempDir, port: u16) -> Result<Self, String> {
        let log = std::fs::File::create(dir.path().join("stderr.txt")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let child = command.spawn().unwrap();
        let mut live = Self { child, dir, port };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(live.address()).is_err() {
            if live.child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                return Err(std::fs::read_to_string(live.dir.path().join("stderr.txt")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        Ok(live)
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// Sends one request and reads the answer to its end.
    pub fn ask(&self, ask: &Ask) -> Reply {
        let mut wire = Vec::new();
        wire.extend_from_slice(ask.method.as_bytes());
        wire.push(b' ');
        wire.extend_from_slice(&ask.target);
        wire.extend_from_slice(b" HTTP/1.1\r\n");
        let host = ask.host.iter().map(|host| ("Host".to_owned(), host.clone()));
        for (name, value) in host.chain(ask.headers.iter().cloned()) {
            wire.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        wire.extend_from_slice(b"Connection: close\r\n\r\n");
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        // A server may close before it has read everything; what it said by then counts.
        let _ = stream.write_all(&wire);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        parse(&answer)
    }
}

/// The head of an answer. Lines end with CR LF only: a bare line feed may be part of a `Location`.
pub fn parse(answer: &[u8]) -> Reply {
    let end = memchr::memmem::find(answer, b"\r\n\r\n").unwrap_or(answer.len());
    let mut lines = Vec::new();
    let mut start = 0;
    for at in memchr::memmem::find_iter(&answer[..end], b"\r\n").chain([end]) {
        lines.push(&answer[start.min(at)..at]);
        start = at + 2;
    }
    let mut lines = lines.into_iter();
    let first = lines.next().unwrap_or_default();
    let status = std::str::from_utf8(first).ok().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(0);
    let location = lines.find_map(|line| {
        let (name, value) = line.split_at(line.iter().position(|&byte| byte == b':')?);
        let value = &value[1..];
        name.eq_ignore_ascii_case(b"location").then(|| value.strip_prefix(b" ").unwrap_or(value).to_vec())
    });
    Reply { status, location }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
