//! PCRE2 expressions as trees, with the place of every piece.
//!
//! The engine itself (`crate::pcre`) says whether one string matches. This tree is for questions about the
//! expression: which literal it begins with, where a dot stands unescaped, what a group can hold, what a
//! string that matches looks like. It is read only from expressions that PCRE2 accepts; what it does not model
//! becomes [`Kind::Opaque`], and whoever meets that answers *unknown*.

use super::byteset::ByteSet;
use crate::ir::pattern::Regex;
use crate::pcre::Options;

mod beginning;
mod parse;
mod sample;

pub use beginning::{Beginning, beginning, exact_literal, is_literal, literal_prefix};
pub use sample::{Choices, sample};

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Byte offset in the expression at which it starts.
    pub start: usize,
    /// Byte offset behind it.
    pub end: usize,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A byte written plainly or escaped.
    Literal {
        /// The byte.
        byte: u8,
        /// Letters match in either case here.
        fold: bool,
    },
    /// `.` and what it matches.
    Dot(ByteSet),
    /// `[…]`, `\d` and relatives.
    Class(ByteSet),
    /// `^`, `\A`, `\G`: the start of the subject.
    Start,
    /// `$`, `\Z`: the end, or before a final line feed.
    End,
    /// `\z`, and `$` where it matches only there: the very end.
    VeryEnd,
    /// `\b` (true) or `\B`.
    WordBoundary(bool),
    /// `(…)` with its number, or `(?:…)`.
    Group(Option<u32>, Box<Node>),
    /// `(?>…)`.
    Atomic(Box<Node>),
    /// `(?=…)` and relatives.
    Look {
        /// Ahead, or behind.
        ahead: bool,
        /// `!` instead of `=`.
        negative: bool,
        /// What is looked for.
        node: Box<Node>,
    },
    /// `x*`, `x{2,}`, `x??` …
    Repeat {
        /// What is repeated.
        node: Box<Node>,
        /// At least.
        min: u32,
        /// At most.
        max: Option<u32>,
        /// `+` behind it: gives nothing back.
        possessive: bool,
    },
    /// One after the other.
    Concat(Vec<Node>),
    /// One of them.
    Alternation(Vec<Node>),
    /// A back-reference.
    BackReference,
    /// Not modelled; the text names it.
    Opaque(&'static str),
}

/// Reads an expression. Never fails: what is not understood is [`Kind::Opaque`].
pub fn parse(text: &[u8], options: Options) -> Node {
    parse::parse(text, options)
}

/// Reads an expression of the program.
pub fn of(regex: &Regex) -> Node {
    parse(&regex.text, regex.options)
}

impl Node {
    /// Every piece, this one first, in the order of the text.
    pub fn walk(&self) -> Vec<&Node> {
        let mut out = Vec::new();
        let mut stack = vec![self];
        while let Some(node) = stack.pop() {
            out.push(node);
            stack.extend(node.children().into_iter().rev());
        }
        out
    }

    /// The pieces directly inside.
    pub fn children(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Group(_, node) | Kind::Atomic(node) => vec![node],
            Kind::Look { node, .. } | Kind::Repeat { node, .. } => vec![node],
            Kind::Concat(nodes) | Kind::Alternation(nodes) => nodes.iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Top-level branches: the members of an outermost alternation, or the expression itself.
    pub fn branches(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Alternation(nodes) => nodes.iter().collect(),
            _ => vec![self],
        }
    }

