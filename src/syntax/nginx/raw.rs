//! Blocks whose inside is another language.
//!
//! OpenResty's `*_by_lua_block` directives hold Lua up to the brace that balances theirs. Braces in Lua's
//! strings and comments do not count.

/// The number of bytes of Lua up to (not including) the `}` that closes the block; all of them where none does.
pub fn lua(input: &[u8]) -> usize {
    let mut at = 0;
    let mut depth = 0_usize;
    while let Some(&byte) = input.get(at) {
        let rest = input.get(at..).unwrap_or_default();
        at += match byte {
            b'}' if depth == 0 => return at,
            b'}' => {
                depth -= 1;
                1
            }
            b'{' => {
                depth += 1;
                1
            }
            b'"' | b'\'' => string(rest, byte),
            b'-' if rest.starts_with(b"--") => comment(rest),
            b'[' => long_bracket(rest).unwrap_or(1),
            _ => 1,
        };
    }
    input.len()
}

/// A short string ends at its quote or, being broken, at the end of the line.
fn string(input: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(&byte) = input.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' => return at,
            _ if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    input.len()
}

fn comment(input: &[u8]) -> usize {
    let behind = input.get(2..).unwrap_or_default();
    let line = || memchr::memchr(b'\n', input).unwrap_or(input.len());
    long_bracket(behind).map_or_else(line, |length| length + 2)
}

/// `[[ … ]]`, `[=[ … ]=]`: a string or comment that ends at a bracket of the same level.
fn long_bracket(input: &[u8]) -> Option<usize> {
    let level = input.get(1..)?.iter().take_while(|byte| **byte == b'=').count();
    if input.first() != Some(&b'[') || input.get(1 + level) != Some(&b'[') {
        return None;
    }
    let mut close = vec![b']'];
    close.extend(std::iter::repeat_n(b'=', level));
    close.push(b']');
    let body = input.get(2 + level..)?;
    // Never closed, it reaches to the end of the file; going on behind it would search the rest again and again.
    Some(memchr::memmem::find(body, &close).map_or(input.len(), |end| 2 + level + end + close.len()))
}
