//! Targets: what a redirect's text says before any request is known: which scheme, which host, whether the path
//! and the query of the request are carried along.

use crate::ir::clause::{Rewrite, Target};
use crate::ir::policy::{OldQuery, QueryPolicy};
use crate::ir::template::{Attribute, Part, Template};

use super::routes::Does;
use std::borrow::Cow;

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
    pub path_prefix: Cow<'a, [u8]>,
    /// Whether something of the request's path stands in it (the path, the raw target, a capture, the rest behind a prefix).
    pub keeps_path: bool,
    /// What becomes of the request's query.
    pub query: Query,
    /// The policy of the server behind that.
    pub policy: QueryPolicy,
    /// Whether the rest of the path behind the matched prefix is appended.
    pub appends_rest: bool,
    /// The text from its path on.
    path: Cursor<'a>,
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
            path_prefix: Cow::Borrowed(&[]),
            keeps_path: false,
            query: Query::Dropped,
            policy,
            appends_rest: false,
            path: Cursor::new(template),
            malformed: None,
        };
        view.read_place(Cursor::new(template));
        view.keeps_path = template.parts.iter().any(carries_path);
        view.query = query(template, policy);
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

    /// The pieces from the path on, the query among them.
    pub(super) fn path(&self) -> impl Iterator<Item = Piece<'a>> {
        self.path
    }

    /// Whether it leads to the same host for certain.
    pub fn stays(&self) -> bool {
        matches!(self.host, Host::Same | Host::Request) && self.place != Place::Dynamic
    }

    fn read_place(&mut self, start: Cursor<'a>) {
        let mut rest = start;
        let Some(first) = rest.next() else { return };
        self.place = match first {
            Piece::Byte(b'/') if start.after(b"//").is_some() => Place::SchemeRelative,
            Piece::Byte(b'/') => Place::Path,
            Piece::Hole(Part::Attribute(Attribute::Scheme)) if rest.after(b":").is_some() => Place::Absolute,
            Piece::Hole(Part::Attribute(Attribute::Path | Attribute::RawTarget)) => Place::Path,
            Piece::Hole(_) => Place::Dynamic,
            Piece::Byte(_) => match scheme(start) {
                Some((scheme, behind)) => {
                    (self.scheme, rest) = (Some(scheme), behind);
                    Place::Absolute
                }
                None => Place::Relative,
            },
        };
        let authority = match self.place {
            Place::Absolute => rest.after(b"://"),
            Place::SchemeRelative => start.after(b"//"),
            _ => None,
        };
        let path = match (authority, self.place) {
            (Some(authority), _) => self.read_host(authority),
            (None, Place::Absolute) => rest.after(b":").unwrap_or(rest),
            (None, _) => start,
        };
        self.path_prefix = path.literal();
        self.path = path;
    }

    /// Reads the authority; what follows it is left.
    fn read_host(&mut self, mut rest: Cursor<'a>) -> Cursor<'a> {
        let mut authority = Vec::new();
        loop {
            let mut behind = rest;
            let Some(piece) = behind.next() else { break };
            let stops = match piece {
                Piece::Byte(byte) => matches!(byte, b'/' | b'?' | b'#'),
                Piece::Hole(Part::Attribute(Attribute::RawTarget | Attribute::Path)) => !authority.is_empty(),
                Piece::Hole(_) => false,
            };
            if stops {
                break;
            }
            authority.push(piece);
            rest = behind;
        }
        let literal: Option<Vec<u8>> = authority.iter().map(Piece::byte).collect();
        if let Some(text) = literal {
            let (host, port) = split_port(&text);
            self.host = Host::Fixed(host.to_ascii_lowercase());
            self.port = port;
            return rest;
        }
        self.host = match authority.as_slice() {
            [Piece::Hole(Part::Attribute(Attribute::Host))] => Host::Request,
            [Piece::Hole(Part::Attribute(Attribute::Header(name) | Attribute::HeaderVariable(name)))]
                if name.eq_ignore_ascii_case(b"host") =>
            {
                Host::Request
            }
            [Piece::Hole(Part::Attribute(Attribute::ServerName))] => Host::ServerName,
            _ => Host::Mixed,
        };
        rest
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
pub(super) enum Piece<'a> {
    /// Fixed.
    Byte(u8),
    /// Decided by a request.
    Hole(&'a Part),
}

impl Piece<'_> {
    fn byte(&self) -> Option<u8> {
        match self {
            Self::Byte(byte) => Some(*byte),
            Self::Hole(_) => None,
        }
    }
}

/// Whether text of the request's path stands in it.
fn carries_path(part: &Part) -> bool {
    matches!(
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
    )
}

/// What of a template is still to be read: the rest of a literal, and the parts behind it.
#[derive(Clone, Copy, Debug)]
struct Cursor<'a> {
    text: &'a [u8],
    parts: &'a [Part],
}

impl<'a> Cursor<'a> {
    fn new(template: &'a Template) -> Self {
        Self { text: &[], parts: &template.parts }
    }

    /// What follows this text, if it comes next.
    fn after(mut self, text: &[u8]) -> Option<Self> {
        let next = text.iter().all(|wanted| self.next().and_then(|piece| piece.byte()) == Some(*wanted));
        next.then_some(self)
    }

    /// The fixed text up to the first part that is not.
    fn literal(mut self) -> Cow<'a, [u8]> {
        let mut out = Cow::Borrowed(self.text);
        while let Some((Part::Literal(text), rest)) = self.parts.split_first() {
            match out.is_empty() {
                true => out = Cow::Borrowed(text),
                false => out.to_mut().extend_from_slice(text),
            }
            self.parts = rest;
        }
        out
    }
}

impl<'a> Iterator for Cursor<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if let Some((&byte, rest)) = self.text.split_first() {
                self.text = rest;
                return Some(Piece::Byte(byte));
            }
            let (part, rest) = self.parts.split_first()?;
            self.parts = rest;
            match part {
                Part::Literal(text) => self.text = text,
                hole => return Some(Piece::Hole(hole)),
            }
        }
    }
}

/// A scheme (in lower case) that is written out and followed by `:`, and the text from the colon on.
fn scheme(mut rest: Cursor<'_>) -> Option<(Vec<u8>, Cursor<'_>)> {
    let mut name = Vec::new();
    loop {
        let colon = rest;
        match rest.next()?.byte()? {
            b':' if !name.is_empty() => return Some((name, colon)),
            byte if byte.is_ascii_alphanumeric() || b"+-.".contains(&byte) => name.push(byte.to_ascii_lowercase()),
            _ => return None,
        }
    }
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

fn query(template: &Template, policy: QueryPolicy) -> Query {
    let carries =
        |part: &Part| matches!(part, Part::Attribute(Attribute::RawTarget | Attribute::Query | Attribute::RequestLine));
    let by_text = template.parts.iter().any(carries);
    let own = template.parts.iter().any(|part| matches!(part, Part::Literal(text) if text.contains(&b'?')));
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
