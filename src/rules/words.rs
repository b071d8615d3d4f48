//! Directives as written, for rules about spelling: the name, the flags of a `RewriteRule`.
//!
//! What a directive *does* is the IR's business; this says only which words stand there, and where.

use crate::analysis::Facts;
use crate::diagnostic::Edit;
use crate::ir::pattern::Regex;
use crate::lower::apache::words as split;
use crate::source::Span;
use crate::syntax::Directive;
use std::borrow::Cow;

/// One flag of a `RewriteRule` or `RewriteCond`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag<'t> {
    /// Its name as written.
    pub name: Cow<'t, str>,
    /// What stands behind `=`.
    pub value: Option<Cow<'t, str>>,
    /// Name and value in the file.
    pub span: Span,
}

impl Flag<'_> {
    /// Whether it is this flag, by its short or its long name.
    pub fn is(&self, short: &str, long: &str) -> bool {
        self.name.eq_ignore_ascii_case(short) || self.name.eq_ignore_ascii_case(long)
    }
}

/// Whether the directive has this name.
pub fn is(facts: &Facts<'_>, directive: &Directive, name: &str) -> bool {
    let text = directive.name.value(facts.sources.file(directive.span.file).bytes());
    text.eq_ignore_ascii_case(name.as_bytes())
}

/// The words of a `RewriteRule` or `RewriteCond` as mod_rewrite splits them: a blank behind a backslash is part of its
/// word. What is continued on a second line is split by the general rule.
pub fn rewrite_args(facts: &Facts<'_>, directive: &Directive) -> Vec<Span> {
    let (file, name) = (directive.span.file, directive.name.span);
    let words = Span { start: name.end, ..directive.span };
    let text = facts.sources.text(words);
    if alike(text) {
        return directive.args.iter().map(|word| word.span).collect();
    }
    let place = |range: std::ops::Range<usize>| {
        let start = words.start as usize;
        Span::new(file, start + range.start, start + range.end)
    };
    split::rewrite(text).into_iter().map(|word| place(word.range)).collect()
}

/// Whether both rules split a text alike, or it is split by the general one anyway.
fn alike(text: &[u8]) -> bool {
    memchr::memchr(b'\n', text).is_some() || memchr::memchr3(b'\\', b'"', b'\'', text).is_none()
}

/// The third word of a `RewriteRule` or `RewriteCond`.
fn third(facts: &Facts<'_>, directive: &Directive) -> Option<Span> {
    let words = Span { start: directive.name.span.end, ..directive.span };
    match alike(facts.sources.text(words)) {
        true => directive.args.get(2).map(|word| word.span),
        false => rewrite_args(facts, directive).get(2).copied(),
    }
}

/// The flags in the third word of a `RewriteRule` or `RewriteCond`; `None` where there is no such word.
pub fn flags<'a>(facts: &Facts<'a>, directive: &Directive) -> Option<Vec<Flag<'a>>> {
    let word = third(facts, directive)?;
    Some(flags_in(facts.sources.text(word), word))
}

/// A flag of a directive.
pub fn flag<'a>(facts: &Facts<'a>, directive: &Directive, short: &str, long: &str) -> Option<Flag<'a>> {
    flags(facts, directive)?.into_iter().find(|flag| flag.is(short, long))
}

/// Takes a flag out of its list; the whole word, and the blank before it, where it is the only one.
pub fn without(facts: &Facts<'_>, directive: &Directive, flag: &Flag<'_>) -> Option<Edit> {
    let all = flags(facts, directive)?;
    let at = all.iter().position(|one| one.span == flag.span)?;
    let span = match (at.checked_sub(1).and_then(|before| all.get(before)), all.get(at + 1)) {
        (Some(before), _) => Span { start: before.span.end, ..flag.span },
        (None, Some(next)) => Span { end: next.span.start, ..flag.span },
        (None, None) => {
            let args = rewrite_args(facts, directive);
            let (word, last) = (args.get(2)?, args.get(1)?);
            Span { start: last.end, ..*word }
        }
    };
    Some(Edit { span, text: Vec::new() })
}

/// Adds a flag in front of the others, or a list with it.
pub fn with(facts: &Facts<'_>, directive: &Directive, flag: &str) -> Option<Edit> {
    match flags(facts, directive) {
        Some(all) => {
            let first = all.first()?;
            Some(Edit { span: Span { end: first.span.start, ..first.span }, text: format!("{flag},").into_bytes() })
        }
        None => {
            let last = *rewrite_args(facts, directive).get(1)?;
            if is_left_open(facts.sources.text(last)) {
                return None;
            }
            Some(Edit { span: Span { start: last.end, ..last }, text: format!(" [{flag}]").into_bytes() })
        }
    }
}

/// Whether a word begins with a quote that nothing ends: then it takes all that is written behind it.
fn is_left_open(word: &[u8]) -> bool {
    matches!(word, [quote @ (b'"' | b'\''), rest @ ..] if rest.last() != Some(quote))
}

/// Where a piece of a regular expression stands in the file; `None` where the text is written in another way there.
pub fn piece(facts: &Facts<'_>, regex: &Regex, start: usize, end: usize) -> Option<Span> {
    let at = memchr::memmem::find(facts.sources.text(regex.span), &regex.text)? + regex.span.start as usize;
    Some(Span::new(regex.span.file, at + start, at + end))
}

/// The words of a regular expression in the file.
pub fn place(facts: &Facts<'_>, regex: &Regex) -> Span {
    piece(facts, regex, 0, regex.text.len()).unwrap_or(regex.span)
}

fn flags_in(text: &[u8], span: Span) -> Vec<Flag<'_>> {
    let start = text.iter().position(|&byte| byte == b'[').map_or(text.len(), |at| at + 1);
    let end = text.iter().rposition(|&byte| byte == b']').unwrap_or(text.len()).max(start);
    let mut at = span.start as usize + start;
    let mut out = Vec::new();
    for piece in text.get(start..end).unwrap_or_default().split(|&byte| byte == b',') {
        let lead = piece.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let place = Span::new(span.file, at + lead, at + lead + piece.trim_ascii().len());
        let mut sides = piece.trim_ascii().splitn(2, |&byte| byte == b'=').map(String::from_utf8_lossy);
        out.push(Flag { name: sides.next().unwrap_or_default(), value: sides.next(), span: place });
        at += piece.len() + 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn flags_know_their_value_and_their_place() {
        let flags = flags_in(b"[NC, R=301,L]", Span::new(FileId(0), 100, 113));
        let names: Vec<_> = flags.iter().map(|flag| (&*flag.name, flag.value.as_deref(), flag.span.start)).collect();
        assert_eq!(names, [("NC", None, 101), ("R", Some("301"), 105), ("L", None, 111)]);
    }
}
