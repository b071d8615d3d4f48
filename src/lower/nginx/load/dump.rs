//! The output of `nginx -T`: every file of a running configuration behind a line that names it.

use std::path::{Path, PathBuf};

const HEADER: &[u8] = b"# configuration file ";

/// The files in a dump, in its order; none where the text is not a dump.
pub fn split(source: &[u8]) -> Vec<(PathBuf, &[u8])> {
    let starts: Vec<usize> = memchr::memmem::find_iter(source, HEADER)
        .filter(|&at| at == 0 || source.get(at - 1) == Some(&b'\n'))
        .filter(|&at| header(source.get(at..).unwrap_or_default()).is_some())
        .collect();
    let end_of = |at: usize| starts.get(at + 1).copied().unwrap_or(source.len());
    let file = |(at, &start): (usize, &usize)| {
        let part = source.get(start..end_of(at))?;
        let (path, length) = header(part)?;
        Some((path, part.get(length..)?))
    };
    starts.iter().enumerate().filter_map(file).collect()
}

/// The path in a header line, and the line's length with its line feed.
fn header(part: &[u8]) -> Option<(PathBuf, usize)> {
    let end = memchr::memchr(b'\n', part)?;
    let line = part.get(..end)?.strip_prefix(HEADER)?;
    let path = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b":")?;
    let path = Path::new(std::str::from_utf8(path).ok()?);
    path.is_absolute().then(|| (path.to_owned(), end + 1))
}
