//! Targets whose unreserved bytes are decoded first, then dots and slashes resolved, then the rest decoded
//! (Apache `ap_normalize_path`, `ap_unescape_url`), behind strict checks of line and host.

use crate::eval::host::{self, Host};
use crate::eval::machine::Machine;
use crate::eval::{escape, own_url};
use crate::ir::scope::EncodedSlashes;

/// Checks the request line, chooses the site, normalises the path.
///
/// # Errors
/// The status of the refusal.
pub fn receive(machine: &mut Machine) -> Result<(), u16> {
    let request = machine.request;
    let target = &*request.target;
    check_line(machine)?;
    let (authority, rest) = split(machine, target)?;
    let mut hosts = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let (first, second) = (hosts.next().map(|(_, value)| &**value), hosts.next());
    let is_one_one =
        request.version.strip_prefix(b"1.").is_some_and(|minor| minor != b"0") || request.version.starts_with(b"2");
    match (authority, first) {
        (Some(authority), _) => from_target(machine, authority, first.is_some())?,
        (None, Some(text)) if !text.is_empty() || is_one_one => {
            let host = strict_host(text).ok_or(400u16)?;
            machine.host = Some(host.name);
            machine.host_port = host.port.or(machine.host_port.take());
        }
        _ => {}
    }
    if (first.is_none() && is_one_one) || second.is_some() {
        return Err(400);
    }
    machine.raw_target = rest.to_vec();
    let (path, query) = match memchr::memchr(b'?', rest).and_then(|at| rest.split_at_checked(at)) {
        Some((path, query)) => (path, query.get(1..)),
        None => (rest, None),
    };
    machine.query = query.map(<[u8]>::to_vec);
    machine.path = match path {
        b"" if &*request.method == b"OPTIONS" => b"*".to_vec(),
        b"" => b"/".to_vec(),
        path => path.to_vec(),
    };
    host::choose_site(machine)?;
    machine.encoded = true;
    Ok(())
}

/// Takes the host that stands in the target; it takes the header's place as well.
fn from_target(machine: &mut Machine, authority: &[u8], header: bool) -> Result<(), u16> {
    let bare = authority.strip_suffix(b":").unwrap_or(authority);
    let (name, port) = match bare.is_empty() {
        true => (Vec::new(), None),
        false => strict_host(bare).map(|host| (host.name, host.port)).ok_or(400u16)?,
    };
    if header {
        let colon: &[u8] = if port.is_some() || bare.len() < authority.len() { b":" } else { b"" };
        let text = [&*name, colon, port.as_deref().unwrap_or_default()].concat();
        machine.replace_header(b"Host", Some(text.into()));
    }
    (machine.host, machine.host_port) = (Some(name), port);
    Ok(())
}

fn check_line(machine: &Machine) -> Result<(), u16> {
    let request = machine.request;
    let is_token = |&byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if request.method.is_empty() || !request.method.iter().all(is_token) || request.target.is_empty() {
        return Err(400);
    }
    if request.target.iter().any(|&byte| byte <= b' ' || byte == 0x7f || byte == b'#') {
        return Err(400);
    }
    if request.target.len() + request.method.len() + request.version.len() + 7 > 8190 {
        return Err(414);
    }
    let version = &*request.version;
    match version {
        b"" => Err(400),
        b"0.9" if &*request.method == b"GET" => Ok(()),
        [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => match (major, minor) {
            (b'1', _) | (b'2', b'0') => Ok(()),
            (b'0', _) => Err(400),
            _ => Err(505),
        },
        _ => Err(400),
    }
}

/// Host and path of a target.
fn split<'r>(machine: &mut Machine, target: &'r [u8]) -> Result<(Option<&'r [u8]>, &'r [u8]), u16> {
    if &*machine.request.method == b"CONNECT" {
        let colon = memchr::memrchr(b':', target).ok_or(400u16)?;
        let is_port =
            target.get(colon + 1..).is_some_and(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit));
        let name = target.get(..colon).unwrap_or_default();
        // Without a proxy nobody takes it (`ap_process_request_internal`).
        return Err(if is_port && (name.is_empty() || strict_host(name).is_some()) { 405 } else { 400 });
    }
    let whole_server = target.split(|&byte| byte == b'?').next() == Some(b"*");
    if whole_server && &*machine.request.method != b"OPTIONS" {
        return Err(400);
    }
    if target.starts_with(b"/") || target.starts_with(b"?") || whole_server {
        return Ok((None, target));
    }
    let colon = memchr::memchr(b':', target).ok_or(400u16)?;
    let (scheme, rest) = (target.get(..colon).unwrap_or_default(), target.get(colon + 1..).unwrap_or_default());
    if ![&b"http"[..], b"https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(400);
    }
    let Some(rest) = rest.strip_prefix(b"//") else {
        return if rest.is_empty() || rest.starts_with(b"/") { Ok((None, rest)) } else { Err(400) };
    };
    let end = rest.iter().position(|byte| b"/?".contains(byte)).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains(&b'@') {
        return Err(400);
    }
    if scheme.eq_ignore_ascii_case(&own_url::scheme(machine)) {
        return Ok((Some(authority), path));
    }
    // The host of another scheme does not count, but its port does where the Host has none.
    let foreign = strict_host(authority).and_then(|host| host.port);
    machine.host_port = foreign;
    Ok((None, path))
}

