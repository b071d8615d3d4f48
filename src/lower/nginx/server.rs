//! Server blocks: addresses, names, and which one answers by default.

use super::context::Context;
use super::load::Node;
use super::locations::{Parent, Place};
use super::settings::Level;
use crate::ir::choice::{Choice, Location, Locations};
use crate::ir::site::{Listener, NameRule, OwnName, Site, SiteName};
use crate::ir::{Bytes, SiteId};
use crate::source::Span;
use std::ops::RangeInclusive;

/// One `listen`.
struct Listen {
    address: Option<Bytes>,
    port: Option<u16>,
    encrypted: bool,
    default: bool,
    span: Span,
}

/// Words of `listen` that change nothing here.
const LISTEN_WORDS: &[&[u8]] = &[
    b"bind",
    b"deferred",
    b"reuseport",
    b"http2",
    b"quic",
    b"spdy",
    b"proxy_protocol",
    b"multipath",
    b"accept_filter",
];

/// Beginnings of such words.
const LISTEN_PREFIXES: &[&[u8]] =
    &[b"setfib=", b"fastopen=", b"backlog=", b"rcvbuf=", b"sndbuf=", b"accept_filter=", b"ipv6only=", b"so_keepalive="];

impl Context {
    /// A `server` block.
    pub fn server(&mut self, node: Node, http: &Level) {
        let inside: Vec<Node> = node.children().collect();
        self.server_of(Some(node.head()), &inside, http, None);
    }

    /// A server with these directives; `only`: a fragment of location level, which becomes its only location.
    pub fn server_of(&mut self, span: Option<Span>, inside: &[Node], http: &Level, only: Option<Span>) {
        let site = SiteId(u32::try_from(self.program.sites.len()).unwrap_or(u32::MAX));
        let mut listens = self.listens(inside);
        let (names, own) = self.names(inside);
        let level = if only.is_some() { http.clone() } else { self.level(inside, http, Some(b""), false) };
        let (clauses, locations) = match only {
            Some(span) => (Vec::new(), self.only_location(span, inside, http)),
            None => (
                self.clauses(inside, Place { level: &level, server: true, name: Some(b"") }),
                self.locations(inside, &level, Parent::default()),
            ),
        };
        let mut otherwise = level.settings();
        otherwise.try_files = if only.is_some() { None } else { self.try_files(inside) };
        let otherwise = self.full_scope(span, &level, otherwise, Vec::new());
        let scope = self.full_scope(span, &level, level.settings(), clauses);
        let locations = Locations { otherwise: Some(otherwise), ..locations };
        let choice = Choice::Locations(locations);
        let site_names = names;
        self.program.sites.push(Site { span, names: site_names, own, scope, choice, addresses: Vec::new() });
        if listens.is_empty() {
            // A server that is written out without `listen` is plain (ngx_http_core_server: `*:80`); of one that cannot
            // be seen either may be true.
            let unseen = self.fragment && span.is_none();
            let span = span.or(only).unwrap_or(Span::new(crate::source::FileId(0), 0, 0));
            let plain = Listen { address: None, port: Some(80), encrypted: false, default: false, span };
            if unseen {
                listens.push(Listen { port: Some(443), encrypted: true, ..plain });
                listens.push(Listen { address: None, port: Some(80), encrypted: false, default: false, span });
                listens.reverse();
            } else {
                listens.push(plain);
            }
        }
        for listen in listens {
            self.attach(site, listen);
        }
    }

    fn only_location(&mut self, span: Span, inside: &[Node], http: &Level) -> Locations {
        let level = self.level(inside, http, Some(b"/"), false);
        let scope = self.location_scope(span, inside, &level, Some(b"/"));
        let nested = self.locations(inside, &level, Parent::default());
        let location =
            Location { scope, no_patterns: false, slash_redirect: false, nested: Some(Box::new(nested)), span };
        Locations { prefixes: vec![(b"/"[..].into(), location)], ..Locations::default() }
    }

    fn attach(&mut self, site: SiteId, listen: Listen) {
        let same = |other: &&mut Listener| other.address == listen.address && other.port == listen.port;
        let shown = shown(&listen);
        let Some(listener) = self.program.listeners.iter_mut().find(same) else {
            self.program.listeners.push(Listener {
                address: listen.address,
                port: listen.port,
                encrypted: listen.encrypted,
                sites: vec![site],
                default: site,
                rule: NameRule::BestKind,
            });
            if listen.default {
                self.defaults.push(shown);
            }
            return;
        };
        if listener.sites.contains(&site) {
            return self.refuse(listen.span, format!("a duplicate listen {shown}"));
        }
        listener.encrypted |= listen.encrypted;
        listener.sites.push(site);
        if listen.default {
            if self.defaults.contains(&shown) {
                return self.refuse(listen.span, format!("a duplicate default server for {shown}"));
            }
            listener.default = site;
            self.defaults.push(shown);
        }
    }

