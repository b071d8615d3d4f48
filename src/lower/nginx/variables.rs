//! Variables: the server's own, those of the configuration, and text that mentions them.

use crate::ir::VarId;
use crate::ir::clause::Store;
use crate::ir::policy::Escape;
use crate::ir::template::{Attribute, Origin, Part, Passes, Template, Variable};
use crate::source::Span;
use std::collections::HashMap;

/// Names that the server computes and that are not modelled.
const UNMODELLED: &[&str] = &[
    "binary_remote_addr",
    "body_bytes_sent",
    "bytes_sent",
    "connection",
    "connection_requests",
    "connection_time",
    "connections_active",
    "connections_reading",
    "connections_waiting",
    "connections_writing",
    "date_gmt",
    "date_local",
    "fastcgi_path_info",
    "fastcgi_script_name",
    "geoip_area_code",
    "geoip_city",
    "geoip_city_continent_code",
    "geoip_city_country_code",
    "geoip_city_country_name",
    "geoip_country_code",
    "geoip_country_code3",
    "geoip_country_name",
    "geoip_latitude",
    "geoip_longitude",
    "geoip_org",
    "geoip_postal_code",
    "geoip_region",
    "geoip_region_name",
    "gzip_ratio",
    "hostname",
    "http2",
    "http3",
    "limit_conn_status",
    "limit_rate",
    "limit_req_status",
    "modern_browser",
    "msec",
    "msie",
    "ancient_browser",
    "nginx_version",
    "pid",
    "pipe",
    "proxy_internal_body_length",
    "proxy_internal_chunked",
    "proxy_port",
    "proxy_protocol_addr",
    "proxy_protocol_port",
    "proxy_protocol_server_addr",
    "proxy_protocol_server_port",
    "quic",
    "realip_remote_addr",
    "realip_remote_port",
    "realpath_root",
    "request_body",
    "request_body_file",
    "request_completion",
    "request_id",
    "request_length",
    "request_time",
    "session_log_id",
    "slice_range",
    "spdy",
    "spdy_request_priority",
    "tcpinfo_rcv_space",
    "tcpinfo_rtt",
    "tcpinfo_rttvar",
    "tcpinfo_snd_cwnd",
    "time_iso8601",
    "time_local",
    "uid_got",
    "uid_reset",
    "uid_set",
    "grpc_internal_trailers",
    "is_request_port",
];

/// Beginnings of names that the server computes and that are not modelled.
const UNMODELLED_PREFIXES: &[&str] =
    &["upstream_", "sent_trailer_", "proxy_protocol_tlv_", "jwt_", "otel_", "geoip2_", "acme_", "oidc_"];

/// Every variable of one configuration.
#[derive(Default)]
pub struct Variables {
    by_name: HashMap<Vec<u8>, VarId>,
    /// What goes into the program.
    pub list: Vec<Variable>,
    /// Where each was first mentioned, and whether something defines it.
    uses: Vec<(Span, bool)>,
    /// The version of the server, as text.
    pub version: String,
    /// A named group is called `args`: from then on that name stands for the group alone, and nothing is lost but
    /// the name (`ngx_http_regex_compile` takes the variable's handler away).
    pub args_is_group: bool,
    /// Names that modules which are not modelled may define.
    pub anything_goes: bool,
}

/// A name that stands for something the server knows.
fn builtin(name: &str) -> Option<Attribute> {
    Some(match name {
        "uri" | "document_uri" => Attribute::Path,
        "args" | "query_string" => Attribute::Query,
        "is_args" => Attribute::QueryMark,
        "request_uri" => Attribute::RawTarget,
        "host" => Attribute::Host,
        "server_name" => Attribute::ServerName,
        "server_port" => Attribute::LocalPort,
        "server_addr" => Attribute::LocalAddress,
        "scheme" => Attribute::Scheme,
        "https" => Attribute::Encrypted(b"on"[..].into(), b""[..].into()),
        "remote_addr" => Attribute::RemoteAddress,
        "remote_port" => Attribute::RemotePort,
        "request_method" => Attribute::Method,
        "request" => Attribute::RequestLine,
        "server_protocol" => Attribute::Protocol,
        "request_filename" => Attribute::Filename,
        "document_root" => Attribute::DocumentRoot,
        "status" => Attribute::Status,
        "request_port" => Attribute::HostPort,
        "is_request_port" => Attribute::HostPortMark,
        "remote_user" => Attribute::BasicUser,
        "content_length" => Attribute::Header(b"content-length"[..].into()),
        "content_type" => Attribute::Header(b"content-type"[..].into()),
        "proxy_add_x_forwarded_for" => Attribute::ForwardedFor,
        "proxy_host" => Attribute::ProxyHost,
        "secure_link" => Attribute::SecureLink,
        "secure_link_expires" => Attribute::SecureLinkExpires,
        "invalid_referer" => Attribute::InvalidReferer,
        "upstream_status" => Attribute::UpstreamStatus,
        _ if UNMODELLED.contains(&name) => Attribute::Unknown(name.as_bytes().into()),
        _ => return None,
    })
}

