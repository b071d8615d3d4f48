//! A `.htaccess`: one list for every host and port that is served from its folder.
//!
//! What nginx decides by listener and name before it looks at anything else becomes a condition of every rule of that
//! server; a server's requests stop behind its rules. The server that takes what is left comes last, without one.

use super::guard::{Guard, Piece, Test};
use super::host::{body, bound, guarded, of_name, only_patterns, order, site_of};
use super::list::Lists;
use super::plan::Host;
use super::site::no_names;
use crate::emit::nginx::regex::escaped;
use crate::ir::site::{Listener, Site, SiteName};
use crate::ir::{Program, SiteId};

/// A server's turn in the list: what its requests have in common.
struct Turn {
    site: SiteId,
    /// Which listener, where not all of them have the server.
    listener: Option<(Test, bool)>,
    /// By its names, or whatever is left.
    by_name: bool,
}

/// The inside of the file.
pub fn host(lists: &mut Lists<'_>) -> Host {
    let program = lists.program;
    let turns = turns(program);
    let mut first = Vec::new();
    let (last, before) = match turns.split_last() {
        Some((last, before)) => (site_of(program, last.site), before),
        None => (program.sites.first(), &[][..]),
    };
    for turn in before {
        let Some(site) = site_of(program, turn.site) else { continue };
        let mut guards: Vec<Guard> = Vec::new();
        if let Some((test, negated)) = &turn.listener {
            guards.push(lists.guard(test.clone(), *negated));
        }
        let mut names = no_names();
        if turn.by_name {
            let guard = lists.guard(names_of(site), false);
            if let [SiteName::Regex(_, named)] = site.names.as_slice() {
                names = bound(named, &guard);
            }
            guards.push(guard);
        }
        first.extend(guarded(lists, site, guards, names));
    }
    let body = last.map(|site| body(lists, site, &first)).unwrap_or_default();
    Host { body, ..Host::default() }
}

/// Servers with names, then those that take the rest.
fn turns(program: &Program) -> Vec<Turn> {
    let mut named = Vec::new();
    let mut rest: Vec<Turn> = Vec::new();
    let everywhere = |id: SiteId| program.listeners.iter().all(|listener| listener.default == id);
    for listener in &program.listeners {
        let mut sites = order(program, listener);
        sites.sort_by_key(|id| site_of(program, *id).is_some_and(only_patterns));
        for id in sites.into_iter().filter(|id| *id != listener.default) {
            let shared = program.listeners.iter().all(|other| other.sites.contains(&id) && other.default != id);
            push(&mut named, Turn { site: id, listener: test(program, listener).filter(|_| !shared), by_name: true });
        }
        let id = listener.default;
        push(
            &mut rest,
            Turn { site: id, listener: test(program, listener).filter(|_| !everywhere(id)), by_name: false },
        );
    }
    named.extend(rest);
    named
}

fn push(turns: &mut Vec<Turn>, turn: Turn) {
    if turns.iter().all(|other| other.site != turn.site || other.listener != turn.listener) {
        turns.push(turn);
    }
}

/// What tells a listener's requests from the others'.
fn test(program: &Program, listener: &Listener) -> Option<(Test, bool)> {
    let others = || program.listeners.iter().filter(|other| other.port != listener.port);
    others().next()?;
    if others().all(|other| other.encrypted != listener.encrypted) {
        return Some((Test::Truthy(vec![Piece::Expression("%{HTTPS}", true)]), !listener.encrypted));
    }
    let port = listener.port.unwrap_or(if listener.encrypted { 443 } else { 80 });
    let port = vec![Piece::Literal(port.to_string().into_bytes())];
    Some((Test::Equals(vec![Piece::Expression("%{SERVER_PORT}", true)], port, false), false))
}

/// A test of all the names of a server.
fn names_of(site: &Site) -> Test {
    if let [SiteName::Regex(regex, _)] = site.names.as_slice() {
        return of_name(regex.text.to_vec(), regex.options.caseless);
    }
    let one = |name: &SiteName| match name {
        SiteName::Exact(name) => escaped(name),
        SiteName::Leading(suffix) => [b".+", escaped(suffix).as_slice()].concat(),
        SiteName::LeadingOrBare(suffix) => {
            let bare = suffix.strip_prefix(b".").unwrap_or(suffix);
            [br"(?:.+\.)?", escaped(bare).as_slice()].concat()
        }
        SiteName::Trailing(prefix) => [escaped(prefix).as_slice(), b".+"].concat(),
        SiteName::Regex(regex, _) => [b"(?:.*", regex.text.as_ref(), b".*)"].concat(),
        SiteName::Glob(_) => b"(?!)".to_vec(),
    };
    let names: Vec<Vec<u8>> = site.names.iter().map(one).collect();
    of_name([b"^(?:", names.join(&b'|').as_slice(), b")$"].concat(), true)
}
