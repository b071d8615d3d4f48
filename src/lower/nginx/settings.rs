//! Settings of http, server, location and if blocks, and how inner ones are laid over outer ones.

use super::access::AccessRules;
use super::context::Context;
use super::load::Node;
use super::proxy::ProxyRules;
use super::referers::RefererRules;
use super::variables::Captures;
use crate::ir::Effect;
use crate::ir::Note;
use crate::ir::clause::Handler;
use crate::ir::policy::{SelfHost, SelfPort, SelfUrl};
use crate::ir::scope::{AliasTo, ErrorPage, ErrorStatus, ErrorTarget, HeaderRule, Listed, Settings, Shared};
use crate::ir::template::Template;
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

/// How `add_header` lists combine (`add_header_inherit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderInherit {
    /// The outer list counts where the inner one is empty.
    On,
    /// The outer list never counts.
    Off,
    /// The outer list follows the own one.
    Merge,
}

/// What one block says, or what is in force in it once laid over the outer ones.
#[derive(Clone, Debug, Default)]
pub struct Level {
    absolute: Option<bool>,
    own_name: Option<bool>,
    port: Option<bool>,
    pub merge_slashes: Option<bool>,
    msie_refresh: Option<bool>,
    recursive: Option<bool>,
    listing: Option<bool>,
    root: Option<Template>,
    alias: Option<AliasTo>,
    index: Option<Vec<Template>>,
    error_pages: Vec<Arc<ErrorPage>>,
    pub(super) headers: Vec<Arc<HeaderRule>>,
    inherit: Option<HeaderInherit>,
    pub(super) more: Vec<Arc<HeaderRule>>,
    pub(super) expires: Option<Vec<Arc<HeaderRule>>>,
    access: AccessRules,
    referers: RefererRules,
    proxy: ProxyRules,
    /// What serves content; inherited by `if` and `limit_except` only.
    pub handler: Option<Handler>,
    /// Whether the handler makes the location redirect its own name without the slash.
    pub passes_on: bool,
    notes: Vec<Note>,
    /// [`Level::settings`], made when first asked for.
    made: OnceCell<Shared<Settings>>,
    /// [`Level::inside`].
    inside: OnceCell<Rc<Level>>,
}

impl Level {
    /// This level laid over an outer one. `same_place`: an `if` or `limit_except`, which keeps the handler.
    pub fn over(self, outer: &Self, same_place: bool) -> Self {
        let inherit = self.inherit.or(outer.inherit);
        let headers = match inherit.unwrap_or(HeaderInherit::On) {
            HeaderInherit::On if self.headers.is_empty() => outer.headers.clone(),
            HeaderInherit::Merge => self.headers.iter().chain(&outer.headers).cloned().collect(),
            _ => self.headers,
        };
        let rooted = self.root.is_some() || self.alias.is_some();
        let kept = same_place && self.handler.is_none();
        Self {
            absolute: self.absolute.or(outer.absolute),
            own_name: self.own_name.or(outer.own_name),
            port: self.port.or(outer.port),
            merge_slashes: self.merge_slashes.or(outer.merge_slashes),
            msie_refresh: self.msie_refresh.or(outer.msie_refresh),
            recursive: self.recursive.or(outer.recursive),
            listing: self.listing.or(outer.listing),
            root: if rooted { self.root } else { outer.root.clone() },
            alias: if rooted { self.alias } else { outer.alias.clone() },
            index: self.index.or_else(|| outer.index.clone()),
            error_pages: if self.error_pages.is_empty() { outer.error_pages.clone() } else { self.error_pages },
            headers,
            inherit,
            more: outer.more.iter().chain(&self.more).cloned().collect(),
            expires: self.expires.or_else(|| outer.expires.clone()),
            access: self.access.over(&outer.access),
            referers: self.referers.over(&outer.referers),
            proxy: self.proxy.over(&outer.proxy, kept),
            handler: if kept { outer.handler.clone() } else { self.handler },
            passes_on: self.passes_on,
            notes: outer.notes.iter().chain(&self.notes).cloned().collect(),
            made: OnceCell::new(),
            inside: OnceCell::new(),
        }
    }

    /// What is in force in a block of its own that says nothing: made once for all of them, since a list of redirects
    /// has thousands.
    pub fn inside(&self) -> Self {
        let made = self.inside.get_or_init(|| Rc::new(Self::default().over(self, false)));
        made.settings();
        Self::clone(made)
    }

    /// As settings of a scope.
    pub fn settings(&self) -> Shared<Settings> {
        self.made.get_or_init(|| Shared::new(self.make())).clone()
    }

