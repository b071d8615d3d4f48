//! What is told beside an answer: what happened on the way, and what was taken for granted.

use super::{Answer, Assumption, Step};
use crate::source::Span;
use std::collections::{BTreeSet, VecDeque};

/// How many tests without a deed between them are told, counted from the first one and from the last one. A list of
/// redirects may have many more.
const TOLD: usize = 8;

/// What is told beside the answer.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    explain: bool,
    steps: Vec<Step>,
    row: Row,
    /// What was taken for granted.
    pub assumptions: BTreeSet<Assumption>,
}

/// Tests behind the last deed.
#[derive(Clone, Debug, Default)]
struct Row {
    told: usize,
    /// The first one that is left out, and how many there are.
    left_out: Option<(Span, usize)>,
    last: VecDeque<Step>,
}

impl Recorder {
    /// A recorder that keeps steps only if asked to.
    pub fn new(explain: bool) -> Self {
        Self { explain, ..Self::default() }
    }

    /// Whether somebody reads the steps.
    pub fn explains(&self) -> bool {
        self.explain
    }

    /// Takes over what was told beside an answer.
    pub fn absorb(&mut self, answer: &mut Answer) {
        self.settle();
        self.steps.append(&mut answer.steps);
        self.assumptions.extend(answer.assumptions.drain(..));
    }

    /// Notes what a directive did; the words are made only if somebody reads them.
    pub fn step(&mut self, span: Span, effect: impl FnOnce() -> String) {
        if self.explain {
            self.settle();
            self.steps.push(Step { span, effect: effect(), is_test: false });
        }
    }

    /// Notes what a directive asked and how that came out.
    pub fn test(&mut self, span: Span, effect: impl FnOnce() -> String) {
        if !self.explain {
            return;
        }
        let step = Step { span, effect: effect(), is_test: true };
        if self.row.told < TOLD {
            self.row.told += 1;
            return self.steps.push(step);
        }
        if self.row.last.len() == TOLD
            && let Some(oldest) = self.row.last.pop_front()
        {
            self.leave_out(oldest.span, 1);
        }
        self.row.last.push_back(step);
    }

    /// Notes that directives did not match without having been asked one by one; the span is the first one's.
    pub fn passed_over(&mut self, span: Span, count: usize) {
        if !self.explain {
            return;
        }
        while let Some(step) = self.row.last.pop_front() {
            self.leave_out(step.span, 1);
        }
        self.row.told = TOLD;
        self.leave_out(span, count);
    }

    fn leave_out(&mut self, span: Span, count: usize) {
        let (first, before) = self.row.left_out.unwrap_or((span, 0));
        self.row.left_out = Some((first, before + count));
    }

    /// Ends the row of tests.
    fn settle(&mut self) {
        let row = std::mem::take(&mut self.row);
        if let Some((span, count)) = row.left_out {
            let effect = match count {
                1 => "comes to nothing".to_owned(),
                _ => format!("comes to nothing, and {} more behind it", count - 1),
            };
            self.steps.push(Step { span, effect, is_test: true });
        }
        self.steps.extend(row.last);
    }

    /// Everything that happened.
    pub fn into_steps(mut self) -> Vec<Step> {
        self.settle();
        self.steps
    }

    /// Notes what was taken for granted.
    pub fn assume(&mut self, question: impl Into<String>, assumed: impl Into<String>) {
        self.assumptions.insert(Assumption { question: question.into(), assumed: assumed.into() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn at(place: usize) -> Span {
        Span::new(FileId(0), place, place + 1)
    }

    #[test]
    fn of_a_long_row_of_tests_both_ends_are_told() {
        let mut recorder = Recorder::new(true);
        (0..100).for_each(|place| recorder.test(at(place), || "does not match".to_owned()));
        recorder.step(at(100), || "redirects".to_owned());
        let steps = recorder.into_steps();
        assert_eq!(steps.len(), 2 * TOLD + 2);
        assert_eq!(steps[TOLD].effect, "comes to nothing, and 83 more behind it");
        assert_eq!(steps[TOLD].span, at(TOLD));
        assert_eq!(steps[TOLD + 1].span, at(100 - TOLD));
    }

    #[test]
    fn what_an_index_passes_over_is_counted() {
        let mut recorder = Recorder::new(true);
        recorder.passed_over(at(0), 99_000);
        recorder.test(at(1), || "does not match".to_owned());
        recorder.passed_over(at(2), 1_000);
        let steps = recorder.into_steps();
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].effect, "comes to nothing, and 100000 more behind it");
    }
}
