//! See the page of [`RULE`].

use super::make::{Also, shown};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity, Applicability};
use crate::eval::Request;
use crate::eval::follow::{self, End};
use crate::ir::Bytes;
use crate::ir::scope::ErrorTarget;
use std::collections::BTreeSet;

declare! {
    /// The page for an error is itself redirected in a circle, or answered with an error.
    ///
    /// ## What it does
    /// Asks for the path of every error page and reports those whose request never arrives at a page.
    ///
    /// ## Why is this bad?
    /// A visitor who meets the error goes round, or meets the next error, and sees the server's bare page at best.
    ///
    /// ## Example
    /// ```nginx bad also=error-document-redirect
    /// error_page 404 https://$host/missing;
    /// location = /missing { return 404; }
    /// ```
    /// ```nginx good
    /// error_page 404 /404.html;
    /// location = /404.html { internal; }
    /// ```
    /// ```apache bad also=error-document-redirect
    /// Listen 80
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    ///     ErrorDocument 404 http://www.example.com/missing
    ///     Redirect 404 /missing
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// Listen 80
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     DocumentRoot /srv/www
    ///     ErrorDocument 404 /404.html
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: for a page on one of this configuration's own hosts its path is written. The page then comes with
    /// the error itself, without a redirect.
    ///
    /// ## Traps
    /// Whether the page's file exists is not known without the document root; a missing file is not reported.
    ///
    /// ## Sources
    /// nginx `error_page`; Apache `ErrorDocument`.
    RULE {
        name: "error-page-redirect-loop",
        group: Group::LoopChain,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// Error pages asked about.
const MOST: usize = 200;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if facts.refused() {
        return;
    }
    let mut seen = BTreeSet::new();
    let pages = facts.program.scopes.iter().flat_map(|scope| &scope.settings.error_pages.items);
    for page in pages.filter(|page| page.code >= 400).take(MOST) {
        let ErrorTarget::Url(target) = &page.target else { continue };
        if !seen.insert(page.span) {
            continue;
        }
        let text: Vec<u8> = target.parts.iter().filter_map(|part| if let crate::ir::template::Part::Literal(text) = part { Some(text.to_vec()) } else { None }).flatten().collect();
        let Some(path) = path_of(&text) else { continue };
        let Some(request) = request(facts, path) else { continue };
        let journey = facts.journey(request);
        let fails = matches!(journey.end, End::Loop | End::TooManyHops | End::Error)
            || journey.hops.last().is_some_and(|hop| hop.answer.cause == Some(page.span));
        if fails {
            let finding = shown(&RULE, &journey, "the error page itself never arrives", page.span).help("let the page's path be served");
            let edits = super::error_document_redirect::by_path(facts, page);
            findings.push(finding.mend(Applicability::Unsafe, "name the page by its path", edits));
        }
    }
}

/// The path of a URL whose host is known or made from the request.
fn path_of(text: &[u8]) -> Option<Vec<u8>> {
    let rest = text.strip_prefix(b"https://").or_else(|| text.strip_prefix(b"http://")).or_else(|| text.strip_prefix(b"://"))?;
    let at = memchr::memchr(b'/', rest)?;
    rest.get(at..).map(<[u8]>::to_vec)
}

/// A request for a path on the first named site.
fn request(facts: &Facts<'_>, path: Vec<u8>) -> Option<Request> {
    use crate::ir::site::SiteName;
    let named = facts.program.sites.iter().flat_map(|site| &site.names).find_map(|name| match name {
        SiteName::Exact(name) if !name.is_empty() => Some(name.to_vec()),
        _ => None,
    });
    let host = named.unwrap_or_else(|| b"example.com".to_vec());
    let mut request = follow::request_for(&[b"http://", host.as_slice(), b"/"].concat())?;
    request.target = Bytes::from(path);
    Some(request)
}
