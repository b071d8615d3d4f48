//! mod_rewrite's rules as steps. mod_alias's redirects are in [`super::redirect`], SetEnvIf and what rules remember
//! in [`super::variables`], what a rule that is left out means for the rules behind it in [`super::hold`].

use super::captures;
use super::condition::{self, Reader};
use super::formula::{Formula, Leaf};
use super::maps::Maps;
use super::paths::{against, internal, path};
use super::plan::{Statement, Test as If};
use super::regex::{self, Source};
use super::step::{Does, Path, Step};
use super::target::{self, Made, Maker};
use super::text::Text;
use super::uri;
use crate::emit::{Assumption, Fate, Refusal, Texts, Verdict};
use crate::ir::Program;
use crate::ir::clause::{Action, Clause, Rewrite, Store, Then, When};
use crate::ir::condition::Condition;
use crate::ir::pattern::Pattern;
use crate::ir::site::Site;
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
    /// The site whose lists these are.
    pub site: Option<&'a Site>,
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
    /// What the configuration's variables hold; one that is missing is not known.
    pub(super) variables: BTreeMap<u32, Text>,
    /// Variables whose value may need escaping.
    pub(super) dirty: BTreeSet<u32>,
    /// Variables that hold an absolute URL or nothing.
    pub(super) absolute: BTreeSet<u32>,
    /// What guards the next clauses: how many of them, and what has to hold or why that is not known.
    pub(super) guards: Vec<(u32, Result<Formula, Refusal>)>,
    /// Nothing may redirect here: see [`super::access`].
    pub(super) closed: bool,
}

impl<'a> Steps<'a> {
    /// Nothing yet.
    pub fn new(program: &'a Program, texts: &'a dyn Texts, without: &'a [(Span, String)]) -> Self {
        // nothing has set any variable, and Apache sees the few of its own environment only
        let ids = 0..u32::try_from(program.variables.len()).unwrap_or(u32::MAX);
        Self {
            program,
            site: None,
            texts,
            without,
            maps: Maps::default(),
            steps: Vec::new(),
            verdicts: Vec::new(),
            variables: ids.map(|id| (id, Text::default())).collect(),
            dirty: BTreeSet::new(),
            absolute: BTreeSet::new(),
            guards: Vec::new(),
            closed: false,
        }
    }

    /// A directive that is carried over, under what is taken for granted.
    pub(super) fn verdict(&mut self, span: Span, assumptions: &[Assumption]) {
        let fate = assumptions.iter().min().map_or(Fate::Exact, |assumption| Fate::Assuming(*assumption));
        self.verdicts.push(Verdict { span, fate });
    }

    /// A directive that is left out: a comment at its place and a verdict.
    pub fn leave_out(&mut self, span: Span, why: impl Into<Refusal>) {
        let why = why.into();
        let mut comments = self.texts.comments(span);
        let words = self.texts.directive(span);
        comments.push(format!("not converted: {}", why.reason).into_bytes());
        comments.extend(words.split(|&byte| byte == b'\n').map(|line| [b"    ", line.trim_ascii()].concat()));
        self.steps.push(Step::remark(span, comments));
        self.verdicts.push(Verdict { span, fate: Fate::LeftOut(why) });
    }

    /// Why a directive must be left out, where comparing has shown it.
    pub(super) fn forbidden(&self, span: Span) -> Option<String> {
        self.without.iter().find(|(other, _)| *other == span).map(|(_, reason)| reason.clone())
    }

    /// One rule of mod_rewrite.
    pub fn rule(&mut self, clause: &Clause, home: Home<'_>) {
        let guard: Result<Vec<Formula>, Refusal> = self.guards.iter().map(|(_, formula)| formula.clone()).collect();
        self.guards.retain_mut(|(left, _)| {
            *left -= 1;
            *left > 0
        });
        let mark = self.mark();
        let result = match self.forbidden(clause.span) {
            Some(reason) => Err(reason.into()),
            None if self.closed && !self.serves(clause) => Err(super::access::closed()),
            None => guard.and_then(|guard| self.try_rule(clause, home, Formula::All(guard))),
        };
        if let Err(reason) = self.kept(&mark, result) {
            self.leave_out(clause.span, reason);
            self.hold(clause, home);
        }
    }

