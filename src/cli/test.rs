//! `redirlint test`: expected redirects, run against a configuration.

pub mod file;
pub mod judge;
pub mod tell;

use super::args::{Scheme, Shared, TestArgs, TestFormat};
use super::disk::Disk;
use super::input::{self, Loaded};
use super::{Exit, Stop, trace};
use crate::eval::follow::{self, Limits};
use crate::ir::{Reach, template::Part};
use crate::source::Span;
use file::{Case, Expectations};
use judge::Verdict;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

/// The file that is looked for where none is named.
const DEFAULT: &str = "redirlint.test.yaml";

/// Runs the command.
///
/// # Errors
/// A file that cannot be read or makes no sense, or output that cannot be written.
pub fn run(args: &TestArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let path = args.file.as_deref().unwrap_or(Path::new(DEFAULT));
    let text = super::disk::read_file(path)
        .map_err(|error| Stop::Told(format!("cannot read `{}`: {error}", path.display())))?;
    let expected = Expectations::read(&text).map_err(|why| Stop::Told(format!("`{}`: {why}", path.display())))?;
    let shared = shared(&args.shared, &expected)?;
    let config = path.parent().unwrap_or(Path::new(".")).join(&expected.config);
    let loaded = input::load_one(&config, &shared)?;
    if let Some(refusal) = loaded.lowered.program.refusals.iter().find(|refusal| refusal.reach == Reach::Server) {
        let at = loaded.sources.position(refusal.span);
        let file = loaded.sources.file(refusal.span.file).path().display();
        return Err(Stop::Told(format!(
            "{file}:{}: the server refuses this configuration: {}",
            at.line, refusal.message
        )));
    }
    let disk = Disk::new(loaded.options.real_files, trace::assumed(&expected.assume)?);
    let mut touched = BTreeSet::new();
    let mut verdicts = Vec::new();
    for case in &expected.cases {
        verdicts.push(ask(case, &shared, &loaded, &disk, &mut touched)?);
    }
    let untested = if args.untested { untested(&loaded, &touched) } else { Vec::new() };
    match args.format {
        TestFormat::Human => tell::human(&loaded, &verdicts, &untested, args.shared.verbose > 0, out)?,
        TestFormat::Json => tell::json(&loaded, &verdicts, &untested, out)?,
        TestFormat::Junit => tell::junit(&config, &verdicts, out)?,
    }
    let failed = verdicts.iter().any(|verdict| !verdict.differences.is_empty());
    Ok(if failed { Exit::Findings } else { Exit::Clean })
}

/// The flags, with what the file says where they say nothing.
fn shared(given: &Shared, expected: &Expectations) -> Result<Shared, Stop> {
    let mut shared = given.clone();
    shared.host = shared.host.or_else(|| expected.host.clone());
    shared.scheme = match (shared.scheme, expected.scheme.as_deref()) {
        (Some(scheme), _) => Some(scheme),
        (None, None) => None,
        (None, Some("http")) => Some(Scheme::Http),
        (None, Some("https")) => Some(Scheme::Https),
        (None, Some(other)) => return Err(Stop::Told(format!("`scheme: {other}` is neither `http` nor `https`"))),
    };
    Ok(shared)
}

fn ask(
    case: &Case,
    shared: &Shared,
    loaded: &Loaded,
    disk: &Disk,
    touched: &mut BTreeSet<Span>,
) -> Result<Verdict, Stop> {
    let (method, target) = case.target();
    let url = trace::absolute(shared, target.as_bytes());
    let mut request = follow::request_for(&url)
        .ok_or_else(|| Stop::Told(format!("`{}` is neither a path nor a URL", case.request)))?;
    request.method = method.as_bytes().into();
    for (name, value) in &case.headers {
        if name.eq_ignore_ascii_case("host") {
            request.headers.clear();
        }
        request.headers.push((name.as_bytes().into(), value.as_bytes().into()));
    }
    let journey = follow::follow(&loaded.lowered.program, disk, request, Limits::default());
    touched.extend(journey.hops.iter().filter_map(|hop| hop.answer.cause));
    Ok(judge::judge(case, &journey))
}

/// Every directive that redirects and that no request of the file reached, in the order of the text.
fn untested(loaded: &Loaded, touched: &BTreeSet<Span>) -> Vec<Span> {
    let mut spans: BTreeSet<Span> = redirects(loaded).into_iter().filter(|span| !touched.contains(span)).collect();
    // A lookup in a table is tested when its `return` is; the entries themselves are not told apart.
    spans.retain(|span| !span.is_empty());
    spans.into_iter().collect()
}

fn redirects(loaded: &Loaded) -> Vec<Span> {
    use crate::ir::clause::{Action, Clause, Content};
    fn visit(clauses: &[Clause], spans: &mut Vec<Span>) {
        for clause in clauses {
            let leaves =
                |action: &Action| match action {
                    Action::Answer(answer) => matches!(answer.content, Content::Location(_)),
                    Action::Rewrite(rewrite) => rewrite.redirect.is_some()
                        || rewrite.implicit_redirect.is_some()
                            && rewrite.to.as_ref().is_some_and(
                                |to| matches!(to.parts.first(), Some(Part::Literal(text)) if text.starts_with(b"http")),
                            ),
                    _ => false,
                };
            if clause.does.iter().any(leaves) {
                spans.push(clause.span);
            }
            for action in &clause.does {
                if let Action::Block(inner) = action {
                    visit(inner, spans);
                }
            }
        }
    }
    let mut spans = Vec::new();
    for scope in &loaded.lowered.program.scopes {
        scope.lists.redirect.0.iter().for_each(|list| visit(list, &mut spans));
        scope.lists.rewrite.iter().for_each(|list| list.clauses.0.iter().for_each(|part| visit(part, &mut spans)));
        if let Some(clause) = &scope.lists.expression_redirect {
            visit(std::slice::from_ref(clause.as_ref()), &mut spans);
        }
    }
    spans
}
