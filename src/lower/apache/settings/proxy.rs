//! `ProxyPass`: what another server answers for.

use super::Done;
use crate::ir::clause::{Action, Handler};
use crate::ir::pattern::Pattern;
use crate::ir::proxy::{LocationChange, LocationPattern, Proxy};
use crate::ir::template::{Attribute, Part, Template};
use crate::ir::{Effect, Note};
use crate::lower::apache::alias::{clause, on_path};
use crate::lower::apache::builder::{Builder, Place};
use crate::lower::apache::context::Context;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::Refused;
use std::sync::Arc;

/// `ProxyPassMatch` at server level.
pub fn pass_match(context: &Context, builder: &mut Builder, line: &Line, words: &[Vec<u8>]) -> Done {
    if let ([path, ..], true) = (words, builder.at_server()) {
        let regex = context
            .regex(path, false, line.rest)
            .map_err(|error| Refused::at(line.rest, format!("Regular expression could not be compiled. ({error})")))?;
        let action = Action::Handler(Handler::Dynamic(b"proxy"[..].into()));
        builder.proxies.push(clause(line.head, Some(on_path(Pattern::Regex(Box::new(regex)))), action));
    }
    Ok(())
}

/// The server of a URL that is fetched over HTTP, as mod_proxy asks it; of others nothing is known.
fn handler(line: &Line, path: &[u8], url: &[u8]) -> Handler {
    if !url.starts_with(b"http://") && !url.starts_with(b"https://") {
        return Handler::Dynamic(url.into());
    }
    let only = |attribute| Template { parts: vec![Part::Attribute(attribute)], ..Template::default() };
    Handler::Proxy(Arc::new(Proxy {
        span: line.head,
        to: Template::literal(url),
        computed: false,
        name: path.len(),
        whole: false,
        method: None,
        version: b"1.1"[..].into(),
        headers: vec![
            (b"X-Forwarded-For"[..].into(), only(Attribute::ForwardedFor)),
            (b"X-Forwarded-Host"[..].into(), only(Attribute::Header(b"host"[..].into()))),
            (b"X-Forwarded-Server"[..].into(), only(Attribute::ServerName)),
        ],
        passes_headers: true,
        locations: Vec::new(),
        own_urls: true,
        intercepts: false,
        accelerates: false,
        hidden: Vec::new(),
    }))
}

/// `ProxyPassReverse` at server level: a `Location` that begins with the URL gets the path instead.
pub fn pass_reverse(builder: &mut Builder, words: &[Vec<u8>]) {
    if let ([path, url, ..], true) = (words, builder.at_server()) {
        let from = LocationPattern::Beginning(Template::literal(url.as_slice()));
        builder.reverses.push(Arc::new(LocationChange { from, to: Template::literal(path.as_slice()) }));
    }
}

/// `ProxyPass`, in its place and with its exceptions (`!`).
pub fn pass(builder: &mut Builder, line: &Line, words: &[Vec<u8>]) {
    match (&builder.place, words) {
        (Place::Server, [path, url]) if url.as_slice() == b"!" => {
            let mut exception =
                clause(line.head, Some(on_path(Pattern::Prefix(path.as_slice().into()))), Action::MarkInternal);
            exception.does.clear();
            builder.proxies.push(exception);
        }
        (Place::Section(_), [url]) if url.as_slice() == b"!" => {
            builder.scope.settings.handler = Some(Handler::Static);
        }
        (Place::Server, [path, url, ..]) if url.as_slice() != b"!" => {
            let pattern = Pattern::Prefix(path.as_slice().into());
            let action = Action::Handler(handler(line, path, url));
            builder.proxies.push(clause(line.head, Some(on_path(pattern)), action));
        }
        (Place::Section(_), [url, ..]) => {
            builder.scope.settings.handler = Some(Handler::Dynamic(url.as_slice().into()));
        }
        _ => builder.note(Note {
            span: line.head,
            directive: "ProxyPass".to_owned(),
            effect: Effect::May,
            reason: "exceptions from proxying are not modelled".to_owned(),
        }),
    }
}
