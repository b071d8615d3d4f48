//! See the page of [`RULE`].

use super::circle::{self, Kind};
use super::make::{Also, shown, lossy, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
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
    /// Unsafe: what the client sent is asked about instead, in the forms of the examples; a request that the server
    /// makes to itself is then left alone.
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
        fix: FixKind::Unsafe,
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
            let edits = guarded(facts, route);
            findings.push(shown(&RULE, &walk.journey, message, route.span).help(help).mend(Applicability::Unsafe, "ask what the client sent", edits));
        }
    }
}

/// The same redirect, for the file asked for by the client only.
fn guarded(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let path = route.path_prefix();
    let file = mend::literal_pattern(path.contains(&b'.').then_some(&path)?);
    let directive = facts.directive(route.span)?;
    let asked = format!(r"%{{THE_REQUEST}} \s{file}[\s?]");
    match &*facts.words(directive).0 {
        "rewriterule" => mend::condition(facts, route.span, &asked),
        "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp" => {
            let (status, to) = (route.status()?, lossy(route.target()?.literal()?));
            let indent = lossy(&mend::indent(facts, route.span));
            let lines = ["RewriteEngine On".to_owned(), format!("RewriteCond {asked}"), format!("RewriteRule ^ {to} [R={status},L]")];
            Some(vec![replace(directive.span, lines.join(&format!("\n{indent}")))])
        }
        "return" => {
            let location = facts.parent(directive).filter(|parent| words::is(facts, parent, "location"))?;
            let alone = location.block.as_ref().is_some_and(|block| block.items.len() == 1);
            let text = format!("if ($request_uri ~ \"^{file}(?:\\?|$)\") {{ {} }}", facts.text(directive.span));
            alone.then(|| vec![replace(location.span, text)])
        }
        _ => None,
    }
}
