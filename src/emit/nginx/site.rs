//! From the program to one server's steps: which lists run in which folder, and everything beside lists.

use super::condition::Reader;
use super::formula::Formula;
use super::list::{Home, Steps};
use super::plan::{Key, Statement};
use super::regex::Pattern;
use super::shape::Ordered;
use super::step::{Does, Path, Step};
use super::text::Text;
use crate::emit::{Fate, Verdict};
use crate::ir::choice::{Applies, Choice, Section};
use crate::ir::pattern;
use crate::ir::scope::{Access, ErrorPage, ErrorTarget, HeaderAction, HeaderRule, RewriteList, Scope};
use crate::ir::site::Site;
use crate::source::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A folder with a scope of its own.
struct Folder<'a> {
    url: Vec<u8>,
    scope: &'a Scope,
}

/// Statements for what stands beside lists: error pages, headers, index.
pub fn settings(steps: &mut Steps<'_>, site: &Site) -> Vec<Statement> {
    let mut out = Vec::new();
    let scopes: Vec<&Scope> = std::iter::once(site.scope)
        .filter_map(|id| steps.program.scopes.get(id.0 as usize))
        .chain(folders(steps.program, site).into_iter().filter(|folder| folder.url == b"/").map(|folder| folder.scope))
        .collect();
    for scope in scopes {
        for page in &scope.settings.error_pages.items {
            error_page(steps, page, &mut out);
        }
        for rule in &scope.settings.headers.items {
            header(steps, rule, &mut out);
        }
        if let Some(index) = &scope.settings.index {
            let names: Vec<_> = index.iter().filter_map(|name| name.as_literal().map(Text::literal)).collect();
            if !names.is_empty() {
                out.push(Statement::Plain("index", names));
            }
        }
        if let Some(Some(target)) = &scope.settings.fallback {
            let mut last = Text::literal(target);
            last.push_variable("is_args");
            last.push_variable("args");
            let mut folder = Text::variable("uri");
            folder.push_literal(b"/");
            let words = vec![Text::variable("uri"), folder, last];
            let place = super::plan::Place::Prefix(b"/".to_vec());
            out.push(Statement::Location(place, vec![Statement::Plain("try_files", words)]));
        }
    }
    out
}

/// The lists of a site as steps.
pub fn lists<'a>(steps: &mut Steps<'a>, site: &'a Site) -> Ordered {
    let mut ordered = Ordered::default();
    let program = steps.program;
    let site_scope = program.scopes.get(site.scope.0 as usize);
    let folders = folders(program, site);
    let scopes = || site_scope.into_iter().chain(folders.iter().map(|folder| folder.scope));
    for clause in scopes().flat_map(|scope| scope.lists.environment.iter()) {
        steps.environment(clause);
    }
    let remarks = std::mem::take(&mut steps.steps);
    for scope in scopes() {
        denied(steps, scope);
    }
    if let Some(scope) = site_scope {
        let on = scope.settings.rewriting == Some(true);
        if let Some(list) = scope.lists.rewrite.as_ref().filter(|_| on) {
            let home = Home { folder: None, base: None, without: &[] };
            list.clauses.iter().for_each(|clause| steps.rule(clause, home));
        }
    }
    let rewriting = site_scope.and_then(|scope| scope.settings.rewriting);
    for (at, folder) in folders.iter().enumerate() {
        let under = |other: &&Folder<'_>| other.url.len() > folder.url.len() && other.url.starts_with(&folder.url);
        let without: Vec<_> = folders
            .iter()
            .filter(under)
            .filter(|other| other.scope.lists.rewrite.is_some())
            .map(|other| other.url.clone())
            .collect();
        let parents: Vec<_> = folders
            .iter()
            .enumerate()
            .filter(|(other, parent)| *other != at && folder.url.starts_with(&parent.url))
            .map(|(_, parent)| parent.scope)
            .collect();
        let on = folder
            .scope
            .settings
            .rewriting
            .or_else(|| parents.iter().rev().find_map(|scope| scope.settings.rewriting))
            .or(rewriting);
        let Some(list) = merged(folder.scope, &parents).filter(|_| on == Some(true)) else { continue };
        let home = Home { folder: Some(&folder.url), base: list.base.as_deref(), without: &without };
        list.clauses.iter().for_each(|clause| steps.rule(clause, home));
    }
    let rules = std::mem::take(&mut steps.steps);
    let changes = |step: &Step| matches!(step.does, Does::Rewrite(..) | Does::Stop);
    let cut = rules.iter().position(changes).unwrap_or(rules.len());
    let mut rules = rules;
    ordered.rest = rules.split_off(cut);
    ordered.first = remarks;
    ordered.first.extend(rules);
    for folder in folders.iter().rev() {
        for clause in folder.scope.lists.redirect.iter() {
            steps.redirect(clause, Some(&folder.url));
        }
        if let Some(clause) = &folder.scope.lists.expression_redirect {
            steps.redirect(clause, Some(&folder.url));
        }
    }
    if let Some(scope) = site_scope {
        for clause in scope.lists.redirect.iter() {
            steps.redirect(clause, None);
        }
    }
    inner_sections(steps, &folders);
    other_sections(steps, site);
    ordered.alias = std::mem::take(&mut steps.steps);
    ordered
}

