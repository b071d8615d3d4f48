//! Targets whose escapes, dots and slashes are resolved in one pass (`ngx_http_parse_request_line`,
//! `ngx_http_parse_complex_uri`).

use super::Split;
use crate::eval::machine::{Machine, scope_of};
use crate::eval::{escape, host};
use crate::ir::policy::TargetChecks;

/// The longest request line and header line, with their line ends, in bytes (`large_client_header_buffers`).
const LINE: usize = 8192;

/// Checks the request line and headers, chooses the site, normalises the path.
///
/// # Errors
/// The status of the refusal.
pub fn receive(machine: &mut Machine) -> Result<(), u16> {
    let request = machine.request;
    check_line(machine)?;
    let split = split(&request.target).ok_or(400u16)?;
    machine.raw_target = split.raw;
    machine.query = split.query;
    let merge = scope_of(machine.program, machine.site.scope).settings.merge_slashes.unwrap_or(true);
    let normal = normalise(&split.path, merge).ok_or(400u16)?;
    machine.path = normal.path;
    machine.flags.path_quoted = normal.quoted;
    machine.flags.plus_in_path = normal.plus;
    let mut chosen = None;
    if let Some(authority) = &split.authority {
        chosen = Some(host::normalise(machine.program.host, authority).ok_or(400u16)?);
    }
    check_headers(machine)?;
    let mut hosts =
        request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"host")).map(|(_, value)| &**value);
    let (first, second) = (hosts.next(), hosts.next());
    drop(hosts);
    if let Some(header) = first {
        let header = host::normalise(machine.program.host, header).ok_or(400u16)?;
        chosen = chosen.or(Some(header));
    }
    if let Some(host) = chosen {
        machine.host = Some(host.name);
        machine.host_port = host.port;
    }
    host::choose_site(machine)?;
    if second.is_some() || repeats(machine) || (first.is_none() && is_one_one(&request.version)) {
        return Err(400);
    }
    match &*request.method {
        b"TRACE" | b"CONNECT" => Err(405),
        _ if wants_encryption(machine) => Err(497),
        _ => Ok(()),
    }
}

/// Headers that may stand only once.
const ONCE: [&[u8]; 10] = [
    b"content-length",
    b"authorization",
    b"if-modified-since",
    b"if-unmodified-since",
    b"if-match",
    b"if-none-match",
    b"content-range",
    b"if-range",
    b"transfer-encoding",
    b"expect",
];

fn repeats(machine: &Machine) -> bool {
    ONCE.iter().any(|name| machine.header_lines(name).nth(1).is_some())
}

fn wants_encryption(machine: &Machine) -> bool {
    machine.listener.is_some_and(|listener| listener.encrypted) && !machine.request.encrypted
}

fn is_one_one(version: &[u8]) -> bool {
    version.strip_prefix(b"1.").is_some_and(|minor| minor.iter().any(|&digit| digit != b'0'))
}

fn check_line(machine: &Machine) -> Result<(), u16> {
    let request = machine.request;
    let version = if request.version.is_empty() { 0 } else { request.version.len() + " HTTP/".len() };
    if request.method.len() + 1 + request.target.len() + version + 2 > LINE {
        return Err(414);
    }
    let method = |byte: &u8| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-');
    if request.method.is_empty() || !request.method.iter().all(method) {
        return Err(400);
    }
    if request.target.iter().any(|&byte| byte <= b' ' || byte == 0x7f) {
        return Err(400);
    }
    let authority_form = machine.program.target.checks == TargetChecks::LenientAuthority;
    if authority_form && &*request.method == b"CONNECT" && request.target.starts_with(b"/") {
        return Err(400);
    }
    check_version(&request.version)
}

fn check_version(version: &[u8]) -> Result<(), u16> {
    let mut parts = version.split(|&byte| byte == b'.');
    match (version, parts.next(), parts.next(), parts.next()) {
        (b"", ..) | (b"2", _, None, None) => Ok(()),
        (_, Some([b'1'..=b'9', rest @ ..]), minor, None) if rest.iter().all(u8::is_ascii_digit) => {
            if version.first() != Some(&b'1') || !rest.is_empty() {
                return Err(505);
            }
            if minor.is_some_and(is_minor) { Ok(()) } else { Err(400) }
        }
        _ => Err(400),
    }
}

/// Digits, none of which follows a number above 99 (`ngx_http_parse_request_line`).
fn is_minor(digits: &[u8]) -> bool {
    let mut number = 0u32;
    let fits = |digit: &u8| {
        let fits = digit.is_ascii_digit() && number <= 99;
        number = number * 10 + u32::from(digit.wrapping_sub(b'0'));
        fits
    };
    !digits.is_empty() && digits.iter().all(fits)
}

fn check_headers(machine: &Machine) -> Result<(), u16> {
    let long = |(name, value): &(crate::ir::Bytes, crate::ir::Bytes)| name.len() + 2 + value.len() + 2 > LINE;
    if machine.request.headers.iter().any(long) { Err(494) } else { Ok(()) }
}

