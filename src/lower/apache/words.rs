//! Splitting an argument text into words, by the rules of httpd's own readers.
//!
//! Every function takes the argument text of a [`super::load::Line`] (one logical line, continuation lines joined,
//! `${NAME}` replaced) and yields words with byte ranges of that text; [`super::load::Line::span_of`] turns a range into a
//! place in the file.

use crate::syntax::apache::word::{is_blank, word};
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
pub fn general(text: &[u8]) -> Vec<Arg<'_>> {
    let mut at = skip(text, 0);
    std::iter::from_fn(|| {
        let (_, raw) = word(text.get(at..)?).ok()?;
        let range = at..at + raw.length;
        at = skip(text, range.end);
        Some(Arg { value: raw.value, range, quote: raw.quote })
    })
    .collect()
}

/// Words by the rule of `RewriteRule` and `RewriteCond`: at most three, the text behind them ignored.
pub fn rewrite(text: &[u8]) -> Vec<Arg<'_>> {
    let mut at = skip(text, 0);
    let mut words = Vec::with_capacity(3);
    while words.len() < 3 && at < text.len() {
        let (word, next) = rewrite_word(text, at);
        words.push(word);
        at = skip(text, next);
    }
    words
}

/// The word at `at` and where the text goes on. A quote ends at the next same quote and knows no escape; outside
/// quotes a backslash before a blank keeps the blank, and itself.
fn rewrite_word(text: &[u8], at: usize) -> (Arg<'_>, usize) {
    let quote = text.get(at).copied().filter(|byte| matches!(byte, b'"' | b'\''));
    let start = at + usize::from(quote.is_some());
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        let next = text.get(end + 1).copied();
        match quote {
            Some(quote) if byte == quote => break,
            None if is_blank(byte) => break,
            None if byte == b'\\' && next.is_some_and(is_blank) => end += 2,
            _ => end += 1,
        }
    }
    let close = (end + usize::from(quote.is_some())).min(text.len());
    let value = Cow::Borrowed(text.get(start..end).unwrap_or_default());
    (Arg { value, range: at..close, quote }, close)
}

fn skip(text: &[u8], at: usize) -> usize {
    let tail = text.get(at..).unwrap_or_default();
    at + tail.iter().position(|&byte| !is_blank(byte)).unwrap_or(tail.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(words: Vec<Arg<'_>>) -> Vec<String> {
        words.iter().map(|word| String::from_utf8_lossy(&word.value).into_owned()).collect()
    }

    #[test]
    fn quotes_and_double_backslashes_are_taken_off_by_the_general_rule() {
        assert_eq!(
            values(general(br#""a \"b\" \\ \c"next 'x' y\\z a\ b "open"#)),
            ["a \"b\" \\ \\c", "next", "x", "y\\z", "a\\", "b", "open"]
        );
    }

    #[test]
    fn a_rewrite_word_keeps_its_backslashes_and_the_fourth_is_ignored() {
        assert_eq!(values(rewrite(br#"^a\ b$ "x\\y" [R, L] # z"#)), ["^a\\ b$", "x\\\\y", "[R,"]);
        assert_eq!(values(rewrite(b"a")), ["a"]);
    }
}
