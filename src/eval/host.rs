//! From a connection and a host to a site.

use super::machine::Machine;
use super::{Request, matching};
use crate::ir::policy::HostPolicy;
use crate::ir::site::{Listener, NameRule, Site, SiteName};
use crate::ir::{Program, SiteId};

/// A host that passed the checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Lower case, without port and final dot.
    pub name: Vec<u8>,
    /// The text behind the colon.
    pub port: Option<Vec<u8>>,
}

/// Checks and normalises a host with an optional port; `None` is refused with 400.
pub fn normalise(policy: HostPolicy, text: &[u8]) -> Option<Host> {
    match policy {
        HostPolicy::Lenient => lenient(text),
        HostPolicy::Rfc3986 => lenient(text).filter(|_| rfc3986(text)),
        HostPolicy::Strict => super::target::dots_first::strict_host(text),
    }
}

fn lenient(text: &[u8]) -> Option<Host> {
    let refused = |&byte: &u8| byte <= b' ' || byte == 0x7f || byte == b'/';
    if text.iter().any(refused) || text.windows(2).any(|two| two == b"..") {
        return None;
    }
    let literal = match text.first() {
        Some(b'[') => memchr::memchr(b']', text).map(|at| at + 1),
        _ => None,
    };
    let end = match (literal, text.first()) {
        (Some(end), _) => end,
        (None, Some(b'[')) => text.len(),
        (None, _) => memchr::memchr(b':', text).unwrap_or(text.len()),
    };
    let name = text.get(..end)?;
    let port = text.get(end..)?.strip_prefix(b":").map(<[u8]>::to_vec);
    let name = name.strip_suffix(b".").unwrap_or(name);
    (!name.is_empty()).then(|| Host { name: name.to_ascii_lowercase(), port })
}

/// The narrower rule: unreserved bytes, sub-delimiters and `%` in the name, digits in the port.
fn rfc3986(text: &[u8]) -> bool {
    let (name, port) = match text.strip_prefix(b"[") {
        Some(rest) => match memchr::memchr(b']', rest) {
            Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..).unwrap_or_default()),
            None => return false,
        },
        None => text.split_at(memchr::memchr(b':', text).unwrap_or(text.len())),
    };
    let literal = text.first() == Some(&b'[');
    let fits = |byte: &u8| {
        if literal {
            return byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.');
        }
        byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte)
    };
    name.iter().all(fits) && port_fits(port)
}

fn port_fits(port: &[u8]) -> bool {
    match port {
        [] | b":" => true,
        [b':', digits @ ..] => {
            let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u32>().ok());
            digits.iter().all(u8::is_ascii_digit) && number.is_some_and(|number| number <= 65_535)
        }
        _ => false,
    }
}

/// The listener a request arrives at: exact address and port, then any address, then what fits best.
pub fn listener<'p>(program: &'p Program, request: &Request) -> Option<&'p Listener> {
    let listeners = &program.listeners;
    if let Some((address, port)) = &request.local {
        let fits = |listener: &&Listener| listener.port.is_none_or(|have| have == *port);
        let exact = |listener: &&Listener| listener.address.as_deref() == Some(address);
        let any = |listener: &&Listener| listener.address.as_deref().is_some_and(|have| is_any(have, address));
        let open = |listener: &&Listener| listener.address.is_none();
        return listeners
            .iter()
            .filter(fits)
            .find(exact)
            .or_else(|| listeners.iter().filter(fits).find(any))
            .or_else(|| listeners.iter().filter(fits).find(open))
            .or_else(|| likely(program, request));
    }
    likely(program, request)
}

/// Whether a listener's address stands for every IPv6 address, and this is one.
pub fn is_any(listener: &[u8], address: &[u8]) -> bool {
    listener == b"::" && address.contains(&b':') && !address.starts_with(crate::ir::access::SOCKET)
}

/// Where the address is not known: the listener of the scheme and port that knows the host.
fn likely<'p>(program: &'p Program, request: &Request) -> Option<&'p Listener> {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let host = host.and_then(|(_, value)| normalise(program.host, value));
    let written = host.as_ref().and_then(|host| std::str::from_utf8(host.port.as_deref()?).ok()?.parse::<u16>().ok());
    let local = request.local.as_ref().map(|(_, port)| *port);
    let port = local.or(written).unwrap_or(if request.encrypted { 443 } else { 80 });
    let score = |listener: &Listener| {
        let known = host.as_ref().is_some_and(|host| named(program, listener, &host.name).is_some());
        (listener.encrypted == request.encrypted, listener.port.is_none_or(|have| have == port), known)
    };
    // The first of the best ones.
    program.listeners.iter().rev().max_by_key(|listener| score(listener))
}

/// Puts the site that the host names in force.
///
/// # Errors
/// A status, where a pattern of a name cannot be decided.
pub fn choose_site(machine: &mut Machine) -> Result<(), u16> {
    let Some(listener) = machine.listener else { return Ok(()) };
    let program = machine.program;
    let host = machine.host.clone().unwrap_or_default();
    let chosen = match listener.rule {
        NameRule::BestKind => best_kind(machine, listener, &host),
        NameRule::FirstSite if machine.host.is_none() => first_path(machine, listener),
        NameRule::FirstSite => first_site(machine, listener, &host),
    };
    let strict = machine.scope.settings.strict_host == Some(true);
    if strict && machine.host.is_some() && chosen.is_none() && !is_called(machine.site, &host) {
        return Err(400);
    }
    if let Some(site) = program.sites.get(chosen.unwrap_or(listener.default).0 as usize) {
        machine.site = site;
        machine.enter_site();
    }
    if let Some(limit) = machine.scope.settings.internal_redirects {
        machine.budget = limit;
    }
    Ok(())
}

