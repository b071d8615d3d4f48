//! A configuration with its includes, as one tree to walk.
//!
//! [`load`] parses the main file, follows `include`, decides what kind of fragment the text is and checks what
//! the directive table alone can check. It knows of a directive only its table entry, and `include`.
//!
//! The result is walked through [`Node`]: a small `Copy` handle on a directive of one of the trees. Includes are
//! spliced in on the way, so that a reader never sees them: `loaded.roots(&sources)` and `node.children()` give
//! the directives in the order in which nginx reads them, from whichever file they come.

use super::super::{Loader, Options};
use crate::ir::{Note, Refusal};
use crate::source::{FileId, Sources, Span};
use crate::syntax::{Directive, Tree, Word};
use std::collections::HashMap;

/// What a text is a piece of. A lone file is judged by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// A whole configuration: `http { … }` and what stands beside it.
    Main,
    /// The inside of `http`.
    Http,
    /// The inside of `server`.
    Server,
    /// The inside of `location`.
    Location,
    /// The inside of `upstream`.
    Upstream,
    /// The inside of `map`, `geo`, `split_clients` or `types`: keys and values, no directives.
    MapBody,
}

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

/// A configuration with everything it includes.
#[derive(Debug)]
pub struct Loaded {
    /// Every file that was parsed, the main file's tree first.
    pub trees: Vec<Tree>,
    /// What the main file is a piece of.
    pub level: Level,
    /// Why nginx would not load it, in the order in which nginx would find out; the first is its verdict.
    pub refusals: Vec<Refusal>,
    /// Files that could not be seen, templates, directives of third-party modules.
    pub notes: Vec<Note>,
    /// What each `include` brought: by the span of the directive's name, indices into `trees`.
    includes: HashMap<Span, Vec<usize>>,
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
    /// What the name says.
    pub fn name(self) -> &'a [u8] {
        todo!()
    }

    /// The words behind the name, with their spans.
    pub fn words(self) -> &'a [Word] {
        &self.directive.args
    }

    /// What the word at an index says (0 is the first behind the name); `None` behind the last.
    pub fn arg(self, _at: usize) -> Option<&'a [u8]> {
        todo!()
    }

    /// Where the word at an index stands, with its quotes; the whole head behind the last word.
    pub fn arg_span(self, _at: usize) -> Span {
        todo!()
    }

    /// What every word says.
    pub fn args(self) -> impl ExactSizeIterator<Item = &'a [u8]> + Clone + 'a {
        std::iter::empty()
    }

    /// What a word of this directive says.
    pub fn value(self, _word: &'a Word) -> &'a [u8] {
        todo!()
    }

    /// The name and the words, without the block.
    pub fn head(self) -> Span {
        self.directive.head()
    }

    /// Whether it has a block.
    pub fn has_block(self) -> bool {
        self.directive.block.is_some()
    }

    /// What stands in its block, includes spliced in; nothing where it has none.
    pub fn children(self) -> impl Iterator<Item = Node<'a>> + 'a {
        std::iter::empty()
    }
}

impl Loaded {
    /// What stands at the top level of the main file, includes spliced in.
    pub fn roots<'a>(&'a self, _sources: &'a Sources) -> impl Iterator<Item = Node<'a>> + 'a {
        std::iter::empty()
    }
}

/// Loads a configuration whose main file is already in `sources`; included files are added to them.
pub fn load(_sources: &mut Sources, _main: FileId, _options: &Options, _loader: &dyn Loader) -> Loaded {
    todo!()
}
