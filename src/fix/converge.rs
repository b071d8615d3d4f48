//! Fix, look again, fix again, until nothing is left to fix.
//!
//! One fix can make room for the next (a chain flattened twice) or undo another's work. The loop is bounded by
//! [`ROUNDS`], notices a text it has seen before, and asks before it keeps a change.

use super::select::{Left, Level, Selection, select};
use crate::diagnostic::Finding;
use crate::source::{FileId, Sources};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

/// Rounds after which the loop gives up. A list that is sorted step by step needs some; fixes that need more are
/// fighting each other.
pub const ROUNDS: usize = 40;
/// How often one round may ask [`Site::keeps`]; what is undecided then is refused.
const QUESTIONS: usize = 64;

/// Files whose text differs from the disk's, by path as in [`Sources`].
pub type Texts = BTreeMap<PathBuf, Vec<u8>>;

/// What the loop needs to know of the world.
pub trait Site {
    /// What stops everything.
    type Error;
    /// Reads and lints the site, with these texts in place of the files on disk.
    ///
    /// # Errors
    /// When the site cannot be read.
    fn look(&mut self, texts: &Texts) -> Result<(Sources, Vec<Finding>), Self::Error>;
    /// Whether a file may be changed.
    fn may_edit(&self, path: &Path) -> bool;
    /// Whether the texts after some fixes may stand in place of those before; else why not, as one sentence. The
    /// findings are the ones whose fixes were applied.
    fn keeps(&mut self, before: &Texts, after: &Texts, fixed: &[&Finding]) -> Result<(), String>;
}

/// One fix that was applied or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The rule.
    pub rule: &'static str,
    /// What the fix does.
    pub message: String,
    /// The file of the finding.
    pub path: PathBuf,
    /// The line of the finding, from 1, in the text of its round.
    pub line: usize,
}

/// Why the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to fix.
    Settled,
    /// The fixes of these rules undo each other; the text is the first of those that repeat.
    Oscillates(Vec<&'static str>),
    /// Still something to fix after [`ROUNDS`].
    Limit,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Files that changed, with their new text.
    pub texts: Texts,
    /// The files as they were read, for those that changed.
    pub originals: Texts,
    /// Fixes applied, in order.
    pub applied: Vec<Change>,
    /// Fixes that would have changed more than they should, and why.
    pub refused: Vec<(Change, String)>,
    /// Fixes that would change a file that is not to be touched.
    pub outside: Vec<Change>,
    /// Rounds that changed something.
    pub rounds: usize,
    /// Why it ended.
    pub end: End,
    /// The files at the end.
    pub sources: Sources,
    /// What is left to complain of.
    pub findings: Vec<Finding>,
}

/// Applies fixes until they settle.
///
/// # Errors
/// Those of [`Site::look`].
pub fn converge<S: Site>(site: &mut S, level: Level) -> Result<Outcome, S::Error> {
    let (sources, findings) = site.look(&Texts::new())?;
    let mut run = Run::new(sources, findings);
    while run.outcome.rounds < ROUNDS {
        let Some((texts, fixed)) = run.round(site, level) else { return Ok(run.outcome) };
        let changes: Vec<Change> = fixed.iter().filter_map(|&at| run.change(at)).collect();
        let (sources, findings) = site.look(&texts)?;
        run.outcome.sources = sources;
        run.outcome.findings = findings;
        run.outcome.rounds += 1;
        let rules = changes.iter().map(|change| change.rule).collect();
        run.outcome.applied.extend(changes);
        run.outcome.texts = texts;
        if !run.seen.insert(run.outcome.texts.clone()) {
            run.outcome.end = End::Oscillates(rules);
            return Ok(run.outcome);
        }
    }
    if run.round(site, level).is_some() {
        run.outcome.end = End::Limit;
    }
    Ok(run.outcome)
}

struct Run {
    outcome: Outcome,
    seen: HashSet<Texts>,
    /// Refused once, refused for good.
    refused: HashSet<Key>,
}

