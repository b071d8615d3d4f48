//! Plain and encrypted entrances of every site, and the Strict-Transport-Security policies a configuration states.
//!
//! Facts for the rules about HSTS and https; which of them is a defect is theirs to say.

use super::hsts;
use super::propose::{connections, host_of};
use super::witness::Proof;
use super::{Facts, guard};
use crate::eval::Request;
use crate::ir::scope::{HeaderAction, HeaderRule, Scope};
use crate::ir::site::{Site, SiteName};
use crate::ir::table::TableKind;
use crate::ir::template::{Origin, Part, Template};
use crate::ir::{ScopeId, SiteId, TableId};
use crate::lower::Dialect;
use crate::source::Span;
use crate::syntax::Item;
use rustc_hash::FxHashSet;

/// `GET /` at one door of a site, with the answer.
#[derive(Clone, Debug)]
pub struct Entrance {
    /// The site whose door it is.
    pub site: SiteId,
    /// The name asked for, lower case.
    pub host: Vec<u8>,
    /// The request and its answer.
    pub proof: Proof,
}

/// A value a policy can have, as text, and where it stands.
#[derive(Clone, Debug)]
pub struct Stated<'a> {
    /// The directive that sends it.
    pub rule: &'a HeaderRule,
    /// The value.
    pub text: Vec<u8>,
    /// The word of the directive, or the line of the table the value comes from.
    pub span: Span,
}

/// Redirects and locations asked for a value.
const MAX_ASKED: usize = 64;
/// Names of a site at which its doors are tried.
const MAX_NAMES: usize = 8;

/// `GET /` at every door of every site, under each of its names.
pub(super) fn entrances(facts: &Facts<'_>) -> Vec<Entrance> {
    let mut out = Vec::new();
    for (at, site) in facts.program.sites.iter().enumerate() {
        let id = SiteId(at as u32);
        if !has_door(facts, id) {
            continue;
        }
        for host in names(facts, site) {
            for draft in connections(facts, id) {
                let request = draft.with_host(&host).request();
                let answer = facts.answer(&request);
                out.push(Entrance { site: id, host: host.to_ascii_lowercase(), proof: Proof { request, answer } });
            }
        }
    }
    out
}

/// Whether some listener leads to the site, as far as that can be seen.
fn has_door(facts: &Facts<'_>, id: SiteId) -> bool {
    let listeners = &facts.program.listeners;
    let leads = |listener: &crate::ir::site::Listener| listener.default == id || listener.sites.contains(&id);
    facts.program.fragment || listeners.is_empty() || listeners.iter().any(leads)
}

/// The host the user names, else the site's name and the others that are written out.
fn names(facts: &Facts<'_>, site: &Site) -> Vec<Vec<u8>> {
    if let Some(host) = &facts.options.host {
        return vec![host.as_bytes().to_vec()];
    }
    let first = host_of(site);
    let others = site.names.iter().filter_map(|name| match name {
        SiteName::Exact(name) if name.contains(&b'.') && !name.eq_ignore_ascii_case(&first) => Some(name.to_vec()),
        _ => None,
    });
    let others: Vec<_> = others.take(MAX_NAMES - 1).collect();
    std::iter::once(first).chain(others).collect()
}

