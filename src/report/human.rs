//! Findings for a person: the source line, the words meant, what to do, and the request that proves it.

use super::shown::{Shown, escape, escape_bytes, one_line};
use crate::diagnostic::{Finding, Label, Severity, Witness};
use crate::source::{FileId, Sources, Span};
use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, NarratableReportHandler,
    SourceCode, SourceSpan,
};
use std::collections::HashMap;
use std::fmt::{self, Write};
use std::ops::Range;
use std::sync::Arc;

/// Renders findings of one store of files.
#[derive(Debug)]
pub struct Human<'a> {
    sources: &'a Sources,
    shown: HashMap<FileId, Arc<Shown>>,
    handler: Handler,
    /// Columns there are for a line of source.
    columns: usize,
}

#[derive(Debug)]
enum Handler {
    Drawn(Box<GraphicalReportHandler>),
    Told(NarratableReportHandler),
}

impl Handler {
    /// Whether the handler tells a label well: the one without drawings tells labels of other lines at the wrong place.
    fn tells(&self, view: &View, finding: &Finding, related: &Label) -> bool {
        let line = |span: Span| view.shown.line_of(view.offset(span.start));
        matches!(self, Self::Drawn(_)) || line(finding.primary.span).abs_diff(line(related.span)) <= 1
    }

    fn render(&self, out: &mut String, report: &Report) -> fmt::Result {
        match self {
            Self::Drawn(handler) => handler.render_report(out, report),
            Self::Told(handler) => handler.render_report(out, report),
        }
    }
}

