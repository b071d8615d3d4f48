//! From the program to one server's steps: which lists run in which folder, and everything beside lists.

use super::access;
use super::condition::Reader;
use super::formula::Formula;
use super::length;
use super::list::{Home, Steps};
use super::plan::{Key, Place, Statement};
use super::sections;
use super::shape::Ordered;
use super::step::{Does, Step};
use super::text::Text;
use crate::emit::{Fate, Refusal, Verdict};
use crate::ir::choice::{Applies, Choice};
use crate::ir::pattern;
use crate::ir::scope::{ErrorPage, ErrorTarget, HeaderAction, HeaderRule, RewriteList, Scope};
use crate::ir::site::Site;
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A folder with a scope of its own.
pub struct Folder<'a> {
    /// Its URL path, with both slashes.
    pub url: Vec<u8>,
    /// What is in force there.
    pub scope: &'a Scope,
}

/// Statements for what stands beside lists: error pages, headers, index.
pub fn settings(steps: &mut Steps<'_>, site: &Site) -> Vec<Statement> {
    let mut out = Vec::new();
    let scopes: Vec<&Scope> = std::iter::once(site.scope)
        .filter_map(|id| steps.program.scopes.get(id.0 as usize))
        .chain(folders(steps.program, site).into_iter().filter(|folder| folder.url == b"/").map(|folder| folder.scope))
        .collect();
    // nginx takes the first page of a status, Apache the innermost
    let mut codes = BTreeSet::new();
    for page in scopes.iter().rev().flat_map(|scope| &scope.settings.error_pages.items) {
        if codes.insert(page.code) {
            error_page(steps, page, &mut out);
        }
    }
    for rule in scopes.iter().flat_map(|scope| &scope.settings.headers.items) {
        header(steps, rule, &mut out);
    }
    let index = scopes.iter().rev().find_map(|scope| scope.settings.index.as_ref());
    let names = index.into_iter().flatten().filter_map(|name| name.as_literal().map(Text::literal));
    let names: Vec<_> = names.collect();
    if !names.is_empty() {
        out.push(Statement::Plain("index", names));
    }
    if let Some(Some(target)) = scopes.iter().rev().find_map(|scope| scope.settings.fallback.as_ref()) {
        out.push(fallback(target));
    }
    // no file has a name that is longer than a word may be
    out.retain(length::statement);
    out
}

/// `FallbackResource` is `try_files`.
fn fallback(target: &[u8]) -> Statement {
    let mut last = Text::literal(target);
    last.push_variable("is_args");
    last.push_variable("args");
    let mut folder = Text::variable("uri");
    folder.push_literal(b"/");
    let words = vec![Text::variable("uri"), folder, last];
    Statement::Location(Place::Prefix(b"/".to_vec()), vec![Statement::Plain("try_files", words)])
}

/// The lists of a site as steps, in the order in which Apache asks them: the site's own rules and redirects while the
/// path is looked up, who may come in, then the rules of folders, then their redirects.
pub fn lists<'a>(steps: &mut Steps<'a>, site: &'a Site) -> Ordered {
    let mut ordered = Ordered::default();
    let program = steps.program;
    let own = program.scopes.get(site.scope.0 as usize);
    let folders = folders(program, site);
    environments(steps, own, &folders);
    ordered.first = std::mem::take(&mut steps.steps);
    own_rules(steps, own);
    let mut rules = std::mem::take(&mut steps.steps);
    own_redirects(steps, own);
    let redirects = std::mem::take(&mut steps.steps);
    let closed = doors(steps, own, &folders);
    folder_rules(steps, own, &folders, &closed);
    let below = std::mem::take(&mut steps.steps);
    let changes = |step: &Step| matches!(step.does, Does::Rewrite(..) | Does::Stop);
    // redirects do not see a path that the site's own rules have changed
    let early = !rules.iter().any(changes) && below.iter().any(|step| !matches!(step.does, Does::Remark));
    let (before, after) = if early { (redirects, Vec::new()) } else { (Vec::new(), redirects) };
    rules.extend(before);
    rules.extend(below);
    let cut = rules.iter().position(changes).unwrap_or(rules.len());
    ordered.rest = rules.split_off(cut);
    ordered.first.extend(rules);
    sections::inner(steps, &folders);
    folder_redirects(steps, &folders, &closed);
    steps.steps.extend(after);
    sections::others(steps, site);
    ordered.alias = std::mem::take(&mut steps.steps);
    ordered
}

