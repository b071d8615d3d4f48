//! How an expression begins, without its tree where that is plain to see: long lists are made of `^literal$`.

use super::of;
use crate::ir::pattern::Regex;
use std::borrow::Cow;

/// How an expression begins. Says the same as its tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginning<'r> {
    /// The literal bytes every match begins with; empty where there are none or where it is not anchored.
    pub text: Cow<'r, [u8]>,
    /// Whether every match begins at the start of the subject ([`super::Node::anchored_start`]).
    pub anchored: bool,
    /// Whether `text` is all that it matches ([`super::Node::exact_literal`]).
    pub whole: bool,
    /// Whether nothing but group 1 stands behind `text`, and any text without line feeds in it.
    pub open: bool,
}

/// What may stand behind the literal beginning of an expression that is read without its tree: nothing in it adds to
/// the beginning.
const ENDINGS: [&[u8]; 8] = [b"", b"$", b".*", b".*$", b"(.*)", b"(.*)$", b"(.+)", b"(.+)$"];

/// Whether a byte may mean something else than itself.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'\\' | b'.' | b'^' | b'$' | b'*' | b'+' | b'?' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'|')
}

/// How an expression begins.
pub fn beginning(regex: &Regex) -> Beginning<'_> {
    if let Some((text, ending)) = split(regex).filter(|(_, ending)| ENDINGS.contains(ending)) {
        return Beginning { text, anchored: true, whole: ending == b"$", open: ending.starts_with(b"(") };
    }
    let tree = of(regex);
    let anchored = tree.anchored_start();
    match tree.exact_literal() {
        Some(text) => Beginning { text: text.into(), anchored, whole: true, open: false },
        None if anchored => Beginning { text: tree.literal_prefix().into(), anchored, whole: false, open: false },
        None => Beginning { text: Cow::Borrowed(&[]), anchored, whole: false, open: false },
    }
}

/// The one text that the expression matches, a line feed behind it aside.
pub fn exact_literal(regex: &Regex) -> Option<Cow<'_, [u8]>> {
    let beginning = beginning(regex);
    beginning.whole.then_some(beginning.text)
}

/// The literal bytes that the expression itself begins with, anchored or not ([`super::Node::literal_prefix`]).
pub fn literal_prefix(regex: &Regex) -> Cow<'_, [u8]> {
    match beginning(regex) {
        Beginning { text, anchored: true, .. } => text,
        _ => of(regex).literal_prefix().into(),
    }
}

/// Whether it is plain to see that the expression is a literal behind `^`, with or without `$`: most questions about the
/// pieces of an expression need no tree then.
pub fn is_literal(regex: &Regex) -> bool {
    split(regex).is_some_and(|(_, ending)| matches!(ending, b"" | b"$"))
}

/// The literal text behind `^`, up to the first byte that may mean something else, and what stands behind it.
fn split(regex: &Regex) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let options = regex.options;
    if options.caseless || options.extended || options.multi_line {
        return None;
    }
    let body = regex.text.strip_prefix(b"^")?;
    let length = body.iter().position(|&byte| is_special(byte)).unwrap_or(body.len());
    let (text, ending) = body.split_at_checked(length)?;
    match ending.first() {
        // A quantifier would belong to the last byte.
        Some(b'*' | b'+' | b'?' | b'{') => None,
        Some(b'\\') => escaped(body),
        _ => Some((Cow::Borrowed(text), ending)),
    }
}

/// The same with escaped punctuation, which stands for itself.
fn escaped(body: &[u8]) -> Option<(Cow<'_, [u8]>, &[u8])> {
    let mut text = Vec::with_capacity(body.len());
    let mut rest = body;
    loop {
        rest = match rest {
            [b'\\', byte, behind @ ..] if byte.is_ascii_punctuation() => {
                text.push(*byte);
                behind
            }
            [byte, behind @ ..] if !is_special(*byte) => {
                text.push(*byte);
                behind
            }
            [b'\\' | b'*' | b'+' | b'?' | b'{', ..] => return None,
            _ => return Some((text.into(), rest)),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcre::Options;
    use crate::source::{FileId, Span};

    #[test]
    fn the_short_way_says_what_the_tree_says() {
        let texts = [
            "^/a$",
            "^/a",
            "^",
            "^$",
            "/a",
            "^/a\\.b$",
            "^/a.b$",
            "^/a(.*)$",
            "^/a/(.*)",
            "^/ab?$",
            "^/ab*",
            "^/ab+c",
            "^a{2}$",
            "^/a|b$",
            "^/a$|^/b$",
            "^/(a)b$",
            "^/a\\d$",
            "^\\Qa.b\\E$",
            "^/a\\$",
            "^a$b",
            "^a[b]$",
            "^a-_~ %,;:=&@!'\"<>#$",
            "^/a.*$",
            "^a^b$",
            "^a)$",
            "^\\/a\\/b\\?c$",
            "^a\\.?$",
            "^\u{e9}$",
            "(?i)^a$",
            "^a]}$",
            "^(.+)$",
            "^/a(.+)",
        ];
        for text in texts {
            for caseless in [false, true] {
                let options = Options { caseless, ..Options::default() };
                let regex = Regex::new(text.as_bytes(), options, Span::new(FileId(0), 0, 0));
                let tree = of(&regex);
                let found = beginning(&regex);
                assert_eq!(found.anchored, tree.anchored_start(), "{text}");
                assert_eq!(exact_literal(&regex).map(Cow::into_owned), tree.exact_literal(), "{text}");
                if found.anchored && !found.whole {
                    assert_eq!(found.text, tree.literal_prefix(), "{text}");
                }
                let plain = tree.sequence().iter().all(|node| node.is_assertion() || node.plain_byte().is_some());
                assert!(!is_literal(&regex) || plain, "{text}");
            }
        }
    }
}
