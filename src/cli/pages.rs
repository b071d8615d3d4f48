//! What the program says of its rules: `rules`.

use super::args::{Format, RulesArgs};
use super::{Exit, Stop};
use crate::rules::ALL;
use serde_json::json;
use std::io::Write;

/// `redirlint rules`.
///
/// # Errors
/// Output that cannot be written.
pub fn rules(args: &RulesArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let first = |doc: &str| doc.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    if args.format == Format::Json {
        let rules = ALL.iter().map(|rule| {
            json!({
                "name": rule.name, "group": rule.group, "severity": rule.severity, "servers": rule.servers,
                "fix": rule.fix, "summary": first(rule.doc),
            })
        });
        writeln!(out, "{}", json!({"version": 1, "rules": rules.collect::<Vec<_>>()}))?;
        return Ok(Exit::Clean);
    }
    let width = ALL.iter().map(|rule| rule.name.len()).max().unwrap_or_default();
    for rule in ALL {
        let severity = format!("{:?}", rule.severity).to_lowercase();
        writeln!(out, "{:width$}  {severity:7}  {}", rule.name, first(rule.doc))?;
    }
    Ok(Exit::Clean)
}
