//! Requests that are handed on: which server gets them, what it is asked, and what becomes of its answer.
//!
//! A server of the same program answers by a run of its own; of any other nothing is known.

use super::flow::{Fail, Flow, Reply, ReplyContent, Try};
use super::machine::{Machine, UpstreamAnswer};
use super::{Answer, Outcome, Request, choice, escape, host, matching, own_url, template, try_files, unsafe_path};
use crate::ir::access::SOCKET;
use crate::ir::clause::{Handler, Store};
use crate::ir::proxy::{LocationPattern, Proxy};
use crate::ir::{Bytes, Program};
use std::sync::Arc;

/// How often a request may be handed on before it counts as going round for ever.
const MOST: u8 = 10;

/// Headers that go no further than one connection.
const HOP_BY_HOP: [&[u8]; 8] =
    [b"host", b"connection", b"content-length", b"transfer-encoding", b"te", b"keep-alive", b"expect", b"upgrade"];

/// A URL that requests are handed on to, split.
struct Url {
    encrypted: bool,
    /// Host and port as written; `unix:` and the path of a socket.
    authority: Vec<u8>,
    /// From the path on; perhaps empty.
    path: Vec<u8>,
}

/// Hands the request on.
pub fn hand_on(machine: &mut Machine, proxy: &Proxy) -> Flow {
    ask(machine, proxy).unwrap_or_else(Flow::from)
}

fn ask(machine: &mut Machine, proxy: &Proxy) -> Try<Flow> {
    machine.taint = None;
    let url = template::render(machine, &proxy.to)?;
    if machine.taint.take().is_some() {
        return Ok(Flow::Content);
    }
    let url = split(&url).ok_or(Fail::Status(500, Some(proxy.span)))?;
    let Some((address, port)) = own_server(machine, &url) else { return Ok(Flow::Content) };
    if machine.handed_on >= MOST {
        return Err(Fail::Unknown(Some(proxy.span), "a request that is handed on to the same server again".to_owned()));
    }
    let request = request(machine, proxy, &url, (address, port))?;
    machine.recorder.step(proxy.span, || {
        let (method, target) = (String::from_utf8_lossy(&request.method), String::from_utf8_lossy(&request.target));
        format!("asks `{}` for `{method} {target}`", String::from_utf8_lossy(&url.authority))
    });
    let explain = machine.recorder.explains();
    let mut answer = super::answer_handed_on(machine.program, machine.world, &request, explain, machine.handed_on + 1);
    machine.recorder.absorb(&mut answer);
    match answer.outcome {
        Outcome::Content => Ok(Flow::Content),
        Outcome::Unknown => {
            let (span, what) = answer.unknown.unwrap_or((None, "what the other server answers".to_owned()));
            Err(Fail::Unknown(span, what))
        }
        Outcome::Answered => pass_back(machine, proxy, answer),
    }
}

/// Splits a URL; `None` where it does not begin as one.
fn split(url: &[u8]) -> Option<Url> {
    let scheme = |name: &[u8]| url.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let encrypted = scheme(b"https://");
    let rest = url.get(if encrypted { 8 } else { 7 }..).filter(|_| encrypted || scheme(b"http://"))?;
    let end = match rest.starts_with(SOCKET) {
        true => memchr::memchr(b':', rest.get(SOCKET.len()..)?).map(|at| at + SOCKET.len()),
        false => memchr::memchr2(b'/', b'?', rest),
    };
    let (authority, path) = rest.split_at(end.unwrap_or(rest.len()));
    let path = path.strip_prefix(b":").filter(|_| rest.starts_with(SOCKET)).unwrap_or(path);
    Some(Url { encrypted, authority: authority.to_vec(), path: path.to_vec() })
}

/// The address of one of the program's own listeners, if that is where the URL leads.
fn own_server(machine: &mut Machine, url: &Url) -> Option<(Vec<u8>, u16)> {
    let default = if url.encrypted { 443 } else { 80 };
    let name = url.authority.to_ascii_lowercase();
    let program = machine.program;
    if program.fragment {
        return None;
    }
    let peer = match program.upstreams.iter().find(|upstream| *upstream.name == *name).map(|group| &*group.peers) {
        Some([]) => return None,
        Some([first, others @ ..]) => {
            if !others.is_empty() {
                let question = format!("upstream:{}", String::from_utf8_lossy(&name));
                machine.recorder.assume(question, "its first server");
            }
            address(first, 80)?
        }
        None => address(&name, default)?,
    };
    is_own(program, &peer, url.encrypted).then_some(peer)
}

