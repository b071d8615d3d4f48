//! Guards: what besides the path must hold for a route to run, by the dimension of the request they look at.

use crate::ir::clause::{Match, Subject};
use crate::ir::condition::{Condition, Test, TestKind};
use crate::ir::expr::{Expr, Function};
use crate::ir::pattern::Pattern;
use crate::ir::template::{Attribute, Origin, Part, Template};
use crate::ir::{Program, TableId, VarId};
use crate::source::Span;

/// A part of a request (or of the world) that a test looks at.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// The decoded path.
    Path,
    /// The target as received.
    RawTarget,
    /// The query, or an argument of it (its name).
    Query(Option<Vec<u8>>),
    /// The host name.
    Host,
    /// `http` or `https`, however it is asked.
    Scheme,
    /// The method.
    Method,
    /// A request header (its name in lower case).
    Header(Vec<u8>),
    /// A cookie (its name).
    Cookie(Vec<u8>),
    /// The file system.
    File,
    /// An environment variable or a variable of the configuration that nothing known decides (its name).
    Variable(Vec<u8>),
    /// The client's address or user.
    Client,
    /// The time.
    Time,
    /// Something else of the server or the connection.
    Server,
    /// Not modelled.
    Unknown,
}

impl Dimension {
    /// Whether its value changes between visitors or moments, so that a permanent redirect on it is remembered wrongly.
    pub fn is_volatile(&self) -> bool {
        matches!(self, Self::Cookie(_) | Self::File | Self::Client | Self::Time)
            || matches!(self, Self::Header(name) if matches!(name.as_slice(), b"cookie" | b"user-agent" | b"accept-language" | b"referer" | b"accept"))
    }
}

/// What a guard was made from.
#[derive(Clone, Copy, Debug)]
pub enum Asked<'a> {
    /// One test.
    Test(&'a Test),
    /// Alternatives, or a group that is always true.
    Tree(&'a Condition),
    /// The clause's own match, where it is not held against the path.
    Match(&'a Match),
}

/// A test that must hold.
#[derive(Clone, Debug)]
pub struct Guard<'a> {
    /// Everything it looks at.
    pub dimensions: Vec<Dimension>,
    /// The words it comes from.
    pub span: Span,
    /// Whether the answer is turned round.
    pub negated: bool,
    /// The test itself.
    pub asked: Asked<'a>,
}

impl<'a> Guard<'a> {
    pub(super) fn of_test(test: &'a Test, program: &Program) -> Self {
        let mut seen = Seen { program, found: Vec::new(), depth: 0 };
        seen.test(test);
        Self { dimensions: seen.found, span: test.span, negated: test.negated, asked: Asked::Test(test) }
    }

    pub(super) fn of_condition(condition: &'a Condition, program: &Program) -> Self {
        let mut seen = Seen { program, found: Vec::new(), depth: 0 };
        seen.condition(condition);
        let span = first_span(condition).unwrap_or(Span::new(crate::source::FileId(0), 0, 0));
        Self { dimensions: seen.found, span, negated: false, asked: Asked::Tree(condition) }
    }

    pub(super) fn of_match(found: &'a Match, span: Span, program: &Program) -> Self {
        let mut seen = Seen { program, found: Vec::new(), depth: 0 };
        seen.matched(found);
        Self { dimensions: seen.found, span, negated: found.negated, asked: Asked::Match(found) }
    }

    /// The pattern and whether it is turned round, for a test that looks at one text only.
    pub fn pattern(&self) -> Option<(&'a Pattern, bool)> {
        if let Asked::Match(found) = self.asked {
            return Some((&found.pattern, found.negated));
        }
        match self.lone_test()? {
            Test { kind: TestKind::Matches(found), negated, .. } => Some((&found.pattern, found.negated != *negated)),
            _ => None,
        }
    }

    /// The only test it makes; each of Apache's conditions is a group of alternatives, most of them of one member.
    fn lone_test(&self) -> Option<&'a Test> {
        match self.asked {
            Asked::Test(test) => Some(test),
            Asked::Tree(Condition::Any(parts)) => match parts.as_slice() {
                [Condition::Test(test)] => Some(test),
                _ => None,
            },
            _ => None,
        }
    }

    /// The pattern of a test that looks at the path alone.
    pub(super) fn path_pattern(&self) -> Option<(&'a Pattern, bool)> {
        if self.dimensions != [Dimension::Path] {
            return None;
        }
        let single = match self.asked {
            Asked::Test(Test { kind: TestKind::Matches(found), .. }) => {
                matches!(found.subject, Subject::Path) || found.attribute() == Some(&Attribute::Path)
            }
            _ => false,
        };
        if single { self.pattern() } else { None }
    }

    /// The attribute compared with a fixed text for equality, the text, and whether it is turned round.
    pub fn equality(&self) -> Option<(&'a Attribute, Vec<u8>, bool)> {
        match self.asked {
            Asked::Test(Test { kind: TestKind::Equals(left, right), negated, .. }) => {
                Some((single(left)?, right.as_literal()?.to_vec(), *negated))
            }
            Asked::Test(Test { kind: TestKind::Compare { subject, order, operand, .. }, negated, .. }) => {
                let turned = match order {
                    crate::ir::condition::Order::Equal => *negated,
                    crate::ir::condition::Order::NotEqual => !*negated,
                    _ => return None,
                };
                Some((single(subject)?, operand.to_vec(), turned))
            }
            Asked::Test(Test { kind: TestKind::Matches(found), negated, .. }) => {
                let text = match &found.pattern {
                    Pattern::Exact(text) | Pattern::ExactNoCase(text) => text.to_vec(),
                    _ => return None,
                };
                Some((found.attribute()?, text, found.negated != *negated))
            }
            _ => None,
        }
    }

    /// The one attribute it looks at, whatever is asked of it.
    pub fn attribute(&self) -> Option<&'a Attribute> {
        match self.asked {
            Asked::Test(Test { kind: TestKind::Matches(found), .. }) => found.attribute(),
            Asked::Match(found) => found.attribute(),
            Asked::Test(Test { kind: TestKind::Equals(text, _) | TestKind::Truthy(text), .. }) => single(text),
            Asked::Test(Test {
                kind: TestKind::Compare { subject, .. } | TestKind::Numbers { subject, .. }, ..
            }) => single(subject),
            _ => None,
        }
    }
}

