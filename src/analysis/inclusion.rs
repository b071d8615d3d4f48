//! Where two programs certainly answer alike, beyond the requests that were asked.
//!
//! A redirect without conditions whose target holds nothing of the path answers every path of its language alike. Where
//! no other clause of its program has a say in that language, one path stands for all of it; and where such redirects of
//! the other program cover the language, inclusion proves that no path in it is answered differently. What a path does
//! to the target of other redirects is beyond this: they are only asked.

use super::Facts;
use super::compare::{Ask, Side, same};
use super::language::Language;
use super::routes::Route;
use crate::eval::{Request, answer};
use crate::source::Span;

/// Redirects of a program at the most; beyond that nothing is proven.
const MOST: usize = 40;

/// What is proven of the redirects of both programs.
#[derive(Clone, Debug, Default)]
pub struct Proven {
    /// Redirects whose every path is answered alike by the other program.
    pub redirects: usize,
    /// Redirects of both programs.
    pub of: usize,
    /// Nothing else answers or rewrites in either program.
    pub nothing_else: bool,
    /// Requests for paths that a redirect has and the other program's redirects do not cover: worth asking.
    pub doubts: Vec<Ask>,
}

impl Proven {
    /// Whether no path can be answered differently.
    pub fn is_all(&self) -> bool {
        self.nothing_else && self.redirects == self.of && self.of > 0
    }

    /// Counts the redirects that the other program covers, and doubts the others.
    fn weigh(&mut self, from: &[Fixed], by: &[Fixed], own: Known<'_>, other: Known<'_>) {
        for route in from {
            match rest(route, by, own, other) {
                Some(rest) if rest.is_empty().is_yes() => self.redirects += 1,
                Some(rest) => self.doubts.extend(doubt(route.span, &rest)),
                None => {}
            }
        }
    }
}

/// A program with what is known of it.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// What is known.
    pub facts: &'a Facts<'a>,
    /// The program and its world.
    pub side: Side<'a>,
}

/// A redirect that one path stands for.
struct Fixed {
    span: Span,
    language: Language,
}

/// Proves what can be proven in both directions.
pub fn prove(old: Known<'_>, new: Known<'_>) -> Proven {
    let count = |known: Known<'_>| known.facts.routes().redirects().count();
    let others = |known: Known<'_>| known.facts.routes().all.iter().any(|route| !route.is_redirect());
    let mut out =
        Proven { of: count(old) + count(new), nothing_else: !others(old) && !others(new), ..Proven::default() };
    let few = |known: Known<'_>| known.facts.routes().all.len() <= MOST;
    if few(old) && few(new) {
        let (before, after) = (fixed(old.facts), fixed(new.facts));
        out.weigh(&before, &after, old, new);
        out.weigh(&after, &before, new, old);
    }
    out
}

/// The redirects that one path stands for.
fn fixed(facts: &Facts<'_>) -> Vec<Fixed> {
    let routes: Vec<&Route<'_>> = facts.routes().all.iter().filter(|route| route.enabled).collect();
    let languages: Vec<Option<Language>> = routes.iter().map(|route| route.language()).collect();
    let mut out = Vec::new();
    for (at, route) in routes.iter().enumerate() {
        let plain = route.target().is_some_and(|target| !target.keeps_path && !target.appends_rest);
        let Some(Some(language)) = languages.get(at).filter(|_| plain && route.is_redirect() && route.is_unguarded())
        else {
            continue;
        };
        let mut others = languages.iter().enumerate().filter(|(other, _)| *other != at);
        if others.all(|(_, other)| other.as_ref().is_some_and(|other| language.intersects(other).is_no())) {
            out.push(Fixed { span: route.span, language: language.clone() });
        }
    }
    out
}

/// The paths of a redirect that no redirect of the other program is known to answer alike; `None` where that is too hard.
fn rest(route: &Fixed, by: &[Fixed], own: Known<'_>, other: Known<'_>) -> Option<Language> {
    let mut left = route.language.clone();
    for candidate in by {
        let shared = route.language.and(&candidate.language)?;
        let sample = shared.samples(1).into_iter().next();
        if let Some(path) = sample.filter(|path| path.iter().all(|byte| is_plain(*byte)))
            && agree(&path, (route.span, own.side), (candidate.span, other.side))
        {
            left = left.without(&candidate.language)?;
        }
    }
    Some(left)
}

/// A request for one of the paths that are left.
fn doubt(about: Span, rest: &Language) -> Option<Ask> {
    let path = rest.samples(1).into_iter().next()?;
    let plain = path.iter().all(|byte| is_plain(*byte));
    plain.then(|| Ask { request: request(path), about: Some(about) })
}

/// A byte that stands in a request's path as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte)
}

/// Whether both redirects answer the path, with and without a query, and alike.
fn agree(path: &[u8], (span, own): (Span, Side<'_>), (other_span, other): (Span, Side<'_>)) -> bool {
    [&b""[..], b"?a=1&b=%20x"].into_iter().all(|query| {
        let request = request([path, query].concat());
        let first = answer(own.program, own.world, &request, false);
        let second = answer(other.program, other.world, &request, false);
        first.cause == Some(span) && second.cause == Some(other_span) && same(&first, &second, &request)
    })
}

fn request(target: Vec<u8>) -> Request {
    Request {
        method: b"GET"[..].into(),
        target: target.into(),
        version: b"1.1"[..].into(),
        headers: vec![(b"Host"[..].into(), b"example.com"[..].into())],
        encrypted: false,
        local: None,
        remote: None,
        sni: None,
    }
}
