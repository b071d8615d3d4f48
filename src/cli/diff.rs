//! `redirlint diff`: which requests two configurations answer differently.

use super::args::{DiffArgs, Format};
use super::convert::report;
use super::disk::Disk;
use super::input::{self, Loaded};
use super::{Exit, Stop};
use crate::analysis::compare::{self, Ask, Difference, Side};
use crate::eval::Assumed;
use crate::report::shown;
use crate::source::Span;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;

/// Runs the command.
///
/// # Errors
/// A file that cannot be read, or output that cannot be written.
pub fn run(args: &DiffArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let old = input::load_one(&args.old, &args.shared)?;
    let mut shared = args.shared.clone();
    shared.dialect = args.new_as.or(if args.new_as.is_none() && same_ending(args) { shared.dialect } else { None });
    let new = input::load_one(&args.new, &shared)?;
    let mut asks = asks(&old, false);
    asks.extend(self::asks(&new, true));
    let disk = Disk::new(old.options.real_files, Assumed::default());
    let differences = compare::compare(
        Side { program: &old.lowered.program, world: &disk },
        Side { program: &new.lowered.program, world: &disk },
        &asks,
    );
    match args.format {
        Format::Human => human(&old, &new, &asks, &differences, out)?,
        Format::Json => {
            let list: Vec<_> = differences.iter().map(|one| json!({
                "request": report::request(&one.ask.request),
                "old": {"status": one.old.status, "location": one.old.location.as_ref().map(|text| String::from_utf8_lossy(text))},
                "new": {"status": one.new.status, "location": one.new.location.as_ref().map(|text| String::from_utf8_lossy(text))},
            })).collect();
            writeln!(out, "{}", json!({"version": 1, "requests": asks.len(), "differences": list}))?;
        }
    }
    Ok(if differences.is_empty() { Exit::Clean } else { Exit::Findings })
}

fn same_ending(args: &DiffArgs) -> bool {
    args.old.file_name() == args.new.file_name() || args.old.extension() == args.new.extension()
}

/// Requests for one side. What they are about is told by the old side's directives only.
fn asks(loaded: &Loaded, new: bool) -> Vec<Ask> {
    let mut asks = compare::requests(&loaded.facts());
    if new {
        asks.iter_mut().for_each(|ask| ask.about = None);
    }
    asks
}

fn human(
    old: &Loaded,
    new: &Loaded,
    asks: &[Ask],
    differences: &[Difference],
    out: &mut dyn Write,
) -> Result<(), Stop> {
    // differences with the same two directives behind them are one
    let mut groups: BTreeMap<(Option<Span>, Option<Span>), Vec<&Difference>> = BTreeMap::new();
    for difference in differences {
        groups.entry((difference.old.cause, difference.new.cause)).or_default().push(difference);
    }
    let place = |loaded: &Loaded, cause: Option<Span>| match cause {
        Some(span) => {
            format!("{}:{}", loaded.sources.file(span.file).path().display(), loaded.sources.position(span).line)
        }
        None => "no directive".to_owned(),
    };
    for ((before, after), members) in &groups {
        let Some(first) = members.first() else { continue };
        let text = format!(
            "{}\n  - {}  ({})\n  + {}  ({})",
            report::request(&first.ask.request),
            report::answer(&first.old),
            place(old, *before),
            report::answer(&first.new),
            place(new, *after)
        );
        for line in text.lines() {
            writeln!(out, "{}", shown::escape(line))?;
        }
        if members.len() > 1 {
            writeln!(out, "  and {} more requests like it", members.len() - 1)?;
        }
    }
    match differences.len() {
        0 => writeln!(out, "no difference found over {} requests", asks.len())?,
        count => writeln!(out, "{count} of {} requests are answered differently", asks.len())?,
    }
    Ok(())
}