    fn make(&self) -> Settings {
        let own = |on: Option<bool>| on == Some(true);
        let self_url = SelfUrl {
            host: if own(self.own_name) { SelfHost::ServerName } else { SelfHost::Request },
            port: if self.port == Some(false) { SelfPort::Never } else { SelfPort::Local },
            scheme: None,
        };
        let expires = self.expires.iter().flatten();
        Settings {
            self_url: Some(self_url),
            absolute: Some(self.absolute != Some(false)),
            merge_slashes: self.merge_slashes,
            root: self.root.clone(),
            alias: self.alias.clone(),
            index: self.index.clone(),
            listing: self.listing,
            error_pages: Listed { items: self.error_pages.clone(), ..Listed::default() },
            recursive_error_pages: self.recursive,
            headers: Listed {
                items: self.more.iter().chain(expires).chain(&self.headers).cloned().collect(),
                ..Listed::default()
            },
            access: self.access.access(),
            real_address: self.access.real_address(),
            secure_link: self.access.secure_link(),
            referers: self.referers.referers(),
            handler: self.handler(),
            msie_refresh: self.msie_refresh,
            ..Settings::default()
        }
    }

    /// What is said about referers.
    pub fn referers(&self) -> &RefererRules {
        &self.referers
    }

    fn handler(&self) -> Option<Handler> {
        match self.handler.clone()? {
            Handler::Dynamic(name) if *name == *b"proxy_pass" => self.proxy.proxy().map(Handler::Proxy),
            handler => Some(handler),
        }
    }

    /// Unmodelled directives in force.
    pub fn notes(&self) -> Vec<Note> {
        self.notes.clone()
    }
}

/// The value of a directive that is `on` or `off`.
pub fn flag(node: Node) -> Option<bool> {
    Some(node.arg(0)?.eq_ignore_ascii_case(b"on"))
}