fn merged(own: &Scope, parents: &[&Scope]) -> Option<Arc<RewriteList>> {
    let own = own.lists.rewrite.clone()?;
    Some(match parents.iter().rev().find_map(|scope| scope.lists.rewrite.clone()) {
        Some(outer) => Arc::new(own.over(&outer)),
        None => own,
    })
}

/// `.htaccess` files of the site, shallow ones first, with the URL path of their folder.
fn folders<'a>(program: &'a crate::ir::Program, site: &'a Site) -> Vec<Folder<'a>> {
    let Choice::Sections(sections) = &site.choice else { return Vec::new() };
    let root = program.scopes.get(site.scope.0 as usize).and_then(|scope| scope.settings.root.as_ref());
    let root = root.and_then(|root| root.as_literal()).unwrap_or_default();
    let mut out: BTreeMap<Vec<u8>, &Scope> = BTreeMap::new();
    for section in &sections.folders {
        let Applies::Path(pattern::Pattern::Exact(name) | pattern::Pattern::Segments(name)) = &section.applies else {
            continue;
        };
        let Some(url) = name.strip_suffix(b"/").unwrap_or(name).strip_prefix(root) else { continue };
        if url.is_empty() || url.starts_with(b"/") {
            let scope = program.scopes.get(section.scope.0 as usize);
            out.extend(scope.map(|scope| ([url, b"/"].concat(), scope)));
        }
    }
    for (folder, id) in &sections.htaccess {
        let url = folder.strip_prefix(root).filter(|url| url.starts_with(b"/")).unwrap_or(folder);
        out.extend(program.scopes.get(id.0 as usize).map(|scope| (url.to_vec(), scope)));
    }
    out.into_iter().map(|(url, scope)| Folder { url, scope }).collect()
}

/// Sections for files that nobody may see: they are refused before anything is rewritten.
fn denied(steps: &mut Steps<'_>, scope: &Scope) {
    for section in &scope.inner.files {
        let Some(inner) = steps.program.scopes.get(section.scope.0 as usize) else { continue };
        let closed = [&inner.settings.access, &inner.settings.host_access];
        let denied = closed.iter().any(|access| matches!(access, Some(Access::Denied(_))));
        if let (true, Some(pattern)) = (denied, file_pattern(section)) {
            let (path, when) = (Path::Pattern(pattern), Formula::TRUE());
            let does = Does::Return(403, None);
            let comments = steps.texts.comments(section.span);
            steps.steps.push(Step {
                not_for_index: false,
                span: section.span,
                comments,
                path,
                when,
                before: Vec::new(),
                inner: Vec::new(),
                does,
            });
            steps.verdicts.push(Verdict { span: section.span, fate: Fate::Exact });
        }
    }
}

