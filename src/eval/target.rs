//! The request line: what is refused at the door, and how the path is decoded and normalised.

pub mod dots_first;
pub mod together;

use super::flow::{Flow, Reply};
use super::machine::Machine;
use crate::ir::policy::{Decoding, TargetChecks};

/// A target, split but not decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Path and query as received, without scheme and host.
    pub raw: Vec<u8>,
    /// The path, encoded.
    pub path: Vec<u8>,
    /// The query.
    pub query: Option<Vec<u8>>,
    /// The authority of an absolute target.
    pub authority: Option<Vec<u8>>,
}

/// Reads the request line and the host, chooses the site, and leaves the path normalised.
pub fn receive(machine: &mut Machine) -> Flow {
    let received = match machine.program.target.checks {
        TargetChecks::Strict => dots_first::receive(machine),
        TargetChecks::Lenient | TargetChecks::LenientAuthority => together::receive(machine),
    };
    match received {
        Ok(()) => Flow::Next,
        Err(status) => Reply::bare(status, None).into(),
    }
}

/// Normalises the path of a target that the server made itself.
pub fn normalise_again(machine: &mut Machine) -> Flow {
    let done = match machine.program.target.decoding {
        Decoding::Together => Ok(()),
        Decoding::DotsFirst => dots_first::normalise_again(machine),
    };
    match done {
        Ok(()) => Flow::Next,
        Err(status) => Reply::bare(status, machine.cause).into(),
    }
}
