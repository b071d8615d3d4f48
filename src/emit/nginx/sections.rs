//! Sections: `<Files>` and `<If>` in folders, and those chosen by URL.

use super::access::under;
use super::formula::Formula;
use super::list::{Steps, reader};
use super::regex::Pattern;
use super::site::Folder;
use super::step::{Does, Path, Step};
use crate::emit::Refusal;
use crate::ir::access::Access;
use crate::ir::choice::{Applies, Choice, Section};
use crate::ir::clause::Clause;
use crate::ir::condition::Condition;
use crate::ir::pattern;
use crate::ir::scope::Scope;
use crate::ir::site::Site;
use crate::pcre;
use crate::source::Span;

/// Sections for files that nobody may see: they are refused before anything is rewritten.
pub fn denied(steps: &mut Steps<'_>, scope: Option<&Scope>, folder: Option<&[u8]>) {
    for section in scope.iter().flat_map(|scope| &scope.inner.files) {
        let Some(inner) = steps.program.scopes.get(section.scope.0 as usize) else { continue };
        let closed = [&inner.settings.access, &inner.settings.host_access];
        let denied = closed.iter().any(|access| matches!(access, Some(Access::Denied(_))));
        if let (true, Some(pattern)) = (denied, file_pattern(section)) {
            let when = folder.filter(|url| *url != b"/").map_or_else(Formula::TRUE, |url| under(url, true));
            let (path, does) = (Path::Pattern(pattern), Does::Return(403, None));
            let comments = steps.texts.comments(section.span);
            let mark = steps.mark();
            steps.steps.push(Step { path, when, comments, does, ..Step::remark(section.span, Vec::new()) });
            match steps.kept(&mark, Ok(())) {
                Ok(()) => steps.verdict(section.span, &[]),
                Err(reason) => steps.leave_out(section.span, reason),
            }
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

/// Redirects in sections of a folder. Apache lays a later section over an earlier one and conditions over files, and
/// what lies on top is asked first.
pub fn inner(steps: &mut Steps<'_>, folders: &[Folder<'_>]) {
    let mut on_top = Vec::new();
    for folder in folders {
        let mut before = Vec::new();
        for section in &folder.scope.inner.conditions {
            let guard = condition_guard(steps, section, &mut before);
            on_top.push((section, folder, guard));
        }
    }
    let files = folders.iter().flat_map(|folder| folder.scope.inner.files.iter().map(move |section| (section, folder)));
    let below: Vec<_> = files.map(|(section, folder)| (section, folder, Ok(Formula::TRUE()))).collect();
    for (section, folder, guard) in on_top.iter().rev().chain(below.iter().rev()) {
        let Some(scope) = steps.program.scopes.get(section.scope.0 as usize) else { continue };
        let clauses = scope.lists.redirect.iter().chain(scope.lists.expression_redirect.as_deref());
        for clause in clauses {
            let guard = match &section.applies {
                Applies::Path(_) => names_the_file(section, clause, &folder.url),
                _ => guard.clone(),
            };
            guarded(steps, clause, &folder.url, guard);
        }
        let rules = scope.lists.rewrite.iter().flat_map(|list| list.clauses.iter());
        for span in rules.map(|clause| clause.span).collect::<Vec<Span>>() {
            steps.leave_out(
                span,
                Refusal::new(
                    "rewriting inside a section is matched against another text",
                    "move it out of the section, with a condition that says the same",
                ),
            );
        }
    }
}

/// The condition of an `<If>`, `<ElseIf>` or `<Else>`. `before`: the opposites of the conditions before it in its chain.
fn condition_guard(
    steps: &mut Steps<'_>,
    section: &Section,
    before: &mut Vec<Result<Formula, Refusal>>,
) -> Result<Formula, Refusal> {
    let mut read = |condition: &Condition, negated| {
        let mut groups = Vec::new();
        let mut reader = reader(&mut steps.maps, &steps.variables, &mut groups);
        let formula = reader.condition(condition, negated)?;
        if reader.before.is_empty() {
            Ok(formula)
        } else {
            Err(Refusal::new("its section looks at files", "write a `location` with `try_files`"))
        }
    };
    let condition = match &section.applies {
        Applies::When(condition) => {
            before.clear();
            condition
        }
        Applies::Otherwise(condition) => condition,
        Applies::Path(_) => return Ok(Formula::TRUE()),
    };
    let mut parts: Vec<Result<Formula, Refusal>> = before.clone();
    parts.push(read(condition, false));
    before.push(read(condition, true));
    Ok(Formula::All(parts.into_iter().collect::<Result<_, _>>()?))
}

/// Which file a longer path names depends on the folders that exist; a name directly in the folder does not.
fn names_the_file(section: &Section, clause: &Clause, folder: &[u8]) -> Result<Formula, Refusal> {
    let unknown = || "which file a path names depends on the folders that exist".to_owned();
    let Some(pattern::Pattern::Segments(prefix)) = clause.when.matches.as_ref().map(|test| &test.pattern) else {
        return Err(unknown().into());
    };
    let name = prefix.strip_prefix(folder).filter(|name| !name.is_empty() && !name.contains(&b'/'));
    let pattern = file_pattern(section).ok_or_else(unknown)?;
    let options = pcre::Options { caseless: pattern.ignore_case, ..pcre::Options::default() };
    let regex = pcre::Regex::new(&pattern.text, options).map_err(|error| error.to_string())?;
    match name.map(|name| regex.is_match(&[b"/", name].concat())) {
        Some(Ok(true)) => Ok(Formula::TRUE()),
        _ => Err(unknown().into()),
    }
}

/// A redirect that applies under a guard.
fn guarded(steps: &mut Steps<'_>, clause: &Clause, url: &[u8], guard: Result<Formula, Refusal>) {
    match guard {
        Ok(formula) => {
            let count = steps.steps.len();
            steps.redirect(clause, Some(url));
            for step in steps.steps.iter_mut().skip(count) {
                step.when = Formula::All(vec![formula.clone(), step.when.clone()]).simplified();
            }
        }
        Err(reason) => steps.leave_out(clause.span, reason),
    }
}

/// Sections that are chosen by URL or by a pattern of folders: what they redirect is not carried over.
pub fn others(steps: &mut Steps<'_>, site: &Site) {
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
            let reason = "it stands in a section that is chosen by URL or by a pattern of folders";
            steps.leave_out(span, Refusal::new(reason, "move it into a `location` of the same name"));
        }
    }
}
