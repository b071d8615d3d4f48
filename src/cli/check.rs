//! `redirlint check`: every configuration that the paths stand for, and what is wrong with it.

use super::args::{CheckArgs, CheckFormat as Format};
use super::input::{self, Loaded, Wanted};
use super::select::Selection;
use super::{Exit, Stop, colour, complain, fix, graph, terminal};
use crate::baseline::Baseline;
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::report::human::{self, Human};
use crate::report::{
    Report, checkstyle::Checkstyle, github::Github, html::Html, json, jsonl::Jsonl, plain::Plain, repeats,
    sarif::Sarif, shown, statistics::Statistics,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Totals {
    files: usize,
    directives: usize,
    counts: [usize; 3],
    fails: bool,
    json: Vec<(Severity, Value)>,
    report: Option<Box<dyn Report>>,
    baseline: Option<Baseline>,
    printed: usize,
    left_out: usize,
    /// Findings that `--fix` mends, and those that `--unsafe-fixes` mends beside them.
    mendable: [usize; 2],
    /// What was told already: a file that two configurations include is read with each.
    told: BTreeSet<Key>,
}

/// File, rule, range and message.
type Key = (PathBuf, &'static str, usize, usize, String);

fn key(loaded: &Loaded, finding: &Finding) -> Key {
    let path = input::real(loaded.sources.file(finding.file()).path());
    let range = finding.primary.span.range();
    (path, finding.rule, range.start, range.end, finding.message.clone())
}

/// The formats that know how to print themselves.
fn report(args: &CheckArgs) -> Option<Box<dyn Report>> {
    if args.statistics && matches!(args.format, Format::Human | Format::Plain) {
        return Some(Box::new(Statistics::default()));
    }
    Some(match args.format {
        Format::Human | Format::Json => return None,
        Format::Plain => Box::new(Plain),
        Format::Jsonl => Box::new(Jsonl),
        Format::Sarif => Box::new(Sarif::default()),
        Format::Github => Box::new(Github),
        Format::Checkstyle => Box::new(Checkstyle::default()),
        Format::Html => Box::new(Html::default()),
    })
}

fn baseline(args: &CheckArgs) -> Result<Option<Baseline>, Stop> {
    let Some(path) = &args.baseline else { return Ok(None) };
    let folder = path.parent().unwrap_or(std::path::Path::new(""));
    if args.write_baseline {
        return Ok(Some(Baseline::new(folder)));
    }
    let text = std::fs::read(path).map_err(|error| {
        Stop::Told(format!("cannot read `{}`: {error}; `--write-baseline` makes one", path.display()))
    })?;
    let read = Baseline::parse(folder, &text);
    read.map(Some).map_err(|why| Stop::Told(format!("`{}` {why}", path.display())))
}

/// Runs the command.
///
/// # Errors
/// An unknown rule, or output that cannot be written. Files that cannot be read are told on standard error
/// and make the exit code 2, while the others are still checked.
pub fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let selection = Selection::new(&args.select, &args.ignore)?;
    let (wanted, troubles) = input::discover(&args.paths);
    troubles.iter().for_each(|trouble| complain(trouble));
    let mut trouble = !troubles.is_empty();
    let mut totals = Totals { report: report(args), baseline: baseline(args)?, ..Totals::default() };
    let mut read = BTreeSet::new();
    let mut progress = Progress::new(wanted.len());
    for wanted in &wanted {
        progress.step();
        if already_read(wanted, &read) {
            continue;
        }
        if args.fix || args.unsafe_fixes || args.diff {
            match fix::run(wanted, args, &selection, out) {
                Ok(well) => trouble |= !well,
                Err(stop) => {
                    trouble = true;
                    complain(&stop.to_string());
                }
            }
        }
        match input::load(wanted, &args.shared) {
            Ok(Some(loaded)) => {
                read.extend(input::files_of(&loaded));
                one(args, &selection, &loaded, &mut totals, out)?;
            }
            Ok(None) => {}
            Err(stop) => {
                trouble = true;
                complain(&stop.to_string());
            }
        }
    }
    progress.end();
    finish(args, totals, trouble, out)
}

fn already_read(wanted: &Wanted, read: &BTreeSet<std::path::PathBuf>) -> bool {
    wanted.searched && read.contains(&input::real(&wanted.path))
}

fn one(
    args: &CheckArgs,
    selection: &Selection,
    loaded: &Loaded,
    totals: &mut Totals,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    let mut findings = loaded.findings(selection);
    findings.retain(|finding| totals.told.insert(key(loaded, finding)));
    totals.files += loaded.sources.iter().count();
    totals.directives += loaded.lowered.trees.iter().map(|tree| tree.directives().count()).sum::<usize>();
    if let Some(baseline) = &mut totals.baseline {
        if args.write_baseline {
            baseline.learn(&findings, &loaded.sources);
        }
        findings = baseline.unknown(findings, &loaded.sources);
    }
    for finding in &findings {
        if let Some(count) = totals.counts.get_mut(finding.severity as usize) {
            *count += 1;
        }
        totals.fails |= args.fail_on.fails(finding.severity);
        match finding.fix.as_ref().map(|fix| fix.applicability) {
            Some(Applicability::Safe) => totals.mendable[0] += 1,
            Some(Applicability::Unsafe) => totals.mendable[1] += 1,
            Some(Applicability::Display) | None => {}
        }
    }
    if args.diff {
        return Ok(());
    }
    let room = if args.statistics { None } else { args.max_findings }.map(|most| most.saturating_sub(totals.printed));
    totals.left_out += findings.len().saturating_sub(room.unwrap_or(usize::MAX));
    findings.truncate(room.unwrap_or(usize::MAX));
    totals.printed += findings.len();
    print(args, loaded, &findings, totals, out)
}

fn print(
    args: &CheckArgs,
    loaded: &Loaded,
    findings: &[Finding],
    totals: &mut Totals,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    if let Some(report) = &mut totals.report {
        let main = loaded.sources.file(loaded.main).path().display().to_string();
        report.draw(&main, &|| graph::of(loaded));
        return Ok(report.add(&loaded.sources, findings, out)?);
    }
    if args.format == Format::Json {
        totals.json.extend(findings.iter().map(|one| (one.severity, json::finding(&loaded.sources, one))));
        return Ok(());
    }
    let mut human = Human::new(&loaded.sources, colour(args.shared.color), terminal::width(), terminal::is_screen());
    let (shown, repeats) = match args.shared.verbose {
        0 => repeats::split(&loaded.sources, findings),
        _ => (findings.iter().collect(), Vec::new()),
    };
    for finding in shown {
        writeln!(out, "{}", human.render(finding))?;
    }
    for repeats in &repeats {
        writeln!(out, "{}\n", repeats.tell())?;
    }
    if args.shared.verbose > 0 && args.format == Format::Human {
        notes(loaded, out)?;
    }
    Ok(())
}

fn notes(loaded: &Loaded, out: &mut dyn Write) -> std::io::Result<()> {
    for note in &loaded.lowered.program.notes {
        let file = loaded.sources.file(note.span.file);
        let place = loaded.sources.position(note.span);
        let text = format!("{}:{}: `{}`: {}", file.path().display(), place.line, note.directive, note.reason);
        writeln!(out, "note: {}", shown::escape(&text))?;
    }
    Ok(())
}

fn finish(args: &CheckArgs, mut totals: Totals, trouble: bool, out: &mut dyn Write) -> Result<Exit, Stop> {
    let [infos, warnings, errors] = totals.counts;
    if let Some(report) = totals.report.as_mut().filter(|_| !args.diff) {
        report.end(out)?;
    }
    if let Some((path, baseline)) = args.baseline.as_ref().zip(totals.baseline.as_ref()).filter(|_| args.write_baseline)
    {
        std::fs::write(path, baseline.print())
            .map_err(|error| Stop::Told(format!("cannot write `{}`: {error}", path.display())))?;
    }
    if totals.left_out > 0 {
        let told = format!("{} more findings are left out by `--max-findings`", totals.left_out);
        let _ = writeln!(std::io::stderr(), "{told}");
    }
    match args.format {
        _ if args.diff => {}
        Format::Json => {
            let report = json::report(totals.json, totals.files, totals.directives).to_string();
            writeln!(out, "{}", shown::json(&report))?;
        }
        Format::Human if args.shared.quiet || (totals.files == 0 && trouble) => {}
        Format::Human if totals.files == 0 => {
            writeln!(out, "no redirect configuration found: name a file, or say its language with `--as`")?;
        }
        Format::Human | Format::Plain => {
            writeln!(out, "{}", human::summary(errors, warnings, infos, totals.files, totals.directives))?;
            if !args.fix && !args.unsafe_fixes {
                human::mendable(totals.mendable).map_or(Ok(()), |told| writeln!(out, "{told}"))?;
            }
        }
        _ => {}
    }
    Ok(match (trouble, totals.fails) {
        (true, _) => Exit::Trouble,
        (false, true) => Exit::Findings,
        (false, false) => Exit::Clean,
    })
}

/// A bar on standard error, on a terminal only, for runs of more than a second.
struct Progress {
    bar: ProgressBar,
    start: Instant,
    seen: u64,
}

impl Progress {
    fn new(files: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(files as u64), ProgressDrawTarget::hidden());
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} files");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, start: Instant::now(), seen: 0 }
    }

    fn step(&mut self) {
        self.seen += 1;
        if self.bar.is_hidden() && self.start.elapsed() > Duration::from_secs(1) {
            // indicatif itself draws nothing where standard error is no terminal.
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
        self.bar.set_position(self.seen);
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
