//! The pieces of nginx's language: blanks, comments, words and what ends a statement.
//!
//! Each function reads one production of `grammar/nginx.ebnf` and has its name. None of them allocates.

use super::template;
use nom::bytes::complete::{take, take_while};
use nom::character::complete::one_of;
use nom::combinator::{peek, verify};
use nom::{IResult, Parser};

/// Bytes that nginx reads of one word or comment, with the byte behind it.
pub const LIMIT: usize = 4096;

/// What a nom parser of bytes yields.
pub type Read<'a, T> = IResult<&'a [u8], T>;

/// What ends a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// `;`
    Semicolon,
    /// `{`
    Open,
    /// `}`, which ends a statement only by mistake.
    Close,
}

/// A word before unescaping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// What stands between the quotes, or the whole word.
    pub inner: &'a [u8],
    /// The quote byte.
    pub quote: Option<u8>,
    /// Whether the quote was closed before the end of the file; true for a word without quotes.
    pub closed: bool,
}

/// How many bytes a piece covers; 0 where it is not there.
pub fn length(read: Read<'_, &[u8]>) -> usize {
    read.map_or(0, |(_, piece)| piece.len())
}

/// Whether a byte separates words: space, tab, CR and LF do, VT and FF do not.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// What separates words, possibly nothing.
pub fn blank(input: &[u8]) -> Read<'_, &[u8]> {
    take_while(is_blank).parse(input)
}

/// A comment without its line feed. It starts only where a word could start.
pub fn comment(input: &[u8]) -> Read<'_, &[u8]> {
    let (input, _) = peek(one_of("#")).parse(input)?;
    take(memchr::memchr(b'\n', input).unwrap_or(input.len())).parse(input)
}

/// `;`, `{` or `}`.
pub fn terminator(input: &[u8]) -> Read<'_, Terminator> {
    let kind = |byte| match byte {
        ';' => Terminator::Semicolon,
        '{' => Terminator::Open,
        _ => Terminator::Close,
    };
    one_of(";{}").map(kind).parse(input)
}

/// One word, quoted or plain. The caller has made sure that a word starts here.
pub fn word(input: &[u8]) -> Read<'_, Piece<'_>> {
    match input.first() {
        Some(b'"' | b'\'') => quoted(input),
        _ => plain(input),
    }
}

/// A quoted word. It ends at its own quote, may span lines, and a backslash protects the byte behind it.
pub fn quoted(input: &[u8]) -> Read<'_, Piece<'_>> {
    let (body, quote) = one_of("\"'").parse(input)?;
    let quote = quote as u8;
    let mut at = 0;
    loop {
        let rest = body.get(at..).unwrap_or_default();
        let Some(next) = memchr::memchr2(quote, b'\\', rest) else {
            return Ok((&[], Piece { inner: body, quote: Some(quote), closed: false }));
        };
        at += next;
        if body.get(at) == Some(&quote) {
            let (inner, after) = (body.get(..at).unwrap_or_default(), body.get(at + 1..).unwrap_or_default());
            return Ok((after, Piece { inner, quote: Some(quote), closed: true }));
        }
        at = (at + 2).min(body.len());
    }
}

/// A word without quotes. It ends at a blank, `;` or `{`; a brace right behind `$` belongs to it, and so does
/// the byte behind a backslash.
pub fn plain(input: &[u8]) -> Read<'_, Piece<'_>> {
    let mut at = 0;
    let mut variable = false;
    while let Some(&byte) = input.get(at) {
        match byte {
            b'{' if variable => {}
            b'{' | b'<' if let_through(input, at).is_some() => {
                at += let_through(input, at).unwrap_or(1);
                variable = false;
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' | b';' | b'{' => break,
            b'\\' => {
                variable = false;
                at += 1;
            }
            _ => variable = byte == b'$',
        }
        at += 1;
    }
    let piece = |inner| Piece { inner, quote: None, closed: true };
    verify(take(at.min(input.len())), |inner: &[u8]| !inner.is_empty()).map(piece).parse(input)
}

/// The length of a template's mark inside a word.
fn let_through(input: &[u8], at: usize) -> Option<usize> {
    template::mark(input.get(at..)?)
}
