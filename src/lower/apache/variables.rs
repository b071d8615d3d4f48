//! The server variables of Apache: `%{NAME}` in rewrite rules and in expressions.

use super::context::Context;
use crate::ir::template::{Attribute, Part, TimePart};

/// The variable behind a name in rewrite text; names are case-insensitive up to a colon. Unknown names are empty.
pub fn rewrite(context: &mut Context, name: &[u8]) -> Option<Part> {
    if let Some(colon) = memchr::memchr(b':', name) {
        let (space, rest) = name.split_at(colon);
        let rest = rest.get(1..).unwrap_or_default();
        return match space.to_ascii_uppercase().as_slice() {
            b"ENV" => {
                if rest.windows(9).any(|part| part == b"SCRIPT_UR") {
                    // The one is made of the other, which outlives internal redirects.
                    context.variable(b"REDIRECT_SCRIPT_URL");
                }
                Some(Part::Variable(context.variable(rest)))
            }
            b"HTTP" => Some(Part::Attribute(Attribute::Header(rest.to_ascii_lowercase().into()))),
            b"SSL" if context.modules.is_loaded(b"ssl_module") => {
                Some(Part::Attribute(Attribute::Unknown(name.into())))
            }
            b"LA-U" | b"LA-F" => {
                let attribute = match rewrite(context, rest)? {
                    Part::Attribute(attribute) => attribute,
                    _ => Attribute::Unknown(rest.into()),
                };
                let url = space.eq_ignore_ascii_case(b"LA-U");
                Some(Part::Attribute(Attribute::SubRequest { url, attribute: Box::new(attribute) }))
            }
            _ => None,
        };
    }
    let upper = name.to_ascii_uppercase();
    let attribute = match upper.as_slice() {
        b"AUTH_TYPE" | b"REMOTE_IDENT" | b"CONTEXT_PREFIX" => Attribute::Fixed([].into()),
        b"TIME" => Attribute::Time(TimePart::Stamp),
        b"API_VERSION" => fixed("20120211:142"),
        b"SCRIPT_USER" | b"SCRIPT_GROUP" => Attribute::Unknown(upper.into()),
        other => common(context, other)?,
    };
    Some(Part::Attribute(attribute))
}

/// The variable behind a name in an expression; `None` where httpd knows none of that name.
pub fn expression(context: &Context, name: &[u8]) -> Option<Attribute> {
    let upper = name.to_ascii_uppercase();
    Some(match upper.as_slice() {
        b"REQUEST_STATUS" => Attribute::StatusSoFar,
        b"DOCUMENT_URI" => Attribute::Path,
        b"CONTENT_TYPE" | b"HANDLER" | b"LAST_MODIFIED" | b"REQUEST_LOG_ID" | b"CONN_LOG_ID" => {
            Attribute::Unknown(name.into())
        }
        b"SCRIPT_USER" => Attribute::Unknown(b"owner"[..].into()),
        b"SCRIPT_GROUP" => Attribute::Unknown(b"group"[..].into()),
        b"HTTP2" => fixed("off"),
        b"SERVER_ADDR" => return None,
        b"AUTH_TYPE" | b"REMOTE_IDENT" | b"CONTEXT_PREFIX" => Attribute::Fixed([].into()),
        b"TIME" => Attribute::Time(TimePart::Stamp),
        b"API_VERSION" => fixed("20120211"),
        other => common(context, other)?,
    })
}

fn fixed(text: &str) -> Attribute {
    Attribute::Fixed(text.as_bytes().into())
}

fn header(name: &str) -> Attribute {
    Attribute::Header(name.as_bytes().into())
}

fn common(context: &Context, upper: &[u8]) -> Option<Attribute> {
    Some(match upper {
        b"HTTP_HOST" => header("host"),
        b"HTTP_USER_AGENT" => header("user-agent"),
        b"HTTP_REFERER" => header("referer"),
        b"HTTP_COOKIE" => header("cookie"),
        b"HTTP_FORWARDED" => header("forwarded"),
        b"HTTP_ACCEPT" => header("accept"),
        b"HTTP_PROXY_CONNECTION" => header("proxy-connection"),
        b"SERVER_NAME" => Attribute::ServerName,
        b"SERVER_PORT" => Attribute::ServerPort,
        b"REQUEST_SCHEME" => Attribute::Scheme,
        b"HTTPS" => Attribute::Encrypted(b"on"[..].into(), b"off"[..].into()),
        b"REQUEST_URI" => Attribute::Path,
        b"REQUEST_FILENAME" | b"SCRIPT_FILENAME" => Attribute::Filename,
        b"PATH_INFO" => Attribute::PathInfo,
        b"QUERY_STRING" => Attribute::Query,
        b"THE_REQUEST" => Attribute::RequestLine,
        b"REQUEST_METHOD" => Attribute::Method,
        b"SERVER_PROTOCOL" => Attribute::Protocol,
        b"REMOTE_ADDR" | b"CONN_REMOTE_ADDR" | b"REMOTE_HOST" => Attribute::RemoteAddress,
        b"REMOTE_PORT" => Attribute::RemotePort,
        b"REMOTE_USER" => Attribute::RemoteUser,
        b"SERVER_ADDR" => Attribute::LocalAddress,
        b"SERVER_ADMIN" => Attribute::Fixed(context.admin.clone()),
        b"SERVER_SOFTWARE" => Attribute::Fixed(context.software()),
        b"DOCUMENT_ROOT" | b"CONTEXT_DOCUMENT_ROOT" => Attribute::DocumentRoot,
        b"IS_SUBREQ" => Attribute::IsSubRequest(b"true"[..].into(), b"false"[..].into()),
        b"IPV6" => fixed("off"),
        b"TIME_YEAR" => Attribute::Time(TimePart::Year),
        b"TIME_MON" => Attribute::Time(TimePart::Month),
        b"TIME_DAY" => Attribute::Time(TimePart::Day),
        b"TIME_HOUR" => Attribute::Time(TimePart::Hour),
        b"TIME_MIN" => Attribute::Time(TimePart::Minute),
        b"TIME_SEC" => Attribute::Time(TimePart::Second),
        b"TIME_WDAY" => Attribute::Time(TimePart::Weekday),
        _ => return None,
    })
}