/// A name whose beginning says where its value comes from; such a variable may be set.
fn prefixed(name: &str) -> Option<Attribute> {
    let rest = |prefix: &str| name.strip_prefix(prefix).map(|rest| rest.as_bytes().into());
    if let Some(header) = rest("sent_http_") {
        return Some(Attribute::ResponseHeader(header));
    }
    if let Some(header) = rest("http_") {
        return Some(Attribute::HeaderVariable(header));
    }
    if let Some(header) = rest("upstream_http_") {
        return Some(Attribute::UpstreamHeader(header));
    }
    if name.starts_with("ssl_") {
        return Some(Attribute::Unknown(format!("ssl:{name}").into_bytes().into()));
    }
    if let Some(argument) = rest("arg_") {
        return Some(Attribute::Argument(argument));
    }
    if let Some(cookie) = rest("cookie_") {
        return Some(Attribute::Cookie(cookie));
    }
    let unmodelled = UNMODELLED_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    unmodelled.then(|| Attribute::Unknown(name.as_bytes().into()))
}

impl Variables {
    /// No variables yet, of a server of this version.
    pub fn of_version(version: String) -> Self {
        Self { version, ..Self::default() }
    }

    fn lookup(&mut self, name: &[u8], origin: impl FnOnce() -> Origin, span: Span) -> VarId {
        if let Some(&id) = self.by_name.get(name) {
            return id;
        }
        let id = VarId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Variable { name: name.into(), origin: origin() });
        self.uses.push((span, false));
        self.by_name.insert(name.to_vec(), id);
        id
    }

    /// The variable of a name that a directive or a named group sets.
    ///
    /// # Errors
    /// The server's message where the name is one of its own.
    pub fn define(&mut self, name: &[u8], span: Span) -> Result<VarId, String> {
        let name = name.to_ascii_lowercase();
        let text = String::from_utf8_lossy(&name).into_owned();
        let settable = matches!(&*text, "args" | "limit_rate" | "proxy_host" | "proxy_port" | "invalid_referer");
        if builtin(&text).is_some() && !settable {
            return Err(format!("the duplicate \"{text}\" variable"));
        }
        let origin = || builtin(&text).or_else(|| prefixed(&text)).map_or(Origin::Empty, Origin::Attribute);
        let id = self.lookup(&name, origin, span);
        if let Some(used) = self.uses.get_mut(id.0 as usize) {
            used.1 = true;
        }
        Ok(id)
    }

    /// The variable of a named group. The query keeps its own variable beside a group of its name.
    ///
    /// # Errors
    /// The server's message where the name is one of its own.
    pub fn group(&mut self, name: &[u8], span: Span) -> Result<VarId, String> {
        match name.eq_ignore_ascii_case(b"args") {
            true => Ok(self.args_group(span)),
            false => self.define(name, span),
        }
    }

    fn args_group(&mut self, span: Span) -> VarId {
        let id = self.lookup(b"args (group)", || Origin::Empty, span);
        if let Some(used) = self.uses.get_mut(id.0 as usize) {
            used.1 = true;
        }
        id
    }

    /// Says where a defined variable's value comes from as long as nothing sets it.
    pub fn originate(&mut self, id: VarId, origin: Origin) {
        if let Some(variable) = self.list.get_mut(id.0 as usize) {
            variable.origin = origin;
        }
    }

    /// What a mention of a variable stands for.
    pub fn part(&mut self, name: &[u8], span: Span) -> Part {
        let name = name.to_ascii_lowercase();
        let text = String::from_utf8_lossy(&name).into_owned();
        if text == "nginx_version" {
            return Part::Attribute(Attribute::Fixed(self.version.clone().into_bytes().into()));
        }
        if text == "args" && self.args_is_group {
            return Part::Variable(self.args_group(span));
        }
        match builtin(&text) {
            // It is remembered, and it may be set.
            Some(Attribute::InvalidReferer) => {
                return self.define(&name, span).map(Part::Variable).unwrap_or(Part::Literal(Default::default()));
            }
            Some(attribute) => return Part::Attribute(attribute),
            None => {}
        }
        if let Some(attribute) = prefixed(&text) {
            return match self.by_name.get(&name) {
                Some(&id) => Part::Variable(id),
                None => Part::Attribute(attribute),
            };
        }
        Part::Variable(self.lookup(&name, || Origin::Empty, span))
    }

    /// Variables that are mentioned and that nothing defines, in order.
    pub fn undefined(&mut self) -> Vec<(Span, String)> {
        let mut missing = Vec::new();
        for (variable, (span, defined)) in self.list.iter_mut().zip(&self.uses) {
            if *defined {
                continue;
            }
            if self.anything_goes {
                variable.origin = Origin::Attribute(Attribute::Unknown(variable.name.clone()));
            } else {
                missing.push((*span, String::from_utf8_lossy(&variable.name).into_owned()));
            }
        }
        missing
    }
}

