//! A fix as the lines it changes: before and after, without what stays.

use crate::diagnostic::{Edit, Fix};
use crate::source::{FileId, Sources};
use std::ops::Range;

/// Lines that change together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The file.
    pub file: FileId,
    /// The first line, from 1.
    pub line: usize,
    /// The lines as they are; empty where lines are only put in.
    pub old: Vec<Vec<u8>>,
    /// The lines as they will be; empty where lines only go.
    pub new: Vec<Vec<u8>>,
}

/// What a fix changes, in the order of the text. Edits that touch one line are one change.
pub fn changes(sources: &Sources, fix: &Fix) -> Vec<Change> {
    let mut edits: Vec<&Edit> = fix.edits.iter().collect();
    edits.sort_by_key(|edit| edit.span);
    let mut groups: Vec<(FileId, Range<usize>, Vec<&Edit>)> = Vec::new();
    for edit in edits {
        let range = whole_lines(sources, edit);
        match groups.last_mut() {
            Some((file, last, group)) if *file == edit.span.file && range.start < last.end => {
                last.end = last.end.max(range.end);
                group.push(edit);
            }
            _ => groups.push((edit.span.file, range, vec![edit])),
        }
    }
    groups.into_iter().map(|(file, range, edits)| change(sources, file, range, &edits)).collect()
}

/// The lines that an edit touches, line feeds included.
fn whole_lines(sources: &Sources, edit: &Edit) -> Range<usize> {
    let bytes = sources.file(edit.span.file).bytes();
    let range = edit.span.range();
    let before = bytes.get(..range.start).unwrap_or_default();
    let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
    let closed = !range.is_empty() && bytes.get(range.end.saturating_sub(1)) == Some(&b'\n');
    let behind = bytes.get(range.end..).unwrap_or_default();
    let rest = memchr::memchr(b'\n', behind).map_or(behind.len(), |at| at + 1);
    start..if closed { range.end } else { range.end + rest }
}

fn change(sources: &Sources, file: FileId, range: Range<usize>, edits: &[&Edit]) -> Change {
    let bytes = sources.file(file).bytes();
    let mut text = Vec::new();
    let mut at = range.start;
    for edit in edits {
        text.extend_from_slice(bytes.get(at..edit.span.range().start).unwrap_or_default());
        text.extend_from_slice(&edit.text);
        at = edit.span.range().end;
    }
    text.extend_from_slice(bytes.get(at..range.end).unwrap_or_default());
    let (mut old, mut new) = (lines(bytes.get(range.clone()).unwrap_or_default()), lines(&text));
    let same = old.iter().zip(&new).take_while(|(one, other)| one == other).count();
    old.drain(..same);
    new.drain(..same);
    let ends = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    old.truncate(old.len() - ends);
    new.truncate(new.len() - ends);
    Change { file, line: sources.file(file).position(range.start).line + same, old, new }
}

fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Applicability;
    use crate::source::Span;

    fn shown(text: &str, edits: &[(usize, usize, &str)]) -> Vec<(usize, Vec<String>, Vec<String>)> {
        let mut sources = Sources::new();
        let file = sources.add("x", text.as_bytes().to_vec());
        let edits = edits
            .iter()
            .map(|(start, end, text)| Edit { span: Span::new(file, *start, *end), text: text.as_bytes().to_vec() });
        let fix = Fix { applicability: Applicability::Safe, message: String::new(), edits: edits.collect() };
        let text = |lines: Vec<Vec<u8>>| lines.into_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        changes(&sources, &fix).into_iter().map(|one| (one.line, text(one.old), text(one.new))).collect()
    }

    #[test]
    fn edits_of_one_line_are_one_change_and_show_the_whole_line() {
        let seen = shown("a\nRedirect /x /y\nb\n", &[(10, 10, " 301"), (14, 16, "/z")]);
        assert_eq!(seen, [(2, vec!["Redirect /x /y".to_owned()], vec!["Redirect 301 /x /z".to_owned()])]);
    }

    #[test]
    fn a_line_that_moves_goes_at_one_place_and_comes_at_another() {
        let seen = shown("one\ntwo\nthree\n", &[(8, 14, ""), (0, 0, "three\n")]);
        let three = || vec!["three".to_owned()];
        assert_eq!(seen, [(1, vec![], three()), (3, three(), vec![])]);
    }

    #[test]
    fn an_edit_at_the_very_end_shows_its_line() {
        assert_eq!(shown("a b", &[(3, 3, " c")]), [(1, vec!["a b".to_owned()], vec!["a b c".to_owned()])]);
    }
}
