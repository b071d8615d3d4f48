//! Scopes: everything that is in force for a request at one moment, and how scopes are laid over each other.
//!
//! A `server`, a `location`, an `if`, a `<Directory>`, a `.htaccess`: each is a [`Scope`]. nginx's are merged
//! when the configuration is read, Apache's for each request; both by [`Scope::over`].

use super::access::{Access, RealAddress, SecureLink};
use super::choice::Section;
use super::clause::{Clause, Handler};
use super::condition::Condition;
use super::policy::SelfUrl;
use super::referers::Referers;
use super::template::Template;
use super::{Bytes, Note, ScopeId};
use crate::source::Span;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LazyLock};

/// Which list of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// SetEnvIf and relatives.
    Environment,
    /// SetEnv and relatives, which come after rewriting and redirects.
    LateEnvironment,
    /// nginx's rewrite module, mod_rewrite.
    Rewrite,
    /// Redirects whose target is an expression (Apache, in sections).
    ExpressionRedirect,
    /// mod_alias.
    Redirect,
    /// Alias, ScriptAlias.
    Alias,
}

/// What is in force.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The directive that opens it, for traces.
    pub span: Option<Span>,
    /// The clause lists.
    pub lists: Lists,
    /// Everything that is not a list of clauses.
    pub settings: Shared<Settings>,
    /// Sections inside.
    pub inner: Inner,
    /// Unmodelled directives in it.
    pub notes: Vec<Note>,
}

/// A value that scopes share until one of them changes its own: a long list of locations is under the same settings.
#[derive(Clone, Debug)]
pub struct Shared<T>(Arc<T>);

impl<T> Shared<T> {
    /// A value of its own.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl Default for Shared<Settings> {
    /// Nothing is set: the same for all, which [`Scope::over`] knows.
    fn default() -> Self {
        static UNSET: LazyLock<Arc<Settings>> = LazyLock::new(Arc::default);
        Self(Arc::clone(&UNSET))
    }
}

impl Shared<Settings> {
    /// Whether nothing was ever set; false may be said of settings that have become empty again.
    pub fn is_unset(&self) -> bool {
        Arc::ptr_eq(&self.0, &Self::default().0)
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Clone> DerefMut for Shared<T> {
    fn deref_mut(&mut self) -> &mut T {
        Arc::make_mut(&mut self.0)
    }
}

/// Sections that a scope brings along and that are looked at later: inherited, outer ones first.
#[derive(Clone, Debug, Default)]
pub struct Inner {
    /// `<Files>`, `<FilesMatch>`: applied to the file's name once the folders are known.
    pub files: Vec<Arc<Section>>,
    /// `<If>` chains: applied last.
    pub conditions: Vec<Arc<Section>>,
}

/// The lists of a scope. Shared, so that laying scopes over each other copies no clause.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// [`Slot::Environment`].
    pub environment: Stacked<Clause>,
    /// [`Slot::LateEnvironment`].
    pub late_environment: Stacked<Clause>,
    /// [`Slot::Rewrite`].
    pub rewrite: Option<Arc<RewriteList>>,
    /// [`Slot::ExpressionRedirect`].
    pub expression_redirect: Option<Arc<Clause>>,
    /// [`Slot::Redirect`].
    pub redirect: Stacked<Clause>,
    /// [`Slot::Alias`].
    pub alias: Stacked<Clause>,
}

/// Lists of several scopes, one behind the other, first checked first.
#[derive(Debug)]
pub struct Stacked<T>(pub Vec<Arc<Vec<T>>>);

impl<T> Clone for Stacked<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Stacked<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Stacked<T> {
    /// One list.
    pub fn of(mut items: Vec<T>) -> Self {
        items.shrink_to_fit();
        if items.is_empty() { Self::default() } else { Self(vec![Arc::new(items)]) }
    }

    /// These lists, then the other's.
    pub fn followed_by(&self, other: &Self) -> Self {
        Self(self.0.iter().chain(&other.0).cloned().collect())
    }

    /// Every item in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flat_map(|list| list.iter())
    }
}

/// A rewriting list and the rules for its beginning and end.
#[derive(Debug, Default)]
pub struct RewriteList {
    /// The steps; several lists behind each other where one inherits another's.
    pub clauses: Stacked<Clause>,
    /// What the result means.
    pub finish: Finish,
    /// The folder (or section argument) the list belongs to, with a slash at the end: taken off the subject and
    /// put before relative results.
    pub folder: Bytes,
    /// `RewriteBase`.
    pub base: Option<Bytes>,
    /// `RewriteOptions`.
    pub options: RewriteOptions,
    /// Whether the scope sets options of its own; if not, the outer scope's count.
    pub own_options: bool,
}

/// `RewriteOptions`, as a set. The names are Apache's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct RewriteOptions {
    pub inherit: bool,
    pub inherit_before: bool,
    pub inherit_down: bool,
    pub inherit_down_before: bool,
    pub ignore_inherit: bool,
    pub allow_no_slash: bool,
    pub allow_any_uri: bool,
    pub merge_base: bool,
    pub ignore_context_info: bool,
    pub legacy_prefix_docroot: bool,
    pub unsafe_prefix_stat: bool,
}

