//! See the page of [`RULE`].

use super::circle::{self, Kind};
use super::make::{Also, lossy, shown};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::analysis::graph::{Shape, Walk};
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::source::Span;
use std::collections::BTreeSet;

declare! {
    /// Redirects lead back to a request that was made before.
    ///
    /// ## What it does
    /// Follows the redirects of the configuration as a browser does, and reports each circle once, at the
    /// redirect that closes it.
    ///
    /// ## Why is this bad?
    /// The browser gives up and shows an error instead of the page; nobody can reach the address.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect 301 /a /b
    /// Redirect 301 /b /a
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     return 301 /b;
    /// }
    /// location = /b {
    ///     return 301 /a;
    /// }
    /// ```
    /// A redirect to https that https gets as well:
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// ```
    /// Of two that lead to each other one is wrong, and https is to be asked for:
    /// ```htaccess good
    /// Redirect 301 /a /b
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTPS} !=on
    /// RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L]
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 301 /b;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe, and only for a redirect to https that https itself gets as well: it is left to plain http. Where any
    /// other circle is to be opened only the author knows.
    ///
    /// ## Traps
    /// A loop that hangs on something the tool cannot see (a file, an environment variable) is not this rule's
    /// business: it is `conditional-redirect-loop`. A lone `.htaccess` that redirects to `https` may stand in a site
    /// that has it only for plain connections; that is reported one step lower. So is a circle of such a file whose rules
    /// lead to whole paths (`RewriteRule . /page`): in a folder below the one that is served, `/page` lies outside of it.
    /// `--root`, or a search in the folder of the site, says where it lies. A redirect to one fixed host is a loop
    /// there only where the folder is served under that name, and most such files lead to another site: it is told
    /// where the name is known (`--host`, `canonical_host` or `hosts` in `redirlint.yaml`, a condition on the host).
    ///
    /// ## Sources
    /// RFC 9110 section 15.4; WHATWG Fetch, HTTP-redirect fetch.
    RULE {
        name: "redirect-loop",
        group: Group::LoopChain,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen: BTreeSet<Vec<Span>> = BTreeSet::new();
    for walk in facts.walks() {
        let (Shape::Loop(from), Some(Kind::Plain)) = (walk.shape, circle::kind(facts, walk)) else { continue };
        let mut circle: Vec<Span> = walk.spans.iter().skip(from).copied().collect();
        let closing = circle.last().copied();
        circle.sort();
        circle.dedup();
        // A way into a circle that is reported already says nothing new.
        let Some(at) = closing.filter(|_| seen.insert(circle.clone())) else { continue };
        let message = match circle.len() {
            1 => format!("this redirect leads back to itself: {}", way(walk, from)),
            count => format!("{count} redirects lead in a circle: {}", way(walk, from)),
        };
        let mut finding = shown(&RULE, &walk.journey, message, at).help("open the circle: let one of them lead elsewhere");
        if let [only] = circle.as_slice() {
            finding = finding.mend(Applicability::Unsafe, "redirect plain http only", upgrade(facts, walk, from, *only));
        }
        if facts.partial() && facts.is_piece() && names_https(walk) {
            finding = finding.at_most(Severity::Warning);
        }
        for span in circle.into_iter().filter(|span| *span != at) {
            finding = finding.related(span, "part of the circle");
        }
        findings.push(circle::placed(facts, walk, finding));
    }
}

/// The circle in words.
fn way(walk: &Walk, from: usize) -> String {
    let urls: Vec<String> = walk.journey.hops.iter().skip(from).map(|hop| format!("`{}`", lossy(&hop.url))).collect();
    let mut all: Vec<String> = urls.iter().take(4).cloned().collect();
    if urls.len() > 4 {
        all.push("…".to_owned());
    }
    all.extend(urls.first().cloned());
    all.join(" → ")
}

fn names_https(walk: &Walk) -> bool {
    walk.journey.hops.iter().any(|hop| hop.answer.location.as_deref().is_some_and(|to| to.starts_with(b"https:")))
}

/// The test that a redirect to https lacks, where it meets https as well.
fn upgrade(facts: &Facts<'_>, walk: &Walk, from: usize, at: Span) -> Option<Vec<Edit>> {
    let hop = walk.journey.hops.get(from).filter(|hop| hop.request.encrypted)?;
    let to_https = hop.answer.location.as_deref()?.starts_with(b"https:");
    let edits = || mend::condition(facts, at, "%{HTTPS} !=on").or_else(|| mend::wrap(facts, at, "if ($scheme = http)"));
    if to_https { edits() } else { None }
}
