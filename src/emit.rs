//! IR to text of the other server, and what became of each directive on the way.
//!
//! An emitter reads the IR and nothing else. The words and comments of the source reach it as data
//! ([`Texts`]), only to stand as comments in the output. It never widens: where a condition cannot be said in
//! the other language, the redirect behind it is left out and [`Fate::LeftOut`] says why. An emitter may be
//! wrong in ways it cannot see; whoever calls it compares both programs over witness requests
//! (`analysis::compare`) before anything is printed.

pub mod apache;
pub mod nginx;

use crate::source::Span;

/// Where the source's own words come from: the only text an emitter sees.
pub trait Texts {
    /// The directive as it stands in the source, one line or several.
    fn directive(&self, span: Span) -> Vec<u8>;
    /// The comment lines directly above the directive, without their `#`.
    fn comments(&self, span: Span) -> Vec<Vec<u8>>;
}

/// How the output is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Style {
    /// Whatever says it best: locations where the path alone decides, maps for long lists.
    #[default]
    Auto,
    /// Literal redirects always in maps.
    Map,
    /// Locations wherever they are exact, however many.
    Location,
    /// Everything at server level, in the order of the source.
    Rewrite,
}

/// What the output is pasted into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The counterpart of what the source is: whole hosts, or the inside of one.
    #[default]
    Usual,
    /// nginx's `http` block: a source without a host gets a `server` block of its own.
    Http,
    /// A `.htaccess`.
    Htaccess,
}

/// What an emitter is told beside the program.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The layout.
    pub style: Style,
    /// The place.
    pub scope: Scope,
    /// Directives (by span) that must be left out, with the reason: found by verification.
    pub without: Vec<(Span, String)>,
}

/// Text for one place of the target's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// `http`, `server`, `htaccess`, `vhost`.
    pub scope: &'static str,
    /// The text, lines ending in a line feed.
    pub text: Vec<u8>,
}

/// What became of a directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The same answers.
    Exact,
    /// The same answers as long as this holds.
    Assuming(Assumption),
    /// Not carried over.
    LeftOut(Refusal),
}

/// Why something is not carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: String,
    /// How it is done by hand, or in which place it could stand.
    pub by_hand: Option<String>,
}

impl Refusal {
    /// A reason, and the way round it.
    pub fn new(reason: impl Into<String>, by_hand: impl Into<String>) -> Self {
        Self { reason: reason.into(), by_hand: Some(by_hand.into()) }
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { reason, by_hand: None }
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

/// Something that is true of ordinary traffic and without which two servers answer differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Assumption {
    /// Clients percent-encode bytes that may not stand in a URL, and do not mix them with `+ & ; [ ]`.
    EncodedPath,
    /// No `%3F` in the path: Apache refuses such a request where it would end up in the target.
    NoEncodedQuestionMark,
    /// A captured value holds no more than eight percent signs.
    FewPercents,
    /// The Host names no other port than the one the request came to.
    PortOfHost,
    /// No request carries a `?` with nothing behind it.
    NoEmptyQuery,
    /// No `%2F` in the path: a `.htaccess` cannot let it in.
    NoEncodedSlash,
    /// The host of a target without flag `R` is not the site's own: Apache serves the path itself then.
    OtherName,
    /// Folders have index files, and files are asked for by their names alone: `FallbackResource` answers otherwise.
    FilesAsNamed,
}

impl Assumption {
    /// The assumption in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::EncodedPath => "clients send paths percent-encoded, and not mixed with `+`, `&`, `;`, `[` or `]`",
            Self::NoEncodedQuestionMark => "no request carries `%3F` in its path (Apache answers 403 to those)",
            Self::FewPercents => "a value that is copied holds at most eight `%`",
            Self::NoEmptyQuery => "no request ends in a lone `?` (nginx drops it, Apache keeps it)",
            Self::NoEncodedSlash => {
                "no request carries `%2F` in its path (Apache answers 404 unless `AllowEncodedSlashes` is on)"
            }
            Self::OtherName => {
                "the target's host is not this site's `ServerName` with its port (Apache serves the path itself then)"
            }
            Self::FilesAsNamed => {
                "every folder has an index file, and no request has a path behind the name of a file (`FallbackResource` \
                 answers for the first, not for the second; `--style rewrite` asks as nginx does)"
            }
            Self::PortOfHost => "the `Host` names no other port than the one the request arrived at",
        }
    }
}

/// What became of one directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The directive.
    pub span: Span,
    /// Its fate.
    pub fate: Fate,
}

/// A converted configuration.
#[derive(Clone, Debug, Default)]
pub struct Emitted {
    /// The text, outermost scope first.
    pub parts: Vec<Part>,
    /// One verdict for each directive, in the order of the source.
    pub verdicts: Vec<Verdict>,
}
