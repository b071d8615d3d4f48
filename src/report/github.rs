//! Annotations for GitHub's workflow log: `::error file=…,line=…::message`.

use super::{Report, ends, place, shown};
use crate::diagnostic::{Finding, Severity};
use crate::source::Sources;
use std::io::{self, Write};

/// The format; it keeps nothing.
#[derive(Debug, Default)]
pub struct Github;

impl Report for Github {
    fn add(&mut self, sources: &Sources, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
        for finding in findings {
            writeln!(out, "{}", annotation(sources, finding))?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

fn annotation(sources: &Sources, finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let (start, end) = ends(sources, finding.primary.span);
    let file = property(&place(sources.file(finding.file()).path()));
    // The service takes columns for ranges inside one line only.
    let columns = match start.line == end.line {
        true => format!(",col={},endColumn={}", start.column, end.column),
        false => String::new(),
    };
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message = format!("{message}\n{help}");
    }
    let (rule, message) = (property(finding.rule), data(&message));
    format!("::{level} file={file},line={},endLine={}{columns},title={rule}::{message}", start.line, end.line)
}

fn data(text: &str) -> String {
    shown::escape(&text.replace("\r\n", "\n")).replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        let text = crate::report::samples::print(&mut Github);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "::error file=site/a b%2C%25%3A<&.htaccess,line=2,endLine=2,col=1,endColumn=19,title=redirect-loop\
                 ::goes round%0Aremove one of the two",
                "::notice file=site/a b%2C%25%3A<&.htaccess,line=1,endLine=1,col=1,endColumn=7,title=awkward-text\
                 ::100%25, <script>alert('x')</script>%0A:: \\u{1b}[31m\\u{202e}\"&\\u{0}",
            ]
        );
    }
}
