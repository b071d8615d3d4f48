//! The state of one request on its way through a program.

use super::flow::Flow;
use super::recorder::Recorder;
use super::{Request, World};
use crate::ir::clause::Store;
use crate::ir::scope::Scope;
use crate::ir::site::{Listener, Site};
use crate::ir::{Bytes, Program, ScopeId, TableId, VarId};
use crate::source::Span;
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::ops::{Deref, Range};
use std::rc::Rc;
use std::sync::Arc;

/// The scope in force: one of the program's, or one laid together for this request.
#[derive(Clone, Debug)]
pub enum Current<'p> {
    /// As it stands in the program.
    Shared(&'p Scope),
    /// Merged for this request.
    Own(Arc<Scope>),
}

impl Deref for Current<'_> {
    type Target = Scope;
    fn deref(&self) -> &Scope {
        match self {
            Self::Shared(scope) => scope,
            Self::Own(scope) => scope,
        }
    }
}

/// The groups of the last match of one register file.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    /// What was matched.
    pub subject: Vec<u8>,
    /// Group 0 is the whole match.
    pub groups: Vec<Option<Range<usize>>>,
}

impl Captured {
    /// The bytes of a group; empty where it is unset.
    pub fn group(&self, number: usize) -> &[u8] {
        let range = self.groups.get(number).cloned().flatten();
        range.and_then(|range| self.subject.get(range)).unwrap_or_default()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.groups.clear();
    }
}

/// The register files.
#[derive(Clone, Debug, Default)]
pub struct Registers {
    pattern: Captured,
    condition: Captured,
    expression: Captured,
}

impl Registers {
    /// One register file.
    pub fn of(&self, store: Store) -> &Captured {
        match store {
            Store::Pattern => &self.pattern,
            Store::Condition => &self.condition,
            Store::Expression => &self.expression,
        }
    }

    /// One register file, to be changed.
    pub fn of_mut(&mut self, store: Store) -> &mut Captured {
        match store {
            Store::Pattern => &mut self.pattern,
            Store::Condition => &mut self.condition,
            Store::Expression => &mut self.expression,
        }
    }
}

/// A value of a variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// The bytes; `None` is unset by an explicit directive.
    pub bytes: Option<Vec<u8>>,
    /// What the value rests on, where that is not known.
    pub taint: Option<Arc<str>>,
}

/// What another server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpstreamAnswer {
    /// The status.
    pub status: u16,
    /// The headers, `Location` among them.
    pub headers: Vec<(Bytes, Bytes)>,
}

