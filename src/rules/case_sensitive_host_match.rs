//! See the page of [`RULE`].

use super::make::{Also, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::analysis::uses::{On, uses};
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};
use crate::ir::pattern::Regex;

declare! {
    /// The host is compared with its case, although host names have none.
    ///
    /// ## What it does
    /// Finds conditions on `%{HTTP_HOST}` without `NC`, and nginx tests of `$http_host` with `~`.
    ///
    /// ## Why is this bad?
    /// `Host: Example.com` is the same host and misses the redirect. `$host` is made lower case by nginx,
    /// `$http_host` and Apache's `%{HTTP_HOST}` are not.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} ^old\.example$
    /// RewriteRule ^ https://new.example%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP_HOST} ^old\.example$ [NC]
    /// RewriteRule ^ https://new.example%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     if ($http_host ~ ^old\.example$) {
    ///         return 301 http://new.example$request_uri;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// server {
    ///     listen 80;
    ///     if ($host ~ ^old\.example$) {
    ///         return 301 http://new.example$request_uri;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe: only requests whose host is written in upper case are answered differently.
    ///
    /// ## Traps
    /// Browsers send host names in lower case, so this is a note: it matters to scripts and to those who probe.
    ///
    /// ## Sources
    /// RFC 9110 section 4.2.3.
    RULE {
        name: "case-sensitive-host-match",
        group: Group::Regex,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for one in uses(facts, |one| one.on == On::Other(Dimension::Host)) {
        if !is_raw(facts, one.regex) || one.regex.options.caseless || !has_letters(one.regex) {
            continue;
        }
        let message = "host names have no case, but this comparison has";
        let at = words::place(facts, one.regex);
        let finding = with_confidence(&RULE, Confidence::Proven, message, at);
        // The condition is the directive that begins the line the pattern stands on.
        let condition = condition_of(facts, one.regex);
        findings.push(match condition.and_then(|directive| words::with(facts, directive, "NC")) {
            Some(edit) => finding.help("add the flag `NC`").fix(Applicability::Safe, "add `NC`", vec![edit]),
            None => finding.help("write `~*`, or test `$host`"),
        });
    }
}

/// Whether the host is tested as the client wrote it.
fn is_raw(facts: &Facts<'_>, regex: &Regex) -> bool {
    if facts.is_apache() {
        return condition_of(facts, regex).is_some_and(|directive| {
            directive.args.first().is_some_and(|word| facts.word(word).eq_ignore_ascii_case(b"%{HTTP_HOST}"))
        });
    }
    let file = facts.sources.file(regex.span.file);
    let line = file.position(regex.span.start as usize).line;
    let text = file.line(line).and_then(|range| file.bytes().get(range)).unwrap_or_default();
    memchr::memmem::find(text, b"$http_host").is_some()
}

/// The `RewriteCond` that the pattern is the second word of.
fn condition_of<'a>(facts: &Facts<'a>, regex: &Regex) -> Option<&'a crate::syntax::Directive> {
    let file = facts.sources.file(regex.span.file);
    let line = file.line(file.position(regex.span.start as usize).line)?;
    let text = file.bytes().get(line.clone())?;
    let lead = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let start = u32::try_from(line.start + lead).ok()?;
    let directive = facts.directive(crate::source::Span { file: regex.span.file, start, end: start })?;
    words::is(facts, directive, "RewriteCond").then_some(directive)
}

fn has_letters(regex: &Regex) -> bool {
    let tree = crate::analysis::expression::of(regex);
    let pieces = tree.walk();
    pieces.iter().any(|node| node.plain_byte().is_some_and(|byte| byte.is_ascii_alphabetic()))
}
