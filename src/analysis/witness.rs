//! Requests that reach a route, found from its tests and confirmed by the evaluator.
//!
//! Everything up to the confirmation is a proposal made to look human (`/blog/42`, not `/\x01`): a proposal that
//! is wrong costs time, never truth. Nothing here decides what a defect is.

use super::Facts;
use super::expression::{self, Choices};
use super::guard::{Asked, Guard};
use super::propose::{Draft, connections};
use super::routes::{PathKind, PathPattern, PathTest, Route};
use super::worlds::{Asking, Present};
use crate::diagnostic::{Confidence, Observed, Witness};
use crate::eval::follow::{self, Journey, Limits};
use crate::eval::{Answer, Kind, Request, answer};
use crate::ir::condition::Condition;

/// Proposals tried for one route before it is given up.
const MAX_TRIES: usize = 48;
/// Confirmed requests kept for one route.
const MAX_KEPT: usize = 4;

/// A request that reaches a route, with the answer it got.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The request.
    pub request: Request,
    /// What the server answers; [`Answer::cause`] is the route's directive.
    pub answer: Answer,
}

impl Proof {
    /// The request's `Host`.
    pub fn host(&self) -> &[u8] {
        let found = self.request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
        found.map_or(b"", |(_, value)| value)
    }

    /// The same request for another host.
    pub fn with_host(&self, host: &[u8]) -> Request {
        let mut request = self.request.clone();
        for (name, value) in &mut request.headers {
            if name.eq_ignore_ascii_case(b"host") {
                *value = host.into();
            }
        }
        request
    }

    /// The same request with a query, if it has none.
    pub fn with_query(&self, query: &[u8]) -> Request {
        let mut request = self.request.clone();
        if !request.target.contains(&b'?') {
            request.target = [&request.target, &b"?"[..], query].concat().into();
        }
        request
    }

    /// The `Location`, empty where there is none.
    pub fn location(&self) -> &[u8] {
        self.answer.location.as_deref().unwrap_or_default()
    }
    /// How sure a finding that rests on it can be.
    pub fn confidence(&self) -> Confidence {
        confidence([&self.answer])
    }

    /// The proof as it is shown.
    pub fn witness(&self) -> Witness {
        witness([(&self.request, &self.answer)])
    }
}

/// How sure a finding that rests on these answers can be.
pub fn confidence<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Confidence {
    match answers.into_iter().all(|answer| answer.assumptions.is_empty()) {
        true => Confidence::Proven,
        false => Confidence::Likely,
    }
}

/// A journey as it is shown.
pub fn witness_of(journey: &Journey) -> Witness {
    witness(journey.hops.iter().map(|hop| (&hop.request, &hop.answer)))
}

/// How sure a finding that rests on a journey's redirects can be; what the last answer, behind them, rests on does
/// not count.
pub fn confidence_of(journey: &Journey) -> Confidence {
    let redirects = journey.hops.iter().filter(|hop| hop.answer.location.is_some());
    confidence(redirects.map(|hop| &hop.answer))
}

fn witness<'a>(hops: impl IntoIterator<Item = (&'a Request, &'a Answer)>) -> Witness {
    let mut shown = Witness {
        method: String::new(),
        url: Vec::new(),
        headers: Vec::new(),
        assumptions: Vec::new(),
        observed: Vec::new(),
    };
    for (at, (request, answer)) in hops.into_iter().enumerate() {
        if at == 0 {
            shown.method = String::from_utf8_lossy(&request.method).into_owned();
            shown.url = follow::url_of(request);
            let others = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
            shown.headers =
                others.map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec())).collect();
        }
        for assumption in &answer.assumptions {
            let text = format!("{}: {}", assumption.question, assumption.assumed);
            if !shown.assumptions.contains(&text) {
                shown.assumptions.push(text);
            }
        }
        shown
            .observed
            .push(Observed { status: answer.status, location: answer.location.as_ref().map(|text| text.to_vec()) });
    }
    shown
}

