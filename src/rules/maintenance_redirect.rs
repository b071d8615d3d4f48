//! See the page of [`RULE`].

use super::make::{Also, lossy, proven};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::witness::fits;
use crate::diagnostic::{Finding, Severity};

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
    /// No fix; the examples show what to write.
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
        fix: FixKind::None,
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
            findings.push(proven(facts, &RULE, route, message).help("answer 503 with this page as its error document, and a `Retry-After`"));
        }
    }
}
