//! nginx's lists, clause by clause, as rules: conditions of blocks become conditions of every rule in them.

use super::filled::Filled;
use super::guard::{Guard, GuardId, PathTest, Piece, Test};
use super::plan::Statement;
use super::reach::Entries;
use super::rule::Needs;
use super::text::{Captures, Names, Reader};
use crate::emit::{Assumption, Fate, Options, Refusal, Texts};
use crate::ir::clause::{Action, Clause, Match, Subject, Then};
use crate::ir::condition::{Condition, TestKind};
use crate::ir::pattern::Pattern;
use crate::ir::scope::Scope;
use crate::ir::template::Template;
use crate::ir::{Program, ScopeId};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

/// Deepest nesting of blocks that is followed.
const DEPTH: usize = 32;

/// What is known at a place of a list.
#[derive(Clone, Debug)]
pub struct Place {
    /// What must hold.
    pub guards: Vec<Guard>,
    /// What texts are made from.
    pub names: Names,
    /// The list is the server's own.
    pub server: bool,
    /// In a block that ends with an answer: what it sets is read nowhere else.
    pub closing: bool,
}

/// Converts the lists of one site.
pub struct Lists<'a> {
    /// The program.
    pub program: &'a Program,
    /// The source's words.
    pub texts: &'a dyn Texts,
    /// Directives to leave out.
    pub without: &'a [(Span, String)],
    /// The rules stand in a `.htaccess`: patterns see the path without its first slash, and start over with a new one.
    pub htaccess: bool,
    /// Everything is a rule, even where mod_alias says the same.
    pub rules_only: bool,
    /// What fills the variables.
    pub filled: Filled,
    /// The site's own name.
    pub own_name: Vec<u8>,
    /// Headers and error pages of the site itself.
    pub site_spans: FxHashSet<Span>,
    /// The locations.
    pub entries: Entries,
    /// Named locations.
    pub named: FxHashMap<Vec<u8>, ScopeId>,
    /// What the rules need beside themselves.
    pub needs: Needs,
    /// What is written.
    pub out: Vec<Statement>,
    /// What became of each directive.
    pub verdicts: FxHashMap<Span, Fate>,
    /// What the rule being made rests on.
    pub assumed: Option<Assumption>,
    /// The path was rewritten by an earlier rule.
    pub changed: bool,
    /// Rules are gone through again.
    pub again: bool,
    /// The site has rules before its locations.
    pub has_own_rules: bool,
    /// Where files of the place lie.
    pub root: Result<Option<Vec<u8>>, Refusal>,
    /// Comments of directives already written.
    pub commented: FxHashSet<Span>,
    next: GuardId,
}

impl<'a> Lists<'a> {
    /// Nothing converted yet.
    pub fn new(program: &'a Program, texts: &'a dyn Texts, options: &'a Options) -> Self {
        Self {
            program,
            texts,
            without: &options.without,
            htaccess: options.scope == crate::emit::Scope::Htaccess,
            rules_only: options.style == crate::emit::Style::Rewrite,
            filled: Filled::of(program),
            own_name: Vec::new(),
            site_spans: FxHashSet::default(),
            entries: Entries::default(),
            named: FxHashMap::default(),
            needs: Needs::default(),
            out: Vec::new(),
            verdicts: FxHashMap::default(),
            assumed: None,
            changed: false,
            again: false,
            has_own_rules: false,
            root: Ok(None),
            commented: FxHashSet::default(),
            next: 0,
        }
    }

