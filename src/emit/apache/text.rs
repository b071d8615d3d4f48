//! Templates of the IR as pieces that Apache can say, with what is known of variables put in.

use super::filled::Filled;
use super::guard::{GuardId, Piece};
use crate::emit::Refusal;
use crate::ir::policy::Escape;
use crate::ir::template::{Attribute, Origin, Part, Template};
use crate::ir::{Program, VarId};
use rustc_hash::FxHashMap;

/// What `$1` means at a place of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captures {
    /// Nothing: empty.
    Empty,
    /// The groups of a guard's expression.
    Of(GuardId),
    /// One or another, which depends on the request.
    Unknown,
}

/// What texts are made from at a place of a list.
#[derive(Clone, Debug)]
pub struct Names {
    /// What `$1` means.
    pub captures: Captures,
    /// Variables whose value is known as text.
    pub values: FxHashMap<u32, Vec<Piece>>,
}

/// Reads templates of one program.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The program.
    pub program: &'a Program,
    /// What fills the variables.
    pub filled: &'a Filled,
    /// The site's own name, where it has one.
    pub own_name: &'a [u8],
}

impl Reader<'_> {
    /// A template as pieces.
    ///
    /// # Errors
    /// What Apache has no text for.
    pub fn pieces(&self, template: &Template, names: &Names) -> Result<Vec<Piece>, Refusal> {
        let mut out = Vec::new();
        for part in &template.parts {
            match part {
                Part::Literal(bytes) => out.push(Piece::Literal(bytes.to_vec())),
                Part::Capture { group, escape, .. } => match names.captures {
                    Captures::Empty => {}
                    Captures::Of(guard) => out.push(Piece::Group(guard, *group, *escape != Escape::Raw)),
                    Captures::Unknown => {
                        return Err(format!("which expression `${group}` belongs to depends on the request").into());
                    }
                },
                Part::Attribute(Attribute::ServerName) if !self.own_name.is_empty() => {
                    out.push(Piece::Literal(self.own_name.to_vec()));
                }
                Part::Attribute(attribute) => out.push(attribute_piece(attribute)?),
                Part::Variable(id) => self.variable(*id, names, &mut out)?,
                Part::Lookup { table, .. } => out.push(Piece::Table(*table)),
                Part::Expression(_) => return Err("it holds an expression".into()),
            }
        }
        Ok(out)
    }

    fn variable(&self, id: VarId, names: &Names, out: &mut Vec<Piece>) -> Result<(), Refusal> {
        if let Some(value) = names.values.get(&id.0) {
            out.extend(value.iter().cloned());
            return Ok(());
        }
        let Some(variable) = self.program.variables.get(id.0 as usize) else { return Ok(()) };
        let name = String::from_utf8_lossy(&variable.name).into_owned();
        match &variable.origin {
            Origin::Table(table) => out.push(Piece::Table(*table)),
            Origin::Attribute(Attribute::Query) if self.filled.conditional.contains(&id.0) => {
                return Err(Refusal::new(
                    "`$args` is set, which Apache can only do while it rewrites the path",
                    "a `RewriteRule` whose target ends in `?` and the new query",
                ));
            }
            Origin::Attribute(attribute) if !self.filled.conditional.contains(&id.0) => {
                out.push(attribute_piece(attribute)?)
            }
            _ if self.filled.conditional.contains(&id.0) => out.push(Piece::Variable(own_name(&variable.name)?)),
            _ if self.filled.grouped.contains(&id.0) => {
                return Err(format!("`${name}` is a group of an expression that is tested elsewhere").into());
            }
            _ if self.filled.by_tables.contains(&id.0) => out.push(Piece::Named(id.0)),
            // a name that no set has reached yet is empty
            _ => {}
        }
        Ok(())
    }
}