impl UpstreamAnswer {
    /// The first header of a name that is given in lower case.
    pub fn header(&self, name: &[u8]) -> Option<&[u8]> {
        self.headers.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

/// What can be on or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// The request left its outside origin: internal scopes are open to it.
    pub internal: bool,
    /// A list changed the path since the scope was chosen.
    pub path_changed: bool,
    /// The path as received held a `%`.
    pub path_quoted: bool,
    /// The path as received held a `+` or `%2B`.
    pub plus_in_path: bool,
    /// No rewriting list runs any more (END).
    pub rewriting_ended: bool,
    /// An error was looked up among the error pages already.
    pub error_intercepted: bool,
    /// It is decided which file the path maps to.
    pub mapped: bool,
    /// The path was mapped to a file, and access to it was granted.
    pub admitted: bool,
    /// The whole path follows an alias that takes no name (`try_files` in a pattern location).
    pub path_follows_alias: bool,
    /// Path or query are not those of the target any more that came in.
    pub target_changed: bool,
    /// A neighbour's word on the client's address was believed.
    pub address_told: bool,
    /// The path was replaced in a way that the location's name is no longer its beginning (`rewrite … break`).
    pub name_lost: bool,
}

/// The state of the clause list that runs.
#[derive(Clone, Debug, Default)]
pub struct ListState {
    /// A rewrite of this list has matched.
    pub rewritten: bool,
    /// The text that is being rewritten, where it is not simply the path.
    pub text: Option<Vec<u8>>,
    /// The header or variable that was read last.
    pub read: Option<Vec<u8>>,
}

/// One request in flight.
#[derive(Clone)]
pub struct Machine<'p> {
    /// The configuration.
    pub program: &'p Program,
    /// The world outside.
    pub world: &'p dyn World,
    /// The request as it came in.
    pub request: &'p Request,
    /// The address it came in at, where one is known.
    pub listener: Option<&'p Listener>,
    /// The port it came in at.
    pub port: u16,
    /// The client's address, as far as it is known and believed.
    pub remote: Option<Vec<u8>>,
    /// The site that answers.
    pub site: &'p Site,
    /// What is in force.
    pub scope: Current<'p>,
    /// The sections that are in force, in the order in which they were laid over each other.
    pub trail: Vec<ScopeId>,
    /// The same of the request before this one, or around it.
    pub trail_before: Option<Vec<ScopeId>>,
    /// The path of the request around this one, where it is a request inside a request.
    pub around: Option<Vec<u8>>,
    /// The method, which an error page may change.
    pub method: Vec<u8>,
    /// The method that text sees, where a request inside the request has another one.
    pub main_method: Option<Vec<u8>>,
    /// Path and query as received (nginx `$request_uri`).
    pub raw_target: Vec<u8>,
    /// The path, decoded and normalised.
    pub path: Vec<u8>,
    /// The query without its `?`; `Some` and empty for a lone `?`.
    pub query: Option<Vec<u8>>,
    /// The host, normalised.
    pub host: Option<Vec<u8>>,
    /// The port text written with the host.
    pub host_port: Option<Vec<u8>>,
    /// The file the path was mapped to; until then, what a site's rewriting list made of the path.
    pub file: Option<Vec<u8>>,
    /// What follows the file.
    pub path_info: Option<Vec<u8>>,
    /// The folder that the walk to the file ended in, with a slash at the end.
    pub folder: Vec<u8>,
    /// What the walk found at its end; `None` is nothing.
    pub found: Option<super::Kind>,
    /// The path still has its escapes.
    pub encoded: bool,
    /// Where a rewriting list of a folder leads, as soon as nothing else answers.
    pub planted: Option<Vec<u8>>,
    /// The URL prefix and the folder of the alias that mapped the path.
    pub context: Option<(Vec<u8>, Vec<u8>)>,
    /// A handler that stands whatever the sections say: a proxy's, a script folder's.
    pub forced_handler: Option<crate::ir::clause::Handler>,
    /// A handler that a rewrite asked for, if its result stays inside.
    pub pending_handler: Option<crate::ir::clause::Handler>,
    /// The rewriting list that runs, or ran last.
    pub rewriting: super::rewrite::Rewriting,
    /// The register files.
    pub captures: Registers,
    /// Values of variables that were set, by [`VarId`].
    pub variables: Vec<Option<Value>>,
    /// Values of tables that are remembered.
    pub remembered: FxHashMap<TableId, Value>,
    /// How far texts mention texts.
    pub nesting: super::template::Nesting,
    /// What the text just rendered rests on, where that is not known.
    pub taint: Option<Arc<str>>,
    /// Flags.
    pub flags: Flags,
    /// Internal jumps left.
    pub budget: u32,
    /// The status an error page was entered with, or that a redirect left behind which turned out to be none.
    pub saved_status: Option<u16>,
    /// The first of such statuses in an unbroken row of internal redirects, and the `Location` that went with it.
    pub first_error: Option<(u16, Option<Vec<u8>>)>,
    /// A `Location` set so far.
    pub location: Option<Vec<u8>>,
    /// The directive that decided so far.
    pub cause: Option<Span>,
    /// Status of the reply being finalised, for headers that mention it.
    pub status: Option<u16>,
    /// How many sub-requests this one stands in.
    pub depth: u8,
    /// How many sub-requests were made so far, by this one and all that stand around it.
    pub sub_requests: Rc<Cell<u32>>,
    /// How many servers of the program have handed the request on.
    pub handed_on: u8,
    /// What the server answered that the request was handed on to last.
    pub upstream: Option<Arc<UpstreamAnswer>>,
    /// Headers that clauses added.
    pub added_headers: Vec<(Bytes, Bytes)>,
    /// The list that runs.
    pub list: ListState,
    /// The request's headers, where the server changed them.
    pub changed_headers: Option<Arc<Vec<(Bytes, Bytes)>>>,
    /// What is told beside the answer.
    pub recorder: Recorder,
}

