//! How a request finds its scope: nginx's locations, Apache's sections.

use super::condition::Condition;
use super::pattern::{Pattern, Regex};
use super::{Bytes, ScopeId, VarId};
use crate::source::Span;
use rustc_hash::FxHashMap;
use std::sync::Arc;

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
    /// What is in force where nothing matches; only at the outermost level.
    pub otherwise: Option<ScopeId>,
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

/// Apache's sections, in the order they merge: folders by depth, then patterns, files, URLs, conditions. Files and
/// conditions stand in the scopes themselves ([`super::scope::Inner`]), because folders bring their own.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    /// `<Directory>` without regular expressions, shallower ones first.
    pub folders: Vec<Arc<Section>>,
    /// `<DirectoryMatch>` and `<Directory ~>`.
    pub folder_patterns: Vec<Arc<Section>>,
    /// `<Location>`, `<LocationMatch>`.
    pub urls: Vec<Arc<Section>>,
    /// `.htaccess` files by folder (file-system path with a slash at the end), with what the server makes of them
    /// under the `AllowOverride` in force there.
    pub htaccess: FxHashMap<Bytes, ScopeId>,
}

/// One section.
#[derive(Debug)]
pub struct Section {
    /// The directive.
    pub span: Span,
    /// What it applies to.
    pub applies: Applies,
    /// What it brings; laid over what is in force.
    pub scope: ScopeId,
    /// Named groups of its pattern that become variables.
    pub named: Box<[(u32, VarId)]>,
}

/// What a section applies to.
#[derive(Debug)]
pub enum Applies {
    /// A path (of a folder, a file name, a URL) that the pattern matches.
    Path(Pattern),
    /// A condition; `<Else>` is "not the ones before", which [`Applies::Otherwise`] says.
    When(Condition),
    /// The condition, if no section before it in the same chain applied (`<ElseIf>`, `<Else>`).
    Otherwise(Condition),
}
