//! The simulator: a [`Program`], a [`World`] and a [`Request`] in, one [`Answer`] out.
//!
//! It runs the IR and nothing else, and never asks which server it plays. Facts it cannot know it takes from
//! the world; where the world does not know either, it assumes the documented default and says so in
//! [`Answer::assumptions`]. Directives that are not modelled and lie on the request's way make the answer
//! [`Outcome::Unknown`], never a guess.

pub mod access;
pub mod answer;
pub mod attribute;
pub mod choice;
pub mod clauses;
pub mod condition;
pub mod content;
pub mod credentials;
pub mod escape;
pub mod expr;
pub mod flow;
pub mod folder;
pub mod follow;
pub mod host;
pub mod machine;
pub mod matching;
pub mod own_url;
pub mod phase;
pub mod proxy;
pub mod real_address;
pub mod recorder;
pub mod referer;
pub mod respond;
pub mod rewrite;
pub mod sections;
pub mod spelling;
pub mod table;
pub mod target;
pub mod template;
pub mod try_files;
pub mod unsafe_path;

use crate::ir::policy::TargetChecks;
use crate::ir::{Bytes, Program};
use crate::source::Span;
use flow::Flow;
use machine::Machine;
use respond::{Finished, Sent};
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
    fn read(&self, _path: &[u8]) -> Option<Vec<u8>> {
        None
    }
    /// The names in a folder, `.` and `..` among them: `Some(None)` where there is no such folder, `None` unknown.
    fn list(&self, _folder: &[u8]) -> Option<Option<Vec<Vec<u8>>>> {
        None
    }
    /// A variable of the server's process: `Some(None)` is unset, `None` unknown.
    fn environment(&self, _name: &[u8]) -> Option<Option<Vec<u8>>> {
        None
    }
    /// The time of the request, seconds since 1970; `None` unknown.
    fn now(&self) -> Option<i64> {
        None
    }
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
    /// The status; 0 where the connection is closed without a word; `None` for [`Outcome::Content`],
    /// [`Outcome::Unknown`], and an answer without a status line (HTTP/0.9).
    pub status: Option<u16>,
    /// The exact bytes of the (first) `Location`.
    pub location: Option<Bytes>,
    /// Headers that the configuration adds, in order, `Location` not among them; for [`Outcome::Content`] those
    /// that go with a 200.
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
    /// Whether it only asked, and changed nothing.
    pub is_test: bool,
}

impl Answer {
    /// How often a directive did something on the way, as the steps tell.
    pub fn deeds(&self, span: Span) -> usize {
        self.steps.iter().filter(|step| step.span == span && !step.is_test).count()
    }
}

/// Answers questions about the world from `--assume`, before another world is asked.
#[derive(Clone, Debug, Default)]
pub struct Assumed {
    /// Paths that exist, and whether they are folders.
    pub paths: BTreeMap<Vec<u8>, Kind>,
    /// Environment variables.
    pub environment: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl<W: World> World for (&Assumed, &W) {
    fn stat(&self, path: &[u8]) -> Option<Option<FileKind>> {
        match self.0.paths.get(path) {
            Some(&kind) => Some(Some(FileKind::assumed(kind))),
            None => self.1.stat(path),
        }
    }

    fn read(&self, path: &[u8]) -> Option<Vec<u8>> {
        self.1.read(path)
    }

    fn list(&self, folder: &[u8]) -> Option<Option<Vec<Vec<u8>>>> {
        self.1.list(folder)
    }

    fn environment(&self, name: &[u8]) -> Option<Option<Vec<u8>>> {
        match self.0.environment.get(name) {
            Some(value) => Some(value.clone()),
            None => self.1.environment(name),
        }
    }

    fn now(&self) -> Option<i64> {
        self.1.now()
    }
}

impl FileKind {
    /// A plain thing of a kind, for paths that are said to exist.
    pub fn assumed(kind: Kind) -> Self {
        let folder = kind == Kind::Directory;
        Self { kind, link: false, executable: folder, owner_executable: folder, size: 1, readable: true }
    }
}

/// A world of which nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unknown;

impl World for Unknown {
    fn stat(&self, _: &[u8]) -> Option<Option<FileKind>> {
        None
    }
}

/// How a run through the pipeline ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A reply went out.
    Sent(Sent),
    /// Content of a status that is not known.
    Content,
    /// Something that is not modelled decides.
    Unknown(Option<Span>, String),
}

