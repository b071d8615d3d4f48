//! Replies of a server that knows a fixed list of statuses, and whose error pages are asked once (Apache).

use super::{Finished, Sent, headers};
use crate::eval::flow::{Reply, ReplyContent};
use crate::eval::machine::Machine;
use crate::eval::{folder, template};
use crate::ir::scope::ErrorTarget;

/// Finalises a reply.
pub fn finish(machine: &mut Machine, reply: Reply) -> Finished {
    let served = matches!(reply.content, ReplyContent::Served | ReplyContent::Body(_));
    if served {
        let status = machine.saved_status.unwrap_or(reply.status);
        return send(machine, status, true, None);
    }
    let recursive = machine.flags.internal && machine.saved_status.is_some();
    if let (true, Some((first, location))) = (recursive, machine.first_error.clone()) {
        // What fails on the way to an error page leaves the first answer.
        machine.location = location;
        return send(machine, first, false, None);
    }
    machine.location = match reply.content {
        ReplyContent::Location(to) => Some(to),
        _ => None,
    };
    if recursive {
        return send(machine, reply.status, false, None);
    }
    let pages = &machine.scope.settings.error_pages.items;
    let code = with_status_line(reply.status);
    let Some(page) = pages.iter().find(|page| page.code == code).cloned() else {
        return send(machine, reply.status, false, None);
    };
    let rendered = match &page.target {
        ErrorTarget::Path(text) | ErrorTarget::Url(text) | ErrorTarget::Text(text) => template::render(machine, text),
        ErrorTarget::Named(_) | ErrorTarget::Default => return send(machine, reply.status, false, None),
    };
    let text = match rendered {
        Ok(text) => text,
        Err(fail) => return Finished::GoesOn(fail.into()),
    };
    machine.recorder.step(page.span, || format!("answers {} with `{}`", reply.status, String::from_utf8_lossy(&text)));
    match page.target {
        ErrorTarget::Path(_) => {
            machine.saved_status = Some(reply.status);
            if machine.method != b"HEAD" {
                machine.method = b"GET".to_vec();
            }
            machine.query = None;
            Finished::GoesOn(folder::restart(machine, &text))
        }
        ErrorTarget::Url(_) => {
            machine.location = Some(text);
            machine.cause = Some(page.span);
            send(machine, 302, false, None)
        }
        _ => send(machine, reply.status, false, Some(text)),
    }
}

/// A status that has no line is sent, and looked up among the error pages, as 500.
fn with_status_line(status: u16) -> u16 {
    let has_line = matches!(status, 100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308 | 400..=417 | 421..=424 | 426 | 428 | 429 | 431
        | 451 | 500..=508 | 510 | 511);
    if has_line { status } else { 500 }
}

fn send(machine: &mut Machine, status: u16, served: bool, body: Option<Vec<u8>>) -> Finished {
    let status = with_status_line(status);
    machine.status = Some(status);
    let added = match headers::two_tables(machine, served) {
        Ok(added) => added,
        Err(fail) => return Finished::GoesOn(fail.into()),
    };
    if machine.location.iter().map(Vec::as_slice).chain(added.iter().map(|(_, value)| &**value)).any(is_broken) {
        return in_place_of_broken_headers(machine, status);
    }
    let is_location = |(name, _): &(crate::ir::Bytes, crate::ir::Bytes)| name.eq_ignore_ascii_case(b"location");
    let set = added.iter().find(|header| is_location(header)).map(|(_, value)| value.to_vec());
    let location = set.or_else(|| machine.location.clone());
    let headers = added.into_iter().filter(|header| !is_location(header)).collect();
    Finished::Sent(Sent { status, location, headers, body })
}

/// Whether a header's value holds what none may (`check_headers` in http_filters.c).
fn is_broken(value: &[u8]) -> bool {
    value.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f)
}

/// An answer whose headers cannot be sent is an error; where it was none so far, an error page may still answer.
fn in_place_of_broken_headers(machine: &mut Machine, status: u16) -> Finished {
    machine.location = None;
    if status == 200 {
        (machine.saved_status, machine.first_error) = (None, None);
        return finish(machine, Reply::bare(500, machine.cause));
    }
    machine.status = Some(500);
    Finished::Sent(Sent { status: 500, ..Sent::default() })
}
