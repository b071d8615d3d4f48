//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::ir::Reach;

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

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for refusal in &facts.program.refusals {
        let consequence = match refusal.reach {
            Reach::Server => "the server does not load this configuration",
            Reach::Folder(_) => "every request into this folder is answered with 500",
        };
        let mut finding = certain(&RULE, format!("{}: {consequence}", refusal.message), refusal.span);
        finding.help.clone_from(&refusal.help);
        findings.push(finding);
    }
    // The server stops at its first complaint; what the parser could not read is worth telling as well.
    for error in facts.trees.iter().flat_map(|tree| &tree.errors) {
        let told = facts.program.refusals.iter().any(|refusal| {
            refusal.span.file == error.span.file && refusal.span.start <= error.span.end && error.span.start <= refusal.span.end
        });
        if told {
            continue;
        }
        let mut finding = certain(&RULE, error.message.clone(), error.span);
        if facts.program.refusals.is_empty() {
            finding = finding.at_most(Severity::Warning);
        }
        finding.help.clone_from(&error.help);
        findings.push(finding);
    }
}
