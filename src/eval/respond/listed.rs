//! Replies of a server that knows a fixed list of statuses (Apache).

use super::{Finished, Sent};
use crate::eval::flow::{Reply, ReplyContent};
use crate::eval::machine::Machine;

/// Finalises a reply.
pub fn finish(machine: &mut Machine, reply: Reply) -> Finished {
    if let ReplyContent::Location(to) = reply.content {
        machine.location = Some(to);
    }
    Finished::Sent(Sent { status: reply.status, location: machine.location.clone(), ..Sent::default() })
}