/// SetEnvIf and relatives.
fn environments(steps: &mut Steps<'_>, own: Option<&Scope>, folders: &[Folder<'_>]) {
    for clause in own.iter().flat_map(|scope| scope.lists.environment.iter()) {
        steps.environment(clause);
    }
    for folder in folders {
        // what one folder alone sets cannot be told apart in a table for all
        let shared = folder.url == b"/" || folders.len() == 1;
        for clause in folder.scope.lists.environment.iter() {
            if shared {
                steps.environment(clause);
            } else {
                steps.leave_out(
                    clause.span,
                    Refusal::new("it is set in one folder alone", "a `map` of `$uri` in the `http` block"),
                );
                steps.forget(&clause.does);
            }
        }
    }
}

fn own_rules(steps: &mut Steps<'_>, own: Option<&Scope>) {
    let list =
        own.filter(|scope| scope.settings.rewriting == Some(true)).and_then(|scope| scope.lists.rewrite.as_ref());
    let home = Home { folder: None, base: None, without: &[] };
    list.iter().flat_map(|list| list.clauses.iter()).for_each(|clause| steps.rule(clause, home));
}

fn own_redirects(steps: &mut Steps<'_>, own: Option<&Scope>) {
    for clause in own.iter().flat_map(|scope| scope.lists.redirect.iter()) {
        steps.redirect(clause, None);
    }
}

/// Refusals; the URL paths of folders whose rules cannot be said because of them.
fn doors<'f>(steps: &mut Steps<'_>, own: Option<&Scope>, folders: &'f [Folder<'_>]) -> Vec<&'f [u8]> {
    let mut closed: Vec<&[u8]> = Vec::new();
    sections::denied(steps, own, None);
    for folder in folders {
        sections::denied(steps, Some(folder.scope), Some(&folder.url));
        let inherited = closed.iter().any(|url| folder.url.starts_with(url));
        if !access::door(steps, folder, folders) || inherited {
            closed.push(&folder.url);
        }
    }
    closed
}

fn folder_rules(steps: &mut Steps<'_>, own: Option<&Scope>, folders: &[Folder<'_>], closed: &[&[u8]]) {
    for (at, folder) in folders.iter().enumerate() {
        // what lies over the same folder replaces its rules
        let over = folders.iter().skip(at + 1).filter(|other| other.url == folder.url);
        if over.into_iter().any(|other| other.scope.lists.rewrite.is_some()) {
            continue;
        }
        let below = |other: &&Folder<'_>| other.url.len() > folder.url.len() && other.url.starts_with(&folder.url);
        let lists = folders.iter().filter(below).filter(|other| other.scope.lists.rewrite.is_some());
        let without: Vec<_> = lists.map(|other| other.url.clone()).collect();
        let around = folders.iter().take(at).filter(|parent| folder.url.starts_with(&parent.url));
        let parents: Vec<_> = around.map(|parent| parent.scope).collect();
        let inherited = || parents.iter().rev().find_map(|scope| scope.settings.rewriting);
        let on = folder.scope.settings.rewriting.or_else(inherited).or(own.and_then(|scope| scope.settings.rewriting));
        let Some(list) = merged(folder.scope, &parents).filter(|_| on == Some(true)) else { continue };
        let home = Home { folder: Some(&folder.url), base: list.base.as_deref(), without: &without };
        steps.closed = closed.contains(&folder.url.as_slice());
        list.clauses.iter().for_each(|clause| steps.rule(clause, home));
    }
    steps.closed = false;
}

/// Deeper folders first: what they say lies on top.
fn folder_redirects(steps: &mut Steps<'_>, folders: &[Folder<'_>], closed: &[&[u8]]) {
    for folder in folders.iter().rev() {
        steps.closed = closed.contains(&folder.url.as_slice());
        for clause in folder.scope.lists.redirect.iter().chain(folder.scope.lists.expression_redirect.as_deref()) {
            steps.redirect(clause, Some(&folder.url));
        }
    }
    steps.closed = false;
}

fn merged(own: &Scope, parents: &[&Scope]) -> Option<Arc<RewriteList>> {
    let own = own.lists.rewrite.clone()?;
    Some(match parents.iter().rev().find_map(|scope| scope.lists.rewrite.clone()) {
        Some(outer) => Arc::new(own.over(&outer)),
        None => own,
    })
}

