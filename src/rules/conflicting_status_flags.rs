//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::words::{self, Flag};
use super::{Basis, FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Finding, Severity};

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
    /// Safe for the first of two `R`, which nothing comes of. Unsafe for an `R` that another flag beats: it still
    /// keeps the rule out of sub-requests. Where the flags together make an answer that none of them makes alone,
    /// only the author knows which one is meant.
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
        basis: Basis::Text,
        servers: Servers::Apache,
        fix: FixKind::Sometimes,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    facts.each_directive(|directive, _| {
        if !words::is(facts, directive, "RewriteRule") {
            return;
        }
        let Some(flags) = words::flags(facts, directive) else { return };
        let Some(Conflict { flag: one, with: other, outcome, idle }) = conflict(&flags, directive.args.get(1).is_some_and(|word| facts.word(word) == b"-")) else { return };
        let mut finding = certain(&RULE, outcome, one.span).help("keep the flag that is meant and drop the other");
        if other.span != one.span {
            finding = finding.related(other.span, "fights with it");
        }
        let route = facts.routes().at(directive.span).next();
        finding.witness = route.and_then(|route| facts.proofs(route).first()).map(Proof::witness);
        let how = if one.is("R", "redirect") && one.span != other.span { Applicability::Safe } else { Applicability::Unsafe };
        let edits = idle.and_then(|flag| words::without(facts, directive, flag)).map(|edit| vec![edit]);
        findings.push(finding.mend(how, "take the flag out that nothing comes of", edits));
    });
}

/// Two flags that fight.
struct Conflict<'f, 't> {
    flag: &'f Flag<'t>,
    with: &'f Flag<'t>,
    outcome: String,
    /// The one that can go without another answer.
    idle: Option<&'f Flag<'t>>,
}

fn conflict<'f, 't>(flags: &'f [Flag<'t>], dash: bool) -> Option<Conflict<'f, 't>> {
    let place = |short: &str, long: &str| flags.iter().position(|flag| flag.is(short, long));
    let redirects: Vec<usize> = flags.iter().enumerate().filter(|(_, flag)| flag.is("R", "redirect")).map(|(at, _)| at).collect();
    let last = *redirects.last()?;
    let get = |at: usize| flags.get(at);
    let value = |flag: &Flag<'_>| flag.value.as_deref().unwrap_or("302").to_owned();
    let is_redirect = |flag: &Flag<'_>| value(flag).parse::<u16>().map_or(true, |code| (300..400).contains(&code));
    let first = *redirects.first()?;
    if first != last && get(first).map(value) != get(last).map(value) {
        let outcome = format!("two statuses: the last one, {}, is sent", get(last).map(value)?);
        return Some(Conflict { flag: get(last)?, with: get(first)?, outcome, idle: get(first) });
    }
    for (short, long, name) in [("F", "forbidden", "403"), ("G", "gone", "410")] {
        if let Some(at) = place(short, long) {
            let outcome = if at < last {
                format!("`{short}` before `R`: the answer has the status of `R` and no `Location`")
            } else {
                format!("`{short}` behind `R`: the answer is {name} and the target is not used")
            };
            return Some(Conflict { flag: get(at)?, with: get(last)?, outcome, idle: get(last).filter(|_| at > last) });
        }
    }
    if let Some(at) = place("P", "proxy") {
        let outcome = "`P` and `R`: the target is fetched, nothing is redirected".to_owned();
        return Some(Conflict { flag: get(at)?, with: get(last)?, outcome, idle: get(last) });
    }
    if let Some(at) = place("PT", "passthrough").filter(|_| get(last).is_some_and(is_redirect)) {
        let outcome = "`PT` and `R`: the server answers 400".to_owned();
        return Some(Conflict { flag: get(at)?, with: get(last)?, outcome, idle: None });
    }
    let flag = get(last)?;
    let outcome = "`R` on a rule without a target (`-`) does nothing".to_owned();
    (dash && is_redirect(flag)).then_some(Conflict { flag, with: flag, outcome, idle: Some(flag) })
}
