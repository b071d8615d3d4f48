//! Who may come in, and what is believed about a client: its address, its credentials, a signature in its URL.

use super::VarId;
use super::condition::Condition;
use super::template::Template;
use super::{Bytes, table};
use crate::source::Span;
use std::sync::Arc;

/// Who is refused.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everyone may come in.
    Granted,
    /// Nobody may: 403.
    Denied(Span),
    /// It depends on something that can be tested.
    When(Arc<Condition>, Span),
    /// It depends on something unknown; the text says on what.
    Unknown(String, Span),
    /// The first rule that the client's address fits decides; none has no opinion.
    Networks(Arc<[NetworkRule]>),
    /// A user of a file, else 401.
    Login(Arc<Login>),
    /// The status of a sub-request decides.
    SubRequest(Arc<SubRequest>),
    /// All of them have to let the request in, in this order.
    Each(Vec<Access>),
    /// One of them has to let the request in; the first that does ends the search.
    Any(Vec<Access>),
}

/// One address rule.
#[derive(Clone, Debug)]
pub struct NetworkRule {
    /// The directive.
    pub span: Span,
    /// Whom it is about.
    pub clients: Clients,
    /// Let in, or refused with 403.
    pub allow: bool,
}

/// A set of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clients {
    /// All of them.
    Everyone,
    /// Those with an address from the first to the last, as numbers, IPv4 mapped into IPv6.
    Network(u128, u128),
    /// Those that come over a socket of this machine.
    Sockets,
}

/// The address of a client that comes over a socket of this machine.
pub const SOCKET: &[u8] = b"unix:";

impl Clients {
    /// Whether the address is one of theirs.
    pub fn has(self, address: &[u8]) -> bool {
        match self {
            Self::Everyone => true,
            Self::Sockets => address == SOCKET,
            Self::Network(first, last) => {
                table::address_number(address).is_some_and(|number| (first..=last).contains(&number))
            }
        }
    }
}

/// HTTP Basic authentication against a file of users (`ngx_http_auth_basic_module.c`).
#[derive(Debug)]
pub struct Login {
    /// The directive.
    pub span: Span,
    /// The realm; the text `off` asks nobody.
    pub realm: Template,
    /// The file; without one nobody is asked.
    pub file: Option<Template>,
}

/// A sub-request whose status decides: 2xx lets in, 401 and 403 refuse, anything else is an error
/// (`ngx_http_auth_request_module.c`).
#[derive(Debug)]
pub struct SubRequest {
    /// The directive.
    pub span: Span,
    /// The path that is asked for.
    pub path: Bytes,
    /// Variables that are set afterwards, from what the sub-request knows.
    pub sets: Vec<(VarId, Template)>,
}

/// Neighbours whose word on the client's address is believed (`ngx_http_get_forwarded_addr`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RealAddress {
    /// The neighbours.
    pub trusted: Vec<Clients>,
    /// The header they put it in, in lower case.
    pub header: Bytes,
    /// Trusted addresses in the header are passed over, not only the last neighbour's.
    pub recursive: bool,
}

/// How a signed link is checked (`ngx_http_secure_link_module.c`).
#[derive(Debug)]
pub enum SecureLink {
    /// A checksum in the request, and what it is made of.
    Sum {
        /// The checksum as the client gives it, base64url, a comma and an end time may follow.
        given: Template,
        /// The text it is the MD5 of.
        made_of: Template,
    },
    /// `/prefix/checksum/link`: the MD5 in hexadecimal of the link with this word behind it.
    Secret(Bytes),
}
