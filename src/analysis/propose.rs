//! A request under construction: the connection a site answers at, and how each kind of test is made to hold.
//!
//! Proposals only; see [`super::witness`].

use super::Facts;
use super::expression::{self, Choices};
use crate::eval::Request;
use crate::ir::clause::{Match, Subject};
use crate::ir::condition::{Order, Test, TestKind};
use crate::ir::expr::{Expr, Function};
use crate::ir::pattern::{Pattern, Regex};
use crate::ir::site::{Listener, Site, SiteName};
use crate::ir::table::TableKind;
use crate::ir::template::{Attribute, Origin, Part, Template};
use crate::ir::{Program, SiteId, VarId};

/// A request under construction.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Decoded path.
    pub path: Vec<u8>,
    /// The target as it is, in place of path and query.
    raw: Option<Vec<u8>>,
    query: Option<Vec<u8>>,
    host: Vec<u8>,
    port: Option<u16>,
    encrypted: bool,
    method: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How a site can be reached: at most one draft for each scheme and kind of listener.
pub fn connections(facts: &Facts<'_>, site: SiteId) -> Vec<Draft> {
    let known = facts.program.sites.get(site.0 as usize);
    // A piece of a configuration stands at the name that the user says the site has.
    let said = facts
        .knobs
        .canonical_host
        .as_ref()
        .or(facts.knobs.hosts.first())
        .filter(|_| known.is_none_or(|site| site.span.is_none()));
    let host = match facts.options.host.as_ref().or(said) {
        Some(host) => host.as_bytes().to_vec(),
        None => known.map(host_of).unwrap_or_else(|| b"example.com".to_vec()),
    };
    let draft = |encrypted: bool, port: Option<u16>| Draft {
        path: b"/".to_vec(),
        raw: None,
        query: None,
        host: host.clone(),
        port: port.filter(|&port| port != 0 && port != if encrypted { 443 } else { 80 }),
        encrypted,
        method: b"GET".to_vec(),
        headers: Vec::new(),
    };
    let mut drafts: Vec<Draft> = Vec::new();
    // A door that names no site leads to its default one.
    let leads_here = |listener: &&Listener| match listener.sites.is_empty() {
        true => listener.default == site,
        false => listener.sites.contains(&site),
    };
    for listener in facts.program.listeners.iter().filter(leads_here) {
        let both = listener.port.is_none() && !listener.encrypted;
        for encrypted in if both { vec![false, true] } else { vec![listener.encrypted] } {
            let wanted = facts.options.scheme.as_deref();
            if wanted.is_none_or(|scheme| (scheme == "https") == encrypted) && drafts.len() < 4 {
                drafts.push(draft(encrypted, listener.port));
            }
        }
    }
    if drafts.is_empty() {
        let schemes = match facts.options.scheme.as_deref() {
            Some("https") => vec![true],
            Some(_) => vec![false],
            None => vec![false, true],
        };
        drafts.extend(schemes.into_iter().map(|encrypted| draft(encrypted, None)));
    }
    drafts
}

/// A name the site answers to, made up where it has none.
pub fn host_of(site: &Site) -> Vec<u8> {
    name_of(site).unwrap_or_else(|| b"example.com".to_vec())
}

/// A name the site answers to.
pub fn name_of(site: &Site) -> Option<Vec<u8>> {
    let own = (!site.own.host.is_empty() && !site.own.host.contains(&b'*')).then(|| site.own.host.to_vec());
    let named = site.names.iter().find_map(|name| match name {
        SiteName::Exact(name) if !name.is_empty() && &name[..] != b"_" => Some(name.to_vec()),
        SiteName::Leading(suffix) | SiteName::LeadingOrBare(suffix) => Some([b"www", &suffix[..]].concat()),
        SiteName::Trailing(prefix) => Some([&prefix[..], b"com"].concat()),
        SiteName::Regex(regex, _) => Some(expression::sample(&expression::of(regex), Choices::default())),
        _ => None,
    });
    named.or(own).filter(|name| !name.is_empty() && name != b"_")
}

