//! No fix for what the server does not read.
//!
//! A rule that repairs a directive takes for granted that the server reads it as the rule does. Where the server
//! refuses the directive, or the file's parts cannot be told from each other, an edit is a guess, and one that may
//! never settle: the complaint stays whatever is added. The syntax comes first; the finding is told all the same.

use super::config_syntax_error;
use crate::analysis::Facts;
use crate::diagnostic::{Edit, Finding};
use crate::source::{FileId, Span};
use rustc_hash::FxHashSet;

/// Takes fixes away that change a refused line, or a file with a syntax error; the repair of the refusal stays.
pub fn leave_alone(facts: &Facts<'_>, findings: &mut [Finding]) {
    let broken: FxHashSet<FileId> =
        facts.trees.iter().filter(|tree| !tree.errors.is_empty()).map(|tree| tree.file).collect();
    let line = |span: Span| (span.file, facts.sources.position(span).line);
    let refused: FxHashSet<(FileId, usize)> = facts.program.refusals.iter().map(|one| line(one.span)).collect();
    if broken.is_empty() && refused.is_empty() {
        return;
    }
    let guessed = |edit: &Edit| broken.contains(&edit.span.file) || refused.contains(&line(edit.span));
    for finding in findings.iter_mut().filter(|finding| finding.rule != config_syntax_error::RULE.name) {
        if finding.fix.as_ref().is_some_and(|fix| fix.edits.iter().any(guessed)) {
            finding.fix = None;
        }
    }
}
