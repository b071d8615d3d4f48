//! Text with variables, as nginx interpolates it, and the quoting of words.

use std::collections::BTreeSet;

/// A string that nginx fills in at run time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(pub Vec<Piece>);

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Piece {
    /// Fixed bytes.
    Literal(Vec<u8>),
    /// A variable, without its `$`; a digit is a capture.
    Variable(String),
}

impl Text {
    /// Fixed bytes.
    pub fn literal(bytes: &[u8]) -> Self {
        let mut text = Self::default();
        text.push_literal(bytes);
        text
    }

    /// One variable.
    pub fn variable(name: &str) -> Self {
        Self(vec![Piece::Variable(name.to_owned())])
    }

    /// Appends fixed bytes.
    pub fn push_literal(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(Piece::Literal(last)) => last.extend_from_slice(bytes),
            _ => self.0.push(Piece::Literal(bytes.to_vec())),
        }
    }

    /// Appends a variable.
    pub fn push_variable(&mut self, name: &str) {
        self.0.push(Piece::Variable(name.to_owned()));
    }

    /// Appends another text.
    pub fn append(&mut self, other: &Self) {
        for piece in &other.0 {
            match piece {
                Piece::Literal(bytes) => self.push_literal(bytes),
                Piece::Variable(name) => self.push_variable(name),
            }
        }
    }

    /// Whether nothing is left to run time.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.0.as_slice() {
            [] => Some(b""),
            [Piece::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// The variable the text consists of, if it is a single one.
    pub fn as_variable(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Variable(name)] => Some(name),
            _ => None,
        }
    }

    /// Adds the names of the variables that the text reads.
    pub fn reads(&self, into: &mut BTreeSet<String>) {
        into.extend(self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name.clone()),
            Piece::Literal(_) => None,
        }));
    }

    /// Whether a literal dollar sign stands in it, which nginx can only say through a variable.
    pub fn has_dollar(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Literal(bytes) if bytes.contains(&b'$')))
    }

    /// The text as one word of a configuration.
    pub fn word(&self) -> Vec<u8> {
        let (mut out, mut plain) = (Vec::new(), Vec::new());
        for (at, piece) in self.0.iter().enumerate() {
            match piece {
                Piece::Literal(bytes) => {
                    plain.extend_from_slice(bytes);
                    spell_dollars(bytes, &mut out);
                }
                Piece::Variable(name) => {
                    plain.push(b'$');
                    let glued = matches!(self.0.get(at + 1), Some(Piece::Literal(next))
                        if next.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                            // `$1` is one digit whatever follows
                            && !name.bytes().all(|byte| byte.is_ascii_digit()));
                    out.extend_from_slice(if glued { b"${" } else { b"$" });
                    out.extend_from_slice(name.as_bytes());
                    out.extend_from_slice(if glued { b"}" } else { b"" });
                }
            }
        }
        quote(&out, needs_quotes(&plain))
    }
}

/// A literal dollar sign has no spelling in nginx but a variable that holds it.
fn spell_dollars(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        match byte {
            b'$' => out.extend_from_slice(b"${dollar}"),
            _ => out.push(byte),
        }
    }
}

/// Bytes as one word: quoted where a blank, a mark of the grammar or emptiness asks for it.
pub fn word(bytes: &[u8]) -> Vec<u8> {
    quote(bytes, needs_quotes(bytes))
}

/// Bytes as one quoted word.
pub fn quoted(bytes: &[u8]) -> Vec<u8> {
    quote(bytes, true)
}

fn needs_quotes(bytes: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' | b'}' | b'"' | b'\'');
    bytes.is_empty() || bytes.first() == Some(&b'#') || bytes.iter().any(special)
}

fn quote(bytes: &[u8], quoted: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    out.extend(quoted.then_some(b'"'));
    for (at, &byte) in bytes.iter().enumerate() {
        let next = bytes.get(at + 1);
        match byte {
            b'"' if quoted => out.extend_from_slice(b"\\\""),
            b'\\' if matches!(next, None | Some(b'\\' | b'"' | b'\'')) || follows_escape(bytes, at) => {
                out.extend_from_slice(b"\\\\");
            }
            _ => out.push(byte),
        }
    }
    out.extend(quoted.then_some(b'"'));
    out
}

/// Whether the backslash at `at` is the second of a pair: both are doubled, since the reader halves pairs.
fn follows_escape(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_before_a_letter_gets_braces() {
        let mut text = Text::variable("uri");
        text.push_literal(b"x");
        assert_eq!(text.word(), b"${uri}x");
    }

    #[test]
    fn words_with_marks_are_quoted_and_pairs_of_backslashes_doubled() {
        assert_eq!(word(b"^/a{2}$"), b"\"^/a{2}$\"");
        assert_eq!(word(br"^/a\.b$"), br"^/a\.b$");
        assert_eq!(word(br"a\\b"), br"a\\\\b");
        assert_eq!(word(b""), b"\"\"");
    }
}
