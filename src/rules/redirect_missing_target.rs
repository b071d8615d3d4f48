//! See the page of [`RULE`].

use super::make::{Also, by_proof, proven};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::routes::{Does, Place, Route};
use crate::analysis::transport::is_redirect;
use crate::diagnostic::{Applicability, Finding, Severity};

declare! {
    /// A redirect is answered with an empty `Location`, or with none.
    ///
    /// ## What it does
    /// Finds redirect statuses without a target: `return 301;`, and targets made of a variable that is empty for
    /// some request.
    ///
    /// ## Why is this bad?
    /// The client has nowhere to go and shows a blank page.
    ///
    /// ## Example
    /// ```nginx bad
    /// location = /a {
    ///     return 301;
    /// }
    /// ```
    /// ```nginx bad
    /// map $uri $to {
    ///     /a /b;
    /// }
    /// server {
    ///     listen 80;
    ///     location / {
    ///         return 301 $to;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 301 /b;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe where it is offered: a target that is one variable is guarded with `if ($variable) { … }`, so that only
    /// the requests without a target get another answer. Elsewhere only the author knows the target.
    ///
    /// ## Traps
    /// `if ($to) { return 301 $to; }` is guarded: the request that would show an empty target does not get there.
    /// Apache sends no redirect without a target: `-` beside `R` is told as `conflicting-status-flags`, and a `Redirect`
    /// without a URL is refused, or means the whole folder (`redirect-swallows-directory`).
    ///
    /// ## Sources
    /// RFC 9110 section 15.4: a redirect should generate a `Location`. nginx `ngx_http_send_response`.
    RULE {
        name: "redirect-missing-target",
        group: Group::Status,
        severity: Severity::Error,
        servers: Servers::Nginx,
        fix: FixKind::Safe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().all.iter().filter(|route| route.enabled) {
        match &route.does {
            Does::Respond { status, body: None } if matches!(status, 301 | 302 | 303 | 307 | 308) => {
                let message = format!("{status} is answered without a `Location`: the client has nowhere to go");
                findings.push(proven(facts, &RULE, route, message).help("name the target behind the status"));
            }
            Does::Redirect { target, .. } if matches!(target.place, Place::Dynamic | Place::Empty) => {
                findings.extend(empty(facts, route));
            }
            _ => {}
        }
    }
}

/// A request that really gets an empty `Location`.
fn empty(facts: &Facts<'_>, route: &Route<'_>) -> Option<Finding> {
    let mut proofs = facts.proofs(route).iter();
    let found = proofs.find(|proof| is_redirect(proof.answer.status) && proof.answer.location.as_deref().is_none_or(<[u8]>::is_empty))?;
    let finding = by_proof(&RULE, found, "the target is empty for this request: the client has nowhere to go", route.span);
    let edits = variable(facts, route).and_then(|name| mend::wrap(facts, route.span, &format!("if ({name})")));
    let finding = finding.mend(Applicability::Safe, "redirect only where there is a target", edits);
    Some(finding.help(match variable(facts, route) {
        Some(_) => "redirect only where there is a target: `if ($variable) { … }`, or give the map a default",
        None => "let the pattern take only what leaves something to redirect to",
    }))
}

/// The variable that a target consists of. A number is no variable of that kind: it means another match inside of an `if`.
fn variable(facts: &Facts<'_>, route: &Route<'_>) -> Option<String> {
    let text = facts.text(mend::inside(facts, mend::target(facts, route.span)?));
    let name = text.strip_prefix('$')?;
    let named = !name.starts_with(|letter: char| letter.is_ascii_digit());
    (named && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')).then_some(text)
}
