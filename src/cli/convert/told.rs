//! What a conversion comes to, for people on standard error: what is alike is told together.

use super::report::{Report, words};
use crate::cli::Stop;
use crate::cli::args::Shared;
use crate::emit::{Fate, Refusal};
use crate::report::shown;
use crate::source::{Sources, Span};
use std::collections::BTreeMap;
use std::io::{StderrLock, Write};

/// Places of one kind that are named; how many more there are is told as a number.
const NAMED: usize = 5;

/// Writes the report.
///
/// # Errors
/// Where standard error cannot be written.
pub fn tell(report: &Report, sources: &Sources, shared: &Shared) -> Result<(), Stop> {
    let named = if shared.verbose > 0 { usize::MAX } else { NAMED };
    let mut out = Teller { sources, named, err: std::io::stderr().lock() };
    out.left_out(report)?;
    if !shared.quiet {
        out.assumed(report)?;
    }
    for (span, difference) in &report.changed {
        out.line(&format!("changed: {}: {}", out.place(*span), words(difference)))?;
    }
    if let Some(proof) = report.proof.as_ref().filter(|_| !shared.quiet) {
        let (asked, of) = proof.routes;
        let sample = match asked < of {
            true => format!(" (a sample: {asked} of {of} redirects, evenly spread over those of one kind)"),
            false => String::new(),
        };
        out.line(&format!(
            "verified: {} requests, {} answered differently{sample}",
            proof.requests,
            proof.differences.len()
        ))?;
    }
    Ok(())
}

struct Teller<'a> {
    sources: &'a Sources,
    named: usize,
    err: StderrLock<'static>,
}

impl Teller<'_> {
    fn left_out(&mut self, report: &Report) -> Result<(), Stop> {
        let mut groups: BTreeMap<&str, (Vec<Span>, &Refusal)> = BTreeMap::new();
        for verdict in &report.emitted.verdicts {
            if let Fate::LeftOut(why) = &verdict.fate {
                groups.entry(&why.reason).or_insert((Vec::new(), why)).0.push(verdict.span);
            }
        }
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|(spans, _)| spans.first().copied());
        for (spans, why) in groups {
            self.line(&format!("left out: {}: {}", self.places(&spans), why.reason))?;
            if let Some(by_hand) = &why.by_hand {
                self.line(&format!("  by hand: {by_hand}"))?;
            }
        }
        Ok(())
    }

    fn assumed(&mut self, report: &Report) -> Result<(), Stop> {
        let mut groups: BTreeMap<_, Vec<Span>> = BTreeMap::new();
        for verdict in &report.emitted.verdicts {
            if let Fate::Assuming(assumption) = verdict.fate {
                groups.entry(assumption).or_default().push(verdict.span);
            }
        }
        for (assumption, spans) in groups {
            self.line(&format!("assumed: {}: {}", self.places(&spans), assumption.words()))?;
        }
        Ok(())
    }

    fn line(&mut self, text: &str) -> Result<(), Stop> {
        Ok(writeln!(self.err, "{}", shown::escape(text))?)
    }

    fn place(&self, span: Span) -> String {
        format!("{}:{}", self.sources.file(span.file).path().display(), self.sources.position(span).line)
    }

    fn places(&self, spans: &[Span]) -> String {
        let named: Vec<String> = spans.iter().take(self.named).map(|span| self.place(*span)).collect();
        match spans.len().saturating_sub(named.len()) {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}
