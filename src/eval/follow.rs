//! From an answer to the next request, as a client does it: the hops of a redirect.
//!
//! Pure: a program, a world and a first request in, the hops and how they ended out. It follows the rules of
//! WHATWG Fetch (HTTP-redirect fetch) and knows nothing of files, flags or output. The first request goes out
//! as it was typed; only a `Location` is read with a URL parser, as clients do.

use super::host;
use super::{Answer, Outcome, Request, World, answer, matching};
use crate::ir::Program;
use crate::ir::pattern::Regex;
use crate::ir::site::{Listener, SiteName};
use url::Url;

/// A client's habits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Redirects followed before the client gives up.
    pub redirects: usize,
    /// Whether answers name the steps that led to them.
    pub explain: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { redirects: 20, explain: false }
    }
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub struct Hop {
    /// The URL asked for, absolute, without fragment, as sent.
    pub url: Vec<u8>,
    /// The request.
    pub request: Request,
    /// The answer.
    pub answer: Answer,
}

/// How following ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// An answer that is not a redirect, or content.
    Served,
    /// A redirect to a place that no site of the configuration answers for.
    RedirectedAway,
    /// A request that was made before.
    Loop,
    /// The client's limit.
    TooManyHops,
    /// A status of 400 or above, a closed connection, or a `Location` that is no URL.
    Error,
    /// An answer that is not known.
    Unknown,
}

/// The hops in order, and how they ended.
#[derive(Clone, Debug)]
pub struct Journey {
    /// At least one.
    pub hops: Vec<Hop>,
    /// How it ended.
    pub end: End,
    /// The URL at which it ended or would go on, with its fragment.
    pub last: Vec<u8>,
}

/// Follows from a first request.
pub fn follow(program: &Program, world: &dyn World, first: Request, limits: Limits) -> Journey {
    let home = authority(&first).to_vec();
    let mut hops: Vec<Hop> = Vec::new();
    let mut fragment = None;
    let mut request = first;
    loop {
        let url = url_of(&request);
        let answer = answer(program, world, &request, limits.explain);
        let next = next(&url, &mut fragment, &request, &answer);
        hops.push(Hop { url, request, answer });
        let (end, last) = match next {
            Next::Ends(end) => (end, hops.last().map(|hop| hop.url.clone()).unwrap_or_default()),
            Next::Leaves(to) => (End::RedirectedAway, to),
            Next::Goes(following) => {
                let to = url_of(&following);
                if !answers_for(program, &home, &following) {
                    (End::RedirectedAway, to)
                } else if hops.iter().any(|hop| repeats(hop, &to, &following)) {
                    (End::Loop, to)
                } else if hops.len() > limits.redirects {
                    (End::TooManyHops, to)
                } else {
                    request = following;
                    continue;
                }
            }
        };
        return Journey { hops, end, last: with_fragment(last, fragment) };
    }
}

/// Whether a hop already asked for the same in the same words.
fn repeats(hop: &Hop, url: &[u8], request: &Request) -> bool {
    hop.url == url && hop.request.method == request.method && hop.request.headers == request.headers
}

/// One request and its answer, nothing followed.
pub fn single(program: &Program, world: &dyn World, request: Request, limits: Limits) -> Journey {
    let url = url_of(&request);
    let answer = answer(program, world, &request, limits.explain);
    let mut fragment = None;
    let (end, last) = match next(&url, &mut fragment, &request, &answer) {
        Next::Ends(end) => (end, url.clone()),
        Next::Leaves(to) => (End::RedirectedAway, to),
        Next::Goes(following) => (End::RedirectedAway, url_of(&following)),
    };
    Journey { hops: vec![Hop { url, request, answer }], end, last }
}

/// A GET request for an absolute URL, sent as typed: nothing is normalised, a fragment is not sent.
///
/// `None` where the text does not start with `http://` or `https://`.
pub fn request_for(url: &[u8]) -> Option<Request> {
    let (encrypted, rest) = scheme(url)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, target) = rest.split_at(end);
    let authority = authority.rsplit(|&byte| byte == b'@').next().unwrap_or(authority);
    let sent = target.split(|&byte| byte == b'#').next().unwrap_or_default();
    let target = if sent.first() == Some(&b'/') { sent.to_vec() } else { [b"/", sent].concat() };
    Some(Request {
        method: b"GET"[..].into(),
        target: target.into(),
        version: b"1.1"[..].into(),
        headers: vec![(b"Host"[..].into(), authority.into())],
        encrypted,
        local: None,
        remote: None,
        sni: None,
    })
}

