//! Networks of client addresses, as Apache reads them (APR `apr_ipsubnet_create`, `apr_ipsubnet_test`).

use super::Bytes;
use super::table::address_number;

/// The bits that an IPv4 address has in front of it where it is written as an IPv6 address.
const MAPPED: u128 = 0xffff_0000_0000;

/// A set of addresses: those that agree with one address in the bits of a mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// As written.
    pub text: Bytes,
    /// The address, IPv4 mapped into IPv6.
    address: u128,
    /// The bits that count.
    mask: u128,
}

impl Network {
    /// Reads an address, `address/bits`, `address/mask`, or the first octets of an IPv4 address; `None` is refused.
    pub fn parse(written: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(written).ok()?;
        let (address, mask) = bits(text)?;
        Some(Self { text: written.into(), address, mask })
    }

    /// Whether an address lies in it; what is no address does not, and no IPv4 address lies in an IPv6 network.
    pub fn contains(&self, address: &[u8]) -> bool {
        address_number(address).is_some_and(|address| {
            (address ^ self.address) & self.mask == 0 && is_mapped(address) == is_mapped(self.address)
        })
    }

    /// Whether a text is taken for an address, right or wrong, and not for a name.
    pub fn looks_like_one(text: &[u8]) -> bool {
        text.contains(&b':') || text.iter().all(|&byte| byte.is_ascii_digit() || byte == b'.')
    }
}

/// Address and mask of a network.
fn bits(text: &str) -> Option<(u128, u128)> {
    match text.split_once('/') {
        Some((address, mask)) => {
            let address = address.parse().ok()?;
            Some((number(address)?, mask_of(address, mask)?))
        }
        None => match text.parse() {
            Ok(address) => Some((number(address)?, u128::MAX)),
            Err(_) => first_octets(text),
        },
    }
}

fn is_mapped(address: u128) -> bool {
    address >> 32 == MAPPED >> 32
}

/// The number of an address; an IPv6 address that stands for an IPv4 one is refused.
fn number(address: std::net::IpAddr) -> Option<u128> {
    match address {
        std::net::IpAddr::V4(v4) => Some(u128::from(v4.to_ipv6_mapped())),
        std::net::IpAddr::V6(v6) => v6.to_ipv4_mapped().is_none().then(|| u128::from(v6)),
    }
}

fn mask_of(address: std::net::IpAddr, text: &str) -> Option<u128> {
    let width: u32 = if address.is_ipv4() { 32 } else { 128 };
    if let Ok(bits) = text.trim_start().parse::<u32>() {
        return (1..=width).contains(&bits).then(|| u128::MAX << (width - bits));
    }
    let mask: std::net::Ipv4Addr = text.parse().ok().filter(|_| address.is_ipv4())?;
    Some(!u128::from(u32::MAX) | u128::from(u32::from(mask)))
}

/// `10.1` or `10.1.`: everything that begins so.
fn first_octets(text: &str) -> Option<(u128, u128)> {
    let octets: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let (mut address, count) = (0u32, octets.len());
    if count > 4 {
        return None;
    }
    for octet in octets {
        let digits = octet.bytes().all(|byte| byte.is_ascii_digit());
        address = address << 8 | u32::from(octet.parse::<u8>().ok().filter(|_| digits)?);
    }
    let shift = 8 * (4 - count as u32);
    let address = u128::from(address) << shift;
    Some((MAPPED | address, u128::MAX << shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(network: &str, address: &str) -> Option<bool> {
        Network::parse(network.as_bytes()).map(|network| network.contains(address.as_bytes()))
    }

    #[test]
    fn a_network_is_an_address_with_bits_with_a_mask_or_its_first_octets() {
        assert_eq!(holds("127.0.0.0/8", "127.1.2.3"), Some(true));
        assert_eq!(holds("127.0.0.0/255.0.0.0", "128.1.2.3"), Some(false));
        assert_eq!(holds("10.1", "10.1.2.3"), Some(true));
        assert_eq!(holds("10.1.", "10.12.2.3"), Some(false));
        assert_eq!(holds("2001:db8::/32", "2001:db8::5"), Some(true));
        assert_eq!(holds("ff::/8", "127.0.0.1"), Some(false));
        assert_eq!(holds("127.0.0.1", "::ffff:127.0.0.1"), Some(true));
        assert_eq!(holds("127.0.0.1", "localhost"), Some(false));
    }

    #[test]
    fn what_apr_refuses_is_refused() {
        for text in ["abc", "", "256", "127..0", "127/8", "127.0.0.0/33", "::/0", "::ffff:1.2.3.4", "1.2.3.4.5"] {
            assert!(Network::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
