//! See the page of [`RULE`].

use super::make::{Also, by_proof};
use super::{FixKind, Group, Servers, mend, pattern_never_matches, server_return_shadows_locations};
use crate::analysis::Facts;
use crate::analysis::order::Shadowed;
use crate::analysis::routes::{PathPattern, Route};
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::source::Span;
use std::borrow::Cow;
use std::collections::BTreeMap;

declare! {
    /// Every request that a redirect matches is answered by an earlier one.
    ///
    /// ## What it does
    /// Finds redirects behind a broader one without conditions: one that stands above and ends the list, or one of
    /// another list, location or module that the server asks first (in nginx the rewrites of a server before its
    /// locations, `^~` before patterns, patterns in their order; in Apache mod_rewrite before mod_alias).
    ///
    /// ## Why is this bad?
    /// The redirect never runs; its author believes that it does.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect 301 /a /b
    /// Redirect 301 /a/c /d
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     rewrite ^/old/ /new/ permanent;
    ///     rewrite ^/old/x$ /y permanent;
    /// }
    /// ```
    /// The narrower one comes first:
    /// ```htaccess good
    /// Redirect 301 /a/c /d
    /// Redirect 301 /a /b
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     rewrite ^/old/x$ /y permanent;
    ///     rewrite ^/old/ /new/ permanent;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the narrower directive moves in front of the broader one, and begins to answer. Where the redirect
    /// is wrong rather than the order, delete it. No fix where the two stand in different blocks, ask for the
    /// same paths in different words, or where rules count each other.
    ///
    /// ## Traps
    /// A list that jumps (flags C, S, N) is left alone, and so is what stands behind a rewrite inside the server,
    /// which shows later redirects another path. Two redirects for the very same requests are `duplicate-source`; a
    /// rule below that takes over because this one lacks `L` is `redirect-missing-last-flag`; a pattern that matches
    /// nothing at all is `pattern-never-matches`.
    ///
    /// ## Sources
    /// Apache mod_alias, "Order of Processing"; nginx rewrite module.
    RULE {
        name: "unreachable-rule",
        group: Group::DeadCode,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Languages that are compared to see whether a move is one for good; redirects beyond are not moved. As many paths are
/// looked at for the order of those that move together.
const MAX_COMPARED: usize = 100;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut budget = MAX_COMPARED;
    let hidden: Vec<Hidden<'_, '_>> =
        facts.shadowed().iter().filter_map(|pair| Hidden::of(facts, pair, &mut budget)).collect();
    let moving: Vec<&Hidden<'_, '_>> = hidden.iter().filter(|one| one.moves).collect();
    for one in &hidden {
        let (title, edits) = above(facts, one, &moving).unzip();
        findings.push(
            by_proof(&RULE, &one.proof, "this is never reached: an earlier directive answers every request it matches", one.later.span)
                .related(one.earlier.span, "answers these requests")
                .help(match (one.elsewhere(), one.later.slot == one.earlier.slot) {
                    (true, _) => "the server asks the broader one first: narrow that one, or delete this one",
                    (_, true) => "put it above the broader one, or delete it",
                    // mod_rewrite and mod_alias have a list each.
                    (_, false) => "mod_rewrite is asked before mod_alias, wherever they stand: write it as a `RewriteRule` above, or delete it",
                })
                .mend(Applicability::Unsafe, title.unwrap_or_default(), edits),
        );
    }
}

/// A redirect and an earlier one that answers its requests.
struct Hidden<'f, 'a> {
    later: &'f Route<'a>,
    earlier: &'f Route<'a>,
    proof: Proof,
    /// Whether it can be put above the earlier one, and the two then stay so.
    moves: bool,
}

impl<'f, 'a> Hidden<'f, 'a> {
    fn of(facts: &'f Facts<'a>, pair: &Shadowed, budget: &mut usize) -> Option<Self> {
        let (later, earlier) = (facts.routes().get(pair.later)?, facts.routes().get(pair.earlier)?);
        let elsewhere = later.scope != earlier.scope;
        let told = elsewhere && !facts.is_apache() && server_return_shadows_locations::answers_everything(earlier);
        let dead = || later.paths.iter().any(|test| !test.negated && pattern_never_matches::is_dead(test));
        if pair.same || told || dead() {
            return None;
        }
        let proof = taken_by(facts, later, earlier)?;
        let parent = |route: &Route<'_>| facts.directive(route.span).map(|one| facts.parent(one).map(|parent| parent.span));
        let one_block = later.slot == earlier.slot && later.span != earlier.span && parent(later) == parent(earlier);
        let moves = !elsewhere && one_block && earlier.span < later.span && is_narrower(later, earlier, budget);
        Some(Self { later, earlier, proof, moves })
    }

    fn elsewhere(&self) -> bool {
        self.later.scope != self.earlier.scope
    }
}

/// Whether the later one asks for strictly less than the earlier one that takes its requests. Only such redirects move:
/// the first place of the list that a move changes then holds a narrower one than before, so that moves come to an end.
fn is_narrower(later: &Route<'_>, earlier: &Route<'_>, budget: &mut usize) -> bool {
    if earlier.is_unguarded() && !later.is_unguarded() {
        return true;
    }
    let segments = |route: &Route<'_>| route.paths.iter().find(|test| test.own).and_then(|test| match test.pattern {
        PathPattern::Segments(text) => Some(text.to_vec()),
        _ => None,
    });
    if let (Some(one), Some(other)) = (segments(later), segments(earlier)) {
        return one != other && one.starts_with(&other);
    }
    let Some(left) = budget.checked_sub(1) else { return false };
    *budget = left;
    let languages = later.language().zip(earlier.language());
    languages.is_some_and(|(later, earlier)| earlier.includes(&later).is_yes() && later.includes(&earlier).is_no())
}

