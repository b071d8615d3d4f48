//! Text that is made at run time: literals, captures, variables, table look-ups, each with its encoding.

use super::access::RealAddress;
use super::clause::Store;
use super::expr::Expr;
use super::policy::Escape;
use super::{Bytes, TableId, VarId};

/// A string with holes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// The parts, in order.
    pub parts: Vec<Part>,
    /// In which order lengths and bytes are computed, which is visible where a part changes the captures.
    pub passes: Passes,
}

/// How a template is evaluated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passes {
    /// Part after part, once.
    #[default]
    One,
    /// First the length of every part, evaluating variables; then the bytes, reading captures only now. A part
    /// longer than measured is an error, a shorter one shortens the result. nginx `ngx_http_script.c`.
    Two,
}

/// One part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Fixed bytes.
    Literal(Bytes),
    /// A numbered group of the last match in a register file; empty if unset.
    Capture {
        /// The register file.
        store: Store,
        /// The group, 0 the whole match.
        group: u8,
        /// What is done to its bytes.
        escape: Escape,
    },
    /// Something known of the request or the server.
    Attribute(Attribute),
    /// A variable that the configuration (or a named group) sets.
    Variable(VarId),
    /// A value of a table.
    Lookup {
        /// The table.
        table: TableId,
        /// What is looked up; `None` for a table with a source of its own (`map`).
        key: Option<Box<Template>>,
        /// Used where the table has no value.
        default: Option<Box<Template>>,
        /// What is done to the value.
        escape: Escape,
    },
    /// The value of an expression (Apache's `%{…}` in expression strings).
    Expression(Box<Expr>),
}

/// Something of the request, the connection or the server that text can mention.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// The request line, raw.
    RequestLine,
    /// The target's path and query as received (nginx `$request_uri`).
    RawTarget,
    /// The current path, decoded and normalised (`$uri`, `%{REQUEST_URI}`).
    Path,
    /// The current query, raw, without `?`.
    Query,
    /// `?` where the query is not empty.
    QueryMark,
    /// The first value of a query argument, raw.
    Argument(Bytes),
    /// A request header; the name in lower case with dashes.
    Header(Bytes),
    /// A request header by nginx variable name: dashes and underscores are one.
    HeaderVariable(Bytes),
    /// A cookie's value.
    Cookie(Bytes),
    /// The host as normalised by the server.
    Host,
    /// The server's own name, by its policy.
    ServerName,
    /// `http` or `https`.
    Scheme,
    /// The first text if the connection is encrypted, the second if not.
    Encrypted(Bytes, Bytes),
    /// The port by the server's policy for self-made URLs (`SERVER_PORT`).
    ServerPort,
    /// The local port of the connection.
    LocalPort,
    /// The local address.
    LocalAddress,
    /// The port written in the Host (nginx `$request_port`).
    HostPort,
    /// `:` where the Host has a port.
    HostPortMark,
    /// The client's address.
    RemoteAddress,
    /// The client's address, or what trusted neighbours say it is (nginx `geo` with `proxy`).
    ForwardedAddress(Box<RealAddress>),
    /// `X-Forwarded-For` as it would be handed on: what came, then the client's address.
    ForwardedFor,
    /// The client's port.
    RemotePort,
    /// The method.
    Method,
    /// `HTTP/1.1`.
    Protocol,
    /// The file the path maps to, now (`REQUEST_FILENAME`, `$request_filename`).
    Filename,
    /// What follows the file in the path.
    PathInfo,
    /// The document root in force.
    DocumentRoot,
    /// The authenticated user.
    RemoteUser,
    /// The user named in the credentials, whether they are right or not.
    BasicUser,
    /// What the check of a signed link came to (`$secure_link`).
    SecureLink,
    /// The time that a signed link names as its end.
    SecureLinkExpires,
    /// `1` where the `Referer` is not welcome in the scope that first asks (`$invalid_referer`).
    InvalidReferer,
    /// Host and port of the server that the scope hands requests on to.
    ProxyHost,
    /// The status of the server that the request was handed on to; empty before that.
    UpstreamStatus,
    /// A header of its answer, by nginx variable name.
    UpstreamHeader(Bytes),
    /// The status of the answer, empty until there is one (nginx `$status`).
    Status,
    /// The status as it stands: 200 until something else is decided (`%{REQUEST_STATUS}`).
    StatusSoFar,
    /// A part of the clock.
    Time(TimePart),
    /// A variable of the server process's environment.
    Environment(Bytes),
    /// The result of a sub-request: another attribute of it.
    SubRequest {
        /// Whether the path is a URL path (`LA-U`) or a file (`LA-F`).
        url: bool,
        /// What is asked of it.
        attribute: Box<Attribute>,
    },
    /// The first text in a sub-request, else the second.
    IsSubRequest(Bytes, Bytes),
    /// A header of the answer (`$sent_http_location`).
    ResponseHeader(Bytes),
    /// A fixed text of the server (`SERVER_SOFTWARE`, `API_VERSION`…), already known.
    Fixed(Bytes),
    /// Known to the server only (a module's variable, an upstream's answer): unknown here. The name as written.
    Unknown(Bytes),
}

/// A part of the local time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum TimePart {
    /// `YYYYMMDDhhmmss`.
    Stamp,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    /// Day of the week, 0 is Sunday.
    Weekday,
}

/// A variable of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name, in the case the configuration uses it.
    pub name: Bytes,
    /// Where its value comes from as long as nothing set it.
    pub origin: Origin,
}

/// The first value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Empty until set.
    Empty,
    /// A table.
    Table(TableId),
    /// An attribute that may be overridden (`set $http_x …`, `set $args …`).
    Attribute(Attribute),
    /// The environment: unset until set, and then the process environment is asked.
    Environment,
}

impl Template {
    /// A template of fixed bytes.
    pub fn literal(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let parts = if bytes.is_empty() { Vec::new() } else { vec![Part::Literal(bytes)] };
        Self { parts, passes: Passes::One }
    }

    /// A request header and a variable, one behind the other: the value of whichever there is, as long as the two
    /// are not both there.
    pub fn header_then_variable(header: &Bytes, variable: VarId) -> Self {
        let header = Part::Attribute(Attribute::Header(header.clone()));
        Self { parts: vec![header, Part::Variable(variable)], passes: Passes::One }
    }

    /// The bytes, where nothing is left to run time.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(&[]),
            [Part::Literal(bytes)] => Some(bytes),
            _ => None,
        }
    }
}
