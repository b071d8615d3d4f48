//! `redirlint check`: every configuration that the paths stand for, and what is wrong with it.
//!
//! The unit of work is a site: a main file with all that it includes, or a `.htaccess` with those below it. Sites
//! know nothing of each other, so they are checked side by side ([`pool`]) and told in the order in which they were
//! named ([`totals`]).

pub mod alone;
pub mod journal;
pub mod listed;
mod memo;
pub mod pool;
pub mod progress;
pub mod totals;

use super::args::CheckArgs;
use super::input::{self, Loaded, Wanted};
use super::select::Selection;
use super::{Exit, Stop, fix};
use crate::diagnostic::Finding;
use crate::source::{FileId, Sources};
use alone::{Alone, Verdict};
use std::io::Write;
use totals::Totals;

/// A site and what is wrong with it.
pub struct Checked {
    /// How it was named.
    pub wanted: Wanted,
    /// What was read of it.
    pub read: Read,
    /// What is wrong, in the order of the text.
    pub findings: Vec<Finding>,
}

/// What was read of a site.
pub enum Read {
    /// Its files and what they mean.
    Site(Box<Loaded>),
    /// A file that stands alone, of whose text everything is known.
    Alone {
        /// The file.
        sources: Sources,
        /// Directives in it.
        directives: usize,
    },
}

impl Read {
    /// The files.
    pub fn sources(&self) -> &Sources {
        match self {
            Self::Site(loaded) => &loaded.sources,
            Self::Alone { sources, .. } => sources,
        }
    }

    /// How many directives there are.
    pub fn directives(&self) -> usize {
        match self {
            Self::Site(loaded) => loaded.lowered.trees.iter().map(|tree| tree.directives().count()).sum(),
            Self::Alone { directives, .. } => *directives,
        }
    }

    /// What the files mean, where that was kept.
    pub fn loaded(&self) -> Option<&Loaded> {
        match self {
            Self::Site(loaded) => Some(loaded),
            Self::Alone { .. } => None,
        }
    }

    /// The first file.
    pub fn main(&self) -> FileId {
        self.loaded().map_or(FileId(0), |loaded| loaded.main)
    }
}

/// What checking comes to; nothing for a searched file in no known language.
type Outcome = Result<Option<Checked>, String>;

/// Runs the command.
///
/// # Errors
/// An unknown rule, or output that cannot be written. Files that cannot be read are told on standard error
/// and make the exit code 2, while the others are still checked.
pub fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let selection = Selection::new(&args.select, &args.ignore)?;
    let mut totals = Totals::new(args)?;
    let done = totals.done();
    let sites = listed::sites(args)?.filter(|site| !site.as_ref().is_ok_and(&done));
    if args.fix || args.unsafe_fixes || args.diff {
        mend(args, &selection, sites, &mut totals, out)?;
        return totals.finish(out);
    }
    let mut progress = progress::Progress::default();
    let alone = Alone::new(args);
    let work = |site: listed::Site| {
        site.and_then(|wanted| match alone.as_ref().and_then(|alone| alone.check(&wanted)) {
            Some(verdict) => Ok(Some(known(&selection, wanted, verdict))),
            None => check(args, &selection, wanted),
        })
    };
    pool::in_order(sites, work, |outcome| {
        progress.step();
        take(outcome, &mut totals, out)
    })?;
    progress.end();
    totals.finish(out)
}

fn check(args: &CheckArgs, selection: &Selection, wanted: Wanted) -> Outcome {
    let loaded = input::load(&wanted, &args.shared).map_err(|stop| stop.to_string())?;
    Ok(loaded.map(|loaded| Checked { wanted, findings: loaded.findings(selection), read: Read::Site(loaded.into()) }))
}

fn known(selection: &Selection, wanted: Wanted, verdict: Verdict) -> Checked {
    let Verdict { sources, config, known, findings } = verdict;
    let findings = input::asked_for(findings, &sources, &config, selection);
    Checked { wanted, findings, read: Read::Alone { sources, directives: known.directives } }
}

fn take(outcome: Outcome, totals: &mut Totals<'_>, out: &mut dyn Write) -> Result<(), Stop> {
    match outcome {
        Ok(Some(checked)) => totals.add(checked, out),
        Ok(None) => Ok(()),
        Err(why) => {
            totals.trouble(&why);
            Ok(())
        }
    }
}

/// One site after the other: a file that several of them include is mended once, before it is read again.
fn mend(
    args: &CheckArgs,
    selection: &Selection,
    sites: impl Iterator<Item = listed::Site>,
    totals: &mut Totals<'_>,
    out: &mut dyn Write,
) -> Result<(), Stop> {
    for site in sites {
        let wanted = match site {
            Ok(wanted) if totals.has_read(&wanted) => continue,
            Ok(wanted) => wanted,
            Err(why) => {
                totals.trouble(&why);
                continue;
            }
        };
        match fix::run(&wanted, args, selection, out) {
            Ok(true) => {}
            Ok(false) => totals.failed(),
            Err(stop) => totals.trouble(&stop.to_string()),
        }
        take(check(args, selection, wanted), totals, out)?;
    }
    Ok(())
}
