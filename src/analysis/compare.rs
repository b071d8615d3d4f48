//! Two programs asked the same requests: where do they answer differently?
//!
//! The requests come from the routes of either side: for each route the proposals that reach it, and variations
//! at its edges (a query, a slash more, a longer name, an encoded byte, other case, another scheme). For long
//! lists a sample is drawn: routes are classed by what they do and how they match, the first, the last and evenly
//! spread ones of each class are asked ([`MAX_ROUTES`]), and so are rows of tables ([`MAX_ROWS`]). Nothing here
//! decides whether a difference is a defect.

use super::Facts;
use super::expression::{self, Choices};
use super::propose::connections;
use super::routes::{PathPattern, Route};
use crate::eval::{Answer, Outcome, Request, World, answer};
use crate::ir::table::TableKind;
use crate::ir::{Program, SiteId};
use crate::source::Span;
use rustc_hash::{FxHashMap, FxHashSet};

/// Routes that are asked for at the most; beyond it a sample per class is drawn.
pub const MAX_ROUTES: usize = 600;
/// Routes that are asked for at the least, however long the list is.
const FEWEST: usize = 32;
/// Rows of a table that are asked for at the most, of each kind.
const MAX_ROWS: usize = 60;
/// Sites at which the rows of tables are asked for.
const SITES: usize = 4;
/// Proposals of a route that are used.
const PROPOSALS: usize = 6;

/// A request to ask both sides.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The request.
    pub request: Request,
    /// The directive it was made for.
    pub about: Option<Span>,
}

/// One request answered differently.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The request and what it was made for.
    pub ask: Ask,
    /// What the first program answers.
    pub old: Answer,
    /// What the second one answers.
    pub new: Answer,
}

/// A program with the world its requests see.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its world.
    pub world: &'a dyn World,
}

/// Requests for every route of a configuration and its edges.
pub fn requests(facts: &Facts<'_>) -> Vec<Ask> {
    let mut asks = Asks::default();
    for route in sampled(facts) {
        let proposals = facts.proposals(route);
        let about = Some(route.span);
        for (at, request) in proposals.iter().take(PROPOSALS).enumerate() {
            asks.push(request.clone(), about);
            if at == 0 {
                edges(request, facts.program.fragment).into_iter().for_each(|request| asks.push(request, about));
            }
        }
        if let Some(first) = proposals.first() {
            bare(first).into_iter().for_each(|request| asks.push(request, about));
        }
    }
    rows(facts).into_iter().for_each(|request| asks.push(request, None));
    if let Some(example) = asks.list.first().map(|ask| ask.request.clone()) {
        for path in [&b"/"[..], b"/zz-none", b"/dir/x.html"] {
            let plain = bare(&with_target(&example, path.to_vec()));
            plain.into_iter().for_each(|request| asks.push(request, None));
        }
    }
    asks.list
}

/// Requests for the rows of tables, spread over each: behind the one route that looks a table up, any number of rows
/// may stand.
fn rows(facts: &Facts<'_>) -> Vec<Request> {
    let program = facts.program;
    let sites = (0..program.sites.len()).filter_map(|at| u32::try_from(at).ok()).take(SITES);
    let drafts: Vec<_> = sites.filter_map(|site| connections(facts, SiteId(site)).into_iter().next()).collect();
    let mut out = Vec::new();
    for table in &program.tables {
        let (TableKind::Map(map), Some(source)) = (&table.kind, &table.source) else { continue };
        // the longer the table, the dearer each question
        let most = (MAX_ROWS * 1000 / map.exact.len().max(1)).clamp(FEWEST, MAX_ROWS);
        let (keys, patterns) = map.spread(most);
        let samples = patterns.into_iter().map(|regex| expression::sample(&expression::of(regex), Choices::default()));
        for text in keys.into_iter().map(|key| key.to_vec()).chain(samples) {
            out.extend(drafts.iter().map(|draft| draft.clone().with_text(program, source, &text).request()));
        }
    }
    out
}

