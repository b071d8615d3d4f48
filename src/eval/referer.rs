//! Whether a `Referer` is welcome (`ngx_http_referer_variable`).

use super::flow::Try;
use super::machine::Machine;
use super::{host, matching};
use crate::ir::referers::Referers;
use crate::ir::site::SiteName;

/// The shortest URL there is.
const SHORTEST: usize = "http://i.ru".len();

/// `1`, or nothing where the `Referer` is welcome in the scope in force.
///
/// # Errors
/// Where a pattern cannot be decided.
pub fn is_invalid(machine: &mut Machine) -> Try<Vec<u8>> {
    let Some(rules) = machine.scope.settings.referers.clone() else { return Ok(Vec::new()) };
    let given = machine.header_lines(b"referer").next().map(<[u8]>::to_vec);
    let welcome = match given {
        None => rules.none,
        Some(given) => match behind_scheme(&given) {
            None => rules.blocked,
            Some(rest) => is_welcome(machine, &rules, rest)?,
        },
    };
    Ok(if welcome { Vec::new() } else { b"1".to_vec() })
}

fn behind_scheme(referer: &[u8]) -> Option<&[u8]> {
    let behind = |scheme: &[u8]| {
        let (head, rest) = referer.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    (referer.len() >= SHORTEST).then(|| behind(b"http://").or_else(|| behind(b"https://"))).flatten()
}

fn is_welcome(machine: &Machine, rules: &Referers, rest: &[u8]) -> Try<bool> {
    let end = memchr::memchr2(b'/', b':', rest).unwrap_or(rest.len());
    let (name, behind) = rest.split_at(end);
    if name.len() > 256 {
        return Ok(false);
    }
    let name = name.to_ascii_lowercase();
    let own = machine.site.names.iter().filter(|_| rules.own_names).map(|name| (None, name));
    let hosts = rules.hosts.iter().map(|(name, path)| (path.as_deref(), name)).chain(own);
    if let Some(begins) = host::best_name(hosts, &name) {
        let path = memchr::memchr(b'/', behind).and_then(|at| behind.get(at..)).unwrap_or_default();
        return Ok(begins.is_none_or(|begins| path.starts_with(begins)));
    }
    let own = machine.site.names.iter().filter(|_| rules.own_patterns).filter_map(|one| match one {
        SiteName::Regex(regex, _) => Some((&**regex, &*name)),
        _ => None,
    });
    let patterns = rules.patterns.iter().map(|regex| (&**regex, rest));
    for (regex, subject) in own.chain(patterns) {
        if matching::search(machine, regex, subject, Some(regex.span))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
