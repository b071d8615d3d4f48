//! Who may come in: `Require` and its containers, and the older `Order`, `Allow`, `Deny`.

mod hosts;
mod methods;

use super::builder::Builder;
use super::context::Context;
use super::expr;
use super::load::Line;
use super::refused::{Refused, shown};
use crate::ir::access::Access;
use crate::ir::condition::{Condition, Test, TestKind};
use crate::ir::expr::Expr;
use crate::ir::network::Network;
use crate::ir::template::Attribute;
use crate::source::Span;
use methods::Methods;
use std::sync::Arc;

pub use hosts::hosts;

/// A decision under construction.
enum Need {
    Known(bool),
    Test(Condition),
}

fn condition(need: Need) -> Condition {
    match need {
        Need::Known(true) => Condition::All(Vec::new()),
        Need::Known(false) => Condition::Any(Vec::new()),
        Need::Test(condition) => condition,
    }
}

fn access(need: Need, span: Span) -> Access {
    match need {
        Need::Known(true) => Access::Granted,
        Need::Known(false) => Access::Denied(span),
        Need::Test(condition) => Access::When(Arc::new(condition), span),
    }
}

fn test(span: Span, kind: TestKind) -> Condition {
    Condition::Test(Box::new(Test { span, kind, negated: false }))
}

fn negate(condition: Condition) -> Condition {
    match condition {
        Condition::All(parts) => Condition::Any(parts.into_iter().map(negate).collect()),
        Condition::Any(parts) => Condition::All(parts.into_iter().map(negate).collect()),
        Condition::Trailing(_) => Condition::Any(Vec::new()),
        Condition::Test(mut test) => {
            test.negated = !test.negated;
            Condition::Test(test)
        }
    }
}

/// How needs combine.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    All,
    Any,
    None,
}

fn combine(rule: Rule, needs: Vec<Need>) -> Need {
    let decisive = rule != Rule::All;
    let mut open = Vec::new();
    let mut decided = false;
    for need in needs {
        match need {
            Need::Known(value) => decided |= value == decisive,
            Need::Test(condition) => open.push(condition),
        }
    }
    // Who the client is gets asked last: what else decides spares the question (`apply_authz_sections`).
    open.sort_by_key(asks_for_user);
    let need = match (decided, open.is_empty()) {
        (true, _) => Need::Known(decisive),
        (false, true) => Need::Known(!decisive),
        (false, false) if rule == Rule::All => Need::Test(Condition::All(open)),
        (false, false) => Need::Test(Condition::Any(open)),
    };
    match (rule, need) {
        (Rule::None, Need::Known(value)) => Need::Known(!value),
        (Rule::None, Need::Test(condition)) => Need::Test(negate(condition)),
        (_, need) => need,
    }
}

/// Whether a client has to say who it is for this to be decided.
fn asks_for_user(condition: &Condition) -> bool {
    match condition {
        Condition::All(parts) | Condition::Any(parts) | Condition::Trailing(parts) => parts.iter().any(asks_for_user),
        Condition::Test(test) => matches!(test.kind, TestKind::User(_)),
    }
}

/// `Require` and its containers of one scope, in order: any of them is enough. Methods that none of them is for may
/// come in (modules/aaa/mod_authz_core.c `apply_authz_sections`).
pub fn required(context: &mut Context, builder: &mut Builder, lines: &[Line]) -> Result<(), Refused> {
    let (mut needs, mut masks) = (Vec::new(), Vec::new());
    let mut span = None;
    for (line, methods) in methods::limited(context, lines) {
        let Some(need) = need(context, line, Rule::Any, 0)? else { continue };
        span = span.or(Some(line.head));
        needs.push(match &methods {
            Some(methods) => Need::Test(Condition::All(vec![methods.hold(line.head), condition(need)])),
            None => need,
        });
        masks.push(methods);
    }
    let Some(span) = span else { return Ok(()) };
    if let Some(masks) = masks.into_iter().collect::<Option<Vec<Methods>>>() {
        let others = masks.iter().map(|methods| negate(methods.hold(span))).collect();
        needs.push(Need::Test(Condition::All(others)));
    }
    builder.scope.settings.access = Some(access(combine(Rule::Any, needs), span));
    Ok(())
}

