//! What a request can do to a `Location`: lead it to a host of its own choice, or put raw bytes into it.
//!
//! Both are asked by trying: a stranger's host (or the bytes) is put wherever the target looks, and only what the
//! evaluator then really sends is believed. Where a test stands in the way, a text that passes it is solved for.

use super::expression;
use super::guard::{self, Dimension, Guard};
use super::language::{self, Language};
use super::routes::{Does, Host, PathKind, PathPattern, PathTest, Place, Route, RouteId};
use super::target::TargetView;
use super::transport::{host_asked, is_redirect, leads_to};
use super::witness::{Proof, fits, paths};
use super::{Facts, byteset::ByteSet};
use crate::eval::{Answer, Request};
use crate::ir::clause::{Action, Content, Target};
use crate::ir::pattern::Pattern;
use crate::ir::policy::Escape;
use crate::ir::template::{Attribute, Origin, Part, Template};
use crate::source::Span;
use rustc_hash::FxHashSet;

/// Redirects that are tried.
const MAX_TRIED: usize = 400;
/// The stranger's host.
const STRANGER: &str = "evil.example";

/// A redirect and a request that leads it away.
#[derive(Clone, Debug)]
pub struct Steered {
    /// The redirect.
    pub route: RouteId,
    /// The request and its answer.
    pub proof: Proof,
    /// In which way.
    pub how: How,
    /// The host it leads to.
    pub host: Vec<u8>,
    /// A test of the host that was passed all the same.
    pub allowed_by: Option<Span>,
}

/// The ways in which a request chooses where a redirect leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// The whole host is the request's.
    Whole,
    /// The request's text goes on where the host was meant to end.
    Concat,
    /// A path of the request's that begins with two slashes.
    DoubleSlash,
    /// A header that proxies write.
    Forwarded,
}

/// Tries every redirect whose host is not settled by its text.
pub(super) fn steered(facts: &Facts<'_>) -> Vec<Steered> {
    let open = facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status()));
    open.filter(|route| route.target().is_some_and(unsettled))
        .take(MAX_TRIED)
        .filter_map(|route| try_route(facts, route))
        .collect()
}

fn unsettled(target: &TargetView<'_>) -> bool {
    match target.place {
        Place::Dynamic => true,
        Place::Path => target.path_prefix.is_empty() || (*target.path_prefix == *b"/" && target.keeps_path),
        Place::Absolute | Place::SchemeRelative => {
            target.host == Host::Mixed
                || matches!(target.host, Host::Fixed(_)) && target.appends_rest && target.path_prefix.is_empty()
        }
        Place::Empty | Place::Relative => false,
    }
}

fn try_route(facts: &Facts<'_>, route: &Route<'_>) -> Option<Steered> {
    let target = route.target()?;
    let looks = guard::dimensions_of(target.template, facts.program);
    let texts = texts(route);
    let bases: Vec<Request> = {
        let proofs = facts.proofs(route).iter().take(2).map(|proof| proof.request.clone());
        proofs.chain(facts.proposals(route).into_iter().take(2)).collect()
    };
    for text in &texts {
        for (request, header) in attempts(facts, route, &bases, &looks, text) {
            let Some(mut proof) = facts.reach(route, request) else { continue };
            let Some(location) = proof.answer.location.clone() else { continue };
            let Some((_, host)) = leads_to(&proof.request, &location) else { continue };
            let asked = host_asked(&proof.request);
            if asked.ends_with(b".")
                || !(host == STRANGER.as_bytes() || host.ends_with(b".evil.example"))
                || host == asked
            {
                continue;
            }
            let how = match () {
                () if header.as_deref().is_some_and(is_forwarded) => How::Forwarded,
                () if location.starts_with(b"//") && target.place != Place::SchemeRelative => How::DoubleSlash,
                () if host != STRANGER.as_bytes() || begins_a_host(target) => How::Concat,
                () => How::Whole,
            };
            let allowed_by = route.guards.iter().find(|guard| is_allow_list(guard, &looks)).map(|guard| guard.span);
            facts.settle(&proof.request, &mut proof.answer);
            return Some(Steered { route: route.id, proof, how, host, allowed_by });
        }
    }
    None
}

/// Whether fixed text of the authority stands before what the request brings.
fn begins_a_host(target: &TargetView<'_>) -> bool {
    let start = target.literal_start();
    let at = start.windows(2).position(|pair| pair == b"//");
    at.is_some_and(|at| start.len() > at + 2)
}