impl<'p> Machine<'p> {
    /// A request at the door of a site, nothing of it read.
    pub fn new(
        program: &'p Program,
        world: &'p dyn World,
        request: &'p Request,
        site: &'p Site,
        explain: bool,
    ) -> Self {
        let scope = Current::Shared(scope_of(program, site.scope));
        Self {
            program,
            world,
            request,
            listener: None,
            port: 0,
            remote: request.remote.as_deref().map(<[u8]>::to_vec),
            site,
            scope,
            trail: Vec::new(),
            trail_before: None,
            around: None,
            method: request.method.to_vec(),
            main_method: None,
            raw_target: Vec::new(),
            path: Vec::new(),
            query: None,
            host: None,
            host_port: None,
            file: None,
            path_info: None,
            folder: Vec::new(),
            found: None,
            encoded: false,
            planted: None,
            context: None,
            forced_handler: None,
            pending_handler: None,
            rewriting: super::rewrite::Rewriting::default(),
            captures: Registers::default(),
            variables: vec![None; program.variables.len()],
            remembered: FxHashMap::default(),
            nesting: super::template::Nesting::default(),
            taint: None,
            flags: Flags::default(),
            budget: program.budget.internal_redirects,
            saved_status: None,
            first_error: None,
            location: None,
            cause: None,
            status: None,
            depth: 0,
            sub_requests: Rc::default(),
            handed_on: 0,
            upstream: None,
            added_headers: Vec::new(),
            list: ListState::default(),
            changed_headers: None,
            recorder: Recorder::new(explain),
        }
    }

    /// A scope of the program.
    pub fn scope_by_id(&self, id: ScopeId) -> &'p Scope {
        scope_of(self.program, id)
    }

    /// Puts a scope of the program in force.
    pub fn enter(&mut self, id: ScopeId) {
        self.scope = Current::Shared(scope_of(self.program, id));
    }

    /// Puts the site's own scope in force.
    pub fn enter_site(&mut self) {
        self.enter(self.site.scope);
    }

    /// Spends one internal jump; the reply where none is left.
    pub fn spend(&mut self) -> Option<Flow> {
        match self.budget.checked_sub(1) {
            Some(left) => {
                self.budget = left;
                None
            }
            None => {
                self.flags.error_intercepted = true;
                Some(super::flow::Reply::bare(self.program.budget.status, self.cause).into())
            }
        }
    }

    /// What a variable was set to; `None` where nothing set it.
    pub fn variable(&self, id: VarId) -> Option<&Value> {
        self.variables.get(id.0 as usize)?.as_ref()
    }

    /// Sets a variable.
    pub fn set_variable(&mut self, id: VarId, value: Value) {
        if let Some(slot) = self.variables.get_mut(id.0 as usize) {
            *slot = Some(value);
        }
    }

    /// Every value of a request header, in order; the name in any case.
    pub fn header_lines(&self, name: &[u8]) -> impl Iterator<Item = &[u8]> {
        let name = name.to_ascii_lowercase();
        self.headers().iter().filter(move |(have, _)| have.eq_ignore_ascii_case(&name)).map(|(_, value)| &**value)
    }

    /// The request's headers as they stand now.
    pub fn headers(&self) -> &[(Bytes, Bytes)] {
        match &self.changed_headers {
            Some(changed) => changed,
            None => &self.request.headers,
        }
    }

    /// The same, the lines of each that came joined to one.
    pub fn joined_headers(&self) -> Vec<(Bytes, Bytes)> {
        if let Some(changed) = &self.changed_headers {
            return changed.to_vec();
        }
        let mut out: Vec<(Bytes, Bytes)> = Vec::new();
        for (name, value) in &self.request.headers {
            match out.iter_mut().find(|(have, _)| have.eq_ignore_ascii_case(name)) {
                Some((_, have)) => *have = [&**have, b", ", value].concat().into(),
                None => out.push((name.clone(), value.clone())),
            }
        }
        out
    }

    /// Puts one header in place of all of its name, or takes them away.
    pub fn replace_header(&mut self, name: &[u8], value: Option<Bytes>) {
        let mut headers = self.joined_headers();
        headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
        headers.extend(value.map(|value| (name.into(), value)));
        self.changed_headers = Some(Arc::new(headers));
    }
}

/// A scope by its number; the empty scope for a number that does not exist.
pub fn scope_of(program: &Program, id: ScopeId) -> &Scope {
    static NOTHING: std::sync::OnceLock<Scope> = std::sync::OnceLock::new();
    program.scopes.get(id.0 as usize).unwrap_or_else(|| NOTHING.get_or_init(Scope::default))
}
