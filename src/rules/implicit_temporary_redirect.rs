//! See the page of [`RULE`].

use super::make::{Also, insert_before, insert_behind, proven, replace};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::routes::{Place, Route};
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::syntax::Directive;

declare! {
    /// A redirect is written without a status, so the server picks 302.
    ///
    /// ## What it does
    /// Finds redirects whose status comes from the server's default: `Redirect` and `RedirectMatch` with two
    /// arguments, `[R]` without a value, a `RewriteRule` to an absolute URL without `R`, `return URL;`, and
    /// `rewrite` to an absolute URL without `permanent` or `redirect`.
    ///
    /// ## Why is this bad?
    /// 302 is chosen by omission far more often than by decision. It is not remembered by clients, it turns POST
    /// into GET, and it tells search engines to keep the old address.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect /old /new
    /// ```
    /// ```nginx bad
    /// location = /old {
    ///     return https://example.com/new;
    /// }
    /// ```
    /// ```nginx bad
    /// rewrite ^/old$ https://example.com/new last;
    /// ```
    /// Write the status that is meant:
    /// ```htaccess good
    /// Redirect 302 /old /new
    /// ```
    /// ```nginx good
    /// location = /old {
    ///     return 302 https://example.com/new;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the fix writes the status that the server uses already. If the move is for good, write 301 instead.
    ///
    /// ## Traps
    /// `temp` and `redirect` are statuses, written out; they are not reported. A test, a login or a choice of
    /// language is rightly temporary: apply the fix, and the rule is content; or name its path under `temporary_ok` in
    /// `redirlint.yaml`. Where `temporary-canonical-redirect` speaks of the same directive, only that is reported.
    ///
    /// ## Sources
    /// Apache: mod_alias `Redirect`, mod_rewrite flag `R`. nginx: `return` and `rewrite` of the rewrite module.
    /// RFC 9110 section 15.4.3.
    RULE {
        name: "implicit-temporary-redirect",
        group: Group::Status,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Safe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled && route.status() == Some(302)) {
        let Some(directive) = facts.directive(route.span) else { continue };
        let Some(edit) = repair(facts, route, directive) else { continue };
        if facts.proofs(route).first().is_some_and(|proof| facts.knobs.may_be_temporary(&proof.request.target)) {
            continue;
        }
        findings.push(
            proven(facts, &RULE, route, "no status is written, so the server answers 302, a temporary redirect")
                .help("write the status that is meant: 301 for a move that stays, 302 for one that does not")
                .fix(Applicability::Safe, "write the 302 that the server sends", vec![edit]),
        );
    }
}

/// The edit that writes the status; `None` where one is written.
fn repair(facts: &Facts<'_>, route: &Route<'_>, directive: &Directive) -> Option<Edit> {
    let source = facts.sources.file(directive.span.file).bytes();
    let name = directive.name.value(source).to_ascii_lowercase();
    let args = &directive.args;
    let rewrites = name == b"rewriterule";
    let count = if rewrites { words::rewrite_args(facts, directive).len() } else { args.len() };
    match (name.as_slice(), count) {
        (b"redirect" | b"redirectmatch", 2) => {
            let first = args.first()?;
            let word = first.value(source);
            let status = [&b"temp"[..], b"permanent", b"seeother", b"gone"].iter().any(|one| word.eq_ignore_ascii_case(one));
            (!status && !word.first()?.is_ascii_digit()).then(|| insert_before(first.span, "302 "))
        }
        (b"rewriterule", 2) => words::with(facts, directive, "R=302"),
        (b"rewriterule", 3) => {
            let flags = words::flags(facts, directive)?;
            match flags.iter().find(|flag| flag.is("R", "redirect")) {
                Some(flag) if flag.value.is_none() => Some(replace(flag.span, "R=302")),
                Some(_) => None,
                None if route.target()?.place == Place::Absolute => Some(insert_before(flags.first()?.span, "R=302,")),
                None => None,
            }
        }
        (b"return", 1) => Some(insert_before(args.first()?.span, "302 ")),
        (b"rewrite", 2) => Some(insert_behind(args.get(1)?.span, " redirect")),
        // Behind a URL these two choose nothing.
        (b"rewrite", 3) => {
            let flag = args.get(2)?;
            matches!(flag.value(source), b"last" | b"break").then(|| replace(flag.span, "redirect"))
        }
        _ => None,
    }
}