/// The absolute URL that a request asks for.
pub fn url_of(request: &Request) -> Vec<u8> {
    if scheme(&request.target).is_some() {
        return request.target.to_vec();
    }
    let scheme: &[u8] = if request.encrypted { b"https://" } else { b"http://" };
    [scheme, authority(request), &request.target].concat()
}

/// The `Host` of a request, as sent; empty where there is none.
pub fn authority(request: &Request) -> &[u8] {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    host.map_or(b"", |(_, value)| value)
}

fn scheme(url: &[u8]) -> Option<(bool, &[u8])> {
    let after = |scheme: &[u8]| {
        let head = url.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then(|| url.get(scheme.len()..).unwrap_or_default())
    };
    after(b"https://").map(|rest| (true, rest)).or_else(|| after(b"http://").map(|rest| (false, rest)))
}

enum Next {
    Goes(Request),
    Leaves(Vec<u8>),
    Ends(End),
}

fn next(url: &[u8], fragment: &mut Option<String>, request: &Request, answer: &Answer) -> Next {
    let status = match (answer.outcome, answer.status) {
        (Outcome::Unknown, _) => return Next::Ends(End::Unknown),
        (Outcome::Content, _) | (_, None) => return Next::Ends(End::Served),
        (Outcome::Answered, Some(status)) => status,
    };
    let Some(location) = answer.location.as_deref().filter(|_| matches!(status, 301 | 302 | 303 | 307 | 308)) else {
        return Next::Ends(if status == 0 || status >= 400 { End::Error } else { End::Served });
    };
    let Some(target) = resolve(url, location) else { return Next::Ends(End::Error) };
    if let Some(own) = target.fragment() {
        *fragment = Some(own.to_owned());
    }
    if !matches!(target.scheme(), "http" | "https") {
        return Next::Leaves(target.as_str().as_bytes().to_vec());
    }
    match request_for(target.as_str().as_bytes()) {
        Some(following) => Next::Goes(carry_over(request, following, status)),
        None => Next::Ends(End::Error),
    }
}

/// A `Location` against the URL it answers.
fn resolve(base: &[u8], location: &[u8]) -> Option<Url> {
    let location = readable(location);
    match Url::parse(&readable(base)) {
        Ok(base) => base.join(&location).ok(),
        Err(_) => Url::parse(&location).ok(),
    }
}

/// UTF-8 as it is; where it is none, bytes above ASCII as escapes, which is what clients send for them.
fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes
            .iter()
            .map(|&byte| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect(),
    }
}

/// What a client keeps from hop to hop: the method unless the status changes it, and the headers that still
/// fit; what speaks of a dropped body goes, and a secret does not travel to another origin.
fn carry_over(old: &Request, following: Request, status: u16) -> Request {
    let becomes_get = match status {
        301 | 302 => &*old.method == b"POST",
        303 => !matches!(&*old.method, b"GET" | b"HEAD"),
        _ => false,
    };
    let same_origin = authority(old) == authority(&following) && old.encrypted == following.encrypted;
    let kept = |name: &[u8]| {
        let lower = name.to_ascii_lowercase();
        let body = lower.starts_with(b"content-");
        lower != b"host" && !(becomes_get && body) && (same_origin || lower != b"authorization")
    };
    // Not the client's header but that of a proxy in front, which tells of each request anew.
    let scheme: &[u8] = if following.encrypted { b"https" } else { b"http" };
    let told = |name: &[u8], value: &[u8]| match name.eq_ignore_ascii_case(b"x-forwarded-proto") {
        true => scheme.into(),
        false => value.into(),
    };
    let kept = old.headers.iter().filter(|(name, _)| kept(name));
    let rest = kept.map(|(name, value)| (name.clone(), told(name, value)));
    Request {
        method: if becomes_get { b"GET"[..].into() } else { old.method.clone() },
        version: old.version.clone(),
        headers: following.headers.iter().cloned().chain(rest).collect(),
        local: old.local.clone().filter(|_| same_origin),
        remote: old.remote.clone(),
        ..following
    }
}

