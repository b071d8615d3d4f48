//! The older rules: `Order`, `Allow`, `Deny` (modules/aaa/mod_access_compat.c).

use super::methods::{self, Methods};
use super::{Need, Rule, access, combine, condition, from, negate, test};
use crate::ir::condition::{Condition, TestKind};
use crate::ir::network::Network;
use crate::lower::apache::builder::Builder;
use crate::lower::apache::context::Context;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::{Refused, shown};

/// `Order`, `Allow`, `Deny` of one scope. What stands in a `<Limit>` is said of its methods only, together with what
/// stands outside.
pub fn hosts(context: &mut Context, builder: &mut Builder, lines: &[Line]) -> Result<(), Refused> {
    let all = methods::limited(context, lines);
    let mut masks: Vec<Option<Methods>> = vec![None];
    for (_, methods) in &all {
        if !masks.contains(methods) {
            masks.push(methods.clone());
        }
    }
    let (mut rules, mut span) = (Vec::new(), None);
    for mask in &masks {
        let here = all.iter().filter(|(_, methods)| methods.is_none() || methods == mask).map(|(line, _)| *line);
        let Some((need, at)) = decision(context, here)? else { continue };
        span = span.or(Some(at));
        rules.push(match mask {
            Some(methods) => Need::Test(Condition::Any(vec![negate(methods.hold(at)), condition(need)])),
            None => {
                let others = masks.iter().flatten().map(|methods| methods.hold(at));
                Need::Test(Condition::Any(others.chain([condition(need)]).collect()))
            }
        });
    }
    let Some(span) = span else { return Ok(()) };
    builder.scope.settings.host_access = Some(access(combine(Rule::All, rules), span));
    Ok(())
}

/// What these lines say together; nothing where none of them is of this kind.
fn decision<'l>(
    context: &mut Context,
    lines: impl Iterator<Item = &'l Line>,
) -> Result<Option<(Need, crate::source::Span)>, Refused> {
    let (mut allow_last, mut span) = (true, None);
    let (mut allowed, mut denied) = (Vec::new(), Vec::new());
    for line in lines {
        let words = || line.words(context.sources);
        match &*line.name {
            b"order" => {
                let text: Vec<u8> = words().iter().flat_map(|word| word.value.to_ascii_lowercase()).collect();
                allow_last = match text.as_slice() {
                    b"deny,allow" => true,
                    b"allow,deny" | b"mutual-failure" => false,
                    _ => return Err(Refused::at(line.rest, "unknown order")),
                };
            }
            b"allow" | b"deny" => {
                let list = if &*line.name == b"allow" { &mut allowed } else { &mut denied };
                for word in words().iter().skip(1) {
                    list.push(host(context, line, &word.value)?);
                }
            }
            _ => continue,
        }
        span = span.or(Some(line.head));
    }
    let (allowed, denied) = (combine(Rule::Any, allowed), combine(Rule::None, denied));
    let both = combine(if allow_last { Rule::Any } else { Rule::All }, vec![allowed, denied]);
    Ok(span.map(|span| (both, span)))
}

fn host(context: &mut Context, line: &Line, word: &[u8]) -> Result<Need, Refused> {
    if word.eq_ignore_ascii_case(b"all") {
        return Ok(Need::Known(true));
    }
    if let Some(name) = word.strip_prefix(b"env=") {
        let (negated, name) = name.strip_prefix(b"!").map_or((false, name), |name| (true, name));
        let set = test(line.head, TestKind::IsSet(context.variable(name)));
        return Ok(Need::Test(if negated { negate(set) } else { set }));
    }
    let slash = word.contains(&b'/');
    if slash || Network::looks_like_one(word) {
        let from = from(word).ok_or_else(|| Refused::at(line.rest, "An IP address was expected"))?;
        return Ok(Need::Test(test(line.head, from)));
    }
    let name = TestKind::Unknown(format!("the client's host name (`{}`)", shown(word)));
    Ok(Need::Test(test(line.head, name)))
}
