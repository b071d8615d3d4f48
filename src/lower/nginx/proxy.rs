//! `proxy_pass` and what goes with it, and `upstream`.

use super::context::Context;
use super::load::Node;
use super::settings::flag;
use super::variables::Captures;
use crate::ir::Bytes;
use crate::ir::proxy::{LocationChange, LocationPattern, Proxy, Upstream};
use crate::ir::template::Template;
use crate::source::Span;
use std::sync::Arc;

/// Headers of the other server that are not passed on unless `proxy_pass_header` says so.
const HIDDEN: [&[u8]; 8] = [
    b"date",
    b"server",
    b"x-pad",
    b"x-accel-expires",
    b"x-accel-redirect",
    b"x-accel-limit-rate",
    b"x-accel-buffering",
    b"x-accel-charset",
];

/// A `proxy_pass`.
#[derive(Clone, Debug)]
struct Pass {
    span: Span,
    to: Template,
    computed: bool,
    name: usize,
    /// The version that is spoken where none is named.
    speaks: &'static [u8],
}

/// What one block says about handing on, or what is in force in it.
#[derive(Clone, Debug, Default)]
pub struct ProxyRules {
    /// Inherited by `if` and `limit_except` only.
    pass: Option<Pass>,
    /// How the other server's redirects to itself are changed unless the block says otherwise.
    own_change: Option<Arc<LocationChange>>,
    headers: Vec<(Bytes, Template)>,
    changes: Vec<Arc<LocationChange>>,
    changes_on: Option<bool>,
    method: Option<Template>,
    version: Option<Bytes>,
    passes_headers: Option<bool>,
    intercepts: Option<bool>,
    accelerates: Option<bool>,
    hidden: Vec<Bytes>,
    shown: Vec<Bytes>,
}

impl ProxyRules {
    /// These rules laid over those of the outer block; `keeps`: what is handed on there is handed on here.
    pub fn over(self, outer: &Self, keeps: bool) -> Self {
        fn list<T: Clone>(own: Vec<T>, outer: &[T]) -> Vec<T> {
            if own.is_empty() { outer.to_vec() } else { own }
        }
        let changes_on = self.changes_on.or(outer.changes_on);
        let changes = match changes_on {
            Some(false) => self.changes,
            _ => list(list(self.changes, &outer.changes), &Vec::from_iter(self.own_change)),
        };
        Self {
            pass: if keeps { outer.pass.clone() } else { self.pass },
            own_change: None,
            headers: list(self.headers, &outer.headers),
            changes,
            changes_on,
            method: self.method.or_else(|| outer.method.clone()),
            version: self.version.or_else(|| outer.version.clone()),
            passes_headers: self.passes_headers.or(outer.passes_headers),
            intercepts: self.intercepts.or(outer.intercepts),
            accelerates: self.accelerates.or(outer.accelerates),
            hidden: list(self.hidden, &outer.hidden),
            shown: list(self.shown, &outer.shown),
        }
    }

    /// How requests are handed on, where `proxy_pass` says so.
    pub fn proxy(&self) -> Option<Arc<Proxy>> {
        let Pass { span, to, computed, name, speaks } = self.pass.clone()?;
        let is_shown = |name: &Bytes| self.shown.contains(name);
        let names_it = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"connection"));
        let close = (b"Connection"[..].into(), Template::literal(&b"close"[..]));
        let headers = self.headers.iter().cloned().chain((speaks == b"1.0" && !names_it).then_some(close)).collect();
        let hidden = HIDDEN.iter().map(|&name| name.into()).chain(self.hidden.iter().cloned());
        Some(Arc::new(Proxy {
            span,
            to,
            computed,
            name,
            whole: true,
            method: self.method.clone(),
            version: self.version.clone().unwrap_or_else(|| speaks.into()),
            headers,
            passes_headers: self.passes_headers != Some(false),
            locations: self.changes.clone(),
            own_urls: false,
            intercepts: self.intercepts == Some(true),
            accelerates: self.accelerates != Some(false),
            hidden: hidden.filter(|name| !is_shown(name)).collect(),
        }))
    }
}

impl Context {
    /// Reads one directive about handing on; `false` where it is none. `name`: the location's, where it has one whose
    /// place a path in the URL can take.
    pub fn proxy_rule(&mut self, rules: &mut ProxyRules, node: Node, name: Option<&[u8]>) -> bool {
        let lower = |at: usize| node.arg(at).unwrap_or_default().to_ascii_lowercase().into();
        match node.name() {
            b"proxy_pass" => self.proxy_pass(rules, node, name),
            b"proxy_redirect" => self.proxy_redirect(rules, node),
            b"proxy_set_header" => {
                let value = self.template(node.arg(1).unwrap_or_default(), Captures::Raw, node.arg_span(1));
                rules.headers.push((node.arg(0).unwrap_or_default().into(), value));
            }
            b"proxy_method" => {
                rules.method = node.arg(0).map(|text| self.template(text, Captures::Raw, node.arg_span(0)));
            }
            b"proxy_http_version" => rules.version = node.arg(0).map(Into::into),
            b"proxy_pass_request_headers" => rules.passes_headers = flag(node),
            b"proxy_intercept_errors" => rules.intercepts = flag(node),
            b"proxy_ignore_headers" => rules.accelerates = Some(!node.args().any(|word| word == b"X-Accel-Redirect")),
            b"proxy_hide_header" => rules.hidden.push(lower(0)),
            b"proxy_pass_header" => rules.shown.push(lower(0)),
            _ => return false,
        }
        true
    }

