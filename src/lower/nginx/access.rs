//! Who may come in, and whose word is believed: `allow`, `deny`, `satisfy`, `auth_basic`, `auth_request`, the
//! client's address behind proxies, signed links.

use super::context::Context;
use super::load::Node;
use super::tables::network;
use super::variables::Captures;
use crate::ir::access::{Access, Clients, Login, NetworkRule, RealAddress, SecureLink, SubRequest};
use crate::ir::template::Template;
use crate::ir::{Bytes, Effect, VarId};
use crate::source::Span;
use std::sync::Arc;

/// What one block says about access, or what is in force in it.
#[derive(Clone, Debug, Default)]
pub struct AccessRules {
    networks: Vec<NetworkRule>,
    realm: Option<(Span, Template)>,
    users: Option<Template>,
    request: Option<Option<(Span, Bytes)>>,
    sets: Vec<(VarId, Template)>,
    /// A module that is not modelled decides.
    other: Option<Option<(Span, String)>>,
    any: Option<bool>,
    trusted: Vec<Clients>,
    address_header: Option<Bytes>,
    recursive: Option<bool>,
    link: Link,
}

/// The directives of `ngx_http_secure_link_module`.
#[derive(Clone, Debug, Default)]
struct Link {
    given: Option<Template>,
    made_of: Option<Template>,
    secret: Option<Bytes>,
}

impl AccessRules {
    /// These rules laid over those of the outer block.
    pub fn over(self, outer: &Self) -> Self {
        fn list<T: Clone>(own: Vec<T>, outer: &[T]) -> Vec<T> {
            if own.is_empty() { outer.to_vec() } else { own }
        }
        Self {
            networks: list(self.networks, &outer.networks),
            realm: self.realm.or_else(|| outer.realm.clone()),
            users: self.users.or_else(|| outer.users.clone()),
            request: self.request.or_else(|| outer.request.clone()),
            sets: list(self.sets, &outer.sets),
            other: self.other.or_else(|| outer.other.clone()),
            any: self.any.or(outer.any),
            trusted: list(self.trusted, &outer.trusted),
            address_header: self.address_header.or_else(|| outer.address_header.clone()),
            recursive: self.recursive.or(outer.recursive),
            link: self.link.over(&outer.link),
        }
    }

    /// All rules in the order in which they are asked.
    pub fn access(&self) -> Option<Access> {
        let mut all = Vec::new();
        if !self.networks.is_empty() {
            all.push(Access::Networks(self.networks.clone().into()));
        }
        if let Some((span, realm)) = self.realm.clone().filter(|(_, realm)| realm.as_literal() != Some(b"off")) {
            all.push(Access::Login(Arc::new(Login { span, realm, file: self.users.clone() })));
        }
        if let Some(Some((span, path))) = self.request.clone() {
            all.push(Access::SubRequest(Arc::new(SubRequest { span, path, sets: self.sets.clone() })));
        }
        if let Some(Some((span, what))) = self.other.clone() {
            all.push(Access::Unknown(what, span));
        }
        match all.len() {
            0 | 1 => all.pop(),
            _ if self.any == Some(true) => Some(Access::Any(all)),
            _ => Some(Access::Each(all)),
        }
    }

    /// Whose word on the client's address counts.
    pub fn real_address(&self) -> Option<Arc<RealAddress>> {
        let header = self.address_header.clone().unwrap_or_else(|| b"x-real-ip"[..].into());
        let (trusted, recursive) = (self.trusted.clone(), self.recursive == Some(true));
        (!trusted.is_empty()).then(|| Arc::new(RealAddress { trusted, header, recursive }))
    }

    /// How signed links are checked.
    pub fn secure_link(&self) -> Option<Arc<SecureLink>> {
        match (self.link.secret.clone(), self.link.given.clone(), self.link.made_of.clone()) {
            (Some(secret), ..) => Some(Arc::new(SecureLink::Secret(secret))),
            (None, Some(given), Some(made_of)) => Some(Arc::new(SecureLink::Sum { given, made_of })),
            _ => None,
        }
    }
}

