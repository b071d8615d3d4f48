//! How a request finds its scope: nginx's locations, Apache's sections.

use super::condition::Condition;
use super::pattern::{Pattern, Regex};
use super::{Bytes, ScopeId, VarId};
use crate::source::Span;
use rustc_hash::FxHashMap;

/// The rule by which a site's scopes are chosen.
#[derive(Debug)]
pub enum Choice {
    /// One location wins.
    Locations(Locations),
    /// Every section that applies is laid over the others, in order.
    Sections(Sections),
}

/// One level of nginx locations.
#[derive(Debug, Default)]
pub struct Locations {
    /// `=` names.
    pub exact: FxHashMap<Bytes, Location>,
    /// Prefixes, sorted by name.
    pub prefixes: Vec<(Bytes, Location)>,
    /// Patterns in order.
    pub patterns: Vec<(Regex, Box<[(u32, VarId)]>, Location)>,
    /// `@` names; only at the outermost level.
    pub named: FxHashMap<Bytes, ScopeId>,
}

/// One location.
#[derive(Debug)]
pub struct Location {
    /// Its scope, already merged with everything around it.
    pub scope: ScopeId,
    /// `^~`: patterns of the same level are not tried.
    pub no_patterns: bool,
    /// The name without its slash is redirected to the name.
    pub slash_redirect: bool,
    /// What stands inside.
    pub nested: Option<Box<Locations>>,
    /// The directive.
    pub span: Span,
}

/// Apache's sections, in the order they merge: folders by depth, then patterns, files, URLs, conditions.
#[derive(Debug, Default)]
pub struct Sections {
    /// `<Directory>` without patterns, shortest first, and `.htaccess` files, deeper over shallower.
    pub folders: Vec<Section>,
    /// `<DirectoryMatch>` and `<Directory ~>`.
    pub folder_patterns: Vec<Section>,
    /// `<Files>`, `<FilesMatch>` at server level.
    pub files: Vec<Section>,
    /// `<Location>`, `<LocationMatch>`.
    pub urls: Vec<Section>,
    /// `<If>` chains at server level.
    pub conditions: Vec<Section>,
    /// `.htaccess` files by folder (file-system path with a slash at the end).
    pub htaccess: FxHashMap<Bytes, Section>,
    /// The name of per-folder files (`AccessFileName`).
    pub access_file_names: Vec<Bytes>,
}

/// One section.
#[derive(Debug)]
pub struct Section {
    /// The directive, or the whole file.
    pub span: Span,
    /// What it applies to.
    pub applies: Applies,
    /// What it brings; laid over what is in force.
    pub scope: ScopeId,
    /// Sections inside: `<Files>` and `<If>` within a folder's section or file.
    pub inner: Option<Box<Sections>>,
    /// What `.htaccess` files below may contain (`AllowOverride`); `None` inherits.
    pub allow_override: Option<AllowOverride>,
    /// Named groups of its pattern that become variables.
    pub named: Box<[(u32, VarId)]>,
}

/// What a section applies to.
#[derive(Debug)]
pub enum Applies {
    /// A path (of a folder, a file name, a URL) that the pattern matches.
    Path(Pattern),
    /// A condition; `<Else>` is "not the ones before", spelled out by lowering.
    When(Condition),
    /// Always (the section's own folder was already matched).
    Always,
}

/// What `.htaccess` files may contain.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct AllowOverride {
    /// Classes allowed: `FileInfo`, `Indexes`, `Options`, `AuthConfig`, `Limit`.
    pub classes: Vec<Bytes>,
    /// Single directives allowed (`AllowOverrideList`), lower case.
    pub directives: Vec<Bytes>,
    /// `Options=` list, lower case.
    pub options: Option<Vec<Bytes>>,
    /// `Nonfatal=Override|Unknown|All`: such errors skip the line.
    pub nonfatal_override: bool,
    /// See `nonfatal_override`.
    pub nonfatal_unknown: bool,
}
