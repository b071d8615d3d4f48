//! Directives of one setting each: index, slash, listing, own URLs, handlers. Larger families have files of their own.

mod environment;
mod error_document;
mod headers;
mod options;
mod proxy;

use super::builder::Builder;
use super::context::Context;
use super::flags::atoi;
use super::load::Line;
use super::refused::Refused;
use crate::ir::clause::Handler;
use crate::ir::policy::{SelfHost, SelfPort, SelfUrl};
use crate::ir::scope::EncodedSlashes;
use crate::ir::template::Template;
use crate::ir::{Effect, Note};
use std::sync::Arc;

pub use environment::encrypted;

type Done = Result<(), Refused>;

fn words<'a>(context: &Context<'a>, line: &'a Line) -> Vec<Vec<u8>> {
    line.words(context.sources).into_iter().map(|word| word.value.into_owned()).collect()
}

fn is_on(words: &[Vec<u8>]) -> bool {
    words.first().is_some_and(|word| word.eq_ignore_ascii_case(b"on"))
}

/// A directive of one setting; `false` where the name is not one of these.
pub fn setting(context: &mut Context, builder: &mut Builder, line: &Line) -> Result<bool, Refused> {
    let words = words(context, line);
    let first = words.first().cloned().unwrap_or_default();
    let settings = &mut builder.scope.settings;
    match &*line.name {
        b"redirectrelative" => settings.absolute = Some(!is_on(&words)),
        b"aliaspreservepath" => settings.alias_preserves_path = Some(is_on(&words)),
        b"traceenable" => settings.trace = Some(!first.eq_ignore_ascii_case(b"off")),
        b"stricthostcheck" => settings.strict_host = Some(is_on(&words)),
        b"limitinternalrecursion" => {
            if words.iter().any(|word| atoi(word) <= 0) {
                return Err(Refused::at(line.rest, "The recursion limit must be greater than zero."));
            }
            settings.internal_redirects = u32::try_from(atoi(&first)).ok();
        }
        b"mergeslashes" => settings.merge_slashes = Some(is_on(&words)),
        b"allowencodedslashes" => {
            settings.encoded_slashes = Some(match first.to_ascii_lowercase().as_slice() {
                b"on" => EncodedSlashes::Decode,
                b"nodecode" => EncodedSlashes::Keep,
                b"off" => EncodedSlashes::Refuse,
                _ => return Err(Refused::at(line.rest, "AllowEncodedSlashes must be On, Off, or NoDecode")),
            });
        }
        b"directorycheckhandler" => settings.index_unless_handled = Some(is_on(&words)),
        b"directoryslash" => settings.directory_slash = Some(is_on(&words)),
        b"directoryindex" => {
            let disabled = words.len() == 1 && first.eq_ignore_ascii_case(b"disabled");
            let names = settings.index.get_or_insert_default();
            if disabled {
                names.clear();
            } else {
                names.extend(words.iter().map(|name| Template::literal(name.as_slice())));
            }
        }
        b"directoryindexredirect" => {
            settings.index_redirect = match first.to_ascii_lowercase().as_slice() {
                b"off" => Some(0),
                b"on" | b"temp" => Some(302),
                b"permanent" => Some(301),
                b"seeother" => Some(303),
                _ => Some(u16::try_from(atoi(&first)).ok().filter(|status| (300..400).contains(status)).ok_or_else(
                    || Refused::at(line.rest, "DirectoryIndexRedirect only accepts values between 300 and 399"),
                )?),
            };
        }
        b"fallbackresource" => {
            let off = first.eq_ignore_ascii_case(b"disabled");
            settings.fallback = Some((!off).then(|| first.into()));
        }
        b"acceptpathinfo" => {
            settings.accept_path_info = match first.to_ascii_lowercase().as_slice() {
                b"on" => Some(true),
                b"off" => Some(false),
                b"default" => None,
                _ => return Err(Refused::at(line.rest, "AcceptPathInfo must be set to on, off or default")),
            };
        }
        b"sethandler" => {
            settings.handler = Some(handler_named(context, &first));
        }
        b"addhandler" | b"removehandler" => {
            let add = &*line.name == b"addhandler";
            let handler = if add { handler_named(context, &first) } else { Handler::Static };
            let named = words.iter().skip(usize::from(add));
            let named = named.map(|word| word.strip_prefix(b".").unwrap_or(word));
            settings.extensions.items.extend(named.map(|name| Arc::new((name.into(), handler.clone()))));
        }
        b"options" => options::lower(builder, line, &words)?,
        b"authtype" => {
            settings.auth_type = Some(first.into());
            let reason = "asks who the client is".to_owned();
            let note = Note { span: line.head, directive: "AuthType".to_owned(), effect: Effect::May, reason };
            context.program.notes.push(note);
        }
        b"allowoverride" => options::check_override(line, &words)?,
        b"errordocument" => error_document::lower(context, builder, line)?,
        b"header" => headers::lower(context, builder, line, false)?,
        b"requestheader" => headers::lower(context, builder, line, true)?,
        b"setenv" | b"passenv" | b"unsetenv" => environment::late(context, builder, line),
        b"satisfy" => settings.any_access = Some(first.eq_ignore_ascii_case(b"any")),
        b"usecanonicalname" => {
            let own = settings.self_url.get_or_insert_with(own_url);
            (own.host, own.port) = match first.to_ascii_lowercase().as_slice() {
                b"on" => (SelfHost::ServerName, SelfPort::Server),
                b"dns" => (SelfHost::Address, SelfPort::Request),
                _ => (SelfHost::Request, SelfPort::Request),
            };
        }
        b"usecanonicalphysicalport" => settings.physical_port = Some(is_on(&words)),
        b"setenvif" => environment::set_if(context, builder, line, false)?,
        b"setenvifnocase" => environment::set_if(context, builder, line, true)?,
        b"setenvifexpr" => environment::set_if_expression(context, builder, line)?,
        b"browsermatch" => environment::browser(context, builder, line, false)?,
        b"browsermatchnocase" => environment::browser(context, builder, line, true)?,
        b"checkspelling" => settings.spelling.get_or_insert_default().on = is_on(&words),
        b"checkcaseonly" => settings.spelling.get_or_insert_default().case_only = is_on(&words),
        b"checkbasenamematch" => settings.spelling.get_or_insert_default().basename = is_on(&words),
        b"proxypassmatch" => proxy::pass_match(context, builder, line, &words)?,
        b"proxypass" => proxy::pass(builder, line, &words),
        _ => {
            noted(builder, line, &words);
            return Ok(false);
        }
    }
    Ok(true)
}

