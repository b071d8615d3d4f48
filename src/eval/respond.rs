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

/// The headers that go out with content, if its status is 200; none where one of them cannot be made.
pub fn with_content(machine: &mut Machine) -> Vec<(Bytes, Bytes)> {
    machine.status = Some(200);
    let added = match machine.program.facts.statuses {
        StatusPolicy::Closing => headers::listed_statuses(machine, 200),
        StatusPolicy::Listed => headers::two_tables(machine, true),
    };
    let mut added = added.unwrap_or_default();
    added.retain(|(name, _)| !name.eq_ignore_ascii_case(b"location"));
    added
}
