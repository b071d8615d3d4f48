//! Look-ups in `map`, `geo`, `split_clients` and `RewriteMap` tables.

use super::flow::{Fail, Try};
use super::machine::{Machine, Value};
use super::{escape, matching, template};
use crate::ir::TableId;
use crate::ir::clause::Store;
use crate::ir::table::{GeoEntry, InternalFunction, Map, MapValue, Table, TableKind, loose_address_number};

/// The value of a table with a source of its own.
pub fn value(machine: &mut Machine, id: TableId) -> Try<Vec<u8>> {
    if let Some(value) = machine.remembered.get(&id) {
        let (bytes, taint) = (value.bytes.clone().unwrap_or_default(), value.taint.clone());
        machine.taint = machine.taint.take().or(taint);
        return Ok(bytes);
    }
    let Some(table) = machine.program.tables.get(id.0 as usize) else { return Ok(Vec::new()) };
    let outer = machine.taint.take();
    let found = template::mentioned(machine, |machine| ask(machine, table));
    let taint = machine.taint.take();
    machine.taint = outer.or(taint.clone());
    let bytes = found?;
    if table.remembered {
        machine.remembered.insert(id, Value { bytes: Some(bytes.clone()), taint });
    }
    Ok(bytes)
}

fn ask(machine: &mut Machine, table: &Table) -> Try<Vec<u8>> {
    let key = match &table.source {
        Some(source) => template::render(machine, source)?,
        None => Vec::new(),
    };
    Ok(look_up(machine, table, key)?.unwrap_or_default())
}

/// The value of a table for a key; `None` where it has none.
pub fn find(machine: &mut Machine, id: TableId, key: Vec<u8>) -> Try<Option<Vec<u8>>> {
    match machine.program.tables.get(id.0 as usize) {
        Some(table) => look_up(machine, table, key),
        None => Ok(None),
    }
}

fn look_up(machine: &mut Machine, table: &Table, key: Vec<u8>) -> Try<Option<Vec<u8>>> {
    match &table.kind {
        TableKind::Map(map) => {
            let Some(found) = in_map(machine, map, &key)? else { return Ok(None) };
            let (value, span) = (&found.value, found.span);
            let bytes = template::render(machine, value)?;
            machine.recorder.step(span, || format!("gives `{}`", String::from_utf8_lossy(&bytes)));
            Ok(Some(bytes))
        }
        TableKind::Geo(entries, default) => Ok(in_networks(entries, &key).or(default.as_deref()).map(<[u8]>::to_vec)),
        TableKind::Split(shares, rest) => {
            let hash = murmur2(&key);
            let share = shares.iter().find(|(end, _)| hash < *end).map(|(_, value)| value);
            Ok(share.or(rest.as_ref()).map(|value| value.to_vec()))
        }
        TableKind::Text(lines) => Ok(lines.get(&*key).map(|value| value.to_vec())),
        TableKind::Random(lines) => match lines.get(&*key).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some([only]) => Ok(Some(only.to_vec())),
            Some([first, ..]) => {
                let name = String::from_utf8_lossy(&table.name).into_owned();
                machine.recorder.assume(format!("random:{name}"), "the first alternative");
                Ok(Some(first.to_vec()))
            }
        },
        TableKind::Internal(function) => Ok(Some(internal(*function, &key))),
        TableKind::Unknown(what) => Err(Fail::Unknown(Some(table.span), what.clone())),
    }
}

fn in_map<'m>(machine: &mut Machine, map: &'m Map, key: &[u8]) -> Try<Option<&'m MapValue>> {
    let key = match key {
        [head @ .., b'.'] if map.hostnames => head,
        _ => key,
    };
    let folded = key.to_ascii_lowercase();
    if let Some(value) = map.exact.get(&*folded) {
        return Ok(Some(value));
    }
    if key.is_empty() {
        return Ok(map.default.as_ref());
    }
    if map.hostnames
        && let Some(value) = by_wildcard(map, &folded)
    {
        return Ok(Some(value));
    }
    for (regex, named, value) in &map.patterns {
        // A limit reached here gives the default.
        let found = match matching::search(machine, regex, key, None) {
            Ok(found) => found,
            Err(Fail::Status(..)) => break,
            Err(unknown) => return Err(unknown),
        };
        if let Some(found) = found {
            matching::set_named(machine, named, key, &found);
            matching::set(machine, Store::Pattern, key, found);
            return Ok(Some(value));
        }
    }
    Ok(map.default.as_ref())
}

fn by_wildcard<'m>(map: &'m Map, host: &[u8]) -> Option<&'m MapValue> {
    let leading = map
        .leading
        .iter()
        .filter(|(suffix, bare, _)| host.ends_with(suffix) || (*bare && suffix.get(1..) == Some(host)));
    let trailing = map.trailing.iter().filter(|(prefix, _)| host.len() > prefix.len() && host.starts_with(prefix));
    leading
        .max_by_key(|(suffix, ..)| suffix.len())
        .map(|(.., value)| value)
        .or_else(|| trailing.max_by_key(|(prefix, _)| prefix.len()).map(|(_, value)| value))
}

/// The smallest network that holds the address, the later of two alike; what is no address counts as 255.255.255.255.
fn in_networks<'t>(entries: &'t [GeoEntry], address: &[u8]) -> Option<&'t [u8]> {
    let address = loose_address_number(address).unwrap_or(0xffff_ffff_ffff);
    let holds = entries.iter().rev().filter(|entry| (entry.first..=entry.last).contains(&address));
    holds.min_by_key(|entry| entry.last - entry.first).map(|entry| &*entry.value)
}

fn internal(function: InternalFunction, key: &[u8]) -> Vec<u8> {
    match function {
        InternalFunction::ToUpper => key.to_ascii_uppercase(),
        InternalFunction::ToLower => key.to_ascii_lowercase(),
        InternalFunction::Escape => escape::path(key),
        InternalFunction::Unescape => unescape(key),
    }
}

/// Takes away every valid escape; broken ones stay.
pub fn unescape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        if let (b'%', [high, low, after @ ..]) = (byte, tail)
            && let (Some(high), Some(low)) = (escape::hex(*high), escape::hex(*low))
        {
            out.push(high << 4 | low);
            rest = after;
            continue;
        }
        out.push(*byte);
        rest = tail;
    }
    out
}

/// MurmurHash2, 32 bits, seed 0: what `split_clients` hashes with.
pub fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        let mut k = word.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let tail = chunks.remainder();
    if !tail.is_empty() {
        hash ^= tail.iter().rev().fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ hash >> 15
}
