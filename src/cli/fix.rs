//! `check --fix`, `--unsafe-fixes` and `--diff`: fixes, the proof that they keep the answers, and the writing.

use super::args::CheckArgs;
use super::disk::Disk;
use super::input::{self, Loaded, Wanted};
use super::select::Selection;
use super::{Stop, complain, replace};
use crate::analysis::compare;
use crate::diagnostic::{Applicability, Finding};
use crate::eval::follow::{Hop, Limits, follow, request_for};
use crate::eval::{Assumed, Request};
use crate::fix::converge::{ROUNDS, Texts};
use crate::fix::{End, Level, Outcome, Site, converge};
use crate::source::{Sources, Span};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Fixes one configuration. Returns whether everything went well; what did not is told on standard error.
///
/// # Errors
/// A configuration that cannot be read, or output that cannot be written.
pub fn run(wanted: &Wanted, args: &CheckArgs, selection: &Selection, out: &mut dyn Write) -> Result<bool, Stop> {
    if wanted.path.as_os_str() == "-" {
        return Err(Stop::Told("standard input cannot be fixed in place: name a file".to_owned()));
    }
    let here = PathBuf::from(".");
    let roots = if args.paths.is_empty() { vec![here] } else { args.paths.clone() };
    let mut work = Work { wanted, args, selection, roots };
    let level = if args.unsafe_fixes { Level::Unsafe } else { Level::Safe };
    let outcome = converge(&mut work, level).map_err(|stopped| stopped.0)?;
    tell(&outcome);
    if args.diff {
        diffs(&outcome, out)?;
        return Ok(true);
    }
    let mut well = true;
    for (path, text) in &outcome.texts {
        let read = outcome.originals.get(path).map(Vec::as_slice).unwrap_or_default();
        match replace::replace(path, read, text) {
            Ok(()) => {
                let fixes = outcome.applied.iter().filter(|change| change.path == *path).count();
                told(&format!("fixed: {} ({fixes} change{})", path.display(), if fixes == 1 { "" } else { "s" }));
            }
            Err(message) => {
                complain(&message);
                well = false;
            }
        }
    }
    Ok(well)
}

fn told(message: &str) {
    let _ = writeln!(std::io::stderr(), "{}", crate::report::shown::escape(message));
}

fn tell(outcome: &Outcome) {
    for (change, why) in &outcome.refused {
        told(&format!("not fixed: {}:{}: {}: {why}", change.path.display(), change.line, change.rule));
    }
    for change in &outcome.outside {
        let place = format!("{}:{}", change.path.display(), change.line);
        told(&format!("not fixed: {place}: {}: the file lies outside the given paths", change.rule));
    }
    match &outcome.end {
        End::Settled => {}
        End::Oscillates(rules) => told(&format!("stopped: the fixes of {} undo each other", rules.join(", "))),
        End::Limit => told(&format!("stopped after {ROUNDS} rounds: run it again for the rest")),
    }
}

fn diffs(outcome: &Outcome, out: &mut dyn Write) -> std::io::Result<()> {
    for (path, new) in &outcome.texts {
        let old = outcome.originals.get(path).map(Vec::as_slice).unwrap_or_default();
        let name = latin1(crate::report::place(path).as_bytes());
        let (old, new) = (latin1(old), latin1(new));
        let diff = similar::TextDiff::from_lines(old.as_str(), new.as_str());
        let text = diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string();
        let bytes: Vec<u8> = text.chars().map(|letter| u8::try_from(letter).unwrap_or(b'?')).collect();
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// One character per byte and back again: the library compares text, and a configuration is bytes.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

struct Work<'a> {
    wanted: &'a Wanted,
    args: &'a CheckArgs,
    selection: &'a Selection,
    roots: Vec<PathBuf>,
}

/// Why a look stopped.
struct Stopped(Stop);

impl Work<'_> {
    fn load(&self, texts: &Texts) -> Result<Option<Loaded>, Stop> {
        input::load_over(self.wanted, &self.args.shared, texts)
    }

    fn findings(&self, loaded: &Loaded) -> Vec<Finding> {
        loaded.findings(self.selection)
    }
}

