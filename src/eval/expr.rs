//! Expressions (`ap_expr`).

use super::flow::{Fail, Try};
use super::machine::Machine;
use crate::ir::expr::Expr;

/// Whether an expression is true.
///
/// # Errors
/// Where it depends on something that is not modelled.
pub fn holds(_machine: &mut Machine, _expression: &Expr) -> Try<bool> {
    Err(Fail::Unknown(None, "an expression".to_owned()))
}

/// The text of a word expression.
///
/// # Errors
/// Where it depends on something that is not modelled.
pub fn text(_machine: &mut Machine, _expression: &Expr) -> Try<Vec<u8>> {
    Err(Fail::Unknown(None, "an expression".to_owned()))
}
