//! See the page of [`RULE`].

use super::make::{Also, by_proof, with_confidence};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::routes::{Does, PathPattern, Route};
use crate::diagnostic::{Confidence, Finding, Severity, Applicability};
use crate::ir::choice::{Choice, Location, Locations};
use crate::ir::scope::Slot;
use crate::source::Span;
use crate::syntax::{Directive, Item};
use rustc_hash::FxHashSet;

declare! {
    /// A `return` of the server answers before any location is looked at.
    ///
    /// ## What it does
    /// Finds an unconditional `return`, or a redirect of every path, directly in a `server` that has locations too.
    ///
    /// ## Why is this bad?
    /// The server's own rewrite directives run before a location is chosen, wherever they stand. The locations are
    /// dead. The classic victim is `/.well-known/acme-challenge/`: the certificate is not renewed, weeks later.
    ///
    /// ## Example
    /// ```nginx bad
    /// events {}
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com;
    ///         location /.well-known/acme-challenge/ {
    ///             root /srv/acme;
    ///         }
    ///         return 301 https://$host$request_uri;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// events {}
    /// http {
    ///     server {
    ///         listen 80;
    ///         server_name example.com;
    ///         location /.well-known/acme-challenge/ {
    ///             root /srv/acme;
    ///         }
    ///         location / {
    ///             return 301 https://$host$request_uri;
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: put into `location / { … }`, the directive answers what no other location does, and the locations
    /// live again. No fix where there is such a location already.
    ///
    /// ## Traps
    /// Locations without a directive in them are not counted. A certificate authority follows redirects, so a
    /// challenge may still be answered over https, as long as that works.
    ///
    /// ## Sources
    /// nginx rewrite module, order of the directives; nginx `return`.
    RULE {
        name: "server-return-shadows-locations",
        group: Group::DeadCode,
        severity: Severity::Error,
        servers: Servers::Nginx,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Locations named in one finding.
const MAX_SHOWN: usize = 5;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told: FxHashSet<Span> = FxHashSet::default();
    for route in &facts.routes().all {
        let Some(site) = facts.program.sites.get(route.site.0 as usize) else { continue };
        let Choice::Locations(locations) = &site.choice else { continue };
        if route.slot != Slot::Rewrite || route.scope != site.scope || !answers_everything(route) {
            continue;
        }
        let dead = dead(facts, locations);
        let Some((path, _)) = dead.first() else { continue };
        if !told.insert(route.span) {
            continue;
        }
        let message = "this answers every request before a location is chosen: the locations of this server are dead";
        let mut finding = match facts.proof_at(route, path) {
            Some(proof) => by_proof(&RULE, &proof, message, route.span),
            None => with_confidence(&RULE, Confidence::Possible, message, route.span),
        };
        let taken = locations.prefixes.iter().any(|(path, _)| &**path == b"/");
        let edits = if taken { None } else { mend::wrap(facts, route.span, "location /") };
        finding = finding.help("put it into `location / { … }`").mend(Applicability::Unsafe, "put it into `location /`", edits);
        for (_, span) in dead.iter().take(MAX_SHOWN) {
            let head = facts.directive(*span).map_or(*span, Directive::head);
            finding = finding.related(head, "never reached");
        }
        findings.push(finding);
    }
}

/// Whether the route answers whatever is asked.
pub(super) fn answers_everything(route: &Route<'_>) -> bool {
    let universal = route.paths.iter().all(|test| match test.pattern {
        PathPattern::Regex(regex) => !test.negated && matches!(&*regex.text, b"^" | b".*" | b"^.*" | b"^.*$" | b"^(.*)$" | b"^(.*)" | b"(.*)" | b"^/(.*)$" | b"^/" | b"^/(.*)" | b"^/.*$"),
        _ => false,
    });
    universal && route.is_unguarded() && matches!(route.does, Does::Redirect { .. } | Does::Respond { .. })
}

/// Locations with something in them: a path of theirs and their place, the challenge of certificates first.
fn dead(facts: &Facts<'_>, locations: &Locations) -> Vec<(Vec<u8>, Span)> {
    let mut found: Vec<(Vec<u8>, Span)> = Vec::new();
    let mut add = |path: Vec<u8>, location: &Location| {
        let holds = |directive: &Directive| {
            directive.block.as_ref().is_some_and(|block| block.items.iter().any(|item| matches!(item, Item::Directive(_))))
        };
        if facts.directive(location.span).is_none_or(holds) {
            found.push((path, location.span));
        }
    };
    for (path, location) in &locations.exact {
        add(path.to_vec(), location);
    }
    for (path, location) in &locations.prefixes {
        add([&path[..], b"page"].concat(), location);
    }
    for (regex, _, location) in &locations.patterns {
        let tree = crate::analysis::expression::of(regex);
        let text = crate::analysis::expression::sample(&tree, crate::analysis::expression::Choices::default());
        add(if text.starts_with(b"/") { text } else { [&b"/"[..], &text].concat() }, location);
    }
    found.sort_by_key(|(path, span)| (!path.starts_with(b"/.well-known"), *span));
    found
}