impl Draft {
    /// The same for another path (decoded).
    #[must_use]
    pub fn with_path(mut self, path: &[u8]) -> Self {
        self.path = path.to_vec();
        self
    }

    /// The same for another host.
    #[must_use]
    pub fn with_host(mut self, host: &[u8]) -> Self {
        self.host = host.to_vec();
        self
    }

    /// The same with this text where a template looks, if that is one part of a request.
    #[must_use]
    pub fn with_text(mut self, program: &Program, subject: &Template, text: &[u8]) -> Self {
        self.set_text(program, subject, text, false);
        self
    }

    /// The request as it stands on the wire.
    pub fn request(&self) -> Request {
        let target = match &self.raw {
            Some(raw) => raw.clone(),
            None => {
                let mut target = escaped(&self.path);
                if let Some(query) = &self.query {
                    target.push(b'?');
                    target.extend_from_slice(query);
                }
                target
            }
        };
        let mut host = self.host.clone();
        if let Some(port) = self.port {
            host.extend_from_slice(format!(":{port}").as_bytes());
        }
        let mut headers = vec![(b"Host".to_vec().into(), host.into())];
        headers.extend(self.headers.iter().map(|(name, value)| (name.clone().into(), value.clone().into())));
        Request {
            method: self.method.clone().into(),
            target: target.into(),
            version: b"1.1".to_vec().into(),
            headers,
            encrypted: self.encrypted,
            local: None,
            remote: None,
            sni: None,
        }
    }

    /// Changes the request so that the test probably answers yes (or no, where `negated`).
    pub fn make_hold(&mut self, program: &Program, test: &Test, negated: bool, variant: usize) {
        match &test.kind {
            TestKind::Matches(found) => self.make_match(program, found, negated != found.negated, variant),
            TestKind::Equals(left, right) => {
                if let Some(text) = right.as_literal() {
                    self.set_text(program, left, if negated { b"other" } else { text }, negated);
                }
            }
            TestKind::Truthy(text) => self.make_truthy(program, text, negated, variant),
            TestKind::Compare { subject, order, operand, .. } => {
                let wanted = matches!(order, Order::Equal | Order::LessOrEqual | Order::GreaterOrEqual) != negated;
                self.set_text(program, subject, if wanted { operand } else { b"other" }, !wanted);
            }
            TestKind::Numbers { subject, order, operand } => {
                let add = match order {
                    Order::Less | Order::NotEqual => -1,
                    Order::Greater => 1,
                    _ => 0,
                };
                let value = operand + if negated { i64::from(add == 0) } else { add };
                self.set_text(program, subject, value.to_string().as_bytes(), false);
            }
            TestKind::Expression(expr) | TestKind::ExpressionInto(expr, _) => {
                self.make_expr(program, expr, !negated, variant, 0)
            }
            TestKind::File { .. } | TestKind::IsSet(_) | TestKind::User(_) | TestKind::Unknown(_) => {}
        }
    }

    /// The same for a match.
    pub fn make_match(&mut self, program: &Program, found: &Match, negated: bool, variant: usize) {
        let Subject::Text(subject) = &found.subject else { return };
        if negated {
            // What is there now is kept unless it is the very text excluded.
            if let Pattern::Exact(text) | Pattern::ExactNoCase(text) = &found.pattern {
                self.set_text(program, subject, text, true);
            } else if let Pattern::Regex(regex) = &found.pattern {
                let text = expression::sample(&expression::of(regex), Choices::default());
                self.set_text(program, subject, &text, true);
            }
            return;
        }
        let text = match &found.pattern {
            Pattern::Regex(regex) if is_plain_text(subject) => shortest(regex, variant),
            Pattern::Regex(regex) => {
                expression::sample(&expression::of(regex), Choices { variant, ..Choices::default() })
            }
            Pattern::Exact(text) | Pattern::ExactNoCase(text) | Pattern::Prefix(text) | Pattern::Segments(text) => {
                text.to_vec()
            }
            Pattern::Glob(glob) => {
                glob.text.iter().map(|&byte| if matches!(byte, b'*' | b'?') { b'a' } else { byte }).collect()
            }
            Pattern::Any => return,
        };
        self.set_text(program, subject, &text, false);
    }

