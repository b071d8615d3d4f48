//! What a person or a program reads. Data in, text out; nothing here decides anything.

pub mod changes;
pub mod checkstyle;
pub mod github;
pub mod graph;
pub mod html;
pub mod human;
pub mod json;
pub mod jsonl;
pub mod plain;
pub mod prose;
pub mod repeats;
pub mod sarif;
pub mod shown;
pub mod statistics;

use crate::diagnostic::{Finding, Severity};
use crate::source::{Sources, Span};
use graph::Graph;
use std::io::{self, Write};
use std::path::Path;

/// A report in the making. A run reads several configurations, each with its own files.
pub trait Report {
    /// Adds the findings of one configuration.
    ///
    /// # Errors
    /// Those of the output.
    fn add(&mut self, sources: &Sources, findings: &[Finding], out: &mut dyn Write) -> io::Result<()>;

    /// Shows where the redirects of one configuration lead, in a report that has room for pictures.
    fn draw(&mut self, _name: &str, _graph: &dyn Fn() -> Graph) {}

    /// Nothing more will come.
    ///
    /// # Errors
    /// Those of the output.
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// The word for a severity.
pub fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}

/// A path for other programs: forward slashes, no `./` in front.
pub fn place(path: &Path) -> String {
    let text = path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    text.trim_start_matches("./").to_owned()
}

/// First and last place of a span, as people count.
fn ends(sources: &Sources, span: Span) -> (crate::source::Position, crate::source::Position) {
    let file = sources.file(span.file);
    (file.position(span.start as usize), file.position(span.end as usize))
}

#[cfg(test)]
pub(crate) mod samples;