impl Facts<'_> {
    /// What the server answers, as far as the world is known.
    pub fn answer(&self, request: &Request) -> Answer {
        answer(self.program, self.world, request, false)
    }

    /// Where a request leads a client.
    pub fn journey(&self, request: Request) -> Journey {
        follow::follow(self.program, self.world, request, Limits::default())
    }

    /// Where a request leads a client if the file whose path ends like this exists, and what was assumed with that;
    /// `None` where no such file is asked for on the way.
    pub fn journey_with_file(&self, request: Request, ending: &[u8]) -> Option<(Journey, String)> {
        let asked = Asking::default();
        follow::follow(self.program, &asked, request.clone(), Limits::default());
        let path = asked.paths().into_iter().find(|path| path.ends_with(ending))?;
        let assumed = format!("file:{}: exists", String::from_utf8_lossy(&path));
        let world = Present { paths: &[path], kind: Kind::File };
        Some((follow::follow(self.program, &world, request, Limits::default()), assumed))
    }

    /// The request, if it is answered by the route.
    pub fn prove(&self, route: &Route<'_>, request: Request) -> Option<Proof> {
        let mut proof = self.reach(route, request)?;
        self.settle(&proof.request, &mut proof.answer);
        Some(proof)
    }

    /// The same before [`Facts::settle`], for those who try many requests.
    pub fn reach(&self, route: &Route<'_>, request: Request) -> Option<Proof> {
        let answer = self.answer(&request);
        (answer.cause == Some(route.span)).then_some(Proof { request, answer })
    }

    /// Takes out assumptions about files that make no difference: the server answers the same where each path it
    /// asked about is a file, and where each is a folder.
    pub fn settle(&self, request: &Request, found: &mut Answer) {
        let path_of = |question: &str| {
            let path = question.strip_prefix("file:").or_else(|| question.strip_prefix("dir:"))?;
            Some(path.as_bytes().to_vec())
        };
        let paths: Vec<Vec<u8>> = found.assumptions.iter().filter_map(|one| path_of(&one.question)).collect();
        if paths.is_empty() {
            return;
        }
        let same = [Kind::File, Kind::Directory].into_iter().all(|kind| {
            let other = answer(self.program, &Present { paths: &paths, kind }, request, false);
            (other.status, &other.location, other.cause) == (found.status, &found.location, found.cause)
        });
        if same {
            found.assumptions.retain(|assumption| path_of(&assumption.question).is_none());
        }
    }

    /// The request, if its handling comes past the route (a rewrite inside the server answers nothing itself).
    pub fn passing(&self, route: &Route<'_>, request: Request) -> Option<Proof> {
        let answer = answer(self.program, self.world, &request, true);
        (answer.deeds(route.span) > 0).then_some(Proof { request, answer })
    }

    /// The first proposed request that comes past the route.
    pub fn passage(&self, route: &Route<'_>) -> Option<Proof> {
        self.proposals(route).into_iter().take(MAX_TRIES).find_map(|request| self.passing(route, request))
    }

    /// The first proposed request, with the answer it gets, whoever gives it: for a route that no request reaches.
    pub fn attempt(&self, route: &Route<'_>) -> Option<Proof> {
        let request = self.proposals(route).into_iter().next()?;
        let answer = self.answer(&request);
        Some(Proof { request, answer })
    }

    /// A request that the route answers at this path (decoded).
    pub fn proof_at(&self, route: &Route<'_>, path: &[u8]) -> Option<Proof> {
        self.proposal_at(route, path).into_iter().find_map(|request| self.prove(route, request))
    }

    /// Confirmed requests of a route, the most readable first; empty where none was found.
    pub(super) fn find_proofs(&self, route: &Route<'_>) -> Vec<Proof> {
        let mut kept: Vec<Proof> = Vec::new();
        for request in self.proposals(route).into_iter().take(MAX_TRIES) {
            if kept.len() >= MAX_KEPT {
                break;
            }
            kept.extend(self.prove(route, request));
        }
        // An answer that rests on nothing assumed is the better proof.
        kept.sort_by_key(|proof| !proof.answer.assumptions.is_empty());
        kept.shrink_to_fit();
        kept
    }

    /// One of [`Facts::proofs`], found with less work.
    pub fn first_proof(&self, route: &Route<'_>) -> Option<Proof> {
        self.proposals(route).into_iter().take(MAX_TRIES).find_map(|request| self.prove(route, request))
    }

    /// Requests that probably reach the route.
    pub fn proposals(&self, route: &Route<'_>) -> Vec<Request> {
        let paths = paths(route);
        let starts = connections(self, route.site);
        let mut out: Vec<Request> = Vec::new();
        for (variant, path) in
            paths.iter().enumerate().chain([(1, paths.first().unwrap_or(&b"/".to_vec()))].map(|(v, p)| (v, p)))
        {
            for start in &starts {
                let mut draft = start.clone();
                draft.path.clone_from(path);
                satisfy(self, route, &mut draft, variant);
                let request = draft.request();
                if !out.contains(&request) {
                    out.push(request);
                }
            }
        }
        out
    }

    /// The same request for another path (decoded; it is escaped where it has to be).
    pub fn proposal_at(&self, route: &Route<'_>, path: &[u8]) -> Vec<Request> {
        let build = |mut draft: Draft| {
            draft.path = path.to_vec();
            satisfy(self, route, &mut draft, 0);
            // A guard on the path proposes one of its own; here the path is given.
            draft.path = path.to_vec();
            draft.request()
        };
        connections(self, route.site).into_iter().map(build).collect()
    }
}

fn satisfy(facts: &Facts<'_>, route: &Route<'_>, draft: &mut Draft, variant: usize) {
    for guard in &route.guards {
        satisfy_guard(facts, guard, draft, variant);
    }
}

