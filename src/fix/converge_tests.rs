//! The loop on a toy language: every `from` in the text is a finding whose fix writes `to`.

use super::*;
use crate::diagnostic::{Applicability, Edit, Fix, Severity};
use crate::source::Span;

struct Toy {
    files: Vec<(&'static str, &'static str)>,
    rewrites: Vec<(&'static str, &'static str, &'static str)>,
    forbidden: &'static str,
}

impl Site for Toy {
    type Error = std::convert::Infallible;

    fn look(&mut self, texts: &Texts) -> Result<(Sources, Vec<Finding>), Self::Error> {
        let mut sources = Sources::new();
        let mut findings = Vec::new();
        for (path, text) in &self.files {
            let text =
                texts.get(Path::new(path)).map_or(text.to_string(), |new| String::from_utf8(new.clone()).unwrap());
            let file = sources.add(*path, text.as_bytes().to_vec());
            for (rule, from, to) in &self.rewrites {
                findings.extend(text.match_indices(from).map(|(at, _)| repair(rule, file, at, from, to)));
            }
        }
        Ok((sources, findings))
    }

    fn may_edit(&self, path: &Path) -> bool {
        !path.starts_with("outside")
    }

    fn keeps(&mut self, _: &Texts, after: &Texts, _: &[&Finding]) -> Result<(), String> {
        let bad = after.values().any(|text| String::from_utf8_lossy(text).contains(self.forbidden));
        if bad { Err("another answer changes".to_owned()) } else { Ok(()) }
    }
}

fn repair(rule: &'static str, file: FileId, at: usize, from: &str, to: &str) -> Finding {
    let span = Span::new(file, at, at + from.len());
    let mut finding = Finding::new(rule, Severity::Warning, "m", span);
    let edits = vec![Edit { span, text: to.as_bytes().to_vec() }];
    finding.fix = Some(Fix { applicability: Applicability::Safe, message: format!("write `{to}`"), edits });
    finding
}

fn run(files: &[(&'static str, &'static str)], rewrites: &[(&'static str, &'static str, &'static str)]) -> Outcome {
    let mut toy = Toy { files: files.to_vec(), rewrites: rewrites.to_vec(), forbidden: "never" };
    converge(&mut toy, Level::Safe).unwrap()
}

#[test]
fn fixes_in_several_files_settle_over_several_rounds() {
    let outcome = run(&[("a", "one\none"), ("b", "one")], &[("r", "one", "two"), ("s", "two", "three")]);
    assert_eq!(outcome.end, End::Settled);
    assert_eq!(outcome.rounds, 2);
    assert_eq!(outcome.texts[Path::new("a")], b"three\nthree");
    assert_eq!(outcome.originals[Path::new("b")], b"one");
    assert_eq!(outcome.applied.len(), 6);
    assert!(outcome.findings.is_empty());
}

#[test]
fn a_clean_text_changes_in_no_round() {
    let outcome = run(&[("a", "one")], &[("r", "two", "three")]);
    assert_eq!((outcome.rounds, outcome.texts.len()), (0, 0));
}

#[test]
fn fixes_that_undo_each_other_are_noticed_and_leave_the_first_text() {
    let outcome = run(&[("a", "one")], &[("r", "one", "two"), ("s", "two", "one")]);
    assert_eq!(outcome.end, End::Oscillates(vec!["s"]));
    assert!(outcome.texts.is_empty());
}

#[test]
fn fixes_that_never_end_stop_at_the_limit() {
    let outcome = run(&[("a", "x.")], &[("r", ".", "x.")]);
    assert_eq!(outcome.end, End::Limit);
    assert_eq!(outcome.texts[Path::new("a")].len(), 2 + ROUNDS);
}

#[test]
fn a_fix_that_changes_another_answer_is_refused_and_the_others_are_applied() {
    let rewrites = [("good", "one", "two"), ("bad", "old", "never")];
    let outcome = run(&[("a", "one one old one old one")], &rewrites);
    assert_eq!(outcome.end, End::Settled);
    assert_eq!(outcome.texts[Path::new("a")], b"two two old two old two");
    assert_eq!(outcome.refused.len(), 2);
    assert_eq!(outcome.refused[0].0.rule, "bad");
    assert_eq!(outcome.refused[0].1, "another answer changes");
}

#[test]
fn a_file_outside_is_named_and_never_changed() {
    let outcome = run(&[("a", "one"), ("outside/b", "one")], &[("r", "one", "two")]);
    assert_eq!(outcome.texts.len(), 1);
    assert_eq!(outcome.outside[0].path, Path::new("outside/b"));
}