/// Splits a target into its parts; `None` where nginx answers 400.
fn split(target: &[u8]) -> Option<Split> {
    if target.starts_with(b"/") {
        return Some(parts(target, target, None));
    }
    let name = target.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    let behind = target.get(name..)?.strip_prefix(b"://")?;
    if !target.first()?.is_ascii_alphabetic() {
        return None;
    }
    let host = match behind.first() {
        Some(b'[') => memchr::memchr(b']', behind)? + 1,
        _ => behind.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte)).count(),
    };
    let rest = behind.get(host..)?;
    let port = match rest.strip_prefix(b":") {
        Some(port) => 1 + port.iter().take_while(|byte| byte.is_ascii_digit()).count(),
        None => 0,
    };
    let authority = behind.get(..host + port)?.to_vec();
    match rest.get(port..)? {
        [] => Some(Split { authority: Some(authority), ..parts(b"/", b"/", None) }),
        rest @ [b'/', ..] => Some(parts(rest, rest, Some(authority))),
        rest @ [b'?', ..] => Some(parts(rest, &[b"/", rest].concat(), Some(authority))),
        _ => None,
    }
}

fn parts(raw: &[u8], target: &[u8], authority: Option<Vec<u8>>) -> Split {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    let (path, rest) = target.split_at(end);
    let query = rest.strip_prefix(b"?").map(|query| {
        let end = memchr::memchr(b'#', query).unwrap_or(query.len());
        query.get(..end).unwrap_or_default().to_vec()
    });
    Split { raw: raw.to_vec(), path: path.to_vec(), query, authority }
}

/// A normalised path and what was seen on the way.
#[derive(Debug, PartialEq, Eq)]
pub struct Normal {
    /// Decoded, dots and slashes resolved.
    pub path: Vec<u8>,
    /// It held a `%`.
    pub quoted: bool,
    /// It held a `+`, possibly escaped.
    pub plus: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Usual,
    Slash,
    Dot,
    DotDot,
}

/// Decodes and resolves a path in one pass; `None` is refused with 400.
pub fn normalise(path: &[u8], merge_slashes: bool) -> Option<Normal> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let (mut quoted, mut plus) = (false, false);
    let mut state = State::Usual;
    let mut at = 0;
    while let Some(&raw) = path.get(at) {
        at += 1;
        let mut byte = raw;
        if raw == b'%' {
            quoted = true;
            byte = escape::hex(*path.get(at)?)? << 4 | escape::hex(*path.get(at + 1)?)?;
            at += 2;
            match byte {
                0 => return None,
                // These three lose their meaning.
                b'%' | b'#' | b'?' => {
                    out.push(byte);
                    state = State::Usual;
                    continue;
                }
                _ => {}
            }
        }
        plus |= byte == b'+';
        state = match (state, byte) {
            (State::Usual, b'/') => push(&mut out, byte, State::Slash),
            (State::Slash, b'/') => {
                if !merge_slashes {
                    out.push(byte);
                }
                State::Slash
            }
            (State::Slash, b'.') => push(&mut out, byte, State::Dot),
            (State::Dot, b'/') => {
                out.pop();
                State::Slash
            }
            (State::Dot, b'.') => push(&mut out, byte, State::DotDot),
            (State::DotDot, b'/') => {
                pop_segment(&mut out)?;
                State::Slash
            }
            _ => push(&mut out, byte, State::Usual),
        };
    }
    match state {
        State::Dot => drop(out.pop()),
        State::DotDot => pop_segment(&mut out)?,
        _ => {}
    }
    Some(Normal { path: out, quoted, plus })
}

fn push(out: &mut Vec<u8>, byte: u8, state: State) -> State {
    out.push(byte);
    state
}

/// Takes `x/..` off the end, leaving the slash before `x`; `None` above the root.
fn pop_segment(out: &mut Vec<u8>) -> Option<()> {
    let before = out.len().checked_sub(4)?;
    let slash = memchr::memrchr(b'/', out.get(..=before)?)?;
    out.truncate(slash + 1);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str, merge: bool) -> Option<String> {
        Some(String::from_utf8(normalise(text.as_bytes(), merge)?.path).unwrap())
    }

    #[test]
    fn dots_slashes_and_escapes_are_resolved_together() {
        assert_eq!(path("/a//b/./c/../d", true).unwrap(), "/a/b/d");
        assert_eq!(path("/a/%2e%2e/b", true).unwrap(), "/b");
        assert_eq!(path("/a%2F%2Fb", true).unwrap(), "/a/b");
        assert_eq!(path("/a/..", true).unwrap(), "/");
        assert_eq!(path("/a/.", true).unwrap(), "/a/");
        assert_eq!(path("//a/..//b", false).unwrap(), "///b");
        assert_eq!(path("/..", true), None);
        assert_eq!(path("/%00", true), None);
        assert_eq!(path("/%2", true), None);
        assert_eq!(path("/%3F%23%25", true).unwrap(), "/?#%");
    }

    #[test]
    fn an_absolute_target_gives_its_host_and_its_own_raw_form() {
        let split = split(b"http://h:80?x#y").unwrap();
        assert_eq!((split.raw.as_slice(), split.path.as_slice()), (&b"?x#y"[..], &b"/"[..]));
        assert_eq!((split.query.as_deref(), split.authority.as_deref()), (Some(&b"x"[..]), Some(&b"h:80"[..])));
    }
}