fn satisfy_guard(facts: &Facts<'_>, guard: &Guard<'_>, draft: &mut Draft, variant: usize) {
    match guard.asked {
        Asked::Test(test) => draft.make_hold(facts.program, test, test.negated, variant),
        Asked::Match(found) => draft.make_match(facts.program, found, found.negated, variant),
        Asked::Tree(tree) => satisfy_tree(facts, tree, draft, variant, 0),
    }
}

fn satisfy_tree(facts: &Facts<'_>, tree: &Condition, draft: &mut Draft, variant: usize, depth: usize) {
    if depth > 32 {
        return;
    }
    match tree {
        Condition::Test(test) => draft.make_hold(facts.program, test, test.negated, variant),
        Condition::All(parts) => parts.iter().for_each(|part| satisfy_tree(facts, part, draft, variant, depth + 1)),
        Condition::Any(parts) | Condition::Trailing(parts) => {
            if let Some(part) = parts.get(variant % parts.len().max(1)) {
                satisfy_tree(facts, part, draft, variant, depth + 1);
            }
        }
    }
}

/// Paths that the route's tests accept, readable ones first.
pub fn paths(route: &Route<'_>) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    // The clause's own match is the most telling one; what stands around it is checked afterwards.
    let own_first = route.paths.iter().rev().filter(|test| !test.negated && test.on != PathKind::File);
    for test in own_first {
        for path in samples(test, route.mount.as_deref()) {
            if !found.contains(&path) {
                found.push(path);
            }
        }
    }
    let default: [&[u8]; 3] = [b"/page", b"/", b"/blog/page"];
    found.extend(default.iter().map(|path| path.to_vec()));
    let fitting: Vec<Vec<u8>> = found.iter().filter(|path| fits(route, path)).take(8).cloned().collect();
    if !fitting.is_empty() {
        return fitting;
    }
    let solved = route.language().map(|language| language.samples(4)).unwrap_or_default();
    if solved.is_empty() { found.into_iter().take(4).collect() } else { solved }
}

/// Strings that one test accepts, as URL paths.
fn samples(test: &PathTest<'_>, mount: Option<&[u8]>) -> Vec<Vec<u8>> {
    let prefixed = |text: &[u8]| {
        let separator: &[u8] = if text.ends_with(b"/") { b"" } else { b"/" };
        vec![text.to_vec(), [text, separator, b"page"].concat()]
    };
    let texts = match test.pattern {
        PathPattern::Exact(text) => vec![text.to_vec()],
        PathPattern::Prefix(text) | PathPattern::Segments(text) => prefixed(text),
        PathPattern::Regex(regex) if expression::is_literal(regex) => {
            vec![expression::beginning(regex).text.into_owned()]
        }
        PathPattern::Regex(regex) => {
            let tree = expression::of(regex);
            let sample = |variant| expression::sample(&tree, Choices { variant, ..Choices::default() });
            let texts = (0..6).map(sample);
            if tree.anchored_start() || test.on == PathKind::Relative {
                texts.collect()
            } else {
                texts.map(|text| if text.starts_with(b"/") { text } else { [b"/", text.as_slice()].concat() }).collect()
            }
        }
        PathPattern::Other(_) => Vec::new(),
    };
    match (test.on, mount) {
        (PathKind::Relative, Some(mount)) => texts.iter().map(|text| [mount, text.as_slice()].concat()).collect(),
        _ => texts,
    }
}

/// Whether a path passes every path test that can be tried directly.
pub fn fits(route: &Route<'_>, path: &[u8]) -> bool {
    path.starts_with(b"/") && route.paths.iter().all(|test| passes(test, route.mount.as_deref(), path) != Some(false))
}

/// Whether the test lets the path pass; `None` where that cannot be said from the path alone.
pub fn passes(test: &PathTest<'_>, mount: Option<&[u8]>, path: &[u8]) -> Option<bool> {
    let subject = match test.on {
        PathKind::Url => path,
        PathKind::Relative => match path.strip_prefix(mount?) {
            Some(rest) => rest,
            None => return Some(false),
        },
        PathKind::File => return None,
    };
    let matched = match test.pattern {
        PathPattern::Exact(text) => subject == text,
        PathPattern::Prefix(text) => subject.starts_with(text),
        PathPattern::Segments(text) => match subject.strip_prefix(text) {
            Some(rest) => rest.is_empty() || rest.starts_with(b"/") || text.ends_with(b"/"),
            None => return if subject.windows(2).any(|pair| pair == b"//") { None } else { Some(test.negated) },
        },
        PathPattern::Regex(regex) if !regex.begins(subject) => false,
        PathPattern::Regex(regex) => regex.compiled().ok()?.is_match(subject).ok()?,
        PathPattern::Other(_) => return None,
    };
    Some(matched != test.negated)
}