/// The site that names a host, patterns left aside.
fn named(program: &Program, listener: &Listener, host: &[u8]) -> Option<SiteId> {
    best_name(names(program, listener), host)
}

/// What goes with the name that fits a host best, patterns left aside: the whole name, then the longest wildcard in
/// front, then the longest one behind; the first of two alike.
pub fn best_name<'n, T: Copy>(names: impl Iterator<Item = (T, &'n SiteName)>, host: &[u8]) -> Option<T> {
    let fits = |name: &SiteName| match name {
        SiteName::Exact(text) => (&**text == host).then_some((2, 0)),
        SiteName::LeadingOrBare(suffix) if suffix.get(1..) == Some(host) => Some((2, 0)),
        SiteName::Leading(suffix) | SiteName::LeadingOrBare(suffix) => {
            host.ends_with(suffix).then_some((1, suffix.len()))
        }
        SiteName::Trailing(prefix) => {
            (host.len() > prefix.len() && host.starts_with(prefix)).then_some((0, prefix.len()))
        }
        SiteName::Glob(_) | SiteName::Regex(..) => None,
    };
    let fitting = names.filter_map(|(what, name)| Some((fits(name)?, what)));
    let best = fitting.fold(None, |best: Option<((u8, usize), T)>, now| match best {
        Some(best) if best.0 >= now.0 => Some(best),
        _ => Some(now),
    });
    best.map(|(_, what)| what)
}

fn names<'p>(program: &'p Program, listener: &'p Listener) -> impl Iterator<Item = (SiteId, &'p SiteName)> {
    let site = |id: &SiteId| program.sites.get(id.0 as usize).map(|site| (*id, site));
    listener.sites.iter().filter_map(site).flat_map(|(id, site)| listener.names(id, site).map(move |name| (id, name)))
}

fn best_kind(machine: &mut Machine, listener: &Listener, host: &[u8]) -> Option<SiteId> {
    let program = machine.program;
    if let ([only], false) = (listener.sites.as_slice(), names_capture(program, listener)) {
        return Some(*only);
    }
    if let Some(site) = named(program, listener, host) {
        return Some(site);
    }
    if host.is_empty() {
        return None;
    }
    for (site, name) in names(program, listener) {
        if let SiteName::Regex(regex, groups) = name
            && let Ok(Some(found)) = matching::search(machine, regex, host, None)
        {
            matching::set_named(machine, groups, host, &found);
            matching::set(machine, crate::ir::clause::Store::Pattern, host, found);
            return Some(site);
        }
    }
    None
}

/// A lone site's names are looked at only for the captures of its last pattern.
fn names_capture(program: &Program, listener: &Listener) -> bool {
    let patterns = names(program, listener).filter_map(|(_, name)| match name {
        SiteName::Regex(regex, _) => regex.compiled().ok(),
        _ => None,
    });
    patterns.last().is_some_and(|regex| regex.group_count() > 0)
}

/// The first site of the name; where there is none, the first whose address is written as the host is.
fn first_site(machine: &Machine, listener: &Listener, host: &[u8]) -> Option<SiteId> {
    let first = |fits: &dyn Fn(&Site) -> bool| {
        let fits = |id: &SiteId| machine.program.sites.get(id.0 as usize).is_some_and(fits);
        listener.sites.iter().copied().find(fits)
    };
    let addressed = |site: &Site| site.addresses.iter().any(|(address, _)| address.eq_ignore_ascii_case(host));
    first(&|site| is_called(site, host)).or_else(|| first(&addressed))
}

/// Without a host no name is looked at: the first site whose `ServerPath` the path begins with (`check_serverpath`).
fn first_path(machine: &Machine, listener: &Listener) -> Option<SiteId> {
    let fits = |id: &SiteId| {
        let site = machine.program.sites.get(id.0 as usize)?;
        let prefix = machine.scope_by_id(site.scope).settings.unmapped_prefix.as_deref()?;
        let rest = machine.path.strip_prefix(prefix)?;
        (prefix.ends_with(b"/") || rest.is_empty() || rest.starts_with(b"/")).then_some(*id)
    };
    listener.sites.iter().find_map(fits)
}

/// Whether a host is one of a site's names.
fn is_called(site: &Site, host: &[u8]) -> bool {
    site.names.iter().any(|name| match name {
        SiteName::Exact(text) => text.eq_ignore_ascii_case(host),
        SiteName::Glob(glob) => matching::glob_matches(glob, host),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_loses_its_port_its_last_dot_and_its_case() {
        let host = |text: &[u8]| normalise(HostPolicy::Lenient, text).map(|host| String::from_utf8(host.name).unwrap());
        assert_eq!(host(b"EXAMPLE.com.:80").as_deref(), Some("example.com"));
        assert_eq!(host(b"[::1]:80").as_deref(), Some("[::1]"));
        assert_eq!(host(b":80"), None);
        assert_eq!(host(b"."), None);
        assert_eq!(host(b"a..b"), None);
        assert_eq!(host(b"a\"b").as_deref(), Some("a\"b"));
        assert!(normalise(HostPolicy::Rfc3986, b"a\"b").is_none());
        assert!(normalise(HostPolicy::Rfc3986, b"a:x").is_none());
        assert!(normalise(HostPolicy::Rfc3986, b"a:").is_some());
    }
}