impl<'a> Facts<'a> {
    /// The directives that say something of the header, once each, in the order of the text.
    pub fn sts_rules(&self) -> Vec<&'a HeaderRule> {
        let mut seen = FxHashSet::default();
        let mut out: Vec<&'a HeaderRule> = Vec::new();
        for scope in &self.program.scopes {
            out.extend(sts_of(scope).filter(|rule| seen.insert(rule.span)));
        }
        out.sort_by_key(|rule| rule.span);
        out
    }

    /// Every value that those directives can send and that stands in the configuration.
    pub fn sts_values(&self) -> Vec<Stated<'a>> {
        let mut out = Vec::new();
        for rule in self.sts_rules().into_iter().filter(|rule| sends(rule)) {
            let word = self.value_word(rule).unwrap_or(rule.span);
            match (rule.value.as_literal(), self.table_of(&rule.value)) {
                (Some(text), _) => out.push(Stated { rule, text: text.to_vec(), span: word }),
                (None, Some(table)) => {
                    let values = self.table_values(table);
                    out.extend(values.into_iter().map(|(text, span)| Stated { rule, text, span }));
                }
                _ => {}
            }
        }
        out.retain(|stated| !stated.text.is_empty());
        out
    }

    /// The word in which a header directive's value stands.
    pub fn value_word(&self, rule: &HeaderRule) -> Option<Span> {
        let directive = self.directive(rule.span)?;
        let named = |word: &'a crate::syntax::Word| {
            let text = self.word(word);
            text.strip_suffix(b":").unwrap_or(text).eq_ignore_ascii_case(&rule.name)
        };
        let at = directive.args.iter().position(named)?;
        directive.args.get(at + 1).map(|word| word.span)
    }

    /// An encrypted answer that carries this value: at the door, of a redirect, or inside a location.
    pub fn sts_proof(&self, value: &[u8]) -> Option<Proof> {
        let shows = |proof: &&Proof| proof.request.encrypted && hsts::values_in(&proof.answer).contains(&value);
        let doors = self.entrances().iter().map(|entrance| &entrance.proof);
        let redirects = self.routes().redirects().take(MAX_ASKED).flat_map(|route| self.proofs(route));
        doors.chain(redirects).find(shows).cloned().or_else(|| self.inside_locations().find(|proof| shows(&proof)))
    }

    /// Encrypted answers of the locations of every site.
    fn inside_locations(&self) -> impl Iterator<Item = Proof> {
        let sites = (0..self.program.sites.len()).map(|at| SiteId(at as u32));
        let asked = sites.flat_map(move |site| {
            let paths =
                self.routes().places(site).filter_map(|pattern| pattern.language()?.samples(1).into_iter().next());
            let paths: Vec<_> = paths.take(MAX_ASKED).collect();
            let doors = connections(self, site).into_iter().filter(|draft| draft.request().encrypted);
            doors.flat_map(move |draft| {
                paths.clone().into_iter().map(move |path| draft.clone().with_path(&path).request())
            })
        });
        asked.map(|request| Proof { answer: self.answer(&request), request })
    }

    /// The scopes a request to the site can come to, with the site's own.
    pub fn site_scopes(&self, id: SiteId) -> Vec<(ScopeId, &'a Scope)> {
        let own = self.program.sites.get(id.0 as usize).map(|site| site.scope);
        let mut all: Vec<ScopeId> = self.routes().scopes_of(id).chain(own).collect();
        all.sort();
        all.dedup();
        all.into_iter().filter_map(|id| Some((id, self.program.scopes.get(id.0 as usize)?))).collect()
    }

    /// Whether something of the site sends the header.
    pub fn site_sends_sts(&self, id: SiteId) -> bool {
        self.site_scopes(id).iter().any(|(_, scope)| sts_of(scope).any(sends))
    }

    /// The sites that name the host; not one that merely answers because no other does.
    pub fn sites_named(&self, host: &[u8]) -> impl Iterator<Item = SiteId> {
        let named = move |name: &SiteName| matches!(name, SiteName::Exact(text) if text.eq_ignore_ascii_case(host));
        let own = move |site: &Site| !host.is_empty() && site.own.host.eq_ignore_ascii_case(host);
        let all = self.program.sites.iter().enumerate();
        all.filter(move |(_, site)| site.names.iter().any(named) || own(site)).map(|(at, _)| SiteId(at as u32))
    }

    /// Whether connections to the site can be encrypted, and the configuration says so: a server of a fragment
    /// without a `listen` is taken to answer both ways, which is no statement about TLS.
    pub fn encrypted(&self, id: SiteId) -> bool {
        self.states_listeners(id)
            && self.program.listeners.iter().any(|listener| listener.encrypted && listener.sites.contains(&id))
    }

    /// Whether the configuration says where the site listens: a server of nginx by `listen`, one of Apache by its
    /// block. A folder's own file speaks for whatever its server listens at.
    pub fn states_listeners(&self, id: SiteId) -> bool {
        match self.options.dialect {
            Dialect::Htaccess => return true,
            Dialect::Apache => return !self.is_piece(),
            Dialect::Nginx if !self.program.fragment => return true,
            Dialect::Nginx => {}
        }
        let span = self.program.sites.get(id.0 as usize).and_then(|site| site.span);
        let block = span.and_then(|span| self.directive(span)).and_then(|directive| directive.block.as_ref());
        block.is_none_or(|block| {
            block.items.iter().any(|item| match item {
                Item::Directive(inner) => matches!(&*self.words(inner).0, "listen"),
                _ => false,
            })
        })
    }

    /// Whether the name is the user's own: a site carries it, or the user says so.
    pub fn own_host(&self, host: &[u8]) -> bool {
        let said = self.knobs.own_hosts().any(|one| one.as_bytes().eq_ignore_ascii_case(host));
        let asked = self.options.host.as_ref().is_some_and(|one| one.as_bytes().eq_ignore_ascii_case(host));
        said || asked || self.sites_named(host).next().is_some()
    }

    fn table_of(&self, value: &Template) -> Option<TableId> {
        match value.parts.as_slice() {
            [Part::Lookup { table, .. }] => Some(*table),
            [Part::Variable(variable)] => match self.program.variables.get(variable.0 as usize)?.origin {
                Origin::Table(table) => Some(table),
                _ => None,
            },
            _ => None,
        }
    }

    fn table_values(&self, id: TableId) -> Vec<(Vec<u8>, Span)> {
        let Some(table) = self.program.tables.get(id.0 as usize) else { return Vec::new() };
        let TableKind::Map(map) = &table.kind else { return Vec::new() };
        let exact = map.exact.values().chain(map.leading.iter().map(|(_, _, value)| value));
        let others = map.trailing.iter().map(|(_, value)| value).chain(map.patterns.iter().map(|(_, _, value)| value));
        let all = exact.chain(others).chain(&map.default);
        let mut out: Vec<_> =
            all.filter_map(|value| Some((value.value.as_literal()?.to_vec(), value.span))).take(64).collect();
        out.sort_by_key(|(_, span)| *span);
        out
    }

    /// Whether the header goes out only where a test holds, or its value is a table's, which may be empty.
    pub fn sts_depends(&self, rule: &HeaderRule) -> bool {
        rule.condition.is_some() || !guard::dimensions_of(&rule.value, self.program).is_empty()
    }
}

