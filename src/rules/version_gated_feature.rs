//! See the page of [`RULE`].

use super::make::{Also, certain, replace};
use super::{Basis, FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity, Applicability};
use crate::lower::Version;
use crate::source::Span;
use crate::syntax::Directive;

declare! {
    /// The server version that is declared does not know this yet.
    ///
    /// ## What it does
    /// Compares statuses, flags and directives with the version given in the configuration of redirlint or on the
    /// command line. Without a version it is silent.
    ///
    /// ## Why is this bad?
    /// An older server refuses the file, or, worse, does something else: nginx before 1.13.0 sends `return 308 URL` as
    /// a page with the URL as its text.
    ///
    /// ## Example
    /// ```nginx bad version=1.10.0
    /// location = /a {
    ///     return 308 /b;
    /// }
    /// ```
    /// ```nginx good version=1.24.0
    /// location = /a {
    ///     return 308 /b;
    /// }
    /// ```
    /// ```htaccess bad version=2.2.34
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=301,END]
    /// ```
    /// ```htaccess good version=2.4.57
    /// RewriteEngine On
    /// RewriteRule ^a$ /b [R=301,END]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: a status gives way to the older one that browsers follow alike for GET (308 to 301, 307 to 302),
    /// `END` to `L`. Anything else has no fix: an upgrade is the better answer.
    ///
    /// ## Traps
    /// Distributions carry some features back to older versions.
    ///
    /// ## Sources
    /// The version notes of nginx's and Apache's directives; RFC 9110 section 15.4.9.
    RULE {
        name: "version-gated-feature",
        group: Group::Portability,
        severity: Severity::Warning,
        basis: Basis::Text,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let Some(version) = facts.options.version else { return };
    facts.each_directive(|directive, _| {
        let needs = if facts.is_apache() { apache(facts, directive) } else { nginx(facts, directive) };
        for (what, since, at) in needs.into_iter().filter(|(_, since, _)| version < *since) {
            let message = format!("{what} came with {since}, and the server is {version}");
            let finding = certain(&RULE, message, at).help("upgrade the server, or do without");
            let edits = older(facts, at).map(|text| vec![replace(at, text)]);
            findings.push(finding.mend(Applicability::Unsafe, "write what the server knows", edits));
        }
    });
}

type Need = (String, Version, Span);

fn nginx(facts: &Facts<'_>, directive: &Directive) -> Vec<Need> {
    let (name, words) = facts.words(directive);
    let at = |index: usize| directive.args.get(index).map_or(directive.name.span, |word| word.span);
    let need = |what: &str, since, at| vec![(format!("`{what}`"), since, at)];
    match (&*name, words.as_slice()) {
        ("return", [first, _]) if *first == b"308" => need("return 308", Version(1, 13, 0), at(0)),
        ("return", [first, _]) if *first == b"307" => need("return 307", Version(1, 1, 16), at(0)),
        ("add_header", [.., last]) if words.len() > 2 && *last == b"always" => {
            need("always", Version(1, 7, 5), at(words.len() - 1))
        }
        ("absolute_redirect", _) => need("absolute_redirect", Version(1, 11, 8), directive.name.span),
        ("add_header_inherit", _) => need("add_header_inherit", Version(1, 29, 3), directive.name.span),
        _ => Vec::new(),
    }
}

fn apache(facts: &Facts<'_>, directive: &Directive) -> Vec<Need> {
    let (name, arguments) = facts.words(directive);
    if name == "rewriterule" {
        let flags = words::flags(facts, directive).unwrap_or_default();
        return flags
            .iter()
            .filter_map(|flag| flag_since(&flag.name).map(|since| (format!("the flag `{}`", flag.name), since, flag.span)))
            .collect();
    }
    let one = |what: &str, since| vec![(format!("`{what}`"), since, directive.span)];
    match (&*name, arguments.as_slice()) {
        ("redirect", [_]) => one("Redirect with one argument", Version(2, 4, 19)),
        ("redirect", [status, _]) if status.first() == Some(&b'3') => one("Redirect without a path", Version(2, 4, 19)),
        ("header", _) if arguments.iter().any(|word| word.starts_with(b"expr=")) => {
            one("expr= of Header", Version(2, 4, 0))
        }
        ("redirectrelative", _) => one("RedirectRelative", Version(2, 5, 0)),
        _ => Vec::new(),
    }
}

fn flag_since(name: &str) -> Option<Version> {
    Some(match name.to_ascii_uppercase().as_str() {
        "END" => Version(2, 3, 9),
        "QSD" | "QSDISCARD" => Version(2, 4, 0),
        "QSL" | "QSLAST" => Version(2, 4, 19),
        "BNP" | "BACKREFERNOPLUS" => Version(2, 4, 26),
        "BCTLS" | "BNE" => Version(2, 4, 57),
        "UNSAFEALLOW3F" | "UNSAFEPREFIXSTAT" => Version(2, 4, 60),
        "UNC" => Version(2, 4, 63),
        _ => return None,
    })
}

/// What an older server knows in place of these words.
fn older(facts: &Facts<'_>, at: Span) -> Option<&'static str> {
    match facts.sources.text(at) {
        b"308" => Some("301"),
        b"307" => Some("302"),
        b"END" => Some("L"),
        _ => None,
    }
}