/// An address and port as written; names other than `localhost` are not looked up.
fn address(text: &[u8], default: u16) -> Option<(Vec<u8>, u16)> {
    if text.starts_with(SOCKET) {
        return Some((text.to_vec(), 0));
    }
    let port = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u16>().ok();
    let (host, port) = match text.strip_prefix(b"[") {
        Some(rest) => {
            let (host, behind) = rest.split_at(memchr::memchr(b']', rest)?);
            (host, behind.strip_prefix(b"]:").map_or(Some(default), port)?)
        }
        None => match memchr::memchr(b':', text).and_then(|at| text.split_at_checked(at)) {
            Some((host, digits)) => (host, port(digits.get(1..)?)?),
            None => (text, default),
        },
    };
    let host = if host == b"localhost" { b"127.0.0.1" } else { host };
    crate::ir::table::address_number(host).map(|_| (host.to_vec(), port))
}

/// Whether one of the program's listeners takes connections to an address.
fn is_own(program: &Program, (address, port): &(Vec<u8>, u16), encrypted: bool) -> bool {
    let is_loopback = address == b"::1" || address.starts_with(b"127.");
    program.listeners.iter().any(|listener| {
        let there = match &listener.address {
            Some(have) => **have == **address || (is_loopback && host::is_any(have, address)),
            None => is_loopback && !address.contains(&b':'),
        };
        there
            && listener.encrypted == encrypted
            && listener.port.map_or(program.facts.ports.contains(port), |have| have == *port)
    })
}

fn request(machine: &mut Machine, proxy: &Proxy, url: &Url, local: (Vec<u8>, u16)) -> Try<Request> {
    let target = target(machine, proxy, url);
    if target.is_empty() {
        return Err(Fail::Status(500, Some(proxy.span)));
    }
    if target.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        let what = "a target that breaks into lines where it is handed on";
        return Err(Fail::Unknown(Some(proxy.span), what.to_owned()));
    }
    let method = match &proxy.method {
        Some(method) => template::render(machine, method)?,
        None => machine.method.clone(),
    };
    let headers = headers(machine, proxy, url)?;
    // What is not known of the client has been told as an assumption; the other server sees it as empty.
    machine.taint = None;
    let remote = if local.0.starts_with(SOCKET) { SOCKET.to_vec() } else { local.0.clone() };
    Ok(Request {
        method: method.into(),
        target: target.into(),
        version: proxy.version.clone(),
        headers,
        encrypted: url.encrypted,
        local: Some((local.0.into(), local.1)),
        remote: Some(remote.into()),
        sni: None,
    })
}

/// The target that the other server is asked for: the one that came in, if nothing has changed it and the URL has no
/// path; else the path now, the URL's in place of the location's name.
fn target(machine: &Machine, proxy: &Proxy, url: &Url) -> Vec<u8> {
    if proxy.computed && !url.path.is_empty() {
        let slash: &[u8] = if url.path.starts_with(b"?") { b"/" } else { b"" };
        return [slash, &url.path].concat();
    }
    if proxy.whole && url.path.is_empty() && !machine.flags.target_changed && machine.raw_target.starts_with(b"/") {
        return machine.raw_target.clone();
    }
    let named = !machine.flags.name_lost;
    let cut = if named && !(proxy.whole && url.path.is_empty()) { proxy.name.min(machine.path.len()) } else { 0 };
    let mut target = if named { url.path.clone() } else { Vec::new() };
    let rest = machine.path.get(cut..).unwrap_or_default();
    match machine.flags.path_quoted || machine.flags.internal {
        true => target.extend(escape::uri(rest)),
        false => target.extend_from_slice(rest),
    }
    if let Some(query) = machine.query.as_ref().filter(|query| !query.is_empty()) {
        target.push(b'?');
        target.extend_from_slice(query);
    }
    target
}

fn headers(machine: &mut Machine, proxy: &Proxy, url: &Url) -> Try<Vec<(Bytes, Bytes)>> {
    let sets = |name: &[u8]| proxy.headers.iter().any(|(have, _)| have.eq_ignore_ascii_case(name));
    let mut headers: Vec<(Bytes, Bytes)> = Vec::new();
    if !sets(b"host") {
        headers.push((b"Host"[..].into(), host_header(url).into()));
    }
    for (name, value) in &proxy.headers {
        let value = template::render(machine, value)?;
        if !value.is_empty() {
            headers.push((name.clone(), value.into()));
        }
    }
    let goes_along = |(name, _): &&(Bytes, Bytes)| {
        proxy.passes_headers && !sets(name) && !HOP_BY_HOP.iter().any(|other| name.eq_ignore_ascii_case(other))
    };
    headers.extend(machine.headers().iter().filter(goes_along).cloned());
    Ok(headers)
}

