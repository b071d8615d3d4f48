//! Apache httpd: bytes to tree.
//!
//! A line is a directive; a line in `<…>` opens or closes a section. The parser knows no directive names, so that
//! a section left open is reported for every name, and words are split by the general rule for every directive.
//! The tree is built with a stack of its own: the depth of a file costs no call depth.

pub mod line;
pub mod template;
pub mod word;

use super::{Block, Directive, Item, SyntaxError, Tree, Word};
use crate::source::{FileId, Span};
use line::{Line, logical_line};
use nom::bytes::complete::tag;
use nom::{IResult, Parser};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::ops::Range;
use word::{Raw, blanks, is_blank, word};

/// Reads a whole file. Every byte string has a tree.
pub fn parse(file: FileId, source: &[u8]) -> Tree {
    parse_range(file, source, 0..source.len())
}

/// Reads a part of a file (whole lines); places count from the start of the file.
pub fn parse_range(file: FileId, source: &[u8], range: Range<usize>) -> Tree {
    let source = source.get(..range.end).unwrap_or(source);
    let mut builder = Builder::new(file, source);
    let mut at = range.start;
    while let Some((line, next)) = logical_line(source, at) {
        at = builder.line(&line, next);
    }
    builder.finish()
}

/// The parts of a line that opens something: name, words and the unsplit rest, as ranges of its text.
struct Head<'t> {
    name: (usize, Raw<'t>),
    args: Vec<(usize, Raw<'t>)>,
    rest: Range<usize>,
}

/// A section that is not closed yet.
struct Open {
    directive: Directive,
    mark: Span,
    items: Vec<Item>,
    key: Box<[u8]>,
}

struct Builder<'a> {
    file: FileId,
    source: &'a [u8],
    items: Vec<Item>,
    open: Vec<Open>,
    /// How many sections of a name are open, so that a stray close tag costs no search.
    counts: FxHashMap<Box<[u8]>, usize>,
    errors: Vec<SyntaxError>,
}

impl<'a> Builder<'a> {
    fn new(file: FileId, source: &'a [u8]) -> Self {
        Self { file, source, items: Vec::new(), open: Vec::new(), counts: FxHashMap::default(), errors: Vec::new() }
    }

