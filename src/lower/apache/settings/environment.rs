//! Variables: `SetEnvIf` and relatives (modules/metadata/mod_setenvif.c), `SetEnv` and relatives (mod_env), and
//! mod_ssl's `HTTPS`.

use super::{Done, words};
use crate::ir::clause::{Action, Captures, Clause, Match, OnFailure, Store, Subject, Then, When};
use crate::ir::condition::{Condition, Test, TestKind};
use crate::ir::pattern::Pattern;
use crate::ir::template::{Attribute, Part, Template};
use crate::lower::apache::alias::clause;
use crate::lower::apache::builder::Builder;
use crate::lower::apache::context::Context;
use crate::lower::apache::expr;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::Refused;
use crate::lower::apache::text;

/// `SetEnvIf`, with or without case.
pub fn set_if(context: &mut Context, builder: &mut Builder, line: &Line, no_case: bool) -> Done {
    let given = words(context, line);
    let Some((attribute, given)) = given.split_first() else { return Ok(()) };
    let subject = subject(context, builder, line, attribute)?;
    matched(context, builder, line, subject, given, no_case)
}

/// `BrowserMatch`, with or without case.
pub fn browser(context: &mut Context, builder: &mut Builder, line: &Line, no_case: bool) -> Done {
    let given = words(context, line);
    let subject = header_or_variable(context, builder, b"User-Agent");
    matched(context, builder, line, subject, &given, no_case)
}

/// `SetEnvIfExpr`.
pub fn set_if_expression(context: &mut Context, builder: &mut Builder, line: &Line) -> Done {
    let given = words(context, line);
    let [text, assignments @ ..] = given.as_slice() else { return Ok(()) };
    let parsed = expr::boolean(context, line.head, text)
        .map_err(|message| Refused::at(line.rest, format!("Can't parse expression : {message}")))?;
    let uses_captures = assignments.iter().any(|text| text.windows(2).any(|two| matches!(two, [b'$', b'0'..=b'9'])));
    if uses_captures && !format!("{parsed:?}").contains("Match(") {
        // httpd then reads what happens to lie in its memory.
        let what = "captures of an expression that has none".to_owned();
        let mut opaque = clause(line.head, None, Action::Opaque(what));
        let kind = TestKind::Expression(parsed);
        opaque.when.conditions = Condition::Test(Box::new(Test { span: line.head, kind, negated: false }));
        builder.environment.push(opaque);
        return Ok(());
    }
    let kind = TestKind::ExpressionInto(parsed, Some(Store::Pattern));
    let condition = Condition::Test(Box::new(Test { span: line.head, kind, negated: false }));
    let when = When { matches: None, conditions: condition, not_in_sub_request: false };
    set(context, builder, line, when, assignments, true)
}

/// What a pattern is held against.
fn subject(context: &mut Context, builder: &Builder, line: &Line, attribute: &[u8]) -> Result<Subject, Refused> {
    let single = |attribute| Subject::Text(Template { parts: vec![Part::Attribute(attribute)], ..Template::default() });
    Ok(match attribute.to_ascii_lowercase().as_slice() {
        b"remote_addr" | b"remote_host" => single(Attribute::RemoteAddress),
        b"server_addr" => single(Attribute::LocalAddress),
        b"request_method" => single(Attribute::Method),
        b"request_protocol" => single(Attribute::Protocol),
        b"request_uri" => single(Attribute::Path),
        _ if attribute.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)) => {
            header_or_variable(context, builder, attribute)
        }
        _ => {
            let names = context.regex(attribute, true, line.rest).map_err(|error| {
                Refused::at(line.rest, format!("Header name regex could not be compiled. ({error})"))
            })?;
            Subject::HeadersNamed(Pattern::Regex(Box::new(names)))
        }
    })
}

/// A row of clauses about one name reads it once (`match_headers`).
fn header_or_variable(context: &mut Context, builder: &Builder, attribute: &[u8]) -> Subject {
    let name = attribute.to_ascii_lowercase();
    let before = builder.environment.last().and_then(|clause| clause.when.matches.as_ref());
    let before = before.map(|matches| &matches.subject);
    let again = matches!(before, Some(Subject::HeaderOrVariable { name: have, .. }) if **have == *name);
    Subject::HeaderOrVariable { name: name.into(), variable: context.variable(attribute), again }
}