fn single(template: &Template) -> Option<&Attribute> {
    match template.parts.as_slice() {
        [Part::Attribute(attribute)] => Some(attribute),
        _ => None,
    }
}

fn first_span(condition: &Condition) -> Option<Span> {
    match condition {
        Condition::Test(test) => Some(test.span),
        Condition::All(parts) | Condition::Any(parts) | Condition::Trailing(parts) => {
            parts.first().and_then(first_span)
        }
    }
}

/// What text looks at.
pub fn dimensions_of(template: &Template, program: &Program) -> Vec<Dimension> {
    let mut seen = Seen { program, found: Vec::new(), depth: 0 };
    seen.template(template);
    seen.found
}

/// What an attribute belongs to.
pub fn dimension_of(attribute: &Attribute) -> Option<Dimension> {
    Some(match attribute {
        Attribute::Path | Attribute::PathInfo => Dimension::Path,
        Attribute::RequestLine | Attribute::RawTarget => Dimension::RawTarget,
        Attribute::Query | Attribute::QueryMark => Dimension::Query(None),
        Attribute::Argument(name) => Dimension::Query(Some(name.to_vec())),
        Attribute::Header(name) | Attribute::HeaderVariable(name) => match name.to_ascii_lowercase().as_slice() {
            b"host" => Dimension::Host,
            name => Dimension::Header(name.iter().map(|&b| if b == b'_' { b'-' } else { b }).collect()),
        },
        Attribute::Cookie(name) => Dimension::Cookie(name.to_vec()),
        Attribute::Host | Attribute::ServerName => Dimension::Host,
        Attribute::Scheme | Attribute::Encrypted(..) | Attribute::ServerPort | Attribute::LocalPort => {
            Dimension::Scheme
        }
        Attribute::HostPort | Attribute::HostPortMark => Dimension::Host,
        Attribute::RemoteAddress
        | Attribute::RemotePort
        | Attribute::RemoteUser
        | Attribute::BasicUser
        | Attribute::ForwardedAddress(_)
        | Attribute::ForwardedFor => Dimension::Client,
        Attribute::SecureLink | Attribute::SecureLinkExpires => Dimension::RawTarget,
        Attribute::InvalidReferer => Dimension::Header(b"referer".to_vec()),
        Attribute::Method => Dimension::Method,
        Attribute::Filename | Attribute::DocumentRoot => Dimension::File,
        Attribute::Time(_) => Dimension::Time,
        Attribute::Environment(name) => Dimension::Variable(name.to_vec()),
        Attribute::SubRequest { attribute, .. } => return dimension_of(attribute),
        Attribute::Fixed(_) | Attribute::IsSubRequest(..) => return None,
        Attribute::Unknown(_) => Dimension::Unknown,
        Attribute::LocalAddress
        | Attribute::Protocol
        | Attribute::Status
        | Attribute::StatusSoFar
        | Attribute::ResponseHeader(_)
        | Attribute::ProxyHost
        | Attribute::UpstreamStatus
        | Attribute::UpstreamHeader(_) => Dimension::Server,
    })
}

struct Seen<'p> {
    program: &'p Program,
    found: Vec<Dimension>,
    depth: usize,
}

