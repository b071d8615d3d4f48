//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::{Basis, FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity, Applicability};
use crate::ir::{Reach, Refusal};
use crate::source::{FileId, Span};
use crate::syntax::error::SyntaxError;
use rustc_hash::FxHashSet;

declare! {
    /// The server refuses the configuration.
    ///
    /// ## What it does
    /// Reports every line that the server would not load, with the reason: flags with a blank in them, too many or
    /// too few arguments, a directive in a place where it is not allowed, a regular expression that does not compile,
    /// nginx's `listen … ssl` without a certificate.
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
    /// ```htaccess bad
    /// Header always set Strict-Transport-Security max-age=31536000; includeSubDomains
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     rewrite ^/a /b 308;
    /// }
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     add_header Strict-Transport-Security "max-age=63072000" always;
    ///     location / { root /srv/www; }
    /// }
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     add_header X-Test 1;
    ///     add_header Strict-Transport-Security max-age=31536000; includeSubDomains;
    /// }
    /// ```
    /// ```nginx bad
    /// server {
    ///     listen 80;
    ///     rewrite ^/a{2}$ /b permanent;
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
    /// Safe where it is offered, for the file is refused as it stands: blanks inside a list of flags are taken out,
    /// and a value that nginx ends at its `;` or `{` gets quotes. The help line says what the server wants
    /// elsewhere.
    ///
    /// ## Traps
    /// A directive of a module that this tool does not know is not an error. The text of a template is no configuration
    /// yet: what cannot be read there is a note. A certificate is asked for where nginx asks for it, at the first server
    /// of an address, and not where a file that is included and not here may name it; a piece without its `http` block,
    /// which may name it too, gets a warning.
    ///
    /// ## Sources
    /// The servers' own checks, seen on Apache 2.4 and nginx; `ngx_http_ssl_init`.
    RULE {
        name: "config-syntax-error",
        group: Group::Correctness,
        severity: Severity::Error,
        basis: Basis::Text,
        servers: Servers::Both,
        fix: FixKind::Safe,
        check: check,
    }
}

/// Complaints told of one configuration at the most: a file that is no configuration at all has one for every line.
const MOST: usize = 20;

mod certificate;
mod quote;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    // What one line says wrongly is one mistake, however many words stumble over it.
    let mut lines: FxHashSet<(FileId, usize)> = FxHashSet::default();
    let mut fresh = |span: Span| lines.insert((span.file, facts.sources.position(span).line));
    let refusals: Vec<&Refusal> = facts.program.refusals.iter().filter(|refusal| fresh(refusal.span)).collect();
    let mut told: Vec<Finding> = refusals.iter().take(MOST).map(|refusal| refused(facts, refusal)).collect();
    let mut spans: Vec<Span> = refusals.iter().map(|refusal| refusal.span).collect();
    spans.sort_unstable();
    let touched = |span: Span| {
        let behind = spans.partition_point(|other| (other.file, other.start) <= (span.file, span.end));
        let before = behind.checked_sub(1).and_then(|at| spans.get(at));
        before.is_some_and(|other| other.file == span.file && span.start <= other.end)
    };
    // The server stops at its first complaint; what the parser could not read is worth telling as well.
    let all = facts.trees.iter().flat_map(|tree| &tree.errors);
    // A template may open a block in each branch and close it once.
    let open = |error: &SyntaxError| error.message.starts_with("unexpected end of file") && facts.is_template(error.span.file);
    let unread = all.filter(|error| !open(error) && !touched(error.span) && fresh(error.span));
    let mut left = refusals.len().saturating_sub(MOST);
    for error in unread {
        if told.len() >= MOST {
            left += 1;
            continue;
        }
        let mut finding = certain(&RULE, error.message.clone(), error.span)
            .mend(Applicability::Safe, "put it in quotes", quote::quoted(facts, error.span));
        if refusals.is_empty() {
            finding = finding.at_most(Severity::Warning);
        }
        if facts.is_template(error.span.file) {
            finding = finding.at_most(Severity::Info);
        }
        finding.help.clone_from(&error.help);
        told.push(finding);
    }
    if let Some(last) = told.last_mut().filter(|_| left > 0) {
        let help = last.help.take().map(|help| format!("{help}; ")).unwrap_or_default();
        last.help = Some(format!("{help}{left} more like it are not shown: mend the first ones first"));
    }
    findings.append(&mut told);
    findings.append(&mut certificate::missing(facts));
}

fn refused(facts: &Facts<'_>, refusal: &Refusal) -> Finding {
    let consequence = match refusal.reach {
        Reach::Server => "the server does not load this configuration",
        Reach::Folder(_) => "every request into this folder is answered with 500",
    };
    let edits = quote::one_word(facts, refusal.span).or_else(|| quote::quoted(facts, refusal.span));
    let message = format!("{}: {consequence}", refusal.message.trim_end_matches('.'));
    let mut finding =
        certain(&RULE, message, refusal.span).mend(Applicability::Safe, "write it as one word", edits);
    finding.help.clone_from(&refusal.help);
    finding
}
