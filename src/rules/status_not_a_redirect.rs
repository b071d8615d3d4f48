//! See the page of [`RULE`].

use super::make::{Also, lossy, proven};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::{Does, Place, Route};
use crate::diagnostic::{Finding, Severity, Applicability};

declare! {
    /// A target is given with a status that no client follows.
    ///
    /// ## What it does
    /// Finds targets that stand beside a status other than 301, 302, 303, 307 and 308.
    ///
    /// ## Why is this bad?
    /// nginx sends a `Location` only with those five; with any other status the URL becomes the text of the page.
    /// Apache drops the target outside of 3xx, and sends a `Location` that nobody follows with 300, 304 and 305.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=305,L]
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^gone$ /new [R=410,L]
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     return 304 /b;
    /// }
    /// ```
    /// Use one of the five, or no target:
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^gone$ - [R=404,L]
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 302 /b;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe where it is offered: the target of a `RewriteRule` that the server does not use becomes `-`. Whether
    /// the status or the target is meant only the author knows elsewhere.
    ///
    /// ## Traps
    /// `return 200 "text"` is a text, and so is anything with a blank in it; only what looks like a path or a URL
    /// is reported, and above 399 as info.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4; WHATWG Fetch, redirect status; nginx `ngx_http_send_response`.
    RULE {
        name: "status-not-a-redirect",
        group: Group::Status,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Safe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().all.iter().filter(|route| route.enabled) {
        let Some((status, target, sent)) = claimed(route).or_else(|| unused(facts, route)) else { continue };
        let fate = match (sent, facts.is_apache()) {
            (true, _) => "sends it, but no client follows it",
            (false, true) => "drops the target",
            (false, false) => "sends the target as the text of the page",
        };
        let message = format!("status {status} is not a redirect: the server {fate}");
        let help = format!("to lead to `{}`, write 301, 302, 303, 307 or 308; else leave the target out", lossy(&target));
        let idle = !sent && facts.directive(route.span).is_some_and(|directive| words::is(facts, directive, "RewriteRule"));
        let edits = if idle { mend::retarget(facts, route.span, b"-") } else { None };
        let finding = proven(facts, &RULE, route, message).help(help).mend(Applicability::Safe, "leave the unused target out", edits);
        findings.push(match status {
            300 => finding.at_most(Severity::Warning),
            400.. if facts.is_apache() => finding.at_most(Severity::Warning),
            400.. => finding.at_most(Severity::Info),
            _ => finding,
        });
    }
}

/// The same for a `RewriteRule` whose status leaves no room for its target.
fn unused(facts: &Facts<'_>, route: &Route<'_>) -> Option<(u16, Vec<u8>, bool)> {
    let status = route.status().filter(|status| *status >= 400)?;
    let directive = facts.directive(route.span)?;
    words::flag(facts, directive, "R", "redirect").filter(|_| words::is(facts, directive, "RewriteRule"))?;
    let target = facts.word(directive.args.get(1)?);
    (target != b"-").then(|| (status, target.to_vec(), false))
}

/// Status, target, and whether a `Location` is sent, where they do not go together.
fn claimed(route: &Route<'_>) -> Option<(u16, Vec<u8>, bool)> {
    match &route.does {
        Does::Redirect { status, target } if !matches!(status, 301 | 302 | 303 | 307 | 308) => {
            Some((*status, target.literal_start().to_vec(), true))
        }
        Does::Respond { status, body: Some(body) } => {
            let text = body.literal_start();
            let url = body.place == Place::Path || text.starts_with(b"http:") || text.starts_with(b"https:");
            (url && !text.contains(&b' ')).then(|| (*status, text.to_vec(), false))
        }
        _ => None,
    }
}
