//! Changes of the target inside the server, by the policy of each.

pub mod split_literal;

use super::clauses::{self, ListEnd};
use super::flow::{Fail, Flow, Try};
use super::machine::{ListState, Machine};
use crate::ir::clause::{Clause, Rewrite};
use crate::ir::condition::FileTest;
use crate::ir::policy::{BackReferenceEscape, QueryPolicy};
use crate::ir::scope::{Finish, RewriteList};
use crate::ir::template::Attribute;

/// Applies the rewrite of a clause that matched; `Some` where the list ends with it.
pub fn apply(machine: &mut Machine, clause: &Clause, change: &Rewrite) -> Try<Option<ListEnd>> {
    match change.query {
        QueryPolicy::SplitLiteral { drop_old } => split_literal::apply(machine, clause, change, drop_old),
        _ => Err(unmodelled("mod_rewrite")),
    }
}

/// Runs a rewriting list from its start and does what its end means.
pub fn run_list(machine: &mut Machine, list: &RewriteList) -> Flow {
    if machine.scope.settings.rewriting == Some(false) || machine.flags.rewriting_ended {
        return Flow::Next;
    }
    machine.list = ListState::default();
    match list.finish {
        Finish::SearchAgain => {
            for clauses in &list.clauses.0 {
                match clauses::run(machine, clauses) {
                    ListEnd::Through => {}
                    ListEnd::Left(flow) => return flow,
                    ListEnd::Ended | ListEnd::EndedAll => break,
                }
            }
            Flow::Next
        }
        Finish::MapToFile | Finish::Redirect => unmodelled("mod_rewrite").into(),
    }
}

/// mod_rewrite's B.
pub fn escape_back_reference(_options: &BackReferenceEscape, bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

/// `-F` and `-U`: whether a sub-request would succeed.
pub fn reachable(_machine: &mut Machine, _test: FileTest, _path: &[u8]) -> Try<bool> {
    Err(unmodelled("a sub-request"))
}

/// `LA-U`, `LA-F`: an attribute of a sub-request.
pub fn look_ahead(_machine: &mut Machine, _url: bool, _attribute: &Attribute) -> Try<Vec<u8>> {
    Err(unmodelled("a sub-request"))
}

/// RedirectMatch's parsing of its result as a URI, put together again and escaped.
pub fn reparse(_text: &[u8]) -> Option<Vec<u8>> {
    None
}

fn unmodelled(what: &str) -> Fail {
    Fail::Unknown(None, what.to_owned())
}
