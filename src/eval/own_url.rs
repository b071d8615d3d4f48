//! How a server makes a path into an absolute URL of its own.

use super::machine::Machine;
use crate::ir::policy::{SelfHost, SelfPort, SelfUrl};

fn policy(machine: &Machine) -> SelfUrl {
    machine.scope.settings.self_url.clone().unwrap_or_default()
}

/// The scheme of self-made URLs.
pub fn scheme(machine: &Machine) -> Vec<u8> {
    if machine.request.encrypted {
        return b"https".to_vec();
    }
    machine.site.own.scheme.as_deref().unwrap_or(b"http").to_vec()
}

/// The port that goes unwritten.
pub fn default_port(scheme: &[u8]) -> u16 {
    if scheme == b"https" { 443 } else { 80 }
}

/// The name the server gives itself where it is asked for it.
pub fn server_name(machine: &mut Machine) -> Vec<u8> {
    if policy(machine).host == SelfHost::Address {
        return address_name(machine);
    }
    let own = machine.site.own.host.to_vec();
    let policy = policy(machine);
    match (policy.port, policy.host, &machine.host) {
        (SelfPort::Request | SelfPort::Server, SelfHost::Request, Some(host)) => host.clone(),
        _ => own,
    }
}

/// What the local address is called, as far as one can know without asking.
fn address_name(machine: &mut Machine) -> Vec<u8> {
    let local = machine.request.local.as_ref().map(|(address, _)| &**address);
    if !local.is_some_and(|address| address.starts_with(b"127.") || address == b"::1") {
        machine.recorder.assume("dns", "the server's address is called as the server is");
        return machine.site.own.host.to_vec();
    }
    b"localhost".to_vec()
}

/// The port of self-made URLs.
pub fn server_port(machine: &Machine) -> u16 {
    let scheme = scheme(machine);
    let own = Some(machine.site.own.port).filter(|&port| port != 0);
    let written = machine.host_port.as_deref().and_then(|port| std::str::from_utf8(port).ok()?.parse::<u16>().ok());
    let physical = (machine.scope.settings.physical_port == Some(true)).then_some(machine.port);
    match policy(machine).port {
        SelfPort::Local => machine.port,
        SelfPort::Never => default_port(&scheme),
        SelfPort::Request => written.or(physical).or(own).unwrap_or(default_port(&scheme)),
        SelfPort::Server => own.or(physical).unwrap_or(default_port(&scheme)),
    }
}

/// `scheme://host[:port]`, then the text.
pub fn absolute(machine: &mut Machine, text: &[u8]) -> Vec<u8> {
    let (scheme, port) = (scheme(machine), server_port(machine));
    let host = match (policy(machine).host, &machine.host) {
        (SelfHost::Request, Some(host)) => host.clone(),
        (SelfHost::Request, None) => nameless(machine),
        (SelfHost::ServerName, _) => machine.site.own.host.to_vec(),
        (SelfHost::Address, _) => address_name(machine),
    };
    let mut url = [&scheme, &b"://"[..], &host].concat();
    if port != default_port(&scheme) {
        url.extend_from_slice(format!(":{port}").as_bytes());
    }
    url.extend_from_slice(text);
    url
}

/// The name for a request without one: the local address, or the server's own name.
fn nameless(machine: &mut Machine) -> Vec<u8> {
    if policy(machine).port != SelfPort::Local && policy(machine).port != SelfPort::Never {
        return machine.site.own.host.to_vec();
    }
    match &machine.request.local {
        Some((address, _)) if address.contains(&b':') => [b"[", &**address, b"]"].concat(),
        Some((address, _)) => address.to_vec(),
        None => {
            machine.recorder.assume("local", "127.0.0.1");
            b"127.0.0.1".to_vec()
        }
    }
}
