//! Repairs: which fixes go together, what the text is afterwards, and when to stop.
//!
//! Pure: texts in, texts out. It knows no rule, no language and no disk; whoever calls says how a text is linted
//! and whether a change keeps the answers ([`converge::Site`]).
//!
//! **Which fixes go together.** Fixes are taken in the order of their first edit (then rule, then message), whole
//! or not at all. A fix is left for the next round when one of its edits overlaps an edit already taken, or
//! inserts at the edge of one: in which order the two texts were meant is not known. Two findings with the very
//! same edits share one application.

pub mod converge;
pub mod select;

pub use converge::{End, Outcome, Site, converge};
pub use select::{Left, Level, Selection, select};

use crate::diagnostic::Edit;

/// The text after the edits. They must not overlap, as those of a [`Selection`] do not; an edit that reaches out
/// of the text is ignored.
pub fn apply(text: &[u8], edits: &[&Edit]) -> Vec<u8> {
    let mut edits = edits.to_vec();
    edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        let range = edit.span.range();
        let Some(kept) = text.get(at..range.start).filter(|_| range.end <= text.len()) else { continue };
        out.extend_from_slice(kept);
        out.extend_from_slice(&edit.text);
        at = range.end.max(range.start);
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { span: Span::new(FileId(0), start, end), text: text.as_bytes().to_vec() }
    }

    #[test]
    fn edits_replace_insert_and_delete_whatever_their_order() {
        let edits = [edit(6, 6, "!"), edit(0, 1, "A"), edit(2, 4, "")];
        assert_eq!(apply(b"abcdef", &edits.iter().collect::<Vec<_>>()), b"Abef!");
    }

    #[test]
    fn an_edit_out_of_the_text_changes_nothing() {
        assert_eq!(apply(b"abc", &[&edit(2, 9, "x")]), b"abc");
    }
}
