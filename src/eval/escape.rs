//! Which bytes are written as `%XX`, and how escapes are taken away again. Pure functions of bytes.

use super::machine::Machine;
use crate::ir::policy::Escape;

/// Applies an encoding to some bytes.
pub fn apply(machine: &Machine, escape: &Escape, bytes: &[u8]) -> Vec<u8> {
    match escape {
        Escape::Raw => bytes.to_vec(),
        Escape::Uri => uri(bytes),
        Escape::Args => args(bytes),
        Escape::ArgsIfPathQuoted { until_rewrite } => {
            let quoted = machine.flags.path_quoted || machine.flags.plus_in_path;
            if quoted && !(*until_rewrite && machine.list.rewritten) { args(bytes) } else { bytes.to_vec() }
        }
        Escape::UnescapeRedirect => unescape_redirect(bytes),
        Escape::Path => path(bytes),
        Escape::AbsoluteUrl => absolute_url(bytes),
        Escape::BackReference(options) => super::rewrite::escape_back_reference(options, bytes),
    }
}

const UPPER: &[u8; 16] = b"0123456789ABCDEF";
const LOWER: &[u8; 16] = b"0123456789abcdef";

fn percent(out: &mut Vec<u8>, byte: u8, digits: &[u8; 16]) {
    let digit = |nibble: u8| digits.get(usize::from(nibble)).copied().unwrap_or(b'0');
    out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
}

fn escape_where(bytes: &[u8], digits: &[u8; 16], wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 8);
    for &byte in bytes {
        if wanted(byte) { percent(&mut out, byte, digits) } else { out.push(byte) }
    }
    out
}

fn in_uri_set(byte: u8) -> bool {
    matches!(byte, 0..=0x20 | b'"' | b'#' | b'%' | b'<' | b'>' | b'?' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x7f..)
}

/// nginx's escaping of a path (`NGX_ESCAPE_URI`).
pub fn uri(bytes: &[u8]) -> Vec<u8> {
    escape_where(bytes, UPPER, in_uri_set)
}

/// nginx's escaping of arguments (`NGX_ESCAPE_ARGS`).
pub fn args(bytes: &[u8]) -> Vec<u8> {
    escape_where(bytes, UPPER, |byte| in_uri_set(byte) || matches!(byte, b'&' | b'+' | b';'))
}

/// Whether Apache writes a byte of a path as it is.
pub fn kept_in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"$-_.+!*'(),:;@&=/~".contains(&byte)
}

/// Apache's escaping of a path, lower-case hex.
pub fn path(bytes: &[u8]) -> Vec<u8> {
    escape_where(bytes, LOWER, |byte| !kept_in_path(byte))
}

/// Escapes every byte that is asked for, lower-case hex.
pub fn lower_hex_where(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> Vec<u8> {
    escape_where(bytes, LOWER, wanted)
}

/// Apache's escaping of an absolute URL: everything up to and including the first slash after the host is left.
pub fn absolute_url(bytes: &[u8]) -> Vec<u8> {
    let Some(colon) = memchr::memchr(b':', bytes) else { return path(bytes) };
    let behind = bytes.get(colon + 1..).unwrap_or_default();
    let host = if behind.starts_with(b"//") { colon + 3 } else { colon + 1 };
    let keep = match behind.starts_with(b"//") {
        false => host,
        true => match memchr::memchr(b'/', bytes.get(host..).unwrap_or_default()) {
            Some(slash) => host + slash + 1,
            None => bytes.len(),
        },
    };
    let (head, tail) = bytes.split_at(keep.min(bytes.len()));
    [head, &path(tail)].concat()
}

/// The value of a hex digit.
pub fn hex(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|digit| digit as u8)
}

/// nginx's `ngx_unescape_uri` with `NGX_UNESCAPE_REDIRECT`: escapes of visible bytes from `&` on are taken away up
/// to the first question mark; broken escapes lose their `%` or vanish.
pub fn unescape_redirect(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        match (byte, tail) {
            (b'?', _) => {
                out.extend_from_slice(rest);
                return out;
            }
            (b'%', []) => return out,
            (b'%', [first, tail @ ..]) => {
                rest = tail;
                let Some(high) = hex(*first) else {
                    out.push(*first);
                    continue;
                };
                let [second, tail @ ..] = tail else { return out };
                rest = tail;
                let Some(low) = hex(*second) else { continue };
                let value = high << 4 | low;
                if value == b'?' {
                    out.push(b'?');
                    out.extend_from_slice(rest);
                    return out;
                }
                if (0x26..=0x7e).contains(&value) { out.push(value) } else { out.extend([b'%', *first, *second]) }
            }
            _ => {
                out.push(*byte);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_unescaped_as_far_as_the_first_question_mark() {
        assert_eq!(unescape_redirect(b"/a%2Fb%41%3F%42?x=1"), b"/a/bA?%42?x=1");
        assert_eq!(unescape_redirect(b"/100%"), b"/100");
        assert_eq!(unescape_redirect(b"/a%zb"), b"/azb");
        assert_eq!(unescape_redirect(b"/a%2zb"), b"/ab");
        assert_eq!(unescape_redirect(b"/%0D%25%23%22%7E"), b"/%0D%25%23%22~");
    }

    #[test]
    fn an_absolute_url_keeps_its_host() {
        assert_eq!(absolute_url(b"http://a[b/c d"), b"http://a[b/c%20d");
        assert_eq!(absolute_url(b"http://a b"), b"http://a b");
        assert_eq!(absolute_url(b"mailto:a b"), b"mailto:a%20b");
    }
}