    fn try_rule(&mut self, clause: &Clause, home: Home<'_>, guard: Formula) -> Result<(), Refusal> {
        let [Action::Rewrite(rewrite)] = clause.does.as_slice() else {
            return Err("it does more than rewriting".into());
        };
        if rewrite.proxy.is_some() {
            return Err(Refusal::new(
                "flag `P` fetches from another server: write a `proxy_pass` in a location by hand",
                "a location with `proxy_pass`",
            ));
        }
        if let Then::Restart { .. } = clause.then {
            return Err(Refusal::new(
                "flag `N` runs the rules again, and nginx has no loop",
                "write one rule for each number of repetitions, or let the application do it",
            ));
        }
        let by_path =
            captures::captured_path(&clause.when, rewrite).filter(|_| matches!(home.folder, None | Some(b"/")));
        let cut = match (&by_path, &clause.when.matches) {
            (Some(regex), _) => Source::new(regex),
            (None, Some(test)) => source_of(&test.pattern),
            (None, None) => None,
        };
        // such an expression sees the whole path
        let home = if by_path.is_some() { Home { folder: None, ..home } } else { home };
        let groups = self.needs_condition_groups(rewrite) && by_path.is_none();
        let stem = groups.then(|| self.maps.fresh("match"));
        let regexes = captures::capturing_regexes(&clause.when.conditions);
        let swapped = if by_path.is_some() { captures::capturing(&clause.when.conditions) } else { None };
        let (formula, mut before, own_groups, mut assumptions) =
            self.guards_of(&clause.when, stem.as_deref(), swapped)?;
        let mut parts = vec![guard, formula];
        let negated = clause.when.matches.as_ref().is_some_and(|test| test.negated);
        let mut made = Made::default();
        let of_path = captures::capturing_subject_is_path(&clause.when.conditions);
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

    /// The conditions. `swapped`: the one that is the step's path.
    fn guards_of(&mut self, when: &When, stem: Option<&str>, swapped: Option<usize>) -> Result<Guards, Refusal> {
        let mut own_groups = Vec::new();
        let mut reader = reader(&mut self.maps, &self.variables, &mut own_groups);
        let own = when.matches.as_ref().filter(|test| !test.negated).and_then(|test| source_of(&test.pattern));
        reader.own_count = own.map_or(0, |cut| cut.groups());
        let capturing = captures::capturing(&when.conditions);
        let formula = match (&when.conditions, stem) {
            (Condition::All(parts), Some(_)) => {
                let mut out = Vec::new();
                for (at, part) in parts.iter().enumerate() {
                    reader.groups = stem.filter(|_| capturing == Some(at)).map(str::to_owned);
                    let read = reader.condition(part, false)?;
                    let choice = matches!(part, Condition::Any(parts) if parts.len() > 1) && reader.groups.is_some();
                    if choice && !matches!(read.clone().simplified(), Formula::Leaf(_)) {
                        // Apache asks no further once one holds, and nginx asks them all
                        return Err(Refusal::new(
                            "which of several conditions captures depends on the request",
                            "write one rule for each of the conditions joined by OR",
                        ));
                    }
                    out.push(read);
                }
                Formula::All(out)
            }
            (Condition::All(parts), None) => {
                let others = parts.iter().enumerate().filter(|(at, _)| Some(*at) != swapped);
                let read: Result<Vec<_>, _> = others.map(|(_, part)| reader.condition(part, false)).collect();
                Formula::All(read?)
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
    ) -> Result<Option<Does>, Refusal> {
        if let Some(status) = rewrite.status {
            return Ok(Some(super::step::answer(status)?));
        }
        let ends = matches!(clause.then, Then::EndList | Then::EndAll);
        let Some(to) = &rewrite.to else {
            return Ok(ends.then_some(Does::Stop));
        };
        let within = if rewrite.redirect.is_none() { self.within(to) } else { None };
        let to = within.as_ref().unwrap_or(to);
        let folder = home.folder.unwrap_or(b"/");
        if let Some(status) = rewrite.foreign_question_mark.filter(|_| self.mark_is_foreign(to)) {
            return Ok(Some(Does::Return(status, None)));
        }
        let negated = clause.when.matches.as_ref().is_some_and(|test| test.negated);
        let fragment = self.program.fragment;
        let rewritten = || self.steps.iter().any(|step| matches!(step.does, Does::Rewrite(_, _, false)));
        let sent_query = condition::names_question_mark(&clause.when.conditions) && !rewritten();
        let mut maker = Maker {
            pattern_is_path: false,
            sent_query,
            maps: &mut self.maps,
            variables: &self.variables,
            dirty: &self.dirty,
            absolute: &self.absolute,
            // what a negated pattern does not match, it does not capture
            pattern: cut.filter(|_| !negated),
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
            .or(rewrite.implicit_redirect.filter(|_| uri::is_absolute(head) || maker.is_absolute(to)));
        let swapped = captures::captured_path(&clause.when, rewrite).is_some() && maker.condition.is_none();
        let to = &if swapped { target::from_pattern(to) } else { to.clone() };
        maker.pattern_is_path = swapped;
        if let Some(code) = code {
            *made = maker.rewrite(rewrite, to)?;
            if rewrite.redirect.is_none() && fragment {
                made.assumptions.push(Assumption::OtherName);
            }
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
        if negated {
            pattern = b"^".to_vec();
        }
        Ok(Some(Does::Rewrite(pattern, text, ends)))
    }

    /// Whether the first question mark of a target stands in the value of a variable: Apache refuses that.
    fn mark_is_foreign(&self, to: &Template) -> bool {
        let marked = to.parts.iter().find(|part| match part {
            Part::Literal(bytes) => bytes.contains(&b'?'),
            Part::Variable(id) => {
                self.variables.get(&id.0).and_then(Text::as_literal).is_some_and(|text| text.contains(&b'?'))
            }
            _ => false,
        });
        matches!(marked, Some(Part::Variable(_)))
    }

    /// Flags that guard the clauses which this one skips.
    fn skips(&mut self, clause: &Clause, path: &Path, when: &Formula, before: &[Statement]) {
        for (then, wanted) in [(clause.then, false), (clause.otherwise, true)] {
            let Then::Skip(count) = then else { continue };
            let name = self.maps.flag(if wanted { "chained" } else { "skipped" });
            self.steps.push(plain_set(clause.span, &name, Text::default()));
            let set = plain_set(clause.span, &name, Text::literal(b"1"));
            self.steps.push(Step { before: before.to_vec(), path: path.clone(), when: when.clone(), ..set });
            self.guards.push((count, Ok(Formula::Leaf(Leaf::flag(&name, wanted)))));
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
}

/// A reader of guards.
pub(super) fn reader<'r>(
    maps: &'r mut Maps,
    variables: &'r BTreeMap<u32, Text>,
    own_groups: &'r mut Vec<u8>,
) -> Reader<'r> {
    Reader { maps, variables, own_count: 0, own_groups, groups: None, before: Vec::new(), assumptions: Vec::new() }
}

/// A step that sets a variable, whatever the request.
pub(super) fn plain_set(span: Span, name: &str, value: Text) -> Step {
    Step { does: Does::Set(name.to_owned(), value), ..Step::remark(span, Vec::new()) }
}

/// The expression of a pattern, cut up; `None` where it is no expression or its options have no counterpart.
pub(super) fn source_of(pattern: &Pattern) -> Option<Source> {
    match pattern {
        Pattern::Regex(regex) => Source::new(regex),
        _ => None,
    }
}
