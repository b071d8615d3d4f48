//! What mod_rewrite takes for an absolute URL, and how it escapes one. Pure functions of bytes.

use crate::eval::escape;
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
/// whole, query and fragment put back raw.
pub fn reparse(text: &[u8]) -> Option<Vec<u8>> {
    let cut = |text: &[u8], mark: u8| match memchr::memchr(mark, text).and_then(|at| text.split_at_checked(at)) {
        Some((head, tail)) => (head.to_vec(), tail.to_vec()),
        None => (text.to_vec(), Vec::new()),
    };
    let (before_fragment, fragment) = cut(text, b'#');
    let (head, query) = cut(&before_fragment, b'?');
    let head = escape::path(&authority(&head));
    Some([&*head, &*query, &*fragment].concat())
}

/// The default port and an empty one dropped, a password made unreadable.
fn authority(text: &[u8]) -> Vec<u8> {
    let Some(colon) = text.windows(3).position(|three| three == b"://") else { return text.to_vec() };
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let (scheme, rest) = text.split_at(colon);
    if scheme.is_empty() || !scheme.iter().all(is_scheme) {
        return text.to_vec();
    }
    let rest = rest.get(3..).unwrap_or_default();
    let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let (user, host) = match memchr::memrchr(b'@', host).and_then(|at| host.split_at_checked(at + 1)) {
        Some((user, host)) => (user, host),
        None => (&b""[..], host),
    };
    let user = match memchr::memchr(b':', user) {
        Some(at) => [user.get(..at).unwrap_or_default(), b":XXXXXXXX@"].concat(),
        None => user.to_vec(),
    };
    let default: &[u8] = match scheme.to_ascii_lowercase().as_slice() {
        b"http" => b":80",
        b"https" => b":443",
        b"ftp" => b":21",
        _ => b":",
    };
    let host = host.strip_suffix(default).or_else(|| host.strip_suffix(b":")).unwrap_or(host);
    [scheme, b"://", &user, host, path].concat()
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
        let again = reparse(b"http://u:p@x.example:80/%20b?a b#c d").unwrap();
        assert_eq!(again, b"http://u:XXXXXXXX@x.example/%2520b?a b#c d");
    }
}
