//! Findings told in sentences, without drawings or colour: for screen readers, braille and logs.

use super::Report;
use super::human::Human;
use crate::diagnostic::Finding;
use crate::source::Sources;
use std::io::{self, Write};

/// The format; it keeps nothing.
#[derive(Debug, Default)]
pub struct Plain;

impl Report for Plain {
    fn add(&mut self, sources: &Sources, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
        let mut told = Human::narrated(sources);
        findings.iter().try_for_each(|finding| writeln!(out, "{}", told.render(finding)))
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_told_without_drawings() {
        let text = crate::report::samples::print(&mut Plain);
        assert!(text.contains("goes round") && text.contains("line 2"), "{text}");
        assert!(text.chars().all(|letter| letter == '\n' || (letter.is_ascii() && !letter.is_control())), "{text}");
    }
}
