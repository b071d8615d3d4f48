//! See the page of [`RULE`].

use super::circle::{self, Kind};
use super::make::{Also, shown};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use std::collections::BTreeSet;

declare! {
    /// The index file is redirected to its folder, which the server answers with the index file.
    ///
    /// ## What it does
    /// Finds redirects from `/index.html` to `/` that also take the server's own step from `/` to `/index.html`.
    ///
    /// ## Why is this bad?
    /// Asked for the folder, the server looks for its index file inside; the redirect sees that step and sends the
    /// visitor back to the folder, for ever.
    ///
    /// ## Example
    /// ```htaccess bad
    /// DirectoryIndex index.html
    /// Redirect 301 /index.html /
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     root /srv/www;
    ///     index /index.html;
    ///     location = /index.html { return 301 /; }
    /// }
    /// ```
    /// Ask what the client sent:
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{THE_REQUEST} \s/index\.html[\s?]
    /// RewriteRule ^index\.html$ / [R=301,L]
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     root /srv/www;
    ///     index index.html;
    ///     if ($request_uri ~ "^/index\.html(?:\?|$)") { return 301 /; }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No automatic fix; the examples show both servers' forms.
    ///
    /// ## Traps
    /// Without the document root it is not known whether the index file exists; the finding is then one step lower.
    ///
    /// ## Sources
    /// nginx `index`; Apache mod_dir, whose look-up runs through mod_alias.
    RULE {
        name: "index-redirect-loop",
        group: Group::LoopChain,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for walk in facts.walks() {
        let Some(Kind::Index(route)) = circle::kind(facts, walk) else { continue };
        if seen.insert(route.span) {
            let message = "the folder is answered with its index file, and that is redirected to the folder";
            let help = if facts.is_apache() { "test `%{THE_REQUEST}`: what the client sent" } else { "test `$request_uri`: what the client sent" };
            findings.push(shown(&RULE, &walk.journey, message, route.span).help(help));
        }
    }
}
