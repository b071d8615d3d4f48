//! What a clause does, as the target and the flags of a rule.

use super::does::{Does, Query};
use super::form::{Form, by_query, takes_mark};
use super::guard::{Guard, GuardId, Piece, Test};
use super::list::{Lists, Place};
use super::plan::{Rule, Statement};
use super::print::can_be_written;
use super::rule::Builder;
use crate::emit::{Assumption, Refusal};
use crate::source::Span;

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
    pub fn rules(&mut self, span: Span, place: &Place, main: Option<GuardId>, does: &Does) -> Result<(), Refusal> {
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

    fn rule(&mut self, guards: &[Guard], main: Option<GuardId>, does: &Does) -> Result<Rule, Refusal> {
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
            return Err(super::does::starts_over());
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
        let own = builder.own;
        let mut to = builder.text(&text)?;
        if form.whole {
            to.push(b'?');
        }
        if self.htaccess {
            self.allowed_inside(&rule, redirects)?;
        }
        if !can_be_written(&to) {
            return Err(Refusal::new(
                "its text holds both kinds of quotes beside blanks, or a line end",
                "percent-encode the quotes",
            ));
        }
        let mut flags = answer_flags(does, &to)?;
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
        flags.extend(self.ending_flags(does));
        rule.to_locations = matches!(does, Does::ToLocations | Does::MoveOn(..));
        let moves = matches!(does, Does::Location(..)) || does.moves();
        rule.to = moves.then_some(to);
        if rule.conditions.is_empty() && !form.raw {
            let test = guards.iter().find(|guard| Some(guard.id) == own).map(|guard| &guard.test);
            rule.instead = super::instead::alias(test, does, &text, form.query);
        }
        // NC stands behind what the rule does
        let nocase = std::mem::take(&mut rule.flags);
        rule.flags = nocase.into_iter().chain(flags).collect();
        Ok(rule)
    }

    /// Flags that say where the list goes on.
    fn ending_flags(&self, does: &Does) -> Vec<String> {
        let flags: &[&str] = match does {
            Does::MoveAndStop(..) if self.htaccess => &["END"],
            Does::Location(..) | Does::Stop | Does::MoveAndStop(..) => &["L"],
            Does::Status(status) if !matches!(status, 403 | 410) => &["L"],
            Does::MoveAgain(..) if self.htaccess => &["L"],
            Does::MoveAgain(..) => &["E=relocated:1", "N=12"],
            _ => &[],
        };
        flags.iter().map(|flag| (*flag).to_owned()).collect()
    }

    /// Whether a rule can stand in a `.htaccess`, and under what assumption.
    fn allowed_inside(&mut self, rule: &Rule, redirects: bool) -> Result<(), Refusal> {
        if std::mem::take(&mut self.needs.escape) | std::mem::take(&mut self.needs.unescape) {
            let reason =
                "it needs a `RewriteMap`, which a virtual host may hold (`--scope vhost`) and a `.htaccess` not";
            return Err(reason.into());
        }
        let exact = rule.pattern.ends_with(b"$") && !rule.pattern.contains(&b'(');
        if redirects && !exact {
            self.assumed.get_or_insert(Assumption::NoEncodedSlash);
        }
        Ok(())
    }
}

/// Flags that say what is answered, or remembered.
fn answer_flags(does: &Does, to: &[u8]) -> Result<Vec<String>, Refusal> {
    Ok(vec![match does {
        Does::Location(status, ..) => format!("R={status}"),
        Does::Status(403) => "F".to_owned(),
        Does::Status(410) => "G".to_owned(),
        Does::Status(444) => {
            return Err(Refusal::new("Apache cannot close a connection without an answer", "answer 403 (flag `F`)"));
        }
        Does::Status(status) if STATUSES.iter().any(|range| range.contains(status)) => format!("R={status}"),
        Does::Status(status) => return Err(format!("Apache does not send the status {status}").into()),
        Does::Remember(name, _) => remember(name, to)?,
        _ => return Ok(Vec::new()),
    }])
}

fn remember(name: &str, value: &[u8]) -> Result<String, Refusal> {
    if value.iter().any(|byte| matches!(byte, b',' | b']' | b'"')) {
        return Err(Refusal::new("a flag cannot hold this value", "choose a value without `,`, `]` and quotes"));
    }
    Ok(format!("E={name}:{}", String::from_utf8_lossy(value)))
}
