//! What a clause of nginx does, as what a rule can do.

use super::guard::{GuardId, Piece};
use super::list::{Lists, Place, all_of};
use crate::emit::{Fate, Refusal};
use crate::ir::clause::{Action, Clause, Content, Rewrite, Then};
use crate::ir::condition::Condition;
use crate::ir::policy::{Escape, QueryPolicy};
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

impl Does {
    /// What it writes, if anything.
    pub fn text(&self) -> Option<&Vec<Piece>> {
        match self {
            Self::Location(_, text, _) | Self::Remember(_, text) => Some(text),
            Self::Move(text, _) | Self::MoveOn(text, _) | Self::MoveAndStop(text, _) | Self::MoveAgain(text, _) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// The same, to put something in.
    pub fn text_mut(&mut self) -> Option<&mut Vec<Piece>> {
        match self {
            Self::Location(_, text, _) | Self::Remember(_, text) => Some(text),
            Self::Move(text, _) | Self::MoveOn(text, _) | Self::MoveAndStop(text, _) | Self::MoveAgain(text, _) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// Whether it changes the path.
    pub fn moves(&self) -> bool {
        matches!(self, Self::Move(..) | Self::MoveOn(..) | Self::MoveAndStop(..) | Self::MoveAgain(..))
    }

    /// Whether no later rule is looked at once this one applied.
    pub fn ends(&self) -> bool {
        matches!(self, Self::Location(..) | Self::Status(_) | Self::Stop | Self::ToLocations | Self::MoveOn(..))
            || matches!(self, Self::MoveAndStop(..))
    }
}

impl Lists<'_> {
    /// What an action comes to; true where nothing gets past it.
    ///
    /// # Errors
    /// What cannot be said.
    pub fn action(
        &mut self,
        action: &Action,
        clause: &Clause,
        place: &mut Place,
        main: Option<GuardId>,
    ) -> Result<bool, Refusal> {
        match action {
            Action::Answer(answer) => {
                let does = match &answer.content {
                    Content::Location(target) => {
                        let to = self.pieces(&target.to, place)?;
                        Does::Location(answer.status, to, Query::Own)
                    }
                    Content::None => Does::Status(answer.status),
                    Content::Body(text) if text.parts.is_empty() && answer.status >= 300 => Does::Status(answer.status),
                    Content::Body(text) => return self.body(clause.span, answer.status, text.parts.is_empty(), place),
                };
                self.rules(clause.span, place, main, &does)?;
                Ok(true)
            }
            Action::Rewrite(rewrite) => self.rewrite(rewrite, clause, place, main),
            Action::Set(id, Some(value)) => {
                let value = self.pieces(value, place)?;
                if self.filled.conditional.contains(&id.0) && !place.closing {
                    let name = self.program.variables.get(id.0 as usize);
                    let name = super::text::own_name(name.map_or(&b""[..], |variable| &variable.name))?;
                    self.rules(clause.span, place, main, &Does::Remember(name, value))?;
                } else {
                    place.names.values.insert(id.0, value);
                    self.verdict(clause.span);
                }
                Ok(false)
            }
            Action::KeepScope if clause.does.len() == 1 => {
                let does = if place.server { Does::ToLocations } else { Does::Stop };
                self.rules(clause.span, place, main, &does)?;
                Ok(true)
            }
            Action::Enter(_) | Action::KeepScope | Action::MarkInternal => Ok(false),
            Action::Opaque(what) => Err(what.clone().into()),
            _ => Err("it does something that only Apache has".into()),
        }
    }

    /// An answer with a text: Apache has the status only.
    fn body(&mut self, span: Span, status: u16, empty: bool, place: &mut Place) -> Result<bool, Refusal> {
        self.rules(span, place, None, &Does::Status(status))?;
        if !empty {
            let reason = format!("the text is not carried over: Apache sends a page of its own with status {status}");
            let why = Refusal::new(reason, "put the text into a file and serve that");
            self.verdicts.insert(span, Fate::LeftOut(why));
        }
        Ok(true)
    }

    fn rewrite(
        &mut self,
        rewrite: &Rewrite,
        clause: &Clause,
        place: &mut Place,
        main: Option<GuardId>,
    ) -> Result<bool, Refusal> {
        let Some(to) = &rewrite.to else { return Ok(false) };
        let QueryPolicy::SplitLiteral { drop_old } = rewrite.query else {
            return Err("its query is treated in a way of Apache's".into());
        };
        let mut to = self.pieces(to, place)?;
        if rewrite.escape == Escape::UnescapeRedirect {
            super::text::unescape(&mut to);
        }
        if to.last() == Some(&Piece::Literal(Vec::new())) {
            to.pop();
        }
        let marked = to.iter().any(|piece| matches!(piece, Piece::Literal(bytes) if bytes.contains(&b'?')));
        let query = match (drop_old, marked) {
            (true, _) => Query::Drop,
            (false, true) => Query::Append,
            (false, false) => Query::Keep,
        };
        if let Some(status) = rewrite.sent_status() {
            self.rules(clause.span, place, main, &Does::Location(status, to, query))?;
            return Ok(true);
        }
        let last = clause.then == Then::EndList;
        let stays = clause.does.iter().any(|action| matches!(action, Action::KeepScope));
        let does = if place.server {
            if last { Does::MoveOn(to, query) } else { Does::Move(to, query) }
        } else if stays || !self.leads_on(&to) {
            Does::MoveAndStop(to, query)
        } else {
            if self.htaccess && self.has_own_rules {
                return Err(starts_over());
            }
            self.again = true;
            Does::MoveAgain(to, query)
        };
        self.rules(clause.span, place, main, &does)?;
        self.changed = true;
        Ok(last)
    }
}

/// Whether a clause answers whatever the request.
pub fn answers(clause: &Clause) -> bool {
    let always = clause.when.matches.is_none() && all_of(&clause.when.conditions).is_ok_and(<[Condition]>::is_empty);
    always && clause.does.iter().any(|action| matches!(action, Action::Answer(_)))
}

/// Why a new path cannot be handed on.
pub fn starts_over() -> Refusal {
    Refusal::new("a `.htaccess` starts over with a new path", "a virtual host does not: `--scope vhost`")
}
