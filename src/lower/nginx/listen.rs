//! `listen`: the addresses that servers answer at, and which one answers by default.

use super::context::Context;
use super::load::Node;
use super::units::{seconds, size};
use crate::ir::site::{Listener, NameRule};
use crate::ir::{Bytes, SiteId};
use crate::source::Span;
use rustc_hash::FxHashSet;
use std::ops::RangeInclusive;

/// One address of one `listen`.
#[derive(Clone)]
pub struct Listen {
    address: Option<Bytes>,
    port: Option<u16>,
    encrypted: bool,
    default: bool,
    /// It says something about the socket, which only one `listen` of an address may do.
    tunes: bool,
    span: Span,
}

/// What one parameter says.
enum Parameter {
    Default,
    Encrypted,
    /// HTTP/3: another socket.
    Datagrams,
    /// How the socket is made.
    Socket,
    /// How the client speaks.
    Protocol,
}

impl Listen {
    /// A port of every address.
    pub fn at(port: u16, encrypted: bool, span: Span) -> Self {
        Self { address: None, port: Some(port), encrypted, default: false, tunes: false, span }
    }

    /// `127.0.0.1:80`, the way messages show an address.
    fn shown(&self) -> String {
        let address = self.address.as_deref().map_or("0.0.0.0".into(), |text| String::from_utf8_lossy(text));
        let address = if address.contains(':') { format!("[{address}]") } else { address.into_owned() };
        format!("{address}:{}", self.port.unwrap_or(0))
    }
}

impl Context {
    /// The addresses that a server names. HTTP/3 comes over datagrams: another socket, and the same answers.
    pub fn listens(&mut self, inside: &[Node]) -> Vec<Listen> {
        let ssl = inside.iter().any(|node| node.name() == b"ssl" && node.arg(0) == Some(b"on"));
        let nodes = inside.iter().filter(|node| node.name() == b"listen");
        nodes.flat_map(|&node| self.listen(node, ssl)).collect()
    }

    fn listen(&mut self, node: Node, encrypted: bool) -> Vec<Listen> {
        let Some(text) = node.arg(0) else { return Vec::new() };
        let ports = match address(text) {
            Ok(found) => found,
            Err(why) => {
                let shown = String::from_utf8_lossy(text);
                self.refuse(node.arg_span(0), format!("{why} in \"{shown}\" of the \"listen\" directive"));
                return Vec::new();
            }
        };
        let mut listen = Listen { encrypted, ..Listen::at(0, false, node.head()) };
        let mut datagrams = false;
        for (at, word) in node.args().enumerate().skip(1) {
            match self.parameter(word) {
                Ok(Parameter::Default) => listen.default = true,
                Ok(Parameter::Encrypted) => listen.encrypted = true,
                Ok(Parameter::Socket) => listen.tunes = true,
                Ok(Parameter::Datagrams) => datagrams = true,
                Ok(Parameter::Protocol) => {}
                Err(message) => self.refuse(node.arg_span(at), message),
            }
        }
        let (address, ports) = ports;
        match ports {
            _ if datagrams => Vec::new(),
            None => vec![Listen { address, port: None, ..listen }],
            Some(ports) => {
                ports.map(|port| Listen { address: address.clone(), port: Some(port), ..listen.clone() }).collect()
            }
        }
    }

    /// Reads a parameter as `ngx_http_core_listen` does.
    fn parameter(&self, word: &[u8]) -> Result<Parameter, String> {
        let shown = String::from_utf8_lossy(word);
        let unknown = || Err(format!("invalid parameter \"{shown}\""));
        let (name, value) = match memchr::memchr(b'=', word).and_then(|at| word.split_at_checked(at)) {
            Some((name, value)) => (name, value.get(1..).unwrap_or_default()),
            None => {
                return match word {
                    b"default_server" | b"default" => Ok(Parameter::Default),
                    b"ssl" => Ok(Parameter::Encrypted),
                    b"http2" | b"proxy_protocol" => Ok(Parameter::Protocol),
                    b"quic" if self.since(1, 25, 0) => Ok(Parameter::Datagrams),
                    b"multipath" if self.since(1, 29, 7) => Ok(Parameter::Socket),
                    b"bind" | b"deferred" | b"reuseport" => Ok(Parameter::Socket),
                    _ => unknown(),
                };
            }
        };
        let digits = || std::str::from_utf8(value).ok()?.parse::<u32>().ok();
        let valid = match name {
            b"accept_filter" => true,
            b"setfib" | b"fastopen" => digits().is_some(),
            b"backlog" => digits().is_some_and(|number| number > 0),
            b"rcvbuf" | b"sndbuf" => size(value).is_some(),
            b"ipv6only" if value.starts_with(b"o") => matches!(value, b"on" | b"off"),
            b"so_keepalive" => is_keepalive(value),
            _ => return unknown(),
        };
        let value = String::from_utf8_lossy(value);
        match (valid, name) {
            (true, _) => Ok(Parameter::Socket),
            (_, b"ipv6only") => Err(format!("invalid ipv6only flags \"{value}\"")),
            (_, b"so_keepalive") => Err(format!("invalid so_keepalive value: \"{value}\"")),
            (_, name) => Err(format!("invalid {} \"{shown}\"", String::from_utf8_lossy(name))),
        }
    }

