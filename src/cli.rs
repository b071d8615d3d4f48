//! The program: the only place with input and output, arguments, environment and exit codes.

pub mod args;
pub mod check;
pub mod compared;
pub mod convert;
pub mod deeds;
pub mod detect;
pub mod diff;
pub mod disk;
pub mod explain;
pub mod fix;
pub mod graph;
pub mod init;
pub mod input;
pub mod lsp;
pub mod pages;
pub mod paths;
pub mod replace;
pub mod select;
pub mod settings;
pub mod terminal;
pub mod test;
pub mod trace;

use args::{Cli, Command};
use clap::{CommandFactory, Parser};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// What a command comes to, as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Nothing to complain of.
    Clean = 0,
    /// Findings, or a difference.
    Findings = 1,
    /// The job could not be done.
    Trouble = 2,
}

/// Why a command stopped: what is wrong and what to do, for standard error.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Something to tell the user.
    #[error("{0}")]
    Told(String),
    /// Output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => run(cli),
        Err(error) => {
            // A closed pipe while printing help is no news.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match exit {
        Ok(exit) => ExitCode::from(exit as u8),
        // The reader has gone: nobody is left to be told.
        Err(Stop::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(stop) => {
            complain(&stop.to_string());
            ExitCode::from(Exit::Trouble as u8)
        }
    }
}

fn run(cli: Cli) -> Result<Exit, Stop> {
    if let Some(Command::Lsp(_)) = &cli.command {
        // The server writes from a thread of its own: standard output must not be held here.
        return lsp::run();
    }
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let exit = match cli.command {
        None => match misspelt(&cli.check.paths) {
            Some(told) => Err(told),
            None => check::run(&cli.check, &mut out),
        },
        Some(Command::Check(args)) => check::run(&args, &mut out),
        Some(Command::Trace(args)) => trace::run(&args, &mut out),
        Some(Command::Convert(args)) => convert::run(&args, &mut out),
        Some(Command::Diff(args)) => diff::run(&args, &mut out),
        Some(Command::Test(args)) => test::run(&args, &mut out),
        Some(Command::Explain(args)) => explain::run(&args, &mut out),
        Some(Command::Graph(args)) => graph::run(&args, &mut out),
        Some(Command::Init(args)) => init::run(&args, &mut out),
        Some(Command::Rules(args)) => pages::rules(&args, &mut out),
        Some(Command::Lsp(_)) => Ok(Exit::Clean),
        Some(Command::Completions { shell }) => pages::completions(shell, &mut out),
        Some(Command::Man { command }) => pages::manual(command.as_deref(), &mut out),
    }?;
    out.flush()?;
    Ok(exit)
}

/// What to say where the first path is no file but nearly the name of a command.
fn misspelt(paths: &[PathBuf]) -> Option<Stop> {
    let word = paths.first().filter(|path| !path.exists())?.to_str()?;
    let cli = Cli::command();
    let near = |command: &&clap::Command| strsim::damerau_levenshtein(command.get_name(), word) <= 2;
    let meant = cli.get_subcommands().find(near).filter(|_| word.len() > 3)?.get_name();
    Some(Stop::Told(format!("there is no file `{word}`: did you mean the command `{meant}`?")))
}

/// Says something on standard error, as one line that starts with `error:`.
pub fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "error: {}", crate::report::shown::escape(message));
}

/// Whether to colour standard output.
pub fn colour(choice: args::Color) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    match choice {
        args::Color::Always => true,
        args::Color::Never => false,
        args::Color::Auto if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) => false,
        args::Color::Auto => set("CLICOLOR_FORCE") || std::io::stdout().is_terminal(),
    }
}
