//! Clause lists as steps: mod_rewrite's rules, mod_alias's redirects, SetEnvIf.

use super::condition::{self, Reader};
use super::formula::{Formula, Leaf};
use super::maps::Maps;
use super::paths::{against, internal, path, prefix_pattern};
use super::plan::{Key, Statement, Test as If};
use super::regex::{self, Source};
use super::step::{Does, Path, Step};
use super::target::{self, Made, Maker};
use super::text::Text;
use crate::emit::{Assumption, Fate, Texts, Verdict};
use crate::ir::Program;
use crate::ir::clause::{Action, Answer, Clause, Content, Rewrite, Store, Then, When};
use crate::ir::condition::Condition;
use crate::ir::pattern::{Pattern, Regex};
use crate::ir::template::{Part, Template};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Guards of a clause: the formula, statements before it, groups of the own pattern that it reads, assumptions.
type Guards = (Formula, Vec<Statement>, Vec<u8>, Vec<Assumption>);

/// Where a list stands.
#[derive(Clone, Copy, Debug)]
pub struct Home<'a> {
    /// The URL path of its folder, with both slashes; `None` at server level, where patterns see the whole path.
    pub folder: Option<&'a [u8]>,
    /// RewriteBase.
    pub base: Option<&'a [u8]>,
    /// Folders below that have rules of their own, so that this list does not run there.
    pub without: &'a [Vec<u8>],
}

/// Turns lists into steps.
pub struct Steps<'a> {
    /// The program.
    pub program: &'a Program,
    /// The source's words, for comments.
    pub texts: &'a dyn Texts,
    /// What must be left out: found by comparing.
    pub without: &'a [(Span, String)],
    /// Tables.
    pub maps: Maps,
    /// Steps so far.
    pub steps: Vec<Step>,
    /// Verdicts so far.
    pub verdicts: Vec<Verdict>,
    variables: BTreeMap<u32, Text>,
    dirty: BTreeSet<u32>,
    /// Variables that hold an absolute URL or nothing.
    absolute: BTreeSet<u32>,
    /// Flags that guard the next clauses: how many, variable, wanted value.
    guards: Vec<(u32, Formula)>,
}

impl<'a> Steps<'a> {
    /// Nothing yet.
    pub fn new(program: &'a Program, texts: &'a dyn Texts, without: &'a [(Span, String)]) -> Self {
        // nothing has set any variable, and Apache sees the few of its own environment only
        let ids = 0..u32::try_from(program.variables.len()).unwrap_or(u32::MAX);
        Self {
            program,
            texts,
            without,
            maps: Maps::default(),
            steps: Vec::new(),
            verdicts: Vec::new(),
            variables: ids.map(|id| (id, Text::default())).collect(),
            dirty: BTreeSet::new(),
            absolute: BTreeSet::new(),
            guards: Vec::new(),
        }
    }

    fn verdict(&mut self, span: Span, assumptions: &[Assumption]) {
        let fate = assumptions.iter().min().map_or(Fate::Exact, |assumption| Fate::Assuming(*assumption));
        self.verdicts.push(Verdict { span, fate });
    }

    /// A directive that is left out: a comment at its place and a verdict.
    pub fn leave_out(&mut self, span: Span, reason: String, by_hand: Option<String>) {
        let mut comments = self.texts.comments(span);
        let words = self.texts.directive(span);
        comments.push(format!("not converted: {reason}").into_bytes());
        comments.extend(words.split(|&byte| byte == b'\n').map(|line| [b"    ", line.trim_ascii()].concat()));
        self.steps.push(Step::remark(span, comments));
        self.verdicts.push(Verdict { span, fate: Fate::LeftOut { reason, by_hand } });
    }

    fn forbidden(&self, span: Span) -> Option<String> {
        self.without.iter().find(|(other, _)| *other == span).map(|(_, reason)| reason.clone())
    }

    /// SetEnvIf and relatives: each assignment is a table whose default is the value before.
    pub fn environment(&mut self, clause: &Clause) {
        let result = match self.forbidden(clause.span) {
            Some(reason) => Err(reason),
            None => self.try_environment(clause),
        };
        match result {
            Ok(()) => self.verdict(clause.span, &[]),
            Err(reason) => self.leave_out(clause.span, reason, None),
        }
    }

