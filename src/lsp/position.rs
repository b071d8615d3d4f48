//! Places as editors count them: lines from 0, columns in UTF-8 or UTF-16 units.

use crate::source::{SourceFile, Span};
use lsp_types::{Position, Range};

/// How columns are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units, the protocol's default.
    Utf16,
}

impl Encoding {
    /// Bytes where the client offers them, else the default.
    pub fn agreed(initialize: &serde_json::Value) -> Self {
        let offered = initialize.pointer("/capabilities/general/positionEncodings").and_then(|list| list.as_array());
        match offered.is_some_and(|list| list.iter().any(|name| name == "utf-8")) {
            true => Self::Utf8,
            false => Self::Utf16,
        }
    }

    /// The protocol's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16 => "utf-16",
        }
    }

    /// Units that the bytes take; a stray byte takes one.
    fn units(self, bytes: &[u8]) -> usize {
        match self {
            Self::Utf8 => bytes.len(),
            Self::Utf16 => {
                bytes.utf8_chunks().map(|chunk| chunk.valid().encode_utf16().count() + chunk.invalid().len()).sum()
            }
        }
    }

    /// Bytes that make up so many units of a line; the whole line where it has fewer.
    fn bytes(self, line: &[u8], units: usize) -> usize {
        let mut left = units;
        let mut at = 0;
        for chunk in line.utf8_chunks() {
            for c in chunk.valid().chars() {
                let wide = if self == Self::Utf8 { c.len_utf8() } else { c.len_utf16() };
                if left < wide {
                    return at;
                }
                left -= wide;
                at += c.len_utf8();
            }
            let stray = chunk.invalid().len().min(left);
            left -= stray;
            at += stray;
        }
        at
    }
}

/// The place of a byte offset.
pub fn position(file: &SourceFile, offset: usize, encoding: Encoding) -> Position {
    let offset = offset.min(file.bytes().len());
    let line = file.position(offset).line;
    let start = file.line(line).map_or(0, |range| range.start);
    let column = encoding.units(file.bytes().get(start..offset).unwrap_or_default());
    Position { line: line.saturating_sub(1) as u32, character: column as u32 }
}

/// The range of a span.
pub fn range(file: &SourceFile, span: Span, encoding: Encoding) -> Range {
    Range { start: position(file, span.start as usize, encoding), end: position(file, span.end as usize, encoding) }
}

/// The byte offset of a place; the end of the line or text where it lies behind.
pub fn offset(text: &[u8], place: Position, encoding: Encoding) -> usize {
    let mut start = 0;
    for _ in 0..place.line {
        match text.get(start..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            Some(at) => start += at + 1,
            None => return text.len(),
        }
    }
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.get(..memchr::memchr(b'\n', rest).unwrap_or(rest.len())).unwrap_or_default();
    start + encoding.bytes(line, place.character as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_the_way_there_and_back_in_both_countings() {
        let text = "a\né😀x\nlast".as_bytes();
        let mut sources = crate::source::Sources::new();
        let file = sources.add("x", text.to_vec());
        let file = sources.file(file);
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for at in [0, 1, 2, 4, 8, 9, 10, 14] {
                assert_eq!(offset(text, position(file, at, encoding), encoding), at, "{at} {encoding:?}");
            }
        }
        assert_eq!(position(file, 8, Encoding::Utf16), Position { line: 1, character: 3 });
    }

    #[test]
    fn a_place_behind_the_end_is_the_end() {
        assert_eq!(offset(b"ab\n", Position { line: 9, character: 9 }, Encoding::Utf16), 3);
        assert_eq!(offset(b"ab\ncd", Position { line: 0, character: 9 }, Encoding::Utf16), 2);
    }
}
