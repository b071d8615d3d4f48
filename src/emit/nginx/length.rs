//! nginx reads no word of 4,096 bytes (`NGX_CONF_BUFFER` in ngx_conf_file.c): a directive that needs one is left out.

use super::formula::Formula;
use super::list::Steps;
use super::plan::{Key, Place, Statement, Table, Test};
use super::regex::escaped;
use super::step::{Path, Step};
use super::text::{Text, word};
use crate::emit::Refusal;

/// Bytes of a word at most; what is left of nginx's is for options and looks ahead that a shape puts around it.
const MOST: usize = 4_000;

/// How far the output had got before a directive.
pub(super) struct Mark {
    steps: usize,
    verdicts: usize,
    tables: usize,
}

impl Steps<'_> {
    /// What stands so far.
    pub(super) fn mark(&self) -> Mark {
        Mark { steps: self.steps.len(), verdicts: self.verdicts.len(), tables: self.maps.tables().len() }
    }

    /// What a directive came to since the mark; nothing is kept of one that cannot be said.
    ///
    /// # Errors
    /// Those of the directive, and words that nginx does not read.
    pub(super) fn kept(&mut self, since: &Mark, result: Result<(), Refusal>) -> Result<(), Refusal> {
        let short = || {
            let steps = self.steps.iter().skip(since.steps);
            let tables = self.maps.tables().iter().skip(since.tables);
            steps.into_iter().all(step) && tables.into_iter().all(table)
        };
        let result = result.and_then(|()| if short() { Ok(()) } else { Err(too_long()) });
        if result.is_err() {
            self.steps.truncate(since.steps);
            self.verdicts.truncate(since.verdicts);
        }
        result
    }
}

/// Why something is left out.
pub fn too_long() -> Refusal {
    Refusal::new("nginx reads no word of more than 4,095 bytes", "shorten it")
}

/// Whether nginx reads every word of it.
pub fn step(step: &Step) -> bool {
    let path = match &step.path {
        Path::All => true,
        Path::Exact(path) => bytes(&escaped(path)),
        Path::Pattern(pattern) => bytes(&pattern.text),
    };
    path && formula(&step.when) && step.before.iter().chain(&step.body()).all(statement)
}

fn formula(when: &Formula) -> bool {
    match when {
        Formula::All(parts) | Formula::Any(parts) => parts.iter().all(formula),
        Formula::Leaf(leaf) => text(&leaf.source) && leaf.keys.iter().all(key),
    }
}

fn table(table: &Table) -> bool {
    table.source.iter().all(text) && table.rows.iter().all(|(own, value)| key(own) && text(value))
}

fn key(key: &Key) -> bool {
    match key {
        Key::Default => true,
        Key::Literal(key) | Key::Pattern(key, _) => bytes(key),
    }
}

/// Whether nginx reads every word of it.
pub fn statement(statement: &Statement) -> bool {
    match statement {
        Statement::Comment(_) | Statement::Blank => true,
        Statement::Set(_, value) => text(value),
        Statement::Return(_, value) => value.iter().all(text),
        Statement::Rewrite(pattern, to, _) => bytes(pattern) && text(to),
        Statement::If(test, body) => tested(test) && body.iter().all(self::statement),
        Statement::Location(place, body) => located(place) && body.iter().all(self::statement),
        Statement::Plain(_, words) => words.iter().all(text),
    }
}

fn tested(test: &Test) -> bool {
    match test {
        Test::True(_) => true,
        Test::Equals(_, value) | Test::File(_, value) => text(value),
        Test::Matches(_, pattern, _) => bytes(pattern),
    }
}

fn located(place: &Place) -> bool {
    match place {
        Place::Named(_) => true,
        Place::Exact(path) | Place::Prefix(path) | Place::Pattern(path, _) => bytes(path),
    }
}

fn text(text: &Text) -> bool {
    text.word().len() <= MOST
}

/// Whether nginx reads these bytes as one word.
pub fn bytes(bytes: &[u8]) -> bool {
    word(bytes).len() <= MOST
}
