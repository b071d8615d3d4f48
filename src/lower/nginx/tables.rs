//! `map`, `geo` and `split_clients`.

use super::context::Context;
use super::load::Node;
use super::variables::Captures;
use crate::ir::access::{Clients, RealAddress};
use crate::ir::table::loose_address_number;
use crate::ir::table::{GeoEntry, Map, MapValue, Table, TableKind};
use crate::ir::template::{Attribute, Origin, Part, Passes, Template};
use crate::ir::{Bytes, TableId};

impl Context {
    /// Adds a table and makes it the origin of its variable; a second definition counts instead of the first.
    fn add_table(&mut self, node: Node, at: usize, source: Option<Template>, kind: TableKind, remembered: bool) {
        let Some(name) = node.arg(at).and_then(|name| name.strip_prefix(b"$")) else {
            let shown = String::from_utf8_lossy(node.arg(at).unwrap_or_default()).into_owned();
            return self.refuse(node.arg_span(at), format!("invalid variable name \"{shown}\""));
        };
        let id = match self.variables.define(name, node.arg_span(at)) {
            Ok(id) => id,
            Err(message) => return self.refuse(node.arg_span(at), message),
        };
        let table = TableId(u32::try_from(self.program.tables.len()).unwrap_or(u32::MAX));
        self.program.tables.push(Table { name: name.into(), span: node.head(), source, kind, remembered });
        self.variables.originate(id, Origin::Table(table));
    }

    /// `map`.
    pub fn map(&mut self, node: Node) {
        let source = node.arg(0).unwrap_or_default();
        let source = self.template(source, Captures::Raw, node.arg_span(0));
        let mut map = Map::default();
        let mut remembered = true;
        for entry in node.children() {
            match (entry.name(), entry.words().len()) {
                (b"hostnames", 0) => map.hostnames = true,
                (b"volatile", 0) => remembered = false,
                (_, 1) => self.map_entry(&mut map, entry),
                _ => self.refuse(entry.head(), "invalid number of the map parameters"),
            }
        }
        self.check_keys_fit(&map);
        self.add_table(node, 1, Some(source), TableKind::Map(Box::new(map)), remembered);
    }

    fn map_entry(&mut self, map: &mut Map, entry: Node) {
        let key = entry.name();
        let text = entry.arg(0).unwrap_or_default();
        let value = MapValue { value: self.template(text, Captures::Raw, entry.arg_span(0)), span: entry.head() };
        if key == b"default" {
            if map.default.is_some() {
                return self.refuse(entry.head(), "duplicate default map parameter");
            }
            map.default = Some(value);
            return;
        }
        if let Some(pattern) = key.strip_prefix(b"~") {
            let (pattern, caseless) = match pattern.strip_prefix(b"*") {
                Some(pattern) => (pattern, true),
                None => (pattern, false),
            };
            let (regex, named) = self.regex(pattern, caseless, entry.directive.name.span);
            map.patterns.push((regex, named, value));
            return;
        }
        let key = key.strip_prefix(b"\\").unwrap_or(key).to_ascii_lowercase();
        let conflict = if map.hostnames { hostname_key(map, &key, value) } else { exact_key(map, &key, value) };
        if let Err(message) = conflict {
            let shown = String::from_utf8_lossy(&key);
            self.refuse(entry.directive.name.span, format!("{message} \"{shown}\""));
        }
    }

    /// `split_clients`.
    pub fn split_clients(&mut self, node: Node) {
        let source = node.arg(0).unwrap_or_default();
        let source = self.template(source, Captures::Raw, node.arg_span(0));
        let (mut shares, mut rest) = (Vec::new(), None);
        let (mut sum, mut end) = (0u64, 0u64);
        for entry in node.children() {
            let value: Bytes = entry.arg(0).unwrap_or_default().into();
            if entry.name() == b"*" {
                rest = Some(value);
                continue;
            }
            let Some(percent) = percent(entry.name()) else {
                let shown = String::from_utf8_lossy(entry.name());
                return self.refuse(entry.head(), format!("invalid percent value \"{shown}\""));
            };
            sum += percent;
            if sum > 10_000 {
                return self.refuse(node.head(), "percent total is greater than 100%");
            }
            end += percent * 0xffff_ffff / 10_000;
            shares.push((u32::try_from(end).unwrap_or(u32::MAX), value));
        }
        if sum == 10_000 && rest.is_none() && self.since(1, 31, 2) {
            rest = shares.pop().map(|(_, value)| value);
        }
        self.add_table(node, 1, Some(source), TableKind::Split(shares, rest), true);
    }