/// The directives of a scope that are about the header, in order.
pub fn sts_of(scope: &Scope) -> impl Iterator<Item = &HeaderRule> {
    let all = scope.settings.headers.items.iter().map(|rule| &**rule);
    all.filter(|rule| rule.name.eq_ignore_ascii_case(b"strict-transport-security"))
}

/// Whether the directive puts a header into answers.
pub fn sends(rule: &HeaderRule) -> bool {
    matches!(
        rule.action,
        HeaderAction::Set | HeaderAction::Add | HeaderAction::Append | HeaderAction::Merge | HeaderAction::SetIfEmpty
    )
}

/// A name that a client may remember a policy for: not an address, not a name of a private network.
pub fn public(host: &[u8]) -> bool {
    let digits = host.iter().all(|byte| byte.is_ascii_digit() || b".:[]".contains(byte));
    let private =
        [&b".local"[..], b".localhost", b".internal", b".test", b".lan"].iter().any(|end| host.ends_with(end));
    host.contains(&b'.') && !digits && !private
}

/// The scheme and the host that a `Location` leads to from this request; `None` where it is no http URL.
pub fn leads_to(request: &Request, location: &[u8]) -> Option<(bool, Vec<u8>)> {
    let base = crate::eval::follow::url_of(request);
    let base = url::Url::parse(std::str::from_utf8(&base).ok()?).ok()?;
    let next = base.join(&String::from_utf8_lossy(location)).ok()?;
    let encrypted = match next.scheme() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    Some((encrypted, next.host_str()?.as_bytes().to_vec()))
}

/// The name a request asks for, lower case, without its port.
pub fn host_asked(request: &Request) -> Vec<u8> {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let text = host.map(|(_, value)| value.to_ascii_lowercase()).unwrap_or_default();
    match text.iter().rposition(|&byte| byte == b':') {
        Some(at) if !text.ends_with(b"]") => text.get(..at).unwrap_or_default().to_vec(),
        _ => text,
    }
}

/// Whether a status is one that clients follow.
pub fn is_redirect(status: Option<u16>) -> bool {
    matches!(status, Some(301 | 302 | 303 | 307 | 308))
}
