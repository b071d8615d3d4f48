//! What a file is a piece of, told from what stands at its top level.

use super::super::super::directives::{self, Entry};
use super::{Context, Loaded, Node};
use crate::source::Sources;

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
    /// The inside of `stream`.
    Stream,
    /// The inside of `map`, `geo`, `split_clients` or `types`: keys and values, no directives.
    MapBody,
}

impl Level {
    /// The context of what stands at the top level.
    pub fn context(self) -> Context {
        match self {
            Self::Main => Context::Main,
            Self::Http => Context::Http,
            Self::Server => Context::Server,
            Self::Location => Context::Location,
            Self::Upstream => Context::Upstream,
            Self::Stream => Context::Stream,
            Self::MapBody => Context::Body,
        }
    }
}

/// Levels in the order of preference among those that fit equally well.
const LEVELS: [Level; 6] = [Level::Main, Level::Http, Level::Server, Level::Location, Level::Upstream, Level::Stream];

/// The level at which most of the top-level directives may stand. A directive that only a whole configuration can
/// have decides alone.
pub fn guess(loaded: &Loaded, sources: &Sources) -> Level {
    let table = directives::nginx();
    let mut fits = [0_usize; LEVELS.len()];
    let (mut known, mut all, mut pairs) = (0_usize, 0_usize, 0_usize);
    for node in loaded.roots(sources).take(10_000) {
        all += 1;
        pairs += usize::from(!node.has_block() && node.words().len() <= 1);
        let entries: Vec<&Entry> = table.get(node.name()).filter(|entry| entry.block == node.has_block()).collect();
        if only_in_main(&entries) {
            return Level::Main;
        }
        known += usize::from(!entries.is_empty());
        for (count, level) in fits.iter_mut().zip(LEVELS) {
            *count += fit(node, level, &entries);
        }
    }
    if all > 0 && pairs == all && known * 4 < all {
        return Level::MapBody;
    }
    let best = fits.iter().copied().max().unwrap_or(0);
    let fitting =
        || LEVELS.into_iter().zip(fits).filter(|(_, count)| *count == best && best > 0).map(|(level, _)| level);
    fitting().next().unwrap_or(Level::Main)
}

/// How well a directive fits at a level: that it may stand there counts twice as much as that all in its block may
/// (`if` takes more in a location than in a server).
fn fit(node: Node<'_>, level: Level, entries: &[&Entry]) -> usize {
    let context = level.context();
    let inside = context.inside(node.name());
    let table = directives::nginx();
    let free = matches!(inside, Context::Unknown | Context::Body);
    let fits = |child: Node<'_>| table.get_in(child.name(), inside.name()).is_some() || !table.knows(child.name());
    let stands = entries.iter().any(|entry| entry.stands_in(context.name()));
    if stands { 2 + usize::from(free || node.children().take(100).all(fits)) } else { 0 }
}

fn only_in_main(entries: &[&Entry]) -> bool {
    !entries.is_empty() && entries.iter().all(|entry| entry.contexts.iter().all(|context| context == "main"))
}
