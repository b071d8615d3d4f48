//! Who may come in.

use super::condition;
use super::flow::{Flow, Reply};
use super::machine::Machine;
use crate::ir::scope::{Access, NetworkRule};
use crate::ir::table::address_number;

/// Refuses what the scope's access rules refuse.
pub fn check(machine: &mut Machine) -> Flow {
    let settings = &machine.scope.settings;
    let either = settings.any_access == Some(true);
    let rules = [settings.host_access.clone(), settings.access.clone()];
    let mut last = Flow::Next;
    for rule in rules.into_iter().flatten() {
        last = one(machine, &rule, 0);
        if (last == Flow::Next) == either {
            return last;
        }
    }
    last
}

fn one(machine: &mut Machine, access: &Access, depth: usize) -> Flow {
    match access {
        Access::Granted => Flow::Next,
        Access::Denied(span) => Reply::bare(403, Some(*span)).into(),
        Access::When(test, span) => match condition::holds(machine, test) {
            Ok(true) => Flow::Next,
            Ok(false) => Reply::bare(403, Some(*span)).into(),
            Err(fail) => fail.into(),
        },
        Access::Unknown(what, span) => Flow::Unknown(Some(*span), what.clone()),
        Access::Networks(rules) => networks(machine, rules),
        Access::Login(span) if machine.header_lines(b"authorization").next().is_none() => {
            Reply::bare(401, Some(*span)).into()
        }
        Access::Login(span) => Flow::Unknown(Some(*span), "whether the credentials are right".to_owned()),
        Access::Each(all) if depth < 16 => {
            let flows = all.iter().map(|access| one(machine, access, depth + 1));
            flows.into_iter().find(|flow| *flow != Flow::Next).unwrap_or(Flow::Next)
        }
        Access::Each(_) => Flow::Next,
    }
}

fn networks(machine: &mut Machine, rules: &[NetworkRule]) -> Flow {
    let everyone = |rule: &NetworkRule| rule.first == 0 && rule.last == u128::MAX;
    let address = machine.request.remote.as_deref().and_then(address_number);
    if address.is_none() && !rules.first().is_some_and(everyone) {
        machine.recorder.assume("remote", "an address in none of the networks that are named");
    }
    let holds = |rule: &&NetworkRule| match address {
        Some(address) => (rule.first..=rule.last).contains(&address),
        None => everyone(rule),
    };
    match rules.iter().find(holds) {
        Some(rule) if !rule.allow => Reply::bare(403, Some(rule.span)).into(),
        _ => Flow::Next,
    }
}
