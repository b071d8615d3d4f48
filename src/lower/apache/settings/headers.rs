//! `Header` and `RequestHeader` (modules/metadata/mod_headers.c).

use super::{Done, words};
use crate::ir::condition::{Condition, Test, TestKind};
use crate::ir::scope::{HeaderAction, HeaderRule};
use crate::ir::template::{Attribute, Part, Template};
use crate::lower::apache::builder::Builder;
use crate::lower::apache::context::Context;
use crate::lower::apache::expr;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::Refused;
use crate::lower::apache::text::{self, Parts};
use std::sync::Arc;

fn guard(context: &mut Context, line: &Line, word: &[u8]) -> Result<Option<Arc<Condition>>, Refused> {
    let test = |kind, negated| Some(Arc::new(Condition::Test(Box::new(Test { span: line.head, kind, negated }))));
    if let Some(name) = word.strip_prefix(b"env=") {
        let (negated, name) = name.strip_prefix(b"!").map_or((false, name), |name| (true, name));
        let variable = context.variable(name);
        return Ok(test(TestKind::IsSet(variable), negated));
    }
    if let Some(text) = word.strip_prefix(b"expr=") {
        let parsed = expr::boolean(context, text)
            .map_err(|message| Refused::at(line.rest, format!("Can't parse envclause/expression: {message}")))?;
        return Ok(test(TestKind::Expression(parsed), false));
    }
    Ok(None)
}

/// One change of a header of the answer, or of the request.
pub fn lower(context: &mut Context, builder: &mut Builder, line: &Line, request: bool) -> Done {
    let mut given = words(context, line);
    let condition = given.first().map(|word| word.to_ascii_lowercase());
    let always = condition.as_deref() == Some(b"always");
    if !request && (always || condition.as_deref() == Some(b"onsuccess")) {
        given.remove(0);
    }
    let [action, name, rest @ ..] = given.as_slice() else { return Ok(()) };
    let action = match action.to_ascii_lowercase().as_slice() {
        b"set" => HeaderAction::Set,
        b"append" => HeaderAction::Append,
        b"merge" => HeaderAction::Merge,
        b"add" => HeaderAction::Add,
        b"setifempty" => HeaderAction::SetIfEmpty,
        b"unset" => HeaderAction::Unset,
        b"edit" => HeaderAction::Edit,
        b"edit*" => HeaderAction::EditAll,
        b"note" => HeaderAction::Note,
        b"echo" => HeaderAction::Echo,
        _ => {
            let message = "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'.";
            return Err(Refused::at(line.rest, message));
        }
    };
    let edits = matches!(action, HeaderAction::Edit | HeaderAction::EditAll);
    let taken = match action {
        HeaderAction::Unset | HeaderAction::Echo => 0,
        _ if edits => 2,
        _ => 1,
    };
    let (values, tail) = rest.split_at(taken.min(rest.len()));
    let early = tail.iter().any(|word| word.eq_ignore_ascii_case(b"early"));
    let condition = match tail.first() {
        Some(word) => guard(context, line, word)?,
        None => None,
    };
    let value = match (values.last(), edits) {
        (Some(text), true) => text::substitution(text),
        (Some(text), false) => match text.strip_prefix(b"expr=") {
            Some(text) => expr::string(context, text)
                .map_err(|message| Refused::at(line.rest, format!("Can't parse value expression : {message}")))?,
            None => format(context, text),
        },
        (None, _) => Template::default(),
    };
    let pattern =
        match values.first().filter(|_| edits) {
            Some(text) => Some(Arc::new(context.regex(text, false, line.rest).map_err(|error| {
                Refused::at(line.rest, format!("Header edit regex could not be compiled. ({error})"))
            })?)),
            None => None,
        };
    let name = name.strip_suffix(b":").unwrap_or(name).into();
    let rule = HeaderRule { span: line.head, action, name, value, pattern, always, condition, early };
    let settings = &mut builder.scope.settings;
    let list = if request { &mut settings.request_headers } else { &mut settings.headers };
    list.items.push(Arc::new(rule));
    Ok(())
}

/// mod_headers' format: `%{NAME}e` and its like.
fn format(context: &mut Context, text: &[u8]) -> Template {
    let mut parts = Parts::default();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        match (byte, rest.first()) {
            (b'%', Some(b'%')) => {
                parts.literal.push(b'%');
                at += 2;
            }
            (b'%', Some(b'{')) => {
                let end = memchr::memchr(b'}', rest).unwrap_or(rest.len());
                let name = rest.get(1..end).unwrap_or_default();
                match rest.get(end + 1) {
                    Some(b'e') => parts.push(Part::Variable(context.variable(name))),
                    _ => parts.push(Part::Attribute(Attribute::Unknown(name.into()))),
                }
                at += end + 3;
            }
            (b'%', Some(letter)) => {
                parts.push(Part::Attribute(Attribute::Unknown([*letter].into())));
                at += 2;
            }
            _ => {
                parts.literal.push(byte);
                at += 1;
            }
        }
    }
    parts.finish()
}
