//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, with_confidence, replace, insert_behind};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::{Does, Host, Place, Route};
use crate::diagnostic::{Confidence, Finding, Severity, Applicability, Edit};
use crate::ir::clause::Action;
use crate::ir::site::SiteName;
use crate::ir::template::Part;
use crate::source::Span;

declare! {
    /// A `rewrite` looks like a redirect, but the server rewrites inside.
    ///
    /// ## What it does
    /// nginx: finds `rewrite` to a URL that nginx does not take for one, such as `HTTP://…`, `${scheme}://…` or
    /// `$proto://…`, without `redirect` or `permanent`. Apache: notes a `RewriteRule` without `R` to a URL of the
    /// site's own name, which is a redirect for other names and an internal rewrite for this one.
    ///
    /// ## Why is this bad?
    /// nginx redirects only where the replacement is written with `http://`, `https://` or `$scheme` at its very
    /// beginning. Everything else is a path, so a file named like the URL is looked for and the client gets 404.
    ///
    /// ## Example
    /// ```nginx bad
    /// location = /a {
    ///     rewrite ^ ${scheme}://www.example.com/b;
    /// }
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 302 $scheme://www.example.com/b;
    /// }
    /// ```
    /// ```apache bad also=implicit-temporary-redirect
    /// Listen 80
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     ServerAlias example.com
    ///     DocumentRoot /srv/www
    ///     RewriteEngine On
    ///     RewriteRule ^/a$ http://www.example.com/b
    /// </VirtualHost>
    /// ```
    /// ```apache good
    /// Listen 80
    /// <VirtualHost *:80>
    ///     ServerName www.example.com
    ///     ServerAlias example.com
    ///     DocumentRoot /srv/www
    ///     RewriteEngine On
    ///     RewriteRule ^/a$ http://www.example.com/b [R=302,L]
    /// </VirtualHost>
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: a scheme in capitals is written small, any other text gets the flag `redirect` (302); in Apache
    /// `R=302` is added. Whether 302 or 301 is meant is for the author to choose.
    ///
    /// ## Traps
    /// A variable whose name only begins with `scheme` counts as `$scheme` for nginx, and is not reported.
    ///
    /// ## Sources
    /// nginx `rewrite`; mod_rewrite, "Absolute URL".
    RULE {
        name: "rewrite-not-a-redirect",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().all.iter().filter(|route| route.enabled) {
        match &route.does {
            Does::Rewrite { target } if !facts.is_apache() && looks_absolute(route) => {
                let message = format!(
                    "nginx takes this for a path, not for a URL: only `http://`, `https://` and `$scheme` at the beginning \
                     make a redirect{}",
                    match target.literal_start() {
                        [] => String::new(),
                        start => format!(", in lower case, and this begins with `{}`", lossy(start)),
                    }
                );
                let finding = match facts.passage(route) {
                    Some(proof) => by_proof(&RULE, &proof, message, route.span),
                    None => with_confidence(&RULE, Confidence::Possible, message, route.span),
                };
                findings.push(
                    finding
                        .help("write `return 302 URL;`, or `redirect` or `permanent` behind it")
                        .mend(Applicability::Unsafe, "make it a redirect", redirecting(facts, route)),
                );
            }
            Does::Redirect { target, .. } if facts.is_apache() && target.place == Place::Absolute => {
                findings.extend(own_name(facts, route, &target.host));
            }
            _ => {}
        }
    }
}

fn looks_absolute(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    match target.place {
        Place::Absolute => target.scheme.as_deref().is_none_or(|scheme| matches!(scheme, b"http" | b"https")),
        Place::Dynamic => {
            matches!(target.template.parts.get(1), Some(Part::Literal(text)) if text.starts_with(b"://"))
        }
        _ => false,
    }
}

/// A redirect only as long as the request is for another name.
fn own_name(facts: &Facts<'_>, route: &Route<'_>, host: &Host) -> Option<Finding> {
    let Host::Fixed(host) = host else { return None };
    let implicit = route.clause.does.iter().any(|action| {
        matches!(action, Action::Rewrite(rewrite) if rewrite.redirect.is_none() && rewrite.status.is_none())
    });
    let site = facts.program.sites.get(route.site.0 as usize)?;
    let own = site.own.host.eq_ignore_ascii_case(host)
        || site.names.iter().any(|name| matches!(name, SiteName::Exact(text) if text.eq_ignore_ascii_case(host)));
    let message = format!("for requests to `{}` itself this is no redirect but a rewrite inside", lossy(host));
    (implicit && own && !facts.program.fragment).then(|| {
        let flag = facts.directive(route.span).and_then(|directive| words::with(facts, directive, "R=302"));
        with_confidence(&RULE, Confidence::Possible, message, route.span)
            .help("add `R=301` or `R=302` to redirect always")
            .mend(Applicability::Unsafe, "redirect always", flag.map(|edit| vec![edit]))
    })
}

/// The scheme in small letters, or the flag `redirect`.
fn redirecting(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let directive = facts.directive(route.span)?;
    let inner = mend::inside(facts, directive.args.get(1)?);
    let text = facts.text(inner);
    if let Some(scheme) = text.split("://").next().filter(|scheme| scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")) {
        let end = inner.start as usize + scheme.len();
        return Some(vec![replace(Span::new(inner.file, inner.start as usize, end), scheme.to_ascii_lowercase())]);
    }
    Some(vec![match directive.args.get(2) {
        Some(flag) => replace(flag.span, "redirect"),
        None => insert_behind(directive.args.get(1)?.span, " redirect"),
    }])
}