impl Link {
    /// A secret of its own stands alone; one of the outer block counts where this one says nothing.
    fn over(self, outer: &Self) -> Self {
        if self.secret.is_some() {
            return self;
        }
        let given = self.given.or_else(|| outer.given.clone());
        let made_of = self.made_of.or_else(|| outer.made_of.clone());
        let secret = outer.secret.clone().filter(|_| given.is_none() && made_of.is_none());
        Self { given, made_of, secret }
    }
}

impl Context {
    /// Reads one directive about access; `false` where it is none.
    pub fn access_rule(&mut self, rules: &mut AccessRules, node: Node) -> bool {
        let mut text = |at: usize| self.template(node.arg(at).unwrap_or_default(), Captures::Raw, node.arg_span(at));
        match node.name() {
            b"allow" | b"deny" => {
                let allow = node.name() == b"allow";
                let clients = self.clients(node, 0);
                rules.networks.extend(clients.map(|clients| NetworkRule { span: node.head(), clients, allow }));
            }
            b"satisfy" => {
                if !matches!(node.arg(0), Some(b"any" | b"all")) {
                    let shown = String::from_utf8_lossy(node.arg(0).unwrap_or_default()).into_owned();
                    self.refuse(node.arg_span(0), format!("invalid value \"{shown}\""));
                }
                rules.any = Some(node.arg(0) == Some(b"any"));
            }
            b"auth_basic" => rules.realm = Some((node.head(), text(0))),
            b"auth_basic_user_file" => rules.users = Some(text(0)),
            b"auth_request" => {
                let path = node.arg(0).unwrap_or_default();
                rules.request = Some((path != b"off").then(|| (node.head(), path.into())));
            }
            b"auth_request_set" => self.auth_request_set(rules, node),
            b"auth_jwt" | b"access_by_lua" | b"access_by_lua_block" | b"access_by_lua_file" => {
                self.note(node, Effect::May, "whether it lets a request in is not known");
                let what = format!("`{}`", String::from_utf8_lossy(node.name()));
                rules.other = Some((node.arg(0) != Some(b"off")).then(|| (node.head(), what)));
            }
            b"set_real_ip_from" => rules.trusted.extend(self.clients(node, 0)),
            b"real_ip_header" => rules.address_header = node.arg(0).map(|name| name.to_ascii_lowercase().into()),
            b"real_ip_recursive" => rules.recursive = super::settings::flag(node),
            b"secure_link" => rules.link.given = Some(text(0)),
            b"secure_link_md5" => rules.link.made_of = Some(text(0)),
            b"secure_link_secret" => rules.link.secret = node.arg(0).map(Into::into),
            _ => return false,
        }
        true
    }

    fn auth_request_set(&mut self, rules: &mut AccessRules, node: Node) {
        let Some(name) = node.arg(0).and_then(|name| name.strip_prefix(b"$")) else {
            let shown = String::from_utf8_lossy(node.arg(0).unwrap_or_default()).into_owned();
            return self.refuse(node.arg_span(0), format!("invalid variable name \"{shown}\""));
        };
        let value = self.template(node.arg(1).unwrap_or_default(), Captures::Raw, node.arg_span(1));
        match self.variables.define(name, node.arg_span(0)) {
            Ok(variable) => rules.sets.push((variable, value)),
            Err(message) => self.refuse(node.arg_span(0), message),
        }
    }

    /// The clients that an address, a network, `all` or `unix:` stands for.
    fn clients(&mut self, node: Node, at: usize) -> Option<Clients> {
        let text = node.arg(at)?;
        let behind = node.name() == b"set_real_ip_from";
        let clients = match text {
            b"all" if !behind => Some(Clients::Everyone),
            b"unix:" => Some(Clients::Sockets),
            text => network(text).map(|(first, last)| Clients::Network(first, last)),
        };
        let shown = String::from_utf8_lossy(text);
        match clients {
            Some(_) => {}
            None if behind && text == b"all" => {
                self.refuse(node.arg_span(at), format!("host not found in set_real_ip_from \"{shown}\""));
            }
            // A host's name is looked up when the server starts; what it stands for is not known here.
            None if behind && text.iter().any(u8::is_ascii_alphabetic) => {}
            None => self.refuse(node.arg_span(at), format!("invalid parameter \"{shown}\"")),
        }
        clients
    }
}