/// What a line asks for where all or any of its neighbours have to agree (`within`); nothing where it is about
/// something else (modules/aaa/mod_authz_core.c `add_authz_section`).
fn need(context: &mut Context, line: &Line, within: Rule, depth: usize) -> Result<Option<Need>, Refused> {
    let name = match &*line.name {
        b"require" => "Require",
        b"requireall" => "<RequireAll>",
        b"requireany" => "<RequireAny>",
        b"requirenone" => "<RequireNone>",
        _ => return Ok(None),
    };
    if is_negative(context, line) && within != Rule::All {
        return Err(Refused::at(line.head, format!("negative {name} directive has no effect where any is enough")));
    }
    let rule = match &*line.name {
        b"require" => return single(context, line).map(Some),
        b"requireall" => Rule::All,
        b"requireany" => Rule::Any,
        _ => Rule::None,
    };
    if !line.args(context.sources).is_empty() {
        return Err(Refused::at(line.rest, format!("{name} directive takes no arguments")));
    }
    let (mut needs, mut negative) = (Vec::new(), true);
    for inner in line.block.iter().flatten().filter(|_| depth < 64) {
        if let Some(need) = need(context, inner, rule, depth + 1)? {
            needs.push(need);
            negative &= is_negative(context, inner);
        }
    }
    if needs.is_empty() {
        return Err(Refused::at(line.head, format!("{name} directive contains no authorization directives")));
    }
    if rule == Rule::All && negative {
        // Nothing in it lets anybody in.
        needs.push(Need::Known(false));
    }
    Ok(Some(combine(rule, needs)))
}

/// Whether it can only keep somebody out.
fn is_negative(context: &Context, line: &Line) -> bool {
    match &*line.name {
        b"requirenone" => true,
        b"require" => line.words(context.sources).first().is_some_and(|word| word.value.eq_ignore_ascii_case(b"not")),
        _ => false,
    }
}

fn single(context: &mut Context, line: &Line) -> Result<Need, Refused> {
    let words = line.words(context.sources);
    let mut words: Vec<Vec<u8>> = words.into_iter().map(|word| word.value.into_owned()).collect();
    let negated = is_negative(context, line);
    if negated {
        words.remove(0);
    }
    let Some((kind, rest)) = words.split_first() else {
        return Err(Refused::at(line.head, "Require directive requires additional arguments"));
    };
    let span = line.head;
    let need = match kind.as_slice() {
        b"all" => match rest {
            [word] if word.eq_ignore_ascii_case(b"granted") => Need::Known(true),
            [word] if word.eq_ignore_ascii_case(b"denied") => Need::Known(false),
            _ => return Err(Refused::at(line.rest, "Argument for 'Require all' must be 'granted' or 'denied'")),
        },
        b"ip" if rest.is_empty() => {
            return Err(Refused::at(line.head, "'require ip' requires additional arguments"));
        }
        b"ip" => {
            let tests: Option<Vec<_>> = rest.iter().map(|net| Some(test(span, from(net)?))).collect();
            let wrong = || Refused::at(line.rest, "an ip address appears to be invalid");
            Need::Test(Condition::Any(tests.ok_or_else(wrong)?))
        }
        b"local" => {
            let nets: [&[u8]; 2] = [b"127.0.0.0/8", b"::1"];
            Need::Test(Condition::Any(nets.iter().filter_map(|net| Some(test(span, from(net)?))).collect()))
        }
        b"env" => {
            let set = rest.iter().map(|name| test(span, TestKind::IsSet(context.variable(name)))).collect();
            Need::Test(Condition::Any(set))
        }
        b"method" => Need::Test(Methods::of(rest.to_vec()).hold(span)),
        b"expr" => {
            let text = rest.join(&b' ');
            let parsed = expr::boolean(context, line.head, &text).map_err(|message| {
                Refused::at(line.rest, format!("Cannot parse expression in require line: {message}"))
            })?;
            Need::Test(test(span, TestKind::Expression(parsed)))
        }
        b"valid-user" => Need::Test(test(span, TestKind::User(Box::new([])))),
        b"user" => Need::Test(test(span, TestKind::User(rest.iter().map(|name| name.as_slice().into()).collect()))),
        lower if !context.modules.brings_provider(lower) => {
            return Err(Refused::at(line.rest, format!("Unknown Authz provider: {}", shown(kind))));
        }
        _ => Need::Test(test(span, TestKind::Unknown(format!("`Require {}`", shown(kind))))),
    };
    Ok(match (negated, need) {
        (false, need) => need,
        (true, Need::Known(value)) => Need::Known(!value),
        // Turned round, a client that has not said who it is has no say in the matter.
        (true, Need::Test(test)) if asks_for_user(&test) => Need::Known(true),
        (true, need) => Need::Test(negate(condition(need))),
    })
}

/// Whether the client's address lies in a network; `None` where that is none.
fn from(net: &[u8]) -> Option<TestKind> {
    let client = Box::new(Expr::Attribute(Attribute::RemoteAddress));
    Some(TestKind::Expression(Expr::IpMatch(client, Network::parse(net)?)))
}
