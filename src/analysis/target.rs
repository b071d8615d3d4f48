//! Targets: what a redirect's text says before any request is known: which scheme, which host, whether the path
//! and the query of the request are carried along.

use crate::ir::clause::{Rewrite, Target};
use crate::ir::policy::{OldQuery, QueryPolicy};
use crate::ir::template::{Attribute, Part, Template};

use super::routes::Does;

/// A target, read.
#[derive(Clone, Debug)]
pub struct TargetView<'a> {
    /// The text.
    pub template: &'a Template,
    /// Where it leads.
    pub place: Place,
    /// The scheme, where it is written (lower case).
    pub scheme: Option<Vec<u8>>,
    /// The host.
    pub host: Host,
    /// The port, where one is written.
    pub port: Option<Vec<u8>>,
    /// The literal text from the path on (up to the first part that is not fixed).
    pub path_prefix: Vec<u8>,
    /// Whether something of the request's path stands in it (the path, the raw target, a capture, the rest behind a prefix).
    pub keeps_path: bool,
    /// What becomes of the request's query.
    pub query: Query,
    /// The policy of the server behind that.
    pub policy: QueryPolicy,
    /// Whether the rest of the path behind the matched prefix is appended.
    pub appends_rest: bool,
    /// Where the text is neither a path nor `scheme:`, the status the server sends instead.
    pub malformed: Option<u16>,
}

/// Where a target leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Nothing is written.
    Empty,
    /// A path on the same host.
    Path,
    /// `//host/…`.
    SchemeRelative,
    /// `scheme://…`.
    Absolute,
    /// A text without leading slash or scheme.
    Relative,
    /// It starts with something only a request decides.
    Dynamic,
}

/// The host of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// None is written: the host stays.
    Same,
    /// A fixed name, lower case.
    Fixed(Vec<u8>),
    /// The request's own host, and nothing else.
    Request,
    /// The server's own name, and nothing else.
    ServerName,
    /// Made from several parts: fixed text before and behind something of the request.
    Mixed,
}

/// What becomes of the request's query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Query {
    /// Carried along.
    Kept,
    /// Gone.
    Dropped,
    /// Sent twice: by the text and by the server.
    Doubled,
}

impl<'a> TargetView<'a> {
    /// A `Location`.
    pub fn of_target(target: &'a Target) -> Self {
        let mut view = Self::read(&target.to, target.query);
        view.appends_rest = target.rest.is_some();
        view.keeps_path |= view.appends_rest;
        view.malformed = target.malformed;
        view
    }

    /// A text, such as a body.
    pub fn of_text(template: &'a Template) -> Self {
        Self::read(template, QueryPolicy::Ignore)
    }

    fn read(template: &'a Template, policy: QueryPolicy) -> Self {
        let mut view = Self {
            template,
            place: Place::Empty,
            scheme: None,
            host: Host::Same,
            port: None,
            path_prefix: Vec::new(),
            keeps_path: false,
            query: Query::Dropped,
            policy,
            appends_rest: false,
            malformed: None,
        };
        let pieces = pieces(template);
        view.read_place(&pieces);
        view.keeps_path = pieces.iter().any(Piece::carries_path);
        view.query = query(template, &pieces, policy);
        view
    }

    /// The fixed text, where nothing is left to the request.
    pub fn literal(&self) -> Option<&'a [u8]> {
        self.template.as_literal()
    }

    /// The fixed text it begins with; empty where it begins with something of the request.
    pub fn literal_start(&self) -> &'a [u8] {
        match self.template.parts.first() {
            Some(Part::Literal(text)) => text,
            _ => &[],
        }
    }

    /// Whether it leads to the same host for certain.
    pub fn stays(&self) -> bool {
        matches!(self.host, Host::Same | Host::Request) && self.place != Place::Dynamic
    }

    fn read_place(&mut self, pieces: &[Piece<'a>]) {
        let Some(first) = pieces.first() else { return };
        let mut rest = Cursor { pieces, at: 0 };
        self.place = match first {
            Piece::Byte(b'/') if rest.starts_with(b"//") => Place::SchemeRelative,
            Piece::Byte(b'/') => Place::Path,
            Piece::Hole(Part::Attribute(Attribute::Scheme)) if matches!(pieces.get(1), Some(Piece::Byte(b':'))) => {
                rest.at = 1;
                Place::Absolute
            }
            Piece::Hole(Part::Attribute(Attribute::Path | Attribute::RawTarget)) => Place::Path,
            Piece::Hole(_) => Place::Dynamic,
            Piece::Byte(_) => match scheme(pieces) {
                Some(scheme) => {
                    rest.at = scheme.len();
                    self.scheme = Some(scheme.to_ascii_lowercase());
                    Place::Absolute
                }
                None => Place::Relative,
            },
        };
        match self.place {
            Place::Absolute => {
                rest.eat(b":");
                if rest.eat(b"//") {
                    self.read_host(&mut rest);
                }
            }
            Place::SchemeRelative => {
                rest.eat(b"//");
                self.read_host(&mut rest);
            }
            _ => {}
        }
        self.path_prefix = rest.literal();
    }

    fn read_host(&mut self, rest: &mut Cursor<'_, 'a>) {
        let start = rest.at;
        while let Some(piece) = rest.pieces.get(rest.at) {
            let stops = match piece {
                Piece::Byte(byte) => matches!(byte, b'/' | b'?' | b'#'),
                Piece::Hole(Part::Attribute(Attribute::RawTarget | Attribute::Path)) => rest.at > start,
                Piece::Hole(_) => false,
            };
            if stops {
                break;
            }
            rest.at += 1;
        }
        let authority = rest.pieces.get(start..rest.at).unwrap_or_default();
        let literal: Option<Vec<u8>> = authority.iter().map(Piece::byte).collect();
        if let Some(text) = literal {
            let (host, port) = split_port(&text);
            self.host = Host::Fixed(host.to_ascii_lowercase());
            self.port = port;
            return;
        }
        self.host = match authority {
            [Piece::Hole(Part::Attribute(Attribute::Host))] => Host::Request,
            [Piece::Hole(Part::Attribute(Attribute::Header(name) | Attribute::HeaderVariable(name)))]
                if name.eq_ignore_ascii_case(b"host") =>
            {
                Host::Request
            }
            [Piece::Hole(Part::Attribute(Attribute::ServerName))] => Host::ServerName,
            _ => Host::Mixed,
        };
    }
}

