//! Many literal redirects as one table for each status.
//!
//! The keys of a `map` ignore case and Apache's paths do not, so each row holds its own path beside the target,
//! and a second table compares it with the path that was asked for.

use super::length;
use super::maps::Maps;
use super::plan::{Key, Statement, Table, Test};
use super::step::{Does, Path, Step};
use super::text::Text;
use crate::emit::Style;
use std::collections::{BTreeMap, BTreeSet};

/// Literal redirects from which on a table reads better than locations.
const MANY: usize = 40;

/// Takes literal redirects that no earlier pattern answers out of the steps, and says them with tables.
pub fn take(steps: &mut Vec<Step>, style: Style, maps: &mut Maps, out: &mut Vec<Statement>) {
    let first_pattern = steps.iter().position(|step| matches!(step.path, Path::Pattern(_))).unwrap_or(steps.len());
    let literal = |step: &Step| {
        let plain = step.inner.is_empty() && step.comments.is_empty();
        let row = match (&step.path, &step.does) {
            (Path::Exact(path), Does::Return(_, Some(text))) => Some(row(path, text)),
            _ => None,
        };
        plain && row.is_some_and(|row| length::bytes(&row.word()))
    };
    let count = steps.iter().take(first_pattern).filter(|step| literal(step)).count();
    let wanted = match style {
        Style::Map => count > 0,
        Style::Auto => count >= MANY,
        Style::Location | Style::Rewrite => false,
    };
    if !wanted {
        return;
    }
    let mut rows: BTreeMap<u16, Vec<(Key, Text)>> = BTreeMap::new();
    let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut kept = Vec::new();
    for (at, step) in std::mem::take(steps).into_iter().enumerate() {
        match (&step.path, &step.does) {
            (Path::Exact(path), Does::Return(code, Some(text)))
                if at < first_pattern && literal(&step) && seen.insert(path.to_ascii_lowercase()) =>
            {
                rows.entry(*code).or_default().push((Key::Literal(path.clone()), row(path, text)));
            }
            _ => kept.push(step),
        }
    }
    *steps = kept;
    for (code, rows) in rows {
        out.push(table(code, rows, maps));
    }
}

/// A path beside its target.
fn row(path: &[u8], target: &Text) -> Text {
    let mut row = Text::literal(path);
    row.push_literal(b" ");
    row.append(target);
    row
}

fn table(code: u16, rows: Vec<(Key, Text)>, maps: &mut Maps) -> Statement {
    let (listed, name) = (format!("listed_{code}"), format!("redirect_{code}"));
    let mut table = Table::map(Text::variable("uri"), &listed, rows);
    table.note = Some(format!("path and target of every redirect with status {code}"));
    maps.named(table);
    let mut both = Text::variable("uri");
    both.push_literal(b" ");
    both.push_variable(&listed);
    let pattern = br"(?s)^(.+) \1 ([^ ]*)\z".to_vec();
    let mut exact = Table::map(both, &name, vec![(Key::Pattern(pattern, false), Text::variable("2"))]);
    exact.note = Some("the target, if the path is the listed one in the same case".to_owned());
    maps.named(exact);
    Statement::If(Test::True(name.clone()), vec![Statement::Return(code, Some(Text::variable(&name)))])
}
