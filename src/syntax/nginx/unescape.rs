//! What a word says once its escapes are taken off.

/// Unescapes a word, quoted or not: `\"`, `\'`, `\\` lose their backslash, `\t`, `\r`, `\n` become the control
/// byte, every other backslash stays. `None` where that changes nothing.
pub fn unescape(word: &[u8]) -> Option<Box<[u8]>> {
    memchr::memchr(b'\\', word)?;
    let mut out = Vec::with_capacity(word.len());
    let mut bytes = word.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, bytes.as_slice().first().copied().and_then(escaped)) {
            (b'\\', Some(meant)) => {
                out.push(meant);
                bytes.next();
            }
            _ => out.push(byte),
        }
    }
    (out.len() != word.len()).then(|| out.into())
}

/// What a backslash and this byte stand for, where that is not both of them.
fn escaped(byte: u8) -> Option<u8> {
    match byte {
        b'"' | b'\'' | b'\\' => Some(byte),
        b't' => Some(b'\t'),
        b'r' => Some(b'\r'),
        b'n' => Some(b'\n'),
        _ => None,
    }
}