/// What a rewriting clause does; `None` for one that only sets variables.
pub(super) fn rewriting(rewrite: &Rewrite) -> Option<Does<'_>> {
    if let Some(status) = rewrite.status {
        let body = rewrite.to.as_ref().map(|to| TargetView::read(to, rewrite.query));
        return Some(Does::Respond { status, body });
    }
    let Some(to) = &rewrite.to else { return None };
    let target = TargetView::read(to, rewrite.query);
    let leaves = matches!(target.place, Place::Absolute) && rewrite.proxy.is_none();
    match (rewrite.sent_status(), rewrite.implicit_redirect) {
        (Some(status), _) => Some(Does::Redirect { status, target }),
        (None, Some(status)) if leaves => Some(Does::Redirect { status, target }),
        _ => Some(Does::Rewrite { target }),
    }
}

/// One byte, or something a request decides.
#[derive(Clone, Copy, Debug)]
enum Piece<'a> {
    Byte(u8),
    Hole(&'a Part),
}

impl Piece<'_> {
    fn byte(&self) -> Option<u8> {
        match self {
            Self::Byte(byte) => Some(*byte),
            Self::Hole(_) => None,
        }
    }

    fn carries_path(&self) -> bool {
        match self {
            Self::Byte(_) => false,
            Self::Hole(part) => matches!(
                part,
                Part::Capture { .. }
                    | Part::Attribute(
                        Attribute::Path
                            | Attribute::RawTarget
                            | Attribute::PathInfo
                            | Attribute::Filename
                            | Attribute::RequestLine
                    )
                    | Part::Expression(_)
            ),
        }
    }
}

struct Cursor<'c, 'a> {
    pieces: &'c [Piece<'a>],
    at: usize,
}

impl Cursor<'_, '_> {
    fn starts_with(&self, text: &[u8]) -> bool {
        text.iter().enumerate().all(
            |(offset, byte)| matches!(self.pieces.get(self.at + offset), Some(Piece::Byte(found)) if found == byte),
        )
    }

    fn eat(&mut self, text: &[u8]) -> bool {
        let found = self.starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn literal(&self) -> Vec<u8> {
        self.pieces.get(self.at..).unwrap_or_default().iter().map_while(Piece::byte).collect()
    }
}

fn pieces(template: &Template) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    for part in &template.parts {
        match part {
            Part::Literal(text) => out.extend(text.iter().map(|&byte| Piece::Byte(byte))),
            other => out.push(Piece::Hole(other)),
        }
    }
    out
}

/// A scheme that is written out and followed by `:`.
fn scheme(pieces: &[Piece<'_>]) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    for piece in pieces {
        match piece.byte()? {
            b':' if !name.is_empty() => return Some(name),
            byte if byte.is_ascii_alphanumeric() || b"+-.".contains(&byte) => name.push(byte),
            _ => return None,
        }
    }
    None
}

fn split_port(authority: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    match authority.iter().rposition(|&byte| byte == b':') {
        Some(at) if !authority.ends_with(b"]") => {
            let (host, port) = authority.split_at(at);
            (host.to_vec(), Some(port.iter().skip(1).copied().collect()))
        }
        _ => (authority.to_vec(), None),
    }
}

fn query(template: &Template, pieces: &[Piece<'_>], policy: QueryPolicy) -> Query {
    let carries =
        |part: &Part| matches!(part, Part::Attribute(Attribute::RawTarget | Attribute::Query | Attribute::RequestLine));
    let by_text = template.parts.iter().any(carries);
    let own = pieces.iter().any(|piece| matches!(piece, Piece::Byte(b'?')));
    let by_server = match policy {
        QueryPolicy::Ignore => false,
        QueryPolicy::AppendUnlessPresent => !own,
        QueryPolicy::SplitLiteral { drop_old } => !drop_old,
        QueryPolicy::Split { old, .. } => match old {
            OldQuery::Default => !own,
            OldQuery::Append => true,
            OldQuery::Discard | OldQuery::DiscardThenAppend | OldQuery::None => false,
        },
    };
    match (by_text, by_server) {
        (true, true) => Query::Doubled,
        (false, false) => Query::Dropped,
        _ => Query::Kept,
    }
}
