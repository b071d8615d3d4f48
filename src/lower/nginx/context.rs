//! What the lowering of one configuration carries along: the program so far, the variables, the refusals.

use super::super::{Options, Version};
use super::load::{Level, Loaded, Node};
use super::variables::Variables;
use crate::ir::scope::Scope;
use crate::ir::{Bytes, Effect, Note, Program, Reach, Refusal, ScopeId, VarId};
use crate::pcre;
use crate::source::Span;
use std::collections::HashSet;

/// The newest version whose behaviour is known; the default.
pub const NEWEST: Version = Version(1, 31, 4);

/// The lowering in progress.
pub struct Context {
    /// What is built.
    pub program: Program,
    /// The variables.
    pub variables: Variables,
    /// Found while a directive was read, in order.
    pub refusals: Vec<Refusal>,
    /// Found when everything was read.
    pub late: Vec<Refusal>,
    /// The version that is modelled.
    pub version: Version,
    /// Addresses whose default server was named.
    pub defaults: HashSet<String>,
    /// Addresses whose socket was described.
    pub tuned: HashSet<String>,
    /// Server names with a `*` at a place where it cannot be: seen only where an address has several servers.
    pub wild_names: Vec<(Span, String)>,
    /// What the server being read is called, patterns aside.
    pub server_names: Vec<Bytes>,
    /// A piece of a configuration: what it leaves open may stand elsewhere.
    pub fragment: bool,
    /// Nothing is left to be seen elsewhere.
    pub whole: bool,
    /// The sizes of hash tables.
    pub buckets: super::hashes::Buckets,
}

impl Context {
    /// An empty program.
    pub fn new(options: &Options, loaded: &Loaded) -> Self {
        let version = options.version.unwrap_or(NEWEST);
        let text = format!("{}.{}.{}", version.0, version.1, version.2);
        Self {
            program: Program::default(),
            variables: Variables::of_version(text),
            refusals: Vec::new(),
            late: Vec::new(),
            version,
            defaults: HashSet::new(),
            tuned: HashSet::new(),
            wild_names: Vec::new(),
            server_names: Vec::new(),
            fragment: loaded.level != Level::Main,
            whole: loaded.is_whole(),
            buckets: Default::default(),
        }
    }

    /// Whether the version modelled is at least this one.
    pub fn since(&self, major: u16, minor: u16, patch: u16) -> bool {
        self.version >= Version(major, minor, patch)
    }

    /// Adds a scope.
    pub fn scope(&mut self, scope: Scope) -> ScopeId {
        self.program.scopes.push(scope);
        ScopeId(u32::try_from(self.program.scopes.len() - 1).unwrap_or(u32::MAX))
    }

    /// The server would stop here.
    pub fn refuse(&mut self, span: Span, message: impl Into<String>) {
        self.refusals.push(Refusal { span, message: message.into(), help: None, reach: Reach::Server });
    }

    /// The server would stop here, once everything is read.
    pub fn refuse_late(&mut self, span: Span, message: impl Into<String>) {
        self.late.push(Refusal { span, message: message.into(), help: None, reach: Reach::Server });
    }

    /// Something that is not modelled.
    pub fn note(&mut self, node: Node, effect: Effect, reason: &str) -> Note {
        let directive = String::from_utf8_lossy(node.name()).into_owned();
        let note = Note { span: node.head(), directive, effect, reason: reason.to_owned() };
        self.program.notes.push(note.clone());
        note
    }

    /// A regular expression with the variables of its named groups. What PCRE2 rejects is refused.
    pub fn regex(
        &mut self,
        text: &[u8],
        caseless: bool,
        span: Span,
    ) -> (crate::ir::pattern::Regex, Box<[(u32, VarId)]>) {
        let options = pcre::Options { caseless, ..pcre::Options::default() };
        let regex = crate::ir::pattern::Regex::new(text, options, span);
        if regex.plain_groups().is_some() {
            return (regex, Box::new([]));
        }
        let names = match regex.compiled() {
            Ok(compiled) => compiled.names().map(|(group, name)| (group, name.to_vec())).collect::<Vec<_>>(),
            Err(error) => {
                let message = rejected(text, error);
                self.refuse(span, message);
                Vec::new()
            }
        };
        let mut named = Vec::new();
        for (group, name) in names {
            match self.variables.group(&name, span) {
                Ok(variable) => named.push((group, variable)),
                Err(message) => self.refuse(span, message),
            }
        }
        (regex, named.into())
    }
}

/// What nginx says where PCRE2 rejects an expression.
pub fn rejected(text: &[u8], error: &pcre::Error) -> String {
    let shown = String::from_utf8_lossy(text);
    let rest = text.get(error.offset..).filter(|rest| !rest.is_empty());
    let at = rest.map(|rest| format!(" at \"{}\"", String::from_utf8_lossy(rest))).unwrap_or_default();
    format!("pcre2_compile() failed: {} in \"{shown}\"{at}", error.message)
}
