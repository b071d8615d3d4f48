//! See the page of [`RULE`].

use super::make::{Also, certain, lossy, replace};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::expression;
use crate::analysis::routes::{PathKind, PathPattern, Route};
use crate::analysis::target::Query;
use crate::diagnostic::{Finding, Severity, Applicability};
use crate::ir::pattern::Regex;
use crate::ir::scope::Slot;
use crate::ir::template::Part;

declare! {
    /// A regular expression does what a plain directive says better.
    ///
    /// ## What it does
    /// Notes nginx `rewrite` of every path to another host, and a lone `RewriteRule` of an Apache server or virtual
    /// host for one fixed path, or for a folder whose rest is carried along.
    ///
    /// ## Why is this bad?
    /// It is slower and harder to read, and it leaves room for the mistakes that expressions bring along. nginx's and
    /// Apache's own documentation advise against it.
    ///
    /// ## Example
    /// ```nginx bad
    /// server {
    ///     server_name old.example;
    ///     rewrite ^/(.*)$ http://example.com/$1 permanent;
    /// }
    /// ```
    /// ```apache bad
    /// RewriteEngine On
    /// RewriteRule ^/one/(.*)$ https://one.example/$1 [R=301,L]
    /// ```
    /// ```nginx good
    /// server {
    ///     server_name old.example;
    ///     return 301 http://example.com$request_uri;
    /// }
    /// ```
    /// ```apache good
    /// Redirect 301 /one/ https://one.example/
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^one$ https://one.example/ [R=301,L]
    /// ```
    ///
    /// ## Fix safety
    /// Safe for a `rewrite` to `$request_uri` that ends in `?`, which sends byte for byte what `return` sends.
    /// Unsafe otherwise: `$1` is decoded and escaped again, `$request_uri` is sent as it came, and `RedirectMatch`
    /// runs after the rewriting.
    ///
    /// ## Traps
    /// An Apache rule beside other rules is left alone, since their order counts. So are the rules of a folder
    /// (`.htaccess`, `<Directory>`): `Redirect` would need the folder's whole URL, which the file does not say, and
    /// rules that move along with their folder are a reason to use mod_rewrite. So is `if ($host = …)` in an nginx
    /// server: it is what certificate tools write.
    ///
    /// ## Sources
    /// nginx, "Converting rewrite rules"; Apache, "When not to use mod_rewrite".
    RULE {
        name: "simpler-directive-available",
        group: Group::Performance,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects() {
        if route.slot != Slot::Rewrite || !route.enabled || !route.is_unguarded() {
            continue;
        }
        let found = if facts.is_apache() { apache(facts, route) } else { nginx(route) };
        // What is never reached needs no simpler words.
        if let Some((message, help)) = found.filter(|_| !facts.proofs(route).is_empty()) {
            let edits = facts.directive(route.span).map(|directive| vec![replace(directive.span, help.trim_matches('`'))]);
            let how = if sends_the_same(route) { Applicability::Safe } else { Applicability::Unsafe };
            findings.push(certain(&RULE, message, route.span).help(help).mend(how, "write the simpler directive", edits));
        }
    }
}

/// `rewrite ^/(.*)$ http://h/$1 permanent`, `rewrite ^ http://h$request_uri? permanent`.
fn nginx(route: &Route<'_>) -> Option<(String, String)> {
    let test = route.paths.iter().find(|test| test.own && !test.negated)?;
    let PathPattern::Regex(regex) = test.pattern else { return None };
    let universal = matches!(&*regex.text, b"^" | b"^/" | b"^(.*)$" | b"^(.*)" | b"^/(.*)$" | b"^/(.*)" | b"^.*$" | b".*" | b"(.*)");
    let target = route.target()?;
    let [Part::Literal(host), last] = target.template.parts.as_slice() else { return None };
    let carried = matches!(last, Part::Capture { group: 1, .. })
        || matches!(last, Part::Attribute(crate::ir::template::Attribute::RawTarget | crate::ir::template::Attribute::Path));
    let host = host.strip_suffix(b"/").unwrap_or(host);
    let plain = host.starts_with(b"http") && host.iter().filter(|&&byte| byte == b'/').count() == 2;
    let status = route.status()?;
    (universal && carried && plain).then(|| {
        let help = format!("`return {status} {}$request_uri;`", lossy(host));
        ("an expression that takes every path is not needed here".to_owned(), help)
    })
}

/// One rule for one path or one folder, alone in its list.
fn apache(facts: &Facts<'_>, route: &Route<'_>) -> Option<(String, String)> {
    let scope = facts.program.scopes.get(route.scope.0 as usize)?;
    let alone = scope.lists.rewrite.as_ref().is_some_and(|list| list.clauses.iter().count() == 1);
    // What the URL of a folder's rules begins with is not known.
    let test = route.paths.iter().find(|test| test.own && !test.negated && test.on == PathKind::Url)?;
    let PathPattern::Regex(regex) = test.pattern else { return None };
    let status = route.status().filter(|_| alone)?;
    let (message, help) = match folder(regex, route) {
        Some((path, target)) => (
            "the rewrite engine is not needed for a folder that moves as a whole",
            format!("`Redirect {status} {} {}`", lossy(path), lossy(target)),
        ),
        None => {
            let path = expression::exact_literal(regex).filter(|path| is_readable(path))?;
            let target = route.target()?.literal().filter(|text| !text.contains(&b'?') && !text.contains(&b'#'))?;
            (
                "the rewrite engine is not needed for one fixed path",
                format!("`RedirectMatch {status} ^{}$ {}`", lossy(&path), lossy(target)),
            )
        }
    };
    Some((message.to_owned(), help))
}

/// The folder and where it moves, where the rule carries along all that stands behind it: `^/one/(.*)$` to `…/$1`.
fn folder<'r>(regex: &'r Regex, route: &Route<'r>) -> Option<(&'r [u8], &'r [u8])> {
    let path = regex.text.strip_prefix(b"^")?;
    let path = path.strip_suffix(b"(.*)$").or_else(|| path.strip_suffix(b"(.*)"))?;
    let [Part::Literal(target), Part::Capture { group: 1, .. }] = route.target()?.template.parts.as_slice() else {
        return None;
    };
    let whole = path.ends_with(b"/") && is_readable(path);
    let plain = target.ends_with(b"/") && !target.contains(&b'?') && !target.contains(&b'#');
    (whole && plain && !regex.options.caseless).then_some((path, target))
}

fn is_readable(path: &[u8]) -> bool {
    path.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/-_".contains(byte))
}

/// The raw target behind a host, and nothing appended: no byte is decoded or escaped on the way.
fn sends_the_same(route: &Route<'_>) -> bool {
    route.target().is_some_and(|target| {
        let raw = matches!(target.template.parts.last(), Some(Part::Attribute(crate::ir::template::Attribute::RawTarget)));
        raw && target.query != Query::Doubled && route.paths.len() == 1
    })
}