/// The last segment of a path, as a `<Files>` section means it.
fn file_pattern(section: &Section) -> Option<Pattern> {
    let Applies::Path(pattern) = &section.applies else { return None };
    match pattern {
        pattern::Pattern::Exact(name) => {
            Some(Pattern { text: [b"/", super::regex::escaped(name).as_slice(), b"\\z"].concat(), ignore_case: false })
        }
        pattern::Pattern::Glob(glob) => {
            let mut text = b"/".to_vec();
            for &byte in glob.text.iter() {
                match byte {
                    b'*' => text.extend_from_slice(b"[^/]*"),
                    b'?' => text.extend_from_slice(b"[^/]"),
                    b'[' | b']' => return None,
                    _ => text.extend_from_slice(&super::regex::escaped(&[byte])),
                }
            }
            text.extend_from_slice(b"\\z");
            Some(Pattern { text, ignore_case: glob.ignore_case })
        }
        pattern::Pattern::Regex(regex) => {
            let cut = super::regex::Source::new(regex)?;
            let inner = cut.pattern(super::regex::Subject::Same, &[]);
            let flags: &[u8] = if inner.text.starts_with(b"(?s)") { b"(?s)" } else { b"" };
            let body = inner.text.strip_prefix(flags).unwrap_or(&inner.text);
            let text = match body.strip_prefix(b"^") {
                Some(rest) if !rest.contains(&b'|') || rest.starts_with(b"(") => {
                    [flags, b"/", rest, b"(?<=[^/])(?!.*/)"].concat()
                }
                _ if body.starts_with(b"^") => return None,
                _ => [flags, body, b"(?!.*/)"].concat(),
            };
            Some(Pattern { text, ignore_case: inner.ignore_case })
        }
        _ => None,
    }
}

/// Sections inside folders that redirect: not carried over, and said so.
fn inner_sections(steps: &mut Steps<'_>, folders: &[Folder<'_>]) {
    let program = steps.program;
    for folder in folders {
        for section in folder.scope.inner.files.iter().chain(&folder.scope.inner.conditions) {
            let Some(inner) = program.scopes.get(section.scope.0 as usize) else { continue };
            let clauses = inner.lists.redirect.iter().chain(inner.lists.expression_redirect.as_deref());
            for clause in clauses {
                conditional_redirect(steps, section, clause, &folder.url);
            }
            let rules: Vec<Span> =
                inner.lists.rewrite.iter().flat_map(|list| list.clauses.iter()).map(|clause| clause.span).collect();
            for span in rules {
                steps.leave_out(span, "rewriting inside a section is matched against another text".to_owned(), None);
            }
        }
    }
}

/// Sections that are chosen by URL or by a pattern of folders: what they redirect is not carried over.
fn other_sections(steps: &mut Steps<'_>, site: &Site) {
    let Choice::Sections(sections) = &site.choice else { return };
    let program = steps.program;
    let root = program.scopes.get(site.scope.0 as usize).and_then(|scope| scope.settings.root.as_ref());
    let root = root.and_then(|root| root.as_literal()).unwrap_or_default();
    let seen = |section: &Section| match &section.applies {
        Applies::Path(pattern::Pattern::Exact(name) | pattern::Pattern::Segments(name)) => name
            .strip_suffix(b"/")
            .unwrap_or(name)
            .strip_prefix(root)
            .is_some_and(|url| url.is_empty() || url.starts_with(b"/")),
        _ => false,
    };
    let folders = sections.folders.iter().filter(|section| !seen(section)).chain(&sections.folder_patterns);
    for section in folders.chain(&sections.urls) {
        let Some(scope) = program.scopes.get(section.scope.0 as usize) else { continue };
        let rules = scope.lists.rewrite.iter().flat_map(|list| list.clauses.iter());
        let spans: Vec<Span> = scope
            .lists
            .redirect
            .iter()
            .chain(scope.lists.expression_redirect.as_deref())
            .chain(rules)
            .map(|clause| clause.span)
            .collect();
        for span in spans {
            let by_hand = Some("move it into a `location` of the same name".to_owned());
            steps.leave_out(
                span,
                "it stands in a section that is chosen by URL or by a pattern of folders".to_owned(),
                by_hand,
            );
        }
    }
}