/// What is modelled for the server's own answers only, so that it stays noted as something to look at.
fn noted(builder: &mut Builder, line: &Line, words: &[Vec<u8>]) {
    let settings = &mut builder.scope.settings;
    let first = || words.first().map(|word| word.as_slice().into());
    match &*line.name {
        b"authname" => settings.realm = first(),
        b"authuserfile" => settings.user_file = first(),
        b"proxypreservehost" | b"proxyerroroverride" => settings.opaque_proxy = Some(is_on(words)),
        b"proxypassreverse" => proxy::pass_reverse(builder, words),
        _ => {}
    }
}

/// What a handler of a name does.
pub fn handler_named(context: &Context, name: &[u8]) -> Handler {
    match name.to_ascii_lowercase().as_slice() {
        b"none" => Handler::Static,
        b"server-status" if context.modules.is_loaded(b"status_module") => Handler::Fixed(200),
        b"server-info" if context.modules.is_loaded(b"info_module") => Handler::Fixed(200),
        lower if context.modules.serves(lower) => Handler::Dynamic(name.into()),
        _ => Handler::Unserved,
    }
}

/// Apache's way of making URLs of its own, unless told otherwise.
pub fn own_url() -> SelfUrl {
    SelfUrl { host: SelfHost::Request, port: SelfPort::Request, scheme: None }
}
