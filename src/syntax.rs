//! The directive tree that both languages share.
//!
//! A parser turns any bytes into a [`Tree`] and a list of [`SyntaxError`]s, always both. The tree is lossless:
//! [`Tree::print`] gives back the input byte for byte, because every byte belongs to a word, a comment or the
//! blank text between two of them. The parsers know no directive names: what a name means stands in the tables
//! of `grammar/` and in `lower`.

pub mod apache;
pub mod error;
pub mod nginx;

pub use error::SyntaxError;

use crate::source::{FileId, Span};

/// A configuration file as a tree of directives.
#[derive(Debug)]
pub struct Tree {
    /// The file it was read from.
    pub file: FileId,
    /// What stands at the top level, in order.
    pub items: Vec<Item>,
    /// What could not be read, in order; the tree holds everything else.
    pub errors: Vec<SyntaxError>,
}

/// One thing in a block.
#[derive(Debug)]
pub enum Item {
    /// A directive, with its block if it has one.
    Directive(Directive),
    /// A comment, from its `#` up to (not including) the line end.
    Comment(Span),
    /// Bytes the parser could not make sense of, kept as they are.
    Junk(Span),
}

/// One directive: a name, words, and possibly a block.
#[derive(Debug)]
pub struct Directive {
    /// The name. For an Apache section the name without `<`.
    pub name: Word,
    /// The words behind the name, by the language's general word rule.
    pub args: Vec<Word>,
    /// Everything between the name and the end of the logical line (Apache) or the terminator (nginx), unsplit:
    /// directives with a word rule of their own are split again from it.
    pub rest: Span,
    /// `{ … }` or `<X> … </X>`.
    pub block: Option<Box<Block>>,
    /// From the first byte of the name (or `<`) to the last byte of the directive, its block included.
    pub span: Span,
}

impl Directive {
    /// The header only: without the block.
    pub fn head(&self) -> Span {
        match &self.block {
            Some(block) => Span { end: block.open.end.max(self.name.span.end), ..self.span },
            None => self.span,
        }
    }
}

/// The inside of a block directive.
#[derive(Debug)]
pub struct Block {
    /// What opens it: `{`, or the `>` of `<X …>`.
    pub open: Span,
    /// What stands inside, in order.
    pub items: Vec<Item>,
    /// What closes it: `}` or `</X>`; `None` where the file ends first.
    pub close: Option<Span>,
}

/// Taken apart level by level, because the derived way would recurse once per nested block.
impl Drop for Block {
    fn drop(&mut self) {
        let mut pending = std::mem::take(&mut self.items);
        while let Some(item) = pending.pop() {
            if let Item::Directive(Directive { block: Some(mut block), .. }) = item {
                pending.append(&mut block.items);
            }
        }
    }
}

/// One word: where it stands, and what it says once quotes, escapes and continuation lines are taken off.
#[derive(Clone, Debug)]
pub struct Word {
    /// The word with its quotes.
    pub span: Span,
    /// What it says, where that differs from the bytes at `span`.
    pub cooked: Option<Box<[u8]>>,
}

impl Word {
    /// What the word says.
    pub fn value<'a>(&'a self, source: &'a [u8]) -> &'a [u8] {
        match &self.cooked {
            Some(cooked) => cooked,
            None => source.get(self.span.range()).unwrap_or_default(),
        }
    }
}

impl Tree {
    /// The tree as text again: the words, comments and marks in order, with the blank text between them.
    pub fn print(&self, source: &[u8]) -> Vec<u8> {
        let mut printer = Printer { source, at: 0, out: Vec::with_capacity(source.len()) };
        printer.items(&self.items);
        printer.up_to(source.len());
        printer.out
    }

    /// Every directive in the tree, outermost first, in the order of the text.
    pub fn directives(&self) -> impl Iterator<Item = &Directive> {
        let mut stack: Vec<std::slice::Iter<'_, Item>> = vec![self.items.iter()];
        std::iter::from_fn(move || {
            while let Some(top) = stack.last_mut() {
                match top.next() {
                    None => {
                        stack.pop();
                    }
                    Some(Item::Directive(directive)) => {
                        if let Some(block) = &directive.block {
                            stack.push(block.items.iter());
                        }
                        return Some(directive);
                    }
                    Some(_) => {}
                }
            }
            None
        })
    }
}

struct Printer<'a> {
    source: &'a [u8],
    at: usize,
    out: Vec<u8>,
}

impl Printer<'_> {
    fn up_to(&mut self, end: usize) {
        self.out.extend_from_slice(self.source.get(self.at..end).unwrap_or_default());
        self.at = self.at.max(end);
    }

    /// Iterates where the tree would suggest recursion: a file may nest blocks as deep as it likes.
    fn items(&mut self, items: &[Item]) {
        let mut open: Vec<(std::slice::Iter<'_, Item>, Option<Span>)> = vec![(items.iter(), None)];
        while let Some((rest, close)) = open.last_mut() {
            match rest.next() {
                None => {
                    let close = *close;
                    open.pop();
                    close.into_iter().for_each(|close| self.piece(close));
                }
                Some(Item::Comment(span) | Item::Junk(span)) => self.piece(*span),
                Some(Item::Directive(directive)) => {
                    self.piece(directive.name.span);
                    directive.args.iter().for_each(|word| self.piece(word.span));
                    if let Some(block) = &directive.block {
                        self.piece(block.open);
                        open.push((block.items.iter(), block.close));
                    }
                }
            }
        }
    }

    /// Blank text up to the piece, then the piece. A piece that is out of order prints twice, which the
    /// round-trip tests would see.
    fn piece(&mut self, span: Span) {
        self.up_to(span.start as usize);
        self.out.extend_from_slice(self.source.get(span.range()).unwrap_or_default());
        self.at = span.end as usize;
    }
}