    fn try_environment(&mut self, clause: &Clause) -> Result<(), String> {
        let mut groups = Vec::new();
        let mut reader = reader(&mut self.maps, &self.variables, &mut groups);
        let formula = match &clause.when.matches {
            Some(test) => reader.matches(test, false)?,
            None => Formula::TRUE(),
        };
        let cut = match &clause.when.matches {
            Some(test) => source_of(&test.pattern),
            None => None,
        };
        for action in &clause.does {
            let Action::Set(id, value) = action else {
                return Err("it does something beside setting a variable".to_owned());
            };
            let name = self.variable_name(id.0);
            let before = self.variables.get(&id.0).cloned().unwrap_or_default();
            let mut text = Text::default();
            for part in value.iter().flat_map(|value| &value.parts) {
                match part {
                    Part::Literal(bytes) => text.push_literal(bytes),
                    Part::Capture { group, .. } => {
                        let clean = cut.as_ref().is_some_and(|cut| *group > 0 && cut.group_is_clean(*group));
                        if !clean {
                            self.dirty.insert(id.0);
                        }
                        text.push_variable(&group.to_string());
                    }
                    _ => return Err("the value is computed".to_owned()),
                }
            }
            self.note_absolute(id.0, &before, &text);
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

    /// One rule of mod_rewrite.
    pub fn rule(&mut self, clause: &Clause, home: Home<'_>) {
        let guard = Formula::All(self.guards.iter().map(|(_, formula)| formula.clone()).collect());
        self.guards.retain_mut(|(left, _)| {
            *left -= 1;
            *left > 0
        });
        let count = self.steps.len();
        let result = match self.forbidden(clause.span) {
            Some(reason) => Err(reason),
            None => self.try_rule(clause, home, guard),
        };
        if let Err(reason) = result {
            self.steps.truncate(count);
            self.leave_out(clause.span, reason, None);
        }
    }

    fn try_rule(&mut self, clause: &Clause, home: Home<'_>, guard: Formula) -> Result<(), String> {
        let [Action::Rewrite(rewrite)] = clause.does.as_slice() else {
            return Err("it does more than rewriting".to_owned());
        };
        if rewrite.proxy.is_some() {
            return Err("flag `P` fetches from another server: write a `proxy_pass` in a location by hand".to_owned());
        }
        if let Then::Restart { .. } = clause.then {
            return Err("flag `N` runs the rules again, and nginx has no loop".to_owned());
        }
        let cut = match &clause.when.matches {
            Some(test) => source_of(&test.pattern),
            None => None,
        };
        let stem = (self.needs_condition_groups(rewrite)).then(|| self.maps.fresh("match"));
        let regexes = condition_regexes(&clause.when.conditions);
        let (formula, mut before, own_groups, mut assumptions) = self.guards_of(&clause.when, stem.as_deref())?;
        let mut parts = vec![guard, formula];
        let negated = clause.when.matches.as_ref().is_some_and(|test| test.negated);
        let mut made = Made::default();
        let of_path = condition::capturing_subject_is_path(&clause.when.conditions);
        let condition = stem.map(|stem| (stem, regexes, of_path));
        let does = self.does(clause, rewrite, home, cut.as_ref(), condition.clone(), &mut made)?;
        made.groups.extend(&own_groups);
        assumptions.extend(made.assumptions.iter().copied());
        let names: Vec<_> = made.groups.iter().map(|group| (*group, format!("part_{group}"))).collect();
        let path = path(cut.as_ref(), negated, home, &names, made.no_controls, &mut parts);
        if !own_groups.is_empty() {
            // the conditions read groups of the pattern, so it has to be matched before them
            if let Path::Pattern(pattern) = &path {
                let set = Statement::Set("part_seen".to_owned(), Text::literal(b"1"));
                let test = If::Matches("uri".to_owned(), pattern.text.clone(), pattern.ignore_case);
                before.insert(0, Statement::If(test, vec![set]));
            }
        }
        let when = Formula::All(parts).simplified();
        let ends = matches!(clause.then, Then::EndList | Then::EndAll);
        if !ends || !matches!(does, Some(Does::Return(..))) {
            self.variables(clause.span, rewrite, (&path, &when, &before), cut.as_ref(), condition.as_ref())?;
        }
        self.skips(clause, &path, &when, &before);
        if made.no_blanks {
            self.refuse_blanks(clause.span, &path, &when, &before);
        }
        let comments = self.texts.comments(clause.span);
        let inner = made.before;
        if let Some(does) = does {
            let not_for_index = matches!(does, Does::Return(300..400, Some(_)));
            self.steps.push(Step { span: clause.span, comments, path, when, before, inner, does, not_for_index });
        }
        self.verdict(clause.span, &assumptions);
        Ok(())
    }

    fn guards_of(&mut self, when: &When, stem: Option<&str>) -> Result<Guards, String> {
        let mut own_groups = Vec::new();
        let mut reader = reader(&mut self.maps, &self.variables, &mut own_groups);
        let capturing = condition::capturing(&when.conditions);
        let formula = match (&when.conditions, stem) {
            (Condition::All(parts), Some(_)) => {
                let mut out = Vec::new();
                for (at, part) in parts.iter().enumerate() {
                    reader.groups = stem.filter(|_| capturing == Some(at)).map(str::to_owned);
                    out.push(reader.condition(part, false)?);
                }
                Formula::All(out)
            }
            (condition, stem) => {
                reader.groups = stem.map(str::to_owned);
                reader.condition(condition, false)?
            }
        };
        let (before, assumptions) = (reader.before, reader.assumptions);
        Ok((formula, before, own_groups, assumptions))
    }

    fn needs_condition_groups(&self, rewrite: &Rewrite) -> bool {
        let reads = |template: &Template| {
            template.parts.iter().any(|part| matches!(part, Part::Capture { store: Store::Condition, .. }))
        };
        let sets = |action: &Action| matches!(action, Action::Set(_, Some(value)) if reads(value));
        rewrite.to.as_ref().is_some_and(reads) || rewrite.meanwhile.iter().any(sets)
    }

    /// What the rule does once it applies; `None` for nothing but flags and variables.
    fn does(
        &mut self,
        clause: &Clause,
        rewrite: &Rewrite,
        home: Home<'_>,
        cut: Option<&Source>,
        condition: Option<target::Groups<'_>>,
        made: &mut Made,
    ) -> Result<Option<Does>, String> {
        if let Some(status) = rewrite.status {
            return Ok(Some(Does::Return(status, None)));
        }
        let ends = matches!(clause.then, Then::EndList | Then::EndAll);
        let Some(to) = &rewrite.to else {
            return Ok(ends.then_some(Does::Stop));
        };
        let folder = home.folder.unwrap_or(b"/");
        let mut maker = Maker {
            maps: &mut self.maps,
            variables: &self.variables,
            dirty: &self.dirty,
            absolute: &self.absolute,
            pattern: cut,
            condition,
            folder,
            base: home.base,
            refuses_blanks: true,
        };
        let to = &maker.expanded(to);
        let head: &[u8] = match to.parts.first() {
            Some(Part::Literal(bytes)) => bytes,
            _ => b"",
        };
        let code = rewrite
            .sent_status()
            .or(rewrite.implicit_redirect.filter(|_| target::is_absolute(head) || maker.is_absolute(to)));
        if let Some(code) = code {
            *made = maker.rewrite(rewrite, to)?;
            return Ok(Some(Does::Return(code, Some(made.text.clone()))));
        }
        let text = internal(&mut maker, rewrite, to, home)?;
        let mut pattern = match cut {
            Some(cut) => cut.pattern(against(home), &[]).text,
            None => b"^".to_vec(),
        };
        if cut.is_some_and(|cut| cut.pattern(against(home), &[]).ignore_case) {
            pattern = [b"(?i)", pattern.as_slice()].concat();
        }
        if clause.when.matches.as_ref().is_some_and(|test| test.negated) {
            pattern = b"^".to_vec();
        }
        Ok(Some(Does::Rewrite(pattern, text, ends)))
    }

    /// Variables that the rule sets.
    fn variables(
        &mut self,
        span: Span,
        rewrite: &Rewrite,
        (path, when, before): (&Path, &Formula, &[Statement]),
        cut: Option<&Source>,
        condition: Option<&target::Groups<'_>>,
    ) -> Result<(), String> {
        for action in &rewrite.meanwhile {
            let Action::Set(id, value) = action else {
                return Err("it sets a cookie: add it by hand with `add_header Set-Cookie`".to_owned());
            };
            let mut text = Text::default();
            for part in value.iter().flat_map(|value| &value.parts) {
                match part {
                    Part::Literal(bytes) => text.push_literal(bytes),
                    Part::Capture { store: Store::Pattern, group, .. } if matches!(path, Path::Pattern(_)) => {
                        if cut.is_some_and(|cut| *group <= cut.groups()) {
                            text.push_variable(&group.to_string());
                        }
                    }
                    Part::Capture { store: Store::Condition, group, .. } => {
                        let Some((stem, regexes, _)) = condition else { continue };
                        let mut cuts = regexes.iter().filter_map(|regex| Source::new(regex));
                        if *group == 0 || !cuts.all(|cut| cut.group_is_clean(*group)) {
                            self.dirty.insert(id.0);
                        }
                        text.push_variable(&format!("{stem}_{group}"));
                    }
                    Part::Attribute(attribute) => text.append(&super::attribute::text(attribute, &mut self.maps)?.0),
                    Part::Variable(other) => text.append(&self.value_of(other.0)),
                    _ => return Err("the value of a variable is computed".to_owned()),
                }
            }
            if when.is_true() && *path == Path::All && text.as_literal().is_some() {
                self.variables.insert(id.0, text);
                continue;
            }
            let name = self.maps.fresh(&format!("env_{}", self.variable_name(id.0)));
            let old = self.value_of(id.0);
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
        let head = matches!(new.0.first(), Some(super::text::Piece::Literal(bytes)) if target::is_absolute(bytes));
        let before =
            old.0.is_empty() || self.absolute.contains(&id) || old.as_literal().is_some_and(target::is_absolute);
        if head && before {
            self.absolute.insert(id);
        } else {
            self.absolute.remove(&id);
        }
    }

    /// What a variable holds at this point; nothing where nothing has set it.
    fn value_of(&self, id: u32) -> Text {
        self.variables.get(&id).cloned().unwrap_or_default()
    }

    /// Flags that guard the clauses which this one skips.
    fn skips(&mut self, clause: &Clause, path: &Path, when: &Formula, before: &[Statement]) {
        for (then, wanted) in [(clause.then, false), (clause.otherwise, true)] {
            let Then::Skip(count) = then else { continue };
            let name = self.maps.fresh(if wanted { "chained" } else { "skipped" });
            self.steps.push(plain_set(clause.span, &name, Text::default()));
            let set = plain_set(clause.span, &name, Text::literal(b"1"));
            self.steps.push(Step { before: before.to_vec(), path: path.clone(), when: when.clone(), ..set });
            let keys = vec![Key::Literal(b"1".to_vec())];
            self.guards.push((count, Formula::Leaf(Leaf { source: Text::variable(&name), keys, wanted })));
        }
    }

    /// Apache answers 403 where a blank would get into the query unescaped.
    fn refuse_blanks(&mut self, span: Span, path: &Path, when: &Formula, before: &[Statement]) {
        let Path::Pattern(pattern) = path else { return };
        let (flags, rest) = match pattern.text.strip_prefix(b"(?s)") {
            Some(rest) => (&b"(?s)"[..], rest),
            None => (&b""[..], &pattern.text[..]),
        };
        let text = [flags, br"(?=.*\x20)", rest].concat();
        let path = Path::Pattern(regex::Pattern { text, ignore_case: pattern.ignore_case });
        let does = Does::Return(403, None);
        let refusal =
            Step { path, when: when.clone(), before: before.to_vec(), does, ..Step::remark(span, Vec::new()) };
        self.steps.push(refusal);
    }

    /// One redirect of mod_alias.
    pub fn redirect(&mut self, clause: &Clause, folder: Option<&[u8]>) {
        let count = self.steps.len();
        let result = match self.forbidden(clause.span) {
            Some(reason) => Err(reason),
            None => self.try_redirect(clause, folder),
        };
        if let Err(reason) = result {
            self.steps.truncate(count);
            self.leave_out(clause.span, reason, None);
        }
    }

    fn try_redirect(&mut self, clause: &Clause, folder: Option<&[u8]>) -> Result<(), String> {
        let [Action::Answer(answer)] = clause.does.as_slice() else {
            return Err("it is no redirect".to_owned());
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
            Some(_) => return Err("the kind of match has no counterpart in nginx".to_owned()),
        };
        let comments = self.texts.comments(clause.span);
        let when = Formula::All(parts).simplified();
        let (before, inner, not_for_index) = (Vec::new(), made.before, false);
        self.steps.push(Step { span: clause.span, comments, path, when, before, inner, does, not_for_index });
        self.verdict(clause.span, &made.assumptions);
        Ok(())
    }

    fn answer(&mut self, answer: &Answer, cut: Option<&Source>, made: &mut Made) -> Result<Does, String> {
        match &answer.content {
            Content::None => Ok(Does::Return(answer.status, None)),
            Content::Body(_) => Err("it sends a text of its own".to_owned()),
            Content::Location(to) => {
                if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
                    return Err(format!("nginx sends no `Location` with status {}", answer.status));
                }
                let mut maker = Maker {
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

fn reader<'r>(maps: &'r mut Maps, variables: &'r BTreeMap<u32, Text>, own_groups: &'r mut Vec<u8>) -> Reader<'r> {
    Reader { maps, variables, own_groups, groups: None, before: Vec::new(), assumptions: Vec::new() }
}

fn plain_set(span: Span, name: &str, value: Text) -> Step {
    Step { does: Does::Set(name.to_owned(), value), ..Step::remark(span, Vec::new()) }
}

fn source_of(pattern: &Pattern) -> Option<Source> {
    match pattern {
        Pattern::Regex(regex) => Source::new(regex),
        _ => None,
    }
}

fn condition_regexes(condition: &Condition) -> Vec<&Regex> {
    match (condition, condition::capturing(condition)) {
        (Condition::All(parts), Some(at)) => parts.get(at).map(condition::capturing_regexes).unwrap_or_default(),
        (other, _) => condition::capturing_regexes(other),
    }
}
