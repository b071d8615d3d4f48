//! See the page of [`RULE`].

use super::make::{Also, certain};
use super::words::Flag;
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::syntax::Directive;

declare! {
    /// A flag has no effect beside the others.
    ///
    /// ## What it does
    /// Finds `L` beside `F`, `G`, `P` or `END`, `NC` on a condition that asks for a file, and `NC` on a pattern
    /// without letters.
    ///
    /// ## Why is this bad?
    /// It says nothing, and makes the reader look for what it might say.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^x$ - [F,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^x$ - [F]
    /// ```
    ///
    /// ## Fix safety
    /// Safe: the flag has no effect.
    ///
    /// ## Traps
    /// Who writes `L` everywhere on principle switches this rule off. In nginx, `last` behind a URL is told as
    /// `implicit-temporary-redirect`, which names the flag that is missing.
    ///
    /// ## Sources
    /// mod_rewrite, flags.
    RULE {
        name: "redundant-flag",
        group: Group::Style,
        severity: Severity::Info,
        servers: Servers::Apache,
        fix: FixKind::Safe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    facts.each_directive(|directive, _| {
        let found = if words::is(facts, directive, "RewriteRule") {
            on_rule(facts, directive)
        } else if words::is(facts, directive, "RewriteCond") {
            on_condition(facts, directive)
        } else {
            None
        };
        let Some((flag, why)) = found else { return };
        let finding = certain(&RULE, format!("`{}` has no effect: {why}", flag.name), flag.span);
        let edits: Vec<_> = words::without(facts, directive, &flag).into_iter().collect();
        findings.push(finding.fix(Applicability::Safe, format!("take `{}` off", flag.name), edits));
    });
}

fn on_rule<'a>(facts: &Facts<'a>, directive: &Directive) -> Option<(Flag<'a>, &'static str)> {
    let flags = words::flags(facts, directive)?;
    let has = |short, long| flags.iter().any(|flag| flag.is(short, long));
    let last = flags.iter().find(|flag| flag.is("L", "last"));
    let no_case = flags.iter().find(|flag| flag.is("NC", "nocase"));
    if let Some(last) = last {
        let why = match () {
            () if has("F", "forbidden") => "`F` answers at once",
            () if has("G", "gone") => "`G` answers at once",
            () if has("P", "proxy") => "`P` ends the list by itself",
            () if has("END", "end") && !has("PT", "passthrough") => "`END` ends the list, and more",
            () => "",
        };
        if !why.is_empty() {
            return Some((last.clone(), why));
        }
    }
    let letters = |word: &[u8]| word.iter().any(u8::is_ascii_alphabetic);
    let pattern = facts.word(directive.args.first()?);
    no_case.filter(|_| !letters(pattern)).map(|flag| (flag.clone(), "the pattern has no letter"))
}

fn on_condition<'a>(facts: &Facts<'a>, directive: &Directive) -> Option<(Flag<'a>, &'static str)> {
    let flag = words::flag(facts, directive, "NC", "nocase")?;
    let test = facts.word(directive.args.get(1)?);
    let test = test.strip_prefix(b"!").unwrap_or(test);
    let file = matches!(test, b"-f" | b"-d" | b"-s" | b"-l" | b"-L" | b"-h" | b"-x" | b"-F" | b"-U");
    file.then_some((flag, "files are asked for, and their names have a case"))
}