    /// Takes one logical line; yields where the next starts.
    fn line(&mut self, line: &Line<'_>, next: usize) -> usize {
        let text = line.text.as_ref();
        let start = text.iter().position(|&byte| !is_blank(byte)).unwrap_or(text.len());
        let end = text.iter().rposition(|&byte| !is_blank(byte)).map_or(start, |last| last + 1);
        let body = text.get(start..end).unwrap_or_default();
        if body.is_empty() {
            return next;
        }
        if let Some(closer) = template::block(body) {
            return self.template(line.range(start..end), closer, next);
        }
        if comment(body).is_ok() {
            let span = self.span(line.range(start..end));
            self.push(Item::Comment(span));
        } else if close_tag(body).is_ok() {
            self.close(line, start, end);
        } else if section_open(body).is_ok() {
            self.section(line, start, body);
        } else {
            let head = directive(body);
            let directive = self.build(line, start, &head);
            self.push(Item::Directive(directive));
        }
        next
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file, range.start, range.end)
    }

    fn push(&mut self, item: Item) {
        match self.open.last_mut() {
            Some(open) => open.items.push(item),
            None => self.items.push(item),
        }
    }

    fn error(&mut self, span: Span, message: String, help: &str) {
        self.errors.push(SyntaxError { span, message, help: Some(help.to_owned()) });
    }

    /// A template's own block, such as `<% if x %>`: kept as it is, up to the line on which it ends.
    fn template(&mut self, range: Range<usize>, closer: &[u8], next: usize) -> usize {
        let tail = self.source.get(range.start..).unwrap_or_default();
        let end = memchr::memmem::find(tail, closer).map_or(range.end, |at| range.start + at + closer.len());
        if end <= range.end {
            self.push(Item::Junk(self.span(range)));
            return next;
        }
        let tail = self.source.get(end..).unwrap_or_default();
        let stop = memchr::memchr(b'\n', tail).map_or(self.source.len(), |at| end + at);
        self.push(Item::Junk(self.span(range.start..stop)));
        (stop + 1).min(self.source.len())
    }

    fn word(&self, line: &Line<'_>, at: usize, raw: &Raw<'_>) -> Word {
        let range = line.range(at..at + raw.length);
        let split = range.len() != raw.length;
        let differs = split || raw.quote.is_some() || matches!(raw.value, Cow::Owned(_));
        Word { span: self.span(range), cooked: differs.then(|| raw.value.as_ref().into()) }
    }

    fn build(&self, line: &Line<'_>, base: usize, head: &Head<'_>) -> Directive {
        let (name_at, name) = &head.name;
        let name = self.word(line, base + name_at, name);
        let args = head.args.iter().map(|(at, raw)| self.word(line, base + at, raw)).collect();
        let rest = self.span(line.range(base + head.rest.start..base + head.rest.end));
        let rest = if rest.is_empty() { Span { start: name.span.end, end: name.span.end, ..rest } } else { rest };
        let span = Span { end: rest.end.max(name.span.end), ..name.span };
        Directive { name, args, rest, block: None, span }
    }

    fn section(&mut self, line: &Line<'_>, base: usize, body: &[u8]) {
        let (head, mark) = section(body);
        let mut directive = self.build(line, base, &head);
        let first = self.span(line.range(base..base + 1));
        directive.span = directive.span.to(first);
        let (name, at) = (&head.name.1.value, mark.map_or(body.len(), |at| at));
        let width = usize::from(mark.is_some());
        let mark_span = self.span(line.range(base + at..base + at + width));
        let mark_span = match mark {
            Some(_) => mark_span,
            None => Span { start: directive.span.end, end: directive.span.end, ..mark_span },
        };
        if mark.is_none() {
            let message = format!("`<{}` is missing its closing `>`", String::from_utf8_lossy(name));
            self.error(directive.span, message, "end the line with `>`");
        }
        let key: Box<[u8]> = name.to_ascii_lowercase().into();
        *self.counts.entry(key.clone()).or_default() += 1;
        self.open.push(Open { directive, mark: mark_span, items: Vec::new(), key });
    }

    fn close(&mut self, line: &Line<'_>, start: usize, end: usize) {
        let text = line.text.get(start..end).unwrap_or_default();
        let first = word(text).map(|(_, raw)| raw.value).unwrap_or_default();
        let span = self.span(line.range(start..end));
        let shown = String::from_utf8_lossy(&first).into_owned();
        let Some(name) = first.strip_suffix(b">").and_then(|word| word.strip_prefix(b"</")) else {
            let help = "write the close tag without a blank inside";
            self.error(span, format!("`{shown}` is missing its closing `>`"), help);
            let lenient = first.strip_prefix(b"</").unwrap_or_default().to_ascii_lowercase();
            return self.close_named(&lenient, span);
        };
        let key = name.to_ascii_lowercase();
        match self.open.last() {
            None => self.error(span, format!("`{shown}` closes nothing"), "remove it, or open the section before it"),
            Some(top) if *top.key != *key => {
                let expected = String::from_utf8_lossy(&top.key).into_owned();
                let help = format!("close `<{expected}>` first");
                self.error(span, format!("expected `</{expected}>` but saw `{shown}`"), &help);
            }
            Some(_) => {}
        }
        self.close_named(&key, span);
    }

    /// Closes the nearest open section of the name and all inside it; without one the tag is junk.
    fn close_named(&mut self, key: &[u8], span: Span) {
        if self.counts.get(key).is_none_or(|&count| count == 0) {
            return self.push(Item::Junk(span));
        }
        while let Some(open) = self.open.pop() {
            let found = *open.key == *key;
            self.leave(open, found.then_some(span));
            if found {
                break;
            }
        }
    }

    fn leave(&mut self, open: Open, close: Option<Span>) {
        if let Some(count) = self.counts.get_mut(&open.key) {
            *count -= 1;
        }
        let Open { mut directive, mark, mut items, .. } = open;
        items.shrink_to_fit();
        let last = close.or_else(|| items.last().map(item_span)).unwrap_or(mark);
        directive.span = directive.span.to(mark).to(last);
        directive.block = Some(Box::new(Block { open: mark, items, close }));
        self.push(Item::Directive(directive));
    }

    fn finish(mut self) -> Tree {
        let unclosed: Vec<(Span, String)> = (self.open.iter())
            .map(|open| (open.directive.name.span, String::from_utf8_lossy(&open.key).into_owned()))
            .collect();
        for (span, name) in unclosed {
            self.error(span, format!("`<{name}>` is never closed"), &format!("add `</{name}>`"));
        }
        while let Some(open) = self.open.pop() {
            self.leave(open, None);
        }
        self.items.shrink_to_fit();
        Tree { file: self.file, items: self.items, errors: self.errors }
    }
}

