//! What a clause does, as the target and the flags of a rule.
//!
//! A `Location` is written in one of two ways. Encoded: Apache percent-encodes the path, as nginx does with the
//! captures of a `rewrite`. As it is (NE): for `return`, which encodes nothing. A text that ends in `?` is taken
//! whole, without looking for a query in it, which is just what `return` means.

use super::guard::{Guard, GuardId, Piece, Test};
use super::list::{Lists, Place};
use super::plan::{Rule, Statement};
use super::print::can_be_written;
use super::rule::Builder;
use crate::emit::Assumption;
use crate::ir::TableId;
use crate::source::Span;

/// What becomes of the request's query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// The text says everything.
    Own,
    /// It follows the text.
    Keep,
    /// It follows the text's own, behind `&`.
    Append,
    /// It is dropped.
    Drop,
}

/// What a clause does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Redirects.
    Location(u16, Vec<Piece>, Query),
    /// Answers with a status.
    Status(u16),
    /// Nothing, and no other rule does.
    Stop,
    /// Nothing, and the locations follow.
    ToLocations,
    /// Changes the path; the next clause follows.
    Move(Vec<Piece>, Query),
    /// Changes the path; the locations follow.
    MoveOn(Vec<Piece>, Query),
    /// Changes the path; nothing follows.
    MoveAndStop(Vec<Piece>, Query),
    /// Changes the path; the locations are gone through again.
    MoveAgain(Vec<Piece>, Query),
    /// Remembers a text under a name.
    Remember(String, Vec<Piece>),
}

/// Rules that one clause may become, a table's rows included.
const MOST: usize = 20_000;

/// Statuses that the R flag takes.
const STATUSES: &[std::ops::RangeInclusive<u16>] = &[
    100..=103,
    200..=208,
    226..=226,
    300..=305,
    307..=308,
    400..=417,
    421..=424,
    426..=426,
    428..=429,
    431..=431,
    451..=451,
    500..=508,
    510..=511,
];