/// A fix as it is recognised in a later round: rule, file, the words meant, what it does.
type Key = (&'static str, PathBuf, Vec<u8>, String);

impl Run {
    fn new(sources: Sources, findings: Vec<Finding>) -> Self {
        let outcome = Outcome {
            texts: Texts::new(),
            originals: Texts::new(),
            applied: Vec::new(),
            refused: Vec::new(),
            outside: Vec::new(),
            rounds: 0,
            end: End::Settled,
            sources,
            findings,
        };
        Self { outcome, seen: HashSet::from([Texts::new()]), refused: HashSet::new() }
    }

    /// The texts after one more round and the findings it repaired; `None` when nothing can be done.
    fn round<S: Site>(&mut self, site: &mut S, level: Level) -> Option<(Texts, Vec<usize>)> {
        let sources = &self.outcome.sources;
        let wanted: Vec<Finding> = self.outcome.findings.iter().map(|finding| self.unless_refused(finding)).collect();
        let selection = select(&wanted, sources, level, &|file| site.may_edit(sources.file(file).path()));
        let outside = selection.left.iter().filter(|(_, left)| *left == Left::Outside);
        self.outcome.outside = outside.filter_map(|&(at, _)| self.change(at)).collect();
        let mut kept = Kept { questions: QUESTIONS, good: Vec::new(), bad: Vec::new() };
        self.keep(site, &selection.taken, &mut kept);
        kept.good.sort_unstable();
        for (at, why) in kept.bad {
            let key = self.outcome.findings.get(at).map(|finding| self.key(finding));
            self.refused.extend(key);
            self.outcome.refused.extend(self.change(at).map(|change| (change, why)));
        }
        let texts = self.texts(&kept.good);
        if kept.good.is_empty() || texts == self.outcome.texts {
            return None;
        }
        self.remember_originals(&texts);
        Some((texts, kept.good))
    }

    /// Adds the batch to what is kept; where that is refused, finds the culprits by halves.
    fn keep<S: Site>(&self, site: &mut S, batch: &[usize], kept: &mut Kept) {
        if batch.is_empty() {
            return;
        }
        let all: Vec<usize> = kept.good.iter().chain(batch).copied().collect();
        let verdict = match kept.questions {
            0 => Err("too many fixes change more than they should to tell them apart".to_owned()),
            _ => self.ask(site, &all),
        };
        kept.questions = kept.questions.saturating_sub(1);
        match (verdict, batch) {
            (Ok(()), _) => kept.good = all,
            (Err(why), [one]) => kept.bad.push((*one, why)),
            (Err(why), _) if kept.questions == 0 => kept.bad.extend(batch.iter().map(|&at| (at, why.clone()))),
            (Err(_), _) => {
                let (left, right) = batch.split_at(batch.len() / 2);
                self.keep(site, left, kept);
                self.keep(site, right, kept);
            }
        }
    }

    fn ask<S: Site>(&self, site: &mut S, taken: &[usize]) -> Result<(), String> {
        let fixed: Vec<&Finding> = taken.iter().filter_map(|&at| self.outcome.findings.get(at)).collect();
        site.keeps(&self.outcome.texts, &self.texts(taken), &fixed)
    }

    fn texts(&self, taken: &[usize]) -> Texts {
        let mut texts = self.outcome.texts.clone();
        for (file, edits) in Selection::edits(&self.outcome.findings, taken) {
            let file = self.outcome.sources.file(file);
            texts.insert(file.path().to_owned(), super::apply(file.bytes(), &edits));
        }
        texts.retain(|path, text| self.outcome.originals.get(path) != Some(text));
        texts
    }

    fn remember_originals(&mut self, texts: &Texts) {
        for (_, file) in self.outcome.sources.iter().filter(|(_, file)| texts.contains_key(file.path())) {
            let original = || file.bytes().to_vec();
            self.outcome.originals.entry(file.path().to_owned()).or_insert_with(original);
        }
    }

    fn unless_refused(&self, finding: &Finding) -> Finding {
        let mut finding = finding.clone();
        if !self.refused.is_empty() && self.refused.contains(&self.key(&finding)) {
            finding.fix = None;
        }
        finding
    }

    fn key(&self, finding: &Finding) -> Key {
        let words = self.outcome.sources.text(finding.primary.span).to_vec();
        let fix = finding.fix.as_ref().map(|fix| fix.message.clone()).unwrap_or_default();
        (finding.rule, self.path(finding.file()), words, fix)
    }

    fn change(&self, at: usize) -> Option<Change> {
        let finding = self.outcome.findings.get(at)?;
        Some(Change {
            rule: finding.rule,
            message: finding.fix.as_ref().map(|fix| fix.message.clone()).unwrap_or_default(),
            path: self.path(finding.file()),
            line: self.outcome.sources.position(finding.primary.span).line,
        })
    }

    fn path(&self, file: FileId) -> PathBuf {
        self.outcome.sources.file(file).path().to_owned()
    }
}

struct Kept {
    questions: usize,
    good: Vec<usize>,
    bad: Vec<(usize, String)>,
}

#[cfg(test)]
#[path = "converge_tests.rs"]
mod tests;
