//! One site: its own list, then its locations in order, then what stands beside lists.

use super::guard::Guard;
use super::list::{Lists, Place};
use super::plan::{Cond, Rule, Statement};
use super::reach::Entries;
use super::rule::filling;
use super::text::{Captures, Names};
use super::{location, locations};
use crate::ir::choice::Choice;
use crate::ir::scope::Scope;
use crate::ir::site::Site;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The statements of a site's lists.
pub fn rules(lists: &mut Lists<'_>, site: &Site, first: &[Guard], names: &Names) -> Vec<Statement> {
    let Choice::Locations(choice) = &site.choice else { return Vec::new() };
    lists.entries = Entries::new(locations::entries(choice));
    lists.named = choice.named.iter().map(|(name, id)| (name.to_vec(), *id)).collect();
    let headers = lists.scope(site.scope).into_iter().flat_map(|scope| scope.settings.headers.items.iter());
    lists.site_spans = headers.map(|rule| rule.span).collect();
    let pages = lists.scope(site.scope).into_iter().flat_map(|scope| scope.settings.error_pages.items.iter());
    lists.site_spans.extend(pages.map(|page| page.span));
    lists.own_name = site.own.host.to_vec();
    lists.changed = false;
    lists.again = false;
    lists.needs = super::rule::Needs::default();
    let mut place = Place { guards: first.to_vec(), names: names.clone(), server: true, closing: false };
    let scope = lists.scope(site.scope);
    let ends = match scope.and_then(|scope| scope.lists.rewrite.as_ref()) {
        Some(list) => lists.list(list.clauses.iter(), &mut place, 0),
        None => false,
    };
    let own = std::mem::take(&mut lists.out);
    lists.has_own_rules = own.iter().any(|one| matches!(one, Statement::Rule(_)));
    let own_root = scope.and_then(root);
    if !ends {
        let before = (lists.verdicts.clone(), lists.commented.clone(), lists.needs.clone(), lists.changed);
        all_entries(lists, &place, own_root.as_deref());
        if lists.again && !before.3 && !lists.htaccess {
            // gone through again, the locations look at the new path: none may name the one that was asked for
            (lists.verdicts, lists.commented, lists.needs) = (before.0, before.1, before.2);
            lists.out.clear();
            lists.changed = true;
            all_entries(lists, &place, own_root.as_deref());
        }
    }
    let rest = std::mem::take(&mut lists.out);
    together(lists, own, rest)
}

fn all_entries(lists: &mut Lists<'_>, place: &Place, own_root: Option<&[u8]>) {
    let entries = Arc::clone(&lists.entries.all);
    for (at, entry) in entries.iter().enumerate() {
        location::rules(lists, at, entry, place, own_root);
    }
}

/// The document root of a scope, where it is fixed.
pub fn root(scope: &Scope) -> Option<Vec<u8>> {
    scope.settings.root.as_ref().and_then(|root| root.as_literal()).map(<[u8]>::to_vec)
}

/// Both lists behind each other, with what they need in front, and jumps over the rest of the first one.
fn together(lists: &mut Lists<'_>, mut own: Vec<Statement>, rest: Vec<Statement>) -> Vec<Statement> {
    let mut behind = 0usize;
    for rule in own.iter_mut().rev().filter_map(Statement::rule_mut) {
        if rule.to_locations {
            match (behind, rest.is_empty()) {
                (_, true) => rule.flags.push("L".to_owned()),
                (0, false) => {}
                _ => rule.flags.push(format!("S={behind}")),
            }
        }
        behind += 1;
    }
    let mut out = Vec::new();
    if lists.needs.escape {
        out.push(Statement::Line(b"RewriteMap escape int:escape".to_vec()));
    }
    if lists.needs.unescape {
        out.push(Statement::Line(b"RewriteMap unescape int:unescape".to_vec()));
    }
    for name in &lists.needs.variables {
        out.push(Statement::Rule(filling(name)));
    }
    let skipped = behind;
    if lists.again && skipped > 0 && !lists.htaccess {
        let conditions = vec![Cond::new(b"%{ENV:relocated}", b"=1".to_vec(), false)];
        let flags = vec![format!("S={skipped}")];
        out.push(Statement::Rule(Rule { conditions, pattern: b"^".to_vec(), flags, ..Rule::default() }));
    }
    out.extend(own);
    out.extend(rest);
    out
}

/// Names for a list where nothing is known yet.
pub fn no_names() -> Names {
    Names { captures: Captures::Empty, values: FxHashMap::default() }
}
