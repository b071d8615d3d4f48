//! How a `Location` is written.
//!
//! In one of two ways. Encoded: Apache percent-encodes the path, as nginx does with the captures of a `rewrite`. As it
//! is (NE): for `return`, which encodes nothing. A text that ends in `?` is taken whole, without looking for a query in
//! it, which is just what `return` means.

use super::does::{Does, Query};
use super::guard::{Guard, GuardId, Piece};
use super::list::Lists;
use crate::emit::{Assumption, Refusal};

/// How a `Location` is written.
pub struct Form {
    /// What becomes of the request's query.
    pub query: Query,
    /// NE.
    pub raw: bool,
    /// A `?` at the end: the text is not searched for a query.
    pub whole: bool,
}

impl Lists<'_> {
    /// How a `Location` is written.
    ///
    /// # Errors
    /// Targets that a rule cannot have.
    pub fn form(&mut self, text: &mut Vec<Piece>, query: Query) -> Result<Form, Refusal> {
        joined(text);
        check_start(text)?;
        let mut query = query;
        if query == Query::Own && text.ends_with(&[Piece::QueryMark, Piece::Query]) {
            text.truncate(text.len().saturating_sub(2));
            query = Query::Keep;
            self.assumed = Some(Assumption::NoEmptyQuery);
        }
        let marked = mark(text);
        if let Some(at) = text.iter().position(|piece| *piece == Piece::RawTarget)
            && marked.is_none_or(|mark| mark >= at)
        {
            if at + 1 != text.len() || !matches!(query, Query::Own | Query::Drop) {
                return Err(Refusal::new(
                    "something follows `$request_uri`, which Apache takes for a query",
                    "redirect to `$uri` with what follows",
                ));
            }
            text.pop();
            text.push(if query == Query::Own { Piece::RawPath(false) } else { Piece::RawPath(true) });
            query = Query::Keep;
        }
        if text.contains(&Piece::QueryMark) {
            return Err(Refusal::new(
                "`$is_args` stands where Apache cannot put it",
                "one rule for requests with a query and one for those without",
            ));
        }
        let encoded = text
            .iter()
            .any(|piece| matches!(piece, Piece::Group(_, _, true) | Piece::Path(true) | Piece::RawPath(true)));
        let mut raw = !text.iter().all(is_safe) || query == Query::Append;
        let marks = text.iter().filter_map(as_literal).flatten().filter(|byte| **byte == b'?').count();
        let ends = matches!(text.last(), Some(Piece::Literal(bytes)) if bytes.ends_with(b"?") || bytes.ends_with(b"&"));
        let drops = matches!(query, Query::Own | Query::Drop);
        raw |= drops && (marks > 1 || ends) || marks > 0 && text.contains(&Piece::Query);
        let whole = drops && raw;
        if encoded {
            self.assumed = Some(Assumption::EncodedPath);
        }
        self.foreign_mark(text);
        let query = if drops { Query::Drop } else { query };
        Ok(Form { query, raw, whole })
    }

    /// Apache refuses a text whose first `?` comes from the request.
    pub fn foreign_mark(&mut self, text: &[Piece]) {
        for piece in text {
            match piece {
                Piece::Literal(bytes) if bytes.contains(&b'?') => return,
                Piece::Group(..) | Piece::Path(_) | Piece::Variable(_) => {
                    self.assumed = Some(Assumption::NoEncodedQuestionMark);
                }
                _ => {}
            }
        }
    }
}

/// Whether the first `?` of a text may come from a group of something beside the path, where one is nothing unusual.
pub fn takes_mark(text: &[Piece], guards: &[Guard]) -> bool {
    let written = |piece: &Piece| matches!(piece, Piece::Literal(bytes) if bytes.contains(&b'?'));
    let other = |id: &GuardId, group: u8| guards.iter().any(|guard| guard.id == *id && guard.may_hold_mark(group));
    let before = text.iter().take_while(|piece| !written(piece));
    before.into_iter().any(|piece| matches!(piece, Piece::Group(id, group, _) if other(id, *group)))
}

