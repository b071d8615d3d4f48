//! See the page of [`RULE`].

use super::make::{Also, by_proof, replace, with_confidence};
use super::{Basis, FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};

/// The words that `R=` knows, and what they stand for.
const WORDS: [(&str, u16); 3] = [("permanent", 301), ("temp", 302), ("seeother", 303)];

declare! {
    /// A status word that the server does not know: Apache silently answers 302.
    ///
    /// ## What it does
    /// Finds `[R=word]` where the word is neither a number nor `permanent`, `temp` or `seeother`. Statuses that
    /// make the server refuse the file are reported by `config-syntax-error`.
    ///
    /// ## Why is this bad?
    /// `[R=permenant]` answers 302 without a line in the log: the move that was meant to be permanent is not.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^old$ /new [R=permenant,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^old$ /new [R=permanent,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the answer changes from 302 to the status that was meant.
    ///
    /// ## Traps
    /// None: Apache knows no other words.
    ///
    /// ## Sources
    /// Apache `cmd_rewriterule_setflag` in mod_rewrite.c.
    RULE {
        name: "unknown-redirect-status",
        group: Group::Status,
        severity: Severity::Error,
        basis: Basis::Text,
        servers: Servers::Apache,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    facts.each_directive(|directive, _| {
        if !words::is(facts, directive, "RewriteRule") {
            return;
        }
        for flag in words::flags(facts, directive).unwrap_or_default() {
            let Some(word) = flag.value.as_deref().filter(|_| flag.is("R", "redirect")) else { continue };
            let known = WORDS.iter().any(|(known, _)| word.eq_ignore_ascii_case(known));
            if known || word.is_empty() || word.bytes().all(|byte| byte.is_ascii_digit()) || word.contains(['$', '%', '{']) {
                continue;
            }
            let message = format!("`{word}` is no status: the server answers 302 instead");
            let proof = facts.routes().at(directive.span).find_map(|route| facts.proofs(route).first());
            let finding = match proof {
                Some(proof) => by_proof(&RULE, proof, message, flag.span),
                None => with_confidence(&RULE, Confidence::Likely, message, flag.span),
            };
            let (nearest, code) = nearest(word);
            let fix = format!("write `R={code}`, which is `{nearest}`");
            findings.push(
                finding
                    .help("write a number (301, 302, 303, 307, 308), or `permanent`, `temp` or `seeother`")
                    .fix(Applicability::Unsafe, fix, vec![replace(flag.span, format!("R={code}"))]),
            );
        }
    });
}

fn nearest(word: &str) -> (&'static str, u16) {
    let word = word.to_ascii_lowercase();
    let best = WORDS.iter().max_by(|a, b| strsim::jaro_winkler(&word, a.0).total_cmp(&strsim::jaro_winkler(&word, b.0)));
    best.copied().unwrap_or(("permanent", 301))
}
