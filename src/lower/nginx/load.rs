//! A configuration with its includes, as one tree to walk.
//!
//! [`load`] parses the main file, follows `include`, decides what kind of fragment the text is and checks what
//! the directive table alone can check. It knows of a directive only its table entry, and `include`.
//!
//! The result is walked through [`Node`]: a small `Copy` handle on a directive of one of the trees. Includes are
//! spliced in on the way, so that a reader never sees them: `loaded.roots(&sources)` and `node.children()` give
//! the directives in the order in which nginx reads them, from whichever file they come.

mod check;
mod dump;
mod include;
mod level;
mod node;
#[cfg(test)]
mod tests;

pub use level::Level;
pub use node::{Children, Context, Node};

use super::super::{Loader, Options};
use crate::ir::{Effect, Note, Refusal};
use crate::source::{FileId, Sources, Span};
use crate::syntax::Tree;
use crate::syntax::nginx::template;
use std::collections::{HashMap, HashSet};

/// Blocks deeper than this are refused: far beyond any real configuration, and a bound for every recursion behind.
pub const DEEPEST: usize = 256;

/// A configuration with everything it includes.
#[derive(Debug)]
pub struct Loaded {
    /// Every file that was parsed, the main file's tree first. Of an `nginx -T` dump, one tree for each file in it.
    pub trees: Vec<Tree>,
    /// What the main file is a piece of.
    pub level: Level,
    /// Why nginx would not load it, in the order in which nginx would find out; the first is its verdict.
    pub refusals: Vec<Refusal>,
    /// Files that could not be seen, templates, directives of third-party modules.
    pub notes: Vec<Note>,
    /// Files whose text is a template's: what they say depends on the rendering.
    pub templates: HashSet<FileId>,
    /// What each `include` brought: by the span of the directive, indices into `trees`.
    includes: HashMap<Span, Vec<usize>>,
}

impl Loaded {
    /// Whether this is all there is: no piece, no template, and every included file was seen.
    pub fn is_whole(&self) -> bool {
        let unseen = |note: &Note| note.directive == "include" && note.effect != Effect::None;
        self.level == Level::Main && self.templates.is_empty() && !self.notes.iter().any(unseen)
    }

    /// What stands at the top level of the main file, includes spliced in.
    pub fn roots<'a>(&'a self, sources: &'a Sources) -> Children<'a> {
        let items = self.trees.first().map_or(&[][..], |tree| &tree.items);
        Children::new(self, sources, items, self.level.context(), 0)
    }
}

/// Loads a configuration whose main file is already in `sources`; included files are added to them.
pub fn load(sources: &mut Sources, main: FileId, options: &Options, loader: &dyn Loader) -> Loaded {
    let files = include::follow(sources, main, options, loader);
    let mut loaded = Loaded {
        trees: files.trees,
        level: Level::Main,
        refusals: Vec::new(),
        notes: files.notes,
        templates: HashSet::new(),
        includes: files.includes,
    };
    find_templates(&mut loaded, sources);
    loaded.level = level::guess(&loaded, sources);
    let found = check::check(&loaded, sources, options, files.problems);
    loaded.notes.extend(found.notes);
    loaded.refusals = found.refusals;
    loaded.refusals.retain(|refusal| !loaded.templates.contains(&refusal.span.file));
    loaded
}

/// One note for every file that is a template.
fn find_templates(loaded: &mut Loaded, sources: &Sources) {
    for tree in &loaded.trees {
        let Some(span) = template_mark(tree, sources.file(tree.file).bytes()) else { continue };
        if loaded.templates.insert(tree.file) {
            let directive = String::from_utf8_lossy(sources.text(span)).into_owned();
            let reason = "the file is a template: what it says after rendering is unknown".to_owned();
            loaded.notes.push(Note { span, directive, effect: Effect::Template, reason });
        }
    }
}

/// The first mark of a template engine outside comments.
fn template_mark(tree: &Tree, source: &[u8]) -> Option<Span> {
    let marked = template::find(source).is_some();
    let shell: Vec<usize> =
        template::shell_names(source).filter(|(_, name)| !defined(source, name)).map(|(at, _)| at).collect();
    if !marked && shell.is_empty() {
        return None;
    }
    let mut items: Vec<&crate::syntax::Item> = tree.items.iter().rev().collect();
    while let Some(item) = items.pop() {
        match item {
            crate::syntax::Item::Comment(_) => {}
            crate::syntax::Item::Junk(span) => {
                let text = source.get(span.range()).unwrap_or_default();
                if template::statement_mark(text) == Some(text.len()) {
                    return Some(*span);
                }
            }
            crate::syntax::Item::Directive(directive) => {
                for word in std::iter::once(&directive.name).chain(&directive.args) {
                    let range = word.span.range();
                    if let Some((at, length)) = template::find(source.get(range.clone()).unwrap_or_default()) {
                        return Some(Span::new(tree.file, range.start + at, range.start + at + length));
                    }
                    if let Some(&at) = shell.iter().find(|at| range.contains(at)) {
                        return Some(Span::new(tree.file, at, range.end));
                    }
                }
                let raw = directive.name.value(source).ends_with(b"_by_lua_block");
                items.extend(directive.block.iter().filter(|_| !raw).flat_map(|block| block.items.iter().rev()));
            }
        }
    }
    None
}

/// Whether the text itself defines or reads a variable of this name the usual way.
fn defined(source: &[u8], name: &[u8]) -> bool {
    let plain: Vec<u8> = std::iter::once(b'$').chain(name.iter().copied()).collect();
    memchr::memmem::find(source, &plain).is_some()
}
