//! What text is compared with: literals, path prefixes, globs, regular expressions.
//!
//! A pattern says what it matches, not what happens then. Regular expressions are compiled on first use, by
//! the servers' own engine (`crate::pcre`), because a list may hold a million of them and a request needs few.

use std::sync::OnceLock;

use super::Bytes;
use crate::pcre;
use crate::source::Span;

/// A test of one byte string.
#[derive(Debug)]
pub enum Pattern {
    /// Always true; captures nothing.
    Any,
    /// The same bytes.
    Exact(Bytes),
    /// The same bytes, ASCII letters in either case.
    ExactNoCase(Bytes),
    /// A plain byte prefix (nginx's locations).
    Prefix(Bytes),
    /// A path prefix that ends at a segment boundary; runs of slashes match runs of slashes.
    /// Apache's `alias_matches` (modules/mappers/mod_alias.c).
    Segments(Bytes),
    /// A shell pattern.
    Glob(Glob),
    /// A regular expression.
    Regex(Box<Regex>),
}

/// A shell pattern: `*`, `?`, `[…]`.
#[derive(Debug)]
pub struct Glob {
    /// The pattern as written.
    pub text: Bytes,
    /// Whether `*` and `?` stop at a slash.
    pub path: bool,
    /// Whether ASCII case is ignored.
    pub ignore_case: bool,
}

/// A regular expression with its options, compiled on first use.
#[derive(Debug)]
pub struct Regex {
    /// The expression as the server sees it, quotes and escapes of the configuration taken off.
    pub text: Bytes,
    /// Where it stands.
    pub span: Span,
    /// How it is compiled.
    pub options: pcre::Options,
    compiled: OnceLock<Result<pcre::Regex, pcre::Error>>,
}

impl Regex {
    /// A regular expression that is compiled when first asked for.
    pub fn new(text: impl Into<Bytes>, options: pcre::Options, span: Span) -> Self {
        Self { text: text.into(), span, options, compiled: OnceLock::new() }
    }

    /// The compiled form.
    ///
    /// # Errors
    /// PCRE2's own message where it rejects the expression.
    pub fn compiled(&self) -> Result<&pcre::Regex, &pcre::Error> {
        self.compiled.get_or_init(|| pcre::Regex::new(&self.text, self.options)).as_ref()
    }
}