    /// The members of a sequence, or the piece itself.
    pub fn sequence(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Concat(nodes) => nodes.iter().collect(),
            _ => vec![self],
        }
    }

    /// The capture group of this number.
    pub fn group(&self, number: u32) -> Option<&Node> {
        self.walk().into_iter().find(|node| matches!(node.kind, Kind::Group(Some(at), _) if at == number))
    }

    /// Whether every match begins at the start of the subject.
    pub fn anchored_start(&self) -> bool {
        match &self.kind {
            Kind::Start => true,
            Kind::Group(_, node) | Kind::Atomic(node) => node.anchored_start(),
            Kind::Concat(nodes) => {
                nodes.iter().find(|node| !matches!(node.kind, Kind::Look { .. })).is_some_and(Node::anchored_start)
            }
            Kind::Alternation(nodes) => nodes.iter().all(Node::anchored_start),
            _ => false,
        }
    }

    /// Whether every match ends at the end of the subject (a final line feed aside).
    pub fn anchored_end(&self) -> bool {
        match &self.kind {
            Kind::End | Kind::VeryEnd => true,
            Kind::Group(_, node) | Kind::Atomic(node) => node.anchored_end(),
            Kind::Concat(nodes) => nodes.last().is_some_and(Node::anchored_end),
            Kind::Alternation(nodes) => nodes.iter().all(Node::anchored_end),
            _ => false,
        }
    }

    /// Whether the piece matches only the empty text, wherever it is allowed to.
    pub fn is_assertion(&self) -> bool {
        matches!(self.kind, Kind::Start | Kind::End | Kind::VeryEnd | Kind::WordBoundary(_) | Kind::Look { .. })
    }

    /// Whether an assertion, a back-reference or something opaque stands anywhere in it.
    pub fn is_plain(&self) -> bool {
        self.walk().iter().all(|node| {
            !node.is_assertion()
                && !matches!(node.kind, Kind::BackReference | Kind::Opaque(_) | Kind::Atomic(_))
                && !matches!(node.kind, Kind::Repeat { possessive: true, .. })
        })
    }

    /// The literal bytes every match begins with, for a pattern anchored at the start; empty where there are none.
    /// Case-folded letters end it.
    pub fn literal_prefix(&self) -> Vec<u8> {
        let mut out = Vec::new();
        collect_prefix(self, &mut out);
        out
    }

    /// The whole text, for `^literal$`: the pattern then matches exactly this string (and the string with a line
    /// feed behind it).
    pub fn exact_literal(&self) -> Option<Vec<u8>> {
        let sequence = self.sequence();
        let [first, middle @ .., last] = sequence.as_slice() else { return None };
        if first.kind != Kind::Start || !matches!(last.kind, Kind::End | Kind::VeryEnd) {
            return None;
        }
        middle.iter().map(|node| node.plain_byte()).collect()
    }

    /// The byte of a plain literal that no case folding changes.
    pub fn plain_byte(&self) -> Option<u8> {
        match self.kind {
            Kind::Literal { byte, fold } if !fold || !byte.is_ascii_alphabetic() => Some(byte),
            _ => None,
        }
    }

    /// The bytes one position can be, for literals, dots and classes.
    pub fn bytes(&self) -> Option<ByteSet> {
        match self.kind {
            Kind::Literal { byte, fold } => {
                let set = ByteSet::of(&[byte]);
                Some(if fold { set.fold() } else { set })
            }
            Kind::Dot(set) | Kind::Class(set) => Some(set),
            _ => None,
        }
    }
}

/// Collects literal bytes; returns whether the piece was consumed whole.
fn collect_prefix(node: &Node, out: &mut Vec<u8>) -> bool {
    match &node.kind {
        Kind::Start => true,
        Kind::Group(_, inner) => collect_prefix(inner, out),
        Kind::Concat(nodes) => nodes.iter().all(|node| collect_prefix(node, out)),
        Kind::Look { .. } => true,
        Kind::Alternation(nodes) => {
            let base = out.clone();
            let mut common: Option<Vec<u8>> = None;
            for node in nodes {
                let mut own = base.clone();
                collect_prefix(node, &mut own);
                common = Some(match common {
                    None => own,
                    Some(so_far) => so_far.iter().zip(&own).take_while(|(a, b)| a == b).map(|(a, _)| *a).collect(),
                });
            }
            *out = common.unwrap_or(base);
            false
        }
        _ => match node.plain_byte() {
            Some(byte) => {
                out.push(byte);
                true
            }
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        parse(text.as_bytes(), Options::default())
    }

    #[test]
    fn the_literal_prefix_ends_at_the_first_choice() {
        assert_eq!(tree(r"^/old\.html$").literal_prefix(), b"/old.html");
        assert_eq!(tree("^/blog/(?:2019|2020)/").literal_prefix(), b"/blog/20");
        assert_eq!(tree("^/ab?c").literal_prefix(), b"/a");
        assert_eq!(tree("^(.*)$").literal_prefix(), b"");
    }

    #[test]
    fn an_exact_literal_needs_both_anchors() {
        assert_eq!(tree(r"^/a\.b$").exact_literal().as_deref(), Some(&b"/a.b"[..]));
        assert_eq!(tree("^/a.b$").exact_literal(), None);
        assert_eq!(tree("^/a").exact_literal(), None);
    }

    #[test]
    fn anchors_of_every_branch_count() {
        assert!(tree("^a|^b").anchored_start());
        assert!(!tree("^a|b$").anchored_start());
        assert!(tree("(^a)b$").anchored_start());
    }

    #[test]
    fn groups_are_numbered_by_their_opening() {
        let node = tree("(a(?:b)(?<x>c))(d)");
        assert!(node.group(1).is_some() && node.group(3).is_some() && node.group(4).is_none());
    }
}
