//! mod_alias's directives.

use super::builder::{Builder, Place};
use super::context::Context;
use super::flags::atoi;
use super::load::Line;
use super::refused::Refused;
use super::words::Arg;
use super::{expr, text};
use crate::ir::clause::{
    Action, Answer, Captures, Clause, Content, MapTo, Match, OnFailure, Rest, Store, Subject, Target, Then, When,
};
use crate::ir::condition::Condition;
use crate::ir::pattern::Pattern;
use crate::ir::policy::{Escape, QueryPolicy};
use crate::ir::template::Template;
use crate::source::Span;

/// A clause that does one thing and ends its list.
pub fn clause(span: Span, matches: Option<Match>, action: Action) -> Clause {
    let when = When { matches, conditions: Condition::All(Vec::new()), not_in_sub_request: false };
    Clause { span, when, does: vec![action], then: Then::EndList, otherwise: Then::Next }
}

/// A match of the path whose groups the action may use.
pub fn on_path(pattern: Pattern) -> Match {
    let captures = Captures { store: Some(Store::Pattern), on_failure: OnFailure::Keep, named: Box::new([]) };
    Match { subject: Subject::Path, pattern, negated: false, captures }
}

fn status(word: &[u8]) -> Option<u16> {
    match word.to_ascii_lowercase().as_slice() {
        b"permanent" => Some(301),
        b"temp" => Some(302),
        b"seeother" => Some(303),
        b"gone" => Some(410),
        [b'0'..=b'9', ..] => Some(u16::try_from(atoi(word)).unwrap_or(u16::MAX)),
        _ => None,
    }
}

/// `Redirect`, `RedirectMatch`.
pub fn redirect(context: &mut Context, builder: &mut Builder, line: &Line, pattern: bool) -> Result<(), Refused> {
    redirect_as(context, builder, line, pattern, 302)
}

/// The same, and `RedirectTemp`, `RedirectPermanent`: all of them read a status where the first word is one.
pub fn redirect_as(
    context: &mut Context,
    builder: &mut Builder,
    line: &Line,
    pattern: bool,
    default: u16,
) -> Result<(), Refused> {
    let name = if pattern { "RedirectMatch" } else { "Redirect" };
    let words = line.words(context.sources);
    let first = words.first().and_then(|word| status(&word.value));
    let at = |word: &Arg| line.span_of(word.range.clone());
    let refuse = |message: &str| Err(Refused::at(line.head, format!("{name}: {message}")));
    match (first, words.as_slice()) {
        (None, [word, _, _, ..]) => Err(Refused::at(at(word), format!("{name}: invalid first argument (of three)"))),
        (Some(code), [_, path, url, ..]) => listed(context, builder, line, pattern, code, path, Some(url)),
        (Some(code), [_, only]) if !builder.at_server() && (300..400).contains(&code) => {
            whole(context, builder, line, code, Some(only))
        }
        (Some(code), [_, path]) => listed(context, builder, line, pattern, code, path, None),
        (None, [path, url]) => listed(context, builder, line, pattern, default, path, Some(url)),
        (Some(code), [_]) if !builder.at_server() && !(300..400).contains(&code) => {
            whole(context, builder, line, code, None)
        }
        (None, [url]) if !builder.at_server() => whole(context, builder, line, default, Some(url)),
        (_, [_]) => refuse("argument required: URL to redirect to"),
        _ => refuse("takes one, two or three arguments"),
    }
}

fn target(to: Template, rest: Option<Escape>, reparse: bool) -> Target {
    Target {
        to,
        rest,
        reparse,
        escape: Escape::Raw,
        query: QueryPolicy::AppendUnlessPresent,
        absolute: true,
        malformed: Some(500),
    }
}

