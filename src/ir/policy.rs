//! What differs between servers, versions and settings, one named choice each.

use super::Bytes;

/// How a request line is checked and its path normalised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetPolicy {
    /// Which bytes, methods and forms are refused, and with which status.
    pub checks: TargetChecks,
    /// Runs of slashes are one (a site may say otherwise, see `scope::Settings::merge_slashes`).
    pub merge_slashes: bool,
    /// The order of decoding and resolving.
    pub decoding: Decoding,
}

/// Which requests are refused before anything is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetChecks {
    /// nginx's (src/http/ngx_http_parse.c).
    #[default]
    Lenient,
    /// The same with the newer rules for CONNECT (seen on 1.29.8).
    LenientAuthority,
    /// Apache's strict protocol options (server/protocol.c, server/vhost.c).
    Strict,
}

/// How escapes and dots are resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decoding {
    /// One pass: a decoded byte takes part in resolving, except `%25 %23 %3F` (nginx `ngx_http_parse_complex_uri`).
    #[default]
    Together,
    /// Unreserved bytes first, then dots and slashes, then the rest (Apache `ap_normalize_path`, `ap_unescape_url`).
    DotsFirst,
}

/// How a `Host` is checked and normalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HostPolicy {
    /// Nearly anything goes (nginx before 1.29.4).
    #[default]
    Lenient,
    /// RFC 3986 bytes, a numeric port (nginx from 1.29.4).
    Rfc3986,
    /// Apache's `fix_hostname` with strict protocol options.
    Strict,
}

/// What becomes of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QueryPolicy {
    /// nginx `return`: the text is sent as it is.
    Ignore,
    /// The old query follows unless the finished text has a `?` (mod_alias).
    AppendUnlessPresent,
    /// nginx `rewrite`: the first `?` that stands literally in the text splits it; the old query follows with
    /// `&`, unless dropped.
    SplitLiteral {
        /// The text ended in `?`: the old query is not appended.
        drop_old: bool,
    },
    /// mod_rewrite: split where `split` says, then merge.
    Split {
        /// Which `?` splits.
        split: SplitAt,
        /// What becomes of the old query.
        old: OldQuery,
    },
}

/// Which question mark ends the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SplitAt {
    /// The first one behind the scheme.
    First,
    /// The last one (QSL).
    Last,
}

/// What becomes of the old query beside a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OldQuery {
    /// Kept where the text has none, replaced where it has one.
    Default,
    /// Appended to the new one (QSA).
    Append,
    /// Dropped before the new one is looked at (QSD).
    Discard,
    /// Dropped before the new one is looked at, and a new one is appended to nothing (QSD with QSA).
    DiscardThenAppend,
    /// No query at all (a text that ends in `?`).
    None,
}

/// What a text without a leading slash is relative to.
#[derive(Clone, Debug, PartialEq)]
pub enum Relative {
    /// Taken as it is.
    AsIs,
    /// A slash is put in front.
    Slash,
    /// The folder of the list is put in front (Apache, per directory).
    Folder,
}

/// Which bytes are written as `%XX`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub enum Escape {
    /// None.
    #[default]
    Raw,
    /// nginx `NGX_ESCAPE_URI`, upper-case hex.
    Uri,
    /// nginx `NGX_ESCAPE_ARGS`, upper-case hex.
    Args,
    /// The same, but only if the request's path contained `%`, `+` or `%2B` (`quoted_uri`, `plus_in_uri`), and
    /// no rewrite of the same list went before.
    ArgsIfPathQuoted {
        /// An earlier matching rewrite in the list switches it off (set, `=`, file tests).
        until_rewrite: bool,
    },
    /// nginx's unescaping of a redirect (`ngx_unescape_uri` with `NGX_UNESCAPE_REDIRECT`).
    UnescapeRedirect,
    /// Apache `ap_escape_uri`/`ap_os_escape_path`, lower-case hex: everything but letters, digits and `$-_.+!*'(),:;@&=/~`.
    Path,
    /// The same over an absolute URL: scheme and host stay (`escape_absolute_uri`).
    AbsoluteUrl,
    /// mod_rewrite's B, with its options.
    BackReference(Box<BackReferenceEscape>),
}

/// How mod_rewrite's B escapes a back-reference (`escape_backref`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct BackReferenceEscape {
    /// Only these bytes (`B=`); `None`: everything but letters, digits and `_`.
    pub only: Option<Bytes>,
    /// Never these (`BNE=`).
    pub except: Bytes,
    /// A space becomes `%20`, not `+` (BNP).
    pub no_plus: bool,
    /// Only controls and space (BCTLS).
    pub controls: bool,
}

/// How a server makes a path into a URL of its own.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SelfUrl {
    /// Whose name is written.
    pub host: SelfHost,
    /// Which port is written.
    pub port: SelfPort,
    /// Which scheme is written where the connection is not encrypted: from `ServerName https://…`.
    pub scheme: Option<Bytes>,
}

/// Whose name a self-made URL carries.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum SelfHost {
    /// The request's, else the server's name (Apache), else the local address (nginx): see `fallback`.
    #[default]
    Request,
    /// The server's own name.
    ServerName,
    /// The name that the address has, by which the request came in.
    Address,
}

/// Which port a self-made URL carries.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum SelfPort {
    /// The local port of the connection, unless it is the scheme's default.
    #[default]
    Local,
    /// None.
    Never,
    /// The Host's, else the server's own, else the scheme's default (Apache, UseCanonicalName Off).
    Request,
    /// The server's own (Apache, UseCanonicalName On).
    Server,
}

/// Facts about the server program that answers may show.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ServerFacts {
    /// What `SERVER_SOFTWARE` says.
    pub software: Bytes,
    /// The folder that relative file names are relative to.
    pub prefix: Bytes,
    /// The ports that listeners without a port of their own are at.
    pub ports: Vec<u16>,
    /// Which headers of the scope are sent with which status.
    pub headers: HeaderPolicy,
    /// What happens to a request that names no content: methods, missing files.
    pub content: ContentPolicy,
    /// How often-sent statuses are turned into answers on the wire.
    pub statuses: StatusPolicy,
    /// What a match that runs into PCRE2's limits answers; `None`: it counts as no match.
    pub match_limit_status: Option<u16>,
    /// Files looked for in a folder where the configuration names none.
    pub index: Vec<Bytes>,
    /// The status for a folder that has no index and may not be listed.
    pub bare_folder: u16,
    /// Whether repeated request headers are one, joined with `, ` (else the first counts).
    pub join_headers: bool,
    /// Whether a comma separates cookies too.
    pub cookie_comma: bool,
    /// Whether header names with `_` are seen.
    pub underscores_in_headers: bool,
}

impl ServerFacts {
    /// Whether a file counts as executable: by any bit, or by its owner's alone.
    pub fn executable(&self, any: bool, owner: bool) -> bool {
        match self.content {
            ContentPolicy::Nginx => owner,
            ContentPolicy::Apache => any,
        }
    }
}

/// When configured headers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HeaderPolicy {
    /// Without `always` only for 200, 201, 204, 206, 301, 302, 303, 304, 307, 308 (nginx).
    #[default]
    ListedStatuses,
    /// Without `always` only where the handler itself answered (Apache's two tables).
    TwoTables,
}

/// How content answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ContentPolicy {
    /// nginx's static module.
    #[default]
    Nginx,
    /// Apache's default handler.
    Apache,
}

/// What a status becomes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum StatusPolicy {
    /// 444, 408 and 499 close the connection, 494 to 497 become 400 (nginx).
    #[default]
    Closing,
    /// A status without a status line becomes 500 (Apache).
    Listed,
}
