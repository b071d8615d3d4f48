//! What a phase tells the main loop, and how a request can fail on the way.

use crate::source::Span;

/// Where handling goes on after a phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// With the next phase.
    Next,
    /// At this position of the pipeline.
    Jump(usize),
    /// A reply is made; error pages may still catch it.
    Finish(Reply),
    /// Content of a status that is not known.
    Content,
    /// Something that is not modelled decides.
    Unknown(Option<Span>, String),
}

/// A reply before it is finalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status; 0 is sent as `000` by servers that can be told to.
    pub status: u16,
    /// What goes with it.
    pub content: ReplyContent,
    /// The directive that decided; `None` for the server's own decision.
    pub cause: Option<Span>,
}

/// What a reply carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyContent {
    /// Nothing of its own: the server's page, or an error page.
    Bare,
    /// A text that no error page replaces.
    Body(Vec<u8>),
    /// A `Location`.
    Location(Vec<u8>),
    /// A file, a listing: what the path leads to.
    Served,
}

/// Why a text or a test has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fail {
    /// The server answers with this status.
    Status(u16, Option<Span>),
    /// Something that is not modelled decides.
    Unknown(Option<Span>, String),
}

/// The outcome of something that may fail.
pub type Try<T> = Result<T, Fail>;

impl From<Fail> for Flow {
    fn from(fail: Fail) -> Self {
        match fail {
            Fail::Status(status, cause) => Reply::bare(status, cause).into(),
            Fail::Unknown(span, what) => Flow::Unknown(span, what),
        }
    }
}

impl From<Reply> for Flow {
    fn from(reply: Reply) -> Self {
        Flow::Finish(reply)
    }
}

impl Reply {
    /// A status and nothing else.
    pub fn bare(status: u16, cause: Option<Span>) -> Self {
        Self { status, content: ReplyContent::Bare, cause }
    }

    /// A redirect.
    pub fn location(status: u16, to: Vec<u8>, cause: Option<Span>) -> Self {
        Self { status, content: ReplyContent::Location(to), cause }
    }

    /// The file or listing that the path leads to.
    pub fn served() -> Self {
        Self { status: 200, content: ReplyContent::Served, cause: None }
    }
}
