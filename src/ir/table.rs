//! Look-up tables: `map`, `geo`, `split_clients`, `RewriteMap`.

use super::pattern::Regex;
use super::template::Template;
use super::{Bytes, VarId};
use crate::source::Span;
use rustc_hash::FxHashMap;
use std::net::IpAddr;
use std::sync::OnceLock;

/// A table and how it is asked.
#[derive(Debug)]
pub struct Table {
    /// The variable it defines, or the map's name.
    pub name: Bytes,
    /// Where it stands.
    pub span: Span,
    /// What is looked up, for tables with a source of their own; Apache's maps get their key at each use.
    pub source: Option<Template>,
    /// How a key finds its value.
    pub kind: TableKind,
    /// Whether the first value is remembered for the rest of the request.
    pub remembered: bool,
}

/// How a key finds its value.
#[derive(Debug)]
pub enum TableKind {
    /// nginx `map`: exact, then wildcards, then patterns, then the default.
    Map(Box<Map>),
    /// nginx `geo`: the longest network wins.
    Geo(Vec<GeoEntry>, Option<Bytes>),
    /// nginx `split_clients`: shares of the hash space.
    Split(Vec<(u32, Bytes)>, Option<Bytes>),
    /// Apache `txt:`: the first line with the key.
    Text(FxHashMap<Bytes, Bytes>),
    /// Apache `rnd:`: the same, then one of the alternatives, which one is unknown.
    Random(FxHashMap<Bytes, Vec<Bytes>>),
    /// Apache `int:`.
    Internal(InternalFunction),
    /// A program, a database, a file that cannot be read: unknown. The text says what it depends on.
    Unknown(String),
}

/// Keys that [`Map::examples`] gives at most.
const EXAMPLES: usize = 4;

/// The body of a `map`.
#[derive(Debug, Default)]
pub struct Map {
    /// Whether a trailing dot of the source is dropped and wildcards are looked at.
    pub hostnames: bool,
    /// Literal keys, in lower case.
    pub exact: FxHashMap<Bytes, MapValue>,
    /// `*.x` and `.x` keys: suffix in lower case (with its dot), whether the bare name matches too.
    pub leading: Vec<(Bytes, bool, MapValue)>,
    /// `x.*` keys: prefix in lower case (with its dot).
    pub trailing: Vec<(Bytes, MapValue)>,
    /// Patterns, in order, with the variables of their named groups.
    pub patterns: Vec<(Regex, Box<[(u32, VarId)]>, MapValue)>,
    /// For everything else.
    pub default: Option<MapValue>,
    examples: OnceLock<Vec<Bytes>>,
}

impl MapValue {
    /// Whether a condition takes it for true, as far as the text says: it is neither empty nor `0`.
    pub fn is_telling(&self) -> bool {
        self.value.as_literal().is_none_or(|text| !text.is_empty() && text != b"0")
    }
}

impl Map {
    /// The first literal keys, in the order of the text, whose value is true as a condition.
    pub fn examples(&self) -> &[Bytes] {
        self.examples.get_or_init(|| {
            let telling = self.exact.iter().filter(|(_, value)| value.is_telling());
            let mut keys: Vec<_> = telling.map(|(key, value)| (value.span, key)).collect();
            keys.sort_unstable();
            keys.into_iter().take(EXAMPLES).map(|(_, key)| key.clone()).collect()
        })
    }

    /// At most so many literal keys and as many patterns, evenly spread over the text, the first and the last of them
    /// included; a quarter more of keys that hold something beside lower-case letters, digits and `/-_.`.
    pub fn spread(&self, most: usize) -> (Vec<&Bytes>, Vec<&Regex>) {
        let plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/-_.".contains(byte);
        let mut keys: Vec<_> = self.exact.iter().map(|(key, value)| (value.span, key)).collect();
        keys.sort_unstable();
        let odd = keys.iter().filter(|(_, key)| !key.iter().all(plain)).take(most / 4);
        let mut keys: Vec<_> = spread(&keys, most).chain(odd).collect();
        keys.sort_unstable();
        keys.dedup();
        let patterns = spread(&self.patterns, most).map(|(regex, _, _)| regex);
        (keys.into_iter().map(|(_, key)| *key).collect(), patterns.collect())
    }
}

fn spread<T>(all: &[T], most: usize) -> impl Iterator<Item = &T> {
    let step = all.len().div_ceil(most.max(1)).max(1);
    let rest = if (all.len().saturating_sub(1)).is_multiple_of(step) { None } else { all.last() };
    all.iter().step_by(step).chain(rest)
}

/// A value of a `map`, with the line it stands on.
#[derive(Debug, Clone)]
pub struct MapValue {
    /// The value.
    pub value: Template,
    /// The entry.
    pub span: Span,
}

/// One entry of a `geo`.
#[derive(Debug)]
pub struct GeoEntry {
    /// First address, as a number (IPv4 mapped into IPv6).
    pub first: u128,
    /// Last address.
    pub last: u128,
    /// The value.
    pub value: Bytes,
}

/// An `int:` map of Apache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum InternalFunction {
    ToUpper,
    ToLower,
    Escape,
    Unescape,
}

/// An address as nginx reads it (`ngx_inet_addr`): an octet may be empty, or begin with zeros.
pub fn loose_address_number(text: &[u8]) -> Option<u128> {
    let octet = |part: &[u8]| {
        let mut digits = part.iter().map(|byte| byte.is_ascii_digit().then(|| u16::from(byte - b'0')));
        digits.try_fold(0, |octet, digit| Some(octet * 10 + digit?).filter(|&octet| octet < 256))
    };
    let octets: Option<Vec<u16>> = text.split(|&byte| byte == b'.').map(octet).collect();
    match octets.as_deref() {
        Some(octets @ [_, _, _, _]) => {
            Some(octets.iter().fold(0xffff, |number, &octet| number << 8 | u128::from(octet)))
        }
        _ => address_number(text),
    }
}

/// An address as a number, IPv4 mapped into IPv6.
pub fn address_number(text: &[u8]) -> Option<u128> {
    let address: IpAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    })
}