impl<'a> Human<'a> {
    /// A renderer for a screen of `width` columns; where it is one, lines of source are cut to fit.
    pub fn new(sources: &'a Sources, colour: bool, width: usize, screen: bool) -> Self {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler =
            GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false).with_context_lines(1);
        let columns = if screen { width.saturating_sub(MARGIN).max(MARGIN) } else { usize::MAX };
        Self { sources, shown: HashMap::new(), handler: Handler::Drawn(Box::new(handler)), columns }
    }

    /// A renderer that tells in sentences what the other one draws.
    pub fn narrated(sources: &'a Sources) -> Self {
        let handler = NarratableReportHandler::new().with_context_lines(1);
        Self { sources, shown: HashMap::new(), handler: Handler::Told(handler), columns: usize::MAX }
    }

    /// One finding as text that ends in a line feed.
    pub fn render(&mut self, finding: &Finding) -> String {
        let file = finding.primary.span.file;
        let view = self.view(finding.primary.span);
        let mut labels = vec![self.label(&view, &finding.primary, true)];
        let mut elsewhere = String::new();
        for related in &finding.related {
            if related.span.file == file && view.holds(related.span) && self.handler.tells(&view, finding, related) {
                labels.push(self.label(&view, related, false));
            } else {
                let place = self.sources.position(related.span);
                let path = self.sources.file(related.span.file).path().display().to_string();
                let _ = write!(elsewhere, "\n{}:{}: {}", one_line(&path), place.line, escape(&related.message));
            }
        }
        let report = Report {
            message: escape(&finding.message),
            rule: finding.rule,
            severity: finding.severity,
            help: help(finding, &elsewhere),
            code: Code { name: one_line(&self.sources.file(file).path().display().to_string()), view },
            labels,
        };
        let mut out = String::new();
        // Writing to a string fails only where a place lies outside its file; the message then still tells.
        if self.handler.render(&mut out, &report).is_err() {
            out = format!("{}: {}\n", finding.rule, report.message);
        }
        out
    }

    fn label(&self, view: &View, label: &Label, primary: bool) -> LabeledSpan {
        let shown = &view.shown;
        let (start, end) = (view.offset(label.span.start), view.offset(label.span.end));
        // Only the first line of something long: a whole block would hide the words meant.
        let text = shown.text.get(start..end).unwrap_or_default();
        let text = text.lines().next().unwrap_or_default();
        let message = (!label.message.is_empty()).then(|| escape(&label.message));
        let before = shown.lines.get(shown.line_of(start)).and_then(|line| shown.text.get(*line..start));
        let most = message.as_ref().map_or(usize::MAX, |message| self.room(before.unwrap_or_default(), message));
        let length = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
        let span = SourceSpan::new(start.into(), length);
        if primary {
            LabeledSpan::new_primary_with_span(message, span)
        } else {
            LabeledSpan::new_with_span(message, span)
        }
    }

    /// Letters that may be underlined behind these: the message hangs at the middle of the line under them, and ends
    /// beyond the screen where that is far to the right.
    fn room(&self, before: &str, message: &str) -> usize {
        let taken = before.chars().count() + HOOK + message.chars().count();
        self.columns.saturating_sub(taken).saturating_mul(2).max(1)
    }

    /// The file; or, where a line is too long for any screen, the piece of that line around the place.
    fn view(&mut self, at: Span) -> View {
        let file = self.sources.file(at.file);
        let line = file.position(at.start as usize).line;
        let lines =
            [line.checked_sub(1), Some(line), line.checked_add(1)].map(|line| line.and_then(|line| file.line(line)));
        let room = self.columns.min(LONGEST / 2);
        let whole = file.line(line).unwrap_or(0..0);
        let in_sight = whole.len() < self.columns || (at.start as usize) < whole.start + room * 2 / 3;
        if in_sight && lines.iter().flatten().all(|line| line.len() <= LONGEST) {
            return View { shown: self.shown(at.file), bytes: 0..file.bytes().len(), line: 0, column: 0 };
        }
        let start = (at.start as usize).saturating_sub(room * 2 / 5).max(whole.start);
        let bytes = start..(start + room).min(whole.end);
        let mut shown = Shown::new(file.bytes().get(bytes.clone()).unwrap_or_default());
        if bytes.end < whole.end {
            shown.text.push('…');
        }
        View { shown: Arc::new(shown), line: line - 1, column: start - whole.start, bytes }
    }

    fn shown(&mut self, file: FileId) -> Arc<Shown> {
        let (sources, columns) = (self.sources, self.columns);
        let shown = || Arc::new(Shown::fitted(sources.file(file).bytes(), columns));
        Arc::clone(self.shown.entry(file).or_insert_with(shown))
    }
}

/// `2 errors, 1 warning in 3 files, 120 directives`.
pub fn summary(errors: usize, warnings: usize, infos: usize, files: usize, directives: usize) -> String {
    let count = |number: usize, one: &str| format!("{number} {one}{}", if number == 1 { "" } else { "s" });
    let mut found: Vec<String> = Vec::new();
    for (number, one) in [(errors, "error"), (warnings, "warning"), (infos, "note")] {
        if number > 0 {
            found.push(count(number, one));
        }
    }
    let found = if found.is_empty() { "nothing to complain of".to_owned() } else { found.join(", ") };
    format!("{found} in {}, {}", count(files, "file"), count(directives, "directive"))
}

/// `--fix mends 3 of them, --unsafe-fixes 2 more`; `None` where there is nothing to mend.
pub fn mendable([safe, unsafely]: [usize; 2]) -> Option<String> {
    match (safe, unsafely) {
        (0, 0) => None,
        (safe, 0) => Some(format!("`--fix` mends {safe} of them")),
        (0, unsafely) => Some(format!("`--unsafe-fixes` mends {unsafely} of them; look at `--diff` first")),
        (safe, unsafely) => {
            Some(format!("`--fix` mends {safe} of them, `--unsafe-fixes` {unsafely} more; look at `--diff` first"))
        }
    }
}

/// Columns in front of a line of source: its number and the frame.
const MARGIN: usize = 8;
/// Columns between the middle of an underlined piece and its message: `╰── `.
const HOOK: usize = 4;
/// Lines beyond so many bytes are shown in part.
const LONGEST: usize = 600;

