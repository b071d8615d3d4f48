//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::words::{self, Flag};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};

declare! {
    /// Flags of one `RewriteRule` fight over the answer.
    ///
    /// ## What it does
    /// Finds `F` or `G` beside `R`, two different `R`, `R` with `P` or `PT`, and `R` on a rule whose target is `-`, and says
    /// what the server makes of it.
    ///
    /// ## Why is this bad?
    /// Only one of them can win, and which one is hard to guess: `[F,R=301]` answers 301 without a `Location`,
    /// `[R=301,F]` answers 403, of two `R` the last one counts.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^secret$ /login [R=301,R=302,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^secret$ /login [R=302,L]
    /// ```
    ///
    /// ## Fix safety
    /// No fix: which of the flags is meant, only the author knows.
    ///
    /// ## Traps
    /// `[R=403]` alone is the same as `F` and is not reported.
    ///
    /// ## Sources
    /// mod_rewrite `cmd_rewriterule_setflag`, seen on Apache 2.4.
    RULE {
        name: "conflicting-status-flags",
        group: Group::Status,
        severity: Severity::Error,
        servers: Servers::Apache,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    facts.each_directive(|directive, _| {
        if !words::is(facts, directive, "RewriteRule") {
            return;
        }
        let Some(flags) = words::flags(facts, directive) else { return };
        let Some((one, other, outcome)) = conflict(&flags, directive.args.get(1).is_some_and(|word| facts.word(word) == b"-")) else { return };
        let mut finding = certain(&RULE, outcome, one.span).help("keep the flag that is meant and drop the other");
        if other.span != one.span {
            finding = finding.related(other.span, "fights with it");
        }
        findings.push(finding);
    });
}

fn conflict<'f, 't>(flags: &'f [Flag<'t>], dash: bool) -> Option<(&'f Flag<'t>, &'f Flag<'t>, String)> {
    let place = |short: &str, long: &str| flags.iter().position(|flag| flag.is(short, long));
    let redirects: Vec<usize> = flags.iter().enumerate().filter(|(_, flag)| flag.is("R", "redirect")).map(|(at, _)| at).collect();
    let last = *redirects.last()?;
    let get = |at: usize| flags.get(at);
    let value = |flag: &Flag<'_>| flag.value.as_deref().unwrap_or("302").to_owned();
    let is_redirect = |flag: &Flag<'_>| value(flag).parse::<u16>().map_or(true, |code| (300..400).contains(&code));
    let first = *redirects.first()?;
    if first != last && get(first).map(value) != get(last).map(value) {
        let outcome = format!("two statuses: the last one, {}, is sent", get(last).map(value)?);
        return Some((get(last)?, get(first)?, outcome));
    }
    for (short, long, name) in [("F", "forbidden", "403"), ("G", "gone", "410")] {
        if let Some(at) = place(short, long) {
            let outcome = if at < last {
                format!("`{short}` before `R`: the answer has the status of `R` and no `Location`")
            } else {
                format!("`{short}` behind `R`: the answer is {name} and the target is not used")
            };
            return Some((get(at)?, get(last)?, outcome));
        }
    }
    if let Some(at) = place("P", "proxy") {
        return Some((get(at)?, get(last)?, "`P` and `R`: the target is fetched, nothing is redirected".to_owned()));
    }
    if let Some(at) = place("PT", "passthrough").filter(|_| get(last).is_some_and(is_redirect)) {
        return Some((get(at)?, get(last)?, "`PT` and `R`: the server answers 400".to_owned()));
    }
    let flag = get(last)?;
    (dash && is_redirect(flag)).then(|| (flag, flag, "`R` on a rule without a target (`-`) does nothing".to_owned()))
}
