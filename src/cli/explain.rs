//! `redirlint explain`: a rule's page, a status, a flag, a variable, a directive, or what a line does.

use super::args::{ExplainArgs, Shared};
use super::input::{self, Wanted};
use super::select::{group_name, rule};
use super::{Exit, Stop, colour, deeds, detect, terminal};
use crate::analysis::routes::Route;
use crate::analysis::target::Query;
use crate::explain;
use crate::fix::converge::Texts;
use crate::lower::{Dialect, directives};
use crate::report::shown::{escape, escape_bytes};
use crate::report::{prose, word};
use crate::rules::{ALL, suppress};
use crate::syntax::Directive;
use std::io::Write;
use std::path::PathBuf;

/// Runs the command.
///
/// # Errors
/// Nothing of that name, with the nearest rule; or output that cannot be written.
pub fn run(args: &ExplainArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let asked = args.what.join(" ");
    let asked = asked.trim();
    let page = match page(asked) {
        Some(page) => page,
        None if is_variable(asked) => return Err(Stop::Told(format!("`{asked}` is no variable that is known here"))),
        None => rule(asked).map(rule_page)?,
    };
    write!(out, "{}", prose::render(&page, terminal::width(), colour(args.color)))?;
    Ok(Exit::Clean)
}

fn rule_page(rule: &crate::rules::Rule) -> String {
    format!("# {}\n\n{}, {} by default\n\n{}\n", rule.name, group_name(rule.group), word(rule.severity), rule.page())
}

/// Whether it is a variable alone, not a line that begins with one.
fn is_variable(asked: &str) -> bool {
    asked.starts_with(['%', '$']) && !asked.contains([' ', ';', '\n'])
}

fn page(asked: &str) -> Option<String> {
    if !is_variable(asked) && asked.contains([' ', ';', '{', '\n']) {
        return line(asked);
    }
    if asked == suppress::UNUSED {
        return Some(format!("# {asked}\n\n{}\n", suppress::PAGE));
    }
    if let Some(rule) = crate::rules::named(asked) {
        return Some(rule_page(rule));
    }
    let members: Vec<String> = ALL
        .iter()
        .filter(|rule| group_name(rule.group) == asked)
        .map(|rule| format!("- `{}`: {}", rule.name, rule.summary()))
        .collect();
    if !members.is_empty() {
        return Some(format!("# {asked}, a group of rules\n\n{}\n", members.join("\n")));
    }
    let status = asked.parse().ok().and_then(explain::status).map(explain::Status::page);
    let flags: Vec<String> =
        explain::flags(asked.trim_matches(['[', ']'])).into_iter().map(explain::Flag::page).collect();
    let variable = explain::variable(asked).map(explain::Variable::page);
    let found: Vec<String> = status.into_iter().chain(flags).chain(variable).chain(directive_pages(asked)).collect();
    (!found.is_empty()).then(|| found.join("\n"))
}

fn directive_pages(name: &str) -> Vec<String> {
    let apache = directives::apache().get(name.as_bytes()).map(|entry| entry.page("Apache"));
    apache.chain(directives::nginx().get(name.as_bytes()).map(|entry| entry.page("nginx"))).collect()
}

