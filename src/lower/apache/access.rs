//! Who may come in: `Require` and its containers, and the older `Order`, `Allow`, `Deny`.

use super::builder::Builder;
use super::context::Context;
use super::expr;
use super::load::Line;
use super::refused::{Refused, shown};
use crate::ir::access::Access;
use crate::ir::condition::{Condition, Test, TestKind};
use crate::ir::expr::Expr;
use crate::ir::template::{Attribute, Part, Template};
use crate::source::Span;
use std::sync::Arc;

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

/// `Require` and its containers of one scope, in order: any of them is enough.
pub fn required(context: &mut Context, builder: &mut Builder, lines: &[Line]) -> Result<(), Refused> {
    let mut needs = Vec::new();
    let mut span = None;
    for line in lines {
        if context.left_out.contains(&line.head) {
            continue;
        }
        if let Some(need) = need(context, line, 0)? {
            needs.push(need);
            span = span.or(Some(line.head));
        }
    }
    if let Some(span) = span {
        builder.scope.settings.access = Some(access(combine(Rule::Any, needs), span));
    }
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
        b"ip" => Need::Test(Condition::Any(rest.iter().map(|net| test(span, from(net))).collect())),
        b"local" => {
            let nets: [&[u8]; 2] = [b"127.0.0.0/8", b"::1"];
            Need::Test(Condition::Any(nets.iter().map(|net| test(span, from(net))).collect()))
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

fn from(net: &[u8]) -> TestKind {
    TestKind::Expression(Expr::IpMatch(Box::new(Expr::Attribute(Attribute::RemoteAddress)), net.into()))
}

/// `Order`, `Allow`, `Deny` of one scope.
pub fn hosts(context: &mut Context, builder: &mut Builder, lines: &[Line]) -> Result<(), Refused> {
    let (mut allow_last, mut span) = (true, None);
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    for line in lines {
        if context.left_out.contains(&line.head) {
            continue;
        }
        let words = line.words(context.sources);
        match &*line.name {
            b"order" => {
                let text: Vec<u8> = words.iter().flat_map(|word| word.value.to_ascii_lowercase()).collect();
                allow_last = match text.as_slice() {
                    b"deny,allow" => true,
                    b"allow,deny" | b"mutual-failure" => false,
                    _ => return Err(Refused::at(line.rest, "unknown order")),
                };
            }
            b"allow" | b"deny" => {
                let list = if &*line.name == b"allow" { &mut allowed } else { &mut denied };
                for word in words.iter().skip(1) {
                    list.push(host(context, line, &word.value));
                }
            }
            _ => continue,
        }
        span = span.or(Some(line.head));
    }
    let Some(span) = span else { return Ok(()) };
    let (allowed, denied) = (combine(Rule::Any, allowed), combine(Rule::None, denied));
    let both = combine(if allow_last { Rule::Any } else { Rule::All }, vec![allowed, denied]);
    builder.scope.settings.host_access = Some(access(both, span));
    Ok(())
}

fn host(context: &mut Context, line: &Line, word: &[u8]) -> Need {
    if word.eq_ignore_ascii_case(b"all") {
        return Need::Known(true);
    }
    if let Some(name) = word.strip_prefix(b"env=") {
        let (negated, name) = name.strip_prefix(b"!").map_or((false, name), |name| (true, name));
        let set = test(line.head, TestKind::IsSet(context.variable(name)));
        return Need::Test(if negated { negate(set) } else { set });
    }
    if word.first().is_some_and(|byte| byte.is_ascii_digit()) || word.contains(&b':') {
        return Need::Test(test(line.head, from(word)));
    }
    Need::Test(test(line.head, TestKind::Unknown(format!("the client's host name (`{}`)", shown(word)))))
}
