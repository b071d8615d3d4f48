//! `redirlint diff`: which requests two configurations answer differently.

use super::args::{DiffArgs, Format};
use super::compared;
use super::convert::report;
use super::disk::Disk;
use super::input::{self, Loaded};
use super::{Exit, Stop};
use crate::analysis::compare::{self, Ask, Difference, Side};
use crate::analysis::inclusion::{self, Known, Proven};
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
    asks.retain(|ask| compared::may_be_heard(&[&old, &new], &ask.request));
    let disk = Disk::new(old.options.real_files, compared::scripts(&[&old, &new]));
    let before = Side { program: &old.lowered.program, world: &disk };
    let after = Side { program: &new.lowered.program, world: &disk };
    let mut differences = compare::compare(before, after, &asks);
    let mut proven = Proven::default();
    if differences.is_empty() {
        let facts = (old.facts(), new.facts());
        proven = inclusion::prove(Known { facts: &facts.0, side: before }, Known { facts: &facts.1, side: after });
        proven.doubts.retain(|ask| compared::may_be_heard(&[&old, &new], &ask.request));
        // where inclusion fails it names a path that nobody has asked for yet
        differences = compare::compare(before, after, &proven.doubts);
        asks.append(&mut proven.doubts);
    }
    match args.format {
        Format::Human => {
            human(&old, &new, &differences, out)?;
            writeln!(out, "{}", verdict(asks.len(), differences.len(), &proven))?;
        }
        Format::Json => {
            let list: Vec<_> = differences.iter().map(|one| json!({
                "request": report::request(&one.ask.request),
                "old": {"status": one.old.status, "location": one.old.location.as_ref().map(|text| String::from_utf8_lossy(text))},
                "new": {"status": one.new.status, "location": one.new.location.as_ref().map(|text| String::from_utf8_lossy(text))},
            })).collect();
            let proven = json!({"redirects": proven.redirects, "of": proven.of, "all": proven.is_all()});
            writeln!(out, "{}", json!({"version": 1, "requests": asks.len(), "differences": list, "proven": proven}))?;
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

fn human(old: &Loaded, new: &Loaded, differences: &[Difference], out: &mut dyn Write) -> Result<(), Stop> {
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
    Ok(())
}

/// What the comparison comes to.
fn verdict(asked: usize, differences: usize, proven: &Proven) -> String {
    match (differences, proven.redirects) {
        (0, 0) => format!("no difference found over {asked} requests"),
        (0, _) if proven.is_all() => {
            format!(
                "no difference found over {asked} requests, and none exists: every redirect's paths are covered by the other side's"
            )
        }
        (0, count) => {
            let of = proven.of;
            format!("no difference found over {asked} requests, and for {count} of the {of} redirects none exists")
        }
        (count, _) => format!("{count} of {asked} requests are answered differently"),
    }
}
