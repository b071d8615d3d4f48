//! The phases, each handed to the file that knows it.

use super::clauses::{self, ListEnd};
use super::flow::Flow;
use super::machine::{Current, ListState, Machine};
use super::{access, choice, content, folder, real_address, respond, rewrite, sections, spelling, target, try_files};
use crate::ir::Phase;
use crate::ir::clause::Clause;
use crate::ir::scope::{Slot, Stacked};

/// Runs one phase.
pub fn run(machine: &mut Machine, phase: Phase) -> Flow {
    match phase {
        Phase::Site(slot) => {
            let site = Current::Shared(machine.scope_by_id(machine.site.scope));
            let flow = list(machine, &site, slot);
            // Among the redirects only a proxy sets a handler, and nothing of the file system counts then.
            let proxied = slot == Slot::Redirect && flow == Flow::Next && machine.forced_handler.is_some();
            if proxied { content::elsewhere(machine) } else { flow }
        }
        Phase::Scope(slot) => {
            let scope = machine.scope.clone();
            list(machine, &scope, slot)
        }
        Phase::Normalise => target::normalise_again(machine),
        Phase::Locate => choice::locate(machine),
        Phase::MergeUrl => {
            machine.flags.admitted = false;
            sections::merge_url(machine)
        }
        Phase::Walk => sections::walk(machine),
        Phase::RealAddress => real_address::believe(machine),
        Phase::Access { sub_requests: false } if machine.depth > 0 => Flow::Next,
        Phase::Access { .. } => {
            let flow = access::check(machine);
            machine.flags.admitted = flow == Flow::Next;
            flow
        }
        Phase::SkipIfMapped(to) if machine.flags.mapped => Flow::Jump(to),
        Phase::SkipIfMapped(_) => Flow::Next,
        Phase::SearchAgain => search_again(machine),
        Phase::TryFiles => try_files::run(machine),
        Phase::DirectorySlash => folder::directory_slash(machine),
        Phase::Index => folder::index(machine),
        Phase::Fallback => folder::fallback(machine),
        Phase::Spelling => spelling::correct(machine),
        Phase::RequestHeaders { early } => respond::headers::change_request(machine, early),
        Phase::Content => content::serve(machine),
    }
}

fn search_again(machine: &mut Machine) -> Flow {
    if !machine.flags.path_changed {
        return Flow::Next;
    }
    match machine.spend() {
        Some(flow) => flow,
        None => Flow::Jump(machine.program.entry.search),
    }
}

fn list(machine: &mut Machine, scope: &Current, slot: Slot) -> Flow {
    let lists = &scope.lists;
    match slot {
        Slot::Rewrite => match &lists.rewrite {
            Some(list) => rewrite::run_list(machine, list),
            None => Flow::Next,
        },
        Slot::Environment => stacked(machine, &lists.environment),
        Slot::LateEnvironment => stacked(machine, &lists.late_environment),
        // What is no path at all (`OPTIONS *`) is nobody's to map.
        Slot::Redirect | Slot::Alias if !machine.path.starts_with(b"/") => Flow::Next,
        Slot::Redirect => stacked(machine, &lists.redirect),
        Slot::Alias => stacked(machine, &lists.alias),
        Slot::ExpressionRedirect => match &lists.expression_redirect {
            Some(clause) => left(clauses::run(machine, std::slice::from_ref(clause))),
            None => Flow::Next,
        },
    }
}

fn stacked(machine: &mut Machine, lists: &Stacked<Clause>) -> Flow {
    machine.list = ListState::default();
    for list in &lists.0 {
        match clauses::run(machine, list) {
            ListEnd::Through => {}
            end => return left(end),
        }
    }
    Flow::Next
}

fn left(end: ListEnd) -> Flow {
    match end {
        ListEnd::Left(flow) => flow,
        _ => Flow::Next,
    }
}
