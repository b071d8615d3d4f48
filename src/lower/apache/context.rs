//! What lowering an Apache configuration carries along: the program so far, its names, the version, the modules.

use super::modules::Modules;
use super::regex_options::RegexOptions;
use crate::ir::pattern::Regex;
use crate::ir::scope::Scope;
use crate::ir::table::{Table, TableKind};
use crate::ir::template::{Origin, Variable};
use crate::ir::{Bytes, Program, ScopeId, SiteId, TableId, VarId};
use crate::lower::{Loader, Version};
use crate::pcre;
use crate::source::{Sources, Span};
use rustc_hash::{FxHashMap, FxHashSet};
use std::path::PathBuf;

/// The state of one lowering.
pub struct Context<'a> {
    /// The files.
    pub sources: &'a Sources,
    /// Where maps are read from.
    pub loader: &'a dyn Loader,
    /// The program so far.
    pub program: Program,
    /// The version that is modelled.
    pub version: Version,
    /// What is loaded.
    pub modules: Modules,
    /// Whether the files of this machine are the server's.
    pub real_files: bool,
    /// What relative file names are relative to.
    pub prefix: PathBuf,
    /// `ServerAdmin`.
    pub admin: Bytes,
    /// `RegexDefaultOptions`.
    pub regex: RegexOptions,
    /// Whether a `.htaccess` is being read.
    pub htaccess: bool,
    /// Heads of the lines that `AllowOverride`'s `Nonfatal` leaves out.
    pub left_out: FxHashSet<Span>,
    variables: FxHashMap<Bytes, VarId>,
    /// The virtual host being lowered, where its maps are not the main server's.
    pub own_maps: Option<SiteId>,
    /// The maps of the server being lowered.
    pub maps: FxHashMap<Bytes, TableId>,
}

impl<'a> Context<'a> {
    /// An empty program.
    pub fn new(
        sources: &'a Sources,
        loader: &'a dyn Loader,
        version: Version,
        modules: Modules,
        prefix: PathBuf,
    ) -> Self {
        Self {
            sources,
            loader,
            program: Program::default(),
            version,
            modules,
            real_files: false,
            prefix,
            admin: b"[no address given]"[..].into(),
            regex: RegexOptions::default(),
            htaccess: false,
            left_out: FxHashSet::default(),
            variables: FxHashMap::default(),
            own_maps: None,
            maps: FxHashMap::default(),
        }
    }

    /// The variable of a name, whose case does not matter (`apr_table_get`).
    pub fn variable(&mut self, name: &[u8]) -> VarId {
        let key = name.to_ascii_lowercase();
        if let Some(id) = self.variables.get(key.as_slice()) {
            return *id;
        }
        if let Some(inner) = key.strip_prefix(b"redirect_") {
            let start = name.len() - inner.len();
            self.variable(name.get(start..).unwrap_or_default());
        }
        let id = VarId(self.program.variables.len() as u32);
        self.program.variables.push(Variable { name: name.into(), origin: Origin::Environment });
        self.variables.insert(key.into(), id);
        id
    }

    /// Adds a scope.
    pub fn scope(&mut self, scope: Scope) -> ScopeId {
        let id = ScopeId(self.program.scopes.len() as u32);
        self.program.scopes.push(scope);
        id
    }

    /// Adds a table.
    pub fn table(&mut self, table: Table) -> TableId {
        let id = TableId(self.program.tables.len() as u32);
        self.program.tables.push(table);
        id
    }

    /// The rewrite map of a name; an undeclared one has no entries.
    pub fn map(&mut self, name: &[u8]) -> TableId {
        if let Some(id) = self.maps.get(name) {
            return *id;
        }
        let span = Span::new(crate::source::FileId(0), 0, 0);
        let kind = TableKind::Text(FxHashMap::default());
        let id = self.table(Table { name: name.into(), span, source: None, kind, remembered: false });
        self.maps.insert(name.into(), id);
        id
    }

    /// A regular expression, checked as httpd does when it reads it.
    ///
    /// # Errors
    /// PCRE2's message.
    pub fn regex(&self, text: &[u8], ignore_case: bool, span: Span) -> Result<Regex, String> {
        self.regex_with(text, ignore_case || self.regex.at(span).caseless, span)
    }

    /// The same, the case looked at or not whatever `RegexDefaultOptions` say.
    ///
    /// # Errors
    /// PCRE2's message.
    pub fn regex_with(&self, text: &[u8], caseless: bool, span: Span) -> Result<Regex, String> {
        let regex = Regex::new(text, pcre::Options { caseless, ..self.regex.at(span) }, span);
        if regex.plain_groups().is_some() {
            return Ok(regex);
        }
        match regex.compiled() {
            Ok(_) => Ok(regex),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What `SERVER_SOFTWARE` says.
    pub fn software(&self) -> Bytes {
        let Version(major, minor, patch) = self.version;
        format!("Apache/{major}.{minor}.{patch}").into_bytes().into()
    }

    /// Whether at least this version is modelled.
    pub fn since(&self, patch: u16) -> bool {
        self.version >= Version(2, 4, patch)
    }
}
