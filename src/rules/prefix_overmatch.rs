//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::expression;
use crate::analysis::routes::{PathKind, PathPattern, Place, Route};
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::ir::template::Part;
use std::collections::BTreeSet;

declare! {
    /// A prefix catches longer siblings too, and throws the rest of their path away.
    ///
    /// ## What it does
    /// Finds redirects to one page whose source is a bare prefix: an nginx `location` without `=` and without a slash
    /// at the end, and patterns with `^` and no `$`.
    ///
    /// ## Why is this bad?
    /// `location /old` takes `/older` and `/old-friends` as well, and everything lands on the same page. It is often
    /// written by those who know Apache's `Redirect`, which takes whole segments and keeps the rest.
    ///
    /// ## Example
    /// ```nginx bad
    /// location /old {
    ///     return 301 /new;
    /// }
    /// ```
    /// ```htaccess bad
    /// RedirectMatch 301 ^/old /new
    /// ```
    /// ```nginx good
    /// location = /old {
    ///     return 301 /new;
    /// }
    /// ```
    /// ```htaccess good
    /// Redirect 301 /old /new
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: only the one path is redirected afterwards. What lies below the prefix may have been meant too.
    ///
    /// ## Traps
    /// A prefix for a campaign may be meant. So this is a note, and a warning only where the configuration itself
    /// redirects to one of the siblings that are caught.
    ///
    /// ## Sources
    /// nginx `location`; mod_alias.
    RULE {
        name: "prefix-overmatch",
        group: Group::Correctness,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut known: Option<BTreeSet<&[u8]>> = None;
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let Some(prefix) = bare_prefix(route).filter(|_| leads_to_one_page(route)) else { continue };
        let known = known.get_or_insert_with(|| targets(facts));
        let sibling = known
            .range(&*prefix..)
            .take_while(|path| path.starts_with(&prefix))
            .find(|path| path.get(prefix.len()).is_some_and(|byte| !b"/.?#".contains(byte)))
            .and_then(|path| facts.proof_at(route, path));
        let real = sibling.is_some();
        let caught = sibling.or_else(|| facts.proof_at(route, &[&prefix, &b"-other/page"[..]].concat()));
        let Some(proof) = caught else { continue };
        let message = format!("everything that begins with `{}` lands on this one page", lossy(&prefix));
        let help = match facts.is_apache() {
            true => "close the pattern with `$`, or use `Redirect`, which takes whole segments and keeps the rest",
            false => "write `location = …` for the one path; for a whole folder end it with `/` and keep the rest",
        };
        let finding = by_proof(&RULE, &proof, message, route.span)
            .help(help)
            .mend(Applicability::Unsafe, "match the one path", closed(facts, route));
        findings.push(if real { finding } else { finding.at_most(Severity::Info) });
    }
}

/// The literal prefix, where the route's innermost path test is one that ends within a segment.
fn bare_prefix(route: &Route<'_>) -> Option<Vec<u8>> {
    let test = route.paths.iter().rev().find(|test| !test.negated && test.on != PathKind::File)?;
    let text = match test.pattern {
        PathPattern::Prefix(text) => text.to_vec(),
        PathPattern::Regex(regex) if test.own => {
            let beginning = expression::beginning(regex);
            if beginning.whole || beginning.open {
                return None;
            }
            let tree = expression::of(regex);
            let literal = tree.literal_prefix();
            let only = tree.anchored_start() && tree.sequence().len() == literal.len() + 1;
            if !only || tree.anchored_end() {
                return None;
            }
            match test.on {
                PathKind::Relative => [route.mount.as_deref()?, &literal].concat(),
                _ => literal,
            }
        }
        _ => return None,
    };
    let whole = text.last().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    (whole && text.len() > 2).then_some(text)
}

fn leads_to_one_page(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    let fixed = |part: &Part| matches!(part, Part::Literal(_));
    !target.keeps_path && target.place != Place::Empty && target.template.parts.iter().all(fixed)
}

/// Paths of this configuration's own redirect targets.
fn targets<'f>(facts: &'f Facts<'_>) -> BTreeSet<&'f [u8]> {
    let targets = facts.routes().redirects().filter_map(Route::target);
    targets.filter(|target| target.place == Place::Path).map(|target| &*target.path_prefix).collect()
}

/// The pattern with `$`, or `location =`.
fn closed(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let test = route.paths.iter().rev().find(|test| !test.negated && test.on != PathKind::File)?;
    match test.pattern {
        PathPattern::Regex(regex) => {
            let end = regex.text.len();
            Some(vec![replace(words::piece(facts, regex, end, end)?, "$")])
        }
        _ => mend::exact_path(facts, route.span),
    }
}
