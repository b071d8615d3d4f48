//! A chain made flat: the first redirect leads to the last address.

use crate::analysis::Facts;
use crate::analysis::graph::Walk;
use crate::analysis::routes::{Place, Route};
use crate::diagnostic::{Applicability, Edit};
use crate::eval::Request;
use crate::eval::follow::Journey;
use crate::rules::mend;

/// Above this many routes nobody asks whether another one lies below a prefix.
const SMALL: usize = 1_000;

/// The edits that retarget the first redirect of a chain, where it has a fixed target, and whether every request
/// that it answers then arrives where it did.
pub(super) fn flatten(facts: &Facts<'_>, walk: &Walk) -> Option<(Applicability, Vec<Edit>)> {
    let route = facts.routes().get(walk.first)?;
    let own = route.target()?;
    own.literal().filter(|_| matches!(own.place, Place::Path | Place::Absolute))?;
    let first = walk.journey.hops.first()?;
    let last = without_query(&walk.journey.last);
    let same_origin = origin(&first.url) == origin(last);
    let text = if same_origin { last.get(origin(last).len()..)? } else { last };
    let edits = mend::retarget(facts, route.span, text)?;
    let safe = same_origin && is_plain(facts, walk) && agree(facts, walk, &first.request);
    Some((if safe { Applicability::Safe } else { Applicability::Unsafe }, edits))
}

/// Whether nothing but the path decides over any hop, all on one origin and of one permanence.
fn is_plain(facts: &Facts<'_>, walk: &Walk) -> bool {
    let hops: Vec<_> = walk.journey.hops.iter().filter(|hop| hop.answer.location.is_some()).collect();
    let routes: Vec<&Route<'_>> = walk.routes.iter().flatten().filter_map(|id| facts.routes().get(*id)).collect();
    let permanent = |status: Option<u16>| matches!(status, Some(301 | 308));
    let first = hops.first().map(|hop| (origin(&hop.url), permanent(hop.answer.status)));
    routes.len() >= hops.len()
        && routes.iter().all(|route| route.is_unguarded() && route.paths.iter().all(|test| !test.negated))
        && hops.iter().all(|hop| first == Some((origin(&hop.url), permanent(hop.answer.status))))
}

/// Whether a query, and a path below a prefix, arrive at the same address by both ways.
fn agree(facts: &Facts<'_>, walk: &Walk, request: &Request) -> bool {
    let Some(route) = facts.routes().get(walk.first) else { return false };
    let last = walk.journey.last.as_slice();
    let whole_way = |request: &Request| facts.journey(request.clone());
    let queried = whole_way(&Request { target: [&request.target, &b"?probe=1"[..]].concat().into(), ..request.clone() });
    let carried = |journey: &Journey| journey.hops.first().and_then(|hop| hop.answer.location.clone()).is_some_and(|to| to.ends_with(b"?probe=1"));
    let wanted = if carried(&queried) { [last, b"?probe=1"].concat() } else { last.to_vec() };
    if queried.last != wanted || last.contains(&b'?') {
        return false;
    }
    if route.exact_path().is_some() {
        return true;
    }
    // Another redirect below the first target would take over in between.
    let between = walk.journey.hops.get(1).map(|hop| path(&hop.url)).unwrap_or_default();
    let members: Vec<_> = walk.routes.iter().flatten().collect();
    let others = facts.routes().all.iter().filter(|other| !members.contains(&&other.id));
    let apart = |other: &Route<'_>| {
        let prefix = other.path_prefix();
        prefix.len() > 1 && !prefix.starts_with(between) && !between.starts_with(&prefix)
    };
    let below = whole_way(&Request { target: [&request.target, &b"/probe"[..]].concat().into(), ..request.clone() });
    facts.routes().all.len() <= SMALL
        && route.target().is_some_and(|target| target.appends_rest)
        && below.last == [last, b"/probe"].concat()
        && others.into_iter().all(apart)
}

/// Scheme and host of an absolute URL.
fn origin(url: &[u8]) -> &[u8] {
    let host = memchr::memmem::find(url, b"://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    url.get(..host + end).unwrap_or_default()
}

fn path(url: &[u8]) -> &[u8] {
    without_query(url).get(origin(url).len()..).unwrap_or_default()
}

fn without_query(url: &[u8]) -> &[u8] {
    url.split(|&byte| byte == b'?').next().unwrap_or_default()
}
