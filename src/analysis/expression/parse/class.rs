//! Classes: `[…]`.

use super::escape::shorthand;
use super::{Flags, Parser};
use crate::analysis::byteset::ByteSet;

impl Parser<'_> {
    /// A class behind its `[`.
    pub(super) fn class(&mut self, flags: Flags) -> ByteSet {
        let negated = self.eat(b"^");
        let mut set = ByteSet::EMPTY;
        let mut first = true;
        let mut previous: Option<u8> = None;
        while let Some(byte) = self.next() {
            if byte == b']' && !first {
                break;
            }
            first = false;
            if byte == b'['
                && self.peek() == Some(b':')
                && let Some(named) = self.posix()
            {
                set = set.or(named);
                previous = None;
                continue;
            }
            if byte == b'-' && previous.is_some() && !matches!(self.peek(), Some(b']') | None) {
                let from = previous.take().unwrap_or(byte);
                match self.class_member() {
                    Ok(to) => set = set.or(ByteSet::range(from, to)),
                    Err(class) => {
                        set.insert(b'-');
                        set = set.or(class);
                    }
                }
                continue;
            }
            self.at -= 1;
            match self.class_member() {
                Ok(byte) => {
                    set.insert(byte);
                    previous = Some(byte);
                }
                Err(class) => {
                    set = set.or(class);
                    previous = None;
                }
            }
        }
        if flags.caseless {
            set = set.fold();
        }
        if negated { set.inverted() } else { set }
    }

    /// One byte of a class, or a whole set (`\d`).
    fn class_member(&mut self) -> Result<u8, ByteSet> {
        match self.next() {
            Some(b'\\') => match self.next() {
                Some(b'b') => Ok(8),
                Some(byte) => match shorthand(byte) {
                    Some(set) => Err(set),
                    None => self.escaped_byte(byte).ok_or(ByteSet::EMPTY),
                },
                None => Err(ByteSet::EMPTY),
            },
            Some(byte) => Ok(byte),
            None => Err(ByteSet::EMPTY),
        }
    }

    /// `[:alpha:]` and its relatives.
    fn posix(&mut self) -> Option<ByteSet> {
        let rest = self.text.get(self.at + 1..)?;
        let length = rest.windows(2).position(|pair| pair == b":]")?;
        let name = rest.get(..length)?;
        let (negated, name) = match name.strip_prefix(b"^") {
            Some(name) => (true, name),
            None => (false, name),
        };
        let (lower, upper) = (ByteSet::range(b'a', b'z'), ByteSet::range(b'A', b'Z'));
        let set = match name {
            b"alpha" => lower.or(upper),
            b"digit" => ByteSet::digits(),
            b"alnum" => lower.or(upper).or(ByteSet::digits()),
            b"lower" => lower,
            b"upper" => upper,
            b"space" => ByteSet::space(),
            b"blank" => ByteSet::of(b" \t"),
            b"word" => ByteSet::word(),
            b"xdigit" => ByteSet::digits().or(ByteSet::range(b'a', b'f')).or(ByteSet::range(b'A', b'F')),
            b"punct" => ByteSet::range(33, 126).and(lower.or(upper).or(ByteSet::digits()).inverted()),
            b"print" => ByteSet::range(32, 126),
            b"graph" => ByteSet::range(33, 126),
            b"cntrl" => ByteSet::range(0, 31).or(ByteSet::of(&[127])),
            b"ascii" => ByteSet::range(0, 127),
            _ => return None,
        };
        self.at += length + 3;
        Some(if negated { set.inverted() } else { set })
    }
}