impl RewriteList {
    /// This list laid over an outer one of the same kind. Only the folder, the base and the clauses of this one
    /// count, unless the options of either say that clauses are inherited (mod_rewrite `config_perdir_merge`).
    pub fn over(&self, outer: &Self) -> Self {
        let options = if self.own_options { &self.options } else { &outer.options };
        let down = |wanted: bool| wanted && !options.ignore_inherit;
        let clauses = if options.inherit || down(outer.options.inherit_down) {
            self.clauses.followed_by(&outer.clauses)
        } else if options.inherit_before || down(outer.options.inherit_down_before) {
            outer.clauses.followed_by(&self.clauses)
        } else {
            self.clauses.clone()
        };
        let base = self.base.clone().or_else(|| outer.base.clone().filter(|_| options.merge_base));
        Self {
            clauses,
            base,
            finish: self.finish.clone(),
            folder: self.folder.clone(),
            options: options.clone(),
            own_options: self.own_options || outer.own_options,
        }
    }
}

/// What the end of a rewriting list means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Finish {
    /// A changed path chooses its scope again (nginx).
    #[default]
    SearchAgain,
    /// A changed path is mapped to a file, and translation ends (mod_rewrite in server context).
    MapToFile,
    /// A changed file name becomes a path again and starts over as an internal redirect (mod_rewrite per directory).
    Redirect,
}

/// Single-valued and list-valued settings. `None` (or an empty list) inherits.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether rewriting lists run (`RewriteEngine`): the site's own as well as those of sections.
    pub rewriting: Option<bool>,
    /// How a path is made into an absolute URL; `absolute_redirect off` is `absolute: Some(false)`.
    pub self_url: Option<SelfUrl>,
    /// The port of the connection stands in for one that nobody named (`UseCanonicalPhysicalPort`).
    pub physical_port: Option<bool>,
    /// Whether a `Location` that starts with a slash is made absolute.
    pub absolute: Option<bool>,
    /// Runs of slashes in the target are one.
    pub merge_slashes: Option<bool>,
    /// What `%2F` in a target means.
    pub encoded_slashes: Option<EncodedSlashes>,
    /// Document root.
    pub root: Option<Template>,
    /// `alias` of a location, used instead of `root`.
    pub alias: Option<AliasTo>,
    /// Files looked for in a folder. An empty list is "none at all".
    pub index: Option<Vec<Template>>,
    /// The index is an external redirect with this status (DirectoryIndexRedirect).
    pub index_redirect: Option<u16>,
    /// No index is looked for where a handler is set (`DirectoryCheckHandler`).
    pub index_unless_handled: Option<bool>,
    /// A folder without a slash is redirected to one.
    pub directory_slash: Option<bool>,
    /// A listing is shown for a folder without an index.
    pub listing: Option<bool>,
    /// `FallbackResource`; `Some(None)` is `disabled`.
    pub fallback: Option<Option<Bytes>>,
    /// `try_files`.
    pub try_files: Option<Arc<TryFiles>>,
    /// What answers errors, first match first.
    pub error_pages: Listed<ErrorPage>,
    /// Errors while an error is answered are answered too.
    pub recursive_error_pages: Option<bool>,
    /// Response headers.
    pub headers: Listed<HeaderRule>,
    /// Changes of the request's headers.
    pub request_headers: Listed<HeaderRule>,
    /// Who may not come in.
    pub access: Option<Access>,
    /// The same by the older rules (Order, Allow, Deny), asked beside the others.
    pub host_access: Option<Access>,
    /// Either of the two is enough (`Satisfy Any`).
    pub any_access: Option<bool>,
    /// Whose word on the client's address counts.
    pub real_address: Option<Arc<RealAddress>>,
    /// What is handed on to other servers, or comes back, is changed in a way that is not modelled.
    pub opaque_proxy: Option<bool>,
    /// How a client proves who it is (`AuthType`).
    pub auth_type: Option<Bytes>,
    /// What it is told that the credentials are for (`AuthName`).
    pub realm: Option<Bytes>,
    /// The file of the users that there are (`AuthUserFile`).
    pub user_file: Option<Bytes>,
    /// How a signed link is checked.
    pub secure_link: Option<Arc<SecureLink>>,
    /// Which pages may refer to what is here.
    pub referers: Option<Arc<Referers>>,
    /// A beginning of the path that is taken off where it is mapped to a file (`ServerPath`).
    pub unmapped_prefix: Option<Bytes>,
    /// TRACE is answered (`TraceEnable`).
    pub trace: Option<bool>,
    /// What follows the path of a section goes on behind the folder it is mapped to (`AliasPreservePath`).
    pub alias_preserves_path: Option<bool>,
    /// A missing file may be taken for a misspelt one (mod_speling).
    pub spelling: Option<Spelling>,
    /// A host that no site of the address is called gets 400 (`StrictHostCheck`).
    pub strict_host: Option<bool>,
    /// Internal redirects that a request to the site may make, where it has a limit of its own.
    pub internal_redirects: Option<u32>,
    /// Requests from outside get 404.
    pub internal: bool,
    /// What serves content.
    pub handler: Option<Handler>,
    /// Handlers by file extension, without the dot.
    pub extensions: Listed<(Bytes, Handler)>,
    /// A missing file may be answered by a similar one (MultiViews), which is not modelled.
    pub negotiates: Option<bool>,
    /// Path info behind a file is accepted.
    pub accept_path_info: Option<bool>,
    /// Symbolic links may be followed (without, per-directory rewriting is refused).
    pub follow_symlinks: Option<bool>,
    /// The folder carries a file that the server refuses: 500 for everything in it. The message.
    pub broken: Option<Arc<str>>,
    /// An MSIE gets a page with a refresh instead of a redirect.
    pub msie_refresh: Option<bool>,
    /// The scope answers these methods with this scope instead (`limit_except`).
    pub method_scope: Option<Arc<MethodScope>>,
}

