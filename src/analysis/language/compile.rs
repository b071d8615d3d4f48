//! Expressions to automata.
//!
//! An expression is compiled from its end to its start: what follows a piece is already a language of rests of
//! the subject, so that a look-ahead is an intersection (or a difference) with it, and `$` asks that nothing is
//! left. `^` holds only as long as nothing was consumed; a search tries it at the start of the subject and, with
//! `^` impossible, behind any text. `None` means: not regular, or not worth it.

use super::bytes;
use crate::analysis::byteset::ByteSet;
use crate::analysis::expression::{Kind, Node};
use regexsolver::Term;
use regexsolver::regex::RegularExpression;

/// A quantifier above this is given up.
const MAX_REPEAT: u32 = 300;
const MAX_DEPTH: u32 = 400;

/// A group whose content is restricted.
type Restricted<'a> = Option<(u32, &'a Term)>;

/// Subjects in which the expression finds a match.
pub(super) fn search(tree: &Node, restricted: Restricted<'_>) -> Option<Term> {
    let rest = Term::from_regex(anything());
    let compiler = Compiler { restricted };
    let at_start = compiler.sequence(&[tree], rest.clone(), true, 0)?;
    if tree.anchored_start() {
        return Some(at_start);
    }
    let later = compiler.sequence(&[tree], rest, false, 0)?;
    let something = Term::from_regex(bytes(ByteSet::ALL).repeat(1, None));
    at_start.union([&something.concat([&later]).ok()?]).ok()
}

/// A piece without assertions, as an expression of the solver.
pub(super) fn plain(node: &Node) -> Option<RegularExpression> {
    if let Some(set) = node.bytes() {
        return Some(bytes(set));
    }
    match &node.kind {
        Kind::Group(_, inner) => plain(inner),
        Kind::Concat(nodes) => {
            let pieces: Option<Vec<_>> = nodes.iter().map(plain).collect();
            Some(RegularExpression::concat_all(&pieces?))
        }
        Kind::Alternation(nodes) => {
            let pieces: Option<Vec<_>> = nodes.iter().map(plain).collect();
            Some(RegularExpression::union_all(&pieces?))
        }
        Kind::Repeat { node, min, max, possessive: false }
            if *min <= MAX_REPEAT && max.is_none_or(|m| m <= MAX_REPEAT && m >= *min) =>
        {
            Some(plain(node)?.repeat(*min, *max))
        }
        _ => None,
    }
}

fn anything() -> RegularExpression {
    bytes(ByteSet::ALL).repeat(0, None)
}

struct Compiler<'a> {
    restricted: Restricted<'a>,
}

