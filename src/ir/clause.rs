//! Clauses: *when* something holds, *do* something, *then* go on somewhere.
//!
//! Every rewrite, redirect, return, set and environment directive of both servers is a clause in a list. Flags
//! and jumps are values here, never code in the evaluator.

use super::condition::Condition;
use super::expr::Expr;
use super::pattern::Pattern;
use super::policy::{Escape, QueryPolicy, Relative};
use super::proxy::Proxy;
use super::template::{Attribute, Template};
use super::{Bytes, ScopeId, VarId};
use crate::source::Span;
use std::sync::Arc;

/// One step of a list.
#[derive(Debug)]
pub struct Clause {
    /// The directive it comes from: name and words, without a block.
    pub span: Span,
    /// When it applies.
    pub when: When,
    /// What it does, in order.
    pub does: Vec<Action>,
    /// Where the list goes on if it applied.
    pub then: Then,
    /// Where the list goes on if not.
    pub otherwise: Then,
}

/// When a clause applies: a match first, whose captures the conditions can use, then conditions.
#[derive(Debug)]
pub struct When {
    /// The match; `None` applies always.
    pub matches: Option<Match>,
    /// The guards, evaluated after the match succeeded.
    pub conditions: Condition,
    /// Skipped while a sub-request is handled (Apache's NS, and every rule with R).
    pub not_in_sub_request: bool,
}

/// A pattern held against something.
#[derive(Debug)]
pub struct Match {
    /// What is tested.
    pub subject: Subject,
    /// What it is compared with.
    pub pattern: Pattern,
    /// Whether the answer is turned round.
    pub negated: bool,
    /// What happens to the captures.
    pub captures: Captures,
}

/// What a match is held against.
#[derive(Debug)]
pub enum Subject {
    /// The current decoded path.
    Path,
    /// The text being rewritten by the list: the path at first (server lists), or the file name with its path
    /// info, made relative to the list's folder (per-directory lists).
    Rewritten,
    /// Any text.
    Text(Template),
    /// The last request header whose name matches (SetEnvIf with a pattern as attribute); empty where none does.
    HeadersNamed(Pattern),
    /// A request header, or the variable of its name where the request has none.
    HeaderOrVariable {
        /// The header, in lower case.
        name: Bytes,
        /// The variable.
        variable: VarId,
        /// The clause before is held against the same, and what it has read still counts.
        again: bool,
    },
}

/// A register file for captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Store {
    /// nginx's only one; `$1` of an Apache rule.
    Pattern,
    /// `%1` of Apache's conditions.
    Condition,
    /// `$1` inside one Apache expression.
    Expression,
}

/// What a match does to captures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captures {
    /// Where groups go; `None` keeps none.
    pub store: Option<Store>,
    /// What a failed match leaves behind.
    pub on_failure: OnFailure,
    /// Named groups that become variables: group number, variable.
    pub named: Box<[(u32, VarId)]>,
}

/// What a failed match does to the register file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Leaves it.
    Keep,
    /// Empties it.
    Clear,
}

/// What a clause does.
#[derive(Debug)]
pub enum Action {
    /// Answer with a redirect or another status, at once.
    Answer(Box<Answer>),
    /// Change the path (and query) that the rest of the handling works on.
    Rewrite(Box<Rewrite>),
    /// Set a variable; `None` unsets it.
    Set(VarId, Option<Template>),
    /// Run these clauses as a part of this list.
    Block(Vec<Clause>),
    /// Go on under another scope's settings (an `if` in a location).
    Enter(ScopeId),
    /// Mark the request as internal (an `internal` location opens).
    MarkInternal,
    /// Forget that the path changed, so that no scope is chosen again (nginx `break`). A changed path does not begin
    /// with the name of its location any more, so that `alias` cannot be used.
    KeepScope,
    /// Map the path to a file under a folder (Alias).
    MapTo(Box<MapTo>),
    /// Add a `Set-Cookie`; the value is made from the template.
    Cookie(Template),
    /// Hand the request to a handler, which answers with content.
    Handler(Handler),
    /// Do something that is not modelled: answers from here on are unknown. The text names it.
    Opaque(String),
}

/// What answers where no redirect does.
#[derive(Clone, Debug)]
pub enum Handler {
    /// One that is set but that no module serves: the file answers, if it is one.
    Unserved,
    /// The file system.
    Static,
    /// Another server, a script, a module: content with a status that is not known.
    Dynamic(Bytes),
    /// Another server, which may be one of the program's own.
    Proxy(Arc<Proxy>),
    /// A fixed status, with a body (`stub_status`, `empty_gif`…).
    Fixed(u16),
    /// A module that is not modelled, and may well redirect.
    Opaque(Bytes),
}

/// An immediate answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// What is sent with it.
    pub content: Content,
}

/// What an immediate answer carries.
#[derive(Debug)]
pub enum Content {
    /// Nothing: the server's own page, or an error page of the scope.
    None,
    /// A body; error pages are not looked at.
    Body(Template),
    /// A `Location`.
    Location(Target),
}

