//! Files as bytes, and places in them.
//!
//! Everything downstream names text by [`Span`] (a file and a byte range), never by copying it. This module
//! knows nothing of any language: it turns byte offsets into lines and columns and keeps the files alive.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A file in a [`Sources`] store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A half-open byte range in one file. Offsets count bytes from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file the range lies in.
    pub file: FileId,
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: clamp(start), end: clamp(end) }
    }

    /// The range as `usize`s, ready to index the file's bytes.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Number of bytes covered.
    pub fn len(self) -> usize {
        self.range().len()
    }

    /// Whether the range covers no byte.
    pub fn is_empty(self) -> bool {
        self.start >= self.end
    }

    /// The smallest range that covers both; `self` where the two lie in different files.
    pub fn to(self, other: Span) -> Span {
        if self.file != other.file {
            return self;
        }
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A place as people count it: both numbers start at 1, the column counts characters (a byte that is not
/// part of valid UTF-8 counts as one character).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One file: its path as the user should see it, and its bytes exactly as read.
#[derive(Debug)]
pub struct SourceFile {
    path: PathBuf,
    bytes: Box<[u8]>,
    line_starts: OnceLock<Vec<u32>>,
}

impl SourceFile {
    /// The path as given or discovered; `-` for standard input.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The content, byte for byte.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let after_newline = memchr::memchr_iter(b'\n', &self.bytes).map(|at| at as u32 + 1);
            std::iter::once(0).chain(after_newline).collect()
        })
    }

    /// Line and column of a byte offset; an offset behind the end counts as the end.
    pub fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.bytes.len());
        let starts = self.line_starts();
        let line = starts.partition_point(|&start| start as usize <= offset);
        let start = starts.get(line.saturating_sub(1)).map_or(0, |&s| s as usize);
        let before = self.bytes.get(start..offset).unwrap_or_default();
        Position { line, column: 1 + characters(before) }
    }

    /// The byte range of a line (counted from 1) without its line feed, or `None` behind the last line.
    pub fn line(&self, line: usize) -> Option<std::ops::Range<usize>> {
        let starts = self.line_starts();
        let start = *starts.get(line.checked_sub(1)?)? as usize;
        let end = starts.get(line).map_or(self.bytes.len(), |&next| next as usize - 1);
        Some(start..end)
    }
}

fn characters(bytes: &[u8]) -> usize {
    bytes.utf8_chunks().map(|chunk| chunk.valid().chars().count() + chunk.invalid().len()).sum()
}

/// All files of one run.
#[derive(Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file and returns its handle.
    pub fn add(&mut self, path: impl Into<PathBuf>, bytes: impl Into<Box<[u8]>>) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile { path: path.into(), bytes: bytes.into(), line_starts: OnceLock::new() });
        id
    }

    /// The file behind a handle.
    ///
    /// # Panics
    /// Only for a handle of another store, which is a programming error.
    #[allow(clippy::indexing_slicing)]
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// The bytes a span covers; empty where it reaches out of its file.
    pub fn text(&self, span: Span) -> &[u8] {
        self.file(span.file).bytes().get(span.range()).unwrap_or_default()
    }

    /// Line and column of the span's first byte.
    pub fn position(&self, span: Span) -> Position {
        self.file(span.file).position(span.start as usize)
    }

    /// Gives every file the path that `how` makes of its own: the way to the file becomes the name a person sees.
    pub fn rename(&mut self, how: impl Fn(&Path) -> PathBuf) {
        for file in &mut self.files {
            file.path = how(&file.path);
        }
    }

    /// Every file with its handle, in the order they were added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter().enumerate().map(|(at, file)| (FileId(at as u32), file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_stray_bytes_count_one_each() {
        let mut sources = Sources::new();
        let id = sources.add("x", "a\né\u{fc}x".as_bytes().to_vec());
        assert_eq!(sources.file(id).position(2), Position { line: 2, column: 1 });
        assert_eq!(sources.file(id).position(6), Position { line: 2, column: 3 });
        let latin = sources.add("y", b"\xe9\xe8z".to_vec());
        assert_eq!(sources.file(latin).position(2), Position { line: 1, column: 3 });
    }

    #[test]
    fn a_line_ends_before_its_line_feed_and_at_the_end_of_the_file() {
        let mut sources = Sources::new();
        let id = sources.add("x", b"one\ntwo".to_vec());
        assert_eq!(sources.file(id).line(1), Some(0..3));
        assert_eq!(sources.file(id).line(2), Some(4..7));
        assert_eq!(sources.file(id).line(3), None);
    }
}
