//! The guards of clauses. Evaluation stops as soon as the result is known, which later text can see.

use super::flow::{Fail, Try};
use super::machine::Machine;
use super::template::render;
use super::{FileKind, Kind, credentials, expr, matching, rewrite};
use crate::ir::condition::{Condition, FileTest, Order, Test, TestKind};
use std::cmp::Ordering;

/// Whether a condition holds.
pub fn holds(machine: &mut Machine, condition: &Condition) -> Try<bool> {
    match condition {
        Condition::All(parts) => {
            for part in parts {
                if !holds(machine, part)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Condition::Any(parts) => any(machine, parts),
        Condition::Trailing(parts) => any(machine, parts).map(|_| true),
        Condition::Test(test) => test_holds(machine, test),
    }
}

fn any(machine: &mut Machine, parts: &[Condition]) -> Try<bool> {
    for part in parts {
        if holds(machine, part)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn test_holds(machine: &mut Machine, test: &Test) -> Try<bool> {
    let (result, value) = decide(machine, test)?;
    let holds = result != test.negated;
    if matches!(test.kind, TestKind::Matches(_)) {
        // Told with its captures already.
        return Ok(holds);
    }
    machine.recorder.test(test.span, || {
        let outcome = if holds { "holds" } else { "fails" };
        match value {
            Some(value) => format!("{outcome}: the value is `{}`", String::from_utf8_lossy(&value)),
            None => outcome.to_owned(),
        }
    });
    Ok(holds)
}

/// What a test comes to before it is negated, and the value that it looked at.
fn decide(machine: &mut Machine, test: &Test) -> Try<(bool, Option<Vec<u8>>)> {
    let (result, value) = match &test.kind {
        TestKind::Matches(matched) => {
            let asked = matching::Asked::Condition { negated: test.negated };
            (matching::holds(machine, matched, test.span, asked)?, None)
        }
        TestKind::Equals(left, right) => {
            let value = render(machine, left)?;
            (value == render(machine, right)?, Some(value))
        }
        TestKind::Truthy(text) => {
            let text = render(machine, text)?;
            (!text.is_empty() && text != b"0", Some(text))
        }
        TestKind::Compare { subject, order, operand, ignore_case } => {
            let text = render(machine, subject)?;
            (ordered(*order, compare_lengths_first(&text, operand, *ignore_case)), Some(text))
        }
        TestKind::Numbers { subject, order, operand } => {
            let text = render(machine, subject)?;
            (ordered(*order, leading_integer(&text).cmp(operand)), Some(text))
        }
        TestKind::File { subject, test: question } => {
            let path = render(machine, subject)?;
            (file_test(machine, *question, &path)?, Some(path))
        }
        TestKind::Expression(expression) => {
            let held = expr::holds(machine, expression);
            // An expression's captures end with it.
            machine.captures.of_mut(crate::ir::clause::Store::Expression).clear();
            (held?, None)
        }
        TestKind::ExpressionInto(expression, store) => {
            let held = expr::holds(machine, expression)?;
            if let (true, Some(store)) = (held, store) {
                *machine.captures.of_mut(*store) = machine.captures.of(crate::ir::clause::Store::Expression).clone();
            }
            (held, None)
        }
        TestKind::IsSet(variable) => match machine.variable(*variable) {
            Some(value) => (value.bytes.is_some(), None),
            // The environment of the process is another one.
            None => (false, None),
        },
        TestKind::User(names) => (credentials::is_user(machine, names, test.span)?, None),
        TestKind::Unknown(what) => return Err(Fail::Unknown(Some(test.span), what.clone())),
    };
    Ok((result, value))
}

/// Whether a relation holds for the outcome of a comparison.
pub fn ordered(order: Order, found: Ordering) -> bool {
    match order {
        Order::Equal => found.is_eq(),
        Order::NotEqual => found.is_ne(),
        Order::Less => found.is_lt(),
        Order::LessOrEqual => found.is_le(),
        Order::Greater => found.is_gt(),
        Order::GreaterOrEqual => found.is_ge(),
    }
}

/// mod_rewrite's order: the longer text is the greater one, unless case is ignored (then as `strcasecmp`).
pub fn compare_lengths_first(left: &[u8], right: &[u8], ignore_case: bool) -> Ordering {
    if ignore_case {
        return left.to_ascii_lowercase().cmp(&right.to_ascii_lowercase());
    }
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// `atoi`: leading blanks, a sign, digits; 0 where there are none.
pub fn leading_integer(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let value = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i64, |value, byte| value.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    if negative { -value } else { value }
}

/// A question to the file system. An unknown path is taken for absent, and the answer says so.
pub fn file_test(machine: &mut Machine, test: FileTest, path: &[u8]) -> Try<bool> {
    match test {
        FileTest::ReachableFile | FileTest::ReachableUrl => return rewrite::reachable(machine, test, path),
        _ if path.is_empty() => return Ok(false),
        _ => {}
    }
    let kind = if test == FileTest::Directory { "dir" } else { "file" };
    let Some(file) = stat(machine, path, kind) else { return Ok(false) };
    Ok(match test {
        FileTest::File => file.kind == Kind::File,
        FileTest::NonEmptyFile => file.kind == Kind::File && file.size > 0,
        FileTest::Directory => file.kind == Kind::Directory,
        FileTest::Symlink => file.link,
        FileTest::Exists => true,
        FileTest::Executable => machine.program.facts.executable(file.executable, file.owner_executable),
        FileTest::ReachableFile | FileTest::ReachableUrl => false,
    })
}

/// What is at a path, absent where that is not known.
pub fn stat(machine: &mut Machine, path: &[u8], kind: &str) -> Option<FileKind> {
    match machine.world.stat(path) {
        Some(found) => found,
        None => {
            machine.recorder.assume(format!("{kind}:{}", String::from_utf8_lossy(path)), "does not exist");
            None
        }
    }
}
