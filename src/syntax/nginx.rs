//! nginx: bytes to tree.
//!
//! A statement is words up to `;` or `{`; a block is statements up to `}`. That is the whole language, and this
//! module knows no directive by name, with one exception of shape: a name that ends in `_by_lua_block` has Lua
//! between its braces, which is kept as one [`Item::Junk`].
//!
//! Where nginx stops at the first thing it cannot read, this parser records nginx's message and goes on behind
//! the next `;` or `}`. A comment between the words of a statement is part of the statement's
//! [`Directive::rest`]; every other one is an [`Item::Comment`]. Marks of templates (`{{ … }}`, `{% … %}` and
//! the like) are read as one word or one [`Item::Junk`], since taking them for blocks would tear the rest apart.
//!
//! `grammar/nginx.ebnf` describes the same language with productions named like the functions in [`lex`].

pub mod lex;
mod raw;
pub mod template;
mod unescape;

use super::{Block, Directive, Item, SyntaxError, Tree, Word};
use crate::source::{FileId, Span};
use lex::Terminator;

/// Parses a file. Always yields a tree; what could not be read stands in its errors, in order.
pub fn parse(file: FileId, source: &[u8]) -> Tree {
    let mut parser = Parser { file, source, at: 0, errors: Vec::new(), items: Vec::new(), open: Vec::new() };
    while parser.statement() {}
    parser.finish()
}

/// A block whose `}` was not seen yet, and what stands before its directive in the block around it.
struct Open {
    head: Directive,
    brace: Span,
    outer: Vec<Item>,
}