    fn make_truthy(&mut self, program: &Program, text: &Template, negated: bool, variant: usize) {
        if negated {
            return;
        }
        match text.parts.as_slice() {
            [Part::Variable(variable)] => self.make_variable(program, *variable, variant),
            [Part::Lookup { table, .. }] => self.make_lookup(program, table.0, variant),
            [Part::Attribute(attribute)] => self.set(attribute, b"1", false),
            _ => {}
        }
    }

    fn make_variable(&mut self, program: &Program, variable: VarId, variant: usize) {
        match program.variables.get(variable.0 as usize).map(|variable| &variable.origin) {
            Some(Origin::Table(table)) => self.make_lookup(program, table.0, variant),
            Some(Origin::Attribute(attribute)) => self.set(attribute, b"1", false),
            _ => {}
        }
    }

    /// Makes a table answer something that is not empty.
    fn make_lookup(&mut self, program: &Program, table: u32, variant: usize) {
        let Some(table) = program.tables.get(table as usize) else { return };
        let (TableKind::Map(map), Some(source)) = (&table.kind, &table.source) else { return };
        let mut texts: Vec<Vec<u8>> = map.examples().iter().map(|key| key.to_vec()).collect();
        let patterns = map.patterns.iter().filter(|(_, _, value)| value.is_telling()).take(4);
        texts.extend(patterns.map(|(regex, _, _)| expression::sample(&expression::of(regex), Choices::default())));
        if let Some(text) = texts.get(variant % texts.len().max(1)) {
            self.set_text(program, source, text, false);
        }
    }

    fn make_expr(&mut self, program: &Program, expr: &Expr, wanted: bool, variant: usize, depth: usize) {
        if depth > 32 {
            return;
        }
        match expr {
            Expr::Not(inner) => self.make_expr(program, inner, !wanted, variant, depth + 1),
            Expr::And(a, b) => {
                self.make_expr(program, a, wanted, variant, depth + 1);
                self.make_expr(program, b, wanted, variant, depth + 1);
            }
            Expr::Or(a, b) => {
                let one = if variant.is_multiple_of(2) { a } else { b };
                self.make_expr(program, one, wanted, variant, depth + 1);
            }
            Expr::Strings(left, order, right) => {
                let equal = matches!(order, Order::Equal | Order::LessOrEqual | Order::GreaterOrEqual) == wanted;
                if let Expr::Literal(text) = &**right {
                    self.set_expr(program, left, if equal { text } else { b"other" }, !equal);
                }
            }
            Expr::Match(subject, regex, negated) if wanted != *negated => {
                let text = expression::sample(&expression::of(regex), Choices { variant, ..Choices::default() });
                self.set_expr(program, subject, &text, false);
            }
            _ => {}
        }
    }

    fn set_expr(&mut self, program: &Program, subject: &Expr, text: &[u8], avoid: bool) {
        match subject {
            Expr::Attribute(attribute) => self.set(attribute, text, avoid),
            Expr::Template(template) => self.set_text(program, template, text, avoid),
            Expr::Function(Function::RequestHeader, name) => {
                if let Expr::Literal(name) = &**name {
                    self.set(&Attribute::Header(name.clone()), text, avoid);
                }
            }
            _ => {}
        }
    }

    /// Gives a text of one part this value.
    fn set_text(&mut self, program: &Program, subject: &Template, text: &[u8], avoid: bool) {
        match subject.parts.as_slice() {
            [Part::Attribute(attribute)] => self.set(attribute, text, avoid),
            [Part::Variable(variable)] => {
                if let Some(Origin::Attribute(attribute)) =
                    program.variables.get(variable.0 as usize).map(|v| &v.origin)
                {
                    self.set(attribute, text, avoid);
                }
            }
            _ => {}
        }
    }

