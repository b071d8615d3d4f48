//! See the page of [`RULE`].

use super::make::{Also, by_proof, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::expression;
use crate::analysis::guard::Dimension;
use crate::analysis::routes::{Host, PathKind, PathPattern, Place, Route};
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::ir::SiteId;
use crate::ir::scope::Slot;
use crate::ir::template::{Attribute, Part};
use rustc_hash::FxHashMap;

declare! {
    /// Every path of a host is redirected to one and the same page.
    ///
    /// ## What it does
    /// Finds redirects of all paths to another host or scheme whose target has nothing of the path in it.
    ///
    /// ## Why is this bad?
    /// Every deep link dies on the start page, and search engines take such redirects for missing pages.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RedirectMatch 301 .* https://new.example/
    /// ```
    /// ```nginx bad
    /// server {
    ///     server_name old.example;
    ///     return 301 https://new.example/;
    /// }
    /// ```
    /// ```htaccess good
    /// Redirect 301 / https://new.example/
    /// ```
    /// ```nginx good
    /// server {
    ///     server_name old.example;
    ///     return 301 https://new.example$request_uri;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the path is carried along to the other host. The new site may have other paths.
    ///
    /// ## Traps
    /// Where the site has other redirects, a catch-all behind them is a deliberate last resort, and only noted. So
    /// is one to a page of the same host, one to a certain page of another, and an unconditional one in a `.htaccess`,
    /// whose folder may be anywhere. Temporary redirects to a maintenance page have their own rule.
    ///
    /// ## Sources
    /// Google Search Central, site moves with URL changes; mod_alias `RedirectMatch`.
    RULE {
        name: "catch-all-drops-path",
        group: Group::Correctness,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut count: FxHashMap<SiteId, usize> = FxHashMap::default();
    facts.routes().redirects().for_each(|route| *count.entry(route.site).or_default() += 1);
    for route in facts.routes().redirects().filter(|route| route.enabled && drops(route)) {
        let Some(proof) = facts.proof_at(route, b"/blog/page") else { continue };
        // For certain another page would do too: both really lead to the same one.
        let other = facts.proof_at(route, b"/contact");
        if other.is_none_or(|other| other.location() != proof.location()) {
            continue;
        }
        let to_start = to_start_page(route);
        // The folder of a lone file is rarely the whole site.
        let moves = to_start && (facts.options.dialect != crate::lower::Dialect::Htaccess || !route.is_unguarded());
        let alone = count.get(&route.site).is_none_or(|&count| count < 2);
        let message = "every path that gets here leads to this one page: the path of the request is lost";
        let help = match facts.is_apache() {
            _ if !to_start => "if the pages live on there, lead each to its own; a last resort may stay".to_owned(),
            true => format!("keep the path: `Redirect {} / https://host/`", route.status().unwrap_or(301)),
            false => "keep the path: put `$request_uri` (in `rewrite`: `$request_uri?`) behind the host".to_owned(),
        };
        let edits = if moves { carried(facts, route) } else { None };
        let finding = by_proof(&RULE, &proof, message, route.span).help(help).mend(Applicability::Unsafe, "keep the path", edits);
        findings.push(if moves && alone { finding } else { finding.at_most(Severity::Info) });
    }
}

fn to_start_page(route: &Route<'_>) -> bool {
    let target = route.target().filter(|target| target.place == Place::Absolute);
    target.is_some_and(|target| matches!(&*target.path_prefix, b"" | b"/"))
}

fn drops(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    let fixed = |part: &Part| {
        matches!(part, Part::Literal(_) | Part::Attribute(Attribute::Scheme | Attribute::Host | Attribute::ServerName))
            || matches!(part, Part::Attribute(Attribute::Header(name) | Attribute::HeaderVariable(name)) if name.eq_ignore_ascii_case(b"host"))
    };
    let only_host = |guard: &crate::analysis::guard::Guard<'_>| {
        guard.dimensions.iter().all(|dimension| matches!(dimension, Dimension::Host | Dimension::Scheme))
    };
    let kept = matches!(route.status(), Some(301 | 308 | 302 | 307));
    !target.keeps_path
        && kept
        && route.slot != Slot::ExpressionRedirect
        && !matches!(target.host, Host::Mixed)
        && target.template.parts.iter().all(fixed)
        && !is_maintenance(route)
        && route.guards.iter().all(only_host)
        && route.paths.iter().all(|test| !test.negated && is_universal(&test.pattern, test.on))
}

fn is_maintenance(route: &Route<'_>) -> bool {
    let text = route.target().map(|target| target.path_prefix.to_ascii_lowercase()).unwrap_or_default();
    [&b"maint"[..], b"offline", b"soon", b"construction", b"wartung", b"503", b"login", b"unavailable"]
        .iter()
        .any(|word| memchr::memmem::find(&text, word).is_some())
}

/// Whether every path passes.
fn is_universal(pattern: &PathPattern<'_>, on: PathKind) -> bool {
    match pattern {
        PathPattern::Prefix(text) | PathPattern::Segments(text) => matches!(*text, b"/" | b""),
        PathPattern::Regex(regex) => {
            let matches = |text: &[u8]| regex.compiled().is_ok_and(|compiled| compiled.is_match(text).unwrap_or(false));
            let subjects: [&[u8]; 3] = match on {
                PathKind::Relative => [b"blog/page", b"a", b"x.html"],
                _ => [b"/blog/page", b"/", b"/x.html"],
            };
            expression::literal_prefix(regex).len() < 2 && subjects.iter().all(|subject| matches(subject))
        }
        _ => false,
    }
}

/// The target with the request's path, in the directive's own way.
fn carried(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let directive = facts.directive(route.span)?;
    let inner = mend::inside(facts, mend::target(facts, route.span)?);
    let text = facts.text(inner);
    let host = text.trim_end_matches('/');
    let mut edits = Vec::new();
    let path = match &*facts.words(directive).0 {
        "rewriterule" => "%{REQUEST_URI}",
        "return" => "$request_uri",
        "redirectmatch" => {
            let pattern = directive.args.get(directive.args.len().checked_sub(2)?)?;
            edits = vec![replace(directive.name.span, "Redirect"), replace(pattern.span, "/")];
            "/"
        }
        _ => return None,
    };
    let whole = words::is(facts, directive, "RewriteRule") && directive.args.len() < 3;
    edits.push(replace(inner, format!("{host}{path}")));
    (!whole && !host.ends_with(':')).then_some(edits)
}