/// `alias`: a folder or file that takes the place of a location's name.
#[derive(Clone, Debug, PartialEq)]
pub struct AliasTo {
    /// The folder or file.
    pub to: Template,
    /// How many bytes of the path the name takes; `None`: the text is the whole path (pattern locations).
    pub name: Option<usize>,
}

/// What mod_speling corrects. A scope that says anything of it says all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spelling {
    /// `CheckSpelling`.
    pub on: bool,
    /// `CheckCaseOnly`: nothing but the case.
    pub case_only: bool,
    /// `CheckBasenameMatch`: files that are the same up to their first dot are offered.
    pub basename: bool,
}

impl Default for Spelling {
    fn default() -> Self {
        Self { on: false, case_only: false, basename: true }
    }
}

/// `limit_except`: methods not listed go to another scope.
#[derive(Debug)]
pub struct MethodScope {
    /// Methods that stay.
    pub methods: Vec<Bytes>,
    /// Where the others go.
    pub scope: ScopeId,
}

/// What `%2F` means in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum EncodedSlashes {
    Refuse,
    Decode,
    Keep,
}

/// A list setting with its rule of inheritance.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// The entries, outermost first; shared.
    pub items: Vec<Arc<T>>,
    /// How they combine with the outer scope's.
    pub inherit: Inherit,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { items: Vec::new(), inherit: Inherit::IfEmpty }
    }
}

/// How a list setting combines with the outer one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inherit {
    /// The outer list counts only where the inner one is empty (nginx).
    #[default]
    IfEmpty,
    /// Outer entries first, then inner ones (Apache's headers, nginx `add_header_inherit merge` puts own first).
    OuterFirst,
    /// Own entries first, then the outer list.
    OwnFirst,
    /// The outer list never counts.
    Never,
}

/// An answer to an error (or any other status).
#[derive(Clone, Debug)]
pub struct ErrorPage {
    /// The directive.
    pub span: Span,
    /// Which status it answers.
    pub code: u16,
    /// What it does.
    pub target: ErrorTarget,
    /// The status sent.
    pub status: ErrorStatus,
}

/// Where an error page leads.
#[derive(Clone, Debug)]
pub enum ErrorTarget {
    /// An internal redirect; the query is what follows `?` in the text.
    Path(Template),
    /// A jump to a named scope.
    Named(Bytes),
    /// An external redirect.
    Url(Template),
    /// A text of its own.
    Text(Template),
    /// The server's own page.
    Default,
}

/// Which status an error page sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorStatus {
    /// The one that was asked to be answered.
    Original,
    /// Whatever the target answers (nginx `=`).
    Target,
    /// This one (nginx `=N`).
    Fixed(u16),
}

/// `try_files`.
#[derive(Debug)]
pub struct TryFiles {
    /// The directive.
    pub span: Span,
    /// Candidates: path under the root, whether a folder is looked for.
    pub candidates: Vec<(Template, bool)>,
    /// What happens if none exists.
    pub last: TryLast,
}

/// The last word of `try_files`.
#[derive(Debug)]
pub enum TryLast {
    /// `=CODE`.
    Status(u16),
    /// `@name`.
    Named(Bytes),
    /// An internal redirect.
    Path(Template),
}

/// A change of the response headers.
#[derive(Clone, Debug)]
pub struct HeaderRule {
    /// The directive.
    pub span: Span,
    /// What it does.
    pub action: HeaderAction,
    /// The header's name as written.
    pub name: Bytes,
    /// The value (for `edit`, the replacement).
    pub value: Template,
    /// `edit`: what is replaced.
    pub pattern: Option<Arc<super::pattern::Regex>>,
    /// Sent with every status.
    pub always: bool,
    /// Guard: a variable, an expression.
    pub condition: Option<Arc<Condition>>,
    /// Runs before anything else (`early`).
    pub early: bool,
}

/// What a header rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum HeaderAction {
    Set,
    Append,
    Merge,
    Add,
    SetIfEmpty,
    Unset,
    Edit,
    EditAll,
    Note,
    Echo,
}