impl Compiler<'_> {
    /// Rests of the subject that the pieces, followed by a string of `rest`, match. `fresh`: nothing was consumed yet.
    fn sequence(&self, pieces: &[&Node], rest: Term, fresh: bool, depth: u32) -> Option<Term> {
        if depth > MAX_DEPTH {
            return None;
        }
        let Some((first, tail)) = pieces.split_first() else { return Some(rest) };
        let go = |rest: Term, fresh: bool| self.sequence(tail, rest, fresh, depth + 1);
        match &first.kind {
            Kind::Start if fresh => go(rest, true),
            Kind::Start => Some(Term::new_empty()),
            Kind::End => both(go(rest, fresh)?, end()),
            Kind::VeryEnd => both(go(rest, fresh)?, Term::new_empty_string()),
            Kind::Look { ahead: true, negative, node } => {
                let after = go(rest, fresh)?;
                let seen = self.sequence(&[node], Term::from_regex(anything()), fresh, depth + 1)?;
                if *negative { after.difference(&seen).ok() } else { after.intersection([&seen]).ok() }
            }
            Kind::Group(number, inner) => match self.restricted {
                Some((wanted, content)) if *number == Some(wanted) => {
                    let held = Term::from_regex(plain(inner)?).intersection([content]).ok()?;
                    self.consume(held, inner, tail, rest, fresh, depth)
                }
                _ if self.is_plain(first) => {
                    self.consume(Term::from_regex(plain(inner)?), inner, tail, rest, fresh, depth)
                }
                _ => self.spliced(inner, tail, rest, fresh, depth),
            },
            Kind::Concat(nodes) if !self.is_plain(first) => {
                let spliced: Vec<&Node> = nodes.iter().chain(tail.iter().copied()).collect();
                self.sequence(&spliced, rest, fresh, depth + 1)
            }
            Kind::Alternation(nodes) if !self.is_plain(first) => {
                self.alternatives(nodes.iter(), tail, rest, fresh, depth)
            }
            Kind::Repeat { node, min: 0, max: Some(1), possessive: false } if !self.is_plain(first) => {
                let with = self.spliced(node, tail, rest.clone(), fresh, depth)?;
                with.union([&self.sequence(tail, rest, fresh, depth + 1)?]).ok()
            }
            Kind::Repeat { node, min, max, possessive: true } if tail.is_empty() || disjoint(node, tail) => {
                let greedy = Kind::Repeat { node: node.clone(), min: *min, max: *max, possessive: false };
                let greedy = Node { kind: greedy, start: first.start, end: first.end };
                let held = Term::from_regex(plain(&greedy)?);
                self.consume(held, &greedy, tail, rest, fresh, depth)
            }
            Kind::Atomic(inner) if tail.is_empty() => self.spliced(inner, tail, rest, fresh, depth),
            _ => self.consume(Term::from_regex(plain(first)?), first, tail, rest, fresh, depth),
        }
    }

    fn is_plain(&self, node: &Node) -> bool {
        node.is_plain() && self.restricted.is_none_or(|(number, _)| node.group(number).is_none())
    }

    fn spliced(&self, inner: &Node, tail: &[&Node], rest: Term, fresh: bool, depth: u32) -> Option<Term> {
        let pieces: Vec<&Node> = std::iter::once(inner).chain(tail.iter().copied()).collect();
        self.sequence(&pieces, rest, fresh, depth + 1)
    }

    fn alternatives<'n>(
        &self,
        branches: impl Iterator<Item = &'n Node>,
        tail: &[&Node],
        rest: Term,
        fresh: bool,
        depth: u32,
    ) -> Option<Term> {
        // Where nothing behind asks for the start, what follows is the same for every branch.
        let shared = if tail.iter().any(|node| has_start(node)) {
            None
        } else {
            Some(self.sequence(tail, rest.clone(), false, depth + 1)?)
        };
        let mut all = Term::new_empty();
        for branch in branches {
            let one = match &shared {
                Some(after) => self.sequence(&[branch], after.clone(), fresh, depth + 1)?,
                None if depth < 12 => self.spliced(branch, tail, rest.clone(), fresh, depth)?,
                None => return None,
            };
            all = all.union([&one]).ok()?;
        }
        Some(all)
    }

    /// A piece that takes text, then the rest.
    fn consume(&self, held: Term, piece: &Node, tail: &[&Node], rest: Term, fresh: bool, depth: u32) -> Option<Term> {
        let (shortest, _) = held.length();
        let empties = shortest == Some(0) || min_length(piece) == 0;
        let asks = tail.iter().any(|node| has_start(node));
        if fresh && empties && asks {
            let nothing = self.sequence(tail, rest.clone(), true, depth + 1)?;
            let something = held.intersection([&Term::from_regex(bytes(ByteSet::ALL).repeat(1, None))]).ok()?;
            let after = self.sequence(tail, rest, false, depth + 1)?;
            return something.concat([&after]).ok()?.union([&nothing]).ok();
        }
        held.concat([&self.sequence(tail, rest, false, depth + 1)?]).ok()
    }
}

fn has_start(node: &Node) -> bool {
    node.walk().iter().any(|piece| piece.kind == Kind::Start)
}

/// 0 where the piece can be empty, else 1.
fn min_length(node: &Node) -> u32 {
    match &node.kind {
        Kind::Literal { .. } | Kind::Dot(_) | Kind::Class(_) => 1,
        Kind::Group(_, inner) | Kind::Atomic(inner) => min_length(inner),
        Kind::Repeat { node, min, .. } => (*min).min(1) * min_length(node),
        Kind::Concat(nodes) => nodes.iter().map(min_length).max().unwrap_or(0),
        Kind::Alternation(nodes) => nodes.iter().map(min_length).min().unwrap_or(0),
        _ => 0,
    }
}

/// Whether giving nothing back cannot matter: what follows starts with other bytes.
fn disjoint(repeated: &Node, tail: &[&Node]) -> bool {
    match (repeated.bytes(), tail.first().and_then(|node| node.bytes())) {
        (Some(own), Some(next)) => own.and(next).is_empty(),
        _ => matches!(tail.first().map(|node| &node.kind), Some(Kind::VeryEnd)) && tail.len() == 1,
    }
}

/// Rests that are also such an end. Where anything may be left, which is so at the end of nearly every expression, that
/// takes no automaton.
fn both(rest: Term, end: Term) -> Option<Term> {
    if rest == Term::from_regex(anything()) { Some(end) } else { rest.intersection([&end]).ok() }
}

/// Nothing, or a final line feed.
fn end() -> Term {
    Term::from_regex(bytes(ByteSet::of(b"\n")).repeat(0, Some(1)))
}