impl Lists<'_> {
    /// Writes the rules of one clause.
    ///
    /// # Errors
    /// What cannot be said; nothing is written then.
    pub fn rules(&mut self, span: Span, place: &Place, main: Option<GuardId>, does: &Does) -> Result<(), String> {
        let mut rules = Vec::new();
        for (guards, does) in self.expanded(place, does)? {
            for (extra, does) in by_query(does) {
                let mut guards = guards.clone();
                if let Some(with_query) = extra {
                    let test = Test::Equals(vec![Piece::Query], Vec::new(), false);
                    guards.push(self.guard(test, with_query));
                }
                rules.push(self.rule(&guards, main, &does)?);
            }
        }
        if self.commented.insert(span) {
            let comments = self.texts.comments(span);
            self.out.extend(comments.into_iter().map(Statement::Comment));
        }
        self.out.extend(rules.into_iter().map(Statement::Rule));
        self.verdict(span);
        Ok(())
    }

    /// A rule for each row of the tables that are looked up, in the order in which nginx takes them.
    fn expanded(&mut self, place: &Place, does: &Does) -> Result<Vec<(Vec<Guard>, Does)>, String> {
        let mut open = vec![(place.guards.clone(), does.clone())];
        let mut done = Vec::new();
        while let Some((guards, does)) = open.pop() {
            let mut kept = Vec::new();
            let mut never = false;
            for guard in guards {
                match guard.settled() {
                    Some(true) => {}
                    Some(false) => never = true,
                    None => kept.push(guard),
                }
            }
            if never {
                continue;
            }
            let texts = kept.iter().flat_map(Guard::texts).chain(does.text());
            let table = texts.flatten().find_map(|piece| match piece {
                Piece::Table(id) => Some(*id),
                _ => None,
            });
            match table {
                None if has_named(&kept, &does) => {
                    return Err("it takes a group of a table's expression that is looked up elsewhere".to_owned());
                }
                None => done.push((kept, does)),
                Some(id) => {
                    let mut rows = self.with_rows(id, &kept, &does, &place.names)?;
                    rows.reverse();
                    open.extend(rows);
                }
            }
            if open.len() + done.len() > MOST {
                return Err(format!("it would take more than {MOST} rules"));
            }
        }
        Ok(done)
    }

    fn with_rows(
        &mut self,
        id: TableId,
        guards: &[Guard],
        does: &Does,
        names: &super::text::Names,
    ) -> Result<Vec<(Vec<Guard>, Does)>, String> {
        let mut out: Vec<(Vec<Guard>, Does)> = Vec::new();
        let mut passed: Vec<Guard> = Vec::new();
        for super::table::Row { guard, value, named } in self.rows(id, names)? {
            let put = |pieces: &mut Vec<Piece>| {
                let filled = |piece| match piece {
                    Piece::Table(other) if other == id => value.clone(),
                    Piece::Named(id) => named.get(&id).cloned().unwrap_or_else(|| vec![piece]),
                    piece => vec![piece],
                };
                *pieces = pieces.drain(..).flat_map(filled).collect();
            };
            let mut own = passed.clone();
            own.extend(guard.clone());
            let mut inner = guards.to_vec();
            inner.iter_mut().flat_map(Guard::texts_mut).for_each(put);
            let mut does = does.clone();
            does.text_mut().into_iter().for_each(put);
            inner.iter_mut().for_each(Guard::tidy);
            let never = inner.iter().any(|guard| guard.settled() == Some(false));
            own.extend(inner);
            if never || !does.ends() {
                // nothing stops a request of this row from reaching the later ones
                passed.extend(guard.map(|guard| Guard { negated: !guard.negated, ..guard }));
            }
            if !never {
                out.push((own, does));
            }
        }
        Ok(out)
    }

    fn rule(&mut self, guards: &[Guard], main: Option<GuardId>, does: &Does) -> Result<Rule, String> {
        let (mut text, query) = match does {
            Does::Location(_, text, query) => (text.clone(), *query),
            Does::Move(text, query) | Does::MoveOn(text, query) => (text.clone(), *query),
            Does::MoveAndStop(text, query) | Does::MoveAgain(text, query) => (text.clone(), *query),
            Does::Remember(_, text) => (text.clone(), Query::Own),
            _ => (Vec::new(), Query::Own),
        };
        let mut form = Form { query, raw: false, whole: false };
        let redirects = matches!(does, Does::Location(..));
        if redirects {
            form = self.form(&mut text, query)?;
        } else if !matches!(does, Does::Remember(..)) {
            self.foreign_mark(&text);
        }
        if self.htaccess && matches!(does, Does::Move(..) | Does::MoveOn(..)) {
            return Err(
                "a `.htaccess` starts over with a new path: a virtual host (`--scope vhost`) does not".to_owned()
            );
        }
        let root = self.root.clone();
        let encode = form.raw || matches!(does, Does::Remember(..));
        let mut builder = Builder {
            needs: &mut self.needs,
            htaccess: self.htaccess,
            changed: self.changed && !self.htaccess,
            root,
            own: None,
            other: None,
            raw_path: false,
            raw: encode,
        };
        let mut rule = builder.rule(guards, main, &[&text])?;
        let mut to = builder.text(&text)?;
        if form.whole {
            to.push(b'?');
        }
        if self.htaccess {
            self.allowed_inside(&rule, redirects)?;
        }
        if !can_be_written(&to) {
            return Err("its text holds both kinds of quotes beside blanks, or a line end".to_owned());
        }
        let mut flags: Vec<String> = Vec::new();
        match does {
            Does::Location(status, ..) => flags.push(format!("R={status}")),
            Does::Status(403) => flags.push("F".to_owned()),
            Does::Status(410) => flags.push("G".to_owned()),
            Does::Status(444) => return Err("Apache cannot close a connection without an answer".to_owned()),
            Does::Status(status) if STATUSES.iter().any(|range| range.contains(status)) => {
                flags.push(format!("R={status}"));
            }
            Does::Status(status) => return Err(format!("Apache does not send the status {status}")),
            Does::Remember(name, _) => flags.push(remember(name, &to)?),
            _ => {}
        }
        if form.raw {
            flags.push("NE".to_owned());
        }
        if redirects && takes_mark(&text, guards) {
            flags.push("UnsafeAllow3F".to_owned());
        }
        match form.query {
            Query::Drop if !form.whole && !to.contains(&b'?') => flags.push("QSD".to_owned()),
            Query::Append => flags.push("QSA".to_owned()),
            _ => {}
        }
        match does {
            Does::MoveAndStop(..) if self.htaccess => flags.push("END".to_owned()),
            Does::Location(..) | Does::Stop | Does::MoveAndStop(..) => flags.push("L".to_owned()),
            Does::Status(status) if !matches!(status, 403 | 410) => flags.push("L".to_owned()),
            Does::MoveAgain(..) if self.htaccess => flags.push("L".to_owned()),
            Does::MoveAgain(..) => flags.extend(["E=relocated:1".to_owned(), "N=12".to_owned()]),
            _ => {}
        }
        rule.to_locations = matches!(does, Does::ToLocations | Does::MoveOn(..));
        let moves = matches!(does, Does::Location(..)) || does.moves();
        rule.to = moves.then_some(to);
        // NC stands behind what the rule does
        let nocase = std::mem::take(&mut rule.flags);
        rule.flags = nocase.into_iter().chain(flags).collect();
        Ok(rule)
    }

    /// Whether a rule can stand in a `.htaccess`, and under what assumption.
    fn allowed_inside(&mut self, rule: &Rule, redirects: bool) -> Result<(), String> {
        if std::mem::take(&mut self.needs.escape) | std::mem::take(&mut self.needs.unescape) {
            let reason =
                "it needs a `RewriteMap`, which a virtual host may hold (`--scope vhost`) and a `.htaccess` not";
            return Err(reason.to_owned());
        }
        let exact = rule.pattern.ends_with(b"$") && !rule.pattern.contains(&b'(');
        if redirects && !exact {
            self.assumed.get_or_insert(Assumption::NoEncodedSlash);
        }
        Ok(())
    }

    /// How a `Location` is written.
    fn form(&mut self, text: &mut Vec<Piece>, query: Query) -> Result<Form, String> {
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
                return Err("something follows `$request_uri`, which Apache takes for a query".to_owned());
            }
            text.pop();
            text.push(if query == Query::Own { Piece::RawPath(false) } else { Piece::RawPath(true) });
            query = Query::Keep;
        }
        if text.contains(&Piece::QueryMark) {
            return Err("`$is_args` stands where Apache cannot put it".to_owned());
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
    fn foreign_mark(&mut self, text: &[Piece]) {
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

/// How a `Location` is written.
struct Form {
    query: Query,
    /// NE.
    raw: bool,
    /// A `?` at the end: the text is not searched for a query.
    whole: bool,
}

impl Does {
    fn text(&self) -> Option<&Vec<Piece>> {
        match self {
            Self::Location(_, text, _) | Self::Remember(_, text) => Some(text),
            Self::Move(text, _) | Self::MoveOn(text, _) | Self::MoveAndStop(text, _) | Self::MoveAgain(text, _) => {
                Some(text)
            }
            _ => None,
        }
    }

    fn text_mut(&mut self) -> Option<&mut Vec<Piece>> {
        match self {
            Self::Location(_, text, _) | Self::Remember(_, text) => Some(text),
            Self::Move(text, _) | Self::MoveOn(text, _) | Self::MoveAndStop(text, _) | Self::MoveAgain(text, _) => {
                Some(text)
            }
            _ => None,
        }
    }

    fn moves(&self) -> bool {
        matches!(self, Self::Move(..) | Self::MoveOn(..) | Self::MoveAndStop(..) | Self::MoveAgain(..))
    }

    /// Whether no later rule is looked at once this one applied.
    fn ends(&self) -> bool {
        matches!(self, Self::Location(..) | Self::Status(_) | Self::Stop | Self::ToLocations | Self::MoveOn(..))
            || matches!(self, Self::MoveAndStop(..))
    }
}

/// Whether the first `?` of a text may come from a group of something beside the path, where one is nothing unusual.
fn takes_mark(text: &[Piece], guards: &[Guard]) -> bool {
    let written = |piece: &Piece| matches!(piece, Piece::Literal(bytes) if bytes.contains(&b'?'));
    let other = |id: &GuardId, group: u8| guards.iter().any(|guard| guard.id == *id && guard.may_hold_mark(group));
    let before = text.iter().take_while(|piece| !written(piece));
    before.into_iter().any(|piece| matches!(piece, Piece::Group(id, group, _) if other(id, *group)))
}

fn has_named(guards: &[Guard], does: &Does) -> bool {
    let texts = guards.iter().flat_map(Guard::texts).chain(does.text());
    texts.flatten().any(|piece| matches!(piece, Piece::Named(_)))
}

/// `$is_args` within a text: one rule for requests with a query, one for those without.
fn by_query(does: Does) -> Vec<(Option<bool>, Does)> {
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
fn check_start(text: &[Piece]) -> Result<(), String> {
    let known = ["http://", "https://", "ftp://", "ws://", "wss://", "ldap://", "mailto:", "news:"];
    match text.first() {
        None => Err("Apache sends no empty `Location`".to_owned()),
        Some(Piece::Literal(bytes)) => {
            let lower = bytes.to_ascii_lowercase();
            let url = known.iter().any(|scheme| lower.starts_with(scheme.as_bytes()));
            if bytes.starts_with(b"/") || url {
                return Ok(());
            }
            Err(format!("`{}` begins neither a path nor a URL", String::from_utf8_lossy(bytes)))
        }
        Some(Piece::Expression("%{REQUEST_SCHEME}", _)) => Ok(()),
        Some(Piece::Group(..) | Piece::Path(_) | Piece::RawTarget | Piece::RawPath(_)) => Ok(()),
        Some(Piece::Variable(_) | Piece::Header(_)) => Ok(()),
        Some(_) => Err("its target begins neither a path nor a URL".to_owned()),
    }
}

fn remember(name: &str, value: &[u8]) -> Result<String, String> {
    if value.iter().any(|byte| matches!(byte, b',' | b']' | b'"')) {
        return Err("a flag cannot hold this value".to_owned());
    }
    Ok(format!("E={name}:{}", String::from_utf8_lossy(value)))
}
