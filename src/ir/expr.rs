//! Expressions: Apache's `ap_expr`, as a tree (server/util_expr_parse.y, server/util_expr_eval.c).

use super::Bytes;
use super::VarId;
use super::condition::{FileTest, Order};
use super::network::Network;
use super::pattern::Regex;
use super::template::{Attribute, Template};
use std::sync::Arc;

/// An expression; boolean forms yield true or false, word forms yield bytes.
#[derive(Clone, Debug)]
pub enum Expr {
    /// `true`, `false`.
    Bool(bool),
    /// `!`, `not`.
    Not(Box<Expr>),
    /// `&&`, `and`.
    And(Box<Expr>, Box<Expr>),
    /// `||`, `or`.
    Or(Box<Expr>, Box<Expr>),
    /// String comparison, by bytes.
    Strings(Box<Expr>, Order, Box<Expr>),
    /// `-eq` and relatives.
    Integers(Box<Expr>, Order, Box<Expr>),
    /// `=~`, `!~` (negated).
    Match(Box<Expr>, Arc<Regex>, bool),
    /// `in { … }`.
    In(Box<Expr>, Vec<Expr>),
    /// `-f`, `-d`, …
    File(FileTest, Box<Expr>),
    /// `-n` (true) or `-z` (false).
    NonEmpty(Box<Expr>, bool),
    /// `-T`: not empty, `0`, `off`, `false` or `no`.
    Truthy(Box<Expr>),
    /// `-R`, `-ipmatch`.
    IpMatch(Box<Expr>, Network),
    /// `-strmatch`, `-strcmatch` (case ignored), `-fnmatch` (path).
    Glob(Box<Expr>, Box<Expr>, GlobKind),
    /// Fixed bytes.
    Literal(Bytes),
    /// `%{NAME}`.
    Attribute(Attribute),
    /// `%{ENV:x}`, `reqenv(x)`.
    Variable(VarId),
    /// `$N` of the last regex with groups in the same expression.
    Capture(u8),
    /// Concatenation.
    Concat(Vec<Expr>),
    /// `name(arg)`, `%{name:arg}`.
    Function(Function, Box<Expr>),
    /// A template evaluated in place.
    Template(Template),
}

impl PartialEq for Expr {
    /// Two expressions are the same when they print the same; regexes compare by text.
    fn eq(&self, other: &Self) -> bool {
        format!("{self:?}") == format!("{other:?}")
    }
}

/// Which glob comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GlobKind {
    /// `*` crosses slashes.
    Text,
    /// The same, ASCII case ignored.
    TextNoCase,
    /// `*` stops at slashes.
    Path,
}

/// A function of `ap_expr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `req`, `http`, `req_novary`: a request header.
    RequestHeader,
    /// `resp`: a response header.
    ResponseHeader,
    /// `env`: a variable of the request, else of the server's process.
    Environment,
    /// `reqenv`: a variable of the request.
    RequestVariable,
    /// `osenv`: a variable of the server's process.
    ProcessVariable,
    /// `note`: a note that modules leave for each other.
    Note,
    /// `tolower`.
    ToLower,
    /// `toupper`.
    ToUpper,
    /// `escape`.
    Escape,
    /// `unescape`.
    Unescape,
    /// `base64`.
    Base64,
    /// `unbase64`.
    Unbase64,
    /// `md5`.
    Md5,
    /// `sha1`.
    Sha1,
    /// `ldap`: escapes for a directory query.
    Ldap,
    /// `file`: content of a file.
    FileContent,
    /// `filesize`.
    FileSize,
}