fn item_span(item: &Item) -> Span {
    match item {
        Item::Directive(directive) => directive.span,
        Item::Comment(span) | Item::Junk(span) => *span,
    }
}

/// A comment line.
pub fn comment(input: &[u8]) -> IResult<&[u8], &[u8]> {
    tag(&b"#"[..]).parse(input)
}

/// The start of `</X>`.
pub fn close_tag(input: &[u8]) -> IResult<&[u8], &[u8]> {
    tag(&b"</"[..]).parse(input)
}

/// The start of `<X …>`.
pub fn section_open(input: &[u8]) -> IResult<&[u8], &[u8]> {
    tag(&b"<"[..]).parse(input)
}

/// Name and words of a plain line, which does not start with a blank.
fn directive(body: &[u8]) -> Head<'_> {
    let name =
        word(body).map(|(_, raw)| raw).unwrap_or(Raw { value: Cow::Borrowed(body), length: body.len(), quote: None });
    let (args, rest) = words(body, name.length, body.len());
    Head { name: (0, name), args, rest }
}

/// Name and words of a section line, and where its `>` stands.
fn section(body: &[u8]) -> (Head<'_>, Option<usize>) {
    let length = body.iter().position(|&byte| is_blank(byte)).unwrap_or(body.len());
    let first = body.get(..length).unwrap_or_default();
    let ended = first.len() > 1 && first.ends_with(b">");
    let stop = if ended { length - 1 } else { length };
    let value = Cow::Borrowed(body.get(1..stop).unwrap_or_default());
    let name = (1, Raw { value, length: stop.saturating_sub(1), quote: None });
    let mark = match memchr::memrchr(b'>', body) {
        Some(at) if at >= length => Some(at),
        _ => ended.then_some(stop),
    };
    let (args, rest) = words(body, length, mark.unwrap_or(body.len()).max(length));
    (Head { name, args, rest: if ended && mark == Some(stop) { stop..stop } else { rest } }, mark)
}

/// The words of `body` in `from..to`, and the range they lie in.
fn words(body: &[u8], from: usize, to: usize) -> (Vec<(usize, Raw<'_>)>, Range<usize>) {
    let text = body.get(..to).unwrap_or(body);
    let skip = |at: usize| match blanks(text.get(at..).unwrap_or_default()) {
        Ok((_, blank)) => at + blank.len(),
        Err(_) => at,
    };
    let start = skip(from);
    let end = text.iter().rposition(|&byte| !is_blank(byte)).map_or(start, |last| (last + 1).max(start));
    let (mut at, mut found) = (start, Vec::new());
    while let Ok((_, raw)) = word(text.get(at..end).unwrap_or_default()) {
        let length = raw.length;
        found.push((at, raw));
        at = skip(at + length);
    }
    (found, start..end)
}

#[cfg(test)]
mod tests;
