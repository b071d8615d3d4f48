//! Replies of a server whose error pages can answer any status from 300 on, redirects included, and that closes
//! the connection for some statuses (nginx).

use super::{Finished, Sent, headers};
use crate::eval::flow::{Flow, Reply, ReplyContent};
use crate::eval::machine::Machine;
use crate::eval::{choice, own_url, template, try_files};
use crate::ir::scope::{ErrorPage, ErrorStatus, ErrorTarget};
use std::sync::Arc;

/// Finalises a reply.
pub fn finish(machine: &mut Machine, reply: Reply) -> Finished {
    match reply.content {
        ReplyContent::Body(body) => {
            let status = machine.saved_status.filter(|&status| status != 0).unwrap_or(reply.status);
            send(machine, status, Some(body))
        }
        ReplyContent::Served => {
            let status = machine.saved_status.filter(|&status| status != 0).unwrap_or(reply.status);
            send(machine, status, None)
        }
        ReplyContent::Location(to) => {
            machine.location = Some(to);
            special(machine, reply.status)
        }
        ReplyContent::Bare => special(machine, reply.status),
    }
}

/// A status without content of its own: an error page, or the server's own page.
fn special(machine: &mut Machine, status: u16) -> Finished {
    if matches!(status, 408 | 444 | 499) {
        return Finished::Sent(Sent::default());
    }
    machine.saved_status = Some(status);
    if !machine.flags.error_intercepted && !machine.scope.settings.error_pages.items.is_empty() {
        machine.flags.error_intercepted = machine.scope.settings.recursive_error_pages != Some(true);
        let pages = &machine.scope.settings.error_pages.items;
        if let Some(page) = pages.iter().find(|page| page.code == status).cloned() {
            return answer_with(machine, &page);
        }
    }
    if matches!(status, 301 | 302) && refreshes(machine) {
        machine.location = None;
        return send(machine, 200, None);
    }
    let status = if (494..=497).contains(&status) { 400 } else { status };
    send(machine, status, None)
}

/// Internet Explorer gets a page with a refresh, where that is asked for.
fn refreshes(machine: &Machine) -> bool {
    machine.scope.settings.msie_refresh == Some(true)
        && machine.header_lines(b"user-agent").next().is_some_and(|agent| {
            let msie = agent.windows(5).position(|window| window == b"MSIE ");
            msie.is_some_and(|at| at + 7 < agent.len()) && !agent.windows(5).any(|window| window == b"Opera")
        })
}

fn answer_with(machine: &mut Machine, page: &Arc<ErrorPage>) -> Finished {
    match page.status {
        ErrorStatus::Original => {}
        ErrorStatus::Target => machine.saved_status = None,
        ErrorStatus::Fixed(status) => machine.saved_status = Some(status),
    }
    machine.cause = Some(page.span);
    let target = match &page.target {
        ErrorTarget::Path(text) | ErrorTarget::Url(text) => template::render(machine, text),
        ErrorTarget::Named(name) => Ok(name.to_vec()),
        ErrorTarget::Text(_) | ErrorTarget::Default => return send(machine, page.code, None),
    };
    let target = match target {
        Ok(target) => target,
        Err(fail) => return Finished::GoesOn(fail.into()),
    };
    machine.recorder.step(page.span, || format!("answers {} with `{}`", page.code, String::from_utf8_lossy(&target)));
    Finished::GoesOn(match target.first() {
        Some(b'/') => {
            if machine.method != b"HEAD" {
                machine.method = b"GET".to_vec();
            }
            try_files::to_target(machine, &target)
        }
        Some(b'@') => choice::named(machine, &target),
        _ => return leave(machine, page, target),
    })
}

/// An error page that is a URL: an external redirect.
fn leave(machine: &mut Machine, page: &ErrorPage, target: Vec<u8>) -> Finished {
    if let Some(taint) = machine.taint.take() {
        return Finished::GoesOn(Flow::Unknown(Some(page.span), taint.to_string()));
    }
    machine.location = Some(target);
    if refreshes(machine) {
        machine.location = None;
        return send(machine, 200, None);
    }
    let status = match page.status {
        ErrorStatus::Fixed(status @ (301 | 302 | 303 | 307 | 308)) => status,
        _ => 302,
    };
    send(machine, status, None)
}

fn send(machine: &mut Machine, status: u16, body: Option<Vec<u8>>) -> Finished {
    if machine.request.version.is_empty() {
        // HTTP/0.9: a body and nothing else.
        return Finished::Sent(Sent { body, ..Sent::default() });
    }
    (machine.status, machine.saved_status) = (Some(status), None);
    let added = match headers::listed_statuses(machine, status) {
        Ok(added) => added,
        Err(fail) => return Finished::GoesOn(fail.into()),
    };
    let mut location = machine.location.clone();
    if let Some(text) = &location
        && text.starts_with(b"/")
        && machine.scope.settings.absolute != Some(false)
    {
        let text = text.clone();
        location = Some(own_url::absolute(machine, &text));
    }
    let is_location = |(name, _): &(crate::ir::Bytes, crate::ir::Bytes)| name.eq_ignore_ascii_case(b"location");
    let location =
        location.or_else(|| added.iter().find(|header| is_location(header)).map(|(_, value)| value.to_vec()));
    let headers = added.into_iter().filter(|header| !is_location(header)).collect();
    Finished::Sent(Sent { status, location, headers, body })
}