    /// `geo`.
    pub fn geo(&mut self, node: Node) {
        let (source, at) = match node.words().len() {
            1 => (Template { parts: vec![Part::Attribute(Attribute::RemoteAddress)], passes: Passes::Two }, 0),
            _ => (self.template(node.arg(0).unwrap_or_default(), Captures::Raw, node.arg_span(0)), 1),
        };
        let mut entries: Vec<GeoEntry> = Vec::new();
        let (mut default, mut ranges, mut remembered) = (None, false, true);
        let (mut trusted, mut recursive) = (Vec::new(), false);
        for entry in node.children() {
            let value: Bytes = entry.arg(0).unwrap_or_default().into();
            match (entry.name(), entry.words().len()) {
                (b"ranges", 0) => ranges = true,
                (b"volatile", 0) => remembered = false,
                (b"proxy_recursive", 0) => recursive = true,
                (b"proxy", 1) => {
                    trusted.extend(network(&value).map(|(first, last)| Clients::Network(first, last)));
                }
                (b"include", _) => {}
                (b"default", _) => default = Some(value),
                (b"delete", 1) => {
                    if let Some((first, last)) = range_of(&value, ranges) {
                        entries.retain(|entry| (entry.first, entry.last) != (first, last));
                    }
                }
                (key, 1) => match range_of(key, ranges) {
                    Some((first, last)) => entries.push(GeoEntry { first, last, value }),
                    None => {
                        let shown = String::from_utf8_lossy(key);
                        self.refuse(entry.head(), format!("invalid network \"{shown}\""));
                    }
                },
                _ => self.refuse(entry.head(), "invalid number of the geo parameters"),
            }
        }
        let source = match at {
            0 if !trusted.is_empty() => {
                let header = b"x-forwarded-for"[..].into();
                let rule = Box::new(RealAddress { trusted, header, recursive });
                Template { parts: vec![Part::Attribute(Attribute::ForwardedAddress(rule))], passes: Passes::Two }
            }
            _ => source,
        };
        self.add_table(node, at, Some(source), TableKind::Geo(entries, default), remembered);
    }
}

fn exact_key(map: &mut Map, key: &[u8], value: MapValue) -> Result<(), &'static str> {
    match map.exact.insert(key.into(), value) {
        Some(_) => Err("conflicting parameter"),
        None => Ok(()),
    }
}

/// A key below a `hostnames` line may have wildcards.
fn hostname_key(map: &mut Map, key: &[u8], value: MapValue) -> Result<(), &'static str> {
    if conflicts(map, key) {
        return Err("conflicting parameter");
    }
    match key {
        [b'*', suffix @ ..] if suffix.len() > 1 && suffix.starts_with(b".") && !suffix.contains(&b'*') => {
            map.leading.push((suffix.into(), false, value));
        }
        [b'.', _, ..] if !key.contains(&b'*') => map.leading.push((key.into(), true, value)),
        [prefix @ .., b'*'] if prefix.ends_with(b".") && !prefix.contains(&b'*') && prefix.len() > 1 => {
            map.trailing.push((prefix.into(), value));
        }
        _ if key.contains(&b'*') => return Err("invalid hostname or wildcard"),
        _ => return exact_key(map, key, value),
    }
    Ok(())
}

/// Whether a key below a `hostnames` line stands there already; `.x` stands for `x` and for `*.x`.
fn conflicts(map: &Map, key: &[u8]) -> bool {
    let exact = key.strip_prefix(b".").unwrap_or(key);
    let leading = key.strip_prefix(b"*").or(key.starts_with(b".").then_some(key));
    map.exact.contains_key(exact)
        || map
            .leading
            .iter()
            .any(|(suffix, bare, _)| leading == Some(&**suffix) || (*bare && suffix.get(1..) == Some(exact)))
        || key.strip_suffix(b"*").is_some_and(|prefix| map.trailing.iter().any(|(have, _)| **have == *prefix))
}

/// `12.5%` in hundredths of a percent.
fn percent(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text.strip_suffix(b"%")?).ok()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hundredths = format!("{part:0<2}").parse::<u64>().ok()?;
    let percent = whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(hundredths)?;
    (percent > 0).then_some(percent)
}

fn range_of(text: &[u8], ranges: bool) -> Option<(u128, u128)> {
    if !ranges {
        return network(text);
    }
    let at = memchr::memchr(b'-', text)?;
    Some((loose_address_number(text.get(..at)?)?, loose_address_number(text.get(at + 1..)?)?))
}

/// `192.0.2.0/24`, an address or an IPv6 network as its first and last address, IPv4 mapped into IPv6.
pub fn network(text: &[u8]) -> Option<(u128, u128)> {
    let (address, bits) = match memchr::memchr(b'/', text) {
        Some(at) => (text.get(..at)?, Some(std::str::from_utf8(text.get(at + 1..)?).ok()?.parse::<u32>().ok()?)),
        None => (text, None),
    };
    let number = loose_address_number(address)?;
    let v4 = !address.contains(&b':');
    let width = if v4 { 32 } else { 128 };
    let bits = bits.unwrap_or(width);
    let free = width.checked_sub(bits)?;
    let mask = 1u128.checked_shl(free).map_or(u128::MAX, |top| top - 1);
    Some((number & !mask, number | mask))
}
