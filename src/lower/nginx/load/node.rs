//! Handles on directives, and where they stand.

use super::super::super::directives;
use super::{DEEPEST, Loaded};
use crate::source::{Sources, Span};
use crate::syntax::{Directive, Item, Word};

/// Where a directive stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Outside every block.
    Main,
    /// In `events`.
    Events,
    /// In `http`.
    Http,
    /// In `server` of `http`.
    Server,
    /// In `location`.
    Location,
    /// In `if` of `server`.
    IfInServer,
    /// In `if` of `location`.
    IfInLocation,
    /// In `limit_except`.
    LimitExcept,
    /// In `upstream` of `http`.
    Upstream,
    /// In `map`, `geo`, `split_clients`, `types` and the like: the "directives" are keys with values.
    Body,
    /// In `stream`.
    Stream,
    /// In `server` of `stream`.
    StreamServer,
    /// In `upstream` of `stream`.
    StreamUpstream,
    /// In `mail`.
    Mail,
    /// In `server` of `mail`.
    MailServer,
    /// In a block that the table does not know, or of a module that is not stock nginx's: anything may stand there.
    Unknown,
}

impl Context {
    const NAMES: [(Context, &'static str); 16] = [
        (Self::Main, "main"),
        (Self::Events, "events"),
        (Self::Http, "http"),
        (Self::Server, "server"),
        (Self::Location, "location"),
        (Self::IfInServer, "if-in-server"),
        (Self::IfInLocation, "if-in-location"),
        (Self::LimitExcept, "limit-except"),
        (Self::Upstream, "upstream"),
        (Self::Body, "body"),
        (Self::Stream, "stream"),
        (Self::StreamServer, "stream-server"),
        (Self::StreamUpstream, "stream-upstream"),
        (Self::Mail, "mail"),
        (Self::MailServer, "mail-server"),
        (Self::Unknown, "unknown"),
    ];

    /// Its name in the directive table.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(context, _)| *context == self).map_or("unknown", |(_, name)| name)
    }

    fn named(name: &str) -> Self {
        Self::NAMES.iter().find(|(_, one)| *one == name).map_or(Self::Unknown, |(context, _)| *context)
    }

    /// The context inside the block of a directive that stands here.
    pub fn inside(self, directive: &[u8]) -> Self {
        if matches!(self, Self::Body | Self::Unknown) {
            return Self::Unknown;
        }
        let table = directives::nginx();
        let entry = table.get_in(directive, self.name()).or_else(|| table.get(directive).next());
        entry.and_then(|entry| entry.inside.as_deref()).map_or(Self::Unknown, Self::named)
    }
}

/// A directive in its place. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    loaded: &'a Loaded,
    sources: &'a Sources,
    /// The directive itself, for spans and for its block.
    pub directive: &'a Directive,
    /// Where it stands.
    pub context: Context,
    /// How many blocks it stands in; 0 at the top of the main file.
    pub depth: usize,
}

impl<'a> Node<'a> {
    /// The bytes of the file it stands in.
    pub fn source(self) -> &'a [u8] {
        self.sources.file(self.directive.span.file).bytes()
    }

    /// What the name says.
    pub fn name(self) -> &'a [u8] {
        self.directive.name.value(self.source())
    }

    /// The words behind the name, with their spans.
    pub fn words(self) -> &'a [Word] {
        &self.directive.args
    }

    /// What the word at an index says (0 is the first behind the name); `None` behind the last.
    pub fn arg(self, at: usize) -> Option<&'a [u8]> {
        self.directive.args.get(at).map(|word| self.value(word))
    }

    /// Where the word at an index stands, with its quotes; the whole head behind the last word.
    pub fn arg_span(self, at: usize) -> Span {
        self.directive.args.get(at).map_or_else(|| self.head(), |word| word.span)
    }

    /// What every word says.
    pub fn args(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + 'a {
        let source = self.source();
        self.directive.args.iter().map(move |word| word.value(source))
    }

    /// What a word of this directive says.
    pub fn value(self, word: &'a Word) -> &'a [u8] {
        word.value(self.source())
    }

    /// The name and the words, without the block.
    pub fn head(self) -> Span {
        self.directive.head()
    }

    /// Whether it has a block.
    pub fn has_block(self) -> bool {
        self.directive.block.is_some()
    }

    /// Whether it ends as a directive must: with `;` or a block. Where not, its words may be cut short.
    pub fn is_terminated(self) -> bool {
        terminated(self.directive, self.source())
    }

    /// What stands in its block, includes spliced in; nothing where it has none or stands [`DEEPEST`] deep.
    pub fn children(self) -> Children<'a> {
        let items = match &self.directive.block {
            Some(block) if self.depth < DEEPEST => &block.items[..],
            _ => &[],
        };
        Children::new(self.loaded, self.sources, items, self.context.inside(self.name()), self.depth + 1)
    }
}

/// Whether a directive was ended with `;` or has a block.
pub(super) fn terminated(directive: &Directive, source: &[u8]) -> bool {
    let last = (directive.span.end as usize).checked_sub(1).and_then(|last| source.get(last));
    directive.block.is_some() || (directive.span.end > directive.rest.end && last == Some(&b';'))
}

/// The directives of a block, or of the top level, in the order in which nginx reads them.
pub struct Children<'a> {
    loaded: &'a Loaded,
    sources: &'a Sources,
    context: Context,
    depth: usize,
    open: Vec<std::slice::Iter<'a, Item>>,
}

impl<'a> Children<'a> {
    pub(super) fn new(
        loaded: &'a Loaded,
        sources: &'a Sources,
        items: &'a [Item],
        context: Context,
        depth: usize,
    ) -> Self {
        Self { loaded, sources, context, depth, open: vec![items.iter()] }
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Node<'a>;

    fn next(&mut self) -> Option<Node<'a>> {
        while let Some(items) = self.open.last_mut() {
            let directive = match items.next() {
                None => {
                    self.open.pop();
                    continue;
                }
                Some(Item::Directive(directive)) => directive,
                Some(_) => continue,
            };
            match self.loaded.includes.get(&directive.span) {
                Some(files) => {
                    let trees = files.iter().rev().filter_map(|&file| self.loaded.trees.get(file));
                    self.open.extend(trees.map(|tree| tree.items.iter()));
                }
                None => {
                    let (loaded, sources) = (self.loaded, self.sources);
                    return Some(Node { loaded, sources, directive, context: self.context, depth: self.depth });
                }
            }
        }
        None
    }
}
