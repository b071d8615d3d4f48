//! Server blocks: what they are called, and what is in them.

use super::context::Context;
use super::listen::Listen;
use super::load::Node;
use super::locations::{Parent, Place};
use super::settings::Level;
use crate::ir::choice::{Choice, Location, Locations};
use crate::ir::site::{OwnName, Site, SiteName};
use crate::ir::{Bytes, SiteId};
use crate::source::Span;

impl Context {
    /// A `server` block.
    pub fn server(&mut self, node: Node, http: &Level) {
        let inside: Vec<Node> = node.children().collect();
        self.server_of(Some(node.head()), &inside, http, None);
    }

    /// A server with these directives; `only`: a fragment of location level, which becomes its only location.
    pub fn server_of(&mut self, span: Option<Span>, inside: &[Node], http: &Level, only: Option<Span>) {
        let site = SiteId(u32::try_from(self.program.sites.len()).unwrap_or(u32::MAX));
        let mut listens = self.listens(inside);
        let (names, own) = self.names(inside);
        self.server_names = words(inside);
        let level = if only.is_some() { http.clone() } else { self.level(inside, http, Some(b""), false) };
        let (clauses, locations) = match only {
            Some(span) => (Vec::new(), self.only_location(span, inside, http)),
            None => (
                self.clauses(inside, Place { level: &level, server: true, name: Some(b"") }),
                self.locations(inside, &level, Parent::default()),
            ),
        };
        let mut otherwise = level.settings();
        otherwise.try_files = if only.is_some() { None } else { self.try_files(inside) };
        let otherwise = self.full_scope(span, &level, otherwise, Vec::new());
        let scope = self.full_scope(span, &level, level.settings(), clauses);
        let locations = Locations { otherwise: Some(otherwise), ..locations };
        let choice = Choice::Locations(locations);
        let site_names = names;
        self.program.sites.push(Site { span, names: site_names, own, scope, choice, addresses: Vec::new() });
        if listens.is_empty() {
            // A server that is written out without `listen` is plain (ngx_http_core_server: `*:80`); of one that cannot
            // be seen either may be true.
            let unseen = self.fragment && span.is_none();
            let span = span.or(only).unwrap_or(Span::new(crate::source::FileId(0), 0, 0));
            listens.push(Listen::at(80, false, span));
            listens.extend(unseen.then(|| Listen::at(443, true, span)));
        }
        for listen in listens {
            self.attach(site, listen);
        }
    }

    fn only_location(&mut self, span: Span, inside: &[Node], http: &Level) -> Locations {
        let level = self.level(inside, http, Some(b"/"), false);
        let scope = self.location_scope(span, inside, &level, Some(b"/"));
        let nested = self.locations(inside, &level, Parent::default());
        let location =
            Location { scope, no_patterns: false, slash_redirect: false, nested: Some(Box::new(nested)), span };
        Locations { prefixes: vec![(b"/"[..].into(), location)], ..Locations::default() }
    }

    fn names(&mut self, inside: &[Node]) -> (Vec<SiteName>, OwnName) {
        let mut names = Vec::new();
        let mut first: Option<Bytes> = None;
        for node in inside.iter().filter(|node| node.name() == b"server_name") {
            for (at, word) in node.args().enumerate() {
                if let Some(name) = self.name(*node, at, word) {
                    names.push(name);
                }
                let shown = if word.starts_with(b"~") { word.to_vec() } else { word.to_ascii_lowercase() };
                let shown = shown.strip_prefix(b".").map(<[u8]>::to_vec).unwrap_or(shown);
                first.get_or_insert(shown.into());
            }
        }
        if first.is_none() {
            names.push(SiteName::Exact(Bytes::default()));
        }
        (names, OwnName { scheme: None, host: first.unwrap_or_default(), port: 0 })
    }

    fn name(&mut self, node: Node, at: usize, word: &[u8]) -> Option<SiteName> {
        let invalid = match word {
            [b'*'] => true,
            [b'*', second, ..] => word.len() < 3 || *second != b'.',
            [b'.'] => true,
            _ => false,
        };
        if invalid {
            let shown = String::from_utf8_lossy(word);
            self.refuse(node.arg_span(at), format!("server name \"{shown}\" is invalid"));
            return None;
        }
        if let Some(pattern) = word.strip_prefix(b"~") {
            if pattern.is_empty() {
                self.refuse(node.arg_span(at), "empty regex in server name \"~\"");
                return None;
            }
            let caseless = pattern.iter().any(u8::is_ascii_uppercase);
            let (regex, named) = self.regex(pattern, caseless, node.arg_span(at));
            return Some(SiteName::Regex(Box::new(regex), named));
        }
        let name = whole_or_wild(word);
        if name.is_none() {
            self.wild_names.push((node.arg_span(at), String::from_utf8_lossy(word).into_owned()));
        }
        name
    }
}

/// The words of `server_name` that are no patterns; the empty one where there are none.
fn words(inside: &[Node]) -> Vec<Bytes> {
    let lines = inside.iter().filter(|node| node.name() == b"server_name");
    let mut all: Vec<&[u8]> = lines.flat_map(|node| node.args()).collect();
    if all.is_empty() {
        all.push(b"");
    }
    all.into_iter().filter(|word| !word.starts_with(b"~")).map(Bytes::from).collect()
}

/// A name of hosts, with a wildcard as its first or last label or without one; `None` where `*` stands elsewhere.
pub fn whole_or_wild(word: &[u8]) -> Option<SiteName> {
    let lower = word.to_ascii_lowercase();
    Some(match lower.as_slice() {
        [b'*', suffix @ ..] if !suffix.contains(&b'*') => SiteName::Leading(suffix.into()),
        [b'.', ..] if !lower.contains(&b'*') => SiteName::LeadingOrBare(lower.into()),
        [prefix @ .., b'*'] if prefix.ends_with(b".") && !prefix.contains(&b'*') => SiteName::Trailing(prefix.into()),
        name if name.contains(&b'*') => return None,
        name => SiteName::Exact(name.into()),
    })
}
