//! See the page of [`RULE`].

use super::circle::{self, Kind};
use super::make::{Also, shown, lossy, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::graph::{Shape, Walk};
use crate::analysis::routes::Route;
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::eval::follow::{End, Journey};
use std::collections::BTreeSet;

const MESSAGE: &str = "the folder is answered with its index file, and that is redirected to the folder";

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
    ///     index index.html;
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
    let help = match facts.is_apache() {
        true => "test `%{THE_REQUEST}`: what the client sent",
        false => "test `$request_uri`: what the client sent",
    };
    for walk in facts.walks() {
        if let Some(Kind::Index(route)) = circle::kind(facts, walk)
            && seen.insert(route.span)
        {
            let finding = shown(&RULE, &walk.journey, MESSAGE, route.span).help(help);
            findings.push(finding.mend(Applicability::Unsafe, "ask what the client sent", guarded(facts, route)));
        }
    }
    for walk in facts.walks().iter().filter(|walk| walk.shape == Shape::Single && !facts.is_apache()) {
        let Some(route) = facts.routes().get(walk.first).filter(|route| !seen.contains(&route.span)) else { continue };
        if let Some((journey, assumed)) = with_index_file(facts, walk) {
            seen.insert(route.span);
            let mut finding = shown(&RULE, &journey, MESSAGE, route.span).help(help).at_most(Severity::Warning);
            finding.witness.iter_mut().for_each(|witness| witness.assumptions.push(assumed.clone()));
            findings.push(finding.mend(Applicability::Unsafe, "ask what the client sent", guarded(facts, route)));
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

/// The walk with the file that the redirect takes to its folder, where it then never ends.
fn with_index_file(facts: &Facts<'_>, walk: &Walk) -> Option<(Journey, String)> {
    let first = walk.journey.hops.first()?;
    let path = first.request.target.split(|&byte| byte == b'?').next()?;
    let folder = path.get(..=path.iter().rposition(|&byte| byte == b'/')?)?;
    let second = walk.journey.hops.get(1)?;
    if path == folder || second.request.target.split(|&byte| byte == b'?').next() != Some(folder) {
        return None;
    }
    facts.journey_with_file(first.request.clone(), path).filter(|(journey, _)| journey.end == End::Loop)
}
