//! From a reply to what goes out: error pages, the final status, the headers, the absolute `Location`.

pub mod headers;
pub mod listed;
pub mod pages;

use super::flow::{Flow, Reply};
use super::machine::Machine;
use crate::ir::Bytes;
use crate::ir::policy::StatusPolicy;

/// What goes out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The status; 0 where the connection is closed without a word.
    pub status: u16,
    /// The first `Location`.
    pub location: Option<Vec<u8>>,
    /// Other headers of the configuration.
    pub headers: Vec<(Bytes, Bytes)>,
    /// A body of the configuration.
    pub body: Option<Vec<u8>>,
}

/// What becomes of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// It goes out.
    Sent(Sent),
    /// Handling goes on: an error page is an internal redirect.
    GoesOn(Flow),
}

/// Finalises a reply by the server's policy.
pub fn finish(machine: &mut Machine, reply: Reply) -> Finished {
    if reply.cause.is_some() {
        machine.cause = reply.cause;
    }
    match machine.program.facts.statuses {
        StatusPolicy::Closing => pages::finish(machine, reply),
        StatusPolicy::Listed => listed::finish(machine, reply),
    }
}
