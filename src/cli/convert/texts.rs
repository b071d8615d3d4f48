//! The source's own words for an emitter: a directive with the conditions that belong to it, and the comments
//! directly above.

use crate::emit::Texts;
use crate::source::{Sources, Span};

/// The words of loaded files.
#[derive(Clone, Copy)]
pub struct Words<'a> {
    /// The files.
    pub sources: &'a Sources,
}

impl Words<'_> {
    fn line(&self, span: Span, number: usize) -> &[u8] {
        let file = self.sources.file(span.file);
        file.line(number).and_then(|range| file.bytes().get(range)).unwrap_or_default()
    }

    /// The first line of the directive: that of its first condition.
    fn first_line(&self, span: Span) -> usize {
        let mut first = self.sources.position(span).line;
        while first > 1 && is_condition(self.line(span, first - 1)) {
            first -= 1;
        }
        first
    }
}

fn is_condition(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    line.get(..11).is_some_and(|word| word.eq_ignore_ascii_case(b"rewritecond"))
}

impl Texts for Words<'_> {
    fn directive(&self, span: Span) -> Vec<u8> {
        let own = self.sources.position(span).line;
        let conditions = (self.first_line(span)..own).map(|number| self.line(span, number).trim_ascii().to_vec());
        let mut lines: Vec<Vec<u8>> = conditions.collect();
        let words = self.sources.text(span);
        let rest = self.line(span, own).trim_ascii();
        // a span may cover the name and words only; one line is never shown by halves
        lines.push(if words.contains(&b'\n') { words.to_vec() } else { rest.to_vec() });
        lines.join(&b'\n')
    }

    fn comments(&self, span: Span) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let mut number = self.first_line(span);
        while number > 1 && out.len() < 40 {
            number -= 1;
            match self.line(span, number).trim_ascii().split_first() {
                Some((b'#', text)) => out.push(text.trim_ascii().to_vec()),
                _ => break,
            }
        }
        out.reverse();
        out
    }
}
