//! What a run has come to so far: sites go in one after the other, findings go out, and the exit code at the end.

use super::super::args::{CheckArgs, CheckFormat as Format};
use super::super::input::{self, Loaded};
use super::super::{Exit, Stop, colour, complain, graph, terminal};
use super::journal::Journal;
use super::{Checked, Read};
use crate::baseline::Baseline;
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::report::human::{self, Human};
use crate::report::{
    Report, checkstyle::Checkstyle, github::Github, html::Html, json::Json, jsonl::Jsonl, plain::Plain, repeats,
    sarif::Sarif, shown, statistics::Statistics,
};
use crate::source::Sources;
use std::collections::BTreeSet;
use std::io::Write;
use std::mem::ManuallyDrop;
use std::path::PathBuf;

/// Numbers for the summary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Files read.
    pub files: usize,
    /// Directives in them.
    pub directives: usize,
    /// Findings of severity `info`.
    pub infos: usize,
    /// Findings of severity `warning`.
    pub warnings: usize,
    /// Findings of severity `error`.
    pub errors: usize,
}

impl Tally {
    fn of(read: &Read, findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        Self {
            files: read.sources().iter().count(),
            directives: read.directives(),
            infos: count(Severity::Info),
            warnings: count(Severity::Warning),
            errors: count(Severity::Error),
        }
    }

    /// Adds another run's numbers.
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.directives += other.directives;
        self.infos += other.infos;
        self.warnings += other.warnings;
        self.errors += other.errors;
    }

    fn by_severity(&self) -> [(Severity, usize); 3] {
        [(Severity::Info, self.infos), (Severity::Warning, self.warnings), (Severity::Error, self.errors)]
    }
}

/// Everything so far.
pub struct Totals<'a> {
    args: &'a CheckArgs,
    tally: Tally,
    trouble: bool,
    json: Json,
    report: Option<Box<dyn Report>>,
    baseline: Option<Baseline>,
    printed: usize,
    left_out: usize,
    /// Findings that the baseline hides.
    hidden: usize,
    /// Findings that `--fix` mends, and those that `--unsafe-fixes` mends beside them.
    mendable: [usize; 2],
    journal: Option<Journal>,
    /// Files that were read because another one includes them.
    included: BTreeSet<PathBuf>,
    /// What was told of those: a file that two configurations include is read with each.
    told: BTreeSet<Key>,
    /// The site that was told last. It goes when the next one comes; the very last one goes with the process, because to
    /// give a long list back piece by piece takes as long as to read it.
    last: ManuallyDrop<Option<Read>>,
}

