//! Tables row by row: what each key asks of the request, in the order in which nginx looks.

use super::guard::{Guard, PathTest, Piece, Test};
use super::list::{Lists, Place};
use super::text::{Captures, Names};
use crate::emit::Refusal;
use crate::emit::nginx::maps::CLEAN;
use crate::emit::nginx::regex::escaped;
use crate::ir::TableId;
use crate::ir::table::{GeoEntry, Map, MapValue, TableKind};
use rustc_hash::FxHashMap;

/// A row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its test; the last row has none.
    pub guard: Option<Guard>,
    /// Its value.
    pub value: Vec<Piece>,
    /// What each variable holds that patterns of the table fill: a group of the row's own, or nothing.
    pub named: FxHashMap<u32, Vec<Piece>>,
}

impl Row {
    fn new(guard: Option<Guard>, value: Vec<Piece>) -> Self {
        Self { guard, value, named: FxHashMap::default() }
    }
}

impl Lists<'_> {
    /// The rows of a table.
    ///
    /// # Errors
    /// Tables that are no `map`, and sources that Apache has no text for.
    pub fn rows(&mut self, id: TableId, names: &Names) -> Result<Vec<Row>, Refusal> {
        let Some(table) = self.program.tables.get(id.0 as usize) else { return Ok(Vec::new()) };
        let name = String::from_utf8_lossy(&table.name).into_owned();
        if let TableKind::Geo(entries, default) = &table.kind {
            return self.networks(entries, default.as_deref());
        }
        let TableKind::Map(map) = &table.kind else {
            return Err(format!("`${name}` comes from a table that Apache has no rule for").into());
        };
        let place = Place { guards: Vec::new(), names: names.clone(), server: true, closing: false };
        let Some(source) = &table.source else { return Err(format!("`${name}` has no source").into()) };
        let source = self.pieces(source, &place)?;
        if let Some(group) = self.encodes_group(map, &source, &place) {
            return Ok(vec![Row::new(None, vec![group])]);
        }
        let path = source.as_slice() == [Piece::Path(false)];
        let mut exact: Vec<_> = map.exact.iter().collect();
        exact.sort_by_key(|(_, value)| value.span);
        let mut rows = Vec::new();
        for (key, value) in exact {
            let test = match path {
                true => Test::Path(PathTest::Regex([b"^", escaped(key).as_slice(), b"$"].concat(), has_letters(key))),
                false => Test::Equals(source.clone(), vec![Piece::Literal(key.to_vec())], has_letters(key)),
            };
            self.row(test, value, &place, &mut rows)?;
        }
        let mut leading: Vec<_> = map.leading.iter().collect();
        leading.sort_by_key(|(suffix, ..)| std::cmp::Reverse(suffix.len()));
        for (suffix, bare, value) in leading {
            let dotless = suffix.strip_prefix(b".").unwrap_or(suffix);
            let head: &[u8] = if *bare { br"^(?:.+\.)?" } else { br"^.+\." };
            let pattern = [head, escaped(dotless).as_slice(), b"$"].concat();
            self.row(Test::Regex(source.clone(), pattern, true), value, &place, &mut rows)?;
        }
        let mut trailing: Vec<_> = map.trailing.iter().collect();
        trailing.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        for (prefix, value) in trailing {
            let pattern = [b"^", escaped(prefix).as_slice(), b"."].concat();
            self.row(Test::Regex(source.clone(), pattern, true), value, &place, &mut rows)?;
        }
        for (regex, named, value) in &map.patterns {
            let (text, caseless) = (regex.text.to_vec(), regex.options.caseless);
            let test = match path {
                true => Test::Path(PathTest::Regex(text, caseless)),
                false => Test::Regex(source.clone(), text, caseless),
            };
            let guard = self.guard(test, false);
            let mut place = place.clone();
            place.names.captures = Captures::Of(guard.id);
            let mut own = FxHashMap::default();
            for (group, id) in named {
                let group = u8::try_from(*group).unwrap_or(u8::MAX);
                own.insert(id.0, vec![Piece::Group(guard.id, group, false)]);
            }
            place.names.values.extend(own.clone());
            // patterns are not tried on nothing
            let value = self.pieces(&value.value, &place)?;
            rows.push(Row { named: own, ..Row::new(Some(guard), value) });
        }
        let default = match &map.default {
            Some(value) => self.pieces(&value.value, &place)?,
            None => Vec::new(),
        };
        rows.push(Row::new(None, default));
        let all: Vec<u32> = map.patterns.iter().flat_map(|(_, named, _)| named.iter().map(|(_, id)| id.0)).collect();
        for row in &mut rows {
            for id in &all {
                row.named.entry(*id).or_default();
            }
        }
        Ok(rows)
    }

    /// A table that gives a group as it is where nothing in it needs encoding, and encoded where something does, says
    /// what Apache does with a group by itself.
    fn encodes_group(&self, map: &Map, source: &[Piece], place: &Place) -> Option<Piece> {
        let ([Piece::Group(guard, group, false)], [(regex, _, raw)]) = (source, map.patterns.as_slice()) else {
            return None;
        };
        let encoded = [Piece::Group(*guard, *group, true)];
        let default = self.pieces(&map.default.as_ref()?.value, place).ok()?;
        let plain = self.pieces(&raw.value, place).ok()?;
        let only = map.exact.is_empty() && map.leading.is_empty() && map.trailing.is_empty();
        let says = only && &*regex.text == CLEAN && plain == source && default == encoded;
        says.then_some(Piece::Group(*guard, *group, true))
    }

    /// The networks of a `geo`, the longest first.
    fn networks(&mut self, entries: &[GeoEntry], default: Option<&[u8]>) -> Result<Vec<Row>, Refusal> {
        let mut sorted: Vec<&GeoEntry> = entries.iter().collect();
        sorted.sort_by_key(|entry| entry.last - entry.first);
        let mut rows = Vec::new();
        for entry in sorted {
            let network = network(entry).ok_or("a `geo` has a range that is no network")?;
            let guard = self.guard(Test::Client(network), false);
            rows.push(Row::new(Some(guard), vec![Piece::Literal(entry.value.to_vec())]));
        }
        rows.push(Row::new(None, vec![Piece::Literal(default.unwrap_or_default().to_vec())]));
        Ok(rows)
    }

    fn row(&mut self, test: Test, value: &MapValue, place: &Place, rows: &mut Vec<Row>) -> Result<(), Refusal> {
        let guard = self.guard(test, false);
        rows.push(Row::new(Some(guard), self.pieces(&value.value, place)?));
        Ok(())
    }
}

/// A range of addresses as a network.
fn network(entry: &GeoEntry) -> Option<String> {
    let size = (entry.last - entry.first).wrapping_add(1);
    let bits = if size == 0 { 128 } else { size.trailing_zeros() };
    let whole = size == 0 || size.is_power_of_two() && entry.first.is_multiple_of(size);
    if !whole {
        return None;
    }
    let first = std::net::Ipv6Addr::from(entry.first);
    Some(match first.to_ipv4_mapped() {
        Some(v4) if bits <= 32 => format!("{v4}/{}", 32 - bits),
        _ => format!("{first}/{}", 128 - bits),
    })
}

fn has_letters(key: &[u8]) -> bool {
    key.iter().any(u8::is_ascii_alphabetic)
}