/// How captures are written in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Captures {
    /// As they are.
    Raw,
    /// As arguments, if the path was quoted, until a rewrite of the list matched (`set`, `=`, `-f`).
    Set,
    /// As they are up to the first literal question mark, then as arguments (internal rewrites).
    Internal,
    /// As arguments, if the path was quoted (redirecting rewrites).
    Redirect,
}

impl Captures {
    fn escape(self, behind_mark: bool) -> Escape {
        match self {
            Self::Set => Escape::ArgsIfPathQuoted { until_rewrite: true },
            Self::Redirect => Escape::ArgsIfPathQuoted { until_rewrite: false },
            Self::Internal if behind_mark => Escape::ArgsIfPathQuoted { until_rewrite: false },
            Self::Internal | Self::Raw => Escape::Raw,
        }
    }
}

impl super::context::Context {
    /// A text with variables.
    pub fn template(&mut self, text: &[u8], captures: Captures, span: Span) -> Template {
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        let mut behind_mark = false;
        let mut rest = text;
        while let [byte, tail @ ..] = rest {
            if *byte != b'$' {
                behind_mark |= *byte == b'?';
                literal.push(*byte);
                rest = tail;
                continue;
            }
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal).into()));
            }
            match mention(tail) {
                Ok((Mention::Capture(group), behind)) => {
                    let escape = captures.escape(behind_mark);
                    parts.push(Part::Capture { store: Store::Pattern, group, escape });
                    rest = behind;
                }
                Ok((Mention::Variable(name), behind)) => {
                    parts.push(self.variables.part(name, span));
                    rest = behind;
                }
                Err(message) => {
                    self.refuse(span, message);
                    break;
                }
            }
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        parts.shrink_to_fit();
        Template { parts, passes: Passes::Two }
    }
}

enum Mention<'t> {
    Capture(u8),
    Variable(&'t [u8]),
}

/// Reads what follows a `$`.
fn mention(text: &[u8]) -> Result<(Mention<'_>, &[u8]), String> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    match text {
        [digit @ b'1'..=b'9', rest @ ..] => Ok((Mention::Capture(digit - b'0'), rest)),
        [b'{', rest @ ..] => {
            let (name, behind) = rest.split_at(rest.iter().take_while(is_name).count());
            match behind {
                [b'}', ..] if name.is_empty() => Err("invalid variable name".to_owned()),
                [b'}', behind @ ..] => Ok((Mention::Variable(name), behind)),
                _ => Err(format!("the closing bracket in \"{}\" variable is missing", String::from_utf8_lossy(name))),
            }
        }
        rest => {
            let (name, behind) = rest.split_at(rest.iter().take_while(is_name).count());
            if name.is_empty() {
                return Err("invalid variable name".to_owned());
            }
            Ok((Mention::Variable(name), behind))
        }
    }
}
