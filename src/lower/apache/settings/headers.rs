//! mod_headers: `Header` and `RequestHeader`.
//!
//! Both take their words unread and count them themselves (`header_cmd` and `header_inout_cmd` in
//! `modules/metadata/mod_headers.c`); the messages are httpd's.

use super::{Done, words};
use crate::ir::condition::{Condition, Test, TestKind};
use crate::ir::scope::{HeaderAction, HeaderRule};
use crate::ir::template::{Attribute, Part, Template};
use crate::lower::apache::builder::Builder;
use crate::lower::apache::context::Context;
use crate::lower::apache::expr;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::{Refused, shown};
use crate::lower::apache::text::{self, Parts};
use std::sync::Arc;

/// One change of a header of the answer, or of the request.
pub fn lower(context: &mut Context, builder: &mut Builder, line: &Line, request: bool) -> Done {
    let mut given = words(context, line);
    let list = given.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    let always = list == b"always";
    if !request && (always || list == b"onsuccess") {
        given.remove(0);
    }
    let shape = shape(&given, request).map_err(|message| Refused::at(line.rest, message))?;
    let (guard_word, early) = match shape.tail {
        Some(word) if word.eq_ignore_ascii_case(b"early") => (None, true),
        other => (other, false),
    };
    let condition = guard_word.map(|word| guard(context, line, word)).transpose()?;
    let (pattern, value) = match shape.values {
        [pattern, text, ..] => {
            let regex = context.regex(pattern, false, line.rest).map_err(|error| {
                Refused::at(line.rest, format!("Header edit regex could not be compiled. ({error})"))
            })?;
            (Some(Arc::new(regex)), text::substitution(text))
        }
        [text] => (None, value(context, line, text)?),
        [] => (None, Template::default()),
    };
    let name = shape.name.strip_suffix(b":").unwrap_or(shape.name).into();
    let rule = HeaderRule { span: line.head, action: shape.action, name, value, pattern, always, condition, early };
    let settings = &mut builder.scope.settings;
    let list = if request { &mut settings.request_headers } else { &mut settings.headers };
    list.items.push(Arc::new(rule));
    Ok(())
}

/// The words of a directive behind `always`, each in its part.
struct Shape<'w> {
    action: HeaderAction,
    name: &'w [u8],
    /// The value, or the pattern and what it is replaced by.
    values: &'w [Vec<u8>],
    /// `early`, `env=…` or `expr=…`.
    tail: Option<&'w [u8]>,
}

/// Sorts the words, as httpd counts them.
fn shape(given: &[Vec<u8>], request: bool) -> Result<Shape<'_>, &'static str> {
    if given.len() > 5 {
        return Err(if request { "RequestHeader has too many arguments" } else { "Header has too many arguments" });
    }
    let action = given.first().and_then(|word| action(word));
    let action = action.ok_or(
        "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'.",
    )?;
    let name = given.get(1).map(Vec::as_slice).unwrap_or_default();
    let rest = given.get(2..).unwrap_or_default();
    let (taken, few, many) = match action {
        HeaderAction::Edit | HeaderAction::EditAll => (2, "Header edit requires a match and a substitution", ""),
        HeaderAction::Unset => (0, "", "header unset takes two arguments"),
        HeaderAction::Echo if request => return Err("Header echo only valid on Header directives"),
        HeaderAction::Echo => (0, "", "Header echo takes two arguments"),
        _ => (1, "Header requires three arguments", "Too many arguments to directive"),
    };
    let Some((values, tail)) = rest.split_at_checked(taken) else { return Err(few) };
    match tail {
        [] => Ok(Shape { action, name, values, tail: None }),
        [tail] => Ok(Shape { action, name, values, tail: Some(tail) }),
        // A third word behind the header's name is counted before the action is looked at.
        _ if rest.len() > 2 => Err("Too many arguments to directive"),
        _ => Err(many),
    }
}

fn action(word: &[u8]) -> Option<HeaderAction> {
    Some(match word.to_ascii_lowercase().as_slice() {
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
        _ => return None,
    })
}

fn value(context: &mut Context, line: &Line, text: &[u8]) -> Result<Template, Refused> {
    match text.strip_prefix(b"expr=") {
        Some(text) => expr::string(context, line.head, text)
            .map_err(|message| Refused::at(line.rest, format!("Can't parse value expression : {message}"))),
        None => format(context, text)
            .map_err(|tag| Refused::at(line.rest, format!("Unrecognized header format %{}", shown(&tag)))),
    }
}

/// When the header is changed.
fn guard(context: &mut Context, line: &Line, word: &[u8]) -> Result<Arc<Condition>, Refused> {
    let prefixed = |prefix: &[u8]| {
        let (head, text) = word.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(text)
    };
    let (kind, negated) = if let Some(name) = prefixed(b"env=") {
        let (negated, name) = name.strip_prefix(b"!").map_or((false, name), |name| (true, name));
        if name.is_empty() {
            let message = "error: missing environment variable name. envclause should be in the form env=envar ";
            return Err(Refused::at(line.rest, message));
        }
        (TestKind::IsSet(context.variable(name)), negated)
    } else if let Some(text) = prefixed(b"expr=") {
        let parsed = expr::boolean(context, line.head, text)
            .map_err(|message| Refused::at(line.rest, format!("Can't parse envclause/expression: {message}")))?;
        (TestKind::Expression(parsed), false)
    } else {
        let message = format!("Unknown parameter: {}", String::from_utf8_lossy(word));
        return Err(Refused::at(line.rest, message));
    };
    Ok(Arc::new(Condition::Test(Box::new(Test { span: line.head, kind, negated }))))
}

/// The letters of a header's format (`header_pre_config`).
const TAGS: &[u8] = b"Dtelibs";

/// mod_headers' format: `%{NAME}e` and its like.
///
/// # Errors
/// The letter that is none.
fn format(context: &mut Context, text: &[u8]) -> Result<Template, Vec<u8>> {
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
                    Some(tag) if TAGS.contains(tag) => parts.push(Part::Attribute(Attribute::Unknown(name.into()))),
                    tag => return Err(tag.copied().into_iter().collect()),
                }
                at += end + 3;
            }
            (b'%', Some(tag)) if !TAGS.contains(tag) => return Err(vec![*tag]),
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
    Ok(parts.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> &'static str {
        let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        shape(&words, false).map_or_else(|message| message, |_| "")
    }

    /// As httpd 2.4.71 says it.
    #[test]
    fn words_are_counted_as_httpd_counts_them() {
        let first = "first argument must be 'add', 'set', 'setifempty', 'append', 'merge', 'unset', 'echo', 'note', 'edit', or 'edit*'.";
        for (line, message) in [
            ("set X", "Header requires three arguments"),
            ("set X a early", ""),
            ("set X a early b", "Too many arguments to directive"),
            ("set X a early b c", "Header has too many arguments"),
            ("unset X early", ""),
            ("unset X early b", "header unset takes two arguments"),
            ("unset X early b c", "Too many arguments to directive"),
            ("edit X a", "Header edit requires a match and a substitution"),
            ("edit X a b early", ""),
            ("bad X a b", first),
            ("bad X a b c d", "Header has too many arguments"),
        ] {
            assert_eq!(said(line), message, "{line}");
        }
        assert_eq!(
            shape(&[b"echo".to_vec(), b"X".to_vec()], true).err(),
            Some("Header echo only valid on Header directives")
        );
    }
}
