//! The client's address, which nginx looks up in a `geo`.

use super::condition::Reader;
use super::formula::{Formula, Leaf};
use crate::emit::Refusal;
use crate::ir::condition::{Condition, TestKind};
use crate::ir::expr::Expr;
use crate::ir::template::Attribute;

impl Reader<'_> {
    /// Whether the client is in one of the networks.
    ///
    /// # Errors
    /// Networks that have no bits.
    pub(super) fn client_in(&mut self, networks: &[&[u8]], negated: bool) -> Result<Formula, Refusal> {
        let written: Option<Vec<String>> = networks.iter().map(|text| network(text)).collect();
        let written = written.ok_or("a network has a mask with holes, or is no network")?;
        let name = self.maps.networks(&written);
        Ok(Formula::Leaf(Leaf::flag(&name, !negated)))
    }
}

/// The networks that the client's address is held against, where all parts do only that.
pub fn networks(parts: &[Condition]) -> Option<Vec<&[u8]>> {
    parts.iter().map(one).collect()
}

fn one(part: &Condition) -> Option<&[u8]> {
    let Condition::Test(test) = part else { return None };
    match &test.kind {
        TestKind::Expression(Expr::IpMatch(address, network)) if !test.negated && is_client(address) => {
            Some(&network.text)
        }
        _ => None,
    }
}

/// Whether an expression is the client's address.
pub fn is_client(address: &Expr) -> bool {
    matches!(address, Expr::Attribute(Attribute::RemoteAddress))
}

/// A network as nginx writes it; Apache also takes a mask and the first octets alone.
fn network(text: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(text).ok()?;
    if text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok() {
        return Some(text.to_owned());
    }
    if let Some((base, mask)) = text.split_once('/') {
        let bits = ipnet::ipv4_mask_to_prefix(mask.parse().ok()?).ok()?;
        return Some(ipnet::Ipv4Net::new(base.parse().ok()?, bits).ok()?.trunc().to_string());
    }
    let octets: Vec<u8> = text.trim_end_matches('.').split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let filled: Vec<String> = octets.iter().copied().chain([0; 4]).take(4).map(|octet| octet.to_string()).collect();
    (octets.len() < 4).then(|| format!("{}/{}", filled.join("."), octets.len() * 8))
}
