//! The redirect IR: what a configuration makes a server do, as data.
//!
//! Both dialects lower to it and one evaluator runs it. What differs between the servers is not erased but
//! stated: the order of the phases ([`Program::pipeline`]), where an internal redirect enters again
//! ([`Entry`]), how scopes are chosen ([`choice`]), what a match clears of the captures ([`clause::Captures`]),
//! how a query is carried ([`policy::QueryPolicy`]), what is escaped where ([`policy::Escape`]). A reader
//! needs no knowledge of either server's source, and the evaluator never asks which server it is.
//!
//! Three hard cases, walked through:
//!
//! * *A per-directory restart.* `RewriteRule ^a$ b` in `/x/.htaccess` is a [`clause::Clause`] in the scope of
//!   that folder, in [`scope::Slot::Rewrite`]. Its list ends with [`scope::Finish::Redirect`]: a changed file name
//!   becomes a URL path again and the pipeline is entered at [`Program::entry`]`.internal`, which is the first
//!   phase, spending one of [`Program::budget`].
//! * *An nginx `if` that clears captures.* `if ($arg ~ ^z) { … }` is one clause whose match has
//!   `captures: OnFailure::Clear` on register file [`clause::Store::Pattern`], whose action is
//!   [`clause::Action::Block`] with the body, and which enters the scope of the `if`.
//! * *A map with a regex.* `map $uri $to { ~^/a/(.*) /b/$1; }` is a [`table::Table`]; the lookup is a
//!   [`template::Part::Lookup`], which runs in the measuring pass of a [`template::Passes::Two`] template
//!   and leaves its captures in `Store::Pattern` for the writing pass to see.

pub mod access;
pub mod choice;
pub mod clause;
pub mod condition;
pub mod expr;
pub mod index;
pub mod merge;
pub mod network;
pub mod pattern;
pub mod policy;
pub mod proxy;
pub mod referers;
pub mod scope;
pub mod site;
pub mod table;
pub mod template;

use crate::source::Span;

/// A byte string. Everything that travels is bytes; nothing is assumed to be UTF-8.
pub type Bytes = Box<[u8]>;

/// A scope in [`Program::scopes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(pub u32);

/// A site in [`Program::sites`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub u32);

/// A table in [`Program::tables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableId(pub u32);

/// A variable in [`Program::variables`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VarId(pub u32);

/// A whole configuration, ready to be asked.
#[derive(Debug, Default)]
pub struct Program {
    /// How a request line and its path are checked and normalised.
    pub target: policy::TargetPolicy,
    /// How a `Host` is checked and normalised.
    pub host: policy::HostPolicy,
    /// Which sites answer at which address; decided before the host is looked at.
    pub listeners: Vec<site::Listener>,
    /// The virtual hosts or server blocks.
    pub sites: Vec<site::Site>,
    /// Every scope of every site; [`ScopeId`] indexes it.
    pub scopes: Vec<scope::Scope>,
    /// `map`, `geo`, `split_clients`, `RewriteMap`.
    pub tables: Vec<table::Table>,
    /// Groups of servers that a request can be handed on to, by name.
    pub upstreams: Vec<proxy::Upstream>,
    /// The names of the variables that the configuration sets or reads, by [`VarId`].
    pub variables: Vec<template::Variable>,
    /// The phases in the order in which they run.
    pub pipeline: Vec<Phase>,
    /// Where each kind of internal jump enters [`Program::pipeline`] again.
    pub entry: Entry,
    /// How many internal jumps a request may make.
    pub budget: Budget,
    /// Which clauses of long lists can match, made when first needed.
    pub indexes: index::Indexes,
    /// What the configuration says that is not modelled.
    pub notes: Vec<Note>,
    /// Why the server would refuse the configuration, in the order in which it would find out; empty if it loads.
    pub refusals: Vec<Refusal>,
    /// Facts about the server program and the machine that answers may show (`SERVER_SOFTWARE`, working folder…).
    pub facts: policy::ServerFacts,
    /// Whether the program is a fragment (a lone `.htaccess`, a `location` block…) standing in a site that cannot be seen.
    pub fragment: bool,
    /// What the conditions of a fragment ask of a host; it answers for the hosts that pass.
    pub expected_hosts: site::ExpectedHosts,
}

/// One step of handling a request. What it does in detail stands in the scope then in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Run a clause list of the site's own scope.
    Site(scope::Slot),
    /// Run a clause list of the scope in force.
    Scope(scope::Slot),
    /// Normalise the path once more from the (possibly internal) target: percent-decoding, slashes, dots.
    Normalise,
    /// Choose the scope among the site's locations ([`choice::Choice::Locations`]).
    Locate,
    /// Merge the sections that apply by URL alone ([`choice::Choice::Sections`], URL kinds).
    MergeUrl,
    /// Map the path to a file by document root and folder walk, then merge every section that applies.
    Walk,
    /// Believe a trusted neighbour's word on the client's address, by the scope in force, unless that happened before.
    RealAddress,
    /// Refuse what the scope's access rules refuse.
    Access {
        /// Sub-requests are asked too.
        sub_requests: bool,
    },
    /// Go on at this position if a rewriting list has already decided which file the path maps to.
    SkipIfMapped(usize),
    /// Jump to [`Entry::search`] if a clause list changed the path since the last choice.
    SearchAgain,
    /// `try_files`.
    TryFiles,
    /// Redirect a folder to itself with a slash.
    DirectorySlash,
    /// Change the request's headers: by the site's rules that come first, or by the scope's.
    RequestHeaders {
        /// The rules that run before everything else.
        early: bool,
    },
    /// Look for an index file of a folder.
    Index,
    /// `FallbackResource`.
    Fallback,
    /// Correct a misspelt file name.
    Spelling,
    /// Serve the file, or hand over to the handler.
    Content,
}

/// Positions in [`Program::pipeline`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    /// For an internal redirect to a path.
    pub internal: usize,
    /// For a jump to a named scope.
    pub named: usize,
    /// For choosing the scope again after the path changed.
    pub search: usize,
    /// For a sub-request.
    pub sub_request: usize,
}

/// Limits on internal jumps.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget {
    /// Internal redirects that succeed; one more gives `status`.
    pub internal_redirects: u32,
    /// The status sent when the budget is spent.
    pub status: u16,
}

/// Something in the configuration that is not modelled, and what that means for answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The directive.
    pub span: Span,
    /// Its name as written.
    pub directive: String,
    /// Whether it can matter.
    pub effect: Effect,
    /// Why, in a few words.
    pub reason: String,
}

/// What an unmodelled directive may do to a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing: logging, timeouts, compression…
    None,
    /// Something: answers on whose way it lies are unknown.
    May,
    /// The text is a template's: what stands there after rendering is unknown.
    Template,
}

/// Why a server refuses to load a configuration (or, for a `.htaccess`, answers 500 for its folder).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The words it stops at.
    pub span: Span,
    /// The server's message, as close to its own wording as is useful.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// What is refused.
    pub reach: Reach,
}

/// How far a refusal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The server does not start.
    Server,
    /// Every request into the folder of the `.htaccess` gets 500; the scope carries it.
    Folder(ScopeId),
}