    fn proxy_pass(&mut self, rules: &mut ProxyRules, node: Node, name: Option<&[u8]>) {
        let Some(url) = node.arg(0) else { return };
        let computed = url.contains(&b'$');
        let has_path = path_of(url).is_some_and(|path| !path.is_empty());
        if has_path && name.is_none() && !computed {
            let message = "\"proxy_pass\" cannot have URI part in location given by regular expression, or inside \
                           named location, or inside \"if\" statement, or inside \"limit_except\" block";
            self.refuse(node.arg_span(0), message);
        }
        if !computed && let Err(why) = check_url(url) {
            return self.refuse(node.arg_span(0), why);
        }
        let to = self.template(url, Captures::Raw, node.arg_span(0));
        let name = name.unwrap_or_default();
        if !computed {
            let (from, to) = match has_path {
                true => (url.to_vec(), name.to_vec()),
                false => ([url, b"/"].concat(), b"/".to_vec()),
            };
            let from = LocationPattern::Beginning(Template::literal(from));
            rules.own_change = Some(Arc::new(LocationChange { from, to: Template::literal(to) }));
        }
        let speaks: &[u8] = if self.since(1, 29, 7) { b"1.1" } else { b"1.0" };
        rules.pass = Some(Pass { span: node.head(), to, computed, name: name.len(), speaks });
    }

    fn proxy_redirect(&mut self, rules: &mut ProxyRules, node: Node) {
        if rules.changes_on == Some(false) {
            return self.refuse(node.head(), "\"proxy_redirect\" directive is duplicate");
        }
        rules.changes_on = Some(true);
        match (node.arg(0).unwrap_or_default(), node.arg(1)) {
            (b"off", None) if rules.changes.is_empty() => rules.changes_on = Some(false),
            (b"off", None) => self.refuse(node.head(), "\"proxy_redirect\" directive is duplicate"),
            (b"default", None) => match rules.own_change.clone() {
                Some(change) => rules.changes.push(change),
                None if rules.pass.is_some() => {
                    let message =
                        "\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables";
                    self.refuse(node.head(), message);
                }
                None => {
                    let message = "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive";
                    self.refuse(node.head(), message);
                }
            },
            (other, None) => {
                let shown = String::from_utf8_lossy(other);
                self.refuse(node.arg_span(0), format!("invalid parameter \"{shown}\""));
            }
            (from, Some(to)) => {
                let from = self.location_pattern(from, node.arg_span(0));
                let to = self.template(to, Captures::Raw, node.arg_span(1));
                rules.changes.push(Arc::new(LocationChange { from, to }));
            }
        }
    }

    fn location_pattern(&mut self, text: &[u8], span: Span) -> LocationPattern {
        let Some(pattern) = text.strip_prefix(b"~") else {
            return LocationPattern::Beginning(self.template(text, Captures::Raw, span));
        };
        let (pattern, caseless) = match pattern.strip_prefix(b"*") {
            Some(pattern) => (pattern, true),
            None => (pattern, false),
        };
        let (regex, named) = self.regex(pattern, caseless, span);
        LocationPattern::Regex(Box::new(regex), named)
    }

    /// `upstream`: its servers in the order in which they are asked first; those that are down or a reserve are not.
    pub fn upstream(&mut self, node: Node) {
        let weight = |server: &Node| {
            let words = server.args().filter_map(|word| word.strip_prefix(b"weight="));
            words.filter_map(|digits| std::str::from_utf8(digits).ok()?.parse::<u32>().ok()).last().unwrap_or(1)
        };
        let in_use = |server: &Node| {
            server.name() == b"server" && !server.args().any(|word| matches!(word, b"down" | b"backup"))
        };
        let mut servers: Vec<Node> = node.children().filter(in_use).collect();
        servers.sort_by_key(|server| std::cmp::Reverse(weight(server)));
        let peers = servers.iter().filter_map(|server| server.arg(0)).map(|text| text.to_ascii_lowercase().into());
        let name = node.arg(0).unwrap_or_default().to_ascii_lowercase().into();
        self.program.upstreams.push(Upstream { name, peers: peers.collect() });
    }
}

/// What is wrong with a URL that requests are handed on to (`ngx_parse_url`).
fn check_url(url: &[u8]) -> Result<(), String> {
    let path = path_of(url).ok_or("invalid URL prefix")?;
    let length = if url.get(4) == Some(&b':') { 7 } else { 8 };
    let peer = url.get(length..url.len() - path.len()).unwrap_or_default();
    let shown = String::from_utf8_lossy(url.get(length..).unwrap_or_default());
    let wrong = |what: &str| Err(format!("{what} in upstream \"{shown}\""));
    if peer.starts_with(b"unix:") || peer.starts_with(b"[") {
        return Ok(());
    }
    match memchr::memchr(b':', peer).and_then(|at| peer.split_at_checked(at)) {
        Some((_, digits)) => {
            let number =
                std::str::from_utf8(digits.get(1..).unwrap_or_default()).ok().and_then(|text| text.parse().ok());
            if number.is_none_or(|number: u16| number == 0) {
                return wrong("invalid port");
            }
        }
        None if peer.is_empty() => return wrong("no host"),
        None => {}
    }
    if peer.starts_with(b":") { wrong("no host") } else { Ok(()) }
}

/// What follows host and port in a URL of the two schemes that can be handed on to.
fn path_of(url: &[u8]) -> Option<&[u8]> {
    let scheme = |name: &[u8]| url.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let length = if scheme(b"http://") { 7 } else { 8 };
    let rest = url.get(length..).filter(|_| length == 7 || scheme(b"https://"))?;
    let end = match rest.strip_prefix(b"unix:") {
        Some(path) => memchr::memchr(b':', path).map(|at| at + 6),
        None => memchr::memchr2(b'/', b'?', rest),
    };
    rest.get(end.unwrap_or(rest.len())..)
}
