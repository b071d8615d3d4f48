//! Which groups the conditions of a rule leave behind, and who reads them.

use super::regex::Source;
use crate::ir::clause::{Match, Rewrite, Store, Subject, When};
use crate::ir::condition::{Condition, TestKind};
use crate::ir::pattern::{Pattern, Regex};
use crate::ir::template::{Attribute, Part, Template};

/// Which part of the outermost *and* keeps its groups, by Apache's rule: the last one that captures. `None`: none does.
pub fn capturing(condition: &Condition) -> Option<usize> {
    match condition {
        Condition::All(parts) => parts.iter().rposition(captures),
        other => captures(other).then_some(0),
    }
}

/// The part that keeps its groups.
fn capturing_part(condition: &Condition) -> Option<&Condition> {
    match (condition, capturing(condition)?) {
        (Condition::All(parts), at) => parts.get(at),
        (other, _) => Some(other),
    }
}

/// Whether the condition whose groups are kept looks at the path.
pub fn capturing_subject_is_path(condition: &Condition) -> bool {
    let one = capturing_part(condition);
    let of_path = |inner: &Match| matches!(inner.attribute(), Some(Attribute::Path));
    let one = match one {
        Some(Condition::Any(parts)) => match parts.as_slice() {
            [only] => Some(only),
            _ => None,
        },
        other => other,
    };
    matches!(one, Some(Condition::Test(test)) if matches!(&test.kind, TestKind::Matches(inner) if of_path(inner)))
}

fn captures(condition: &Condition) -> bool {
    match condition {
        Condition::Test(test) => {
            !test.negated
                && matches!(&test.kind, TestKind::Matches(inner) if !inner.negated && matches!(inner.pattern, Pattern::Regex(_)))
        }
        Condition::Any(parts) | Condition::Trailing(parts) => parts.iter().any(captures),
        Condition::All(_) => false,
    }
}

/// The expressions whose groups a rule's conditions leave behind; empty where none captures.
pub fn capturing_regexes(condition: &Condition) -> Vec<&Regex> {
    capturing_part(condition).map(regexes).unwrap_or_default()
}

fn regexes(condition: &Condition) -> Vec<&Regex> {
    match condition {
        Condition::Test(test) => match &test.kind {
            TestKind::Matches(Match { pattern: Pattern::Regex(regex), negated: false, .. }) if !test.negated => {
                vec![regex]
            }
            _ => Vec::new(),
        },
        Condition::Any(parts) | Condition::Trailing(parts) | Condition::All(parts) => {
            parts.iter().flat_map(regexes).collect()
        }
    }
}

/// The expression of a condition on the path whose groups the target takes, where it can be the step's own pattern: the
/// rule's says nothing itself, and nothing else looks at groups.
pub fn captured_path<'c>(when: &'c When, rewrite: &Rewrite) -> Option<&'c Regex> {
    let Condition::All(parts) = &when.conditions else { return None };
    let at = capturing(&when.conditions)?;
    let test = match parts.get(at)? {
        Condition::Any(choice) => match choice.as_slice() {
            [Condition::Test(test)] => test,
            _ => return None,
        },
        Condition::Test(test) => test,
        _ => return None,
    };
    let TestKind::Matches(inner) = &test.kind else { return None };
    let Pattern::Regex(regex) = &inner.pattern else { return None };
    let own = when.matches.as_ref().is_none_or(|own| match &own.pattern {
        Pattern::Regex(regex) => !own.negated && Source::new(regex).is_some_and(|cut| cut.matches_all()),
        _ => false,
    });
    let of_path = matches!(inner.attribute(), Some(Attribute::Path)) && !test.negated && !inner.negated;
    let alone = parts.iter().enumerate().all(|(other, part)| other == at || !reads_groups(part));
    let to = rewrite.to.as_ref()?;
    let reads = |wanted| to.parts.iter().any(|part| matches!(part, Part::Capture { store, .. } if *store == wanted));
    let taken = reads(Store::Condition) && !reads(Store::Pattern) && rewrite.meanwhile.is_empty();
    (own && of_path && alone && taken).then_some(&**regex)
}

/// Whether a condition looks at what the rule's own pattern or another condition captured.
pub fn reads_groups(condition: &Condition) -> bool {
    let captured = |template: &Template| template.parts.iter().any(|part| matches!(part, Part::Capture { .. }));
    match condition {
        Condition::Test(test) => match &test.kind {
            TestKind::Matches(Match { subject: Subject::Text(text), .. })
            | TestKind::Truthy(text)
            | TestKind::Compare { subject: text, .. }
            | TestKind::Numbers { subject: text, .. }
            | TestKind::File { subject: text, .. } => captured(text),
            TestKind::Equals(left, right) => captured(left) || captured(right),
            TestKind::Expression(_) | TestKind::ExpressionInto(..) => true,
            _ => false,
        },
        Condition::Any(parts) | Condition::Trailing(parts) | Condition::All(parts) => parts.iter().any(reads_groups),
    }
}