/// Normalises the path, which still has its escapes unless the server made it itself.
///
/// # Errors
/// The status of the refusal.
pub fn normalise_again(machine: &mut Machine) -> Result<(), u16> {
    let settings = &machine.scope.settings;
    let merge = settings.merge_slashes.unwrap_or(true);
    let slashes = settings.encoded_slashes.unwrap_or(EncodedSlashes::Refuse);
    if !std::mem::take(&mut machine.encoded) || !machine.path.starts_with(b"/") {
        return Ok(());
    }
    // Slashes at the very beginning are one, whatever becomes of the others.
    let leading = machine.path.iter().take_while(|&&byte| byte == b'/').count();
    machine.path.drain(..leading.saturating_sub(1));
    machine.flags.path_quoted |= machine.path.contains(&b'%');
    let path = decode_unreserved(&machine.path).ok_or(400u16)?;
    let path = resolve(&path, merge).ok_or(400u16)?;
    let (path, refused) = decode(&path, slashes)?;
    if refused {
        // What follows a NUL is lost.
        machine.path = path.split(|&byte| byte == 0).next().unwrap_or_default().to_vec();
        return Err(404);
    }
    let path = if slashes == EncodedSlashes::Decode { resolve(&path, merge).ok_or(400u16)? } else { path };
    machine.path = path;
    Ok(())
}

fn escape_at(path: &[u8], at: usize) -> Option<u8> {
    let high = escape::hex(*path.get(at + 1)?)?;
    let low = escape::hex(*path.get(at + 2)?)?;
    Some(high * 16 + low)
}

/// Decodes escapes of letters, digits and `-._~`; `None` where an escape is none.
fn decode_unreserved(path: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(path.len());
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        if byte != b'%' {
            out.push(byte);
            at += 1;
            continue;
        }
        let value = escape_at(path, at)?;
        if value.is_ascii_alphanumeric() || b"-._~".contains(&value) {
            out.push(value);
        } else {
            out.extend_from_slice(path.get(at..at + 3)?);
        }
        at += 3;
    }
    Some(out)
}

/// Takes `//` (if wanted), `/./` and `/../` out; `None` where `..` leads above the root.
fn resolve(path: &[u8], merge: bool) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = vec![b'/'];
    let mut at = 1;
    while at < path.len() {
        if out.last() == Some(&b'/') {
            let rest = path.get(at..).unwrap_or_default();
            match rest {
                [b'/', ..] if merge => {
                    at += 1;
                    continue;
                }
                [b'.'] => return Some(out),
                [b'.', b'/', ..] => {
                    at += 2;
                    continue;
                }
                [b'.', b'.'] | [b'.', b'.', b'/', ..] => {
                    out.pop();
                    out.is_empty().then_some(()).map_or(Some(()), |()| None)?;
                    let parent = memchr::memrchr(b'/', &out)?;
                    out.truncate(parent + 1);
                    at += 3;
                    continue;
                }
                _ => {}
            }
        }
        out.push(*path.get(at)?);
        at += 1;
    }
    Some(out)
}

