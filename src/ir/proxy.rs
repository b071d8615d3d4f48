//! Handing a request on to another server, which may be one of the same program: what is asked there, and what
//! becomes of its answer on the way back.

use super::pattern::Regex;
use super::template::Template;
use super::{Bytes, VarId};
use crate::source::Span;
use std::sync::Arc;

/// One way of handing requests on (`ngx_http_proxy_module.c`).
#[derive(Debug)]
pub struct Proxy {
    /// The directive.
    pub span: Span,
    /// Scheme, host and port, and perhaps a path.
    pub to: Template,
    /// The URL is made at run time: its path takes the place of the whole target.
    pub computed: bool,
    /// How many bytes of the request's path the path of the URL takes the place of.
    pub name: usize,
    /// A URL without a path leaves the target as it came.
    pub whole: bool,
    /// The method; `None` keeps it.
    pub method: Option<Template>,
    /// The protocol version spoken, `1.0` or `1.1`.
    pub version: Bytes,
    /// Headers that are set. An empty value sends none of that name.
    pub headers: Vec<(Bytes, Template)>,
    /// Whether the client's other headers go along.
    pub passes_headers: bool,
    /// What becomes of a `Location`: the first that fits changes it.
    pub locations: Vec<Arc<LocationChange>>,
    /// A changed `Location` that is a path becomes a URL of this server.
    pub own_urls: bool,
    /// The scope's error pages answer for the other server as well.
    pub intercepts: bool,
    /// `X-Accel-Redirect` of the other server is an internal redirect here.
    pub accelerates: bool,
    /// Headers of the other server that are not passed on, in lower case.
    pub hidden: Vec<Bytes>,
}

/// A change of a `Location`.
#[derive(Debug)]
pub struct LocationChange {
    /// What it has to look like.
    pub from: LocationPattern,
    /// What is put in place of what matched; in place of everything for an expression.
    pub to: Template,
}

/// What a `Location` is compared with.
#[derive(Debug)]
pub enum LocationPattern {
    /// Its beginning.
    Beginning(Template),
    /// An expression, with the variables of its named groups.
    Regex(Box<Regex>, Box<[(u32, VarId)]>),
}

/// A group of servers with a name.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// The name, in lower case.
    pub name: Bytes,
    /// The servers as written, in the order in which they are asked first.
    pub peers: Vec<Bytes>,
}
