//! What the program says of itself: its rules, completion scripts, manual pages.

use super::args::{Cli, Format, RulesArgs};
use super::{Exit, Stop};
use crate::rules::ALL;
use clap::CommandFactory;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap_complete::Shell;
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

/// `redirlint completions`: commands and flags, and the rules wherever one is asked for.
///
/// # Errors
/// Output that cannot be written.
pub fn completions(shell: Shell, out: &mut dyn Write) -> Result<Exit, Stop> {
    let rules = || PossibleValuesParser::new(ALL.iter().map(|rule| PossibleValue::new(rule.name).help(rule.summary())));
    let choice = |command: clap::Command| {
        command.mut_arg("select", |arg| arg.value_parser(rules())).mut_arg("ignore", |arg| arg.value_parser(rules()))
    };
    let explain = |command: clap::Command| command.mut_arg("what", |arg| arg.value_parser(rules()));
    let command = choice(Cli::command()).mut_subcommand("check", choice).mut_subcommand("explain", explain);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut { command }, "redirlint", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Clean)
}

/// `redirlint man`: the page of the program, or of one of its commands.
///
/// # Errors
/// A command that is not there; output that cannot be written.
pub fn manual(command: Option<&str>, out: &mut dyn Write) -> Result<Exit, Stop> {
    let mut all = Cli::command();
    all.build();
    let page = match command {
        None => all,
        Some(name) => {
            let found = all.find_subcommand(name).cloned();
            found.ok_or_else(|| Stop::Told(format!("there is no command `{name}`; `redirlint --help` lists them")))?
        }
    };
    clap_mangen::Man::new(page).render(out)?;
    Ok(Exit::Clean)
}
