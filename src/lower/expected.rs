//! The hosts that a fragment expects requests for: those its conditions name. The site around it cannot be seen, and
//! nobody writes a condition on a host that never arrives. A host that all others are led to (`!^www\.example\.com$`)
//! arrives as well, and so does the same name with or without `www.`.

use crate::ir::Program;
use crate::ir::clause::{Action, Clause, Match};
use crate::ir::condition::{Condition, Order, Test, TestKind};
use crate::ir::pattern::{Pattern, Regex};
use crate::ir::scope::Scope;
use crate::ir::site::ExpectedHosts;
use crate::ir::template::{Attribute, Part, Template};

/// How deep conditions and blocks may nest before the rest is left out.
const MAX_DEPTH: usize = 64;

/// What the host is held against by the tests of it.
pub(super) fn hosts(program: &Program) -> ExpectedHosts {
    let mut found = Vec::new();
    for scope in &program.scopes {
        lists(scope).for_each(|clause| of_clause(clause, 0, &mut found));
    }
    let mut expected = ExpectedHosts::default();
    for pattern in found {
        match pattern {
            Pattern::ExactNoCase(name) => add(&mut expected, &name.to_ascii_lowercase()),
            Pattern::Regex(regex) => match regex.whole() {
                Some(name) if regex.options.caseless => add(&mut expected, &name.to_ascii_lowercase()),
                Some(name) => add(&mut expected, &name),
                None => expected.patterns.push(*regex),
            },
            _ => {}
        }
    }
    expected
}

/// A name, and the same one with `www.` in front or without it.
fn add(expected: &mut ExpectedHosts, name: &[u8]) {
    if name.contains(&b'.') {
        let sibling = name.strip_prefix(b"www.").map_or_else(|| [b"www.", name].concat(), <[u8]>::to_vec);
        expected.names.insert(sibling.into());
    }
    expected.names.insert(name.into());
}

fn lists(scope: &Scope) -> impl Iterator<Item = &Clause> {
    let rewrite = scope.lists.rewrite.iter().flat_map(|list| &list.clauses.0);
    rewrite.chain(&scope.lists.redirect.0).flat_map(|part| part.iter())
}

fn of_clause(clause: &Clause, depth: usize, found: &mut Vec<Pattern>) {
    if depth > MAX_DEPTH {
        return;
    }
    of_condition(&clause.when.conditions, depth, found);
    for action in &clause.does {
        if let Action::Block(clauses) = action {
            clauses.iter().for_each(|clause| of_clause(clause, depth + 1, found));
        }
    }
}

fn of_condition(condition: &Condition, depth: usize, found: &mut Vec<Pattern>) {
    match condition {
        _ if depth > MAX_DEPTH => {}
        Condition::All(parts) | Condition::Any(parts) | Condition::Trailing(parts) => {
            parts.iter().for_each(|part| of_condition(part, depth + 1, found));
        }
        Condition::Test(test) => found.extend(of_test(test)),
    }
}

fn of_test(test: &Test) -> Option<Pattern> {
    match &test.kind {
        TestKind::Matches(found) => of_match(found),
        TestKind::Equals(left, right) if is_host(left) => Some(Pattern::ExactNoCase(right.as_literal()?.into())),
        TestKind::Compare { subject, order: Order::Equal | Order::NotEqual, operand, .. } if is_host(subject) => {
            Some(Pattern::ExactNoCase(operand.clone()))
        }
        _ => None,
    }
}

fn of_match(found: &Match) -> Option<Pattern> {
    let attribute = found.attribute().filter(|attribute| is_host_attribute(attribute));
    attribute.and_then(|_| match &found.pattern {
        Pattern::Regex(regex) => {
            Some(Pattern::Regex(Box::new(Regex::new(regex.text.clone(), regex.options, regex.span))))
        }
        Pattern::Exact(text) | Pattern::ExactNoCase(text) => Some(Pattern::ExactNoCase(text.clone())),
        _ => None,
    })
}

fn is_host(template: &Template) -> bool {
    matches!(template.parts.as_slice(), [Part::Attribute(attribute)] if is_host_attribute(attribute))
}

fn is_host_attribute(attribute: &Attribute) -> bool {
    match attribute {
        Attribute::Host => true,
        Attribute::Header(name) | Attribute::HeaderVariable(name) => name.eq_ignore_ascii_case(b"host"),
        _ => false,
    }
}