fn with_fragment(mut url: Vec<u8>, fragment: Option<String>) -> Vec<u8> {
    if let Some(fragment) = fragment.filter(|_| !url.contains(&b'#')) {
        url.push(b'#');
        url.extend_from_slice(fragment.as_bytes());
    }
    url
}

/// Whether a site of the configuration answers the request: the host it started at, or one that a site names,
/// at a port that is listened on. A fragment that names no port is taken to be listening everywhere.
pub fn answers_for(program: &Program, home: &[u8], request: &Request) -> bool {
    let (Some(start), Some(host)) =
        (host::normalise(program.host, home), host::normalise(program.host, authority(request)))
    else {
        return false;
    };
    let at_home = start.name == host.name;
    if program.fragment && program.listeners.iter().all(|listener| listener.port.is_none()) {
        return at_home
            || is_expected(program, &start.name, &host.name)
            || program.listeners.iter().any(|listener| is_named(program, listener, &host.name));
    }
    let written = host.port.as_deref().and_then(|port| std::str::from_utf8(port).ok()?.parse().ok());
    let port = written.unwrap_or(if request.encrypted { 443 } else { 80 });
    let same_door = at_home && host.port == start.port;
    program.listeners.iter().any(|listener| {
        let reached = listener.port.is_none_or(|have| have == port) && listener.encrypted == request.encrypted;
        (reached || (same_door && listener.encrypted == request.encrypted))
            && (at_home || is_named(program, listener, &host.name))
    })
}

/// Whether a fragment's conditions ask for the host: by its whole name, or by a pattern that takes a name which differs
/// from the one asked at first by `www.` alone.
fn is_expected(program: &Program, home: &[u8], host: &[u8]) -> bool {
    let sibling = host.strip_prefix(b"www.") == Some(home) || home.strip_prefix(b"www.") == Some(host);
    let takes = |regex: &Regex| regex.compiled().is_ok_and(|compiled| compiled.is_match(host).unwrap_or_default());
    let expected = &program.expected_hosts;
    expected.names.contains(host) || sibling && expected.patterns.iter().any(takes)
}

fn is_named(program: &Program, listener: &Listener, host: &[u8]) -> bool {
    let sites = listener.sites.iter().filter_map(|id| program.sites.get(id.0 as usize));
    sites.flat_map(|site| &site.names).any(|name| match name {
        SiteName::Exact(text) => text.eq_ignore_ascii_case(host),
        SiteName::Leading(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
        SiteName::LeadingOrBare(suffix) => host.ends_with(suffix) || suffix.get(1..) == Some(host),
        SiteName::Trailing(prefix) => host.len() > prefix.len() && host.starts_with(prefix),
        SiteName::Glob(glob) => matching::glob_matches(glob, host),
        SiteName::Regex(regex, _) => regex.compiled().is_ok_and(|compiled| compiled.is_match(host).unwrap_or_default()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_url_is_sent_byte_for_byte_without_its_fragment() {
        let request = request_for(b"HTTP://Ex.com:8080/a b/../%7e?x#frag").unwrap();
        assert_eq!(&*request.target, b"/a b/../%7e?x");
        assert_eq!(&*request.headers[0].1, b"Ex.com:8080");
        assert_eq!(url_of(&request_for(b"https://e.com?x").unwrap()), b"https://e.com/?x");
    }

    #[test]
    fn a_relative_location_is_resolved_and_stray_bytes_are_escaped() {
        let to = |location: &[u8]| resolve(b"http://e.com/a/b?q", location).unwrap().to_string();
        assert_eq!(to(b"c"), "http://e.com/a/c");
        assert_eq!(to(b"//f.com"), "http://f.com/");
        assert_eq!(to(b"/\xe9"), "http://e.com/%E9");
        assert_eq!(to(b""), "http://e.com/a/b?q");
    }

    #[test]
    fn a_post_becomes_a_get_on_302_but_a_put_does_not_and_307_keeps_both() {
        let after = |method: &[u8], status| {
            let old = Request { method: method.into(), ..request_for(b"http://e.com/").unwrap() };
            carry_over(&old, request_for(b"http://e.com/b").unwrap(), status).method
        };
        assert_eq!(&*after(b"POST", 302), b"GET");
        assert_eq!(&*after(b"PUT", 302), b"PUT");
        assert_eq!(&*after(b"PUT", 303), b"GET");
        assert_eq!(&*after(b"HEAD", 303), b"HEAD");
        assert_eq!(&*after(b"POST", 307), b"POST");
    }
}
