//! Every command and flag. Help, completion and the man page are made from these definitions.

use crate::diagnostic::Severity;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes:\n  0  nothing at or above the failing severity\n  1  findings, a failed test, a difference, or something that could not be converted\n  2  the job could not be done: usage, unreadable file, internal error";

fn version() -> String {
    format!("{} (PCRE2 {})", env!("CARGO_PKG_VERSION"), crate::pcre::version())
}

/// Finds loops, chains, wrong statuses and lost headers in Apache and nginx redirects, and proves each with a request.
#[derive(Debug, Parser)]
#[command(name = "redirlint", version = version(), args_conflicts_with_subcommands = true, disable_help_flag = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The command; `check` where none is given.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub check: CheckArgs,
    /// Print help
    // The short one: every command's help looks alike, and what is longer stands in the manual.
    #[arg(short, long, global = true, action = clap::ArgAction::HelpShort)]
    pub help: Option<bool>,
}

#[allow(missing_docs)]
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Lint configurations (the default command)
    #[command(after_help = EXIT_CODES)]
    Check(CheckArgs),
    /// Tell what the server would answer, hop by hop, and which line decided it
    Trace(TraceArgs),
    /// Translate a configuration for the other server, and prove it
    #[command(after_help = EXIT_CODES)]
    Convert(ConvertArgs),
    /// Show which requests two configurations answer differently
    #[command(after_help = EXIT_CODES)]
    Diff(DiffArgs),
    /// Run a file of expected redirects against a configuration
    #[command(after_help = EXIT_CODES)]
    Test(TestArgs),
    /// Draw the redirects as a graph
    Graph(GraphArgs),
    /// Explain a rule, a status, a flag, a variable, a directive or a line of a configuration
    Explain(ExplainArgs),
    /// List the rules
    Rules(RulesArgs),
    /// Write a commented redirlint.yaml into the current folder
    Init(InitArgs),
    /// Serve an editor over standard input and output
    Lsp(LspArgs),
    /// Print a shell's completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man {
        /// The command whose page it is [default: the program's]
        command: Option<String>,
    },
}