fn matched(
    context: &mut Context,
    builder: &mut Builder,
    line: &Line,
    subject: Subject,
    given: &[Vec<u8>],
    no_case: bool,
) -> Done {
    let [pattern, assignments @ ..] = given else {
        return Err(Refused::at(line.head, "Missing regular expression for SetEnvIf"));
    };
    let plain = is_plain(pattern);
    let regex = context
        .regex_with(pattern, no_case || (context.regex.at(line.rest).caseless && !plain), line.rest)
        .map_err(|error| Refused::at(line.rest, format!("SetEnvIf regex could not be compiled. ({error})")))?;
    let captures = Captures { store: Some(Store::Pattern), on_failure: OnFailure::Keep, named: Box::new([]) };
    let matches = Match { subject, pattern: Pattern::Regex(Box::new(regex)), negated: false, captures };
    let when = When { matches: Some(matches), conditions: Condition::All(Vec::new()), not_in_sub_request: false };
    set(context, builder, line, when, assignments, !plain)
}

/// Whether a pattern is a plain text, which httpd looks for without a regular expression, and so without captures.
fn is_plain(pattern: &[u8]) -> bool {
    let mut escaped = false;
    for byte in pattern {
        let special = b"^.$|()[]*+?{}".contains(byte);
        match (byte, escaped) {
            (b'\\', _) => escaped = !escaped,
            (_, true) if special => escaped = false,
            (_, true) => return false,
            (_, false) if special => return false,
            (_, false) => {}
        }
    }
    true
}

/// Sets and unsets variables when something holds.
fn set(
    context: &mut Context,
    builder: &mut Builder,
    line: &Line,
    when: When,
    assignments: &[Vec<u8>],
    captures: bool,
) -> Done {
    if assignments.is_empty() {
        return Err(Refused::at(line.head, "missing envariable expression"));
    }
    let does = assignments.iter().map(|text| assignment(context, text, captures)).collect();
    builder.environment.push(Clause { span: line.head, when, does, then: Then::Next, otherwise: Then::Next });
    Ok(())
}

fn assignment(context: &mut Context, text: &[u8], captures: bool) -> Action {
    let (name, value) = match memchr::memchr(b'=', text) {
        Some(at) => {
            // Equals signs in a row are one (`ap_getword`).
            let value = text.get(at..).unwrap_or_default();
            let signs = value.iter().take_while(|&&byte| byte == b'=').count();
            (text.get(..at).unwrap_or_default(), value.get(signs..).unwrap_or_default())
        }
        None => (text, &b""[..]),
    };
    match (name.strip_prefix(b"!"), value) {
        (Some(name), b"") => Action::Set(context.variable(name), None),
        (None, b"") => Action::Set(context.variable(name), Some(Template::literal(&b"1"[..]))),
        (_, [b'!', ..]) => Action::Set(context.variable(name), None),
        (_, value) if captures => Action::Set(context.variable(name), Some(text::substitution(value))),
        (_, value) => Action::Set(context.variable(name), Some(Template::literal(value))),
    }
}

/// mod_ssl's `HTTPS=on`, which stands in the environment only after rewriting and redirects.
pub fn encrypted(context: &mut Context) -> Clause {
    let span = crate::source::Span::new(crate::source::FileId(0), 0, 0);
    let on = Part::Attribute(Attribute::Encrypted(b"on"[..].into(), [].into()));
    let text = Template { parts: vec![on], ..Template::default() };
    let mut new = clause(span, None, Action::Set(context.variable(b"HTTPS"), Some(text.clone())));
    new.when.conditions = Condition::Test(Box::new(Test { span, kind: TestKind::Truthy(text), negated: false }));
    new.then = Then::Next;
    new
}

/// `SetEnv`, `PassEnv`, `UnsetEnv`: a variable that something set before keeps its value.
pub fn late(context: &mut Context, builder: &mut Builder, line: &Line) {
    let given = words(context, line);
    let mut push = |context: &mut Context, name: &[u8], value: Option<Template>| {
        let variable = context.variable(name);
        let unset = Test { span: line.head, kind: TestKind::IsSet(variable), negated: true };
        let mut new = clause(line.head, None, Action::Set(variable, value.clone()));
        new.then = Then::Next;
        if value.is_some() {
            new.when.conditions = Condition::Test(Box::new(unset));
        }
        builder.late_environment.push(new);
    };
    match (&*line.name, given.as_slice()) {
        (b"setenv", [name, rest @ ..]) => {
            let value = rest.first().map(|value| value.as_slice()).unwrap_or_default();
            push(context, name, Some(Template::literal(value)));
        }
        (b"passenv", names) => {
            for name in names {
                let part = Part::Attribute(Attribute::Environment(name.as_slice().into()));
                push(context, name, Some(Template { parts: vec![part], ..Template::default() }));
            }
        }
        (_, names) => names.iter().for_each(|name| push(context, name, None)),
    }
}
