//! What mod_rewrite takes for a URL in a target, and how it escapes one.

use super::regex::is_clean;
use crate::ir::template::{Attribute, Part, Template};

/// Bytes as Apache escapes them in a path (lower-case hex).
pub fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if is_clean(byte) { out.push(byte) } else { out.extend_from_slice(format!("%{byte:02x}").as_bytes()) }
    }
    out
}

/// Whether a text is an absolute URL for mod_rewrite (`is_absolute_uri`).
pub fn is_absolute(text: &[u8]) -> bool {
    let schemes: [&[u8]; 16] = [
        b"ajp://",
        b"balancer://",
        b"ftp://",
        b"fcgi://",
        b"gopher://",
        b"http://",
        b"https://",
        b"h2://",
        b"h2c://",
        b"ldap://",
        b"mailto:",
        b"news:",
        b"nntp://",
        b"scgi://",
        b"ws://",
        b"wss://",
    ];
    let starts = |scheme: &&[u8]| text.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    text.len() > 5 && schemes.iter().any(starts)
}

/// `%{REQUEST_SCHEME}://…`
pub fn starts_with_scheme_variable(to: &Template) -> bool {
    matches!(to.parts.as_slice(), [Part::Attribute(Attribute::Scheme), Part::Literal(next), ..] if next.starts_with(b"://"))
        || matches!(to.parts.as_slice(), [Part::Literal(http), Part::Variable(_) | Part::Capture { .. } | Part::Attribute(_), Part::Literal(next), ..]
            if &**http == b"http" && next.starts_with(b"://"))
}

/// Whether the query of the target is the request's, unchanged: it is sent as it came.
pub fn query_is_copied(to: &Template) -> bool {
    match to.parts.as_slice() {
        [.., Part::Literal(before), Part::Attribute(Attribute::Query)] => {
            before.ends_with(b"?") && before.iter().filter(|byte| **byte == b'?').count() == 1
        }
        _ => false,
    }
}