/// What is shown of a file.
struct View {
    shown: Arc<Shown>,
    /// The bytes of the file that are shown.
    bytes: Range<usize>,
    /// Line, from 0, of the first byte shown, and its byte column.
    line: usize,
    column: usize,
}

impl View {
    fn holds(&self, span: Span) -> bool {
        self.bytes.start <= span.start as usize && span.start as usize <= self.bytes.end
    }

    fn offset(&self, byte: u32) -> usize {
        self.shown.offset((byte as usize).saturating_sub(self.bytes.start))
    }
}

fn help(finding: &Finding, elsewhere: &str) -> Option<String> {
    let mut parts: Vec<String> = finding.help.iter().map(|help| escape(help)).collect();
    parts.extend(finding.witness.as_ref().map(witness));
    if !elsewhere.is_empty() {
        parts.push(elsewhere.trim_start().to_owned());
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// The request and its answers, and a line that replays it.
fn witness(witness: &Witness) -> String {
    let mut told = format!("{} {}", escape(&witness.method), escape_bytes(&witness.url));
    for observed in &witness.observed {
        let status = observed.status.map_or("content".to_owned(), |status| status.to_string());
        let _ = write!(told, " -> {status}");
        if let Some(location) = &observed.location {
            let _ = write!(told, " {}", escape_bytes(location));
        }
    }
    for assumption in &witness.assumptions {
        let _ = write!(told, "\nassuming {}", escape(assumption));
    }
    let _ = write!(told, "\n{}", curl(witness));
    told
}

fn curl(witness: &Witness) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let mut line = "curl -sI".to_owned();
    if witness.method != "GET" {
        let _ = write!(line, " -X {}", quoted(&escape(&witness.method)));
    }
    for (name, value) in &witness.headers {
        let _ = write!(line, " -H {}", quoted(&format!("{}: {}", escape(name), escape_bytes(value))));
    }
    let _ = write!(line, " {}", quoted(&escape_bytes(&witness.url)));
    line
}

struct Report {
    message: String,
    rule: &'static str,
    severity: Severity,
    help: Option<String>,
    code: Code,
    labels: Vec<LabeledSpan>,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.rule))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Info => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

/// A file that finds its lines by index: miette's own would read it from the start for every finding.
struct Code {
    name: String,
    view: View,
}

impl SourceCode for Code {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, MietteError> {
        let shown = &self.view.shown;
        let first = shown.line_of(span.offset()).saturating_sub(before);
        let last = shown.line_of(span.offset() + span.len()) + after;
        let start = shown.lines.get(first).copied().unwrap_or_default();
        let end = shown.lines.get(last + 1).copied().unwrap_or(shown.text.len());
        let data = shown.text.as_bytes().get(start..end).ok_or(MietteError::OutOfBounds)?;
        let place = SourceSpan::new(start.into(), end - start);
        let lines = last.min(shown.lines.len()) - first;
        let (line, column) = (self.view.line + first, self.view.column);
        Ok(Box::new(MietteSpanContents::new_named(self.name.clone(), data, place, line, column, lines)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_at_a_piece_far_to_the_right_ends_within_the_screen() {
        let mut sources = Sources::new();
        let text = "    add_header Strict-Transport-Security \"max-age=63072000\";\n    return 301 /a;\n";
        let file = sources.add("nginx.conf", text.as_bytes().to_vec());
        let mut finding = Finding::new("rule", Severity::Info, "m", Span::new(file, text.len() - 15, text.len() - 1));
        finding.related.push(Label::new(Span::new(file, 4, 60), "is not inherited by this one"));
        for width in [50, 60, 80] {
            let told = Human::new(&sources, false, width, true).render(&finding);
            assert!(told.lines().all(|line| line.chars().count() <= width), "{width}:\n{told}");
        }
    }
}
