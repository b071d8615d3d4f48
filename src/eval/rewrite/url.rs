//! What mod_rewrite takes for an absolute URL, and how it escapes one. Pure functions of bytes.

use crate::eval::{condition, escape};
use crate::ir::policy::BackReferenceEscape;

/// Schemes that make a text an absolute URL, and whether they have a query (`is_absolute_uri`).
const SCHEMES: [(&[u8], bool); 18] = [
    (b"ajp://", true),
    (b"balancer://", true),
    (b"ftp://", false),
    (b"fcgi://", true),
    (b"gopher://", false),
    (b"http://", true),
    (b"https://", true),
    (b"h2://", true),
    (b"h2c://", true),
    (b"ldap://", false),
    (b"mailto:", true),
    (b"news:", false),
    (b"nntp://", false),
    (b"scgi://", true),
    (b"ws://", true),
    (b"wss://", true),
    (b"unix://", true),
    (b"unix:", true),
];

/// The length of the scheme with its marks, and whether a query makes sense with it; `None` for a path.
pub fn scheme(text: &[u8]) -> Option<(usize, bool)> {
    if text.len() <= 5 {
        return None;
    }
    let fits = |(name, _): &&(&[u8], bool)| text.get(..name.len()).is_some_and(|have| have.eq_ignore_ascii_case(name));
    SCHEMES.iter().find(fits).map(|(name, query)| (name.len(), *query))
}

/// Escapes a URL for leaving: scheme and host stay as they are (`escape_absolute_uri`).
pub fn escape_absolute(text: &[u8]) -> Vec<u8> {
    let Some((length, _)) = scheme(text) else { return escape::path(text) };
    let (head, tail) = text.split_at(length);
    if !head.ends_with(b"/") {
        return [head, &escape::path(tail)].concat();
    }
    let Some(slash) = memchr::memchr(b'/', tail) else { return text.to_vec() };
    let (host, path) = tail.split_at(slash + 1);
    if head.eq_ignore_ascii_case(b"ldap://") {
        let parts: Vec<Vec<u8>> = path.splitn(5, |&byte| byte == b'?').map(escape::path).collect();
        return [head, host, &parts.join(&b'?')].concat();
    }
    [head, host, &escape::path(path)].concat()
}

/// mod_rewrite's B.
pub fn escape_back_reference(options: &BackReferenceEscape, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        let wanted = match (&options.only, options.controls) {
            (only, true) => byte <= b' ' || byte == 0x7f || only.as_ref().is_some_and(|only| only.contains(&byte)),
            (Some(only), _) => only.contains(&byte),
            (None, _) => !(byte.is_ascii_alphanumeric() || byte == b'_'),
        };
        if !wanted || options.except.contains(&byte) {
            out.push(byte);
        } else if byte == b' ' && !options.no_plus {
            out.push(b'+');
        } else {
            out.extend(escape::lower_hex_where(&[byte], |_| true));
        }
    }
    out
}

/// RedirectMatch's parsing of its result as a URI, put together again without its query and fragment, escaped as a
/// whole, query and fragment put back raw. What is no URI is lost from where that shows (`apr_uri_parse`).
pub fn reparse(text: &[u8]) -> Vec<u8> {
    let cut = |text: &[u8], mark: u8| match memchr::memchr(mark, text).and_then(|at| text.split_at_checked(at)) {
        Some((head, tail)) => (head.to_vec(), tail.to_vec()),
        None => (text.to_vec(), Vec::new()),
    };
    let (before_fragment, fragment) = cut(text, b'#');
    let (head, query) = cut(&before_fragment, b'?');
    let (head, path) = authority(&head);
    let head = escape::path(&head);
    match path {
        Some(path) => [&*head, &escape::path(&path), &*query, &*fragment].concat(),
        None => head,
    }
}

