//! Marks of template engines in Apache files.
//!
//! What stands in a mark is known only after rendering. `%{NAME}` and `${NAME}` are Apache's own and no marks.

use crate::syntax::nginx::template::{delimited, mark, percent, value_mark};

/// What ends the template block that a line starts with, if it does.
pub fn block(body: &[u8]) -> Option<&'static [u8]> {
    const BLOCKS: [(&[u8], &[u8]); 4] = [(b"<%", b"%>"), (b"<?", b"?>"), (b"{%", b"%}"), (b"{{", b"}}")];
    BLOCKS.iter().find(|(open, _)| body.starts_with(open)).map(|&(_, close)| close)
}

/// The place and length of the first mark in a text.
pub fn find(text: &[u8]) -> Option<(usize, usize)> {
    let candidates = memchr::memchr2_iter(b'{', b'<', text).chain(memchr::memchr3_iter(b'@', b'_', b'%', text));
    candidates.filter_map(|at| Some((at, mark_at(text, at)?))).min()
}

fn mark_at(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    match rest.first()? {
        b'{' if matches!(before, Some(b'$' | b'%')) => None,
        b'{' if rest.starts_with(b"{{") => value_mark(rest),
        b'{' if rest.starts_with(b"{%") && !is_statement(rest) => None,
        b'{' | b'<' => mark(rest),
        b'@' => delimited(rest, b"@", before),
        b'_' => delimited(rest, b"__", before),
        b'%' => percent(rest),
        _ => None,
    }
}

/// Whether `{%` has a word behind it: without one it is the end of a pattern that looks for such marks.
fn is_statement(rest: &[u8]) -> bool {
    let inside = rest.get(2..).unwrap_or_default();
    let inside = inside.strip_prefix(b"-").unwrap_or(inside);
    inside.trim_ascii_start().first().is_some_and(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apaches_own_braces_are_no_marks() {
        assert_eq!(
            find(b"%{HTTP_HOST} ${a} ${map:%{REQUEST_URI}} ^a{2}$ me@example.com %h%l%%u /a%20b%c3%bc ({{|}}|{%|%})"),
            None
        );
    }

    #[test]
    fn every_kind_of_mark_is_found() {
        for text in [
            &b"a {{ host }}"[..],
            b"a @HOST@",
            b"a <%= @host -%>",
            b"a <?php x ?>",
            b"a __HOST__",
            b"{% if %}",
            b"a %host%",
        ] {
            assert!(find(text).is_some(), "{}", String::from_utf8_lossy(text));
        }
    }
}
