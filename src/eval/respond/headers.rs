//! Which configured headers go out with a reply.

use crate::eval::flow::{Fail, Flow, Try};
use crate::eval::machine::Machine;
use crate::eval::{condition, matching, template};
use crate::ir::Bytes;
use crate::ir::clause::Store;
use crate::ir::scope::{HeaderAction, HeaderRule};
use std::sync::Arc;

/// The statuses that headers without `always` go with (`ngx_http_headers_filter`).
const LISTED: [u16; 10] = [200, 201, 204, 206, 301, 302, 303, 304, 307, 308];

/// Headers of the scope in force by the policy of listed statuses. An empty value sends nothing.
///
/// # Errors
/// Where a value cannot be made.
pub fn listed_statuses(machine: &mut Machine, status: u16) -> Try<Vec<(Bytes, Bytes)>> {
    let rules = machine.scope.settings.headers.items.clone();
    let mut out: Vec<(Bytes, Bytes)> = std::mem::take(&mut machine.added_headers);
    for rule in rules {
        if !(rule.always || LISTED.contains(&status)) || !guarded(machine, &rule)? {
            continue;
        }
        let value = template::render(machine, &rule.value)?;
        apply(machine, &rule, value, &mut out);
    }
    Ok(out)
}

fn guarded(machine: &mut Machine, rule: &HeaderRule) -> Try<bool> {
    match &rule.condition {
        Some(test) => condition::holds(machine, test),
        None => Ok(true),
    }
}

fn apply(machine: &mut Machine, rule: &HeaderRule, value: Vec<u8>, out: &mut Vec<(Bytes, Bytes)>) {
    let same = |(name, _): &(Bytes, Bytes)| name.eq_ignore_ascii_case(&rule.name);
    let is_location = rule.name.eq_ignore_ascii_case(b"location");
    match rule.action {
        HeaderAction::Unset => {
            out.retain(|header| !same(header));
            if is_location {
                machine.location = None;
            }
        }
        HeaderAction::Set if is_location => machine.location = Some(value).filter(|value| !value.is_empty()),
        _ if value.is_empty() => {
            if rule.action == HeaderAction::Set {
                out.retain(|header| !same(header));
            }
        }
        HeaderAction::Set => {
            out.retain(|header| !same(header));
            out.push((rule.name.clone(), value.into()));
        }
        _ => out.push((rule.name.clone(), value.into())),
    }
}

/// Headers of the scope in force by the policy of two tables: the one for success goes out only with content. Neither
/// sees what stands in the other, so content can carry a header twice.
///
/// # Errors
/// Where a value cannot be made.
pub fn two_tables(machine: &mut Machine, served: bool) -> Try<Vec<(Bytes, Bytes)>> {
    let rules = machine.scope.settings.headers.items.clone();
    let mut always: Vec<(Bytes, Bytes)> = std::mem::take(&mut machine.added_headers);
    if machine.location.is_some() {
        always.retain(|(name, _)| !name.eq_ignore_ascii_case(b"location"));
    }
    let mut success: Vec<(Bytes, Bytes)> = Vec::new();
    for rule in rules {
        if !(rule.always || served) || rule.early {
            continue;
        }
        match guarded(machine, &rule) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(Fail::Unknown(..)) => {
                // A header more or less leaves status and target as they are.
                machine.recorder.assume(format!("header:{}", String::from_utf8_lossy(&rule.name)), "not sent");
                continue;
            }
            Err(fail) => return Err(fail),
        }
        apply_rule(machine, &rule, if rule.always { &mut always } else { &mut success })?;
    }
    always.append(&mut success);
    Ok(always)
}

