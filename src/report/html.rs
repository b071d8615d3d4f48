//! One page that needs no network: the findings in their source, for people who were sent a file.
//!
//! Everything that comes from a configuration is written out by [`shown`] and escaped by the template engine.

use super::changes::changes;
use super::graph::{Graph, page};
use super::shown::{escape, escape_bytes};
use super::{Report, ends, word};
use crate::diagnostic::{Applicability, Finding, Fix, Witness};
use crate::source::{Sources, Span};
use minijinja::value::Serde;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

const TEMPLATE: &str = include_str!("html.html");
/// Lines shown before and behind a finding.
const AROUND: usize = 2;
/// Characters of a line that are shown; a minified file must not fill the page.
const WIDEST: usize = 400;

/// The page in the making: findings by file.
#[derive(Debug, Default)]
pub struct Html {
    files: BTreeMap<String, Vec<Card>>,
    rules: BTreeSet<&'static str>,
    counts: BTreeMap<&'static str, usize>,
    graphs: Vec<(String, Vec<page::GroupView>)>,
}

/// A sentence in pieces: every second one stood between back-quotes.
type Prose = Vec<String>;

#[derive(Debug, Serialize)]
struct Page<'a> {
    files: &'a BTreeMap<String, Vec<Card>>,
    rules: &'a BTreeSet<&'static str>,
    total: usize,
    severities: [(&'static str, usize); 3],
    graphs: &'a [(String, Vec<page::GroupView>)],
    legend: Vec<page::Entry>,
    version: &'static str,
}

#[derive(Debug, Serialize)]
struct Card {
    rule: &'static str,
    severity: &'static str,
    message: Prose,
    line: usize,
    column: usize,
    help: Option<Prose>,
    lines: Vec<Line>,
    related: Vec<Elsewhere>,
    hops: Vec<String>,
    assumptions: Vec<String>,
    fix: Option<Repair>,
}

#[derive(Debug, Serialize)]
struct Line {
    number: usize,
    before: String,
    meant: String,
    after: String,
}

#[derive(Debug, Serialize)]
struct Elsewhere {
    place: String,
    message: String,
    text: String,
}

#[derive(Debug, Serialize)]
struct Repair {
    kind: &'static str,
    message: Prose,
    lines: Vec<Changed>,
}

/// A line that goes or comes.
#[derive(Debug, Serialize)]
struct Changed {
    number: Option<usize>,
    gone: bool,
    text: String,
}

impl Report for Html {
    fn add(&mut self, sources: &Sources, findings: &[Finding], _: &mut dyn Write) -> io::Result<()> {
        for finding in findings {
            let path = escape(&sources.file(finding.file()).path().display().to_string());
            self.rules.insert(finding.rule);
            *self.counts.entry(word(finding.severity)).or_default() += 1;
            self.files.entry(path).or_default().push(card(sources, finding));
        }
        Ok(())
    }

    fn draw(&mut self, name: &str, graph: &dyn Fn() -> Graph) {
        let groups = page::groups(&graph(), 0);
        if !groups.is_empty() {
            self.graphs.push((escape(name), groups));
        }
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut environment = minijinja::Environment::new();
        // The name's ending switches escaping on.
        environment.add_template("report.html", TEMPLATE).map_err(io::Error::other)?;
        let template = environment.get_template("report.html").map_err(io::Error::other)?;
        let total: usize = self.counts.values().sum();
        let count = |word: &str| self.counts.get(word).copied().unwrap_or_default();
        let severities = ["error", "warning", "info"].map(|word| (word, count(word)));
        let (files, rules, version) = (&self.files, &self.rules, env!("CARGO_PKG_VERSION"));
        let (graphs, legend) = (self.graphs.as_slice(), page::legend());
        let page = template.render(Serde(Page { files, rules, total, severities, graphs, legend, version }));
        writeln!(out, "{}", page.map_err(io::Error::other)?)
    }
}

fn card(sources: &Sources, finding: &Finding) -> Card {
    let (start, _) = ends(sources, finding.primary.span);
    let related = finding.related.iter().map(|label| {
        let (place, _) = ends(sources, label.span);
        let path = sources.file(label.span.file).path().display().to_string();
        let file = sources.file(label.span.file);
        let line = file.line(place.line).and_then(|range| file.bytes().get(range)).unwrap_or_default();
        Elsewhere {
            place: escape(&format!("{path}:{}", place.line)),
            message: escape(&label.message),
            text: cut(&escape_bytes(line)),
        }
    });
    Card {
        rule: finding.rule,
        severity: word(finding.severity),
        message: prose(&finding.message),
        line: start.line,
        column: start.column,
        help: finding.help.as_deref().map(prose),
        lines: lines(sources, finding.primary.span),
        related: related.collect(),
        hops: finding.witness.as_ref().map(hops).unwrap_or_default(),
        assumptions: finding.witness.iter().flat_map(|witness| &witness.assumptions).map(|said| escape(said)).collect(),
        fix: finding.fix.as_ref().map(|fix| repair(sources, fix)),
    }
}

/// The lines around a span, each cut into what stands before the words meant, the words, and what follows.
fn lines(sources: &Sources, span: Span) -> Vec<Line> {
    let file = sources.file(span.file);
    let first = file.position(span.start as usize).line;
    // A whole block would hide what stands around it: the first lines name it well enough.
    let last = file.position(span.end as usize).line.min(first + AROUND);
    let piece = |from: usize, to: usize| {
        let text = file.bytes().get(from..to.max(from)).unwrap_or_default();
        cut(&escape_bytes(text.strip_suffix(b"\r").unwrap_or(text)))
    };
    let shown = first.saturating_sub(AROUND).max(1)..=last + AROUND;
    shown
        .filter_map(|number| {
            let range = file.line(number)?;
            let from = (span.start as usize).clamp(range.start, range.end);
            let to = (span.end as usize).clamp(range.start, range.end);
            Some(Line { number, before: piece(range.start, from), meant: piece(from, to), after: piece(to, range.end) })
        })
        .collect()
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Answers shown; a loop has as many as a client puts up with.
const HOPS: usize = 8;

/// The request, then one line per answer.
fn hops(witness: &Witness) -> Vec<String> {
    let request = format!("{} {}", escape(&witness.method), escape_bytes(&witness.url));
    let headers = witness.headers.iter().map(|(name, value)| format!("{}: {}", escape(name), escape_bytes(value)));
    let answers = witness.observed.iter().map(|seen| {
        let status = seen.status.map_or("content".to_owned(), |status| status.to_string());
        format!("→ {status} {}", seen.location.as_deref().map(escape_bytes).unwrap_or_default())
    });
    let more = witness.observed.len().saturating_sub(HOPS);
    let rest = (more > 0).then(|| format!("… and {more} more"));
    std::iter::once(request).chain(headers).chain(answers.take(HOPS)).chain(rest).collect()
}

fn repair(sources: &Sources, fix: &Fix) -> Repair {
    let kind = match fix.applicability {
        Applicability::Safe => "safe fix",
        Applicability::Unsafe => "fix to confirm",
        Applicability::Display => "suggestion",
    };
    let mut lines = Vec::new();
    for change in changes(sources, fix) {
        let text = |line: &Vec<u8>| cut(&escape_bytes(line));
        let gone = change.old.iter().enumerate().map(|(at, line)| (Some(change.line + at), true, text(line)));
        let new = change.new.iter().map(|line| (None, false, text(line)));
        lines.extend(gone.chain(new).map(|(number, gone, text)| Changed { number, gone, text }));
    }
    Repair { kind, message: prose(&fix.message), lines }
}

/// Cuts a sentence at its back-quotes; one that stands alone is text.
fn prose(text: &str) -> Prose {
    let pieces: Vec<String> = text.split('`').map(escape).collect();
    if pieces.len() % 2 == 1 { pieces } else { vec![escape(text)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_no_text_of_a_configuration_as_markup_or_as_steering_characters() {
        let page = crate::report::samples::print(&mut Html::default());
        assert!(page.contains("&lt;script&gt;alert(") && !page.contains("<script>alert"), "{page}");
        assert!(page.contains("\\u{202e}") && !page.contains('\u{202e}'));
        assert!(page.chars().all(|letter| letter == '\n' || !letter.is_control()));
    }

    #[test]
    fn the_page_loads_nothing_from_a_network() {
        let page = crate::report::samples::print(&mut Html::default());
        for loading in ["src=", "href=", "@import", "url(", "fetch("] {
            assert!(!page.contains(loading), "{loading}");
        }
    }

    #[test]
    fn the_words_meant_are_marked_in_their_lines() {
        let page = crate::report::samples::print(&mut Html::default());
        assert!(page.contains("<mark>Redirect 301 &#x2f;a &#x2f;b</mark>"), "{page}");
    }
}
