//! What a program's variables are filled by, wherever that stands.

use super::list::all_of;
use crate::ir::Program;
use crate::ir::clause::{Action, Clause};
use crate::ir::condition::{Condition, TestKind};
use crate::ir::table::TableKind;
use rustc_hash::FxHashSet;

/// Variables by what fills them.
#[derive(Debug, Default)]
pub struct Filled {
    /// Set under a condition: the value depends on the request, and lives in the environment.
    pub conditional: FxHashSet<u32>,
    /// Groups of tests in lists or of server names.
    pub grouped: FxHashSet<u32>,
    /// Groups of the patterns of tables.
    pub by_tables: FxHashSet<u32>,
}

impl Filled {
    /// Looks through a program.
    pub fn of(program: &Program) -> Self {
        let maps = program.tables.iter().filter_map(|table| match &table.kind {
            TableKind::Map(map) => Some(map),
            _ => None,
        });
        let named = maps.flat_map(|map| &map.patterns).flat_map(|(_, named, _)| named.iter());
        Self {
            conditional: set_under_conditions(program),
            grouped: filled_by_groups(program),
            by_tables: named.map(|(_, id)| id.0).collect(),
        }
    }
}

/// Variables that some block under a condition sets: their value depends on the request.
fn set_under_conditions(program: &Program) -> FxHashSet<u32> {
    let mut out = FxHashSet::default();
    let lists = program.scopes.iter().filter_map(|scope| scope.lists.rewrite.as_ref());
    let mut open: Vec<(&Clause, bool)> = lists.flat_map(|list| list.clauses.iter()).map(|one| (one, false)).collect();
    while let Some((clause, inside)) = open.pop() {
        for action in &clause.does {
            match action {
                Action::Set(id, _) if inside => drop(out.insert(id.0)),
                Action::Block(inner) => open.extend(inner.iter().map(|one| (one, true))),
                _ => {}
            }
        }
    }
    out
}

/// Variables that groups of tests in lists or of server names fill.
fn filled_by_groups(program: &Program) -> FxHashSet<u32> {
    let mut out = FxHashSet::default();
    let lists = program.scopes.iter().filter_map(|scope| scope.lists.rewrite.as_ref());
    let mut open: Vec<&Clause> = lists.flat_map(|list| list.clauses.iter()).collect();
    while let Some(clause) = open.pop() {
        let tests = all_of(&clause.when.conditions).unwrap_or_default().iter().filter_map(|test| match test {
            Condition::Test(test) => match &test.kind {
                TestKind::Matches(matched) => Some(matched),
                _ => None,
            },
            _ => None,
        });
        let named = tests.chain(clause.when.matches.as_ref()).flat_map(|test| test.captures.named.iter());
        out.extend(named.map(|(_, id)| id.0));
        for action in &clause.does {
            if let Action::Block(inner) = action {
                open.extend(inner);
            }
        }
    }
    for name in program.sites.iter().flat_map(|site| &site.names) {
        if let crate::ir::site::SiteName::Regex(_, named) = name {
            out.extend(named.iter().map(|(_, id)| id.0));
        }
    }
    out
}
