//! Who may come in.

use super::condition;
use super::flow::{Fail, Flow, Reply, Try};
use super::machine::{Flags, Machine, Registers, Value};
use super::{Ended, credentials, template};
use crate::ir::access::{Access, Clients, NetworkRule, SubRequest};
use crate::ir::choice::Choice;

/// What a rule says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It lets it in.
    Allows,
    /// It has no opinion.
    Silent,
    /// It answers instead.
    Refuses(Flow),
}

/// Refuses what the scope's access rules refuse. Where the same sections are in force as for the request before an
/// internal redirect or around a sub-request, nothing is asked again (`ap_process_request_internal`); who chooses one
/// location asks every time.
pub fn check(machine: &mut Machine) -> Flow {
    let by_sections = matches!(machine.site.choice, Choice::Sections(_));
    if by_sections && machine.trail_before.as_ref() == Some(&machine.trail) {
        return Flow::Next;
    }
    let settings = &machine.scope.settings;
    let either = settings.any_access == Some(true);
    let rules = [settings.host_access.clone(), settings.access.clone()];
    let mut last = Flow::Next;
    for rule in rules.into_iter().flatten() {
        last = match one(machine, &rule, 0) {
            Verdict::Refuses(flow) => flow,
            Verdict::Allows | Verdict::Silent => Flow::Next,
        };
        if (last == Flow::Next) == either {
            return last;
        }
    }
    last
}

fn one(machine: &mut Machine, access: &Access, depth: usize) -> Verdict {
    let refused = |status, span| Verdict::Refuses(Reply::bare(status, Some(span)).into());
    match access {
        Access::Granted => Verdict::Allows,
        Access::Denied(span) => refused(403, *span),
        Access::When(test, span) => match condition::holds(machine, test) {
            Ok(true) => Verdict::Allows,
            Ok(false) => refused(403, *span),
            Err(fail) => Verdict::Refuses(fail.into()),
        },
        Access::Unknown(what, span) => Verdict::Refuses(Flow::Unknown(Some(*span), what.clone())),
        Access::Networks(rules) => networks(machine, rules),
        Access::Login(login) => decided(credentials::check(machine, login)),
        Access::SubRequest(rule) => decided(sub_request(machine, rule)),
        Access::Each(all) | Access::Any(all) if depth < 16 => {
            let verdicts = all.iter().map(|access| one(machine, access, depth + 1));
            if matches!(access, Access::Any(_)) { any(verdicts) } else { each(verdicts) }
        }
        Access::Each(_) | Access::Any(_) => Verdict::Silent,
    }
}

fn decided(verdict: Try<Verdict>) -> Verdict {
    verdict.unwrap_or_else(|fail| Verdict::Refuses(fail.into()))
}

fn each(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut refusals = verdicts.filter(|verdict| matches!(verdict, Verdict::Refuses(_)));
    refusals.next().unwrap_or(Verdict::Silent)
}

/// The first that lets in ends the search, and so does an answer that is no plain refusal; asking for credentials
/// goes before a ban (`ngx_http_core_access_phase`).
fn any(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let status = |flow: &Flow| match flow {
        Flow::Finish(reply) => reply.status,
        _ => 0,
    };
    let mut refusal: Option<Flow> = None;
    for verdict in verdicts {
        match verdict {
            Verdict::Allows => return verdict,
            Verdict::Silent => {}
            Verdict::Refuses(flow) if matches!(status(&flow), 401 | 403) => {
                if refusal.as_ref().is_none_or(|first| status(first) != 401) {
                    refusal = Some(flow);
                }
            }
            Verdict::Refuses(_) => return verdict,
        }
    }
    refusal.map_or(Verdict::Silent, Verdict::Refuses)
}

fn networks(machine: &mut Machine, rules: &[NetworkRule]) -> Verdict {
    let address = machine.remote.clone();
    if address.is_none() && !rules.first().is_some_and(|rule| rule.clients == Clients::Everyone) {
        machine.recorder.assume("remote", "an address in none of the networks that are named");
    }
    let fits = |rule: &&NetworkRule| match &address {
        Some(address) => rule.clients.has(address),
        None => rule.clients == Clients::Everyone,
    };
    match rules.iter().find(fits) {
        Some(rule) if !rule.allow => Verdict::Refuses(Reply::bare(403, Some(rule.span)).into()),
        Some(_) => Verdict::Allows,
        None => Verdict::Silent,
    }
}

/// How deep sub-requests may nest (`NGX_HTTP_MAX_SUBREQUESTS`).
const DEPTH: u8 = 50;

/// Asks for another path inside the server; its status decides.
fn sub_request(machine: &mut Machine, rule: &SubRequest) -> Try<Verdict> {
    let mut inner = inside(machine, &rule.path);
    if inner.depth > DEPTH {
        return Err(Fail::Status(500, Some(rule.span)));
    }
    machine.recorder.step(rule.span, || format!("asks for `{}` first", String::from_utf8_lossy(&rule.path)));
    inner.recorder = std::mem::take(&mut machine.recorder);
    let start = Flow::Jump(machine.program.entry.sub_request);
    let ended = super::run(&mut inner, start);
    let sets = rule.sets.iter().map(|(variable, text)| {
        inner.taint = None;
        let bytes = Some(template::render(&mut inner, text)?);
        Ok((*variable, Value { bytes, taint: inner.taint.take() }))
    });
    let sets: Vec<_> = sets.collect::<Try<_>>()?;
    machine.recorder = inner.recorder;
    // Variables are one store for all requests in a request.
    (machine.variables, machine.remembered) = (inner.variables, inner.remembered);
    for (variable, value) in sets {
        super::clauses::assign(machine, variable, value);
    }
    let refused = |status| Verdict::Refuses(Reply::bare(status, Some(rule.span)).into());
    match ended {
        Ended::Sent(sent) => Ok(match sent.status {
            200..=299 => Verdict::Allows,
            status @ (401 | 403) => refused(status),
            0 => refused(444),
            _ => refused(500),
        }),
        Ended::Content => Err(Fail::Unknown(Some(rule.span), "what the request about access answers".to_owned())),
        Ended::Unknown(span, what) => Err(Fail::Unknown(span, what)),
    }
}

/// A request for a path from inside this one: it has the client's line and headers, and nothing of what happened.
fn inside<'p>(machine: &Machine<'p>, path: &[u8]) -> Machine<'p> {
    let mut inner = machine.clone();
    inner.depth = inner.depth.saturating_add(1);
    (inner.path, inner.query) = (path.to_vec(), None);
    inner.main_method.get_or_insert_with(|| machine.method.clone());
    inner.method = b"GET".to_vec();
    inner.captures = Registers::default();
    inner.budget = inner.program.budget.internal_redirects;
    inner.flags = Flags { internal: true, target_changed: true, ..Flags::default() };
    (inner.saved_status, inner.location, inner.status, inner.upstream) = (None, None, None, None);
    inner.added_headers.clear();
    inner.enter_site();
    inner
}
