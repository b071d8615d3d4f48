//! The general word rule: what every directive uses that has no rule of its own.

use nom::bytes::complete::{take_while, take_while1};
use nom::{IResult, Parser};
use std::borrow::Cow;

/// A word as read: what it says, how many bytes it covers, and the quote around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raw<'a> {
    /// What the word says.
    pub value: Cow<'a, [u8]>,
    /// Bytes covered, quotes included.
    pub length: usize,
    /// `"` or `'`.
    pub quote: Option<u8>,
}

/// What C's `isspace` calls a space.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Blank bytes, possibly none.
pub fn blanks(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(is_blank).parse(input)
}

/// One word; fails at the end of the line.
pub fn word(input: &[u8]) -> IResult<&[u8], Raw<'_>> {
    // Not `alt`: nearly every word is a bare one, and to have a parser fail first costs as much as the word.
    match input.first() {
        Some(b'"' | b'\'') => quoted_word(input),
        _ => bare_word(input),
    }
}

/// A word in quotes: to the same quote, or to the end of the line where there is none.
pub fn quoted_word(input: &[u8]) -> IResult<&[u8], Raw<'_>> {
    let (_, quote) = nom::character::complete::one_of(&b"\"'"[..]).parse(input)?;
    let quote = quote as u8;
    let inside = input.get(1..).unwrap_or_default();
    let (end, escaped) = quoted_end(inside, quote);
    let text = inside.get(..end).unwrap_or_default();
    let value = if escaped { Cow::Owned(unescape(text, Some(quote))) } else { Cow::Borrowed(text) };
    let length = (end + 2).min(input.len());
    Ok((input.get(length..).unwrap_or_default(), Raw { value, length, quote: Some(quote) }))
}

/// Offset of the closing quote (the length where there is none), and whether a backslash stands before it.
fn quoted_end(inside: &[u8], quote: u8) -> (usize, bool) {
    let (mut at, mut escaped) = (0, false);
    while let Some(found) = inside.get(at..).and_then(|rest| memchr::memchr2(quote, b'\\', rest)) {
        at += found;
        if inside.get(at) == Some(&quote) {
            return (at, escaped);
        }
        escaped = true;
        let pair = inside.get(at + 1).is_some_and(|&next| next == quote || next == b'\\');
        at += if pair { 2 } else { 1 };
    }
    (inside.len(), escaped)
}

/// A word without quotes: to the next blank.
pub fn bare_word(input: &[u8]) -> IResult<&[u8], Raw<'_>> {
    let (rest, text) = take_while1(|byte| !is_blank(byte)).parse(input)?;
    let escaped = memchr::memchr_iter(b'\\', text).any(|at| text.get(at + 1) == Some(&b'\\'));
    let value = if escaped { Cow::Owned(unescape(text, None)) } else { Cow::Borrowed(text) };
    Ok((rest, Raw { value, length: text.len(), quote: None }))
}

/// Takes off the escapes the rule knows: `\\`, and the quote's own.
fn unescape(text: &[u8], quote: Option<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let known = |next: &u8| *next == b'\\' || Some(*next) == quote;
        let escaped = (byte == b'\\').then(|| bytes.next_if(known)).flatten();
        out.push(escaped.unwrap_or(byte));
    }
    out
}