/// Requests, no two alike.
#[derive(Default)]
struct Asks {
    list: Vec<Ask>,
    seen: FxHashSet<Vec<u8>>,
}

impl Asks {
    fn push(&mut self, request: Request, about: Option<Span>) {
        if self.seen.insert(key(&request)) {
            self.list.push(Ask { request, about });
        }
    }
}

/// Every route, or of long lists a sample of each class.
pub fn sampled<'f, 'a>(facts: &'f Facts<'a>) -> Vec<&'f Route<'a>> {
    let all = &facts.routes().all;
    if all.len() <= MAX_ROUTES {
        return all.iter().collect();
    }
    let mut classes: FxHashMap<(Option<u16>, u8, bool), Vec<&Route<'a>>> = FxHashMap::default();
    for route in all {
        let kind = match route.paths.last().map(|test| &test.pattern) {
            None => 0,
            Some(PathPattern::Exact(_)) => 1,
            Some(PathPattern::Prefix(_)) => 2,
            Some(PathPattern::Segments(_)) => 3,
            Some(PathPattern::Regex(_)) => 4,
            Some(PathPattern::Other(_)) => 5,
        };
        classes.entry((route.status(), kind, route.guards.is_empty())).or_default().push(route);
    }
    // the longer the list, the dearer each question
    let most = (MAX_ROUTES * 1000 / all.len()).clamp(FEWEST, MAX_ROUTES);
    let share = (most / classes.len().max(1)).max(2);
    let mut out: Vec<&Route<'a>> = Vec::new();
    for members in classes.values() {
        let step = members.len().div_ceil(share).max(1);
        out.extend(members.iter().step_by(step).copied());
        out.extend(members.last().copied());
    }
    out.sort_by_key(|route| route.id);
    out.dedup_by_key(|route| route.id);
    out
}

fn key(request: &Request) -> Vec<u8> {
    let mut key =
        [&request.method[..], b" ", &request.target[..], if request.encrypted { b" s" } else { b" -" }].concat();
    for (name, value) in &request.headers {
        key.extend_from_slice(&[b"\n", &name[..], b":", &value[..]].concat());
    }
    key
}

fn with_target(request: &Request, target: Vec<u8>) -> Request {
    Request { target: target.into(), ..request.clone() }
}

/// The same request at the edges of what it was made for.
fn edges(request: &Request, fragment: bool) -> Vec<Request> {
    let at = memchr::memchr(b'?', &request.target).unwrap_or(request.target.len());
    let (path, query) = request.target.split_at_checked(at).unwrap_or((&request.target, b""));
    let target = |path: &[u8], query: &[u8]| with_target(request, [path, query].concat());
    let longer_query: &[u8] = if query.is_empty() { b"?a=1&b=%20x" } else { b"&z=2" };
    let slash = match path.strip_suffix(b"/") {
        Some(bare) if !bare.is_empty() => bare.to_vec(),
        _ => [path, b"/"].concat(),
    };
    let mut out = vec![
        target(path, &[query, longer_query].concat()),
        target(&slash, query),
        target(&[path, b"x"].concat(), query),
        target(&[path.strip_suffix(b"/").unwrap_or(path), b"/caf%C3%A9%20z"].concat(), query),
    ];
    if let Some(encoded) = last_letter(path) {
        out.push(target(&encoded, query));
    }
    let swapped: Vec<u8> = path
        .iter()
        .map(|byte| if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() })
        .collect();
    if !path.contains(&b'%') {
        out.push(target(&swapped, query));
    }
    // a whole configuration says itself which of its ports are encrypted
    out.extend(fragment.then(|| Request { encrypted: !request.encrypted, ..request.clone() }));
    out
}

