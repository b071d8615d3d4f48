//! See the page of [`RULE`].

use super::make::{Also, by_proof, proven, with_confidence};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::byteset::ByteSet;
use crate::analysis::guard::Asked;
use crate::analysis::language::Language;
use crate::analysis::routes::Route;
use crate::diagnostic::{Confidence, Finding, Severity};
use crate::ir::clause::Subject;
use crate::ir::condition::{Condition, Order, Test, TestKind};
use crate::ir::pattern::Pattern;
use crate::ir::template::{Attribute, Part, Template};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

declare! {
    /// The conditions of a rule can never hold together, or always hold.
    ///
    /// ## What it does
    /// Compares tests of the same variable: `^a$` and `^b$` that must both hold; `!^a$` or `!^b$`, one of which always
    /// holds; a host in upper case for nginx's `$host`; a method in lower case.
    ///
    /// ## Why is this bad?
    /// The rule is dead, or its conditions guard nothing. Mostly `OR` is missing, or stands where it should not.
    ///
    /// ## Example
    /// ```htaccess bad also=redirect-loop
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} !^example\.com$ [NC,OR]
    /// RewriteCond %{HTTP_HOST} !^www\.example\.com$ [NC]
    /// RewriteRule ^old$ https://www.example.com/new [R=301,L]
    /// ```
    /// ```nginx bad
    /// location / {
    ///     if ($host = WWW.example.com) {
    ///         return 301 https://example.com$request_uri;
    ///     }
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} !^example\.com$ [NC]
    /// RewriteCond %{HTTP_HOST} !^www\.example\.com$ [NC]
    /// RewriteRule ^old$ https://www.example.com/new [R=301,L]
    /// ```
    /// ```nginx good
    /// location / {
    ///     if ($host = www.example.com) {
    ///         return 301 https://example.com$request_uri;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: either condition may be the wrong one.
    ///
    /// ## Traps
    /// Only tests of one and the same variable are compared, and only where both patterns are regular. What is said
    /// about `https` has a rule of its own.
    ///
    /// ## Sources
    /// mod_rewrite `RewriteCond`; nginx `$host`; RFC 9110 section 9.1 (methods are case-sensitive).
    RULE {
        name: "contradictory-conditions",
        group: Group::DeadCode,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

/// Comparisons of languages in one program.
const MAX_QUESTIONS: usize = 2_000;

#[derive(Default)]
struct Known {
    /// By attribute and the texts of the tests compared.
    answers: FxHashMap<String, bool>,
    asked: usize,
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut known = Known::default();
    let mut told: FxHashSet<Span> = FxHashSet::default();
    for route in facts.routes().all.iter().filter(|route| route.enabled && !route.guards.is_empty()) {
        let Some(found) = never(route, &mut known).or_else(|| always(route, &mut known)) else { continue };
        if !told.insert(found.at) {
            continue;
        }
        let finding = if found.dead {
            match facts.attempt(route).filter(|proof| proof.answer.cause != Some(route.span)) {
                Some(proof) => by_proof(&RULE, &proof, found.message, found.at),
                None => with_confidence(&RULE, Confidence::Possible, found.message, found.at),
            }
        } else {
            let mut finding = proven(facts, &RULE, route, found.message);
            finding.primary.span = found.at;
            finding
        };
        let finding = finding.help(found.help);
        findings.push(match found.beside {
            Some(span) => finding.related(span, "the other one"),
            None => finding,
        });
    }
}

struct Found {
    dead: bool,
    message: String,
    at: Span,
    beside: Option<Span>,
    help: &'static str,
}

/// A test of one attribute, and the values for which it holds.
struct Asks<'a> {
    attribute: &'a Attribute,
    test: &'a Test,
    negated: bool,
}

fn asks(test: &Test) -> Option<Asks<'_>> {
    let single = |template: &'_ Template| -> bool { matches!(template.parts.as_slice(), [Part::Attribute(_)]) };
    let attribute = match &test.kind {
        TestKind::Matches(found) => match &found.subject {
            Subject::Text(template) if single(template) => found.attribute()?,
            _ => return None,
        },
        TestKind::Equals(left, right) if right.as_literal().is_some() => only(left)?,
        TestKind::Compare { subject, order: Order::Equal, .. } => only(subject)?,
        _ => return None,
    };
    let inner = matches!(&test.kind, TestKind::Matches(found) if found.negated);
    Some(Asks { attribute, test, negated: inner != test.negated })
}

