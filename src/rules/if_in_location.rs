//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::syntax::{Directive, Item};

declare! {
    /// An `if` in a location replaces more of the location than it says.
    ///
    /// ## What it does
    /// Finds `if` in a `location` with `add_header`, `expires`, `proxy_pass` or the like in it.
    ///
    /// ## Why is this bad?
    /// An `if` that holds is a location of its own: headers of the outer one are gone as soon as it sets one itself,
    /// `try_files` is not looked at, and of several `if` only the last one counts.
    ///
    /// ## Example
    /// ```nginx bad
    /// location / {
    ///     if ($arg_x) {
    ///         add_header X-A 1;
    ///     }
    ///     try_files $uri /index.php;
    /// }
    /// ```
    /// ```nginx good
    /// map $arg_x $xa {
    ///     default "";
    ///     ~. 1;
    /// }
    /// server {
    ///     location / {
    ///         add_header X-A $xa;
    ///         try_files $uri /index.php;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: a `map` takes the place of the `if`.
    ///
    /// ## Traps
    /// `return`, `rewrite`, `set` and `break` do in an `if` what they say, and are not reported.
    ///
    /// ## Sources
    /// nginx `if`; nginx wiki, "If is evil".
    RULE {
        name: "if-in-location",
        group: Group::Correctness,
        severity: Severity::Info,
        servers: Servers::Nginx,
        fix: FixKind::None,
        check: check,
    }
}

const REPLACING: [&str; 10] = [
    "add_header", "expires", "proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "root", "alias", "proxy_set_header",
    "error_page",
];

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    facts.each_directive(|directive, around| {
        let inside = around.last().is_some_and(|outer| words::is(facts, outer, "location"));
        if !inside || !words::is(facts, directive, "if") {
            return;
        }
        let Some(found) = replacing(facts, directive) else { return };
        let name = facts.words(found).0;
        let message = format!("where this `if` holds, it takes the place of the location, because of `{name}` in it");
        findings.push(
            certain(&RULE, message, directive.head())
                .related(found.span, "sets up a location of its own")
                .help("use a `map`, and the variable in the location itself"),
        );
    });
}

fn replacing<'a>(facts: &Facts<'_>, directive: &'a Directive) -> Option<&'a Directive> {
    directive.block.as_ref()?.items.iter().find_map(|item| match item {
        Item::Directive(inner) if REPLACING.iter().any(|name| words::is(facts, inner, name)) => Some(inner),
        _ => None,
    })
}
