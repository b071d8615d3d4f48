//! See the page of [`RULE`].

use super::make::{Also, shown};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::graph::{Shape, Walk};
use crate::diagnostic::{Finding, Severity};
use std::collections::BTreeSet;

declare! {
    /// The redirects of a chain contradict each other about permanence or method.
    ///
    /// ## What it does
    /// Finds chains whose first hop is temporary and whose last is permanent, and chains that keep the method (307, 308)
    /// and lose it one hop later.
    ///
    /// ## Why is this bad?
    /// What holds in the end is the weakest hop. A search engine is told two things, and a POST that the first hop took
    /// care to keep arrives as GET.
    ///
    /// ## Example
    /// ```htaccess bad also=redirect-chain
    /// Redirect 302 /a /b
    /// Redirect 301 /b /c
    /// ```
    /// ```nginx bad also=redirect-chain
    /// location = /a { return 308 /b; }
    /// location = /b { return 301 /c; }
    /// ```
    /// ```htaccess good
    /// Redirect 301 /a /c
    /// Redirect 301 /b /c
    /// ```
    /// ```nginx good
    /// location = /a { return 308 /c; }
    /// location = /b { return 301 /c; }
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix: shortening the chain is the better repair.
    ///
    /// ## Traps
    /// A permanent move to https followed by a temporary redirect of the application is normal and not reported.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4.
    RULE {
        name: "chain-mixed-status",
        group: Group::LoopChain,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for walk in facts.walks() {
        let Shape::Chain(_) = walk.shape else { continue };
        let Some((message, at)) = contradiction(walk) else { continue };
        let (Some(&first), Some(&other)) = (walk.spans.first(), walk.spans.get(at)) else { continue };
        if seen.insert((first, other)) {
            findings.push(shown(&RULE, &walk.journey, message, first).related(other, "says otherwise").help("lead to the last address at once, with one status"));
        }
    }
}

/// What contradicts, and at which hop.
fn contradiction(walk: &Walk) -> Option<(String, usize)> {
    let statuses: Vec<u16> = walk.journey.hops.iter().map_while(|hop| hop.answer.status.filter(|_| hop.answer.location.is_some())).collect();
    let (first, last) = (*statuses.first()?, *statuses.last()?);
    let temporary = |status: u16| matches!(status, 302 | 303 | 307);
    if temporary(first) && matches!(last, 301 | 308) {
        return Some((format!("a temporary redirect ({first}) leads to a permanent one ({last})"), statuses.len() - 1));
    }
    let kept = statuses.iter().position(|status| matches!(status, 307 | 308))?;
    let lost = statuses.iter().skip(kept).position(|status| matches!(status, 301..=303))? + kept;
    Some((format!("{} keeps the method and {} loses it", statuses.get(kept)?, statuses.get(lost)?), lost))
}