fn attribute_piece(attribute: &Attribute) -> Result<Piece, Refusal> {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(match attribute {
        Attribute::RequestLine => Piece::Expression("%{THE_REQUEST}", false),
        Attribute::Path => Piece::Path(false),
        Attribute::RawTarget => Piece::RawTarget,
        Attribute::Query => Piece::Query,
        Attribute::QueryMark => Piece::QueryMark,
        Attribute::Host => Piece::Expression("%{SERVER_NAME}", true),
        Attribute::Scheme => Piece::Expression("%{REQUEST_SCHEME}", true),
        Attribute::Method => Piece::Expression("%{REQUEST_METHOD}", true),
        Attribute::RemoteAddress => Piece::Expression("%{REMOTE_ADDR}", true),
        Attribute::RemotePort => Piece::Expression("%{REMOTE_PORT}", true),
        Attribute::LocalAddress => Piece::Expression("%{SERVER_ADDR}", true),
        Attribute::LocalPort => Piece::Expression("%{SERVER_PORT}", true),
        Attribute::Protocol => Piece::Expression("%{SERVER_PROTOCOL}", true),
        Attribute::DocumentRoot => Piece::Expression("%{DOCUMENT_ROOT}", false),
        Attribute::Fixed(bytes) => Piece::Literal(bytes.to_vec()),
        Attribute::Encrypted(..) => Piece::Expression("%{HTTPS}", true),
        Attribute::HeaderVariable(name) => Piece::Header(shown(name)),
        Attribute::Argument(name) => Piece::Variable(format!("arg_{}", own_name(name)?)),
        Attribute::Cookie(name) => Piece::Variable(format!("cookie_{}", own_name(name)?)),
        Attribute::Filename => Piece::Variable("request_filename".to_owned()),
        Attribute::ServerName => {
            return Err(Refusal::new(
                "the name of the server is not known here",
                "write the host's name in place of `$server_name`",
            ));
        }
        Attribute::Header(name) => Piece::Header(shown(name)),
        Attribute::Unknown(name) => {
            let name = name.strip_prefix(b"ssl:").unwrap_or(name);
            return Err(format!("`${}` is known to nginx alone", shown(name)).into());
        }
        Attribute::InvalidReferer => {
            return Err(Refusal::new(
                "the check of the `Referer` is nginx's alone",
                "a `RewriteCond` on `%{HTTP_REFERER}`",
            ));
        }
        Attribute::SecureLink | Attribute::SecureLinkExpires => {
            return Err(Refusal::new(
                "the check of a signed link is nginx's alone",
                "let the application check the link",
            ));
        }
        other => return Err(format!("{other:?} has no name in Apache").to_lowercase().into()),
    })
}

/// The name of a variable, for flags, expressions and `%{ENV:…}`.
///
/// # Errors
/// Names that one of them would read otherwise.
pub fn own_name(name: &[u8]) -> Result<String, Refusal> {
    let shown = String::from_utf8_lossy(name).into_owned();
    if name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
        return Ok(shown);
    }
    let reason = format!("`{shown}` is no name for a variable of Apache's");
    Err(Refusal::new(reason, "a name of letters, digits and `_`, or a `RewriteCond` on what the variable holds"))
}

/// A header as a test string or target names it: nginx's name has underscores where the header has dashes.
pub fn header(name: &str) -> String {
    let name = name.replace('_', "-");
    match name.as_str() {
        "host" => "%{HTTP_HOST}".to_owned(),
        "user-agent" => "%{HTTP_USER_AGENT}".to_owned(),
        "referer" => "%{HTTP_REFERER}".to_owned(),
        "cookie" => "%{HTTP_COOKIE}".to_owned(),
        "accept" => "%{HTTP_ACCEPT}".to_owned(),
        _ => {
            let words: Vec<String> = name.split('-').map(capitalised).collect();
            format!("%{{HTTP:{}}}", words.join("-"))
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// What nginx decodes in the literal text of a redirect, up to its first `?`.
pub fn unescape(text: &mut [Piece]) {
    for piece in text {
        let Piece::Literal(bytes) = piece else { continue };
        let (head, tail) = bytes.split_at(bytes.iter().position(|byte| *byte == b'?').unwrap_or(bytes.len()));
        let mut out = Vec::new();
        let mut rest = head;
        while let [byte, after @ ..] = rest {
            rest = after;
            match (byte, after) {
                (b'%', [a, b, more @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                    let value = |digit: &u8| (*digit as char).to_digit(16).unwrap_or(0) as u8;
                    let decoded = value(a) * 16 + value(b);
                    match decoded {
                        b'?' => out.extend_from_slice(b"?"),
                        0x26..=0x7e => out.push(decoded),
                        _ => out.extend_from_slice(&[b'%', *a, *b]),
                    }
                    rest = more;
                }
                (b'%', [hex, _, more @ ..]) if hex.is_ascii_hexdigit() => rest = more,
                (b'%', [other, more @ ..]) if !other.is_ascii_hexdigit() => {
                    out.push(*other);
                    rest = more;
                }
                (b'%', _) => rest = &[],
                _ => out.push(*byte),
            }
        }
        let ends = !tail.is_empty();
        out.extend_from_slice(tail);
        *bytes = out;
        if ends {
            return;
        }
    }
}
