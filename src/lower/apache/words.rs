//! Splitting an argument text into words, by the rules of httpd's own readers.
//!
//! Every function takes the argument text of a [`super::load::Line`] (one logical line, continuation lines joined,
//! `${NAME}` replaced) and yields words with byte ranges of that text; [`super::load::Line::span_of`] turns a range into a
//! place in the file.

use std::borrow::Cow;
use std::ops::Range;

/// One word of an argument text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// What the word says: quotes and the escapes that its rule knows are taken off.
    pub value: Cow<'a, [u8]>,
    /// Bytes of the argument text it covers, quotes included.
    pub range: Range<usize>,
    /// The quote it stood in, `"` or `'`.
    pub quote: Option<u8>,
}

/// Words by the general rule of `ap_getword_conf`.
pub fn general(_text: &[u8]) -> Vec<Arg<'_>> {
    Vec::new()
}

/// Words by the rule of `RewriteRule` and `RewriteCond`: at most three.
pub fn rewrite(_text: &[u8]) -> Vec<Arg<'_>> {
    Vec::new()
}