fn is_forwarded(name: &[u8]) -> bool {
    name.starts_with(b"x-forwarded") || matches!(name, b"forwarded" | b"x-host" | b"x-original-host")
}

/// Texts that lead away, those that pass the route's own tests first.
fn texts(route: &Route<'_>) -> Vec<Vec<u8>> {
    let plain = [
        "https://evil.example/",
        "evil.example/",
        "evil.example",
        "//evil.example/",
        ".evil.example/",
        ".evil.example",
        "@evil.example/",
    ];
    let mut out: Vec<Vec<u8>> = route.guards.iter().flat_map(passing).collect();
    out.extend(plain.iter().map(|text| text.as_bytes().to_vec()));
    out
}

/// Texts with the stranger's host that pass a test.
fn passing(guard: &Guard<'_>) -> Vec<Vec<u8>> {
    let Some((Pattern::Regex(regex), false)) = guard.pattern() else { return Vec::new() };
    let Some(wanted) = Language::matching(regex) else { return Vec::new() };
    // Apache refuses a target into which a captured question mark comes.
    let plain = solutions(&wanted, printable().and(ByteSet::of(b"?").inverted()));
    if plain.is_empty() { solutions(&wanted, printable()) } else { plain }
}

/// Texts of the language with the stranger's host, made of these bytes elsewhere.
fn solutions(wanted: &Language, rest: ByteSet) -> Vec<Vec<u8>> {
    let name = ByteSet::of(b"abcdefghijklmnopqrstuvwxyz.-");
    let below = |scheme: &[u8]| {
        let start = Language::literal(scheme).then(&Language::repeated(name, 0, None))?;
        start.then(&Language::literal(b".evil.example/"))?.then(&Language::repeated(rest, 0, None))
    };
    let at = |scheme: &[u8]| {
        Language::literal(&[scheme, b"evil.example/"].concat()).then(&Language::repeated(rest, 0, None))
    };
    let inside = || {
        let any = Language::repeated(rest, 0, None);
        any.then(&Language::literal(b"=https://evil.example/"))?.then(&any)
    };
    let tries = [at(b"https://"), below(b"https://"), at(b""), below(b""), inside()];
    let solved = tries.into_iter().flatten().filter_map(|one| one.and(wanted)?.samples(1).into_iter().next());
    solved.collect()
}

fn printable() -> ByteSet {
    ByteSet::range(b'!', b'~').and(ByteSet::of(b"#\"<>\\^`{|}").inverted())
}

/// A test of something the target uses, that names a host.
fn is_allow_list(guard: &Guard<'_>, looks: &[Dimension]) -> bool {
    let Some((Pattern::Regex(regex), false)) = guard.pattern() else { return false };
    let related = guard.dimensions.iter().any(|one| {
        looks.contains(one)
            || matches!(one, Dimension::Query(_) | Dimension::Cookie(_))
            || matches!(one, Dimension::Header(name) if name.as_slice() == b"referer")
    });
    let letters = |pair: &[u8]| pair.iter().all(u8::is_ascii_alphabetic);
    let dotted = regex.text.windows(3).any(|three| matches!(three, [a, b'.', b] if letters(&[*a, *b])))
        || regex.text.windows(3).any(|three| matches!(three, [b'\\', b'.', b] if letters(&[*b])));
    related && dotted
}

/// Requests that carry the text wherever the target looks; with the header it stands in.
fn attempts(
    facts: &Facts<'_>,
    route: &Route<'_>,
    bases: &[Request],
    looks: &[Dimension],
    text: &[u8],
) -> Vec<(Request, Option<Vec<u8>>)> {
    let mut out: Vec<(Request, Option<Vec<u8>>)> = Vec::new();
    let guarded: Vec<Dimension> = route.guards.iter().flat_map(|guard| guard.dimensions.clone()).collect();
    for base in bases {
        let (path, query) = split(&base.target);
        out.push((with_target(base, &[path, b"?", &each_value(query, looks, &guarded, text)].concat()), None));
        if looks.contains(&Dimension::Query(None)) || text.contains(&b'=') {
            out.push((with_target(base, &[path, b"?", text].concat()), None));
        }
        for name in looks.iter().chain(&guarded) {
            match name {
                Dimension::Header(name) if !name.is_empty() => {
                    out.push((with_header(base, name, text), Some(name.clone())));
                }
                Dimension::Cookie(name) => {
                    let value = [name.as_slice(), b"=", text].concat();
                    out.push((with_header(base, b"cookie", &value), Some(b"cookie".to_vec())));
                }
                _ => {}
            }
        }
        if text.starts_with(b"//") {
            out.push((with_target(base, text), None));
        }
    }
    let takes_path = route.target().is_some_and(|target| target.keeps_path || target.appends_rest);
    if takes_path {
        for path in steered_paths(route, text) {
            out.extend(facts.proposal_at(route, &path).into_iter().map(|request| (request, None)));
        }
    }
    out
}

