//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::ir::{Effect, Note};
use crate::ir::table::TableKind;

declare! {
    /// A file that the configuration includes is not here, so the picture is incomplete.
    ///
    /// ## What it does
    /// Notes includes (once, for all of them) and map files that could not be read.
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
    /// ```apache bad
    /// Include sites/redirects.conf
    /// ```
    /// ```apache good
    /// Redirect 301 /a /b
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

/// Further includes named in the finding.
const MAX_SHOWN: usize = 9;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let missing = |note: &&Note| note.directive.eq_ignore_ascii_case("include") && note.effect == Effect::May;
    let notes: Vec<&Note> = facts.program.notes.iter().filter(missing).collect();
    if let Some(first) = notes.first() {
        let more = match notes.len() {
            1 => String::new(),
            count => format!(", and {} more", count - 1),
        };
        let message = format!("the analysis is incomplete: {}{more}", first.reason);
        let mut finding = certain(&RULE, message, first.span).help("give redirlint the whole configuration");
        for note in notes.iter().skip(1).take(MAX_SHOWN) {
            finding = finding.related(note.span, note.reason.clone());
        }
        findings.push(finding);
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