/// The last letter or digit of a path percent-encoded, which says the same.
fn last_letter(path: &[u8]) -> Option<Vec<u8>> {
    let at = path.iter().rposition(u8::is_ascii_alphanumeric).filter(|_| !path.contains(&b'%'))?;
    let (before, rest) = path.split_at_checked(at)?;
    let (byte, after) = rest.split_first()?;
    Some([before, format!("%{byte:02X}").as_bytes(), after].concat())
}

/// The same target without anything else, by GET and by POST, for this host and another.
fn bare(request: &Request) -> Vec<Request> {
    let host = |name: &[u8]| vec![(b"Host"[..].into(), name.into())];
    let own = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let own = own.map_or(&b"example.com"[..], |(_, value)| value);
    let plain = |method: &[u8], name: &[u8]| Request { method: method.into(), headers: host(name), ..request.clone() };
    vec![plain(b"GET", own), plain(b"POST", own), plain(b"GET", b"other.example.org")]
}

/// The requests that two programs answer differently.
pub fn compare(old: Side<'_>, new: Side<'_>, asks: &[Ask]) -> Vec<Difference> {
    let ask = |ask: &Ask| {
        let first = answer(old.program, old.world, &ask.request, false);
        let second = answer(new.program, new.world, &ask.request, false);
        let known = first.outcome != Outcome::Unknown;
        (known && !same(&first, &second, &ask.request)).then(|| Difference {
            ask: ask.clone(),
            old: first,
            new: second,
        })
    };
    asks.iter().filter_map(ask).collect()
}

/// Whether an answer sends the client elsewhere.
pub fn is_redirect(answer: &Answer) -> bool {
    answer.location.is_some() && answer.status.is_some_and(|status| (300..400).contains(&status))
}

/// Whether two answers are the same for a client: status, and the place a redirect leads to.
pub fn same(old: &Answer, new: &Answer, request: &Request) -> bool {
    match (is_redirect(old), is_redirect(new)) {
        (true, true) => old.status == new.status && place(old, request) == place(new, request),
        (false, false) => {
            let content = |answer: &Answer| {
                answer.status.is_none()
                    || answer.status.is_some_and(|status| status < 300 || matches!(status, 403..=405))
            };
            old.status == new.status || content(old) && content(new)
        }
        _ => false,
    }
}

/// A `Location` made absolute, its default port left out, its escapes in one spelling.
fn place(answer: &Answer, request: &Request) -> Vec<u8> {
    let location = answer.location.as_deref().unwrap_or_default();
    let host = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(b"host"))
        .map_or(&b""[..], |(_, value)| value);
    let scheme: &[u8] = if request.encrypted { b"https" } else { b"http" };
    let absolute = match location {
        [b'/', rest @ ..] if !rest.starts_with(b"/") => {
            let name = host.split(|&byte| byte == b':').next().unwrap_or_default();
            [scheme, b"://", name, location].concat()
        }
        _ => location.to_vec(),
    };
    upper_escapes(&without_port(&absolute, request))
}

fn without_port(url: &[u8], request: &Request) -> Vec<u8> {
    let Some(start) = url.windows(3).position(|three| three == b"://").map(|at| at + 3) else { return url.to_vec() };
    let (head, rest) = url.split_at_checked(start).unwrap_or((url, b""));
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at_checked(end).unwrap_or((rest, b""));
    let local = request.local.as_ref().map(|(_, port)| format!(":{port}"));
    let bare = [b":80".as_slice(), b":443"].into_iter().chain(local.as_ref().map(|port| port.as_bytes()));
    let authority = bare.into_iter().find_map(|port| authority.strip_suffix(port)).unwrap_or(authority);
    [head, authority, tail].concat()
}

fn upper_escapes(text: &[u8]) -> Vec<u8> {
    let mut out = text.to_vec();
    let mut at = 0;
    while at + 2 < out.len() {
        if out.get(at) == Some(&b'%')
            && out.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
        {
            out.get_mut(at + 1..at + 3).into_iter().for_each(<[u8]>::make_ascii_uppercase);
            at += 2;
        }
        at += 1;
    }
    out
}