/// Paths of the route with the text in them.
fn steered_paths(route: &Route<'_>, text: &[u8]) -> Vec<Vec<u8>> {
    let mut out: Vec<Vec<u8>> = Vec::new();
    let prefix = route.path_prefix().into_owned();
    for path in paths(route).iter().take(2).chain([&prefix]) {
        out.push([path.as_slice(), text].concat());
        if let Some(at) = path.iter().rposition(|&byte| byte == b'/') {
            out.push([path.get(..=at).unwrap_or_default(), text].concat());
        }
    }
    out.retain(|path| fits(route, path));
    out
}

fn split(target: &[u8]) -> (&[u8], &[u8]) {
    match target.iter().position(|&byte| byte == b'?') {
        Some(at) => (target.get(..at).unwrap_or_default(), target.get(at + 1..).unwrap_or_default()),
        None => (target, b""),
    }
}

/// The query with the text as the value of every argument, those added that the route looks at.
fn each_value(query: &[u8], looks: &[Dimension], guarded: &[Dimension], text: &[u8]) -> Vec<u8> {
    let own = query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty());
    let own = own.map(|pair| pair.split(|&byte| byte == b'=').next().unwrap_or_default().to_vec());
    let mut names: Vec<Vec<u8>> = own.collect();
    for one in looks.iter().chain(guarded) {
        if let Dimension::Query(Some(name)) = one
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    }
    let pairs: Vec<Vec<u8>> = names.iter().map(|name| [name.as_slice(), b"=", text].concat()).collect();
    pairs.join(&b'&')
}

fn with_target(base: &Request, target: &[u8]) -> Request {
    let target = target.strip_suffix(b"?").unwrap_or(target);
    Request { target: target.into(), ..base.clone() }
}

fn with_header(base: &Request, name: &[u8], value: &[u8]) -> Request {
    let mut request = base.clone();
    request.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
    request.headers.push((name.into(), value.into()));
    request
}

/// Redirects whose patterns are solved for in search of line breaks; beyond, only the obvious places of a path are tried.
const DEEP: usize = 200;

/// Redirects into whose `Location` a request puts a line break, each with the request, once for each directive.
pub(super) fn broken(facts: &Facts<'_>) -> Vec<(RouteId, Proof)> {
    let mut told: FxHashSet<Span> = FxHashSet::default();
    let mut out = Vec::new();
    let open = facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status()));
    for (at, route) in open.filter(|route| sends_decoded(facts, route)).enumerate() {
        if told.contains(&route.span) {
            continue;
        }
        let (deep, paths) = (at < DEEP, paths(route));
        let found = spill(facts, route, &paths, b"\r\nX-Injected:1", false, breaks)
            .or_else(|| spill(facts, route, &paths, b"\n", deep, breaks))
            .or_else(|| spill(facts, route, &paths, b"\r", deep, breaks));
        if let Some(proof) = found {
            told.insert(route.span);
            out.push((route.id, proof));
        }
    }
    out
}

/// Whether a line break reaches the wire.
pub fn breaks(answer: &Answer) -> bool {
    answer.location.as_deref().is_some_and(|text| text.iter().any(|byte| matches!(byte, b'\r' | b'\n')))
}

/// Whether the route's target holds decoded text of the path that nothing escapes on its way out.
pub fn sends_decoded(facts: &Facts<'_>, route: &Route<'_>) -> bool {
    let Does::Redirect { target, .. } = &route.does else { return false };
    let raw = route.clause.does.iter().any(|action| match action {
        Action::Answer(_) => true,
        Action::Rewrite(rewrite) => rewrite.escape == Escape::Raw,
        _ => false,
    });
    raw && holds_decoded(facts, target.template)
}

