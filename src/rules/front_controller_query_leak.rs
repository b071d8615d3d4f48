//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::routes::{Does, PathPattern, Route};
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::ir::scope::Slot;
use crate::ir::template::Part;

declare! {
    /// A front controller's query leaks into a `Redirect` of the same folder.
    ///
    /// ## What it does
    /// Finds `Redirect` and `RedirectMatch` whose `Location` gets a query that the request did not have, because a
    /// `RewriteRule` of the same folder put one there.
    ///
    /// ## Why is this bad?
    /// In a folder, mod_rewrite runs before mod_alias whatever their order in the file. The front controller turns
    /// `/old` into `/index.php?q=old`, and the redirect then leads to `/new?q=old`.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{REQUEST_FILENAME} !-f
    /// RewriteRule ^(.*)$ index.php?q=$1 [L,QSA]
    /// Redirect 301 /old /new
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^old$ /new [R=301,L]
    /// RewriteCond %{REQUEST_FILENAME} !-f
    /// RewriteRule ^(.*)$ index.php?q=$1 [L,QSA]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the redirect becomes a `RewriteRule` above the front controller, for the path and everything below
    /// it. Only a fixed path with a fixed target has a fix.
    ///
    /// ## Traps
    /// A front controller without a query (`RewriteRule . /index.php [L]`) leaks nothing. Where the rewriting depends
    /// on files that are not there, the finding says so and is one step milder.
    ///
    /// ## Sources
    /// mod_rewrite and mod_alias, order of their fixups.
    RULE {
        name: "front-controller-query-leak",
        group: Group::Correctness,
        severity: Severity::Warning,
        servers: Servers::Apache,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Redirects tried: each asks the evaluator.
const MAX_TRIED: usize = 500;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(front) = facts.routes().all.iter().find(|route| route.enabled && adds_query(route)) else { return };
    for route in facts.routes().redirects().filter(|route| matches!(route.slot, Slot::Redirect)).take(MAX_TRIED) {
        let own = route.target().and_then(|target| target.literal()).is_some_and(|text| text.contains(&b'?'));
        let leaked = facts.proofs(route).iter().find(|proof| {
            !proof.request.target.contains(&b'?') && proof.location().contains(&b'?') && !own
        });
        let Some(proof) = leaked else { continue };
        let query = proof.location().split(|&byte| byte == b'?').nth(1).unwrap_or_default();
        let message = format!("a rewrite of this folder adds `?{}` to the redirect", lossy(query));
        findings.push(
            by_proof(&RULE, proof, message, route.span)
                .related(front.span, "puts a query there first")
                .help("write the redirect as a `RewriteRule` above this rewrite")
                .mend(Applicability::Unsafe, "write it as a `RewriteRule` above", rewritten(facts, front, route)),
        );
    }
}

fn adds_query(route: &Route<'_>) -> bool {
    let Does::Rewrite { target } = &route.does else { return false };
    target.template.parts.iter().any(|part| matches!(part, Part::Literal(text) if text.contains(&b'?')))
}

/// The redirect as a rule above the front controller, segments and the rest behind them kept.
fn rewritten(facts: &Facts<'_>, front: &Route<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let source = route.paths.iter().find_map(|test| match test.pattern {
        PathPattern::Segments(text) if test.own => Some(text),
        _ => None,
    })?;
    let below = match &front.mount {
        Some(mount) => source.strip_prefix(&mount[..])?,
        None => source,
    };
    let plain = |text: &[u8]| text.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'$%\\".contains(byte));
    let to = route.target()?.literal().filter(|to| plain(to) && plain(below))?;
    let (pattern, status) = (mend::literal_pattern(below), route.status()?);
    let rule = format!("RewriteRule ^{pattern}(/.*)?$ {}$1 [R={status},L]", lossy(to));
    let mut edits = mend::line_above(facts, front.span, rule.as_bytes())?;
    edits.extend(mend::remove(facts, route.span)?);
    Some(edits)
}