/// `$is_args` within a text: one rule for requests with a query, one for those without.
pub fn by_query(does: Does) -> Vec<(Option<bool>, Does)> {
    let Does::Location(status, text, query) = &does else { return vec![(None, does)] };
    let kept = text.ends_with(&[Piece::QueryMark, Piece::Query]);
    let rest = if kept { text.get(..text.len().saturating_sub(2)).unwrap_or_default() } else { text };
    let inside = rest.contains(&Piece::QueryMark) || kept && mark(text).is_some();
    let doubled = *query == Query::Keep && text.last() == Some(&Piece::RawTarget);
    if doubled {
        let path = || text.iter().take(text.len().saturating_sub(1)).cloned().chain([Piece::RawPath(true)]);
        let sign = || Piece::Literal(b"?".to_vec());
        let twice = path().chain([sign(), Piece::Query, sign(), Piece::Query]).collect();
        let with = Does::Location(*status, twice, Query::Drop);
        return vec![(Some(true), with), (None, Does::Location(*status, path().collect(), Query::Keep))];
    }
    if !inside {
        return vec![(None, does)];
    }
    let replaced = |present: bool| {
        let one = |piece: &Piece| match piece {
            Piece::QueryMark => present.then(|| Piece::Literal(b"?".to_vec())),
            Piece::Query if !present => None,
            other => Some(other.clone()),
        };
        Does::Location(*status, text.iter().filter_map(one).collect(), *query)
    };
    vec![(Some(true), replaced(true)), (None, replaced(false))]
}

/// The place of the first piece that holds a literal `?`.
fn mark(text: &[Piece]) -> Option<usize> {
    text.iter().position(|piece| as_literal(piece).is_some_and(|bytes| bytes.contains(&b'?')))
}

fn as_literal(piece: &Piece) -> Option<&Vec<u8>> {
    match piece {
        Piece::Literal(bytes) => Some(bytes),
        _ => None,
    }
}

/// Whether encoding changes nothing that is not to be encoded.
fn is_safe(piece: &Piece) -> bool {
    match piece {
        Piece::Literal(bytes) => {
            bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"$-_.+!*'(),:;@&=/~?".contains(byte))
        }
        Piece::Group(_, _, encoded) | Piece::Path(encoded) => *encoded,
        Piece::Expression(_, safe) => *safe,
        _ => false,
    }
}

/// Literals beside each other become one.
fn joined(text: &mut Vec<Piece>) {
    let mut out: Vec<Piece> = Vec::new();
    for piece in text.drain(..) {
        match (out.last_mut(), piece) {
            (Some(Piece::Literal(before)), Piece::Literal(bytes)) => before.extend_from_slice(&bytes),
            (_, Piece::Literal(bytes)) if bytes.is_empty() => {}
            (_, piece) => out.push(piece),
        }
    }
    *text = out;
}

/// A target has to be a path or a URL that mod_rewrite knows.
fn check_start(text: &[Piece]) -> Result<(), Refusal> {
    let known = ["http://", "https://", "ftp://", "ws://", "wss://", "ldap://", "mailto:", "news:"];
    match text.first() {
        None => Err(Refusal::new("Apache sends no empty `Location`", "name a target")),
        Some(Piece::Literal(bytes)) => {
            let lower = bytes.to_ascii_lowercase();
            let url = known.iter().any(|scheme| lower.starts_with(scheme.as_bytes()));
            if bytes.starts_with(b"/") || url {
                return Ok(());
            }
            Err(format!("`{}` begins neither a path nor a URL", String::from_utf8_lossy(bytes)).into())
        }
        Some(Piece::Expression("%{REQUEST_SCHEME}", _)) => Ok(()),
        Some(Piece::Group(..) | Piece::Path(_) | Piece::RawTarget | Piece::RawPath(_)) => Ok(()),
        Some(Piece::Variable(_) | Piece::Header(_)) => Ok(()),
        Some(_) => Err("its target begins neither a path nor a URL".into()),
    }
}
