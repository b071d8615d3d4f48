//! The client's address where trusted neighbours tell it (`ngx_http_get_forwarded_addr`).

use super::flow::Flow;
use super::machine::Machine;
use crate::ir::access::RealAddress;
use crate::ir::table::address_number;

/// Puts the address that the scope's trusted neighbours tell in place of theirs, once for a request.
pub fn believe(machine: &mut Machine) -> Flow {
    let Some(rule) = machine.scope.settings.real_address.clone().filter(|_| !machine.flags.address_told) else {
        return Flow::Next;
    };
    if machine.header_lines(&rule.header).next().is_some() {
        let told = forwarded(machine, &rule);
        machine.flags.address_told = told != machine.remote;
        machine.remote = told;
    }
    Flow::Next
}

/// The address behind the neighbours: the last one in the header if the neighbour is trusted, and so on for as long
/// as those are trusted, where that is asked for. What is no address is not believed.
pub fn forwarded(machine: &Machine, rule: &RealAddress) -> Option<Vec<u8>> {
    let mut address = machine.remote.clone()?;
    let lines: Vec<&[u8]> = machine.header_lines(&rule.header).collect();
    let lines = lines.join(&b","[..]);
    let parts = lines.split(|byte| b", ".contains(byte)).filter(|part| !part.is_empty());
    let mut parts: Vec<&[u8]> = parts.collect();
    while rule.trusted.iter().any(|clients| clients.has(&address)) {
        let Some(told) = parts.pop().map(without_port).filter(|told| address_number(told).is_some()) else { break };
        address = told.to_vec();
        if !rule.recursive {
            break;
        }
    }
    Some(address)
}

fn without_port(text: &[u8]) -> &[u8] {
    match text {
        [b'[', rest @ ..] => rest.split(|&byte| byte == b']').next().unwrap_or(rest),
        _ if memchr::memchr_iter(b':', text).count() == 1 => text.split(|&byte| byte == b':').next().unwrap_or(text),
        _ => text,
    }
}
