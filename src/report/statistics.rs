//! How often each rule found something, the most frequent first.

use super::{Report, word};
use crate::diagnostic::{Finding, Severity};
use crate::source::Sources;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The counts.
#[derive(Debug, Default)]
pub struct Statistics {
    rules: BTreeMap<&'static str, (usize, usize, Option<Severity>)>,
}

impl Report for Statistics {
    fn add(&mut self, _: &Sources, findings: &[Finding], _: &mut dyn Write) -> io::Result<()> {
        for finding in findings {
            let (count, fixable, worst) = self.rules.entry(finding.rule).or_default();
            *count += 1;
            *fixable += usize::from(finding.fix.is_some());
            *worst = (*worst).max(Some(finding.severity));
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|(rule, (count, ..))| (std::cmp::Reverse(*count), **rule));
        let digits = rules.first().map_or(1, |(_, (count, ..))| count.to_string().len());
        for (rule, (count, fixable, worst)) in rules {
            let worst = worst.map_or("", word);
            let fixable = if *fixable > 0 { format!(" ({fixable} with a fix)") } else { String::new() };
            writeln!(out, "{count:>digits$}  {worst:<7}  {rule}{fixable}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_counted_with_their_fixes() {
        let text = crate::report::samples::print(&mut Statistics::default());
        assert_eq!(text, "1  info     awkward-text\n1  error    redirect-loop (1 with a fix)\n");
    }
}
