//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::ir::scope::{ErrorStatus, ErrorTarget};
use crate::ir::template::{Attribute, Part, Template};
use std::collections::BTreeSet;

declare! {
    /// An error page is given as a URL, so the error becomes a redirect.
    ///
    /// ## What it does
    /// Finds error documents with a scheme and host, and nginx's `error_page` that replaces an error by a redirect status.
    ///
    /// ## Why is this bad?
    /// The visitor gets 302 to a page that answers 200; nobody sees the 404 any more. Search engines keep dead addresses,
    /// and a 401 given so never asks for the password.
    ///
    /// ## Example
    /// ```htaccess bad
    /// ErrorDocument 404 https://example.com/404.html
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     error_page 404 https://example.com/404.html;
    /// }
    /// ```
    /// ```htaccess good
    /// ErrorDocument 404 /404.html
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     error_page 404 /404.html;
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     error_page 405 =200 $uri;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: the path of the page on this server is for the author to name.
    ///
    /// ## Traps
    /// `error_page 497` with a URL is nginx's own way to answer http on the TLS port. A redirect to a login on 401 or 403
    /// is reported as information. A target that begins with a variable (`$uri`) may as well be a path; it is left alone.
    ///
    /// ## Sources
    /// Apache `ErrorDocument`; nginx `error_page`.
    RULE {
        name: "error-document-redirect",
        group: Group::Seo,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    let pages = facts.program.scopes.iter().flat_map(|scope| &scope.settings.error_pages.items);
    for page in pages {
        let leaves = match (&page.target, page.status) {
            (ErrorTarget::Url(to), _) => leaves(to),
            (ErrorTarget::Path(_), ErrorStatus::Fixed(status)) => matches!(status, 301 | 302 | 303 | 307 | 308),
            _ => false,
        };
        if !leaves || page.code == 497 || (300..400).contains(&page.code) || !seen.insert(page.span) {
            continue;
        }
        let message = format!("{} becomes a redirect: the error itself is never seen", page.code);
        let finding = certain(&RULE, message, page.span).help("name the page by its path, `/404.html`");
        findings.push(finding.at_most(if matches!(page.code, 401 | 403) { Severity::Info } else { Severity::Warning }));
    }
}

/// Whether the text is a URL whatever the request: a variable may as well hold a path (`$uri`).
fn leaves(target: &Template) -> bool {
    match target.parts.first() {
        Some(Part::Literal(_)) | None => true,
        Some(Part::Attribute(attribute)) => matches!(attribute, Attribute::Scheme),
        Some(_) => false,
    }
}