impl Seen<'_> {
    fn add(&mut self, dimension: Dimension) {
        if !self.found.contains(&dimension) {
            self.found.push(dimension);
        }
    }

    /// Runs one level deeper; gives up quietly below a bound.
    fn deeper(&mut self, go: impl FnOnce(&mut Self)) {
        if self.depth < 64 {
            self.depth += 1;
            go(self);
            self.depth -= 1;
        }
    }

    fn condition(&mut self, condition: &Condition) {
        self.deeper(|seen| match condition {
            Condition::Test(test) => seen.test(test),
            Condition::All(parts) | Condition::Any(parts) | Condition::Trailing(parts) => {
                parts.iter().for_each(|part| seen.condition(part));
            }
        });
    }

    fn test(&mut self, test: &Test) {
        match &test.kind {
            TestKind::Matches(found) => self.matched(found),
            TestKind::Equals(left, right) => {
                self.template(left);
                self.template(right);
            }
            TestKind::Truthy(text) => self.template(text),
            TestKind::Compare { subject, .. } | TestKind::Numbers { subject, .. } => self.template(subject),
            TestKind::File { .. } => self.add(Dimension::File),
            TestKind::Expression(expr) | TestKind::ExpressionInto(expr, _) => self.expr(expr),
            TestKind::IsSet(variable) => self.variable(*variable),
            TestKind::User(_) | TestKind::Unknown(_) => self.add(Dimension::Unknown),
        }
    }

    fn matched(&mut self, found: &Match) {
        match &found.subject {
            Subject::Path | Subject::Rewritten => self.add(Dimension::Path),
            Subject::Text(template) => self.template(template),
            Subject::HeadersNamed(_) => self.add(Dimension::Header(Vec::new())),
            Subject::HeaderOrVariable { name, variable, .. } => {
                self.template(&Template::header_then_variable(name, *variable));
            }
        }
    }

    fn template(&mut self, template: &Template) {
        self.deeper(|seen| template.parts.iter().for_each(|part| seen.part(part)));
    }

    fn part(&mut self, part: &Part) {
        match part {
            Part::Literal(_) | Part::Capture { .. } => {}
            Part::Attribute(attribute) => self.attribute(attribute),
            Part::Variable(variable) => self.variable(*variable),
            Part::Lookup { table, key, .. } => match key {
                Some(key) => self.template(key),
                None => self.table(*table),
            },
            Part::Expression(expr) => self.expr(expr),
        }
    }

    fn attribute(&mut self, attribute: &Attribute) {
        if let Some(dimension) = dimension_of(attribute) {
            self.add(dimension);
        }
    }

    fn variable(&mut self, variable: VarId) {
        let Some(variable) = self.program.variables.get(variable.0 as usize) else { return };
        match &variable.origin {
            Origin::Table(table) => self.table(*table),
            Origin::Attribute(attribute) => self.attribute(attribute),
            Origin::Empty | Origin::Environment => self.add(Dimension::Variable(variable.name.to_vec())),
        }
    }

    fn table(&mut self, table: TableId) {
        if let Some(source) = self.program.tables.get(table.0 as usize).and_then(|table| table.source.as_ref()) {
            self.template(source);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.deeper(|seen| match expr {
            Expr::Bool(_) | Expr::Literal(_) | Expr::Capture(_) => {}
            Expr::Not(a) | Expr::Match(a, ..) | Expr::NonEmpty(a, _) | Expr::Truthy(a) => seen.expr(a),
            Expr::And(a, b)
            | Expr::Or(a, b)
            | Expr::Strings(a, _, b)
            | Expr::Integers(a, _, b)
            | Expr::Glob(a, b, _) => {
                seen.expr(a);
                seen.expr(b);
            }
            Expr::In(a, list) => {
                seen.expr(a);
                list.iter().for_each(|item| seen.expr(item));
            }
            Expr::File(..) => seen.add(Dimension::File),
            Expr::IpMatch(..) => seen.add(Dimension::Client),
            Expr::Attribute(attribute) => seen.attribute(attribute),
            Expr::Variable(variable) => seen.variable(*variable),
            Expr::Concat(list) => list.iter().for_each(|item| seen.expr(item)),
            Expr::Function(function, argument) => seen.function(*function, argument),
            Expr::Template(template) => seen.template(template),
        });
    }

    fn function(&mut self, function: Function, argument: &Expr) {
        match (function, argument) {
            (Function::RequestHeader, Expr::Literal(name)) => self.attribute(&Attribute::Header(name.clone())),
            (Function::RequestHeader, _) => self.add(Dimension::Header(Vec::new())),
            (Function::Environment | Function::RequestVariable, Expr::Literal(name)) => {
                self.add(Dimension::Variable(name.to_vec()))
            }
            (Function::Environment | Function::RequestVariable | Function::ProcessVariable | Function::Note, _) => {
                self.add(Dimension::Unknown)
            }
            (Function::ResponseHeader, _) => self.add(Dimension::Server),
            (Function::FileContent | Function::FileSize, _) => self.add(Dimension::File),
            (_, argument) => self.expr(argument),
        }
    }
}