impl Site for Work<'_> {
    type Error = Stopped;

    fn look(&mut self, texts: &Texts) -> Result<(Sources, Vec<Finding>), Stopped> {
        let Some(loaded) = self.load(texts).map_err(Stopped)? else { return Ok((Sources::new(), Vec::new())) };
        let findings = self.findings(&loaded);
        Ok((loaded.sources, findings))
    }

    fn may_edit(&self, path: &Path) -> bool {
        replace::inside(path, &self.roots)
    }

    fn keeps(&mut self, before: &Texts, after: &Texts, fixed: &[&Finding]) -> Result<(), String> {
        let load = |texts| self.load(texts).ok().flatten().ok_or("the file could not be read again".to_owned());
        let (old, new) = (load(before)?, load(after)?);
        let broken = |loaded: &Loaded| {
            let errors: usize = loaded.lowered.trees.iter().map(|tree| tree.errors.len()).sum();
            errors + loaded.lowered.program.refusals.len()
        };
        if broken(&new) > broken(&old) {
            return Err("the server would refuse the changed file".to_owned());
        }
        if fixed.iter().any(|finding| finding.fix.as_ref().is_some_and(|fix| fix.applicability != Applicability::Safe))
        {
            // The user asked for a change of answers; only the loading is held to.
            return Ok(());
        }
        let touched: Vec<Span> = fixed.iter().flat_map(|finding| touched(finding)).collect();
        for request in requests(&old, &self.findings(&old)) {
            let (one, other) = (hops(&old, &request), hops(&new, &request));
            let complained = one.iter().any(|hop| hop.answer.cause.is_some_and(|cause| meets(cause, &touched)));
            if !complained && told_of(&one) != told_of(&other) {
                let (method, url) = (String::from_utf8_lossy(&request.method), one.first().map(|hop| hop.url.clone()));
                let url = String::from_utf8_lossy(url.as_deref().unwrap_or_default()).into_owned();
                return Err(format!("it would also change what `{method} {url}` gets"));
            }
        }
        Ok(())
    }
}

/// What the fixes of a finding change, and what it complains of.
fn touched(finding: &Finding) -> impl Iterator<Item = Span> {
    let edits = finding.fix.iter().flat_map(|fix| fix.edits.iter().map(|edit| edit.span));
    std::iter::once(finding.primary.span).chain(edits)
}

fn meets(span: Span, others: &[Span]) -> bool {
    others.iter().any(|other| other.file == span.file && other.start < span.end && span.start < other.end)
}

/// Requests for every route and its edges, and those that findings show.
fn requests(loaded: &Loaded, findings: &[Finding]) -> Vec<Request> {
    let witnesses = findings.iter().filter_map(|finding| finding.witness.as_ref());
    let shown = witnesses.filter_map(|witness| {
        let mut request = request_for(&witness.url)?;
        request.method = witness.method.as_bytes().into();
        let headers = witness.headers.iter().map(|(name, value)| (name.as_bytes().into(), value.as_slice().into()));
        request.headers.extend(headers);
        Some(request)
    });
    let routed = compare::requests(&loaded.facts()).into_iter().map(|ask| ask.request);
    shown.chain(routed).collect()
}

/// Where a request leads.
fn hops(loaded: &Loaded, request: &Request) -> Vec<Hop> {
    let world = Disk::new(loaded.options.real_files, Assumed::default());
    follow(&loaded.lowered.program, &world, request.clone(), Limits::default()).hops
}

/// Status and place of every hop.
fn told_of(hops: &[Hop]) -> Vec<(Option<u16>, Option<&[u8]>)> {
    hops.iter().map(|hop| (hop.answer.status, hop.answer.location.as_deref())).collect()
}
