//! mod_alias's redirects as steps.

use super::formula::Formula;
use super::list::{Home, Steps, source_of};
use super::paths::{path, prefix_pattern};
use super::regex::{self, Source};
use super::step::{Does, Path, Step};
use super::target::{self, Made, Maker};
use crate::emit::Refusal;
use crate::ir::clause::{Action, Answer, Clause, Content};
use crate::ir::pattern::Pattern;

impl Steps<'_> {
    /// One redirect of mod_alias.
    pub fn redirect(&mut self, clause: &Clause, folder: Option<&[u8]>) {
        let mark = self.mark();
        let result = match self.forbidden(clause.span) {
            Some(reason) => Err(reason.into()),
            None if self.closed => Err(super::access::closed()),
            None => self.try_redirect(clause, folder),
        };
        if let Err(reason) = self.kept(&mark, result) {
            self.leave_out(clause.span, reason);
        }
    }

    fn try_redirect(&mut self, clause: &Clause, folder: Option<&[u8]>) -> Result<(), Refusal> {
        let [Action::Answer(answer)] = clause.does.as_slice() else {
            return Err("it is no redirect".into());
        };
        let pattern = clause.when.matches.as_ref().map(|test| &test.pattern);
        let cut = pattern.and_then(source_of);
        let mut made = Made::default();
        let does = self.answer(answer, cut.as_ref(), &mut made)?;
        let mut parts = Vec::new();
        let path = match pattern {
            Some(Pattern::Segments(prefix)) if !prefix.starts_with(b"/") => {
                parts.push(Formula::FALSE());
                Path::All
            }
            Some(Pattern::Segments(prefix)) => Path::Pattern(prefix_pattern(prefix, !made.groups.is_empty())),
            Some(Pattern::Regex(_)) => {
                let names: Vec<_> = made.groups.iter().map(|group| (*group, format!("part_{group}"))).collect();
                let home = Home { folder: None, base: None, without: &[] };
                path(cut.as_ref(), false, home, &names, made.no_controls, &mut parts)
            }
            None => match folder.filter(|folder| *folder != b"/") {
                Some(folder) => Path::Pattern(regex::Pattern { text: target::segments(folder), ignore_case: false }),
                None => Path::All,
            },
            Some(_) => return Err("the kind of match has no counterpart in nginx".into()),
        };
        let comments = self.texts.comments(clause.span);
        let when = Formula::All(parts).simplified();
        let (before, inner, not_for_index) = (Vec::new(), made.before, false);
        self.steps.push(Step { span: clause.span, comments, path, when, before, inner, does, not_for_index });
        self.verdict(clause.span, &made.assumptions);
        Ok(())
    }

    fn answer(&mut self, answer: &Answer, cut: Option<&Source>, made: &mut Made) -> Result<Does, Refusal> {
        match &answer.content {
            Content::None => super::step::answer(answer.status),
            Content::Body(_) => Err(Refusal::new("it sends a text of its own", "`return` with the text")),
            Content::Location(to) => {
                if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                    return Err(format!("nginx sends no `Location` with status {}", answer.status).into());
                }
                let mut maker = Maker {
                    sent_query: false,
                    pattern_is_path: false,
                    maps: &mut self.maps,
                    variables: &self.variables,
                    dirty: &self.dirty,
                    absolute: &self.absolute,
                    pattern: cut,
                    condition: None,
                    folder: b"/",
                    base: None,
                    refuses_blanks: false,
                };
                *made = maker.alias(to)?;
                Ok(Does::Return(answer.status, Some(made.text.clone())))
            }
        }
    }
}