/// Scheme and authority, the default port and an empty one dropped, a password made unreadable; and the path behind
/// them, which is lost with a port that is none.
fn authority(text: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let length = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    let scheme = text.get(..length).filter(|_| text.get(length) == Some(&b':')).unwrap_or_default();
    if scheme.first().is_some_and(|byte| !byte.is_ascii_alphabetic()) {
        return (Vec::new(), None);
    }
    let behind = text.get(if scheme.is_empty() { 0 } else { length + 1 }..).unwrap_or_default();
    let Some(rest) = behind.strip_prefix(b"//") else { return (Vec::new(), Some(text.to_vec())) };
    let start = text.get(..text.len() - rest.len()).unwrap_or_default();
    let (host, path) = rest.split_at(memchr::memchr(b'/', rest).unwrap_or(rest.len()));
    let (user, host) = match memchr::memrchr(b'@', host).and_then(|at| host.split_at_checked(at + 1)) {
        Some((user, host)) => (user, host),
        None => (&b""[..], host),
    };
    let user = match memchr::memchr(b':', user) {
        Some(at) => [user.get(..at).unwrap_or_default(), b":XXXXXXXX@"].concat(),
        None => user.to_vec(),
    };
    let name = if host.starts_with(b"[") { memchr::memchr(b']', host) } else { Some(0) };
    let Some(name) = name else { return (start.strip_suffix(b"//").unwrap_or(start).to_vec(), None) };
    let colon = memchr::memchr(b':', host.get(name..).unwrap_or_default()).map_or(host.len(), |at| name + at);
    let (name, port) = host.split_at(colon);
    let digits = port.get(1..).unwrap_or_default();
    // A port is counted in 16 bits.
    let number = condition::leading_integer(digits) & 0xffff;
    let plain = digits.trim_ascii_start();
    let plain = plain.strip_prefix(b"-").or_else(|| plain.strip_prefix(b"+")).unwrap_or(plain);
    let is_number = plain.iter().all(u8::is_ascii_digit);
    let port = if number == 0 || Some(number) == default_port(scheme) { b"" } else { port };
    ([start, &user, name, port].concat(), is_number.then(|| path.to_vec()))
}

/// The port that goes without saying (`apr_uri_port_of_scheme`).
fn default_port(scheme: &[u8]) -> Option<i64> {
    Some(match scheme.to_ascii_lowercase().as_slice() {
        b"http" => 80,
        b"https" => 443,
        b"ftp" => 21,
        b"ssh" => 22,
        b"telnet" => 23,
        b"gopher" => 70,
        b"pop" => 110,
        b"nntp" => 119,
        b"imap" => 143,
        b"prospero" => 191,
        b"wais" => 210,
        b"ldap" => 389,
        b"rtsp" => 554,
        b"snews" => 563,
        b"acap" => 674,
        b"nfs" => 2049,
        b"tip" => 3372,
        b"sip" => 5060,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_schemes_make_a_url() {
        assert_eq!(scheme(b"HTTP://x/"), Some((7, true)));
        assert_eq!(scheme(b"foo://x/"), None);
        assert_eq!(scheme(b"http:/x"), None);
    }

    #[test]
    fn everything_behind_the_first_slash_of_a_url_is_escaped() {
        assert_eq!(escape_absolute(b"http://x y/a b?"), b"http://x y/a%20b%3f");
        assert_eq!(escape_absolute(b"http://x?a b"), b"http://x?a b");
        assert_eq!(escape_absolute(b"mailto:a b"), b"mailto:a%20b");
    }

    #[test]
    fn a_uri_that_is_put_together_again_loses_its_default_port_and_its_password() {
        let again = |text: &str| String::from_utf8(reparse(text.as_bytes())).unwrap();
        assert_eq!(again("http://u:p@x.example:80/%20b?a b#c d"), "http://u:XXXXXXXX@x.example/%2520b?a b#c d");
        assert_eq!(again("ldap://[::1]:389/x"), "ldap://%5b::1%5d/x");
        assert_eq!(again("//x.example:80/a"), "//x.example:80/a");
    }

    #[test]
    fn a_uri_with_a_port_that_is_none_ends_there() {
        let again = |text: &str| String::from_utf8(reparse(text.as_bytes())).unwrap();
        assert_eq!(again("http://x.example:abc/y?q#f"), "http://x.example");
        assert_eq!(again("http://x.example:8080x/y"), "http://x.example:8080x");
        assert_eq!(again("http://x.example:99999/"), "http://x.example:99999/");
        assert_eq!(again("http://x.example: 080/"), "http://x.example/");
        assert_eq!(again("1://y/z?q"), "");
        assert_eq!(again("http://[::1"), "http:");
    }
}