/// A request made for the later route that the earlier one answers; `None` also where some request does get through.
pub(super) fn taken_by(facts: &Facts<'_>, later: &Route<'_>, earlier: &Route<'_>) -> Option<Proof> {
    let mut taken = None;
    for request in facts.proposals(later).into_iter().take(8) {
        let answer = facts.answer(&request);
        if answer.cause == Some(later.span) && later.span != earlier.span {
            return None;
        }
        if taken.is_none() && answer.cause == Some(earlier.span) {
            taken = facts.prove(earlier, request);
        }
    }
    taken
}

/// The later directive in front of the earlier one. The first of several takes all the others with it, so that a long
/// list settles soon. Its message sorts before that of the others: fixes at one place are taken in that order.
fn above(facts: &Facts<'_>, one: &Hidden<'_, '_>, moving: &[&Hidden<'_, '_>]) -> Option<(&'static str, Vec<Edit>)> {
    match moving {
        _ if !one.moves => None,
        [first, _, ..] if first.later.id == one.later.id => {
            Some(("put all that is hidden above what hides it", all_above(facts, moving)))
        }
        _ => Some((
            "put it above the broader one",
            mend::move_above(facts, &[one.later.span], one.earlier.span)?,
        )),
    }
}

/// Every later directive in front of its earlier one, and of those that it hides there.
fn all_above(facts: &Facts<'_>, moving: &[&Hidden<'_, '_>]) -> Vec<Edit> {
    let mut by_earlier: BTreeMap<Span, Vec<(Cow<'_, [u8]>, Span)>> = BTreeMap::new();
    for Hidden { later, earlier, .. } in moving {
        let (there, prefix) = (by_earlier.entry(earlier.span).or_default(), later.path_prefix());
        let below = |known: &[u8]| matches!(prefix.strip_prefix(known), Some([] | [b'/', ..]));
        let broader = there.iter().take(MAX_COMPARED).position(|(known, _)| below(known));
        there.insert(broader.unwrap_or(there.len()), (prefix, later.span));
    }
    let edits = by_earlier.into_iter().filter_map(|(earlier, later)| {
        let spans: Vec<Span> = later.into_iter().map(|(_, span)| span).collect();
        mend::move_above(facts, &spans, earlier)
    });
    mend::joined(edits.flatten().collect())
}
