//! Environment variables: SetEnvIf and relatives, and what rules remember by flag `E`.

use super::formula::Formula;
use super::list::{Steps, plain_set, reader, source_of};
use super::paths::whole_match;
use super::plan::{Key, Statement};
use super::regex::Source;
use super::step::{Path, Step};
use super::target;
use super::text::Text;
use super::uri;
use crate::emit::Refusal;
use crate::ir::clause::{Action, Clause, Rewrite, Store};
use crate::ir::template::Part;
use crate::source::Span;

impl Steps<'_> {
    /// SetEnvIf and relatives: each assignment is a table whose default is the value before.
    pub fn environment(&mut self, clause: &Clause) {
        let mark = self.mark();
        let result = match self.forbidden(clause.span) {
            Some(reason) => Err(reason.into()),
            None => self.try_environment(clause),
        };
        match self.kept(&mark, result) {
            Ok(()) => self.verdict(clause.span, &[]),
            Err(reason) => {
                self.leave_out(clause.span, reason);
                self.forget(&clause.does);
            }
        }
    }

    /// Variables of a clause that is left out: nothing is known of them from here on.
    pub(super) fn forget(&mut self, does: &[Action]) {
        for action in does {
            match action {
                Action::Set(id, _) => drop(self.variables.remove(&id.0)),
                Action::Rewrite(rewrite) => self.forget(&rewrite.meanwhile),
                _ => {}
            }
        }
    }

    fn try_environment(&mut self, clause: &Clause) -> Result<(), Refusal> {
        let mut groups = Vec::new();
        let mut reader = reader(&mut self.maps, &self.variables, &mut groups);
        let formula = match &clause.when.matches {
            Some(test) => reader.matches(test, false)?.simplified(),
            None => Formula::TRUE(),
        };
        let cut = match &clause.when.matches {
            Some(test) => source_of(&test.pattern),
            None => None,
        };
        for action in &clause.does {
            let Action::Set(id, value) = action else {
                return Err("it does something beside setting a variable".into());
            };
            let name = self.variable_name(id.0);
            let Some(before) = self.variables.get(&id.0).cloned() else {
                return Err(Refusal::new(
                    "it sets a variable that is set elsewhere",
                    "write what sets the variable as a `map` in the `http` block",
                ));
            };
            let mut text = Text::default();
            for part in value.iter().flat_map(|value| &value.parts) {
                match part {
                    Part::Literal(bytes) => text.push_literal(bytes),
                    Part::Capture { group: 0, .. } => return Err(whole_match()),
                    Part::Capture { group, .. } if cut.as_ref().is_none_or(|cut| *group > cut.groups()) => {}
                    Part::Capture { group, .. } => {
                        let clean = cut.as_ref().is_some_and(|cut| cut.group_is_clean(*group));
                        if !clean {
                            self.dirty.insert(id.0);
                        }
                        text.push_variable(&group.to_string());
                    }
                    _ => return Err(Refusal::new("the value is computed", "write a `map` for the values it takes")),
                }
            }
            self.note_absolute(id.0, &before, &text);
            if value.is_some() && text.as_literal() == Some(b"") {
                return Err(Refusal::new(
                    "it sets a variable to nothing, which nginx cannot tell from unset",
                    "set it to `1`, and test for that",
                ));
            }
            let value = match &formula {
                Formula::Leaf(leaf) => {
                    let (hit, miss) = if leaf.wanted { (text, before) } else { (before, text) };
                    let mut rows: Vec<_> = leaf.keys.iter().map(|key| (key.clone(), hit.clone())).collect();
                    rows.push((Key::Default, miss));
                    Text::variable(&self.maps.get(&format!("env_{name}"), leaf.source.clone(), rows, false))
                }
                formula if formula.is_true() => text,
                _ => before,
            };
            self.variables.insert(id.0, value);
        }
        Ok(())
    }

    fn variable_name(&self, id: u32) -> String {
        let name = self.program.variables.get(id as usize).map(|variable| variable.name.clone()).unwrap_or_default();
        let word = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() as char } else { '_' };
        name.iter().map(word).collect()
    }

    /// Variables that the rule sets.
    pub(super) fn variables(
        &mut self,
        span: Span,
        rewrite: &Rewrite,
        (path, when, before): (&Path, &Formula, &[Statement]),
        cut: Option<&Source>,
        condition: Option<&target::Groups<'_>>,
    ) -> Result<(), Refusal> {
        for action in &rewrite.meanwhile {
            let Action::Set(id, value) = action else {
                return Err(Refusal::new(
                    "it sets a cookie: add it by hand with `add_header Set-Cookie`",
                    "`add_header Set-Cookie` with `always` in the location",
                ));
            };
            let mut text = Text::default();
            for part in value.iter().flat_map(|value| &value.parts) {
                match part {
                    Part::Literal(bytes) => text.push_literal(bytes),
                    Part::Capture { group: 0, .. } => return Err(whole_match()),
                    Part::Capture { store: Store::Pattern, group, .. } if matches!(path, Path::Pattern(_)) => {
                        if cut.is_some_and(|cut| *group <= cut.groups()) {
                            text.push_variable(&group.to_string());
                        }
                    }
                    Part::Capture { store: Store::Condition, group, .. } => {
                        let Some(condition) = condition else { continue };
                        let mut cuts = condition.1.iter().filter_map(|regex| Source::new(regex));
                        if !cuts.all(|cut| cut.group_is_clean(*group)) {
                            self.dirty.insert(id.0);
                        }
                        target::group_variable(condition, *group).iter().for_each(|name| text.push_variable(name));
                    }
                    Part::Attribute(attribute) => text.append(&super::attribute::text(attribute, &mut self.maps)?.0),
                    Part::Variable(other) => {
                        text.append(self.variables.get(&other.0).ok_or(Refusal::new(
                            "it depends on a variable that is set elsewhere",
                            "write what sets the variable as a `map` in the `http` block",
                        ))?);
                    }
                    _ => {
                        return Err(Refusal::new(
                            "the value of a variable is computed",
                            "write a `map` for the values it takes",
                        ));
                    }
                }
            }
            if when.is_true() && *path == Path::All && text.as_literal().is_some() {
                self.variables.insert(id.0, text);
                continue;
            }
            let name = self.maps.fresh(&format!("env_{}", self.variable_name(id.0)));
            let Some(old) = self.variables.get(&id.0).cloned() else {
                return Err(Refusal::new(
                    "it sets a variable that is set elsewhere",
                    "write what sets the variable as a `map` in the `http` block",
                ));
            };
            self.note_absolute(id.0, &old, &text);
            self.steps.push(plain_set(span, &name, old));
            let set = plain_set(span, &name, text);
            self.steps.push(Step { before: before.to_vec(), path: path.clone(), when: when.clone(), ..set });
            self.variables.insert(id.0, Text::variable(&name));
        }
        Ok(())
    }

    /// Remembers whether a variable can only hold absolute URLs.
    fn note_absolute(&mut self, id: u32, old: &Text, new: &Text) {
        let head = matches!(new.0.first(), Some(super::text::Piece::Literal(bytes)) if uri::is_absolute(bytes));
        let before = old.0.is_empty() || self.absolute.contains(&id) || old.as_literal().is_some_and(uri::is_absolute);
        if head && before {
            self.absolute.insert(id);
        } else {
            self.absolute.remove(&id);
        }
    }
}
