//! Virtual hosts and server blocks, and how a connection and a host name choose one.

use super::choice::Choice;
use super::pattern::{Glob, Regex};
use super::{Bytes, ScopeId, SiteId, VarId};
use crate::source::Span;
use rustc_hash::FxHashSet;

/// An address that sites answer at.
#[derive(Debug)]
pub struct Listener {
    /// The address; `None` is any.
    pub address: Option<Bytes>,
    /// The port; `None` is any.
    pub port: Option<u16>,
    /// Whether connections are encrypted.
    pub encrypted: bool,
    /// The sites, in order of preference where the rule asks for order.
    pub sites: Vec<SiteId>,
    /// The one for a host that no name matches.
    pub default: SiteId,
    /// How names choose.
    pub rule: NameRule,
    /// Names that do not count here, for an earlier site has them: the site, and the place among its names.
    pub void: FxHashSet<(SiteId, usize)>,
}

impl Listener {
    /// The names by which one of its sites is found here.
    pub fn names<'s>(&'s self, id: SiteId, site: &'s Site) -> impl Iterator<Item = &'s SiteName> {
        let counts = move |&(at, _): &(usize, &SiteName)| !self.void.contains(&(id, at));
        site.names.iter().enumerate().filter(counts).map(|(_, name)| name)
    }
}

/// How a host chooses among the sites of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRule {
    /// Exact names, longest leading wildcard, longest trailing wildcard, patterns in order; a single site gets
    /// everything unasked (nginx).
    BestKind,
    /// The first site any of whose names matches (Apache).
    FirstSite,
}

/// One virtual host.
#[derive(Debug)]
pub struct Site {
    /// The directive; `None` for the main server.
    pub span: Option<Span>,
    /// Every name.
    pub names: Vec<SiteName>,
    /// The name it gives itself.
    pub own: OwnName,
    /// Its own scope.
    pub scope: ScopeId,
    /// How requests find their scope.
    pub choice: Choice,
    /// Addresses written in the `<VirtualHost>` tag, and ports: used when a URL is compared with the server's own.
    pub addresses: Vec<(Bytes, u16)>,
}

/// The name a site gives itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnName {
    /// Scheme, where written (`ServerName https://…`).
    pub scheme: Option<Bytes>,
    /// Host as written, possibly empty.
    pub host: Bytes,
    /// Port; 0 where none is written.
    pub port: u16,
}

/// One name of a site.
#[derive(Debug)]
pub enum SiteName {
    /// A whole name, lower case; empty matches a missing host.
    Exact(Bytes),
    /// `*.x` (suffix with its dot).
    Leading(Bytes),
    /// `.x`: the suffix with its dot, and the bare name.
    LeadingOrBare(Bytes),
    /// `x.*` (prefix with its dot).
    Trailing(Bytes),
    /// A shell pattern (Apache's ServerAlias).
    Glob(Glob),
    /// A regular expression, with the variables of its named groups.
    Regex(Box<Regex>, Box<[(u32, VarId)]>),
}

/// The hosts that a fragment expects requests for: those its conditions ask for.
#[derive(Debug, Default)]
pub struct ExpectedHosts {
    /// Names asked for as a whole; in lower case where the test ignores case.
    pub names: FxHashSet<Bytes>,
    /// Patterns that take more than one name.
    pub patterns: Vec<Regex>,
}