struct Parser<'a> {
    file: FileId,
    source: &'a [u8],
    at: usize,
    errors: Vec<SyntaxError>,
    /// The items of the innermost open block.
    items: Vec<Item>,
    open: Vec<Open>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a [u8] {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start, end)
    }

    /// One statement, comment or closing brace; false at the end of the file.
    fn statement(&mut self) -> bool {
        self.skip_blank();
        let rest = self.rest();
        let Some(&first) = rest.first() else { return false };
        if let Some(length) = template::statement_mark(rest) {
            self.push_junk(length);
        } else {
            match first {
                b'#' => self.comment(true),
                b'}' => self.close(),
                b';' => self.stray_semicolon(),
                _ => self.directive(),
            }
        }
        true
    }

    fn skip_blank(&mut self) {
        self.at += lex::length(lex::blank(self.rest()));
    }

    /// A comment. Its length is limited like a word's, since nginx reads both into the same buffer.
    fn comment(&mut self, keep: bool) {
        let length = lex::length(lex::comment(self.rest()));
        let span = self.span(self.at, self.at + length);
        if length > lex::LIMIT - 1 && self.source.len() > self.at + lex::LIMIT {
            self.too_long(self.at, None);
        }
        if keep {
            self.items.push(Item::Comment(span));
        }
        self.at += length;
    }

    fn stray_semicolon(&mut self) {
        let span = self.span(self.at, self.at + 1);
        self.error(span, "unexpected \";\"", "remove it: there is no directive that it could end");
        self.push_junk(1);
    }

    fn push_junk(&mut self, length: usize) {
        let span = self.span(self.at, self.at + length);
        self.items.push(Item::Junk(span));
        self.at += length;
    }

    fn close(&mut self) {
        let close = self.span(self.at, self.at + 1);
        match self.open.pop() {
            Some(open) => {
                self.at += 1;
                self.close_block(open, Some(close));
            }
            None => {
                self.error(close, "unexpected \"}\"", "remove it, or look above for a `{` that is missing");
                self.push_junk(1);
            }
        }
    }

    fn close_block(&mut self, open: Open, close: Option<Span>) {
        let mut items = std::mem::replace(&mut self.items, open.outer);
        items.shrink_to_fit();
        let mut directive = open.head;
        directive.span.end = u32::try_from(self.at).unwrap_or(u32::MAX);
        directive.block = Some(Box::new(Block { open: open.brace, items, close }));
        self.items.push(Item::Directive(directive));
    }

    /// A name, words, and what ends them.
    fn directive(&mut self) {
        let start = self.at;
        let mut words = self.words();
        let end = self.at;
        let terminator = lex::terminator(self.rest()).ok().map(|(_, terminator)| terminator);
        let name = match words.is_empty() {
            true => Word { span: self.span(start, start), cooked: None },
            false => words.remove(0),
        };
        words.shrink_to_fit();
        let rest = self.span((name.span.end as usize).min(end), end);
        self.at += usize::from(matches!(terminator, Some(Terminator::Semicolon | Terminator::Open)));
        let span = self.span(start, self.at);
        let directive = Directive { name, args: words, rest, block: None, span };
        match terminator {
            Some(Terminator::Semicolon) => self.items.push(Item::Directive(directive)),
            Some(Terminator::Open) => self.open_block(directive, end),
            Some(Terminator::Close) => {
                let brace = self.span(end, end + 1);
                self.error(brace, "unexpected \"}\"", "end the directive before it with `;`");
                self.items.push(Item::Directive(directive));
            }
            None => {
                self.error_at_end("unexpected end of file, expecting \";\" or \"}\"", &directive);
                self.items.push(Item::Directive(directive));
            }
        }
    }

    fn open_block(&mut self, head: Directive, brace: usize) {
        let brace = self.span(brace, brace + 1);
        if head.name.span.is_empty() {
            self.error(brace, "unexpected \"{\"", "write the directive that the block belongs to, or remove it");
        }
        let raw = head.name.value(self.source).ends_with(b"_by_lua_block");
        let outer = std::mem::take(&mut self.items);
        self.open.push(Open { head, brace, outer });
        let length = if raw { raw::lua(self.rest()) } else { 0 };
        if length > 0 {
            self.push_junk(length);
        }
    }

    /// Words up to a terminator or the end of the file.
    fn words(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        let mut glued = false;
        loop {
            let blank = lex::length(lex::blank(self.rest()));
            self.at += blank;
            let rest = self.rest();
            glued = glued && blank == 0;
            match rest.first() {
                None => return words,
                Some(b';') => return words,
                Some(b'}') if !glued => return words,
                Some(b'{') if glued || template::mark(rest).is_none() => return words,
                Some(b'#') if !glued => self.comment(false),
                Some(&byte) => {
                    if glued && byte == b'}' {
                        return words;
                    }
                    if glued && byte != b')' {
                        let message = format!("unexpected \"{}\"", char::from(byte).escape_default());
                        let span = self.span(self.at, self.at + 1);
                        self.error(span, &message, "only a blank, `;`, `{` or `)` may follow a closing quote");
                    }
                    glued = self.word(&mut words);
                }
            }
        }
    }

    /// One word; true if it was quoted and closed.
    fn word(&mut self, words: &mut Vec<Word>) -> bool {
        let rest = self.rest();
        let start = self.at;
        let Ok((after, piece)) = lex::word(rest) else {
            // The grammar leaves no byte over, yet a parser that stands still would never end.
            self.at += 1;
            return false;
        };
        let length = rest.len() - after.len();
        self.at += length;
        self.check_length(start, &piece, after);
        let cooked = match (piece.quote, unescape::unescape(piece.inner)) {
            (_, Some(cooked)) => Some(cooked),
            (Some(_), None) => Some(piece.inner.into()),
            (None, None) => None,
        };
        words.push(Word { span: self.span(start, start + length), cooked });
        piece.quote.is_some() && piece.closed
    }

    /// nginx reads a word into a buffer of 4096 bytes together with what tells it that the word has ended.
    fn check_length(&mut self, start: usize, word: &lex::Piece<'_>, after: &[u8]) {
        let inner = start + usize::from(word.quote.is_some());
        let blank = usize::from(after.first().is_some_and(|byte| lex::is_blank(*byte)));
        let needed = word.inner.len() + usize::from(word.quote.is_some()) + blank;
        if needed < lex::LIMIT || self.source.len() <= inner + lex::LIMIT {
            return;
        }
        self.too_long(inner, word.quote.filter(|_| word.inner.len() >= lex::LIMIT));
    }

    fn too_long(&mut self, start: usize, quote: Option<u8>) {
        let span = self.span(start, start + 10);
        let head = String::from_utf8_lossy(self.source.get(start..start + 10).unwrap_or_default());
        let (message, help) = match quote {
            Some(quote) => (
                format!("too long parameter, probably missing terminating \"{}\" character", char::from(quote)),
                "close the quote: nginx reads at most 4094 bytes between two",
            ),
            None => (
                format!("too long parameter \"{head}...\" started"),
                "shorten it: nginx reads at most 4095 bytes of a word or a comment",
            ),
        };
        self.error(span, &message, help);
    }

    fn error(&mut self, span: Span, message: &str, help: &str) {
        self.errors.push(SyntaxError { span, message: message.to_owned(), help: Some(help.to_owned()) });
    }

    /// The end of the file inside a statement: often a quote that was opened and never closed.
    fn error_at_end(&mut self, message: &str, directive: &Directive) {
        let end = self.span(self.source.len(), self.source.len());
        let last = directive.args.last().unwrap_or(&directive.name);
        let quote = self.source.get(last.span.start as usize).filter(|byte| matches!(byte, b'"' | b'\''));
        let open = quote.filter(|_| {
            lex::word(self.source.get(last.span.range()).unwrap_or_default()).is_ok_and(|(_, piece)| !piece.closed)
        });
        match open {
            Some(quote) => {
                let line =
                    1 + memchr::memchr_iter(b'\n', self.source.get(..last.span.start as usize).unwrap_or_default())
                        .count();
                self.error(end, message, &format!("close the `{}` that was opened in line {line}", char::from(*quote)));
            }
            None => self.error(end, message, "end the last directive with `;`"),
        }
    }

    fn finish(mut self) -> Tree {
        if !self.open.is_empty() && self.errors.last().is_none_or(|last| last.span.start as usize != self.source.len())
        {
            let end = self.span(self.source.len(), self.source.len());
            let line = self.open.last().map_or(0, |open| {
                1 + memchr::memchr_iter(b'\n', self.source.get(..open.brace.start as usize).unwrap_or_default()).count()
            });
            let help = format!("close the block that was opened in line {line}");
            self.error(end, "unexpected end of file, expecting \"}\"", &help);
        }
        while let Some(open) = self.open.pop() {
            self.close_block(open, None);
        }
        self.items.shrink_to_fit();
        Tree { file: self.file, items: self.items, errors: self.errors }
    }
}

#[cfg(test)]
mod tests;
