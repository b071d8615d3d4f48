//! Which fixes go together in one round; see the conflict rule in [`super`].

use crate::diagnostic::{Applicability, Edit, Finding, Fix};
use crate::source::{FileId, Sources};
use std::collections::BTreeMap;

/// How much the user allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Safe fixes only.
    Safe,
    /// Safe and unsafe ones; never those that are only for display.
    Unsafe,
}

impl Level {
    /// Whether a fix of this kind is allowed.
    pub fn allows(self, applicability: Applicability) -> bool {
        match applicability {
            Applicability::Safe => true,
            Applicability::Unsafe => self == Self::Unsafe,
            Applicability::Display => false,
        }
    }
}

/// Why a fix was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It needs a higher [`Level`].
    NotAllowed,
    /// It overlaps one that was taken; the next round has it again.
    Conflict,
    /// It changes a file that is not to be touched.
    Outside,
    /// Its edits overlap each other, reach out of their file, or change nothing: a mistake in the rule.
    Malformed,
}

/// A set of fixes that can be applied together. Numbers are places in the list of findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Taken, in the order of the rule.
    pub taken: Vec<usize>,
    /// Not taken, and why, in the same order.
    pub left: Vec<(usize, Left)>,
}

impl Selection {
    /// The edits of some of the taken findings, by file, in order, equal ones once.
    pub fn edits<'f>(findings: &'f [Finding], taken: &[usize]) -> BTreeMap<FileId, Vec<&'f Edit>> {
        let mut files: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
        for fix in taken.iter().filter_map(|&at| findings.get(at)?.fix.as_ref()) {
            fix.edits.iter().for_each(|edit| files.entry(edit.span.file).or_default().push(edit));
        }
        for edits in files.values_mut() {
            edits.sort_by_key(|edit| (edit.span, edit.text.as_slice()));
            edits.dedup();
        }
        files
    }
}

/// Chooses the fixes of one round. `may_edit` says which files may be changed.
pub fn select(findings: &[Finding], sources: &Sources, level: Level, may_edit: &dyn Fn(FileId) -> bool) -> Selection {
    let mut fixes: Vec<(usize, &Finding, &Fix)> =
        findings.iter().enumerate().filter_map(|(at, finding)| Some((at, finding, finding.fix.as_ref()?))).collect();
    fixes.sort_by_key(|(at, finding, fix)| {
        (fix.edits.iter().map(|edit| edit.span).min(), finding.rule, fix.message.as_str(), *at)
    });
    let mut taken = Taken::default();
    let mut selection = Selection::default();
    for (at, _, fix) in fixes {
        let left = if !level.allows(fix.applicability) {
            Some(Left::NotAllowed)
        } else if !well_formed(fix, sources) {
            Some(Left::Malformed)
        } else if !fix.edits.iter().all(|edit| may_edit(edit.span.file)) {
            Some(Left::Outside)
        } else if !taken.take(fix) {
            Some(Left::Conflict)
        } else {
            None
        };
        match left {
            Some(left) => selection.left.push((at, left)),
            None => selection.taken.push(at),
        }
    }
    selection
}

fn well_formed(fix: &Fix, sources: &Sources) -> bool {
    let mut own = Taken::default();
    let changes = |edit: &Edit| sources.text(edit.span) != edit.text;
    fix.edits.iter().any(changes)
        && fix.edits.iter().all(|edit| {
            let range = edit.span.range();
            range.start <= range.end
                && range.end <= sources.file(edit.span.file).bytes().len()
                && own.free(edit)
                && own.insert(edit)
        })
}

/// The edits taken so far: by file and start, the end and the text.
#[derive(Default)]
struct Taken<'f>(BTreeMap<(FileId, u32), &'f Edit>);

impl<'f> Taken<'f> {
    fn take(&mut self, fix: &'f Fix) -> bool {
        if fix.edits.iter().all(|edit| self.holds(edit)) {
            return true;
        }
        if !fix.edits.iter().all(|edit| self.free(edit)) {
            return false;
        }
        fix.edits.iter().all(|edit| self.insert(edit))
    }

    fn insert(&mut self, edit: &'f Edit) -> bool {
        self.0.insert((edit.span.file, edit.span.start), edit);
        true
    }

    fn holds(&self, edit: &Edit) -> bool {
        self.0.get(&(edit.span.file, edit.span.start)).is_some_and(|taken| *taken == edit)
    }

