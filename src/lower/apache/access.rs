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
use crate::ir::template::{Attribute, Part, Template};
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

/// `Require` and its containers of one scope, in order: any of them is enough. Methods that none of them is for may
/// come in (modules/aaa/mod_authz_core.c `apply_authz_sections`).
pub fn required(context: &mut Context, builder: &mut Builder, lines: &[Line]) -> Result<(), Refused> {
    let (mut needs, mut masks) = (Vec::new(), Vec::new());
    let mut span = None;
    for (line, methods) in methods::limited(context, lines) {
        let Some(need) = need(context, line, 0)? else { continue };
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

fn need(context: &mut Context, line: &Line, depth: usize) -> Result<Option<Need>, Refused> {
    let rule = match &*line.name {
        b"require" => return single(context, line).map(Some),
        b"requireall" => Rule::All,
        b"requireany" => Rule::Any,
        b"requirenone" => Rule::None,
        _ => return Ok(None),
    };
    let mut needs = Vec::new();
    for inner in line.block.iter().flatten().filter(|_| depth < 64) {
        needs.extend(need(context, inner, depth + 1)?);
    }
    Ok(Some(combine(rule, needs)))
}

fn single(context: &mut Context, line: &Line) -> Result<Need, Refused> {
    let words = line.words(context.sources);
    let mut words: Vec<Vec<u8>> = words.into_iter().map(|word| word.value.into_owned()).collect();
    let negated = words.first().is_some_and(|word| word.eq_ignore_ascii_case(b"not"));
    if negated {
        words.remove(0);
    }
    let Some((kind, rest)) = words.split_first() else { return Ok(Need::Known(false)) };
    let span = line.head;
    let need = match kind.to_ascii_lowercase().as_slice() {
        b"all" => match rest.first().map(|word| word.to_ascii_lowercase()).as_deref() {
            Some(b"granted") => Need::Known(true),
            Some(b"denied") => Need::Known(false),
            _ => return Err(Refused::at(line.rest, "Argument for 'Require all' must be 'granted' or 'denied'")),
        },
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
        b"method" => {
            let method = || Template { parts: vec![Part::Attribute(Attribute::Method)], ..Template::default() };
            let is = |name: &Vec<u8>| test(span, TestKind::Equals(method(), Template::literal(name.as_slice())));
            Need::Test(Condition::Any(rest.iter().map(is).collect()))
        }
        b"expr" => {
            let text = rest.join(&b' ');
            let parsed = expr::boolean(context, &text).map_err(|message| {
                Refused::at(line.rest, format!("Cannot parse expression in require line: {message}"))
            })?;
            Need::Test(test(span, TestKind::Expression(parsed)))
        }
        b"valid-user" | b"user" | b"group" => {
            Need::Test(test(span, TestKind::Unknown("whether the client is logged in".to_owned())))
        }
        _ => Need::Test(test(span, TestKind::Unknown(format!("`Require {}`", shown(kind))))),
    };
    Ok(match (negated, need) {
        (false, need) => need,
        (true, Need::Known(value)) => Need::Known(!value),
        (true, need) => Need::Test(negate(condition(need))),
    })
}

/// Whether the client's address lies in a network; `None` where that is none.
fn from(net: &[u8]) -> Option<TestKind> {
    let client = Box::new(Expr::Attribute(Attribute::RemoteAddress));
    Some(TestKind::Expression(Expr::IpMatch(client, Network::parse(net)?)))
}
