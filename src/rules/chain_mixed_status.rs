//! See the page of [`RULE`].

use super::make::{Also, shown, replace};
use super::{FixKind, Group, Servers, status};
use crate::analysis::Facts;
use crate::analysis::graph::{Shape, Walk};
use crate::diagnostic::{Finding, Severity, Applicability};
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
    /// Unsafe: the status that contradicts is changed to fit. Shortening the chain is the better repair.
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
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for walk in facts.walks() {
        let Shape::Chain(_) = walk.shape else { continue };
        let Some(Contradiction { message, hop: at, change }) = contradiction(walk) else { continue };
        let (Some(&first), Some(&other)) = (walk.spans.first(), walk.spans.get(at)) else { continue };
        if seen.insert((first, other)) {
            let finding = shown(&RULE, &walk.journey, message, first).related(other, "says otherwise");
            let edits = change.and_then(|(hop, from, to)| {
                let written = status::written(facts, *walk.spans.get(hop)?, from)?;
                Some(vec![replace(written, to.to_string())])
            });
            let finding = finding.mend(Applicability::Unsafe, "let the statuses agree", edits);
            findings.push(finding.help("lead to the last address at once, with one status"));
        }
    }
}

/// Hops of a chain that say different things.
struct Contradiction {
    message: String,
    /// The hop that contradicts an earlier one.
    hop: usize,
    /// Hop, its status, and the one that would fit.
    change: Option<(usize, u16, u16)>,
}

fn contradiction(walk: &Walk) -> Option<Contradiction> {
    let statuses: Vec<u16> = walk.journey.hops.iter().map_while(|hop| hop.answer.status.filter(|_| hop.answer.location.is_some())).collect();
    let (first, last) = (*statuses.first()?, *statuses.last()?);
    let temporary = |status: u16| matches!(status, 302 | 303 | 307);
    if temporary(first) && matches!(last, 301 | 308) {
        let message = format!("a temporary redirect ({first}) leads to a permanent one ({last})");
        return Some(Contradiction { message, hop: statuses.len() - 1, change: Some((0, first, last)) });
    }
    let kept = statuses.iter().position(|status| matches!(status, 307 | 308))?;
    let lost = statuses.iter().skip(kept).position(|status| matches!(status, 301..=303))? + kept;
    let (keeps, loses) = (*statuses.get(kept)?, *statuses.get(lost)?);
    let message = format!("{keeps} keeps the method and {loses} loses it");
    let change = match loses {
        301 => Some((lost, 301, 308)),
        302 => Some((lost, 302, 307)),
        _ => None,
    };
    Some(Contradiction { message, hop: lost, change })
}
