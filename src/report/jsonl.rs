//! One finding a line, as soon as it is known: for programs that read while redirlint still works.

use super::{Report, json, shown};
use crate::diagnostic::Finding;
use crate::source::Sources;
use std::io::{self, Write};

/// The format; it keeps nothing.
#[derive(Debug, Default)]
pub struct Jsonl;

impl Report for Jsonl {
    fn add(&mut self, sources: &Sources, findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
        for finding in findings {
            writeln!(out, "{}", shown::json(&json::finding(sources, finding).to_string()))?;
        }
        out.flush()
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_finding() {
        let text = crate::report::samples::print(&mut Jsonl);
        let rules: Vec<String> = text
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["rule"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(rules, ["redirect-loop", "awkward-text"]);
    }
}
