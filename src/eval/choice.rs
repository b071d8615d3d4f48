//! The search for a location.

use super::flow::{Flow, Reply, Try};
use super::machine::Machine;
use super::{escape, matching};
use crate::ir::ScopeId;
use crate::ir::choice::{Choice, Location, Locations};
use crate::ir::clause::Store;

enum Found<'p> {
    /// This one, unless something better turns up.
    Best(&'p Location),
    /// This one for good.
    Final(&'p Location),
    /// Its name lacks only a slash.
    Slash(&'p Location, &'p [u8]),
    Nothing,
}

/// Chooses the location of the path and puts its scope in force.
pub fn locate(machine: &mut Machine) -> Flow {
    machine.flags.path_changed = false;
    let site = machine.site;
    let Choice::Locations(locations) = &site.choice else { return Flow::Next };
    let path = machine.path.clone();
    let found = match level(machine, locations, &path, 0) {
        Ok(found) => found,
        Err(fail) => return fail.into(),
    };
    match found {
        Found::Best(location) | Found::Final(location) => {
            enter(machine, location.scope);
            machine.recorder.step(location.span, || "is chosen".to_owned());
            if is_closed(machine) {
                return Reply::bare(404, Some(location.span)).into();
            }
        }
        Found::Slash(location, name) => {
            enter(machine, location.scope);
            if is_closed(machine) {
                return Reply::bare(404, Some(location.span)).into();
            }
            let mut to = escape::uri(name);
            if let Some(query) = machine.query.as_ref().filter(|query| !query.is_empty()) {
                to.push(b'?');
                to.extend_from_slice(query);
            }
            machine.recorder.step(location.span, || "is asked for without its slash".to_owned());
            return Reply::location(301, to, Some(location.span)).into();
        }
        Found::Nothing => enter(machine, locations.otherwise.unwrap_or(site.scope)),
    }
    Flow::Next
}

/// Whether the scope in force is not for requests from outside, and this is one.
fn is_closed(machine: &Machine) -> bool {
    machine.scope.settings.internal && !machine.flags.internal
}

/// Puts a location's scope in force, or the one for its excepted methods.
pub fn enter(machine: &mut Machine, scope: ScopeId) {
    machine.enter(scope);
    if let Some(other) = machine.scope.settings.method_scope.clone() {
        let get_for_head = machine.method == b"HEAD" && other.methods.iter().any(|method| &**method == b"GET");
        if !get_for_head && !other.methods.iter().any(|method| **method == *machine.method) {
            machine.enter(other.scope);
        }
    }
}

/// Jumps to a named location.
pub fn named(machine: &mut Machine, name: &[u8]) -> Flow {
    if let Some(flow) = machine.spend() {
        return flow;
    }
    let scope = match &machine.site.choice {
        Choice::Locations(locations) => locations.named.get(name).copied(),
        Choice::Sections(_) => None,
    };
    let Some(scope) = scope.filter(|_| !machine.path.is_empty()) else {
        return Reply::bare(500, machine.cause).into();
    };
    machine.flags.internal = true;
    machine.flags.path_changed = false;
    enter(machine, scope);
    Flow::Jump(machine.program.entry.named)
}

fn level<'p>(machine: &mut Machine, locations: &'p Locations, path: &[u8], depth: usize) -> Try<Found<'p>> {
    if depth > 256 {
        return Ok(Found::Nothing);
    }
    if let Some(location) = locations.exact.get(path) {
        return Ok(Found::Final(location));
    }
    let longest = longest_prefix(&locations.prefixes, path);
    if !matches!(longest, Some((name, _)) if name == path)
        && let Some((location, name)) = lacks_slash(locations, path)
    {
        return Ok(Found::Slash(location, name));
    }
    let mut best = Found::Nothing;
    if let Some((_, location)) = longest {
        best = Found::Best(location);
        if let Some(nested) = &location.nested {
            match level(machine, nested, path, depth + 1)? {
                Found::Nothing => {}
                Found::Best(inner) => best = Found::Best(inner),
                found => return Ok(found),
            }
        }
        if location.no_patterns {
            return Ok(best);
        }
    }
    let index = machine.program.indexes.of_patterns(&locations.patterns);
    let places = index.map_or_else(|| (0..locations.patterns.len() as u32).collect(), |index| index.candidates(path));
    for (regex, groups, location) in places.iter().filter_map(|&place| locations.patterns.get(place as usize)) {
        let Some(found) = matching::search(machine, regex, path, Some(location.span))? else {
            machine.recorder.test(location.span, || format!("does not match `{}`", String::from_utf8_lossy(path)));
            continue;
        };
        matching::set_named(machine, groups, path, &found);
        matching::set(machine, Store::Pattern, path, found);
        if let Some(nested) = &location.nested {
            match level(machine, nested, path, depth + 1)? {
                Found::Nothing => {}
                Found::Best(inner) | Found::Final(inner) => return Ok(Found::Final(inner)),
                slash => return Ok(slash),
            }
        }
        return Ok(Found::Final(location));
    }
    Ok(best)
}

fn lacks_slash<'p>(locations: &'p Locations, path: &[u8]) -> Option<(&'p Location, &'p [u8])> {
    let name = [path, b"/"].concat();
    let exact = locations.exact.get_key_value(&*name).map(|(name, location)| (location, &**name));
    let prefix = by_name(&locations.prefixes, &name).map(|(name, location)| (location, name));
    exact.into_iter().chain(prefix).find(|(location, _)| location.slash_redirect)
}

fn by_name<'p>(prefixes: &'p [(crate::ir::Bytes, Location)], name: &[u8]) -> Option<(&'p [u8], &'p Location)> {
    let at = prefixes.binary_search_by(|(have, _)| (**have).cmp(name)).ok()?;
    prefixes.get(at).map(|(name, location)| (&**name, location))
}

/// The longest name that the path begins with, in a list sorted by bytes: each miss shortens the path to what it
/// shares with its neighbour, so that few steps are needed.
fn longest_prefix<'p>(prefixes: &'p [(crate::ir::Bytes, Location)], path: &[u8]) -> Option<(&'p [u8], &'p Location)> {
    let mut key = path;
    loop {
        let behind = prefixes.partition_point(|(name, _)| **name <= *key);
        let (name, location) = prefixes.get(behind.checked_sub(1)?)?;
        if key.starts_with(name) {
            return Some((name, location));
        }
        let shared = name.iter().zip(key).take_while(|(a, b)| a == b).count();
        key = key.get(..shared)?;
    }
}
