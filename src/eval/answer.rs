//! Immediate answers of clauses: `return`, `Redirect`, `RedirectMatch`.

use super::flow::{Fail, Flow, Reply, ReplyContent, Try};
use super::machine::Machine;
use super::{escape, own_url, rewrite, template};
use crate::ir::clause::{Answer, Clause, Content, Store, Target};
use crate::ir::policy::{QueryPolicy, StatusPolicy};

/// Makes the reply.
pub fn give(machine: &mut Machine, clause: &Clause, answer: &Answer) -> Try<Flow> {
    machine.taint = None;
    let cause = Some(clause.span);
    // The text can mention the status it goes out with (`ngx_http_send_response`).
    if !matches!(answer.content, Content::None) && machine.program.facts.statuses == StatusPolicy::Closing {
        machine.status = Some(answer.status);
    }
    let reply = match &answer.content {
        Content::None => Reply::bare(answer.status, cause),
        Content::Body(text) => {
            let text = template::render(machine, text)?;
            Reply { status: answer.status, content: ReplyContent::Body(text), cause }
        }
        Content::Location(target) => match location(machine, target)? {
            Ok(text) => Reply::location(answer.status, text, cause),
            Err(status) => Reply::bare(status, cause),
        },
    };
    if let (ReplyContent::Location(_), Some(taint)) = (&reply.content, machine.taint.take()) {
        return Err(Fail::Unknown(cause, taint.to_string()));
    }
    machine.recorder.step(clause.span, || match &reply.content {
        ReplyContent::Location(to) => format!("answers {} to `{}`", reply.status, String::from_utf8_lossy(to)),
        _ => format!("answers {}", reply.status),
    });
    Ok(reply.into())
}

/// The text of a `Location`, or the status answered where the text is no URL.
fn location(machine: &mut Machine, target: &Target) -> Try<Result<Vec<u8>, u16>> {
    let mut text = template::render(machine, &target.to)?;
    if let Some(how) = &target.rest {
        let matched = machine.captures.of(Store::Pattern);
        let end = matched.groups.first().cloned().flatten().map_or(0, |range| range.end);
        let rest = matched.subject.get(end..).unwrap_or_default();
        text.extend_from_slice(&escape::apply(machine, how, rest));
    }
    if target.reparse {
        text = rewrite::reparse(&text);
    } else {
        text = escape::apply(machine, &target.escape, &text);
    }
    if let Some(status) = target.malformed
        && !text.starts_with(b"/")
        && !has_scheme(&text)
    {
        return Ok(Err(status));
    }
    if target.query == QueryPolicy::AppendUnlessPresent
        && !text.contains(&b'?')
        && let Some(query) = &machine.query
    {
        text.push(b'?');
        text.extend_from_slice(query);
    }
    if target.absolute && text.starts_with(b"/") && machine.scope.settings.absolute != Some(false) {
        text = own_url::absolute(machine, &text);
    }
    Ok(Ok(text))
}

/// Whether a text begins like a URL: letters, digits, `+`, `-`, `.`, then a colon.
pub fn has_scheme(text: &[u8]) -> bool {
    let name = text.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count();
    name > 0 && text.get(name) == Some(&b':')
}
