//! What the request says, in nginx's variables.

use super::maps::Maps;
use super::plan::{Key, Table};
use super::text::Text;
use crate::emit::{Assumption, Refusal};
use crate::ir::template::Attribute;

/// The text that holds an attribute, and what has to be assumed for it.
///
/// # Errors
/// What nginx does not know.
pub fn text(attribute: &Attribute, maps: &mut Maps) -> Result<(Text, Option<Assumption>), Refusal> {
    let plain = |name: &str| Ok((Text::variable(name), None));
    match attribute {
        Attribute::RequestLine => plain("request"),
        Attribute::RawTarget => plain("request_uri"),
        Attribute::Path => plain("uri"),
        Attribute::Query => plain("args"),
        Attribute::QueryMark => plain("is_args"),
        Attribute::Argument(name) => plain(&format!("arg_{}", String::from_utf8_lossy(name))),
        Attribute::Header(name) | Attribute::HeaderVariable(name) => header(name),
        Attribute::Cookie(name) => plain(&format!("cookie_{}", String::from_utf8_lossy(name))),
        Attribute::Host | Attribute::ServerName => plain("host"),
        Attribute::Scheme => plain("scheme"),
        Attribute::Encrypted(yes, no) => {
            if (&**yes, &**no) == (b"on".as_slice(), b"".as_slice()) {
                return plain("https");
            }
            let rows = vec![(Key::Literal(b"on".to_vec()), Text::literal(yes)), (Key::Default, Text::literal(no))];
            let name = maps.get("https_state", Text::variable("https"), rows, false);
            plain(&name)
        }
        Attribute::ServerPort => Ok((Text::variable("server_port"), Some(Assumption::PortOfHost))),
        Attribute::LocalPort => plain("server_port"),
        Attribute::LocalAddress => plain("server_addr"),
        Attribute::RemoteAddress => plain("remote_addr"),
        Attribute::RemotePort => plain("remote_port"),
        Attribute::Method => plain("request_method"),
        Attribute::Protocol => plain("server_protocol"),
        Attribute::Filename => plain("request_filename"),
        Attribute::DocumentRoot => plain("document_root"),
        Attribute::Fixed(bytes) => Ok((Text::literal(bytes), None)),
        Attribute::PathInfo => Err(Refusal::new(
            "nginx does not split path info from a file",
            "use `fastcgi_split_path_info` where the script is run",
        )),
        Attribute::SubRequest { .. } => Err(Refusal::new(
            "nginx makes no sub-request to answer a condition",
            "ask with `auth_request` in a location",
        )),
        Attribute::Time(_) => Err(Refusal::new(
            "nginx has no variable for this part of the clock",
            "take the rule out once its date has passed, or use njs",
        )),
        Attribute::Environment(name) => {
            Err(format!("nginx does not see the environment variable `{}`", String::from_utf8_lossy(name)).into())
        }
        other => Err(format!("nginx has no variable for {other:?}").into()),
    }
}

fn header(name: &[u8]) -> Result<(Text, Option<Assumption>), Refusal> {
    let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !plain {
        return Err(format!("nginx cannot name the header `{}`", String::from_utf8_lossy(name)).into());
    }
    let name = String::from_utf8_lossy(name).to_ascii_lowercase().replace('-', "_");
    Ok((Text::variable(&format!("http_{name}")), None))
}

/// The stem that tables over an attribute are named by.
pub fn stem(source: &Text) -> String {
    match source.as_variable() {
        Some("args") => "query".to_owned(),
        Some("uri" | "request_uri") => "path".to_owned(),
        Some("https") => "secure".to_owned(),
        Some("request_method") => "method".to_owned(),
        Some("http_user_agent") => "agent".to_owned(),
        Some("remote_addr") => "client".to_owned(),
        Some(name) => {
            let name = name.trim_start_matches("http_").trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
            if name.is_empty() { "when".to_owned() } else { name.to_owned() }
        }
        None => "when".to_owned(),
    }
}

/// The table that spells a dollar sign: a `geo`, whose values are literal.
pub fn dollar() -> Table {
    let mut table = Table::geo("dollar", vec![(Key::Default, Text::literal(b"$"))]);
    table.note = Some("nginx has no other way to write a dollar sign".to_owned());
    table
}