/// Decodes the escapes that are left, and says whether one of them is refused.
fn decode(path: &[u8], slashes: EncodedSlashes) -> Result<(Vec<u8>, bool), u16> {
    let mut out = Vec::with_capacity(path.len());
    let mut refused = false;
    let mut at = 0;
    while let Some(&byte) = path.get(at) {
        if byte != b'%' {
            out.push(byte);
            at += 1;
            continue;
        }
        match escape_at(path, at).ok_or(400u16)? {
            0 => {
                refused = true;
                out.push(0);
            }
            b'/' if slashes == EncodedSlashes::Keep => out.extend_from_slice(path.get(at..at + 3).unwrap_or_default()),
            b'/' => {
                refused |= slashes == EncodedSlashes::Refuse;
                out.push(b'/');
            }
            value => out.push(value),
        }
        at += 3;
    }
    Ok((out, refused))
}

/// Apache's `fix_hostname` with strict protocol options.
pub fn strict_host(text: &[u8]) -> Option<Host> {
    if let Some(rest) = text.strip_prefix(b"[") {
        let end = memchr::memchr(b']', rest)?;
        let (name, tail) = rest.split_at(end);
        std::str::from_utf8(name).ok()?.parse::<std::net::Ipv6Addr>().ok()?;
        let port = port(tail.get(1..)?)?;
        return Some(Host { name: [b"[", name, b"]"].concat().to_ascii_lowercase(), port });
    }
    let end = memchr::memchr(b':', text).unwrap_or(text.len());
    let (name, tail) = text.split_at(end);
    let port = port(tail)?;
    let allowed = |&byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if name.is_empty() || !name.iter().all(allowed) || name.windows(2).any(|two| two == b"..") {
        return None;
    }
    let name = name.strip_suffix(b".").unwrap_or(name);
    let last = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let dotted = name.contains(&b'.');
    let number = !dotted && name.iter().all(u8::is_ascii_digit);
    if name.is_empty() || number || (dotted && !last.first().is_some_and(u8::is_ascii_alphabetic) && !is_quad(name)) {
        return None;
    }
    Some(Host { name: name.to_ascii_lowercase(), port })
}

/// Four numbers without leading zeros, of any size (`strict_hostname_check`).
fn is_quad(name: &[u8]) -> bool {
    let is_number = |part: &[u8]| {
        !part.is_empty() && part.iter().all(u8::is_ascii_digit) && (part.len() == 1 || !part.starts_with(b"0"))
    };
    let parts: Vec<&[u8]> = name.split(|&byte| byte == b'.').collect();
    parts.len() == 4 && parts.into_iter().all(is_number)
}

/// `:port`, or nothing.
fn port(text: &[u8]) -> Option<Option<Vec<u8>>> {
    let Some(digits) = text.strip_prefix(b":") else { return text.is_empty().then_some(None) };
    let number: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    ((1..=65_535).contains(&number) && digits.iter().all(u8::is_ascii_digit)).then(|| Some(digits.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Result<String, u16> {
        let path = decode_unreserved(text.as_bytes()).ok_or(400u16)?;
        let path = resolve(&path, true).ok_or(400u16)?;
        let (path, refused) = decode(&path, EncodedSlashes::Refuse)?;
        if refused { Err(404) } else { Ok(String::from_utf8(path).unwrap()) }
    }

    #[test]
    fn dots_are_resolved_before_reserved_bytes_are_decoded() {
        assert_eq!(path("/a/.%2e//b/./c"), Ok("/b/c".to_owned()));
        assert_eq!(path("/a/.."), Ok("/".to_owned()));
        assert_eq!(path("/../a"), Err(400));
        assert_eq!(path("/a%3Fb%41"), Ok("/a?bA".to_owned()));
        assert_eq!(path("/a%2fb"), Err(404));
        assert_eq!(path("/a%zz"), Err(400));
    }

    #[test]
    fn a_host_has_a_name_that_ends_in_a_word_or_is_an_address() {
        assert!(strict_host(b"www.example.com:80").is_some());
        assert!(strict_host(b"1.2.3").is_none());
        assert!(strict_host(b"1.2.3.4").is_some() && strict_host(b"256.1.1.1").is_some());
        assert!(strict_host(b"1.2.3.04").is_none());
        assert!(strict_host(b"a_b").is_some());
        assert!(strict_host(b"h:0").is_none());
        assert!(strict_host(b"a b").is_none());
    }
}
