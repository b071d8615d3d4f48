//! What stands behind a backslash.

use super::{Flags, Parser};
use crate::analysis::byteset::ByteSet;
use crate::analysis::expression::Kind;

impl Parser<'_> {
    pub(super) fn escape(&mut self, flags: Flags) -> Kind {
        let Some(byte) = self.next() else { return Kind::Opaque("a trailing backslash") };
        if let Some(set) = shorthand(byte) {
            return Kind::Class(set);
        }
        match byte {
            b'b' => Kind::WordBoundary(true),
            b'B' => Kind::WordBoundary(false),
            b'A' | b'G' => Kind::Start,
            b'z' => Kind::VeryEnd,
            b'Z' => Kind::End,
            b'1'..=b'9' | b'k' | b'g' => {
                self.reference();
                Kind::BackReference
            }
            b'R' | b'X' | b'C' | b'K' | b'p' | b'P' => Kind::Opaque("a special escape"),
            byte => match self.escaped_byte(byte) {
                Some(byte) => Kind::Literal { byte, fold: flags.caseless },
                None => Kind::Opaque("a special escape"),
            },
        }
    }

    fn reference(&mut self) {
        for (open, stop) in [(b"{", b'}'), (b"<", b'>'), (b"'", b'\'')] {
            if self.eat(open) {
                self.until(stop);
                return;
            }
        }
        self.number();
    }

    /// The byte that an escape stands for; `None` for one that stands for no single byte.
    pub(super) fn escaped_byte(&mut self, byte: u8) -> Option<u8> {
        Some(match byte {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'f' => 12,
            b'e' => 27,
            b'a' => 7,
            b'x' => {
                let digits = if self.eat(b"{") { self.until(b'}').to_vec() } else { self.hex() };
                let text = if digits.is_empty() { "0" } else { std::str::from_utf8(&digits).ok()? };
                u8::from_str_radix(text, 16).ok()?
            }
            b'0' => {
                let mut value = 0u32;
                for _ in 0..2 {
                    if let Some(digit @ b'0'..=b'7') = self.peek() {
                        self.at += 1;
                        value = value * 8 + u32::from(digit - b'0');
                    }
                }
                u8::try_from(value).ok()?
            }
            b'c' | b'o' | b'u' | b'N' | b'L' | b'l' | b'U' => return None,
            byte => byte,
        })
    }

    fn hex(&mut self) -> Vec<u8> {
        let mut digits = Vec::new();
        while digits.len() < 2 {
            match self.peek() {
                Some(byte) if byte.is_ascii_hexdigit() => digits.push(byte),
                _ => break,
            }
            self.at += 1;
        }
        digits
    }
}

/// `\d` and its relatives, which stand for a set of bytes.
pub(super) fn shorthand(byte: u8) -> Option<ByteSet> {
    let set = match byte.to_ascii_lowercase() {
        b'd' => ByteSet::digits(),
        b'w' => ByteSet::word(),
        b's' => ByteSet::space(),
        b'h' => ByteSet::of(b" \t\xa0"),
        b'v' => ByteSet::range(10, 13).or(ByteSet::of(b"\x85")),
        _ if byte == b'N' => return Some(ByteSet::of(b"\n").inverted()),
        _ => return None,
    };
    Some(if byte.is_ascii_uppercase() { set.inverted() } else { set })
}
