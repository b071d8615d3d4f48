//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::routes::Does;
use crate::analysis::transport::sends;
use crate::diagnostic::{Finding, Severity};
use crate::ir::template::{Part, Template};
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A visitor is led on by a `Refresh` header or a meta tag instead of a redirect.
    ///
    /// ## What it does
    /// Finds `Refresh` headers with a URL, and answers with a body that holds a meta refresh and a status that
    /// is no redirect.
    ///
    /// ## Why is this bad?
    /// The page is loaded first, the method cannot be kept, and whether the move is for good is not said.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header set Refresh "0; url=/b"
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     add_header Refresh "0; url=/b";
    ///     return 200;
    /// }
    /// ```
    /// ```htaccess good
    /// Redirect 301 /a /b
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 301 /b;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix: the status has to be chosen.
    ///
    /// ## Traps
    /// A meta refresh in the body of a real redirect helps old clients: silent. A page that shows a message for some
    /// seconds needs it: leave the info alone.
    ///
    /// ## Sources
    /// HTML, "refresh" pragma; RFC 9110 section 15.4; Google Search documentation on redirects.
    RULE {
        name: "refresh-header-redirect",
        group: Group::Seo,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told: FxHashSet<Span> = FxHashSet::default();
    let mut tell = |at: Span, what: &str| {
        if told.insert(at) {
            let message = format!("{what} leads visitors on after the page is loaded");
            findings.push(certain(&RULE, message, at).help("answer with a redirect: 301 or 308 for good, 302 or 307 for now"));
        }
    };
    for scope in &facts.program.scopes {
        for rule in scope.settings.headers.items.iter().filter(|rule| sends(rule)) {
            if rule.name.eq_ignore_ascii_case(b"refresh") && holds(&rule.value, b"url=") {
                tell(rule.span, "a `Refresh` header");
            }
        }
    }
    for route in &facts.routes().all {
        let Does::Respond { status, body: Some(body) } = &route.does else { continue };
        let leads = holds(body.template, b"http-equiv") && holds(body.template, b"refresh") && holds(body.template, b"url=");
        if leads && !(300..400).contains(status) {
            tell(route.span, "a meta refresh");
        }
    }
}

/// Whether the fixed text holds this, in either case.
fn holds(template: &Template, wanted: &[u8]) -> bool {
    template.parts.iter().any(|part| match part {
        Part::Literal(text) => text.windows(wanted.len()).any(|window| window.eq_ignore_ascii_case(wanted)),
        _ => false,
    })
}
