//! See the page of [`RULE`].

use super::make::{Also, certain, replace};
use super::{Basis, FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::ir::scope::{ErrorPage, ErrorStatus, ErrorTarget};
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
    ///     server_name example.com;
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
    /// Unsafe: for a page on one of this configuration's own hosts its path is written, so that it is sent with the
    /// error's own status. Of any other page the path is for the author to name.
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
        basis: Basis::Text,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
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
        let finding = finding.mend(Applicability::Unsafe, "name the page by its path", by_path(facts, page));
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

/// The path in place of the URL of an own host.
pub(super) fn by_path(facts: &Facts<'_>, page: &ErrorPage) -> Option<Vec<Edit>> {
    let word = facts.directive(page.span)?.args.last()?;
    let inner = mend::inside(facts, word);
    let text = facts.sources.text(inner);
    let rest = text.strip_prefix(b"https://").or_else(|| text.strip_prefix(b"http://"))?;
    let (host, path) = rest.split_at(memchr::memchr(b'/', rest)?);
    (facts.own_host(host) || matches!(host, b"$host" | b"$http_host")).then(|| vec![replace(inner, path)])
}
