//! See the page of [`RULE`].

use super::make::{Also, certain, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::Does;
use crate::analysis::transport::sends;
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::ir::template::{Part, Template};
use crate::source::Span;
use crate::syntax::Item;
use rustc_hash::FxHashSet;

declare! {
    /// A visitor is led on by a `Refresh` header or a meta tag instead of a redirect.
    ///
    /// ## What it does
    /// Finds `Refresh` headers with a URL, and answers with a body that holds a meta refresh and a status that
    /// is no redirect.
    ///
    /// ## Why is this bad?
    /// The page is loaded first, the method cannot be kept, and whether the move is for good is not said.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Header set Refresh "0; url=/b"
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     add_header Refresh "0; url=/b";
    ///     return 200;
    /// }
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     return 200 "<meta http-equiv='refresh' content='0; url=/b'>";
    /// }
    /// ```
    /// ```htaccess good
    /// Redirect 301 /a /b
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 301 /b;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: nginx's `return` sends a 302 in place of the page. Only where the page leads on within a second; is the
    /// move for good, write 301.
    ///
    /// ## Traps
    /// A meta refresh in the body of a real redirect helps old clients: silent. A page that shows a message for some
    /// seconds needs it: leave the info alone.
    ///
    /// ## Sources
    /// HTML, "refresh" pragma; RFC 9110 section 15.4; Google Search documentation on redirects.
    RULE {
        name: "refresh-header-redirect",
        group: Group::Seo,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut told: FxHashSet<Span> = FxHashSet::default();
    let mut tell = |at: Span, what: &str, edits: Option<Vec<Edit>>| {
        if told.insert(at) {
            let message = format!("{what} leads visitors on after the page is loaded");
            let finding = certain(&RULE, message, at).help("answer with a redirect: 301 or 308 for good, 302 or 307 for now");
            findings.push(finding.mend(Applicability::Unsafe, "answer with a 302", edits));
        }
    };
    for scope in &facts.program.scopes {
        for rule in scope.settings.headers.items.iter().filter(|rule| sends(rule)) {
            if rule.name.eq_ignore_ascii_case(b"refresh") && holds(&rule.value, b"url=") {
                tell(rule.span, "a `Refresh` header", beside_header(facts, rule.span, &rule.value));
            }
        }
    }
    for route in &facts.routes().all {
        let Does::Respond { status, body: Some(body) } = &route.does else { continue };
        let leads = holds(body.template, b"http-equiv") && holds(body.template, b"refresh") && holds(body.template, b"url=");
        if leads && !(300..400).contains(status) {
            let text = body.template.as_literal().and_then(|text| Some(text.get(find(text, b"content=")? + 9..)?.to_vec()));
            let redirect = || Some(vec![replace(returned(facts, route.span)?, format!("return 302 {}", url(&text?)?))]);
            tell(route.span, "a meta refresh", redirect());
        }
    }
}

/// A redirect in place of the header and of the `return` beside it.
fn beside_header(facts: &Facts<'_>, header: Span, value: &Template) -> Option<Vec<Edit>> {
    let to = url(value.as_literal()?)?;
    let block = facts.parent(facts.directive(header)?)?.block.as_ref()?;
    let mut beside = block.items.iter().filter_map(|item| match item {
        Item::Directive(directive) => returned(facts, directive.span),
        _ => None,
    });
    let mut edits = mend::remove(facts, header)?;
    edits.push(replace(beside.next()?, format!("return 302 {to}")));
    Some(edits)
}

/// The words of an nginx `return`, without its semicolon.
fn returned(facts: &Facts<'_>, span: Span) -> Option<Span> {
    let directive = facts.directive(span).filter(|one| !facts.is_apache() && words::is(facts, one, "return"))?;
    Some(directive.name.span.to(directive.args.last()?.span))
}

/// Where a refresh leads that does not wait; `None` where it cannot be written as one plain word.
fn url(refresh: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(refresh).ok()?;
    let (wait, to) = text.split_once(';')?;
    let to = to.trim_start();
    let to = to.get(..4).filter(|start| start.eq_ignore_ascii_case("url=")).and_then(|_| to.get(4..))?;
    let to = to.split(['"', '\'', '>', ' ']).find(|part| !part.is_empty())?;
    let plain = to.bytes().all(|byte| byte.is_ascii_graphic() && !b"$\\;{}".contains(&byte));
    let wait = wait.trim_matches(['"', '\'', ' ']);
    (matches!(wait, "0" | "1") && plain).then(|| to.to_owned())
}

/// Whether the fixed text holds this, in either case.
fn holds(template: &Template, wanted: &[u8]) -> bool {
    template.parts.iter().any(|part| matches!(part, Part::Literal(text) if find(text, wanted).is_some()))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted))
}
