//! See the page of [`RULE`].

use super::make::{Also, proven};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::ir::scope::Slot;
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A `Redirect` with one URL too few redirects every request of its folder.
    ///
    /// ## What it does
    /// Finds `Redirect 301 /old` and `Redirect /old` in a `.htaccess` or a `<Directory>`: the source or the target
    /// is missing.
    ///
    /// ## Why is this bad?
    /// Since 2.4.19 this is not an error. It means "redirect everything in here to this one URL", so the whole
    /// folder leads there, and the URL itself too if it lies in the folder: an endless loop.
    ///
    /// ## Example
    /// ```htaccess bad also=redirect-loop
    /// Redirect 301 /old-page
    /// ```
    /// ```htaccess good
    /// Redirect 301 /old-page /new-page
    /// ```
    ///
    /// ## Fix safety
    /// No fix: what is missing is known to the author only.
    ///
    /// ## Traps
    /// In `<Location>` and `<If>` the form with one argument is the documented one and is not reported. A full URL
    /// of another host is a warning only: somebody may mean that everything goes there, and then the path is lost.
    ///
    /// ## Sources
    /// mod_alias `Redirect`; `add_redirect_internal` in mod_alias.c.
    RULE {
        name: "redirect-swallows-directory",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Apache,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let routes = facts.routes().redirects().filter(|route| route.slot == Slot::ExpressionRedirect);
    let routes: Vec<_> = routes.collect();
    if routes.is_empty() {
        return;
    }
    let deliberate = deliberate(facts);
    for route in routes.into_iter().filter(|route| !deliberate.contains(&route.span)) {
        let Some(argument) = facts.directive(route.span).and_then(|directive| directive.args.last()) else { continue };
        let url = facts.word(argument);
        let path = url.starts_with(b"/");
        let message = format!(
            "every request of this folder is redirected to `{}`: one of two URLs is missing",
            facts.text(argument.span)
        );
        let finding = proven(facts, &RULE, route, message).help("write both: the path that moved, and where to");
        findings.push(if path { finding } else { finding.at_most(Severity::Warning) });
    }
}

/// Redirects in sections that choose the requests themselves.
fn deliberate(facts: &Facts<'_>) -> FxHashSet<Span> {
    let mut found = FxHashSet::default();
    facts.each_directive(|directive, around| {
        let chosen = |name: &str| around.iter().any(|outer| words::is(facts, outer, name));
        if (words::is(facts, directive, "Redirect") || words::is(facts, directive, "RedirectMatch"))
            && ["Location", "LocationMatch", "If", "ElseIf", "Else", "Files", "FilesMatch"].into_iter().any(chosen)
        {
            found.insert(directive.head());
        }
    });
    found
}
