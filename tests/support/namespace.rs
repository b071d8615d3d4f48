//! A network of the test's own, where every port and every address is free, an empty `/srv`, and requests to whatever
//! listens there.

use super::live::{Reply, parse};
use redirlint::eval::Request;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

const INSIDE: &str = "REDIRLINT_NAMESPACE";
/// Every address is local: a configuration may listen at any. What is written below `/srv` is gone with the test.
const SET_UP: &str = "ip link set lo up; ip route add local 0.0.0.0/0 dev lo; ip -6 route add local ::/0 dev lo; \
                      mount -t tmpfs none /srv; exec \"$@\"";

/// Runs the named test of this file again in a network namespace. True inside of it; false where the outer run has
/// nothing left to do: the inner one passed, or the machine does not allow namespaces.
pub fn enter(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let Some(flags) = flags() else {
        eprintln!("skipped: this machine lets nobody make a network namespace (`unshare -n`)");
        return false;
    };
    let status = Command::new("unshare")
        .args(flags)
        .args(["sh", "-c", SET_UP, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "`{test}` failed in its namespace; its words stand above");
    false
}

/// How a namespace is made here: by root, or by anybody in a user namespace that keeps the right to low ports.
fn flags() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["-n", "-m"], &["-n", "-m", "-U", "--map-current-user", "--keep-caps"]];
    ways.into_iter().find(|flags| {
        let mut attempt = Command::new("unshare");
        attempt.args(*flags).args(["ip", "link", "set", "lo", "up"]).stdout(Stdio::null()).stderr(Stdio::null());
        attempt.status().is_ok_and(|status| status.success())
    })
}

/// Sends one request to the first of the addresses that is listened at, on the port that its `Host` and scheme name.
pub fn ask(addresses: &[IpAddr], request: &Request) -> Option<Reply> {
    let host = header(request, "host");
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    let port: u16 = port.unwrap_or(if request.encrypted { 443 } else { 80 });
    let at = addresses.iter().map(|&address| SocketAddr::from((address, port)));
    let stream = at.filter_map(|at| Some((TcpStream::connect(at).ok()?, at))).next();
    let (mut stream, at) = stream?;
    let wire = wire(request);
    let mut answer = Vec::new();
    if request.encrypted {
        return Some(parse(&over_tls(at, host.split(':').next().unwrap_or_default(), &wire)));
    }
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // A server may close before it has read everything; what it said by then counts.
    let _ = stream.write_all(&wire);
    let _ = stream.read_to_end(&mut answer);
    Some(parse(&answer))
}

fn header(request: &Request, wanted: &str) -> String {
    let found = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

fn wire(request: &Request) -> Vec<u8> {
    let mut wire = [&request.method[..], b" ", &request.target, b" HTTP/1.1\r\n"].concat();
    for (name, value) in &request.headers {
        wire.extend_from_slice(&[&name[..], b": ", value, b"\r\n"].concat());
    }
    wire.extend_from_slice(b"Content-Length: 0\r\nConnection: close\r\n\r\n");
    wire
}

fn over_tls(at: SocketAddr, name: &str, wire: &[u8]) -> Vec<u8> {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-quiet", "-connect", &at.to_string()]);
    // A name with other characters is none that a client could send.
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')) && !name.is_empty() {
        command.args(["-servername", name]);
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("`openssl` runs");
    let _ = child.stdin.as_mut().unwrap().write_all(wire);
    child.wait_with_output().map(|output| output.stdout).unwrap_or_default()
}
