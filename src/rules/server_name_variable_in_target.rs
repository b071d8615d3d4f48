//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, with_confidence};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};
use crate::ir::site::{Site, SiteName};
use crate::ir::template::{Attribute, Part};
use crate::source::Span;

declare! {
    /// `$server_name` in a target is the first name as written, not the host that was asked for.
    ///
    /// ## What it does
    /// Finds redirects to `$server_name` in servers whose first name is `_`, a wildcard or an expression, and in
    /// servers with several names.
    ///
    /// ## Why is this bad?
    /// nginx puts the first `server_name` in, letter by letter: `https://_/…`, `https://*.example.com/…`. With
    /// several names, everybody is moved to the first one.
    ///
    /// ## Example
    /// ```nginx bad
    /// events {}
    /// http {
    ///     server {
    ///         server_name _;
    ///         return 301 https://$server_name$request_uri;
    ///     }
    /// }
    /// ```
    /// ```nginx good
    /// events {}
    /// http {
    ///     server {
    ///         server_name a.example www.a.example;
    ///         return 301 https://$host$request_uri;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: `$host` keeps the host that was asked for, which may be one that nobody serves.
    ///
    /// ## Traps
    /// One plain name is not reported. `example.com www.example.com` is a common way to say that the first name is
    /// the right one, and only noted.
    ///
    /// ## Sources
    /// nginx core module, `$server_name`.
    RULE {
        name: "server-name-variable-in-target",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Nginx,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects() {
        let parts = route.target().map(|target| target.template.parts.as_slice()).unwrap_or_default();
        let Some(site) = facts.program.sites.get(route.site.0 as usize) else { continue };
        if parts.contains(&Part::Attribute(Attribute::ServerName)) {
            findings.extend(finding(facts, route, site));
        }
    }
}

fn finding(facts: &Facts<'_>, route: &Route<'_>, site: &Site) -> Option<Finding> {
    let own = &site.own.host;
    let first = site.names.first();
    let odd = own.is_empty() && !facts.program.fragment
        || &own[..] == b"_"
        || own.contains(&b'*')
        || own.starts_with(b"~")
        || matches!(first, Some(SiteName::Regex(..) | SiteName::Leading(_) | SiteName::Trailing(_)));
    let others: Vec<&[u8]> = site
        .names
        .iter()
        .filter_map(|name| match name {
            SiteName::Exact(name) if !name.eq_ignore_ascii_case(own) && !name.is_empty() && &name[..] != b"_" => Some(&name[..]),
            _ => None,
        })
        .collect();
    let proofs = facts.proofs(route);
    let finding = if odd {
        let message = format!("`$server_name` is `{}` here, which is no host", lossy(own));
        match proofs.first() {
            Some(proof) => by_proof(&RULE, proof, message, route.span),
            None => with_confidence(&RULE, Confidence::Possible, message, route.span),
        }
    } else {
        let other = others.iter().find(|other| !is_www_pair(own, other)).or(others.first())?;
        let message = format!("`$server_name` is always `{}`: requests for `{}` are moved there", lossy(own), lossy(other));
        let proof = facts.prove(route, proofs.first()?.with_host(other))?;
        let finding = by_proof(&RULE, &proof, message, route.span);
        finding.at_most(if is_www_pair(own, other) { Severity::Info } else { Severity::Warning })
    };
    let finding = finding.help("write `$host` for the host that was asked for, or the name that is meant");
    Some(match variable(facts, route) {
        Some(span) => {
            let edit = super::make::replace(span, "$host");
            finding.fix(Applicability::Unsafe, "use the host that was asked for", vec![edit])
        }
        None => finding,
    })
}

fn is_www_pair(a: &[u8], b: &[u8]) -> bool {
    a.strip_prefix(b"www.") == Some(b) || b.strip_prefix(b"www.") == Some(a)
}

/// Where the variable stands.
fn variable(facts: &Facts<'_>, route: &Route<'_>) -> Option<Span> {
    let text = facts.sources.text(route.span);
    let at = memchr::memmem::find(text, b"$server_name")?;
    let start = route.span.start as usize + at;
    Some(Span::new(route.span.file, start, start + b"$server_name".len()))
}