/// Asks a program what it answers.
///
/// A program with a refusal that reaches the whole server must not be asked; see [`Program::refusals`].
pub fn answer(program: &Program, world: &dyn World, request: &Request, explain: bool) -> Answer {
    answer_handed_on(program, world, request, explain, 0)
}

/// The same for a request that other servers of the program have handed on.
fn answer_handed_on(program: &Program, world: &dyn World, request: &Request, explain: bool, handed_on: u8) -> Answer {
    let listener = host::listener(program, request);
    let default = listener.map_or(0, |listener| listener.default.0 as usize);
    let Some(site) = program.sites.get(default) else { return Answer::unknown("no server") };
    let mut machine = Machine::new(program, world, request, site, explain);
    machine.listener = listener;
    machine.handed_on = handed_on;
    machine.port = match (&request.local, listener.and_then(|listener| listener.port)) {
        (Some((_, port)), _) => *port,
        (None, Some(port)) => port,
        (None, None) => own_url::default_port(&own_url::scheme(&machine)),
    };
    let first = target::receive(&mut machine);
    let ended = run(&mut machine, first);
    told(machine, ended)
}

/// More phases than any request can go through: every jump spends budget.
const FUSE: usize = 100_000;

/// Runs a machine from a flow until it ends.
pub fn run(machine: &mut Machine, first: Flow) -> Ended {
    let program = machine.program;
    let (mut at, mut flow) = (0usize, first);
    for _ in 0..FUSE {
        flow = match flow {
            Flow::Next => match program.pipeline.get(at) {
                Some(&phase) => {
                    at += 1;
                    phase::run(machine, phase)
                }
                None => Flow::Content,
            },
            Flow::Jump(to) => {
                at = to;
                Flow::Next
            }
            Flow::Finish(reply) => match respond::finish(machine, reply) {
                Finished::Sent(sent) => return Ended::Sent(sent),
                Finished::GoesOn(flow) => flow,
            },
            Flow::Content => return Ended::Content,
            Flow::Unknown(span, what) => return Ended::Unknown(span, what),
        };
    }
    Ended::Unknown(None, "a pipeline without an end".to_owned())
}

/// The machine's end in the words of an answer.
fn told(mut machine: Machine, ended: Ended) -> Answer {
    let mut answer = Answer::unknown("");
    answer.unknown = None;
    if matches!(ended, Ended::Content) {
        answer.headers = respond::with_content(&mut machine);
    }
    answer.cause = machine.cause;
    answer.assumptions = std::mem::take(&mut machine.recorder.assumptions).into_iter().collect();
    answer.steps = machine.recorder.into_steps();
    let served = Served {
        uri: machine.path.into(),
        query: machine.query.map(Into::into),
        file: machine.file.filter(|_| machine.flags.mapped).map(Into::into),
        path_info: machine.path_info.map(Into::into),
    };
    match ended {
        Ended::Sent(sent) => {
            answer.outcome = Outcome::Answered;
            // HTTP/0.9 knows neither a status line nor headers; where its token is refused, the refusal has both.
            let understood = machine.program.target.checks == TargetChecks::Strict;
            let bare = understood && *machine.request.version == *b"0.9";
            answer.status = (!bare).then_some(sent.status);
            answer.served = sent.location.is_none().then_some(served);
            answer.location = sent.location.filter(|_| !bare).map(Into::into);
            answer.headers = sent.headers;
            answer.body = sent.body.map(Into::into);
        }
        Ended::Content => {
            answer.outcome = Outcome::Content;
            answer.served = Some(served);
        }
        Ended::Unknown(span, what) => answer.unknown = Some((span, what)),
    }
    answer
}

impl Answer {
    fn unknown(what: &str) -> Self {
        Self {
            outcome: Outcome::Unknown,
            status: None,
            location: None,
            headers: Vec::new(),
            body: None,
            served: None,
            cause: None,
            unknown: Some((None, what.to_owned())),
            assumptions: Vec::new(),
            steps: Vec::new(),
        }
    }
}
