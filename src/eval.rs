//! The simulator: a [`Program`], a [`World`] and a [`Request`] in, one [`Answer`] out.
//!
//! It runs the IR and nothing else, and never asks which server it plays. Facts it cannot know it takes from
//! the world; where the world does not know either, it assumes the documented default and says so in
//! [`Answer::assumptions`]. Directives that are not modelled and lie on the request's way make the answer
//! [`Outcome::Unknown`], never a guess.

use crate::ir::{Bytes, Program};
use crate::source::Span;
use std::collections::BTreeMap;

/// A request as it stands on the wire, and the connection it came over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, as sent.
    pub method: Bytes,
    /// The target as sent: origin form, absolute form, or anything else a client may send.
    pub target: Bytes,
    /// `1.1`, `1.0`, `0.9`…
    pub version: Bytes,
    /// Headers in order, `Host` among them.
    pub headers: Vec<(Bytes, Bytes)>,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
    /// The address and port it arrived at; `None` leaves the choice of listener to the host and scheme.
    pub local: Option<(Bytes, u16)>,
    /// The client's address; `None` is unknown.
    pub remote: Option<Bytes>,
    /// The name given in the TLS handshake.
    pub sni: Option<Bytes>,
}

/// What is on disk at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// A regular file, a folder, or something else (after following links).
    pub kind: Kind,
    /// The path itself is a symbolic link.
    pub link: bool,
    /// Any execute bit.
    pub executable: bool,
    /// The owner's execute bit.
    pub owner_executable: bool,
    /// Size in bytes.
    pub size: u64,
    /// It may be read.
    pub readable: bool,
}

/// What kind of thing is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    File,
    Directory,
    Other,
}

/// What is known of the world outside the configuration.
pub trait World: Sync {
    /// What is at a path: `Some(Some(..))` something, `Some(None)` nothing, `None` unknown.
    fn stat(&self, path: &[u8]) -> Option<Option<FileKind>>;
    /// The content of a file, where it may be known.
    fn read(&self, path: &[u8]) -> Option<Vec<u8>>;
    /// A variable of the server's process: `Some(None)` is unset, `None` unknown.
    fn environment(&self, name: &[u8]) -> Option<Option<Vec<u8>>>;
    /// The time of the request, seconds since 1970; `None` unknown.
    fn now(&self) -> Option<i64>;
}

/// Something taken for granted on the way to an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Assumption {
    /// What was asked, in the words of `--assume`: `file:/x`, `dir:/x`, `env:NAME`, `remote`, `random:map`…
    pub question: String,
    /// What was taken for the answer, in words.
    pub assumed: String,
}

/// How handling ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A status is known.
    Answered,
    /// The request reached content on a file system that is not known.
    Content,
    /// Something that is not modelled lies on the way; [`Answer::unknown`] names it.
    Unknown,
}

/// What the server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How handling ended.
    pub outcome: Outcome,
    /// The status; 0 where the connection is closed without a word; `None` for [`Outcome::Content`] and
    /// [`Outcome::Unknown`].
    pub status: Option<u16>,
    /// The exact bytes of the (first) `Location`.
    pub location: Option<Bytes>,
    /// Headers that the configuration adds, in order, `Location` not among them.
    pub headers: Vec<(Bytes, Bytes)>,
    /// A body given in the configuration.
    pub body: Option<Bytes>,
    /// Where the request ended inside the server, for answers that are not redirects.
    pub served: Option<Served>,
    /// The directive that decided.
    pub cause: Option<Span>,
    /// What is not modelled, for [`Outcome::Unknown`].
    pub unknown: Option<(Option<Span>, String)>,
    /// What the answer rests on.
    pub assumptions: Vec<Assumption>,
    /// What happened on the way; empty unless asked for.
    pub steps: Vec<Step>,
}

/// The end of the internal way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The final path, decoded.
    pub uri: Bytes,
    /// The final query.
    pub query: Option<Bytes>,
    /// The file, where the server names one.
    pub file: Option<Bytes>,
    /// What follows the file.
    pub path_info: Option<Bytes>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The directive.
    pub span: Span,
    /// What it did, in words.
    pub effect: String,
}

/// Answers questions about the world from `--assume`, before another world is asked.
#[derive(Clone, Debug, Default)]
pub struct Assumed {
    /// Paths that exist, and whether they are folders.
    pub paths: BTreeMap<Vec<u8>, Kind>,
    /// Environment variables.
    pub environment: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

/// Asks a program what it answers.
///
/// A program with a refusal that reaches the whole server must not be asked; see [`Program::refusals`].
pub fn answer(program: &Program, world: &dyn World, request: &Request, explain: bool) -> Answer {
    let _ = (program, world, request, explain);
    todo!()
}
