//! See the page of [`RULE`].

use super::make::{Also, lossy, proven, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::{Place, Route, TargetView};
use crate::analysis::witness::fits;
use crate::diagnostic::{Applicability, Edit, Finding, Severity};

declare! {
    /// The whole site is redirected to a maintenance page.
    ///
    /// ## What it does
    /// Finds redirects that take every path and lead to one page named like maintenance, offline or coming soon.
    ///
    /// ## Why is this bad?
    /// Search engines take the maintenance page for the new content of every address. "Away for a while" is status 503
    /// with `Retry-After`, which tells everyone to come back.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule !^maintenance\.html$ /maintenance.html [R=307,L]
    /// ```
    /// ```nginx bad
    /// location = /maintenance.html { }
    /// location / { return 307 /maintenance.html; }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{REQUEST_URI} !=/maintenance.html
    /// RewriteRule ^ - [R=503,L]
    /// ErrorDocument 503 /maintenance.html
    /// ```
    /// ```nginx good
    /// error_page 503 /maintenance.html;
    /// location = /maintenance.html { }
    /// location / { return 503; }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the status becomes 503, with the page as its error document. Add `Retry-After` where the end is known.
    /// Only for a `RewriteRule`, and for a `return` in a `location`.
    ///
    /// ## Traps
    /// Only redirects that take the start page and any other path are meant.
    ///
    /// ## Sources
    /// RFC 9110 sections 15.6.4 and 10.2.3.
    RULE {
        name: "maintenance-redirect",
        group: Group::Status,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

const WORDS: &[&str] = &["maint", "wartung", "offline", "coming-soon", "comingsoon", "be-right-back", "under-construction"];

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let Some(target) = route.target().filter(|target| !target.keeps_path) else { continue };
        let page = lossy(target.path_prefix.rsplit(|&byte| byte == b'/').find(|part| !part.is_empty()).unwrap_or_default()).to_ascii_lowercase();
        let everything = || fits(route, b"/") && fits(route, b"/some/page");
        if WORDS.iter().any(|word| page.contains(word)) && everything() {
            let message = format!("the whole site is redirected to `{page}`");
            let finding = proven(facts, &RULE, route, message).help("answer 503 with this page as its error document, and a `Retry-After`");
            findings.push(finding.mend(Applicability::Unsafe, "answer 503 with this page", unavailable(facts, route)));
        }
    }
}

/// The status, and the page as what is sent with it.
fn unavailable(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let page = route.target().filter(|target| target.place == Place::Path).and_then(TargetView::literal).map(lossy)?;
    let directive = facts.directive(route.span).filter(|_| page.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'$%;{}".contains(&byte)))?;
    if words::is(facts, directive, "RewriteRule") {
        let status = match words::flag(facts, directive, "R", "redirect") {
            Some(flag) => replace(flag.span, "R=503"),
            None => words::with(facts, directive, "R=503")?,
        };
        let mut edits = mend::line_above(facts, route.span, format!("ErrorDocument 503 {page}").as_bytes())?;
        edits.extend([replace(mend::target(facts, route.span)?.span, "-"), status]);
        return Some(edits);
    }
    let inside = facts.parent(directive).is_some_and(|parent| words::is(facts, parent, "location"));
    let words = directive.name.span.to(directive.args.last()?.span);
    let text = match mend::indent(facts, route.span).as_slice() {
        b"" => format!("error_page 503 {page}; return 503"),
        indent => format!("error_page 503 {page};\n{}return 503", lossy(indent)),
    };
    (inside && words::is(facts, directive, "return")).then(|| vec![replace(words, text)])
}