/// Whether an upstream is port 1 of this machine, where nothing ever listens: the usual way to write a dead end.
fn leads_nowhere(upstream: &[u8]) -> bool {
    let address = upstream.strip_prefix(b"http://").or_else(|| upstream.strip_prefix(b"https://")).unwrap_or(upstream);
    let rest = [&b"127.0.0.1:1"[..], b"localhost:1", b"[::1]:1"].iter().find_map(|dead| address.strip_prefix(*dead));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// Names of directives that hand the request on, and make a location redirect its own name.
const PASSES: &[&[u8]] =
    &[b"proxy_pass", b"fastcgi_pass", b"uwsgi_pass", b"scgi_pass", b"grpc_pass", b"memcached_pass"];

/// Directives of modules that answer with content in a way that is not modelled.
const OPAQUE: &[&[u8]] = &[
    b"content_by_lua",
    b"content_by_lua_block",
    b"content_by_lua_file",
    b"js_content",
    b"perl",
    b"echo",
    b"passenger_enabled",
    b"random_index",
    b"dav_methods",
    b"image_filter",
];

impl Context {
    /// Reads one directive into a level; `false` where it is none of these. `name`: how many bytes the location's name has
    /// (for `alias`), `None` for patterns.
    pub fn setting(&mut self, level: &mut Level, node: Node, name: Option<&[u8]>) -> bool {
        let own_name = name.filter(|_| node.context == super::load::Context::Location);
        if self.access_rule(&mut level.access, node) {
            return true;
        }
        let proxy_rule = self.proxy_rule(&mut level.proxy, node, own_name);
        match node.name() {
            b"absolute_redirect" => level.absolute = flag(node),
            b"server_name_in_redirect" => level.own_name = flag(node),
            b"port_in_redirect" => level.port = flag(node),
            b"merge_slashes" => level.merge_slashes = flag(node),
            b"msie_refresh" => level.msie_refresh = flag(node),
            b"recursive_error_pages" => level.recursive = flag(node),
            b"autoindex" => level.listing = flag(node),
            b"root" | b"alias" => self.root(level, node, name),
            b"index" => {
                let names = (0..node.words().len()).filter_map(|at| Some((node.arg(at)?, node.arg_span(at))));
                if let Some(at) = node.args().position(<[u8]>::is_empty) {
                    let first = String::from_utf8_lossy(node.arg(0).unwrap_or_default()).into_owned();
                    self.refuse(node.arg_span(at), format!("index \"{first}\" in \"index\" directive is invalid"));
                }
                let names: Vec<Template> = names.map(|(text, span)| self.template(text, Captures::Raw, span)).collect();
                level.index.get_or_insert_default().extend(names);
            }
            b"error_page" => self.error_page(level, node),
            b"add_header" => self.add_header(level, node),
            b"add_header_inherit" => {
                level.inherit = match node.arg(0) {
                    Some(b"off") => Some(HeaderInherit::Off),
                    Some(b"merge") => Some(HeaderInherit::Merge),
                    _ => Some(HeaderInherit::On),
                }
            }
            b"more_set_headers" | b"more_clear_headers" => self.more_headers(level, node),
            b"expires" => self.expires(level, node),
            b"valid_referers" => self.valid_referers(&mut level.referers, node),
            b"stub_status" | b"empty_gif" => level.handler = Some(Handler::Fixed(200)),
            name if PASSES.contains(&name) => {
                level.handler = Some(match node.arg(0).is_some_and(leads_nowhere) {
                    true => Handler::Fixed(502),
                    false => Handler::Dynamic(name.into()),
                });
                level.passes_on = true;
            }
            name if OPAQUE.contains(&name) => {
                self.note(node, Effect::May, "what it answers is not known");
                level.handler = Some(Handler::Opaque(name.into()));
            }
            _ => return proxy_rule,
        }
        true
    }

    fn root(&mut self, level: &mut Level, node: Node, name: Option<&[u8]>) {
        let Some(text) = node.arg(0) else { return };
        let is_alias = node.name() == b"alias";
        let other = if level.alias.is_some() { "alias" } else { "root" };
        if level.root.is_some() || level.alias.is_some() {
            let own = if is_alias { "alias" } else { "root" };
            let message = match own == other {
                true => format!("\"{own}\" directive is duplicate"),
                false => format!("\"{own}\" directive is duplicate, \"{other}\" directive was specified earlier"),
            };
            return self.refuse(node.head(), message);
        }
        for name in ["document_root", "realpath_root"] {
            let own = if is_alias { "alias" } else { "root" };
            let mentions = [format!("${name}"), format!("${{{name}}}")];
            if mentions.iter().any(|mention| memchr::memmem::find(text, mention.as_bytes()).is_some()) {
                let message = format!("the ${name} variable cannot be used in the \"{own}\" directive");
                return self.refuse(node.arg_span(0), message);
            }
        }
        let trimmed = if is_alias { text } else { text.strip_suffix(b"/").unwrap_or(text) };
        let to = self.template(trimmed, Captures::Raw, node.arg_span(0));
        if is_alias {
            level.alias = Some(AliasTo { to, name: name.map(<[u8]>::len) });
        } else {
            level.root = Some(to);
        }
    }

    fn error_page(&mut self, level: &mut Level, node: Node) {
        let count = node.words().len();
        let Some(target) = count.checked_sub(1).and_then(|last| node.arg(last)) else { return };
        if let (Some(word @ [b'=', ..]), 2) = (node.arg(0), count) {
            let shown = String::from_utf8_lossy(word);
            return self.refuse(node.arg_span(0), format!("invalid value \"{shown}\""));
        }
        let mut codes = count - 1;
        let mut status = ErrorStatus::Original;
        if let Some(word) = codes.checked_sub(1).and_then(|at| node.arg(at))
            && let Some(given) = word.strip_prefix(b"=")
        {
            codes -= 1;
            let number = std::str::from_utf8(given).ok().and_then(|text| text.parse::<u16>().ok());
            status = match (given, number) {
                (b"", _) => ErrorStatus::Target,
                (_, Some(number)) => ErrorStatus::Fixed(number),
                _ => {
                    let shown = String::from_utf8_lossy(word);
                    return self.refuse(node.arg_span(codes), format!("invalid value \"{shown}\""));
                }
            };
        }
        let text = self.template(target, Captures::Raw, node.arg_span(count - 1));
        let made = match target.first() {
            Some(b'/') => ErrorTarget::Path(text),
            Some(b'@') if super::rewrite::is_fixed(&text) => ErrorTarget::Named(target.into()),
            _ => ErrorTarget::Url(text),
        };
        for at in 0..codes {
            let Some(word) = node.arg(at) else { continue };
            let shown = String::from_utf8_lossy(word).into_owned();
            let Some(code) = shown.parse::<u16>().ok() else {
                return self.refuse(node.arg_span(at), format!("invalid value \"{shown}\""));
            };
            if !(300..=599).contains(&code) || code == 499 {
                let message = match code {
                    499 => "invalid value \"499\"".to_owned(),
                    _ => format!("value \"{shown}\" must be between 300 and 599"),
                };
                return self.refuse(node.arg_span(at), message);
            }
            // 494 to 497 are sent as 400 where no status is named.
            let status = match (status, code) {
                (ErrorStatus::Original, 494..=497) => ErrorStatus::Fixed(400),
                (status, _) => status,
            };
            let page = ErrorPage { span: node.head(), code, target: made.clone(), status };
            level.error_pages.push(Arc::new(page));
        }
    }
}
