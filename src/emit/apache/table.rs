//! Tables row by row: what each key asks of the request, in the order in which nginx looks.

use super::guard::{Guard, PathTest, Piece, Test};
use super::list::{Lists, Place};
use super::text::{Captures, Names};
use crate::emit::nginx::regex::escaped;
use crate::ir::TableId;
use crate::ir::table::{MapValue, TableKind};

/// A row: its test (the last one has none) and its value.
pub type Row = (Option<Guard>, Vec<Piece>);

impl Lists<'_> {
    /// The rows of a table.
    ///
    /// # Errors
    /// Tables that are no `map`, and sources that Apache has no text for.
    pub fn rows(&mut self, id: TableId, names: &Names) -> Result<Vec<Row>, String> {
        let Some(table) = self.program.tables.get(id.0 as usize) else { return Ok(Vec::new()) };
        let name = String::from_utf8_lossy(&table.name).into_owned();
        let TableKind::Map(map) = &table.kind else {
            return Err(format!("`${name}` comes from a table that Apache has no rule for"));
        };
        let place = Place { guards: Vec::new(), names: names.clone(), server: true, conditional: false };
        let Some(source) = &table.source else { return Err(format!("`${name}` has no source")) };
        let source = self.pieces(source, &place)?;
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
            for (group, id) in named {
                let group = u8::try_from(*group).unwrap_or(u8::MAX);
                place.names.values.insert(id.0, vec![Piece::Group(guard.id, group, false)]);
            }
            // patterns are not tried on nothing
            rows.push((Some(guard), self.pieces(&value.value, &place)?));
        }
        let default = match &map.default {
            Some(value) => self.pieces(&value.value, &place)?,
            None => Vec::new(),
        };
        rows.push((None, default));
        Ok(rows)
    }

    fn row(&mut self, test: Test, value: &MapValue, place: &Place, rows: &mut Vec<Row>) -> Result<(), String> {
        let guard = self.guard(test, false);
        rows.push((Some(guard), self.pieces(&value.value, place)?));
        Ok(())
    }
}

fn has_letters(key: &[u8]) -> bool {
    key.iter().any(u8::is_ascii_alphabetic)
}
