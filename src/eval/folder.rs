//! Folders and files where the path was mapped to a file before: slash, index, fallback, aliases.

use super::clauses::ListEnd;
use super::flow::{Fail, Flow, Try};
use super::machine::Machine;
use crate::ir::clause::{Clause, MapTo};

/// Redirects a folder to itself with a slash.
pub fn directory_slash(_machine: &mut Machine) -> Flow {
    unmodelled()
}

/// Looks for an index file.
pub fn index(_machine: &mut Machine) -> Flow {
    unmodelled()
}

/// `FallbackResource`.
pub fn fallback(_machine: &mut Machine) -> Flow {
    unmodelled()
}

/// Serves a mapped file.
pub fn default_handler(_machine: &mut Machine) -> Flow {
    unmodelled()
}

/// Maps the path to a file under a folder.
///
/// # Errors
/// Where the folder's name cannot be made.
pub fn map_to(_machine: &mut Machine, clause: &Clause, _to: &MapTo) -> Try<Option<ListEnd>> {
    Err(Fail::Unknown(Some(clause.span), "a mapped folder".to_owned()))
}

fn unmodelled() -> Flow {
    Flow::Unknown(None, "a folder".to_owned())
}