/// Changes the request's headers: by the site's early rules, or by those of the scope in force.
pub fn change_request(machine: &mut Machine, early: bool) -> Flow {
    let rules = match early {
        true => machine.scope_by_id(machine.site.scope).settings.request_headers.items.clone(),
        false => machine.scope.settings.request_headers.items.clone(),
    };
    let mut headers: Option<Vec<(Bytes, Bytes)>> = None;
    for rule in rules.into_iter().filter(|rule| rule.early == early) {
        let done = guarded(machine, &rule).and_then(|on| match on {
            true => {
                let mut all = headers.take().unwrap_or_else(|| machine.joined_headers());
                let done = apply_rule(machine, &rule, &mut all);
                headers = Some(all);
                done
            }
            false => Ok(()),
        });
        if let Err(fail) = done {
            return fail.into();
        }
    }
    if let Some(headers) = headers {
        machine.changed_headers = Some(Arc::new(headers));
    }
    if early { promise(machine) } else { Flow::Next }
}

/// Headers of the answer that the site's rules set before anything else happens.
fn promise(machine: &mut Machine) -> Flow {
    let rules = machine.scope_by_id(machine.site.scope).settings.headers.items.clone();
    let mut added = std::mem::take(&mut machine.added_headers);
    for rule in rules.into_iter().filter(|rule| rule.early && rule.always) {
        let done =
            guarded(machine, &rule).and_then(|on| if on { apply_rule(machine, &rule, &mut added) } else { Ok(()) });
        if let Err(fail) = done {
            return fail.into();
        }
    }
    machine.added_headers = added;
    Flow::Next
}

fn apply_rule(machine: &mut Machine, rule: &HeaderRule, out: &mut Vec<(Bytes, Bytes)>) -> Try<()> {
    match rule.action {
        HeaderAction::Edit | HeaderAction::EditAll => edit(machine, rule, out),
        _ => {
            machine.taint = None;
            let value = template::render(machine, &rule.value)?;
            if let (Some(taint), b"location") = (&machine.taint, &*rule.name.to_ascii_lowercase()) {
                return Err(Fail::Unknown(Some(rule.span), taint.to_string()));
            }
            change(rule, value, out);
            Ok(())
        }
    }
}

/// Replaces what a pattern finds in a header: once, or everywhere.
fn edit(machine: &mut Machine, rule: &HeaderRule, out: &mut [(Bytes, Bytes)]) -> Try<()> {
    let Some(pattern) = &rule.pattern else { return Ok(()) };
    for (_, value) in out.iter_mut().filter(|(name, _)| name.eq_ignore_ascii_case(&rule.name)) {
        let (mut done, mut rest) = (Vec::new(), value.to_vec());
        while let Some(found) = matching::search(machine, pattern, &rest, Some(rule.span))? {
            let whole = found.first().cloned().flatten().unwrap_or(0..0);
            done.extend_from_slice(rest.get(..whole.start).unwrap_or_default());
            matching::set(machine, Store::Pattern, &rest, found);
            done.extend(template::render(machine, &rule.value)?);
            rest = rest.get(whole.end..).unwrap_or_default().to_vec();
            if rule.action == HeaderAction::Edit || rest.is_empty() || whole.is_empty() {
                break;
            }
        }
        done.extend(rest);
        *value = done.into();
    }
    Ok(())
}

fn change(rule: &HeaderRule, value: Vec<u8>, out: &mut Vec<(Bytes, Bytes)>) {
    let same = |(name, _): &(Bytes, Bytes)| name.eq_ignore_ascii_case(&rule.name);
    let at = out.iter().position(same);
    match rule.action {
        HeaderAction::Unset => out.retain(|header| !same(header)),
        HeaderAction::Set => {
            out.retain(|header| !same(header));
            out.push((rule.name.clone(), value.into()));
        }
        HeaderAction::SetIfEmpty if at.is_some() => {}
        HeaderAction::Append | HeaderAction::Merge if at.is_some() => {
            if let Some((_, have)) = at.and_then(|at| out.get_mut(at)) {
                *have = [&**have, b", ", &value].concat().into();
            }
        }
        HeaderAction::Edit | HeaderAction::EditAll | HeaderAction::Note | HeaderAction::Echo => {}
        _ => out.push((rule.name.clone(), value.into())),
    }
}