/// Host and port as the other server is told them; the port that goes without saying is not.
fn host_header(url: &Url) -> Vec<u8> {
    let default: &[u8] = if url.encrypted { b":443" } else { b":80" };
    match url.authority.starts_with(SOCKET) {
        true => b"localhost".to_vec(),
        false => url.authority.strip_suffix(default).unwrap_or(&url.authority).to_vec(),
    }
}

/// Host and port of the server that the scope in force hands requests on to; empty without one.
///
/// # Errors
/// Where the URL cannot be made.
pub fn host_of(machine: &mut Machine) -> Try<Vec<u8>> {
    let Some(Handler::Proxy(proxy)) = machine.scope.settings.handler.clone() else { return Ok(Vec::new()) };
    let url = template::render(machine, &proxy.to)?;
    Ok(split(&url).map(|url| host_header(&url)).unwrap_or_default())
}

/// What becomes of the other server's answer.
fn pass_back(machine: &mut Machine, proxy: &Proxy, answer: Answer) -> Try<Flow> {
    let status = answer.status.filter(|&status| status != 0).unwrap_or(502);
    let location = answer.location.as_ref().map(|to| (b"Location"[..].into(), to.clone()));
    let headers: Vec<(Bytes, Bytes)> = location.into_iter().chain(answer.headers.iter().cloned()).collect();
    let told = Arc::new(UpstreamAnswer { status, headers });
    machine.upstream = Some(Arc::clone(&told));
    let cause = answer.cause.or(Some(proxy.span));
    let pages = &machine.scope.settings.error_pages.items;
    let intercepted = proxy.intercepts && status >= 300 && pages.iter().any(|page| page.code == status);
    if intercepted || answer.status == Some(0) {
        return Ok(Reply::bare(status, cause).into());
    }
    if let Some(target) = told.header(b"x-accel-redirect").filter(|_| proxy.accelerates) {
        return Ok(accelerate(machine, proxy, &told, target));
    }
    if let Some(to) = &answer.location {
        match changed(machine, proxy, to)? {
            Some(to) if proxy.own_urls && to.starts_with(b"/") => {
                machine.location = Some(own_url::absolute(machine, &to));
            }
            Some(to) => machine.location = Some(to),
            // A path that came from elsewhere is not made absolute.
            None => machine.added_headers.push((b"Location"[..].into(), to.clone())),
        }
    }
    let is_hidden = |name: &[u8]| proxy.hidden.iter().any(|hidden| name.eq_ignore_ascii_case(hidden));
    machine.added_headers.extend(answer.headers.into_iter().filter(|(name, _)| !is_hidden(name)));
    let content = answer.body.map_or(ReplyContent::Served, |body| ReplyContent::Body(body.into()));
    Ok(Reply { status, content, cause }.into())
}

/// The `Location` after the first change that fits it.
fn changed(machine: &mut Machine, proxy: &Proxy, to: &[u8]) -> Try<Option<Vec<u8>>> {
    for change in &proxy.locations {
        let length = match &change.from {
            LocationPattern::Beginning(text) => {
                let text = template::render(machine, text)?;
                to.starts_with(&text).then_some(text.len())
            }
            LocationPattern::Regex(regex, named) => {
                let found = matching::search(machine, regex, to, Some(regex.span))?;
                found.map(|found| {
                    matching::set_named(machine, named, to, &found);
                    matching::set(machine, Store::Pattern, to, found);
                    to.len()
                })
            }
        };
        if let Some(length) = length {
            let mut new = template::render(machine, &change.to)?;
            new.extend_from_slice(to.get(length..).unwrap_or_default());
            return match machine.taint.take() {
                Some(taint) => Err(Fail::Unknown(Some(proxy.span), taint.to_string())),
                None => Ok(Some(new)),
            };
        }
    }
    Ok(None)
}

/// Headers that stay when the other server asks for an internal redirect.
const KEPT: [&[u8]; 4] = [b"set-cookie", b"content-disposition", b"cache-control", b"expires"];

/// `X-Accel-Redirect`: an internal redirect, or a jump to a named scope.
fn accelerate(machine: &mut Machine, proxy: &Proxy, told: &UpstreamAnswer, target: &[u8]) -> Flow {
    let is_kept = |(name, _): &&(Bytes, Bytes)| KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept));
    machine.added_headers.extend(told.headers.iter().filter(is_kept).cloned());
    machine.cause = Some(proxy.span);
    machine.recorder.step(proxy.span, || format!("is told to go on at `{}`", String::from_utf8_lossy(target)));
    if target.starts_with(b"@") {
        return choice::named(machine, target);
    }
    let Some((path, query)) = unsafe_path::parse(target) else { return Reply::bare(404, Some(proxy.span)).into() };
    if machine.method != b"HEAD" {
        machine.method = b"GET".to_vec();
    }
    try_files::to_path(machine, path, query)
}