/// A redirect inside `<If>` or `<Files>`.
fn conditional_redirect(steps: &mut Steps<'_>, section: &Section, clause: &crate::ir::clause::Clause, url: &[u8]) {
    let count = steps.steps.len();
    steps.redirect(clause, Some(url));
    let guard = match &section.applies {
        Applies::When(condition) => {
            let (variables, mut groups) = (BTreeMap::new(), Vec::new());
            let mut reader = Reader {
                maps: &mut steps.maps,
                variables: &variables,
                own_groups: &mut groups,
                groups: None,
                before: Vec::new(),
                assumptions: Vec::new(),
            };
            reader.condition(condition, false).map(|formula| (formula, reader.before))
        }
        Applies::Path(_) => file_pattern(section).map_or(Err("the section's pattern".to_owned()), |pattern| {
            let keys = vec![Key::Pattern(pattern.text, pattern.ignore_case)];
            let leaf = super::formula::Leaf { source: Text::variable("uri"), keys, wanted: true };
            Ok((Formula::Leaf(leaf), Vec::new()))
        }),
        Applies::Otherwise(_) => Err("it stands in an `<Else>`".to_owned()),
    };
    match guard {
        Ok((formula, before)) => {
            for step in steps.steps.iter_mut().skip(count) {
                step.when = Formula::All(vec![formula.clone(), step.when.clone()]).simplified();
                step.before = before.clone();
            }
        }
        Err(reason) => {
            steps.steps.truncate(count);
            steps.verdicts.retain(|verdict| verdict.span != clause.span);
            steps.leave_out(clause.span, reason, None);
        }
    }
}

fn error_page(steps: &mut Steps<'_>, page: &ErrorPage, out: &mut Vec<Statement>) {
    let code = Text::literal(page.code.to_string().as_bytes());
    let words = match &page.target {
        ErrorTarget::Path(to) => to.as_literal().map(|path| vec![code, Text::literal(path)]),
        ErrorTarget::Url(to) => to.as_literal().map(|url| vec![code, Text::literal(url)]),
        _ => None,
    };
    match words {
        Some(words) => {
            out.push(Statement::Plain("error_page", words));
            steps.verdicts.push(Verdict { span: page.span, fate: Fate::Exact });
        }
        None => beside(steps, page.span, "an error page of text needs a named location with `return`", out),
    }
}

/// Something beside lists that is left out.
fn beside(steps: &mut Steps<'_>, span: Span, reason: &str, out: &mut Vec<Statement>) {
    let count = steps.steps.len();
    steps.leave_out(span, reason.to_owned(), None);
    let remarks = steps.steps.split_off(count.min(steps.steps.len()));
    out.extend(remarks.into_iter().flat_map(|step| step.comments).map(Statement::Comment));
}

fn header(steps: &mut Steps<'_>, rule: &HeaderRule, out: &mut Vec<Statement>) {
    let adds = matches!(rule.action, HeaderAction::Set | HeaderAction::Add | HeaderAction::SetIfEmpty);
    let value = rule.value.as_literal();
    let (Some(value), true, false) = (value, adds, rule.early) else {
        return beside(steps, rule.span, "nginx only adds headers, and only fixed ones are carried over", out);
    };
    let mut formula = Formula::TRUE();
    if let Some(condition) = &rule.condition {
        let (variables, mut groups) = (BTreeMap::new(), Vec::new());
        let mut reader = Reader {
            maps: &mut steps.maps,
            variables: &variables,
            own_groups: &mut groups,
            groups: None,
            before: Vec::new(),
            assumptions: Vec::new(),
        };
        match reader.condition(condition, false) {
            Ok(read) if reader.before.is_empty() => formula = read.simplified(),
            _ => return beside(steps, rule.span, "the condition of the header has no counterpart", out),
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
    out.push(Statement::Plain("add_header", words));
    steps.verdicts.push(Verdict { span: rule.span, fate: Fate::Exact });
}
