//! What httpd does while it reads its files, before any directive is carried out: `${NAME}`, `Define`, `Include`,
//! `<IfModule>` and its like, macros. What is left is a tree of [`Line`]s in reading order.
//!
//! It knows no directive beside the ones that act at reading time.

use super::defines::Defines;
use super::modules::Modules;
use super::read::Reader;
use super::words::{self, Arg};
use crate::ir::{Note, Refusal};
use crate::lower::{Loader, Options, Version};
use crate::source::{FileId, Sources, Span};
use crate::syntax::Tree;
use rustc_hash::FxHashSet;
use std::sync::Arc;

/// A directive or section that is in force after reading.
#[derive(Clone, Debug)]
pub struct Line {
    /// The name in lower case, without `<`; shared between equal names.
    pub name: Arc<[u8]>,
    /// Name and arguments, for a section from `<` to `>`; without its block.
    pub head: Span,
    /// The arguments in the file: behind the name, blanks at both ends taken off; for a section up to its last `>`.
    pub rest: Span,
    /// The argument text, where expansion or a continuation line makes it differ from the bytes at `rest`.
    pub text: Option<Box<[u8]>>,
    /// The lines inside; `None` for a plain directive.
    pub block: Option<Vec<Line>>,
}

/// What reading yields.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The lines in reading order, includes in place, read-time sections resolved and gone.
    pub lines: Vec<Line>,
    /// Every file that was read, the main file's tree first.
    pub trees: Vec<Tree>,
    /// What could not be followed or decided.
    pub notes: Vec<Note>,
    /// Why the server would refuse to read on, in reading order; `Reach::Server` even for a `.htaccess`
    /// (the caller knows the scope).
    pub refusals: Vec<Refusal>,
    /// Names that stand after reading in the table of `Define`, values included.
    pub defines: Defines,
    /// The modules that are loaded, by the name in `LoadModule` (`rewrite_module`).
    pub modules: Modules,
    /// The server's version, where one is named.
    pub version: Option<Version>,
    /// Files whose text is a template's: nothing in them is refused.
    pub templates: FxHashSet<FileId>,
}

impl Line {
    /// The argument text: one logical line, expanded, blanks at both ends taken off.
    pub fn args<'a>(&'a self, sources: &'a Sources) -> &'a [u8] {
        match &self.text {
            Some(text) => text,
            None => sources.text(self.rest),
        }
    }

    /// The words by the general rule (quotes, `\\`).
    pub fn words<'a>(&'a self, sources: &'a Sources) -> Vec<Arg<'a>> {
        words::general(self.args(sources))
    }

    /// The words by `RewriteRule`'s and `RewriteCond`'s own rule: at most three, the text behind them ignored.
    pub fn rewrite_words<'a>(&'a self, sources: &'a Sources) -> Vec<Arg<'a>> {
        words::rewrite(self.args(sources))
    }

    /// Where a range of the argument text stands in the file: exact for a line that reads as it is written, else
    /// the whole argument text.
    pub fn span_of(&self, range: std::ops::Range<usize>) -> Span {
        if self.text.is_some() {
            return self.rest;
        }
        let start = self.rest.start as usize;
        Span::new(self.rest.file, start + range.start, start + range.end)
    }

    /// Whether it is a section.
    pub fn is_section(&self) -> bool {
        self.block.is_some()
    }
}

/// Reads a configuration file or a `.htaccess` that is already in `sources`; included files are added.
///
/// `server` is what an earlier call left ([`Loaded::defines`], [`Loaded::modules`]) when a `.htaccess` is read for a server
/// whose configuration is known; a lone file starts from `options`.
pub fn load(
    sources: &mut Sources,
    main: FileId,
    options: &Options,
    loader: &dyn Loader,
    server: Option<&Loaded>,
) -> Loaded {
    let mut loaded = Loaded { version: options.version, ..Loaded::default() };
    match server {
        Some(server) => {
            loaded.defines = server.defines.clone();
            loaded.modules = server.modules.clone();
        }
        None => {
            loaded.defines = Defines::of(&options.defines);
            loaded.modules = Modules::usual();
        }
    }
    Reader::new(sources, options, loader, loaded).main(main, server.is_none())
}

#[cfg(test)]
mod tests;
