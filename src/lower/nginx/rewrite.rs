//! `rewrite`, `return`, `set`, `if` and `break`.

use super::context::Context;
use super::load::Node;
use super::variables::Captures as Written;
use crate::ir::clause::{
    Action, Answer, Captures, Clause, Content, Match, OnFailure, Rewrite, Store, Subject, Target, Then, When,
};
use crate::ir::condition::{Condition, FileTest, Test, TestKind};
use crate::ir::pattern::Pattern;
use crate::ir::policy::{Escape, QueryPolicy, Relative};
use crate::ir::template::{Part, Passes, Template};
use crate::ir::{ScopeId, VarId};

/// Statuses that `return` sends with a `Location`.
const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

fn always() -> When {
    When { matches: None, conditions: Condition::All(Vec::new()), not_in_sub_request: false }
}

fn clause(node: Node, when: When, does: Vec<Action>, then: Then) -> Clause {
    Clause { span: node.head(), when, does, then, otherwise: Then::Next }
}

/// Whether a text leaves the server.
fn is_url(text: &[u8]) -> bool {
    [&b"http://"[..], b"https://", b"$scheme"].iter().any(|start| text.starts_with(start))
}

impl Context {
    /// `break`.
    pub fn break_clause(&mut self, node: Node) -> Clause {
        clause(node, always(), vec![Action::KeepScope], Then::EndList)
    }

    /// A directive of another module that decides in this phase.
    pub fn opaque_clause(&mut self, node: Node) -> Clause {
        let what = format!("`{}` is not modelled", String::from_utf8_lossy(node.name()));
        clause(node, always(), vec![Action::Opaque(what)], Then::Next)
    }

    /// `return`.
    pub fn return_clause(&mut self, node: Node) -> Option<Clause> {
        let (first, second) = (node.arg(0)?, node.arg(1));
        let number = std::str::from_utf8(first).ok().filter(|_| first.iter().all(u8::is_ascii_digit));
        let number = number.and_then(|text| text.parse::<u16>().ok()).filter(|&status| status <= 999);
        let (status, text) = match (number, second) {
            (Some(status), text) => (status, text.map(|text| (text, node.arg_span(1)))),
            (None, None) if is_url(first) => (302, Some((first, node.arg_span(0)))),
            _ => {
                let shown = String::from_utf8_lossy(first);
                self.refuse(node.arg_span(0), format!("invalid return code \"{shown}\""));
                return None;
            }
        };
        let text = text.map(|(text, span)| self.template(text, Written::Raw, span));
        let to_location = |to: Template| {
            Content::Location(Target {
                to,
                rest: None,
                reparse: false,
                escape: Escape::Raw,
                query: QueryPolicy::Ignore,
                absolute: false,
                malformed: None,
            })
        };
        let content = match text {
            text if REDIRECTS.contains(&status) => to_location(text.unwrap_or_default()),
            Some(text) if !text.parts.is_empty() => Content::Body(text),
            _ if status < 400 => Content::Body(Template::default()),
            _ => Content::None,
        };
        let answer = Action::Answer(Box::new(Answer { status, content }));
        Some(clause(node, always(), vec![answer], Then::EndList))
    }

    /// `set`.
    pub fn set_clause(&mut self, node: Node) -> Option<Clause> {
        let (name, value) = (node.arg(0)?, node.arg(1)?);
        let Some(name) = name.strip_prefix(b"$").filter(|name| !name.is_empty()) else {
            let shown = String::from_utf8_lossy(name);
            self.refuse(node.arg_span(0), format!("invalid variable name \"{shown}\""));
            return None;
        };
        let variable = self.define(name, node)?;
        let value = self.template(value, Written::Set, node.arg_span(1));
        Some(clause(node, always(), vec![Action::Set(variable, Some(value))], Then::Next))
    }

    fn define(&mut self, name: &[u8], node: Node) -> Option<VarId> {
        match self.variables.define(name, node.arg_span(0)) {
            Ok(variable) => Some(variable),
            Err(message) => {
                self.refuse(node.arg_span(0), message);
                None
            }
        }
    }

    /// `rewrite`.
    pub fn rewrite_clause(&mut self, node: Node) -> Option<Clause> {
        let (pattern, text) = (node.arg(0)?, node.arg(1)?);
        if text.is_empty() {
            self.refuse(node.arg_span(1), "empty replacement");
            return None;
        }
        let (regex, named) = self.regex(pattern, false, node.arg_span(0));
        let leaves = is_url(text).then_some(302);
        let (redirect, keep, then) = match node.arg(2) {
            None if leaves.is_some() => (leaves, false, Then::EndList),
            None => (None, false, Then::Next),
            Some(b"last") => (leaves, false, Then::EndList),
            Some(b"break") => (leaves, true, Then::EndList),
            Some(b"redirect") => (Some(302), false, Then::EndList),
            Some(b"permanent") => (Some(301), false, Then::EndList),
            Some(other) => {
                let shown = String::from_utf8_lossy(other);
                self.refuse(node.arg_span(2), format!("invalid parameter \"{shown}\""));
                return None;
            }
        };
        let (text, drop_old) = match text.strip_suffix(b"?") {
            Some(text) => (text, true),
            None => (text, false),
        };
        let written = if redirect.is_some() { Written::Redirect } else { Written::Internal };
        let to = self.template(text, written, node.arg_span(1));
        let mut does = vec![Action::Rewrite(Box::new(Rewrite {
            to: Some(to),
            written: text.into(),
            meanwhile: Vec::new(),
            query: QueryPolicy::SplitLiteral { drop_old },
            relative: Relative::AsIs,
            implicit_redirect: None,
            redirect,
            status: None,
            escape: if redirect.is_some() { Escape::UnescapeRedirect } else { Escape::Raw },
            foreign_question_mark: None,
            merge_slashes: false,
            drop_path_info: false,
            pass_through: false,
            proxy: None,
            unsafe_prefix_stat: false,
            handler: None,
        }))];
        if keep {
            does.push(Action::KeepScope);
        }
        let captures = Captures { store: Some(Store::Pattern), on_failure: OnFailure::Clear, named };
        let matched =
            Match { subject: Subject::Path, pattern: Pattern::Regex(Box::new(regex)), negated: false, captures };
        Some(clause(node, When { matches: Some(matched), ..always() }, does, then))
    }

