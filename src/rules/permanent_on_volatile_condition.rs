//! See the page of [`RULE`].

use super::make::{Also, proven, replace};
use super::{FixKind, Group, Servers, status};
use crate::analysis::Facts;
use crate::analysis::guard::Dimension;
use crate::diagnostic::{Applicability, Finding, Severity};

declare! {
    /// A permanent redirect depends on something that changes: a cookie, the client, the time, a file.
    ///
    /// ## What it does
    /// Finds 301 and 308 whose conditions look at a cookie, `User-Agent`, `Accept-Language`, `Referer`, the client's
    /// address, the time, or whether a file exists.
    ///
    /// ## Why is this bad?
    /// Browsers and shared caches keep a permanent redirect without asking again. Who was once sent to the mobile or the
    /// French page stays there when the condition no longer holds.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{HTTP:Accept-Language} ^fr
    /// RewriteRule ^$ /fr/ [R=301,L]
    /// ```
    /// ```nginx bad
    /// location = /start {
    ///     if ($http_user_agent ~* mobile) { return 301 https://m.example.com/; }
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP:Accept-Language} ^fr
    /// RewriteRule ^$ /fr/ [R=302,L]
    /// ```
    /// ```nginx good
    /// location = /start {
    ///     if ($http_user_agent ~* mobile) { return 302 https://m.example.com/; }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: it changes the status, 301 to 302 and 308 to 307.
    ///
    /// ## Traps
    /// Scheme, host and `X-Forwarded-Proto` are not such conditions. A redirect of image thieves by `Referer` may be meant
    /// to stick. Tests for missing files around a whole-site redirect are reported as information only.
    ///
    /// ## Sources
    /// RFC 9110 sections 15.1 and 15.4.2; RFC 9111 section 4.2.2.
    RULE {
        name: "permanent-on-volatile-condition",
        group: Group::Status,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let Some(sent) = route.status().filter(|status| matches!(status, 301 | 308)) else { continue };
        let volatile = route.guards.iter().find_map(|guard| Some((guard, guard.dimensions.iter().find(|one| one.is_volatile())?)));
        let Some((guard, dimension)) = volatile else { continue };
        let better = if sent == 308 { 307 } else { 302 };
        let message = format!("a permanent redirect depends on {}, which changes", name(dimension));
        let mut finding = proven(facts, &RULE, route, message)
            .help(format!("send {better}, so that nobody is held to what was true once"))
            .related(guard.span, "the condition");
        if *dimension == Dimension::File {
            finding = finding.at_most(Severity::Info);
        }
        findings.push(match status::written(facts, route.span, sent) {
            Some(span) => finding.fix(Applicability::Unsafe, format!("send {better}"), vec![replace(span, better.to_string())]),
            None => finding,
        });
    }
}

fn name(dimension: &Dimension) -> String {
    match dimension {
        Dimension::Cookie(name) if !name.is_empty() => format!("the cookie `{}`", String::from_utf8_lossy(name)),
        Dimension::Cookie(_) => "cookies".to_owned(),
        Dimension::Header(name) => format!("the header `{}`", String::from_utf8_lossy(name)),
        Dimension::File => "the file system".to_owned(),
        Dimension::Client => "who asks".to_owned(),
        Dimension::Time => "the time".to_owned(),
        _ => "the request".to_owned(),
    }
}
