//! Physical lines to logical lines: a `\` directly before the line end joins the next line on.

use std::borrow::Cow;
use std::ops::Range;

/// One logical line, without its last line end.
#[derive(Debug)]
pub struct Line<'a> {
    /// What the server sees, continuation lines joined; blanks at both ends still there.
    pub text: Cow<'a, [u8]>,
    /// The bytes of the file it covers.
    pub source: Range<usize>,
    /// Where joined pieces begin: offset in `text`, offset in the file.
    breaks: Vec<(usize, usize)>,
}

impl Line<'_> {
    /// Whether a continuation line is part of it.
    pub fn is_joined(&self) -> bool {
        !self.breaks.is_empty()
    }

    /// Where a byte of `text` stands in the file.
    fn place(&self, at: usize) -> usize {
        let later = self.breaks.partition_point(|&(joined, _)| joined <= at);
        match later.checked_sub(1).and_then(|last| self.breaks.get(last)) {
            Some(&(joined, source)) => source + (at - joined),
            None => self.source.start + at,
        }
    }

    /// The bytes of the file behind a range of `text`.
    pub fn range(&self, range: Range<usize>) -> Range<usize> {
        let start = self.place(range.start);
        match range.end.checked_sub(1) {
            Some(last) if range.start < range.end => start..self.place(last) + 1,
            _ => start..start,
        }
    }
}

/// Reads the logical line at `at`; yields it and where the next one starts. `None` at the end of the file.
pub fn logical_line(source: &[u8], at: usize) -> Option<(Line<'_>, usize)> {
    let (first, mut next) = physical(source, at)?;
    let Some(piece) = continued(source, &first, next) else {
        let text = Cow::Borrowed(source.get(first.clone()).unwrap_or_default());
        return Some((Line { text, source: first, breaks: Vec::new() }, next));
    };
    let mut text = source.get(piece).unwrap_or_default().to_vec();
    let (start, mut end) = (first.start, first.end);
    let mut breaks = Vec::new();
    while let Some((range, after)) = physical(source, next) {
        let more = continued(source, &range, after);
        breaks.push((text.len(), range.start));
        text.extend_from_slice(source.get(more.clone().unwrap_or_else(|| range.clone())).unwrap_or_default());
        (end, next) = (range.end, after);
        if more.is_none() {
            break;
        }
    }
    // A continuation at the very end of the file has nothing to join, but the backslash is gone all the same.
    if breaks.is_empty() {
        breaks.push((text.len(), end));
    }
    Some((Line { text: Cow::Owned(text), source: start..end, breaks }, next))
}

/// The bytes of a physical line without CR and LF, and the start of the next.
fn physical(source: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let tail = source.get(at..).filter(|tail| !tail.is_empty())?;
    Some(match memchr::memchr(b'\n', tail) {
        None => (at..source.len(), source.len()),
        Some(length) => {
            let carriage = tail.get(..length).is_some_and(|line| line.ends_with(b"\r"));
            (at..at + length - usize::from(carriage), at + length + 1)
        }
    })
}

/// The line without its backslash, if it goes on. A backslash that no line feed follows is an ordinary byte.
fn continued(source: &[u8], line: &Range<usize>, next: usize) -> Option<Range<usize>> {
    let fed = source.get(next.checked_sub(1)?) == Some(&b'\n');
    let backslash = source.get(line.clone()).is_some_and(|line| line.ends_with(b"\\"));
    (fed && backslash).then(|| line.start..line.end - 1)
}

/// Every logical line of a file with its length in bytes as the server counts it.
pub fn logical_lines(source: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (line, next) = logical_line(source, at)?;
        at = next;
        Some(line)
    })
}
