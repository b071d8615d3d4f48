//! The addresses that virtual hosts answer at (server/vhost.c).

use crate::ir::site::{Listener, NameRule, OwnName};
use crate::ir::{Bytes, SiteId};
use crate::lower::apache::context::Context;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::Refused;
use rustc_hash::FxHashSet;

/// One address of a `<VirtualHost>` tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The host as written; `None` for `*`.
    pub host: Option<Bytes>,
    /// The port; `None` for any.
    pub port: Option<u16>,
    /// The host as written, `*` and `_default_` too.
    pub written: Bytes,
}

impl Address {
    /// Host and port as they are compared with URLs.
    pub fn text(&self) -> (Bytes, u16) {
        (self.written.clone(), self.port.unwrap_or(0))
    }
}

/// A virtual host: its addresses, the site, and whether it states TLS.
pub type Addressed = (Vec<Address>, SiteId, Option<bool>);

/// The addresses of a `<VirtualHost>` tag. Without a port `*` is for every one; others have that of the main server's
/// name so far (`get_addresses`).
///
/// # Errors
/// Where an address is none.
pub fn addresses(context: &Context, line: &Line, main_port: u16) -> Result<Vec<Address>, Refused> {
    let one = |text: &[u8]| {
        let colon = memchr::memrchr(b':', text).filter(|_| !text.ends_with(b"]"));
        let (host, port) = match colon {
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
            None => (text, None),
        };
        // What stands in the environment that the server starts in is known on its machine only.
        let unset = |text: &[u8]| text.starts_with(b"${") && !context.real_files;
        let host = if unset(host) { b"*" } else { host };
        let port = match port {
            Some(b"*") => 0,
            Some(port) if unset(port) => 0,
            Some(port) => {
                std::str::from_utf8(port).ok().and_then(|port| port.parse().ok()).filter(|&port| port != 0)?
            }
            None if host == b"*" => 0,
            None => main_port,
        };
        let port = Some(port).filter(|&port| port != 0);
        let any: [&[u8]; 4] = [b"*", b"_default_", b"0.0.0.0", b"[::]"];
        let named = !any.iter().any(|any| host.eq_ignore_ascii_case(any));
        let host = host.trim_ascii_start();
        let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
        Some(Address { host: named.then(|| host.into()), port, written: host.into() })
    };
    let words = line.words(context.sources);
    if words.is_empty() {
        return Err(Refused::at(line.head, "<VirtualHost> directive requires additional arguments"));
    }
    let invalid = || Refused::at(line.rest, "The address or port is invalid");
    words.iter().map(|word| one(&word.value).ok_or_else(invalid)).collect()
}

/// The ports that `Listen` names.
pub fn ports(context: &Context, lines: &[Line]) -> Vec<u16> {
    let listens = lines.iter().filter(|line| &*line.name == b"listen");
    let port = |line: &Line| {
        let words = line.words(context.sources);
        let text = &*words.first()?.value;
        let digits = text.get(memchr::memrchr(b':', text).map_or(0, |at| at + 1)..)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    listens.filter_map(port).collect()
}

/// What a virtual host without a `ServerName` is called: as the main server, or as its address is called.
pub fn nameless(addresses: &[Address], main: &OwnName, main_port: u16) -> OwnName {
    let port = addresses.first().and_then(|address| address.port).unwrap_or(main_port);
    let any = addresses.iter().any(|address| address.host.is_none());
    let host = match addresses.first().and_then(|address| address.host.as_deref()) {
        Some(_) if any => main.host.clone(),
        None => main.host.clone(),
        Some(host) if host.starts_with(b"127.") || host == b"::1" => b"localhost"[..].into(),
        // The name that httpd takes where an address has none.
        Some(_) => b"bogus_host_without_reverse_dns"[..].into(),
    };
    OwnName { scheme: None, host, port }
}

/// Groups of virtual hosts that share an address, more specific addresses first; what none of them covers is the
/// main server's.
pub fn listeners(context: &mut Context, hosts: &[Addressed], encrypted: bool) {
    let mut groups: Vec<Listener> = Vec::new();
    for (addresses, site, host_encrypted) in hosts {
        for Address { host, port, .. } in addresses {
            match groups.iter_mut().find(|group| group.address == *host && group.port == *port) {
                Some(group) => group.sites.push(*site),
                None => groups.push(Listener {
                    sites: vec![*site],
                    ..lone(host.clone(), *port, *site, host_encrypted.unwrap_or(encrypted))
                }),
            }
        }
    }
    groups.sort_by_key(|group| (group.address.is_none(), group.port.is_none()));
    if !groups.iter().any(|group| group.address.is_none() && group.port.is_none()) {
        groups.push(lone(None, None, SiteId(0), encrypted));
    }
    context.program.listeners = groups;
}

/// A group without a host but the one that answers where no name fits.
fn lone(address: Option<Bytes>, port: Option<u16>, default: SiteId, encrypted: bool) -> Listener {
    Listener {
        address,
        port,
        encrypted,
        sites: Vec::new(),
        default,
        rule: NameRule::FirstSite,
        void: FxHashSet::default(),
    }
}
