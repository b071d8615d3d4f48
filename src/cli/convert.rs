//! `redirlint convert`: the same answers in the other server's language, proven before anything is printed.

pub mod report;
pub mod texts;
pub mod told;
pub mod verify;

use super::args::{ConvertArgs, ConvertScope, ConvertStyle, Format, Server};
use super::input::{self, Loaded};
use super::{Exit, Stop};
use crate::analysis::compare::{Difference, is_redirect};
use crate::emit::{self, Emitted, Fate, Style, Texts};
use crate::lower::Dialect;
use crate::report::shown::Shown;
use crate::source::Span;
use report::Report;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Attempts at most: each leaves out what the one before showed to be wider than the source.
const ATTEMPTS: usize = 4;

/// Runs the command.
///
/// # Errors
/// A file that cannot be read or written, or a configuration that the source's server refuses altogether.
pub fn run(args: &ConvertArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let loaded = input::load_one(&args.path, &args.shared)?;
    let same = matches!((loaded.options.dialect, args.to), (Dialect::Nginx, Server::Nginx))
        || loaded.options.dialect != Dialect::Nginx && args.to == Server::Apache;
    if same {
        return Err(Stop::Told("the configuration is already written for that server".to_owned()));
    }
    let scope = scope(args)?;
    let report = convert(&loaded, args, scope)?;
    match args.format {
        Format::Json => writeln!(out, "{}", report.json(&loaded.sources))?,
        Format::Human => {
            told::tell(&report, &loaded.sources, &args.shared)?;
            let text = report.text();
            match &args.output {
                Some(path) => write_file(path, &text, args.force)?,
                None if std::io::stdout().is_terminal() => out.write_all(Shown::new(&text).text.as_bytes())?,
                None => out.write_all(&text)?,
            }
        }
    }
    if let (Some(path), Format::Json) = (&args.output, args.format) {
        write_file(path, &report.text(), args.force)?;
    }
    Ok(if report.is_exact() { Exit::Clean } else { Exit::Findings })
}

/// The conversion in the form that says it best, or in the plainest one where the comparison shows that to say more.
fn convert(loaded: &Loaded, args: &ConvertArgs, scope: emit::Scope) -> Result<Report, Stop> {
    let options = emit::Options { style: style(args.style), scope, without: refused(loaded) };
    let asks = if args.no_verify { verify::Questions::default() } else { verify::questions(loaded) };
    let report = attempts(loaded, args.to, options.clone(), (!args.no_verify).then_some(&asks))?;
    if options.style != Style::Auto || !report.is_short() {
        return Ok(report);
    }
    let plain = emit::Options { style: Style::Rewrite, ..options };
    let plain = attempts(loaded, args.to, plain, Some(&asks))?;
    Ok(if plain.shortfall() < report.shortfall() { plain } else { report })
}

/// Emits, compares, and leaves out what turned out wider than the source.
fn attempts(
    loaded: &Loaded,
    to: Server,
    mut options: emit::Options,
    asks: Option<&verify::Questions>,
) -> Result<Report, Stop> {
    let words = texts::Words { sources: &loaded.sources };
    let dialect = match to {
        Server::Nginx => Dialect::Nginx,
        Server::Apache if options.scope == emit::Scope::Htaccess => Dialect::Htaccess,
        Server::Apache => Dialect::Apache,
    };
    let mut report = Report::default();
    for attempt in 0..ATTEMPTS {
        let emitted = emit_for(to, loaded, &words, &options)?;
        let Some(asks) = asks else { return Ok(Report::new(emitted, None)) };
        let proof = verify::prove(loaded, &emitted.parts, dialect, asks);
        if let Some(message) = &proof.refused {
            return Err(Stop::Told(format!("the result would not load, please report it: {message}")));
        }
        let wider = wider(&proof.differences, &options.without);
        report = Report::new(emitted, Some(proof));
        report.narrowed = attempt > 0;
        if wider.is_empty() || attempt + 1 == ATTEMPTS {
            break;
        }
        options.without.extend(wider);
    }
    Ok(report)
}

fn emit_for(to: Server, loaded: &Loaded, words: &dyn Texts, options: &emit::Options) -> Result<Emitted, Stop> {
    match to {
        Server::Nginx => Ok(emit::nginx::emit(&loaded.lowered.program, words, options)),
        Server::Apache => Ok(emit::apache::emit(&loaded.lowered.program, words, options)),
    }
}

/// What the output is pasted into.
fn scope(args: &ConvertArgs) -> Result<emit::Scope, Stop> {
    match (args.to, args.scope) {
        (_, None) | (Server::Nginx, Some(ConvertScope::Server)) | (Server::Apache, Some(ConvertScope::Vhost)) => {
            Ok(emit::Scope::Usual)
        }
        (Server::Nginx, Some(ConvertScope::Http)) => Ok(emit::Scope::Http),
        (Server::Apache, Some(ConvertScope::Htaccess)) => Ok(emit::Scope::Htaccess),
        (Server::Nginx, Some(_)) => Err(Stop::Told("nginx's scopes are `server` and `http`".to_owned())),
        (Server::Apache, Some(_)) => Err(Stop::Told("Apache's scopes are `vhost` and `htaccess`".to_owned())),
    }
}

fn style(style: ConvertStyle) -> Style {
    match style {
        ConvertStyle::Auto => Style::Auto,
        ConvertStyle::Map => Style::Map,
        ConvertStyle::Location => Style::Location,
        ConvertStyle::Rewrite => Style::Rewrite,
    }
}

/// What the source's server refuses is not converted.
fn refused(loaded: &Loaded) -> Vec<(Span, String)> {
    let refusals = loaded.lowered.program.refusals.iter();
    refusals.map(|refusal| (refusal.span, format!("the source's server refuses it: {}", refusal.message))).collect()
}

/// Directives whose conversion redirects what the source does not.
fn wider(differences: &[Difference], already: &[(Span, String)]) -> Vec<(Span, String)> {
    let mut out: Vec<(Span, String)> = Vec::new();
    for difference in differences.iter().filter(|one| is_redirect(&one.new) && !is_redirect(&one.old)) {
        let Some(span) = difference.ask.about else { continue };
        if already.iter().chain(&out).all(|(other, _)| *other != span) {
            let words = report::request(&difference.ask.request);
            out.push((span, format!("it would redirect {words}, which the source does not")));
        }
    }
    out
}

/// Writes a file whole or not at all.
fn write_file(path: &Path, text: &[u8], force: bool) -> Result<(), Stop> {
    if path.exists() && !force {
        return Err(Stop::Told(format!("`{}` exists: say `--force` to overwrite it", path.display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| Stop::Told(format!("cannot write `{}`: {error}", path.display()));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text).map_err(failed)?;
    let kept = if force { file.persist(path).map(drop) } else { file.persist_noclobber(path).map(drop) };
    kept.map_err(|error| failed(error.error))
}

/// Whether a verdict carries the directive over.
fn carried(fate: &Fate) -> bool {
    !matches!(fate, Fate::LeftOut(_))
}
