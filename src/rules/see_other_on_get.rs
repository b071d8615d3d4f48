//! See the page of [`RULE`].

use super::make::{Also, proven, replace};
use super::{FixKind, Group, Servers, status};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::diagnostic::{Applicability, Finding, Severity};

declare! {
    /// 303 answers a request that only GET can make.
    ///
    /// ## What it does
    /// Finds 303 on redirects whose conditions let only GET and HEAD through.
    ///
    /// ## Why is this bad?
    /// 303 says that the answer to this request is another resource, as after a form. For a page that moved, 302 or 307 is
    /// meant; browsers do the same, caches and search engines do not.
    ///
    /// ## Example
    /// ```nginx bad
    /// location = /in {
    ///     if ($request_method = GET) { return 303 /login; }
    /// }
    /// ```
    /// ```nginx good
    /// location = /in {
    ///     if ($request_method = POST) { return 303 /login; }
    ///     return 302 /login;
    /// }
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{REQUEST_METHOD} =GET
    /// RewriteRule ^in$ /login [R=303,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{REQUEST_METHOD} =POST
    /// RewriteRule ^in$ /login [R=303,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: it changes the status to 302.
    ///
    /// ## Traps
    /// Linked data uses 303 for things that are no documents: silence the rule there.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4.4.
    RULE {
        name: "see-other-on-get",
        group: Group::Status,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled && route.status() == Some(303)) {
        if route.guards_on(|dimension| *dimension == Dimension::Method).next().is_none() {
            continue;
        }
        let Some(proof) = facts.proofs(route).iter().find(|proof| *proof.request.method == *b"GET") else { continue };
        let mut post = proof.request.clone();
        post.method = b"POST"[..].into();
        if facts.prove(route, post).is_some() {
            continue;
        }
        let finding = proven(facts, &RULE, route, "303 is meant for the answer to a form, but only GET gets here").help("send 302");
        findings.push(match status::written(facts, route.span, 303) {
            Some(span) => finding.fix(Applicability::Unsafe, "send 302", vec![replace(span, "302")]),
            None => finding,
        });
    }
}