    /// `if`: the clauses of its block, and the scope it enters.
    pub fn if_clause(&mut self, node: Node, test: Test, scope: Option<ScopeId>, inside: Vec<Clause>) -> Clause {
        let mut does: Vec<Action> = scope.into_iter().map(Action::Enter).collect();
        if !inside.is_empty() {
            does.push(Action::Block(inside));
        }
        let when = When { conditions: Condition::Test(Box::new(test)), ..always() };
        clause(node, when, does, Then::Next)
    }

    /// The condition of an `if`.
    pub fn if_test(&mut self, node: Node) -> Option<Test> {
        let mut words: Vec<&[u8]> = node.args().collect();
        let mut spans: Vec<_> = (0..words.len()).map(|at| node.arg_span(at)).collect();
        let first = words.first().copied().unwrap_or_default();
        let Some(stripped) = first.strip_prefix(b"(") else { return self.bad_condition(node, 0) };
        if stripped.is_empty() {
            words.remove(0);
            spans.remove(0);
        } else if let Some(word) = words.first_mut() {
            *word = stripped;
        }
        let Some(stripped) = words.last().and_then(|last| last.strip_suffix(b")")) else {
            return self.bad_condition(node, node.words().len().saturating_sub(1));
        };
        if stripped.is_empty() && words.len() > 1 {
            words.pop();
            spans.pop();
        } else if let Some(word) = words.last_mut() {
            *word = stripped;
        }
        let span = spans.first().copied().zip(spans.last().copied()).map_or(node.head(), |(a, b)| a.to(b));
        let offset = node.words().len() - spans.len();
        let offset = offset.min(usize::from(first == b"("));
        match words.as_slice() {
            [name @ [b'$', _, ..]] => {
                let subject = self.lone_variable(name, node, offset);
                Some(Test { span, kind: TestKind::Truthy(subject), negated: false })
            }
            [name @ [b'$', _, ..], operator, value] => {
                let subject = self.lone_variable(name, node, offset);
                self.comparison(node, offset, subject, operator, value, span)
            }
            [question @ ([b'-', _] | [b'!', b'-', _]), path] => {
                let Some(test) = file_test(question) else { return self.bad_condition(node, offset) };
                let subject = self.template(path, Written::Set, node.arg_span(offset + 1));
                Some(Test { span, kind: TestKind::File { subject, test }, negated: question.len() == 3 })
            }
            _ => self.bad_condition(node, offset),
        }
    }

    fn bad_condition(&mut self, node: Node, at: usize) -> Option<Test> {
        let word = node.arg(at).unwrap_or_default();
        let word = if at == 0 && word.len() > 1 { word.strip_prefix(b"(").unwrap_or(word) } else { word };
        let stripped = at == 0 && node.words().len() == 1 && node.arg(0).is_some_and(|word| word.starts_with(b"("));
        let word = if stripped && word.len() > 1 { word.strip_suffix(b")").unwrap_or(word) } else { word };
        let shown = String::from_utf8_lossy(word);
        self.refuse(node.arg_span(at), format!("invalid condition \"{shown}\""));
        None
    }

    /// The left side: one variable, whatever its name holds.
    fn lone_variable(&mut self, word: &[u8], node: Node, at: usize) -> Template {
        let name = word.strip_prefix(b"$").unwrap_or_default();
        let part = self.variables.part(name, node.arg_span(at));
        Template { parts: vec![part], passes: Passes::Two }
    }

    fn comparison(
        &mut self,
        node: Node,
        offset: usize,
        subject: Template,
        operator: &[u8],
        value: &[u8],
        span: crate::source::Span,
    ) -> Option<Test> {
        let negated = operator.first() == Some(&b'!');
        let at = node.arg_span(offset + 2);
        let kind = match operator {
            b"=" | b"!=" => TestKind::Equals(subject, self.template(value, Written::Set, at)),
            b"~" | b"~*" | b"!~" | b"!~*" => {
                let (regex, named) = self.regex(value, operator.ends_with(b"*"), at);
                TestKind::Matches(Match {
                    subject: Subject::Text(subject),
                    pattern: Pattern::Regex(Box::new(regex)),
                    negated: false,
                    captures: Captures { store: Some(Store::Pattern), on_failure: OnFailure::Clear, named },
                })
            }
            other => {
                let shown = String::from_utf8_lossy(other);
                self.refuse(node.arg_span(offset + 1), format!("unexpected \"{shown}\" in condition"));
                return None;
            }
        };
        Some(Test { span, kind, negated })
    }
}

fn file_test(question: &[u8]) -> Option<FileTest> {
    Some(match question.last()? {
        b'f' => FileTest::File,
        b'd' => FileTest::Directory,
        b'e' => FileTest::Exists,
        b'x' => FileTest::Executable,
        _ => return None,
    })
}

/// Whether a template mentions anything.
pub fn is_fixed(template: &Template) -> bool {
    template.parts.iter().all(|part| matches!(part, Part::Literal(_)))
}
