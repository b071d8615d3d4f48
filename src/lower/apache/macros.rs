//! `Macro` and `Use`: a text with parameters, put in place where it is used.

use super::words::Arg;
use crate::source::{FileId, Span};
use std::ops::Range;

/// A macro: its parameters, and the lines between its tags.
#[derive(Clone, Debug)]
pub struct Macro {
    /// Where its name stands.
    pub name: Span,
    /// The names that are replaced, with their marks (`$x`, `@y`).
    pub params: Vec<Box<[u8]>>,
    /// The file of its body.
    pub file: FileId,
    /// The body's bytes, whole lines.
    pub body: Range<usize>,
}

/// What a `Use` puts for each parameter.
#[derive(Clone, Debug, Default)]
pub struct Substitution {
    pairs: Vec<(Box<[u8]>, Box<[u8]>)>,
}

impl Substitution {
    /// Pairs the parameters with the words of a `Use`; the longest parameter is tried first.
    pub fn new(params: &[Box<[u8]>], words: &[Arg<'_>]) -> Self {
        let pairs = params.iter().zip(words).map(|(param, word)| (param.clone(), word.value.as_ref().into()));
        let mut pairs: Vec<(Box<[u8]>, Box<[u8]>)> = pairs.filter(|(param, _)| !param.is_empty()).collect();
        pairs.sort_by_key(|(param, _)| std::cmp::Reverse(param.len()));
        Self { pairs }
    }

    /// The text with every parameter replaced; `None` where none occurs.
    pub fn apply(&self, text: &[u8]) -> Option<Vec<u8>> {
        let (mut out, mut at, mut changed) = (Vec::with_capacity(text.len()), 0, false);
        while let Some(tail) = text.get(at..).filter(|tail| !tail.is_empty()) {
            match self.pairs.iter().find(|(param, _)| tail.starts_with(param)) {
                Some((param, value)) => {
                    out.extend_from_slice(value);
                    at += param.len();
                    changed = true;
                }
                None => {
                    out.extend(tail.first());
                    at += 1;
                }
            }
        }
        changed.then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lower::apache::words::general;

    #[test]
    fn the_longest_parameter_wins_and_what_was_put_in_is_not_looked_at_again() {
        let params = [b"$a".as_slice().into(), b"$ab".as_slice().into()];
        let words = general(b"$ab 2");
        let substitution = Substitution::new(&params, &words);
        assert_eq!(substitution.apply(b"x$ab $a").unwrap(), b"x2 $ab");
        assert_eq!(substitution.apply(b"x"), None);
    }
}
