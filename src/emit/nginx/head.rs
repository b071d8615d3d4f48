//! The head of a server block: where it listens, what it is called, where its files lie.

use super::length;
use super::plan::{Head, Statement};
use super::text::{Text, word};
use crate::emit::Texts;
use crate::ir::Program;
use crate::ir::SiteId;
use crate::ir::scope::Scope;
use crate::ir::site::{Listener, Site, SiteName};

/// A virtual host's head.
pub fn head(program: &Program, texts: &dyn Texts, id: SiteId, site: &Site) -> Head {
    let mut out = Vec::new();
    let mut encrypted = false;
    let own = program.listeners.iter().filter(|listener| listener.sites.contains(&id));
    let mut places = Vec::new();
    for listener in own.filter(|listener| listener.address.as_deref().is_none_or(is_address)) {
        let place = place(listener);
        if places.contains(&place) {
            continue;
        }
        places.push(place);
        let mut line = b"listen ".to_vec();
        if let Some(address) = &listener.address {
            let six = address.contains(&b':');
            line.extend_from_slice(if six { b"[" } else { b"" });
            line.extend_from_slice(address);
            line.extend_from_slice(if six { b"]:" } else { b":" });
        }
        line.extend_from_slice(place.1.to_string().as_bytes());
        line.extend_from_slice(if listener.encrypted { b" ssl" } else { b"" });
        let first = program.listeners.iter().find(|other| self::place(other) == place);
        let default = first.is_some_and(|first| first.default == id);
        line.extend_from_slice(if default { b" default_server;" } else { b";" });
        encrypted |= listener.encrypted;
        out.push(line);
    }
    if out.is_empty() {
        out.push(b"listen 80;".to_vec());
    }
    out.push(names(site));
    let mut settings = Vec::new();
    let scope = program.scopes.get(site.scope.0 as usize);
    if let Some(root) = scope.and_then(|scope| scope.settings.root.as_ref()).and_then(|root| root.as_literal()) {
        settings.push(Statement::Plain("root", vec![Text::literal(root)]));
    }
    if encrypted {
        settings.extend(certificates(scope, texts));
    }
    // no file has a name that is longer than a word may be
    settings.retain(length::statement);
    Head { lines: out, settings }
}

/// Whether a server finds an address behind it.
fn is_address(text: &[u8]) -> bool {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    let six = || std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok());
    !text.is_empty() && text.iter().all(name) || six()
}

/// Where nginx listens for it: one place for what Apache tells apart, as `*` and `*:80`.
fn place(listener: &Listener) -> (Option<&[u8]>, u16) {
    let usual = if listener.encrypted { 443 } else { 80 };
    (listener.address.as_deref(), listener.port.unwrap_or(usual))
}

fn names(site: &Site) -> Vec<u8> {
    let mut line = b"server_name".to_vec();
    for name in &site.names {
        let text = match name {
            SiteName::Exact(name) if is_name(name) => word(name),
            SiteName::Glob(glob) => word(&pattern(&glob.text)),
            _ => continue,
        };
        if !length::bytes(&text) {
            continue;
        }
        line.push(b' ');
        line.extend_from_slice(&text);
    }
    if line == b"server_name" {
        line.extend_from_slice(b" _");
    }
    line.push(b';');
    line
}

/// Whether a request's `Host` can say it: Apache refuses any other (`HttpProtocolOptions Strict`).
fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(byte) || *byte >= 0x80)
}

/// `*` and `?` cross dots on Apache: an expression says that.
fn pattern(glob: &[u8]) -> Vec<u8> {
    let mut out = b"~^".to_vec();
    for &byte in glob {
        match byte {
            b'*' => out.extend_from_slice(b".*"),
            b'?' => out.push(b'.'),
            _ => out.extend_from_slice(&super::regex::escaped(&[byte.to_ascii_lowercase()])),
        }
    }
    out.push(b'$');
    out
}

/// Certificate and key as the source names them; nginx does not start without.
fn certificates(scope: Option<&Scope>, texts: &dyn Texts) -> Vec<Statement> {
    let mut out = Vec::new();
    for note in scope.iter().flat_map(|scope| &scope.notes) {
        let name = match note.directive.to_ascii_lowercase().as_str() {
            "sslcertificatefile" => "ssl_certificate",
            "sslcertificatekeyfile" => "ssl_certificate_key",
            _ => continue,
        };
        let words = texts.directive(note.span);
        let path = words.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(1).unwrap_or_default();
        let path = path.strip_prefix(b"\"").and_then(|path| path.strip_suffix(b"\"")).unwrap_or(path);
        out.push(Statement::Plain(name, vec![Text::literal(path)]));
    }
    out
}
