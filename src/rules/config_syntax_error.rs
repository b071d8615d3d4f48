//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::ir::{Reach, Refusal};
use crate::source::Span;

declare! {
    /// The server refuses the configuration.
    ///
    /// ## What it does
    /// Reports every line that the server would not load, with the reason: flags with a blank in them, too many or
    /// too few arguments, a directive in a place where it is not allowed, a regular expression that does not compile.
    ///
    /// ## Why is this bad?
    /// One such line in a `.htaccess` makes every request into its folder fail with 500. In the main configuration
    /// the server does not start, or keeps running with the old one.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=301, L]
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     rewrite ^/a /b 308;
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=301,L]
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     rewrite ^/a /b permanent;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix; the help line says what the server wants.
    ///
    /// ## Traps
    /// A directive of a module that this tool does not know is not an error.
    ///
    /// ## Sources
    /// The servers' own checks, seen on Apache 2.4 and nginx.
    RULE {
        name: "config-syntax-error",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

/// Complaints told of one configuration at the most: a file that is no configuration at all has one for every line.
const MOST: usize = 20;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let refusals = &facts.program.refusals;
    let mut told: Vec<Finding> = refusals.iter().take(MOST).map(refused).collect();
    let mut spans: Vec<Span> = refusals.iter().map(|refusal| refusal.span).collect();
    spans.sort_unstable();
    let touched = |span: Span| {
        let behind = spans.partition_point(|other| (other.file, other.start) <= (span.file, span.end));
        let before = behind.checked_sub(1).and_then(|at| spans.get(at));
        before.is_some_and(|other| other.file == span.file && span.start <= other.end)
    };
    // The server stops at its first complaint; what the parser could not read is worth telling as well.
    let unread = facts.trees.iter().flat_map(|tree| &tree.errors).filter(|error| !touched(error.span));
    let mut left = refusals.len().saturating_sub(MOST);
    for error in unread {
        if told.len() >= MOST {
            left += 1;
            continue;
        }
        let mut finding = certain(&RULE, error.message.clone(), error.span);
        if refusals.is_empty() {
            finding = finding.at_most(Severity::Warning);
        }
        finding.help.clone_from(&error.help);
        told.push(finding);
    }
    if let Some(last) = told.last_mut().filter(|_| left > 0) {
        let help = last.help.take().map(|help| format!("{help}; ")).unwrap_or_default();
        last.help = Some(format!("{help}{left} more like it are not shown: mend the first ones first"));
    }
    findings.append(&mut told);
}

fn refused(refusal: &Refusal) -> Finding {
    let consequence = match refusal.reach {
        Reach::Server => "the server does not load this configuration",
        Reach::Folder(_) => "every request into this folder is answered with 500",
    };
    let mut finding = certain(&RULE, format!("{}: {consequence}", refusal.message), refusal.span);
    finding.help.clone_from(&refusal.help);
    finding
}
