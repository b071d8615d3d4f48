//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, replace};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::analysis::steer::How;
use crate::source::Span;
use crate::diagnostic::{Finding, Severity, Applicability, Edit};

declare! {
    /// Request text goes on right where the target's host ends.
    ///
    /// ## What it does
    /// Finds targets with a fixed host and no `/` behind it, where what follows comes from the request and need not
    /// begin with a slash.
    ///
    /// ## Why is this bad?
    /// `/.evil.example` makes `https://example.com` into `https://example.com.evil.example`. And ordinary paths
    /// become `https://example.compage`.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect 301 / https://shop.example.net
    /// ```
    /// ```nginx bad
    /// rewrite ^/(.*)$ https://shop.example.net$1 permanent;
    /// ```
    /// ```htaccess good
    /// Redirect 301 / https://shop.example.net/
    /// ```
    /// ```nginx good
    /// rewrite ^/(.*)$ https://shop.example.net/$1 permanent;
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe in form, for the answers change; always right: a `/` is put behind the host.
    ///
    /// ## Traps
    /// `$request_uri` and `$uri` begin with a slash, and so does `$1` of `^(.*)$` in a virtual host: silent.
    ///
    /// ## Sources
    /// CWE-601; mod_alias, `Redirect`.
    RULE {
        name: "open-redirect-host-concat",
        group: Group::InjectionSecurity,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for steered in facts.steered().iter().filter(|one| one.how == How::Concat && one.allowed_by.is_none()) {
        let Some(route) = facts.routes().get(steered.route) else { continue };
        let message =
            format!("no `/` ends the target's host, so a request can go on with it, here to `{}`", lossy(&steered.host));
        let finding = by_proof(&RULE, &steered.proof, message, route.span).help("put a `/` behind the host");
        findings.push(finding.mend(Applicability::Unsafe, "put a `/` behind the host", closed(facts, route)));
    }
}

/// A slash at the end of the host that is written.
fn closed(facts: &Facts<'_>, route: &Route<'_>) -> Option<Vec<Edit>> {
    let inner = mend::inside(facts, mend::target(facts, route.span)?);
    let text = facts.sources.text(inner);
    let host = memchr::memmem::find(text, b"://")? + 3;
    let rest = text.get(host..)?;
    let end = rest.iter().position(|byte| matches!(byte, b'$' | b'%' | b'/')).unwrap_or(rest.len());
    if end == 0 || rest.get(end) == Some(&b'/') {
        return None;
    }
    let at = inner.start as usize + host + end;
    Some(vec![replace(Span::new(inner.file, at, at), "/")])
}