    /// Gives an attribute this value; where `avoid`, any value but this one.
    fn set(&mut self, attribute: &Attribute, text: &[u8], avoid: bool) {
        match attribute {
            Attribute::Path if !avoid && text.starts_with(b"/") => self.path = text.to_vec(),
            Attribute::RawTarget if !avoid && text.starts_with(b"/") => self.raw = Some(text.to_vec()),
            Attribute::RequestLine if !avoid => self.set_request_line(text),
            Attribute::Query => self.query = if avoid { None } else { Some(text.to_vec()) },
            Attribute::Argument(name) if !avoid => self.query = Some([&name[..], b"=", text].concat()),
            Attribute::Host => self.set_host(text, avoid),
            Attribute::Header(name) | Attribute::HeaderVariable(name) => self.set_header(name, text, avoid),
            Attribute::Cookie(name) if !avoid => self.set_header(b"cookie", &[&name[..], b"=", text].concat(), false),
            Attribute::Scheme => self.encrypted = (text == b"https") != avoid,
            Attribute::Encrypted(yes, no) => {
                if &yes[..] == text {
                    self.encrypted = !avoid;
                } else if &no[..] == text {
                    self.encrypted = avoid;
                } else if text == b"other" {
                    self.encrypted = !self.encrypted;
                }
            }
            Attribute::ServerPort | Attribute::LocalPort => self.encrypted = (text == b"443") != avoid,
            Attribute::Method => self.method = if avoid { b"GET".to_vec() } else { text.to_ascii_uppercase() },
            _ => {}
        }
    }

    fn set_request_line(&mut self, text: &[u8]) {
        let mut words = text.split(|&byte| byte == b' ');
        let target = words.find(|word| word.starts_with(b"/"));
        if let Some(target) = target {
            self.raw = Some(target.to_vec());
        }
    }

    fn set_host(&mut self, text: &[u8], avoid: bool) {
        if !avoid {
            self.host = text.to_vec();
        } else if self.host.eq_ignore_ascii_case(text) {
            self.host = match self.host.strip_prefix(b"www.") {
                Some(bare) => bare.to_vec(),
                None => [b"www.", self.host.as_slice()].concat(),
            };
        }
    }

    fn set_header(&mut self, name: &[u8], text: &[u8], avoid: bool) {
        let name: Vec<u8> = name.iter().map(|&byte| if byte == b'_' { b'-' } else { byte }).collect();
        if name.eq_ignore_ascii_case(b"host") {
            self.set_host(text, avoid);
            return;
        }
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        if !avoid {
            self.headers.push((name, text.to_vec()));
        }
    }
}

/// Whether a text is a header of the request (the host aside) or its query: what such a pattern leaves open is best
/// left out.
fn is_plain_text(subject: &Template) -> bool {
    match subject.parts.as_slice() {
        [Part::Attribute(Attribute::Header(name) | Attribute::HeaderVariable(name))] => {
            !name.eq_ignore_ascii_case(b"host")
        }
        [Part::Attribute(Attribute::Query)] => true,
        _ => false,
    }
}

/// The shortest of a few texts that a pattern accepts: `text/turtle` for `^.*text/turtle.*`.
fn shortest(regex: &Regex, variant: usize) -> Vec<u8> {
    let tree = expression::of(regex);
    let sample = |variant| expression::sample(&tree, Choices { variant, ..Choices::default() });
    let accepted = |text: &Vec<u8>| regex.compiled().is_ok_and(|regex| regex.is_match(text).unwrap_or(false));
    // `id=` without a value says less than `id=page`.
    let telling = |text: &Vec<u8>| !text.is_empty() && !text.ends_with(b"=");
    let tries = (0..6).map(|step| sample(variant + step)).filter(|text| telling(text) && accepted(text));
    tries.min_by_key(Vec::len).unwrap_or_else(|| sample(variant))
}

/// A decoded path as a browser would send it.
pub fn escaped(path: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    for &byte in path {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
            out.push(byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}
