//! See the page of [`RULE`].

use super::make::{Also, by_proof, insert_behind, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::analysis::target::Query;
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};

declare! {
    /// The request's query arrives twice: the target spells it and the server appends it.
    ///
    /// ## What it does
    /// Finds nginx `rewrite` to a text with `$request_uri`, `$args` or `$query_string` that does not end in `?`, and
    /// Apache rules with both `%{QUERY_STRING}` and `QSA`.
    ///
    /// ## Why is this bad?
    /// `/a?x=1` becomes `/b?x=1?x=1`. Caches and analytics see addresses that do not exist, and each further
    /// redirect makes them longer.
    ///
    /// ## Example
    /// ```nginx bad
    /// server {
    ///     server_name old.example;
    ///     location / {
    ///         rewrite ^ https://example.com$request_uri permanent;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     server_name old.example;
    ///     location / {
    ///         return 301 https://example.com$request_uri;
    ///     }
    /// }
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ /b?%{QUERY_STRING} [R=301,L,QSA]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// Safe for nginx redirects: a `?` at the end tells nginx to append nothing, and only requests with a query,
    /// which are the broken ones, are answered differently. For rewrites inside the server the doubling is noted only.
    ///
    /// ## Traps
    /// `return` never appends anything, and is not reported.
    ///
    /// ## Sources
    /// nginx `rewrite`; mod_rewrite flag `QSA`.
    RULE {
        name: "duplicate-query-string",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let routes = facts.routes().all.iter().filter(|route| route.enabled);
    for route in routes.filter(|route| route.target().is_some_and(|target| target.query == Query::Doubled)) {
        let message = "the query arrives twice: the target spells it, and the server appends it";
        let shown = if route.is_redirect() { proof(facts, route) } else { None };
        let mut finding = match shown {
            Some(proof) => by_proof(&RULE, &proof, message, route.span),
            None => with_confidence(&RULE, Confidence::Possible, message, route.span),
        };
        let directive = facts.directive(route.span);
        if let Some(directive) = directive {
            if facts.is_apache() {
                if let Some(flag) = words::flag(facts, directive, "QSA", "qsappend") {
                    finding.primary.span = flag.span;
                    let edits = words::without(facts, directive, &flag).into_iter().collect();
                    finding = finding.fix(Applicability::Unsafe, "take `QSA` off", edits);
                }
                finding = finding.help("leave `QSA` or `%{QUERY_STRING}` out");
            } else if let Some(word) = directive.args.get(1) {
                let quoted = facts.sources.text(word.span).first().is_some_and(|byte| matches!(byte, b'"' | b'\''));
                let end = if quoted { crate::source::Span { end: word.span.end - 1, ..word.span } } else { word.span };
                let how = if route.is_redirect() { Applicability::Safe } else { Applicability::Unsafe };
                finding = finding
                    .help("end the text with `?`, so that nginx appends nothing, or use `return`")
                    .fix(how, "end the text with `?`", vec![insert_behind(end, "?")]);
            }
        }
        findings.push(finding);
    }
}

/// A request whose query really arrives twice.
fn proof(facts: &Facts<'_>, route: &Route<'_>) -> Option<Proof> {
    let mut known = facts.proofs(route).iter();
    let twice = |location: &[u8]| memchr::memmem::find_iter(location, b"x=1").count() > 1;
    known.find_map(|proof| {
        facts.prove(route, proof.with_query(b"x=1")).filter(|found| twice(found.location()))
    })
}