/// File, rule, range and message.
type Key = (PathBuf, &'static str, usize, usize, String);

fn key(sources: &Sources, finding: &Finding) -> Key {
    let path = input::real(sources.file(finding.file()).path());
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

impl<'a> Totals<'a> {
    /// Nothing yet, but what an earlier run has done.
    ///
    /// # Errors
    /// A baseline or a journal that cannot be used.
    pub fn new(args: &'a CheckArgs) -> Result<Self, Stop> {
        if args.resume.is_some() && args.format != Format::Jsonl {
            return Err(Stop::Told("`--resume` keeps JSON lines: say `--format jsonl`, too".to_owned()));
        }
        let journal = args.resume.as_deref().map(Journal::open).transpose()?;
        Ok(Self {
            args,
            tally: journal.as_ref().map(|journal| journal.before).unwrap_or_default(),
            trouble: false,
            json: Json::default(),
            report: report(args),
            baseline: baseline(args)?,
            printed: 0,
            left_out: 0,
            hidden: 0,
            mendable: [0, 0],
            journal,
            included: BTreeSet::new(),
            told: BTreeSet::new(),
            last: ManuallyDrop::new(None),
        })
    }

    /// The sites that an earlier run has done.
    pub fn done(&self) -> impl Fn(&input::Wanted) -> bool + use<> {
        let done = self.journal.as_ref().map(Journal::done).unwrap_or_default();
        move |wanted| done.contains(&*wanted.path.to_string_lossy())
    }

    /// Something went wrong that was told already.
    pub fn failed(&mut self) {
        self.trouble = true;
    }

    /// Whether a file that was found by searching was read with one that includes it.
    pub fn has_read(&self, wanted: &input::Wanted) -> bool {
        wanted.searched && !self.included.is_empty() && self.included.contains(&input::real(&wanted.path))
    }

    /// Tells what is in the way of a site; the others go on.
    pub fn trouble(&mut self, why: &str) {
        self.trouble = true;
        complain(why);
    }

    /// Takes a site's findings and prints them.
    ///
    /// # Errors
    /// Output that cannot be written.
    pub fn add(&mut self, checked: Checked, out: &mut dyn Write) -> Result<(), Stop> {
        let Checked { wanted, read, findings } = checked;
        if !self.has_read(&wanted) {
            self.tell(&wanted, &read, findings, out)?;
        }
        *self.last = Some(read);
        Ok(())
    }

    fn tell(
        &mut self,
        wanted: &input::Wanted,
        read: &Read,
        mut findings: Vec<Finding>,
        out: &mut dyn Write,
    ) -> Result<(), Stop> {
        self.included.extend(read.loaded().into_iter().flat_map(input::included));
        self.leave_out_told(read, &mut findings);
        if let Some(baseline) = &mut self.baseline {
            if self.args.write_baseline {
                baseline.learn(&findings, read.sources());
            }
            let all = findings.len();
            findings = baseline.unknown(findings, read.sources());
            self.hidden += all - findings.len();
        }
        let tally = Tally::of(read, &findings);
        self.tally.add(&tally);
        let [safe, unsafe_] = &mut self.mendable;
        *safe += count_fixes(&findings, Applicability::Safe);
        *unsafe_ += count_fixes(&findings, Applicability::Unsafe);
        if self.args.diff {
            return Ok(());
        }
        if self.journal.is_none() {
            self.cut(&mut findings);
            return self.print(read, &findings, out);
        }
        let mut lines = Vec::new();
        self.print(read, &findings, &mut lines)?;
        self.journal.as_mut().map_or(Ok(()), |journal| journal.add(&wanted.path, tally, lines))
    }

    fn leave_out_told(&mut self, read: &Read, findings: &mut Vec<Finding>) {
        let included = |finding: &Finding| finding.file() != read.main();
        if self.told.is_empty() && !findings.iter().any(included) {
            return;
        }
        findings.retain(|finding| {
            let key = key(read.sources(), finding);
            if included(finding) { self.told.insert(key) } else { !self.told.contains(&key) }
        });
    }

    /// Keeps as many findings as are to be printed.
    fn cut(&mut self, findings: &mut Vec<Finding>) {
        let most = if self.args.statistics { None } else { self.args.max_findings };
        let room = most.map_or(usize::MAX, |most| most.saturating_sub(self.printed));
        self.left_out += findings.len().saturating_sub(room);
        findings.truncate(room);
        self.printed += findings.len();
    }

    fn print(&mut self, read: &Read, findings: &[Finding], out: &mut dyn Write) -> Result<(), Stop> {
        let sources = read.sources();
        if let Some(report) = &mut self.report {
            if let Some(loaded) = read.loaded() {
                let main = loaded.sources.file(loaded.main).path().display().to_string();
                report.draw(&main, &|| graph::of(loaded));
            }
            return Ok(report.add(sources, findings, out)?);
        }
        if self.args.format == Format::Json {
            return Ok(self.json.add(sources, findings, out)?);
        }
        let mut human = Human::new(sources, colour(self.args.shared.color), terminal::width(), terminal::is_screen());
        let (shown, repeats) = match self.args.shared.verbose {
            0 => repeats::split(sources, findings),
            _ => (findings.iter().collect(), Vec::new()),
        };
        for finding in shown {
            writeln!(out, "{}", human.render(finding))?;
        }
        for repeats in &repeats {
            writeln!(out, "{}\n", repeats.tell())?;
        }
        if self.args.shared.verbose > 0 && self.args.format == Format::Human {
            read.loaded().map_or(Ok(()), |loaded| notes(loaded, out))?;
        }
        Ok(())
    }

    /// Prints what comes last, and says how it went.
    ///
    /// # Errors
    /// Output or a baseline that cannot be written.
    pub fn finish(mut self, out: &mut dyn Write) -> Result<Exit, Stop> {
        if let Some(report) = self.report.as_mut().filter(|_| !self.args.diff && self.journal.is_none()) {
            report.end(out)?;
        }
        if let (Some(path), Some(baseline), true) = (&self.args.baseline, &self.baseline, self.args.write_baseline) {
            std::fs::write(path, baseline.print())
                .map_err(|error| Stop::Told(format!("cannot write `{}`: {error}", path.display())))?;
        }
        let fails =
            self.tally.by_severity().iter().any(|&(severity, count)| count > 0 && self.args.fail_on.fails(severity));
        let exit = match (self.trouble, fails) {
            (true, _) => Exit::Trouble,
            (false, true) => Exit::Findings,
            (false, false) => Exit::Clean,
        };
        let left_out = self.left_out;
        self.summary(out)?;
        if left_out > 0 {
            // Behind everything that it speaks of.
            out.flush()?;
            let _ = writeln!(std::io::stderr(), "{left_out} more findings are left out by `--max-findings`");
        }
        Ok(exit)
    }

    /// What the baseline took in or hides.
    fn about_baseline(&self) -> Option<String> {
        let path = self.args.baseline.as_ref()?.display();
        match self.args.write_baseline {
            true => Some(format!("`{path}` now knows {}", findings(self.baseline.as_ref()?.len()))),
            false if self.hidden > 0 => Some(format!("{} more known to `{path}`", findings(self.hidden))),
            false => None,
        }
    }

    fn summary(self, out: &mut dyn Write) -> Result<(), Stop> {
        let Tally { files, directives, infos, warnings, errors } = self.tally;
        match self.args.format {
            _ if self.args.diff => {}
            Format::Json => self.json.end(files, directives, out)?,
            Format::Human if self.args.shared.quiet || (files == 0 && self.trouble) => {}
            Format::Human if files == 0 => {
                writeln!(out, "no redirect configuration found: name a file, or say its language with `--as`")?;
            }
            Format::Human | Format::Plain => {
                writeln!(out, "{}", human::summary(errors, warnings, infos, files, directives))?;
                self.about_baseline().map_or(Ok(()), |told| writeln!(out, "{told}"))?;
                if !self.args.fix && !self.args.unsafe_fixes {
                    human::mendable(self.mendable).map_or(Ok(()), |told| writeln!(out, "{told}"))?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// `n findings`, of which there are some.
fn findings(number: usize) -> String {
    format!("{number} finding{}", if number == 1 { "" } else { "s" })
}

fn count_fixes(findings: &[Finding], applicability: Applicability) -> usize {
    let fixes = findings.iter().filter_map(|finding| finding.fix.as_ref());
    fixes.filter(|fix| fix.applicability == applicability).count()
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