fn listed(
    context: &mut Context,
    builder: &mut Builder,
    line: &Line,
    pattern: bool,
    code: u16,
    path: &Arg,
    url: Option<&Arg>,
) -> Result<(), Refused> {
    let at = |word: &Arg| line.span_of(word.range.clone());
    let url = url.filter(|url| !url.value.is_empty());
    let content = match ((300..400).contains(&code), url) {
        (true, None) => return Err(Refused::at(line.head, "URL to redirect to is missing")),
        (false, Some(url)) => return Err(Refused::at(at(url), "Redirect URL not valid for this status")),
        (false, None) => Content::None,
        (true, Some(url)) if pattern => Content::Location(target(text::substitution(&url.value), None, true)),
        (true, Some(url)) if url.value.starts_with(b"/") || has_scheme(&url.value) => {
            Content::Location(target(Template::literal(url.value.as_ref()), Some(Escape::Path), false))
        }
        (true, Some(url)) => return Err(Refused::at(at(url), "Redirect to non-URL")),
    };
    let pattern =
        match pattern {
            false => Pattern::Segments(path.value.as_ref().into()),
            true => Pattern::Regex(Box::new(context.regex(&path.value, false, at(path)).map_err(|error| {
                Refused::at(at(path), format!("Regular expression could not be compiled. ({error})"))
            })?)),
        };
    // Status 0 says that all is well: at server level nothing then maps the path to a file.
    let answer = |status| Action::Answer(Box::new(Answer { status, content }));
    let mut new = match (code, builder.at_server()) {
        (0, true) => clause(line.head, Some(on_path(pattern)), answer(404)),
        _ => clause(line.head, Some(on_path(pattern)), answer(code)),
    };
    if code == 0 && !builder.at_server() {
        new.does.clear();
    }
    builder.redirects.push(new);
    Ok(())
}

/// A redirect of everything the scope covers, its target an expression.
fn whole(
    context: &mut Context,
    builder: &mut Builder,
    line: &Line,
    code: u16,
    url: Option<&Arg>,
) -> Result<(), Refused> {
    let content = match url {
        None => Content::None,
        Some(url) => {
            let text = expr::string(context, line.head, &url.value)
                .map_err(|message| Refused::at(line.span_of(url.range.clone()), message))?;
            Content::Location(target(text, None, true))
        }
    };
    builder.expression = Some(clause(line.head, None, Action::Answer(Box::new(Answer { status: code, content }))));
    Ok(())
}

/// `Alias`, `AliasMatch`, `ScriptAlias`, `ScriptAliasMatch`.
pub fn alias(context: &mut Context, builder: &mut Builder, line: &Line, pattern: bool) -> Result<(), Refused> {
    let words = line.words(context.sources);
    match (words.len(), builder.at_server()) {
        (1, true) => return Err(Refused::at(line.head, "Alias must have two arguments when used globally")),
        (2, false) => return Err(Refused::at(line.head, "Alias cannot occur within directory context")),
        _ => {}
    }
    let full = |name: &[u8]| match name.starts_with(b"/") {
        true => name.to_vec(),
        false => [context.prefix.to_string_lossy().as_bytes(), b"/", name].concat(),
    };
    let (matches, to) = match words.as_slice() {
        [path, to, ..] if pattern => {
            let span = line.span_of(path.range.clone());
            let regex = context
                .regex(&path.value, false, span)
                .map_err(|error| Refused::at(span, format!("Regular expression could not be compiled. ({error})")))?;
            let to = MapTo { to: text::substitution(&to.value), rest: Rest::Nothing };
            (Some(on_path(Pattern::Regex(Box::new(regex)))), to)
        }
        [path, to, ..] => {
            let to = MapTo { to: Template::literal(full(&to.value)), rest: Rest::Matched };
            (Some(on_path(Pattern::Segments(path.value.as_ref().into()))), to)
        }
        [to] => {
            let text =
                expr::string(context, line.head, &to.value).map_err(|message| Refused::at(line.rest, message))?;
            let own = match &builder.place {
                Place::Section(name) => name.strip_suffix(b"/").unwrap_or(name).into(),
                Place::Server => b"/"[..].into(),
            };
            (None, MapTo { to: text, rest: Rest::Behind(own) })
        }
        [] => return Ok(()),
    };
    let new = clause(line.head, matches, Action::MapTo(Box::new(to)));
    if words.len() == 1 {
        builder.aliases = vec![new]
    } else {
        builder.aliases.push(new)
    }
    Ok(())
}

/// Whether a text begins like a URL: letters, digits, `+`, `-`, `.`, then a colon.
pub fn has_scheme(text: &[u8]) -> bool {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    name > 0 && text.get(name) == Some(&b':')
}
