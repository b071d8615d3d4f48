//! Short strings a person would recognise, made from an expression. A proposal only: whoever uses one asks the
//! engine or the evaluator whether it really matches.

use super::{Kind, Node};
use crate::analysis::byteset::ByteSet;

/// Which of the many strings is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choices<'a> {
    /// Counts up for another string: other branches, options left out, empty repeats.
    pub variant: usize,
    /// Groups, by number, that hold these texts.
    pub forced: &'a [(u32, Vec<u8>)],
}

/// A string that the expression probably matches, from its first to its last piece (nothing around it).
pub fn sample(node: &Node, choices: Choices<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write(node, choices, &mut out);
    out
}

fn write(node: &Node, choices: Choices<'_>, out: &mut Vec<u8>) {
    match &node.kind {
        Kind::Literal { byte, .. } => out.push(*byte),
        Kind::Dot(set) | Kind::Class(set) => out.extend(pick(*set, out.last().copied())),
        Kind::Group(Some(number), inner) => match choices.forced.iter().find(|(wanted, _)| wanted == number) {
            Some((_, text)) => out.extend_from_slice(text),
            None => write(inner, choices, out),
        },
        Kind::Group(None, inner) | Kind::Atomic(inner) => write(inner, choices, out),
        Kind::Concat(nodes) => nodes.iter().for_each(|node| write(node, choices, out)),
        Kind::Alternation(nodes) => {
            if let Some(node) = nodes.get(choices.variant % nodes.len().max(1)) {
                write(node, choices, out);
            }
        }
        Kind::Repeat { node, min, max, .. } => repeat(node, *min, *max, choices, out),
        Kind::Look { ahead: true, negative: false, node } if choices.variant % 2 == 1 => write(node, choices, out),
        _ => {}
    }
}

fn repeat(node: &Node, min: u32, max: Option<u32>, choices: Choices<'_>, out: &mut Vec<u8>) {
    let leave_out = match max {
        Some(1) => choices.variant % 2 == 1,
        _ => choices.variant % 3 == 1,
    };
    if min == 0 && leave_out && !holds(node, choices) {
        return;
    }
    if let Some(text) = node.bytes().and_then(|set| word(set, min, max)) {
        out.extend_from_slice(text);
        return;
    }
    for _ in 0..min.clamp(1, 4096) {
        write(node, choices, out);
    }
}

fn holds(node: &Node, choices: Choices<'_>) -> bool {
    choices.forced.iter().any(|(number, _)| node.group(*number).is_some())
}

/// A word made of these bytes whose length fits.
fn word(set: ByteSet, min: u32, max: Option<u32>) -> Option<&'static [u8]> {
    let fits = |text: &&&[u8]| {
        let length = text.len() as u32;
        length >= min && max.is_none_or(|max| length <= max) && text.iter().all(|&byte| set.contains(byte))
    };
    let words: [&'static [u8]; 8] = [b"page", b"42", b"2024", b"PAGE", b"//", b"/", b" ", b"x"];
    words.iter().find(fits).copied()
}

/// One byte of the set, the most readable one.
fn pick(set: ByteSet, previous: Option<u8>) -> Option<u8> {
    // A dot behind a name or a number is most often meant as a dot: `index.php`, `v0.1`.
    if set.len() > 250 && previous.is_some_and(|byte| byte.is_ascii_alphanumeric()) && set.contains(b'.') {
        return Some(b'.');
    }
    b"a1bcdefghijklmnopqrstuvwxyz0A/-_.~ "
        .iter()
        .copied()
        .find(|&byte| set.contains(byte))
        .or_else(|| (33..127).find(|&byte| set.contains(byte)).or_else(|| set.iter().next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::expression::parse;
    use crate::pcre::{Options, Regex};

    #[test]
    fn samples_match_and_look_human() {
        let cases = [
            ("^/blog/([0-9]+)$", "/blog/42"),
            ("^/old/(.*)$", "/old/page"),
            (r"^/(en|de)/([^/]+)\.html?$", "/en/page.html"),
            ("^/[a-z]{2}/x$", "/aa/x"),
        ];
        for (text, wanted) in cases {
            let got = sample(&parse(text.as_bytes(), Options::default()), Choices::default());
            assert_eq!(String::from_utf8_lossy(&got), wanted);
            assert!(Regex::new(text.as_bytes(), Options::default()).unwrap().is_match(&got).unwrap());
        }
    }

    #[test]
    fn a_forced_group_holds_the_text() {
        let node = parse(b"^/old/(.*)/(x)?$", Options::default());
        let forced = Choices { variant: 1, forced: &[(1, b"new".to_vec())] };
        assert_eq!(sample(&node, forced), b"/old/new/");
    }
}