fn only(template: &Template) -> Option<&Attribute> {
    match template.parts.as_slice() {
        [Part::Attribute(attribute)] => Some(attribute),
        _ => None,
    }
}

impl Asks<'_> {
    fn language(&self) -> Option<Language> {
        match &self.test.kind {
            TestKind::Matches(found) => Language::of(&found.pattern),
            TestKind::Equals(_, right) => Some(Language::literal(right.as_literal()?)),
            TestKind::Compare { operand, ignore_case: true, .. } => Some(Language::literal_no_case(operand)),
            TestKind::Compare { operand, .. } => Some(Language::literal(operand)),
            _ => None,
        }
    }

    fn text(&self) -> String {
        match &self.test.kind {
            TestKind::Matches(found) => match &found.pattern {
                Pattern::Regex(regex) => format!("{:?}{:?}", regex.text, regex.options.caseless),
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        }
    }
}

impl Known {
    /// Whether no text is in both.
    fn disjoint(&mut self, a: &Asks<'_>, b: &Asks<'_>) -> bool {
        let key = format!("{:?} {} {}", a.attribute, a.text(), b.text());
        self.ask(key, || Some(a.language()?.intersects(&b.language()?).is_no()))
    }

    /// Whether no value that the attribute can have at all is in it.
    fn impossible(&mut self, a: &Asks<'_>) -> bool {
        let upper = ByteSet::range(b'A', b'Z');
        let domain = match a.attribute {
            Attribute::Host => upper.inverted(),
            Attribute::Method => ByteSet::range(b'a', b'z').inverted(),
            _ => return false,
        };
        let key = format!("{:?} {}", a.attribute, a.text());
        self.ask(key, || Some(a.language()?.intersects(&Language::repeated(domain, 0, None)).is_no()))
    }

    fn ask(&mut self, key: String, answer: impl FnOnce() -> Option<bool>) -> bool {
        if let Some(&known) = self.answers.get(&key) {
            return known;
        }
        self.asked += 1;
        let found = self.asked < MAX_QUESTIONS && answer().unwrap_or(false);
        self.answers.insert(key, found);
        found
    }
}

/// Two tests that must both hold and cannot.
fn never(route: &Route<'_>, known: &mut Known) -> Option<Found> {
    let tests = route.guards.iter().filter_map(|guard| match guard.asked {
        Asked::Test(test) => asks(test),
        Asked::Tree(Condition::Any(parts)) => match parts.as_slice() {
            [Condition::Test(test)] => asks(test),
            _ => None,
        },
        _ => None,
    });
    let positive: Vec<Asks<'_>> = tests.filter(|test| !test.negated).collect();
    for (at, one) in positive.iter().enumerate() {
        if known.impossible(one) {
            let (what, help) = match one.attribute {
                Attribute::Host => ("nginx has made the host lower case before: this never matches", "write it in lower case"),
                _ => ("methods are written in upper case: this never matches", "write it in upper case"),
            };
            return Some(Found { dead: true, message: what.into(), at: one.test.span, beside: None, help });
        }
        for other in positive.iter().skip(at + 1).take(8) {
            if one.attribute == other.attribute && known.disjoint(one, other) {
                return Some(Found {
                    dead: true,
                    message: "this can never hold together with the other condition: the rule is dead".into(),
                    at: other.test.span,
                    beside: Some(one.test.span),
                    help: "if one of them is enough, put `OR` on the first; else leave one out",
                });
            }
        }
    }
    None
}

/// Alternatives of which one always holds: not a, or not b.
fn always(route: &Route<'_>, known: &mut Known) -> Option<Found> {
    for guard in &route.guards {
        let Asked::Tree(Condition::Any(parts)) = guard.asked else { continue };
        let tests: Vec<Asks<'_>> = parts
            .iter()
            .filter_map(|part| match part {
                Condition::Test(test) => asks(test),
                _ => None,
            })
            .filter(|test| test.negated)
            .collect();
        for (at, one) in tests.iter().enumerate() {
            let other = tests.iter().skip(at + 1).take(8).find(|other| one.attribute == other.attribute);
            let Some(other) = other.filter(|other| known.disjoint(one, other)) else { continue };
            return Some(Found {
                dead: false,
                message: "one of the two always holds, since nothing is both at once: they guard nothing".into(),
                at: one.test.span,
                beside: Some(other.test.span),
                help: "leave `OR` out, so that both must hold",
            });
        }
    }
    None
}