    /// A scope of the program.
    pub fn scope(&self, id: ScopeId) -> Option<&'a Scope> {
        self.program.scopes.get(id.0 as usize)
    }

    /// A guard with a number of its own.
    pub fn guard(&mut self, test: Test, negated: bool) -> Guard {
        self.next += 1;
        Guard { id: self.next, test, negated }
    }

    /// Pieces of a template at a place.
    ///
    /// # Errors
    /// What Apache has no text for.
    pub fn pieces(&self, template: &crate::ir::template::Template, place: &Place) -> Result<Vec<Piece>, Refusal> {
        let (program, filled) = (self.program, &self.filled);
        Reader { program, filled, own_name: &self.own_name }.pieces(template, &place.names)
    }

    /// Converts a list; true where nothing gets past it.
    pub fn list<'c>(&mut self, clauses: impl Iterator<Item = &'c Clause>, place: &mut Place, depth: usize) -> bool {
        for clause in clauses {
            if depth > DEPTH {
                self.leave_out(clause.span, "blocks are nested too deeply");
            } else if self.clause(clause, place, depth) {
                return true;
            }
        }
        false
    }

    fn clause(&mut self, clause: &Clause, place: &mut Place, depth: usize) -> bool {
        if let Some((_, reason)) = self.without.iter().find(|(span, _)| *span == clause.span) {
            self.leave_out(clause.span, reason.clone());
            return false;
        }
        let before = self.out.len();
        match self.try_clause(clause, place, depth) {
            Ok(ends) => ends,
            Err(reason) => {
                self.out.truncate(before);
                self.leave_out(clause.span, reason);
                // a block's redirects are left out with their condition
                self.inside(clause);
                place.names.captures = Captures::Unknown;
                false
            }
        }
    }

    fn inside(&mut self, clause: &Clause) {
        for action in &clause.does {
            if let Action::Block(inner) = action {
                for clause in inner {
                    self.leave_out(clause.span, "its condition is left out");
                    self.inside(clause);
                }
            }
        }
    }

    fn try_clause(&mut self, clause: &Clause, place: &mut Place, depth: usize) -> Result<bool, Refusal> {
        let mut inner = place.clone();
        let mut tested = None;
        let mut main = None;
        if let Some(test) = &clause.when.matches {
            let guard = self.matched(test, test.negated, &inner)?;
            tested = Some((guard.id, groups(test), test.negated));
            main = Some(guard.id);
            bind(test, &guard, &mut inner);
            inner.guards.push(guard);
        }
        for test in all_of(&clause.when.conditions)? {
            let Condition::Test(test) = test else { return Err("its condition has another shape".into()) };
            let guard = match &test.kind {
                TestKind::Matches(matched) => {
                    let guard = self.matched(matched, test.negated != matched.negated, &inner)?;
                    tested = Some((guard.id, groups(matched), guard.negated));
                    bind(matched, &guard, &mut inner);
                    guard
                }
                TestKind::Equals(left, right) => {
                    let (left, right) = (self.pieces(left, &inner)?, self.pieces(right, &inner)?);
                    let path =
                        (left.as_slice() == [Piece::Path(false)]).then(|| super::guard::literal(&right)).flatten();
                    let test_of =
                        path.map_or(Test::Equals(left, right, false), |path| Test::Path(PathTest::Exact(path)));
                    self.guard(test_of, test.negated)
                }
                TestKind::Truthy(text) => {
                    let text = self.pieces(text, &inner)?;
                    self.guard(Test::Truthy(text), test.negated)
                }
                TestKind::File { subject, test: question } => {
                    let text = self.pieces(subject, &inner)?;
                    self.guard(Test::File(*question, text), test.negated)
                }
                TestKind::User(_) => return Err("it asks who the client is".into()),
                TestKind::Unknown(what) => return Err(what.clone().into()),
                _ => return Err("its condition has another shape".into()),
            };
            inner.guards.push(guard);
        }
        let always = tested.is_none() && all_of(&clause.when.conditions).is_ok_and(<[Condition]>::is_empty);
        let mut ends = false;
        for action in &clause.does {
            ends |= match action {
                Action::Block(clauses) => {
                    let mut block = inner.clone();
                    block.closing = clauses.last().is_some_and(super::does::answers);
                    let ends = self.list(clauses.iter(), &mut block, depth + 1);
                    inner.names = block.names;
                    ends
                }
                other => self.action(other, clause, &mut inner, main)?,
            };
        }
        if !always {
            place.names.captures = after(tested, ends, place.names.captures);
            return Ok(false);
        }
        place.names = inner.names;
        Ok(ends || clause.then == Then::EndList)
    }

    /// What a match tests, as a guard.
    fn matched(&mut self, test: &Match, negated: bool, place: &Place) -> Result<Guard, Refusal> {
        let Pattern::Regex(regex) = &test.pattern else { return Err("its pattern is no expression".into()) };
        let (text, caseless) = (regex.text.to_vec(), regex.options.caseless);
        let on_path = |text: Vec<u8>| Test::Path(PathTest::Regex(text, caseless));
        let what = match &test.subject {
            Subject::Path | Subject::Rewritten => on_path(text),
            Subject::Text(template) => match self.pieces(template, place)? {
                pieces if pieces.as_slice() == [Piece::Path(false)] => on_path(text),
                pieces => Test::Regex(pieces, text, caseless),
            },
            Subject::HeaderOrVariable { name, variable, .. } => {
                let either = Template::header_then_variable(name, *variable);
                Test::Regex(self.pieces(&either, place)?, text, caseless)
            }
            Subject::HeadersNamed(_) => {
                return Err(Refusal::new("it looks at many headers", "write one condition for each header"));
            }
        };
        Ok(self.guard(what, negated))
    }

    /// Says that a directive is not carried over, at its place.
    pub fn leave_out(&mut self, span: Span, why: impl Into<Refusal>) {
        let why = why.into();
        let mut comments = if self.commented.insert(span) { self.texts.comments(span) } else { return };
        let words = self.texts.directive(span);
        comments.push(format!("not converted: {}", why.reason).into_bytes());
        comments.extend(words.split(|&byte| byte == b'\n').map(|line| [b"    ", line.trim_ascii()].concat()));
        self.out.extend(comments.into_iter().map(Statement::Comment));
        self.verdicts.insert(span, Fate::LeftOut(why));
    }

    /// Says what a directive's rule rests on.
    pub fn verdict(&mut self, span: Span) {
        let fate = self.assumed.take().map_or(Fate::Exact, Fate::Assuming);
        self.verdicts.entry(span).or_insert(fate);
    }
}

/// What `$1` means behind a clause.
fn after(tested: Option<(GuardId, bool, bool)>, ends: bool, before: Captures) -> Captures {
    match tested {
        None => before,
        Some((_, false, _)) => Captures::Empty,
        Some((_, true, false)) if ends => Captures::Empty,
        Some(_) => Captures::Unknown,
    }
}

fn groups(test: &Match) -> bool {
    match &test.pattern {
        Pattern::Regex(regex) => regex.compiled().map_or(true, |regex| regex.group_count() > 0),
        _ => false,
    }
}

fn bind(test: &Match, guard: &Guard, place: &mut Place) {
    if guard.negated {
        place.names.captures = Captures::Unknown;
        return;
    }
    place.names.captures = Captures::Of(guard.id);
    for (group, id) in &test.captures.named {
        let group = u8::try_from(*group).unwrap_or(u8::MAX);
        place.names.values.insert(id.0, vec![Piece::Group(guard.id, group, false)]);
    }
}

/// The tests of a condition, all of which hold.
///
/// # Errors
/// Conditions of another shape.
pub fn all_of(condition: &Condition) -> Result<&[Condition], Refusal> {
    match condition {
        Condition::All(tests) => Ok(tests),
        Condition::Test(_) => Ok(std::slice::from_ref(condition)),
        _ => Err("its condition has another shape".into()),
    }
}
