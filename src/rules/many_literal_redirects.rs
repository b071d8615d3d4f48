//! See the page of [`RULE`].

use super::make::{Also, certain, lossy, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::{PathPattern, Route};
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::ir::scope::Slot;
use crate::ir::{ScopeId, SiteId};
use rustc_hash::FxHashMap;

declare! {
    /// Dozens of redirects for one fixed path each are tried one after the other.
    ///
    /// ## What it does
    /// Counts redirects of one fixed path to one fixed target in the same list, and notes fifty and more.
    ///
    /// ## Why is this bad?
    /// Every request runs through the whole list. A table is looked up at once, and can be read and reviewed as what
    /// it is: old address, new address.
    ///
    /// ## Example
    /// The page shows the shape; the note comes with the fiftieth.
    /// ```nginx bad repeat=50
    /// server {
    ///     listen 80;
    ///     rewrite ^/p1$ /q1 permanent;
    /// }
    /// ```
    /// ```nginx good
    /// map $uri $new {
    ///     default "";
    ///     /p1 /q1;
    ///     /p2 /q2;
    /// }
    /// server {
    ///     if ($new) {
    ///         return 301 $new;
    ///     }
    /// }
    /// ```
    /// ```htaccess bad repeat=50
    /// Redirect 301 /p1 /q1
    /// ```
    /// ```apache good
    /// RewriteEngine On
    /// RewriteMap moved txt:/etc/apache2/moved.txt
    /// RewriteCond ${moved:$1} .
    /// RewriteRule ^(/.*)$ ${moved:$1} [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe, and for nginx alone, where the list stands in one `server`: a `map` in front of it takes the place
    /// of the list. A table answers before or after the other rules, not between them. Apache's `RewriteMap` needs
    /// a file of its own.
    ///
    /// ## Traps
    /// nginx's `location = /p1` is looked up at once and is not counted. `RewriteMap` may not stand in a `.htaccess`.
    ///
    /// ## Sources
    /// nginx `map`; mod_rewrite `RewriteMap`.
    RULE {
        name: "many-literal-redirects",
        group: Group::Performance,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// So many are many.
const MANY: usize = 50;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut lists: FxHashMap<(SiteId, ScopeId, Slot), Vec<&Route<'_>>> = FxHashMap::default();
    for route in facts.routes().redirects().filter(|route| route.enabled && is_literal(route)) {
        lists.entry((route.site, route.scope, route.slot)).or_default().push(route);
    }
    let mut long: Vec<_> = lists.into_values().filter(|list| list.len() >= MANY).collect();
    long.sort_by_key(|list| list.first().map(|route| route.span));
    for list in long {
        let (Some(first), Some(last)) = (list.first(), list.last()) else { continue };
        let message = format!("{} redirects of one fixed path each are tried one after the other", list.len());
        let help = match (facts.is_apache(), first.mount.is_some() || facts.program.fragment) {
            (false, _) => "a `map` from `$uri` to the target is looked up at once",
            (true, false) => "a `RewriteMap` is looked up at once",
            (true, true) => "a `RewriteMap` in the server's configuration is looked up at once",
        };
        let finding = certain(&RULE, message, first.span).related(last.span, "the last of them").help(help);
        findings.push(finding.mend(Applicability::Unsafe, "look them up in a `map`", as_map(facts, &list)));
    }
}

/// One fixed path, one fixed target, tried in turn.
fn is_literal(route: &Route<'_>) -> bool {
    let own = route.paths.iter().find(|test| test.own && !test.negated);
    let source = own.is_some_and(|test| match test.pattern {
        PathPattern::Segments(text) => text.len() > 1,
        PathPattern::Exact(_) => true,
        PathPattern::Regex(regex) => crate::analysis::expression::beginning(regex).whole,
        _ => false,
    });
    source && route.target().is_some_and(|target| target.literal().is_some())
}

/// A table in front of the server, and one look into it in place of the first `rewrite`.
fn as_map(facts: &Facts<'_>, list: &[&Route<'_>]) -> Option<Vec<Edit>> {
    let (first, others) = list.split_first()?;
    let status = first.status().filter(|status| matches!(status, 301 | 302))?;
    let server = facts.parent(facts.directive(first.span)?).filter(|parent| words::is(facts, parent, "server"))?;
    let mut rows = String::new();
    for route in list {
        let directive = facts.directive(route.span)?;
        let here = facts.parent(directive).is_some_and(|parent| parent.span == server.span);
        let plain = |text: &[u8]| text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/_.:-".contains(byte));
        let (from, to) = (route.exact_path()?, route.target()?.literal()?);
        if !here || !words::is(facts, directive, "rewrite") || route.status() != Some(status) || !plain(&from) || !plain(to) {
            return None;
        }
        rows.push_str(&format!("    {} {};\n", lossy(&from), lossy(to)));
    }
    let name = "$redirect_to";
    let taken = facts.trees.iter().any(|tree| memchr::memmem::find(facts.sources.file(tree.file).bytes(), name.as_bytes()).is_some());
    let map = format!("map $uri {name} {{\n    default \"\";\n{rows}}}");
    let look = format!("if ({name}) {{ return {status} {name}$is_args$args; }}");
    let mut edits = if taken { None } else { mend::line_above(facts, server.span, map.as_bytes()) }?;
    edits.push(replace(facts.directive(first.span)?.span, look));
    for route in others {
        edits.extend(mend::remove(facts, route.span)?);
    }
    Some(edits)
}
