//! See the page of [`RULE`].

use super::make::{Also, by_proof, replace};
use super::{FixKind, Group, Servers, status};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::analysis::routes::Route;
use crate::eval::Request;
use crate::diagnostic::{Applicability, Finding, Severity};

declare! {
    /// A redirect that is made for POST answers 301 or 302, on which browsers send GET without the body.
    ///
    /// ## What it does
    /// Finds 301 and 302 whose conditions ask for a method and let POST through.
    ///
    /// ## Why is this bad?
    /// Browsers turn POST into GET on 301 and 302 and drop the body. Who names POST wants the body to arrive (307, 308) or
    /// says on purpose that a page follows (303).
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{REQUEST_METHOD} POST
    /// RewriteRule ^api/(.*)$ https://api.example.com/$1 [R=301,L]
    /// ```
    /// ```nginx bad
    /// location /form {
    ///     if ($request_method = POST) { return 302 https://b.example/v2; }
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{REQUEST_METHOD} POST
    /// RewriteRule ^api/(.*)$ https://api.example.com/$1 [R=308,L]
    /// ```
    /// ```nginx good
    /// location /form {
    ///     if ($request_method = POST) { return 303 https://b.example/v2; }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: 301 becomes 308, 302 becomes 307. Where a page follows a form, 303 is the better one.
    ///
    /// ## Traps
    /// A redirect of a whole site to https is not reported, as it is not made for POST, unless `api_paths` in
    /// `redirlint.yaml` names paths that programs ask. PUT, PATCH and DELETE are kept by
    /// browsers on 301 and 302.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4; WHATWG Fetch, HTTP-redirect fetch.
    RULE {
        name: "method-lost-on-redirect",
        group: Group::Status,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let Some(sent) = route.status().filter(|status| matches!(status, 301 | 302)) else { continue };
        let wanted = if names_method(route) { facts.proposals(route) } else { of_programs(facts, route) };
        let post = wanted.into_iter().find_map(|mut request| {
            request.method = b"POST"[..].into();
            facts.prove(route, request)
        });
        let Some(proof) = post else { continue };
        let better = if sent == 301 { 308 } else { 307 };
        let message = format!("POST is redirected with {sent}: browsers follow with GET and leave the body behind");
        let finding = by_proof(&RULE, &proof, message, route.span)
            .help(format!("send {better} to keep method and body, or 303 where a page follows a form"));
        findings.push(match status::written(facts, route.span, sent) {
            Some(span) => finding.fix(Applicability::Unsafe, format!("send {better}"), vec![replace(span, better.to_string())]),
            None => finding,
        });
    }
}

/// Requests for the paths that the user says programs ask.
fn of_programs(facts: &Facts<'_>, route: &Route<'_>) -> Vec<Request> {
    if facts.knobs.api_paths.is_empty() {
        return Vec::new();
    }
    let examples = facts.knobs.api_examples().flat_map(|path| facts.proposal_at(route, &path));
    let all = facts.proposals(route).into_iter().chain(examples);
    all.filter(|request| facts.knobs.is_api(&request.target)).collect()
}

/// Whether a condition picks methods out, rather than letting all but some through.
fn names_method(route: &Route<'_>) -> bool {
    route.guards_on(|dimension| *dimension == Dimension::Method).next().is_some()
}
