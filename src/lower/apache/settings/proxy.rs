//! `ProxyPass`: what another server answers for.

use super::Done;
use crate::ir::clause::{Action, Handler};
use crate::ir::pattern::Pattern;
use crate::ir::{Effect, Note};
use crate::lower::apache::alias::{clause, on_path};
use crate::lower::apache::builder::{Builder, Place};
use crate::lower::apache::context::Context;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::Refused;

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
            let action = Action::Handler(Handler::Dynamic(url.as_slice().into()));
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