/// Whether a text holds decoded text of the path that nothing escapes.
pub fn holds_decoded(facts: &Facts<'_>, template: &Template) -> bool {
    let decoded =
        |attribute: &Attribute| matches!(attribute, Attribute::Path | Attribute::PathInfo | Attribute::Filename);
    template.parts.iter().any(|part| match part {
        Part::Attribute(attribute) => decoded(attribute),
        Part::Capture { escape, .. } => *escape == Escape::Raw,
        Part::Variable(variable) => match facts.program.variables.get(variable.0 as usize).map(|one| &one.origin) {
            Some(Origin::Attribute(attribute)) => decoded(attribute),
            Some(Origin::Empty | Origin::Table(_)) => true,
            _ => false,
        },
        _ => false,
    })
}

/// A request with the bytes in its (decoded) path whose answer shows what is looked for. `deep`: where the obvious
/// places do not show it, a path is solved for from the patterns' groups.
pub fn spill(
    facts: &Facts<'_>,
    route: &Route<'_>,
    paths: &[Vec<u8>],
    bytes: &[u8],
    deep: bool,
    shows: impl Fn(&Answer) -> bool,
) -> Option<Proof> {
    let escaped = escapes_path(route);
    let attempt = |path: &[u8]| {
        if escaped && !path.iter().any(ends_path) {
            return None;
        }
        let reached = facts.proposal_at(route, path).into_iter().filter_map(|request| facts.reach(route, request));
        let mut proof = reached.into_iter().find(|proof| shows(&proof.answer))?;
        facts.settle(&proof.request, &mut proof.answer);
        Some(proof)
    };
    for path in paths.iter().take(3) {
        for at in places(path) {
            let (before, behind) = path.split_at(at.min(path.len()));
            let spoilt = [before, bytes, behind].concat();
            if fits(route, &spoilt)
                && let Some(proof) = attempt(&spoilt)
            {
                return Some(proof);
            }
        }
    }
    let byte = *bytes.first().filter(|_| deep)?;
    for test in route.paths.iter().filter(|test| !test.negated && test.on != PathKind::File) {
        let PathPattern::Regex(regex) = test.pattern else { continue };
        let domain = if test.on == PathKind::Url { Language::prefix(b"/") } else { Language::all() };
        for group in 1..=4 {
            let (_, subject) = language::capture_can_contain(regex, group, byte, &domain);
            let Some(subject) = subject else { continue };
            let path = match test.on {
                PathKind::Relative => [route.mount.as_deref().unwrap_or(b"/"), &subject].concat(),
                _ => subject,
            };
            if let Some(proof) = attempt(&path) {
                return Some(proof);
            }
        }
    }
    None
}

fn ends_path(byte: &u8) -> bool {
    matches!(byte, b'?' | b'#')
}

/// Whether the target is put together again with its path escaped, so that only what a request puts behind a `?` or
/// `#` of its own stays raw ([`Target::reparse`]).
fn escapes_path(route: &Route<'_>) -> bool {
    let escapes = |target: &Target| {
        let fixed = |part: &Part| match part {
            Part::Literal(text) => !text.iter().any(ends_path),
            part => matches!(part, Part::Capture { .. }),
        };
        target.reparse && target.to.parts.iter().all(fixed)
    };
    let mut answers = route.clause.does.iter().filter_map(|action| match action {
        Action::Answer(answer) => Some(&answer.content),
        _ => None,
    });
    answers.all(|content| matches!(content, Content::Location(target) if escapes(target)))
        && !route.clause.does.iter().any(|action| matches!(action, Action::Rewrite(_)))
}

/// Whether text put into the path stays escaped wherever [`spill`] puts it: the target escapes it, and the route's own
/// paths hold nothing that would end the path.
pub fn stays_escaped(route: &Route<'_>) -> bool {
    let plain = |test: &PathTest<'_>| match test.pattern {
        PathPattern::Exact(text) | PathPattern::Prefix(text) | PathPattern::Segments(text) => {
            !text.iter().any(ends_path)
        }
        PathPattern::Regex(regex) => {
            let beginning = expression::beginning(regex);
            (beginning.whole || beginning.open) && !beginning.text.iter().any(ends_path)
        }
        PathPattern::Other(_) => false,
    };
    escapes_path(route) && route.paths.iter().filter(|test| !test.negated).all(plain)
}

/// Where bytes are put into a path: at its end, and before and behind each slash but the first few.
fn places(path: &[u8]) -> Vec<usize> {
    let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    let mut out: Vec<usize> = slashes.flat_map(|(at, _)| [at, at + 1]).filter(|at| *at > 0).collect();
    out.reverse();
    out.truncate(6);
    out.insert(0, path.len());
    if path.len() > 1 {
        out.push(path.len() - 1);
    }
    out
}
