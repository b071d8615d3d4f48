//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::ir::Effect;
use crate::ir::table::TableKind;

declare! {
    /// A file that the configuration includes is not here, so the picture is incomplete.
    ///
    /// ## What it does
    /// Notes includes and map files that could not be read.
    ///
    /// ## Why is this bad?
    /// Redirects and headers in them are not seen. What redirlint says about things that are missing may then be
    /// wrong.
    ///
    /// ## Example
    /// ```nginx bad
    /// server {
    ///     server_name example.com;
    ///     include snippets/redirects.conf;
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     server_name example.com;
    ///     return 301 https://www.example.com$request_uri;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: give redirlint the whole configuration, or the output of `nginx -T`.
    ///
    /// ## Traps
    /// Shell patterns that match nothing and `IncludeOptional` are fine. Files that are known to say nothing about
    /// redirects (`mime.types`, `fastcgi_params`) are not missed.
    ///
    /// ## Sources
    /// nginx `include`; Apache `Include`, `RewriteMap`.
    RULE {
        name: "unresolved-include",
        group: Group::Portability,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for note in &facts.program.notes {
        if note.directive.eq_ignore_ascii_case("include") && note.effect == Effect::May {
            let message = format!("the analysis is incomplete: {}", note.reason);
            findings.push(certain(&RULE, message, note.span).help("give redirlint the whole configuration"));
        }
    }
    for table in &facts.program.tables {
        if let TableKind::Unknown(what) = &table.kind
            && what.starts_with("the map file")
        {
            let message = format!("the analysis is incomplete: {what} is not here");
            findings.push(certain(&RULE, message, table.span).help("give redirlint the map file too"));
        }
    }
}