/// Flags shared by the commands that read a configuration.
#[allow(missing_docs)]
#[derive(Debug, Clone, Default, Args)]
pub struct Shared {
    /// The language, where name and content do not tell
    #[arg(long = "as", value_name = "DIALECT")]
    pub dialect: Option<As>,
    /// The document root: file tests are answered from this folder
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// The URL path that the folder of a .htaccess is served at
    #[arg(long, value_name = "PATH", default_value = "/")]
    pub base: String,
    /// Whether file tests are answered from this machine's file system
    #[arg(long, value_enum, default_value_t)]
    pub files: Files,
    /// What relative paths in the configuration are relative to [default: its folder]
    #[arg(long, value_name = "DIR")]
    pub prefix: Option<PathBuf>,
    /// Host of the site that a fragment belongs to
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,
    /// Scheme of the site that a fragment belongs to
    #[arg(long, value_enum)]
    pub scheme: Option<Scheme>,
    /// An Apache Define or a template's variable
    #[arg(short = 'D', value_name = "NAME[=VALUE]")]
    pub define: Vec<String>,
    /// The server version to model [default: the newest supported]
    #[arg(long, value_name = "VER")]
    pub server_version: Option<String>,
    /// The settings to use [default: the nearest redirlint.yaml upward from the configuration]
    #[arg(long, value_name = "FILE", conflicts_with = "no_config")]
    pub config: Option<PathBuf>,
    /// Ignore every redirlint.yaml
    #[arg(long)]
    pub no_config: bool,
    /// When to colour
    #[arg(long, value_enum, default_value_t)]
    pub color: Color,
    /// Findings only, no summary
    #[arg(short, long)]
    pub quiet: bool,
    /// Show notes, every step, and long lists of like findings in full
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct CheckArgs {
    /// Files, folders or `-`; without one, every redirect configuration under the current folder
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub shared: Shared,
    /// How to print; `plain` is for screen readers and logs, `github` annotates a workflow
    #[arg(long, value_enum, default_value_t)]
    pub format: CheckFormat,
    /// The lowest severity that makes the exit code 1
    #[arg(long, value_enum, default_value_t = FailOn::Warning)]
    pub fail_on: FailOn,
    /// Only these rules or groups
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Not these rules or groups
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Apply safe fixes, then report what is left
    #[arg(long)]
    pub fix: bool,
    /// Apply fixes that need a human's yes, too
    #[arg(long)]
    pub unsafe_fixes: bool,
    /// Print what the fixes would change, and change nothing
    #[arg(long)]
    pub diff: bool,
    /// Print how often each rule found something, in place of the findings
    #[arg(long)]
    pub statistics: bool,
    /// Print this many findings at the most
    #[arg(long, value_name = "N")]
    pub max_findings: Option<usize>,
    /// Check what this file (or `-`) names, one path a line
    #[arg(long, value_name = "FILE", conflicts_with = "files_from0")]
    pub files_from: Option<PathBuf>,
    /// The same, each path ended by a NUL
    #[arg(long, value_name = "FILE")]
    pub files_from0: Option<PathBuf>,
    /// Write JSON lines to this file, skip the sites that it names as done, and go on from there
    ///
    /// Behind the findings of each site, the file holds a line that names it: {"site": …, "warnings": …}. A run that
    /// was killed goes on when it is started again with the same file; the exit code counts what stands in it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "unsafe_fixes", "diff", "statistics", "max_findings", "baseline"])]
    pub resume: Option<PathBuf>,
    /// Leave out the findings that this file knows
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write all findings to the baseline, which from then on knows them
    #[arg(long, requires = "baseline")]
    pub write_baseline: bool,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct TraceArgs {
    /// The configuration: a file or `-`
    pub path: PathBuf,
    /// What to ask for, sent as typed: a URL, or a path
    #[arg(required_unless_present = "requests")]
    pub url: Option<String>,
    #[command(flatten)]
    pub shared: Shared,
    /// Request method
    #[arg(short = 'X', long, default_value = "GET")]
    pub method: String,
    /// A request header
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The client's address
    #[arg(long, value_name = "IP")]
    pub remote_addr: Option<String>,
    /// Redirects to follow [default: the client's]
    #[arg(long, value_name = "N")]
    pub max_hops: Option<usize>,
    /// Whose limit on redirects holds
    #[arg(long, value_enum, default_value_t)]
    pub client: Client,
    /// Stop at the first answer
    #[arg(long)]
    pub no_follow: bool,
    /// Something that exists: file:/x or dir:/y
    #[arg(long, value_name = "KIND:PATH")]
    pub assume: Vec<String>,
    /// Answer many requests: a file of JSON lines, or `-`
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    pub requests: Option<PathBuf>,
    /// How strings of the JSON stand for bytes
    #[arg(long, value_enum, default_value_t)]
    pub bytes: BytesAs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct ConvertArgs {
    /// The configuration: a file, a folder with a .htaccess, or `-`
    pub path: PathBuf,
    /// The server to translate for
    #[arg(long, value_enum)]
    pub to: Server,
    #[command(flatten)]
    pub shared: Shared,
    /// Write the result to this file instead of standard output, where a terminal is shown control characters as escapes
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Overwrite the output file
    #[arg(long)]
    pub force: bool,
    /// How the output is laid out
    #[arg(long, value_enum, default_value_t)]
    pub style: ConvertStyle,
    /// What the output is to be pasted into
    #[arg(long, value_enum)]
    pub scope: Option<ConvertScope>,
    /// Skip asking both configurations the same requests. They are made for every redirect and its edges; of more than 600
    /// redirects, for evenly spread ones of each kind: the same status, sort of pattern, and conditions or none
    #[arg(long)]
    pub no_verify: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct DiffArgs {
    /// The first configuration
    pub old: PathBuf,
    /// The second one, of either server
    pub new: PathBuf,
    #[command(flatten)]
    pub shared: Shared,
    /// The language of the second one, where name and content do not tell
    #[arg(long, value_name = "DIALECT")]
    pub new_as: Option<As>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Server {
    Nginx,
    Apache,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct TestArgs {
    /// The expectations [default: redirlint.test.yaml]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub shared: Shared,
    /// List the redirects that no expectation reaches
    #[arg(long)]
    pub untested: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: TestFormat,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ConvertStyle {
    #[default]
    Auto,
    Map,
    Location,
    Rewrite,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConvertScope {
    Server,
    Http,
    Htaccess,
    Vhost,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TestFormat {
    #[default]
    Human,
    Json,
    Junit,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// A rule, `307`, `QSA`, `$request_uri`, `try_files`, or a whole line such as 'RewriteRule ^a$ /b [R,L]'
    #[arg(required = true, allow_hyphen_values = true)]
    pub what: Vec<String>,
    /// When to colour
    #[arg(long, value_enum, default_value_t)]
    pub color: Color,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct GraphArgs {
    /// The configuration: a file, a folder or `-`
    pub path: PathBuf,
    #[command(flatten)]
    pub shared: Shared,
    /// How to draw
    #[arg(long, value_enum, default_value_t)]
    pub format: GraphFormat,
}

/// How `graph` draws.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum GraphFormat {
    #[default]
    Dot,
    Mermaid,
    Svg,
    /// One page that needs no network
    Html,
    Json,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// Overwrite the file
    #[arg(long)]
    pub force: bool,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct LspArgs {
    /// What editors pass; it is the only way there is
    #[arg(long)]
    pub stdio: bool,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Args)]
pub struct RulesArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum As {
    Apache,
    Htaccess,
    Nginx,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Files {
    #[default]
    Assume,
    Real,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scheme {
    Http,
    Https,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Human,
    Json,
}

/// How `check` prints.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum CheckFormat {
    #[default]
    Human,
    /// Sentences without drawings, for screen readers and logs
    Plain,
    Json,
    /// One JSON object a line
    Jsonl,
    Sarif,
    /// Annotations for GitHub's workflow log
    Github,
    Checkstyle,
    /// One page that needs no network
    Html,
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum BytesAs {
    #[default]
    Utf8,
    Latin1,
}

/// A client whose limit on redirects holds.
#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Client {
    #[default]
    Browser,
    Curl,
    Googlebot,
}

impl Client {
    /// Redirects it follows: Fetch's 20, curl's 50, Googlebot's 10.
    pub fn redirects(self) -> usize {
        match self {
            Self::Browser => 20,
            Self::Curl => 50,
            Self::Googlebot => 10,
        }
    }
}

#[allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Error,
    Warning,
    Info,
    Never,
}

impl FailOn {
    /// Whether a finding of this severity fails the run.
    pub fn fails(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Info => true,
            Self::Never => false,
        }
    }
}