/// Sections and `.htaccess` files of folders of the site, shallow ones first, later ones over earlier ones.
fn folders<'a>(program: &'a crate::ir::Program, site: &'a Site) -> Vec<Folder<'a>> {
    let Choice::Sections(sections) = &site.choice else { return Vec::new() };
    let root = program.scopes.get(site.scope.0 as usize).and_then(|scope| scope.settings.root.as_ref());
    let root = root.and_then(|root| root.as_literal()).unwrap_or_default();
    let mut out: Vec<Folder<'_>> = Vec::new();
    for section in &sections.folders {
        let Applies::Path(pattern::Pattern::Exact(name) | pattern::Pattern::Segments(name)) = &section.applies else {
            continue;
        };
        let Some(url) = name.strip_suffix(b"/").unwrap_or(name).strip_prefix(root) else { continue };
        if url.is_empty() || url.starts_with(b"/") {
            let scope = program.scopes.get(section.scope.0 as usize);
            out.extend(scope.map(|scope| Folder { url: [url, b"/"].concat(), scope }));
        }
    }
    for (folder, id) in &sections.htaccess {
        let url = folder.strip_prefix(root).filter(|url| url.starts_with(b"/")).unwrap_or(folder);
        out.extend(program.scopes.get(id.0 as usize).map(|scope| Folder { url: url.to_vec(), scope }));
    }
    // a `.htaccess` stands behind the section of its folder
    out.sort_by(|one, other| one.url.cmp(&other.url));
    out
}

fn error_page(steps: &mut Steps<'_>, page: &ErrorPage, out: &mut Vec<Statement>) {
    let code = Text::literal(page.code.to_string().as_bytes());
    let words = match &page.target {
        ErrorTarget::Path(to) => to.as_literal().map(|path| vec![code, Text::literal(path)]),
        ErrorTarget::Url(to) => to.as_literal().map(|url| vec![code, Text::literal(url)]),
        _ => None,
    };
    match words {
        Some(words) => carried(steps, page.span, Statement::Plain("error_page", words), out),
        None => beside(
            steps,
            page.span,
            Refusal::new("nginx has no error page of text", "`error_page` to a named location with `return`"),
            out,
        ),
    }
}

/// Something beside lists that is left out.
fn beside(steps: &mut Steps<'_>, span: Span, why: Refusal, out: &mut Vec<Statement>) {
    let count = steps.steps.len();
    steps.leave_out(span, why);
    let remarks = steps.steps.split_off(count.min(steps.steps.len()));
    out.extend(remarks.into_iter().flat_map(|step| step.comments).map(Statement::Comment));
}

/// Something beside lists that is carried over, where nginx reads it.
fn carried(steps: &mut Steps<'_>, span: Span, statement: Statement, out: &mut Vec<Statement>) {
    if !length::statement(&statement) {
        return beside(steps, span, length::too_long(), out);
    }
    out.push(statement);
    steps.verdicts.push(Verdict { span, fate: Fate::Exact });
}

fn header(steps: &mut Steps<'_>, rule: &HeaderRule, out: &mut Vec<Statement>) {
    let adds = matches!(rule.action, HeaderAction::Set | HeaderAction::Add | HeaderAction::SetIfEmpty);
    let value = rule.value.as_literal();
    let (Some(value), true, false) = (value, adds, rule.early) else {
        let reason = "nginx only adds headers, and only fixed ones are carried over";
        let why = Refusal::new(reason, "`proxy_hide_header`, or the `headers-more` module");
        return beside(steps, rule.span, why, out);
    };
    // what is too long for a word stands in no table either
    if !length::bytes(value) {
        return beside(steps, rule.span, length::too_long(), out);
    }
    let mut formula = Formula::TRUE();
    if let Some(condition) = &rule.condition {
        let (variables, mut groups) = (BTreeMap::new(), Vec::new());
        let mut reader = Reader {
            maps: &mut steps.maps,
            variables: &variables,
            own_count: 0,
            own_groups: &mut groups,
            groups: None,
            before: Vec::new(),
            assumptions: Vec::new(),
        };
        match reader.condition(condition, false) {
            Ok(read) if reader.before.is_empty() => formula = read.simplified(),
            _ => {
                let reason = "the condition of the header has no counterpart";
                let why = Refusal::new(reason, "a `map` whose value is empty where no header is sent");
                return beside(steps, rule.span, why, out);
            }
        }
    }
    let mut text = Text::literal(value);
    let stem =
        String::from_utf8_lossy(&rule.name).to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    if !rule.always {
        // on Apache such a header is not sent with redirects and errors
        let rows = vec![(Key::Pattern(b"^2|^304".to_vec(), false), text)];
        text = Text::variable(&steps.maps.get(&format!("header_{stem}"), Text::variable("status"), rows, false));
    }
    if !formula.is_true() {
        let name = formula.variable(&mut steps.maps, false);
        let rows = vec![(Key::Literal(b"1".to_vec()), text)];
        text = Text::variable(&steps.maps.get(&format!("header_{stem}"), Text::variable(&name), rows, false));
    }
    let words = vec![Text::literal(&rule.name), text, Text::literal(b"always")];
    carried(steps, rule.span, Statement::Plain("add_header", words), out);
}