/// What a line of a configuration does, read as a configuration of its own.
fn line(text: &str) -> Option<String> {
    let dialect = detect::by_content(text.as_bytes()).or_else(|| {
        let first = text.split_whitespace().next().unwrap_or_default().trim_start_matches('<');
        if text.trim_end().ends_with([';', '}']) || first.starts_with('/') {
            Some(Dialect::Nginx)
        } else if directives::apache().knows(first.as_bytes()) {
            Some(Dialect::Htaccess)
        } else {
            directives::nginx().knows(first.as_bytes()).then_some(Dialect::Nginx)
        }
    })?;
    let (name, text) = match dialect {
        Dialect::Nginx if !text.trim_end().ends_with([';', '}']) => ("nginx.conf", format!("{text};\n")),
        Dialect::Nginx => ("nginx.conf", format!("{text}\n")),
        // The line alone would stand in a file where rewriting is off.
        _ => (".htaccess", format!("RewriteEngine On\n{text}\n")),
    };
    let path = PathBuf::from("/srv/explained").join(name);
    let texts = Texts::from([(path.clone(), text.into_bytes())]);
    let wanted = Wanted { path, site: None, searched: false };
    let shared = Shared { no_config: true, ..Shared::default() };
    let loaded = input::load_over(&wanted, &shared, &texts).ok().flatten()?;
    let facts = loaded.facts();
    let tree = loaded.lowered.trees.first()?;
    let skipped = if dialect == Dialect::Nginx { 0 } else { 1 };
    let directives: Vec<&Directive> = tree.directives().skip(skipped).collect();
    let mut page = format!("# What the line does ({})\n", if skipped == 1 { "Apache" } else { "nginx" });
    let sources = &loaded.sources;
    for refusal in &loaded.lowered.program.refusals {
        page.push_str(&format!("\nThe server refuses it: {}\n", escape(&refusal.message)));
    }
    for route in &facts.routes().all {
        page.push_str(&told(&facts, route));
    }
    for directive in &directives {
        page.push_str(&flags_of(directive, sources.file(directive.span.file).bytes(), skipped == 1));
    }
    if facts.routes().all.is_empty() {
        let names = directives.iter().map(|directive| facts.words(directive).0);
        let server = if skipped == 1 { directives::apache() } else { directives::nginx() };
        for name in names {
            if let Some(entry) = server.get(name.as_bytes()).next() {
                page.push_str(&format!("\n`{}`: {}\n", entry.name, entry.doc));
            }
        }
    }
    (!directives.is_empty()).then_some(page)
}

fn told(facts: &crate::analysis::Facts<'_>, route: &Route<'_>) -> String {
    let mut told = format!("\nFor requests to `{}`", deeds::source(route));
    let guards: Vec<String> =
        route.guards.iter().map(|guard| format!("`{}`", escape(&facts.text(guard.span)))).collect();
    if !guards.is_empty() {
        told.push_str(&format!(" where {}", guards.join(" and ")));
    }
    let to = route.target().map(deeds::target).unwrap_or_default();
    told.push_str(&match route.status() {
        Some(status) if route.is_redirect() => format!(" it answers {status} and sends the client to `{to}`.\n"),
        Some(status) => format!(" it answers {status}.\n"),
        None => format!(" it serves `{to}` instead; the client does not learn of it.\n"),
    });
    if let Some(proof) = facts.proofs(route).first() {
        let url = escape_bytes(&crate::eval::follow::url_of(&proof.request));
        let status = proof.answer.status.map_or("content".to_owned(), |status| status.to_string());
        let to = proof.answer.location.as_ref().map(|to| format!(" `{}`", escape_bytes(to))).unwrap_or_default();
        told.push_str(&format!("\n- Example: `{} {url}` gets {status}{to}\n", escape_bytes(&proof.request.method)));
    }
    if let Some(status) = route.status().and_then(explain::status) {
        told.push_str(&format!("- {} {}: {}\n", status.code, status.name, status.what));
        for (label, text) in [("Method", &status.method), ("Cache", &status.cache)] {
            if let Some(text) = text {
                told.push_str(&format!("- {label}: {text}\n"));
            }
        }
    }
    let query = route.target().filter(|_| route.is_redirect()).map(|view| view.query);
    match query {
        Some(Query::Kept) => told.push_str("- Query: carried along\n"),
        Some(Query::Dropped) => told.push_str("- Query: dropped\n"),
        _ => {}
    }
    told
}

/// The flags of a rule, each with what it does.
fn flags_of(directive: &Directive, bytes: &[u8], apache: bool) -> String {
    let value = |at: usize| {
        directive.args.get(at).map(|word| String::from_utf8_lossy(word.value(bytes)).into_owned()).unwrap_or_default()
    };
    let name = String::from_utf8_lossy(directive.name.value(bytes)).to_ascii_lowercase();
    if !matches!(name.as_str(), "rewriterule" | "rewritecond" | "rewrite") {
        return String::new();
    }
    let words = value(2);
    let server = if apache { "apache" } else { "nginx" };
    let known = words.trim_matches(['[', ']']).split(',').map(str::trim).filter_map(|flag| {
        let meant = explain::flags(flag).into_iter().find(|known| known.server == server)?;
        Some(format!("- `{}`: {}\n", escape(flag), meant.what))
    });
    let known: String = known.collect();
    if known.is_empty() { known } else { format!("\n{known}") }
}
