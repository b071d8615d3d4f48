//! Expressions (`ap_expr`, server/util_expr_eval.c).

mod function;

use super::flow::{Fail, Try};
use super::machine::Machine;
use super::rewrite::sub_request;
use super::{attribute, condition, matching, template};
use crate::ir::clause::Store;
use crate::ir::condition::FileTest;
use crate::ir::expr::{Expr, GlobKind};
use crate::ir::pattern::Glob;

/// Whether an expression is true.
///
/// # Errors
/// Where it depends on something that is not modelled.
pub fn holds(machine: &mut Machine, expression: &Expr) -> Try<bool> {
    machine.captures.of_mut(Store::Expression).clear();
    let held = truth(machine, expression)?;
    match machine.taint.take() {
        Some(taint) => Err(Fail::Unknown(None, taint.to_string())),
        None => Ok(held),
    }
}

fn truth(machine: &mut Machine, expression: &Expr) -> Try<bool> {
    Ok(match expression {
        Expr::Bool(value) => *value,
        Expr::Not(inner) => !truth(machine, inner)?,
        Expr::And(left, right) => truth(machine, left)? && truth(machine, right)?,
        Expr::Or(left, right) => truth(machine, left)? || truth(machine, right)?,
        Expr::Strings(left, order, right) => {
            condition::ordered(*order, text(machine, left)?.cmp(&text(machine, right)?))
        }
        Expr::Integers(left, order, right) => {
            let left = condition::leading_integer(&text(machine, left)?);
            let right = condition::leading_integer(&text(machine, right)?);
            condition::ordered(*order, left.cmp(&right))
        }
        Expr::Match(left, regex, negated) => {
            let subject = text(machine, left)?;
            let found = matching::search(machine, regex, &subject, None)?;
            let matched = found.is_some();
            if regex.compiled().is_ok_and(|code| code.group_count() > 0) {
                match found {
                    Some(found) => matching::set(machine, Store::Expression, &subject, found),
                    None => machine.captures.of_mut(Store::Expression).clear(),
                }
            }
            matched != *negated
        }
        Expr::In(left, list) => {
            let left = text(machine, left)?;
            for word in list {
                if text(machine, word)? == left {
                    return Ok(true);
                }
            }
            false
        }
        Expr::File(test, path) => {
            let path = text(machine, path)?;
            match test {
                FileTest::ReachableFile | FileTest::ReachableUrl => {
                    sub_request::reachable_in_expression(machine, *test, &path)?
                }
                _ => condition::file_test(machine, *test, &path)?,
            }
        }
        Expr::NonEmpty(word, wanted) => text(machine, word)?.is_empty() != *wanted,
        Expr::Truthy(word) => {
            let word = text(machine, word)?.to_ascii_lowercase();
            !matches!(word.as_slice(), b"" | b"0" | b"off" | b"false" | b"no")
        }
        Expr::IpMatch(address, network) => {
            let address = text(machine, address)?;
            network.contains(&address)
        }
        Expr::Glob(left, right, kind) => {
            let (left, right) = (text(machine, left)?, text(machine, right)?);
            let (path, ignore_case) = (*kind == GlobKind::Path, *kind == GlobKind::TextNoCase);
            matching::glob_matches(&Glob { text: right.into(), path, ignore_case }, &left)
        }
        word => !text(machine, word)?.is_empty(),
    })
}

/// The text of a word expression.
///
/// # Errors
/// Where it depends on something that is not modelled.
pub fn text(machine: &mut Machine, expression: &Expr) -> Try<Vec<u8>> {
    Ok(match expression {
        Expr::Literal(bytes) => bytes.to_vec(),
        Expr::Attribute(attribute) => attribute::value(machine, attribute)?,
        Expr::Variable(id) => template::variable(machine, *id)?,
        Expr::Capture(group) => machine.captures.of(Store::Expression).group(usize::from(*group)).to_vec(),
        Expr::Concat(words) => {
            let mut out = Vec::new();
            for word in words {
                out.extend(text(machine, word)?);
            }
            out
        }
        Expr::Function(function, argument) => {
            let argument = text(machine, argument)?;
            function::call(machine, *function, argument)?
        }
        Expr::Template(template) => template::render(machine, template)?,
        condition => if truth(machine, condition)? { &b"true"[..] } else { b"false" }.to_vec(),
    })
}