/// How a `Location` is made.
#[derive(Debug)]
pub struct Target {
    /// The text.
    pub to: Template,
    /// What follows it: the rest of the path behind a matched prefix, escaped like this.
    pub rest: Option<Escape>,
    /// The whole text is parsed as a URI and put together again, escaped (RedirectMatch;
    /// `ap_os_escape_path` over `apr_uri_unparse`).
    pub reparse: bool,
    /// What is done to the whole text before the query is added.
    pub escape: Escape,
    /// What becomes of the request's query.
    pub query: QueryPolicy,
    /// A text that starts with a slash: made absolute by the scope's policy, or sent as it is.
    pub absolute: bool,
    /// A text that is neither a path nor `scheme:`: answered with this status instead.
    pub malformed: Option<u16>,
}

/// A change of the target inside the server.
#[derive(Debug)]
pub struct Rewrite {
    /// The new text; `None` leaves it (`-`), and only the rest of this struct happens.
    pub to: Option<Template>,
    /// The text as it is written, before anything is put in: mod_rewrite looks at its first bytes.
    pub written: Bytes,
    /// Done after the text is made and before it takes effect: variables and cookies that see the old target.
    pub meanwhile: Vec<Action>,
    /// How query and path are told apart and what becomes of the old query.
    pub query: QueryPolicy,
    /// What a text without a leading slash is relative to.
    pub relative: Relative,
    /// Whether an absolute URL in the text means leaving the server, and the status then. `None`: any text is a path.
    pub implicit_redirect: Option<u16>,
    /// Set by a flag: the text is a redirect with this status, whatever it looks like. 0 where the flag's word is
    /// not known; what is sent then says [`Rewrite::sent_status`].
    pub redirect: Option<u16>,
    /// Answer with this status at once, the text unused (F, G, R=404).
    pub status: Option<u16>,
    /// What is done to the text when it leaves the server.
    pub escape: Escape,
    /// The first question mark must not come from the request, else this status (UnsafeAllow3F).
    pub foreign_question_mark: Option<u16>,
    /// Leading slashes are merged unless the text itself starts with two.
    pub merge_slashes: bool,
    /// Path info of the original request is dropped (DPI).
    pub drop_path_info: bool,
    /// The result is handed on as a URL path to aliases and the like (PT).
    pub pass_through: bool,
    /// The result is fetched from another server (P); a status where that is not possible, else 0.
    pub proxy: Option<u16>,
    /// A first segment that exists on the machine makes the result a file path (UnsafePrefixStat; or the text starts with it).
    pub unsafe_prefix_stat: bool,
    /// Handler set for an internal result (H=, T=).
    pub handler: Option<Handler>,
}

/// Where files of a URL prefix lie.
#[derive(Debug)]
pub struct MapTo {
    /// The folder or file.
    pub to: Template,
    /// What of the path is appended.
    pub rest: Rest,
}

/// What of a path goes on behind the folder it is mapped to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: everything is mapped to the one place.
    Nothing,
    /// What follows the matched prefix.
    Matched,
    /// What follows this path, the section's own, where the scope says so (`AliasPreservePath`).
    Behind(Bytes),
}

/// Where a list goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// With the next clause.
    Next,
    /// Behind so many following clauses.
    Skip(u32),
    /// Nowhere: the list ends.
    EndList,
    /// Nowhere: the list ends, and no list of this kind runs again for this request (Apache's END).
    EndAll,
    /// At the first clause; answered with 500 after so many times (Apache's N).
    Restart {
        /// Restarts that are allowed.
        limit: u32,
    },
}

/// An assignment of SetEnvIf and relatives, used by lowering.
#[derive(Debug)]
pub struct Assignment {
    /// The variable.
    pub variable: VarId,
    /// Its value; `None` unsets it.
    pub value: Option<Template>,
}

/// A redirect whose whole target is an expression (Apache's `Redirect 301 "%{…}"` in a section).
#[derive(Debug)]
pub struct ExpressionTarget {
    /// The expression.
    pub to: Expr,
}

impl Captures {
    /// Keeps nothing and clears nothing.
    pub const NONE: fn() -> Captures = || Captures { store: None, on_failure: OnFailure::Keep, named: Box::new([]) };
}

impl Match {
    /// The attribute a text subject consists of, if it is a single one.
    pub fn attribute(&self) -> Option<&Attribute> {
        match &self.subject {
            Subject::Text(template) => match template.parts.as_slice() {
                [super::template::Part::Attribute(attribute)] => Some(attribute),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Rewrite {
    /// The status that a redirect by flag is sent with: one that is no redirect's is sent as 302
    /// (modules/mappers/mod_rewrite.c, `hook_uri2file`).
    pub fn sent_status(&self) -> Option<u16> {
        self.redirect.map(|status| if (300..400).contains(&status) { status } else { 302 })
    }
}