    /// Puts a site among those of an address.
    pub fn attach(&mut self, site: SiteId, listen: Listen) {
        let shown = listen.shown();
        let same = |other: &&mut Listener| other.address == listen.address && other.port == listen.port;
        let Some(listener) = self.program.listeners.iter_mut().find(same) else {
            self.program.listeners.push(Listener {
                address: listen.address,
                port: listen.port,
                encrypted: listen.encrypted,
                sites: vec![site],
                default: site,
                rule: NameRule::BestKind,
                void: FxHashSet::default(),
            });
            self.defaults.extend(listen.default.then(|| shown.clone()));
            self.tuned.extend(listen.tunes.then_some(shown));
            return;
        };
        if listener.sites.contains(&site) {
            return self.refuse(listen.span, format!("a duplicate listen {shown}"));
        }
        listener.encrypted |= listen.encrypted;
        listener.sites.push(site);
        if listen.tunes && !self.tuned.insert(shown.clone()) {
            return self.refuse(listen.span, format!("duplicate listen options for {shown}"));
        }
        if listen.default {
            if !self.defaults.insert(shown.clone()) {
                return self.refuse(listen.span, format!("a duplicate default server for {shown}"));
            }
            listener.default = site;
        }
    }
}

/// `on`, `off`, or `idle:interval:count` with at least one of them.
fn is_keepalive(value: &[u8]) -> bool {
    if matches!(value, b"on" | b"off") {
        return true;
    }
    let mut parts = value.splitn(3, |&byte| byte == b':').map(|part| (!part.is_empty()).then_some(part));
    let times = [parts.next().flatten(), parts.next().flatten()].map(|part| part.map_or(Some(0), seconds));
    let count = parts.next().flatten().map_or(Some(0), |digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let all: Option<Vec<u64>> = times.into_iter().chain([count]).collect();
    all.is_some_and(|all| all.iter().any(|&number| number > 0))
}

/// Address and ports of a `listen`: no address is any; a path of a socket has no port.
type Endpoint = (Option<Bytes>, Option<RangeInclusive<u16>>);

fn address(text: &[u8]) -> Result<Endpoint, &'static str> {
    match text {
        b"unix:" => return Err("no path in the unix domain socket"),
        _ if text.starts_with(b"unix:") => return Ok((Some(text.into()), None)),
        _ if text.contains(&b'/') => return Err("invalid host"),
        _ => {}
    }
    if let Some(rest) = text.strip_prefix(b"[") {
        return address_of_six(rest);
    }
    let (host, port) = match memchr::memchr(b':', text) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None if text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') => (&b"*"[..], Some(text)),
        None => (text, None),
    };
    let ports = port.map_or(Ok(80..=80), ports)?;
    let host: Option<Bytes> = match host {
        b"*" | b"0.0.0.0" => None,
        b"" => return Err("no host"),
        b"localhost" => Some(b"127.0.0.1"[..].into()),
        host if host.iter().all(is_host_byte) => Some(host.into()),
        _ => return Err("host not found"),
    };
    Ok((host, Some(ports)))
}

/// What stands behind the opening bracket of an IPv6 address (`ngx_parse_inet6_url`).
fn address_of_six(text: &[u8]) -> Result<Endpoint, &'static str> {
    let (host, behind) = text.split_at(memchr::memchr(b']', text).ok_or("invalid host")?);
    let ports = match behind {
        b"]" => 80..=80,
        [b']', b':', digits @ ..] => ports(digits)?,
        _ => return Err("invalid host"),
    };
    let valid = std::str::from_utf8(host).is_ok_and(|host| host.parse::<std::net::Ipv6Addr>().is_ok());
    match host {
        b"" => Err("no host"),
        _ if valid => Ok((Some(host.into()), Some(ports))),
        _ => Err("invalid IPv6 address"),
    }
}

/// Whether the name of a host may hold it: no name server and no table of hosts knows another.
fn is_host_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// A port, or the first and the last of a range.
fn ports(digits: &[u8]) -> Result<RangeInclusive<u16>, &'static str> {
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u16>().ok().filter(|&port| port != 0);
    let mut ends = digits.splitn(2, |&byte| byte == b'-').map(number);
    let first = ends.next().flatten().ok_or("invalid port")?;
    let last = ends.next().unwrap_or(Some(first)).ok_or("invalid port")?;
    if last < first { Err("invalid port range") } else { Ok(first..=last) }
}