    /// Whether the edit neither overlaps a taken one nor meets it where one of the two only inserts. Taken edits
    /// do not overlap, so that only the neighbours on both sides need a look.
    fn free(&self, edit: &Edit) -> bool {
        let key = (edit.span.file, edit.span.start);
        let before = self.0.range(..=key).next_back();
        let after = self.0.range(key..).next();
        before.into_iter().chain(after).all(|(_, other)| apart(other, edit))
    }
}

fn apart(one: &Edit, other: &Edit) -> bool {
    let (first, second) = if one.span <= other.span { (one.span, other.span) } else { (other.span, one.span) };
    if first.file != second.file || first.end < second.start {
        return true;
    }
    first.end == second.start && !first.is_empty() && !second.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::source::Span;

    fn finding(applicability: Applicability, edits: &[(u32, usize, usize, &str)]) -> Finding {
        let span = |&(file, start, end, _): &(u32, usize, usize, &str)| Span::new(FileId(file), start, end);
        let mut finding = Finding::new("rule", Severity::Warning, "m", span(&edits[0]));
        let edits = edits.iter().map(|edit| Edit { span: span(edit), text: edit.3.as_bytes().to_vec() }).collect();
        finding.fix = Some(Fix { applicability, message: "do".to_owned(), edits });
        finding
    }

    fn sources() -> Sources {
        let mut sources = Sources::new();
        sources.add("a", b"0123456789".to_vec());
        sources.add("b", b"0123456789".to_vec());
        sources
    }

    fn chosen(findings: &[Finding], level: Level) -> Selection {
        select(findings, &sources(), level, &|file| file == FileId(0))
    }

    #[test]
    fn the_first_in_the_text_wins_and_an_overlap_waits_for_the_next_round() {
        let findings = [
            finding(Applicability::Safe, &[(0, 4, 8, "late")]),
            finding(Applicability::Safe, &[(0, 0, 2, "x"), (0, 7, 9, "y")]),
        ];
        assert_eq!(chosen(&findings, Level::Safe), Selection { taken: vec![1], left: vec![(0, Left::Conflict)] });
    }

    #[test]
    fn an_insertion_at_the_edge_of_an_edit_conflicts_but_neighbours_do_not() {
        let neighbours =
            [finding(Applicability::Safe, &[(0, 0, 2, "x")]), finding(Applicability::Safe, &[(0, 2, 4, "y")])];
        assert_eq!(chosen(&neighbours, Level::Safe).taken, [0, 1]);
        let edge = [finding(Applicability::Safe, &[(0, 0, 2, "x")]), finding(Applicability::Safe, &[(0, 2, 2, "y")])];
        assert_eq!(chosen(&edge, Level::Safe).taken, [0]);
        let both = [finding(Applicability::Safe, &[(0, 2, 2, "x")]), finding(Applicability::Safe, &[(0, 2, 2, "y")])];
        assert_eq!(chosen(&both, Level::Safe).taken, [0]);
    }

    #[test]
    fn the_same_edits_of_two_findings_are_applied_once() {
        let same = [finding(Applicability::Safe, &[(0, 2, 2, "x")]), finding(Applicability::Safe, &[(0, 2, 2, "x")])];
        let selection = chosen(&same, Level::Safe);
        assert_eq!(selection.taken, [0, 1]);
        assert_eq!(Selection::edits(&same, &selection.taken)[&FileId(0)].len(), 1);
    }

    #[test]
    fn only_what_is_allowed_and_inside_and_well_formed_is_taken() {
        let findings = [
            finding(Applicability::Unsafe, &[(0, 0, 1, "x")]),
            finding(Applicability::Display, &[(0, 1, 2, "x")]),
            finding(Applicability::Safe, &[(1, 0, 1, "x")]),
            finding(Applicability::Safe, &[(0, 3, 11, "x")]),
            finding(Applicability::Safe, &[(0, 4, 6, "x"), (0, 5, 7, "y")]),
            finding(Applicability::Safe, &[(0, 5, 6, "5")]),
        ];
        let mut left = chosen(&findings, Level::Safe).left;
        left.sort_by_key(|(at, _)| *at);
        use Left::{Malformed, NotAllowed, Outside};
        assert_eq!(
            left,
            [(0, NotAllowed), (1, NotAllowed), (2, Outside), (3, Malformed), (4, Malformed), (5, Malformed)]
        );
        assert_eq!(chosen(&findings, Level::Unsafe).taken, [0]);
    }
}