    fn listens(&mut self, inside: &[Node]) -> Vec<Listen> {
        let ssl = inside.iter().any(|node| node.name() == b"ssl" && node.arg(0) == Some(b"on"));
        let mut listens = Vec::new();
        for node in inside.iter().filter(|node| node.name() == b"listen") {
            let Some(text) = node.arg(0) else { continue };
            // HTTP/3 comes over datagrams: another socket, and the same answers.
            if node.args().any(|word| word == b"quic") {
                continue;
            }
            let (mut encrypted, mut default) = (ssl, false);
            for (at, word) in node.args().enumerate().skip(1) {
                match word {
                    b"ssl" => encrypted = true,
                    b"default_server" | b"default" => default = true,
                    _ if LISTEN_WORDS.contains(&word) => {}
                    _ if LISTEN_PREFIXES.iter().any(|prefix| word.starts_with(prefix)) => {}
                    _ => {
                        let shown = String::from_utf8_lossy(word);
                        self.refuse(node.arg_span(at), format!("invalid parameter \"{shown}\""));
                    }
                }
            }
            match address(text) {
                Ok((address, None)) => {
                    listens.push(Listen { address, port: None, encrypted, default, span: node.head() });
                }
                Ok((address, Some(ports))) => listens.extend(ports.map(|port| {
                    let address = address.clone();
                    Listen { address, port: Some(port), encrypted, default, span: node.head() }
                })),
                Err(why) => {
                    let shown = String::from_utf8_lossy(text);
                    self.refuse(node.arg_span(0), format!("{why} in \"{shown}\" of the \"listen\" directive"));
                }
            }
        }
        listens
    }

    fn names(&mut self, inside: &[Node]) -> (Vec<SiteName>, OwnName) {
        let mut names = Vec::new();
        let mut first: Option<Bytes> = None;
        for node in inside.iter().filter(|node| node.name() == b"server_name") {
            for (at, word) in node.args().enumerate() {
                if let Some(name) = self.name(*node, at, word) {
                    names.push(name);
                }
                let shown = if word.starts_with(b"~") { word.to_vec() } else { word.to_ascii_lowercase() };
                let shown = shown.strip_prefix(b".").map(<[u8]>::to_vec).unwrap_or(shown);
                first.get_or_insert(shown.into());
            }
        }
        if first.is_none() {
            names.push(SiteName::Exact(Bytes::default()));
        }
        (names, OwnName { scheme: None, host: first.unwrap_or_default(), port: 0 })
    }

    fn name(&mut self, node: Node, at: usize, word: &[u8]) -> Option<SiteName> {
        let invalid = match word {
            [b'*'] => true,
            [b'*', second, ..] => word.len() < 3 || *second != b'.',
            [b'.'] => true,
            _ => false,
        };
        if invalid {
            let shown = String::from_utf8_lossy(word);
            self.refuse(node.arg_span(at), format!("server name \"{shown}\" is invalid"));
            return None;
        }
        if let Some(pattern) = word.strip_prefix(b"~") {
            if pattern.is_empty() {
                self.refuse(node.arg_span(at), "empty regex in server name \"~\"");
                return None;
            }
            let caseless = pattern.iter().any(u8::is_ascii_uppercase);
            let (regex, named) = self.regex(pattern, caseless, node.arg_span(at));
            return Some(SiteName::Regex(Box::new(regex), named));
        }
        let lower = word.to_ascii_lowercase();
        Some(match lower.as_slice() {
            [b'*', suffix @ ..] if !suffix.contains(&b'*') => SiteName::Leading(suffix.into()),
            [b'.', ..] if !lower.contains(&b'*') => SiteName::LeadingOrBare(lower.into()),
            [prefix @ .., b'*'] if prefix.ends_with(b".") && !prefix.contains(&b'*') => {
                SiteName::Trailing(prefix.into())
            }
            name if name.contains(&b'*') => {
                self.wild_names.push((node.arg_span(at), String::from_utf8_lossy(word).into_owned()));
                return None;
            }
            name => SiteName::Exact(name.into()),
        })
    }
}

/// `127.0.0.1:80`, the way messages show an address.
fn shown(listen: &Listen) -> String {
    let address = listen.address.as_deref().map_or("0.0.0.0".into(), |text| String::from_utf8_lossy(text));
    let address = if address.contains(':') { format!("[{address}]") } else { address.into_owned() };
    format!("{address}:{}", listen.port.unwrap_or(0))
}

/// Address and ports of a `listen`: no address is any; a path of a socket has no port.
type Endpoint = (Option<Bytes>, Option<RangeInclusive<u16>>);

fn address(text: &[u8]) -> Result<Endpoint, &'static str> {
    if text.starts_with(b"unix:") {
        return Ok((Some(text.into()), None));
    }
    let (host, port) = match text {
        [b'[', rest @ ..] => {
            let end = memchr::memchr(b']', rest).ok_or("invalid host")?;
            let behind = rest.get(end + 1..).unwrap_or_default();
            (rest.get(..end).unwrap_or_default(), behind.strip_prefix(b":"))
        }
        _ => match memchr::memrchr(b':', text) {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
            None if text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-') => (&b"*"[..], Some(text)),
            None => (text, None),
        },
    };
    let ports = match port {
        None => 80..=80,
        Some(digits) => {
            let number =
                |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u16>().ok().filter(|&port| port != 0);
            let mut ends = digits.splitn(2, |&byte| byte == b'-').map(number);
            let first = ends.next().flatten().ok_or("invalid port")?;
            first..=ends.next().unwrap_or(Some(first)).filter(|&last| last >= first).ok_or("invalid port")?
        }
    };
    let host: Option<Bytes> = match host {
        b"*" | b"0.0.0.0" => None,
        b"" => return Err("no host"),
        b"localhost" => Some(b"127.0.0.1"[..].into()),
        host => Some(host.into()),
    };
    Ok((host, Some(ports)))
}
