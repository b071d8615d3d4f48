//! See the page of [`RULE`].

use super::make::{Also, insert_before, proven};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::routes::{Place, Route};
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::ir::clause::{Action, Rewrite};
use crate::ir::policy::Relative;
use crate::ir::scope::Slot;
use crate::ir::template::Part;

declare! {
    /// A redirect to a relative text sends the folder's place on the disk.
    ///
    /// ## What it does
    /// Finds `RewriteRule` with `R` in a `.htaccess` or a `<Directory>` whose target has no leading slash, where no
    /// `RewriteBase` is set.
    ///
    /// ## Why is this bad?
    /// Apache puts the folder in front of a relative target, and that is the folder on the disk:
    /// `Location: https://example.com/srv/www/site/b`. The link is broken and shows how the server is laid out.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ b [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteBase /
    /// RewriteRule ^a$ b [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: a slash in front is right only where the folder is the top of the site.
    ///
    /// ## Traps
    /// Rewriting inside the server (no `R`) to a relative path is fine. A target that begins with a capture is
    /// reported too: the text that is matched in a folder has no leading slash.
    ///
    /// ## Sources
    /// mod_rewrite `RewriteBase`.
    RULE {
        name: "filesystem-path-in-location",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Apache,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled && route.slot == Slot::Rewrite) {
        let Some(rewrite) = rewrite_of(route) else { continue };
        let base = facts.program.scopes.get(route.scope.0 as usize).and_then(|scope| scope.lists.rewrite.as_ref());
        if rewrite.relative != Relative::Folder || !is_relative(route) || base.is_some_and(|list| list.base.is_some()) {
            continue;
        }
        let word = mend::target(facts, route.span);
        let message = "the target is relative, so the folder's path on the disk is put in front of it";
        let mut finding = proven(facts, &RULE, route, message)
            .help("begin the target with a slash, or say `RewriteBase` with the folder's URL path");
        // A lone file's place on the disk is not known; that it is put in front is.
        if let Some(word) = word {
            finding.primary.span = word.span;
            if !facts.sources.text(word.span).starts_with(b"\"") && !facts.sources.text(word.span).starts_with(b"'") {
                let edit = insert_before(word.span, facts.options.base.clone());
                finding = finding.fix(Applicability::Unsafe, "put the URL path in front", vec![edit]);
            }
        }
        findings.push(finding);
    }
}

fn rewrite_of<'a>(route: &Route<'a>) -> Option<&'a Rewrite> {
    route.clause.does.iter().find_map(|action| match action {
        Action::Rewrite(rewrite) => Some(&**rewrite),
        _ => None,
    })
}

fn is_relative(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    match target.place {
        Place::Relative => true,
        Place::Dynamic => matches!(target.template.parts.first(), Some(Part::Capture { .. })) && captures_path(route),
        _ => false,
    }
}

/// Whether the first part is a group of the rule's own pattern, which cannot begin with a slash.
fn captures_path(route: &Route<'_>) -> bool {
    use crate::ir::clause::Store;
    let first = route.target().and_then(|target| target.template.parts.first());
    let behind = route.target().and_then(|target| target.template.parts.get(1));
    let url = matches!(behind, Some(Part::Literal(text)) if text.starts_with(b"://") || text.starts_with(b":"));
    let Some(Part::Capture { store: Store::Pattern, group, .. }) = first else { return false };
    let Some(found) = route.own_match() else { return false };
    let crate::ir::pattern::Pattern::Regex(regex) = &found.pattern else { return false };
    let tree = crate::analysis::expression::of(regex);
    let leads = *group == 0 || starts_with_group(&tree, u32::from(*group));
    !url && !found.negated && leads && tree.anchored_start() && !tree.literal_prefix().starts_with(b"/")
}

/// Whether the group is the first thing behind the anchor.
fn starts_with_group(tree: &crate::analysis::expression::Node, number: u32) -> bool {
    use crate::analysis::expression::Kind;
    let first = tree.sequence().into_iter().find(|node| !node.is_assertion());
    first.is_some_and(|node| matches!(node.kind, Kind::Group(Some(at), _) if at == number))
}
