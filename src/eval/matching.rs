//! Patterns held against bytes, and what that leaves in the register files.

use super::flow::{Fail, Try};
use super::machine::{Machine, Value};
use super::template::render;
use crate::ir::VarId;
use crate::ir::clause::{Captures, Match, OnFailure, Store, Subject};
pub use crate::ir::pattern::glob_matches;
use crate::ir::pattern::{Pattern, Regex};
use crate::source::Span;
use std::ops::Range;

/// The groups of a match: byte ranges of the subject.
pub type Found = Vec<Option<Range<usize>>>;

/// Who asks whether a pattern matches, and how that is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A clause, of its path.
    Clause,
    /// A condition, which holds if it does, or if it does not.
    Condition {
        /// It holds where the pattern does not.
        negated: bool,
    },
}

/// Whether a match holds, its effect on the captures done.
pub fn holds(machine: &mut Machine, test: &Match, span: Span, asked: Asked) -> Try<bool> {
    let matched = match &test.subject {
        Subject::Path => against_path(machine, test, span, asked)?,
        Subject::Rewritten => match machine.list.text.take() {
            None => against_path(machine, test, span, asked)?,
            Some(text) => {
                let matched = against(machine, test, &text, span, asked);
                machine.list.text = Some(text);
                matched?
            }
        },
        Subject::Text(template) => {
            let text = render(machine, template)?;
            against(machine, test, &text, span, asked)?
        }
        Subject::HeadersNamed(names) => {
            let value = last_header(machine, names, span)?;
            against(machine, test, &value, span, asked)?
        }
        Subject::HeaderOrVariable { name, variable, again } => {
            let text = match (again, machine.list.read.take()) {
                (true, Some(text)) => text,
                _ => header_or_variable(machine, name, *variable),
            };
            let matched = against(machine, test, &text, span, asked);
            machine.list.read = Some(text);
            matched?
        }
    };
    let holds = matched != test.negated;
    if holds && matches!(test.subject, Subject::Rewritten) {
        // Captures of conditions belong to the clause whose conditions they are.
        machine.captures.of_mut(Store::Condition).clear();
        machine.captures.of_mut(Store::Expression).clear();
    }
    Ok(holds)
}

fn header_or_variable(machine: &Machine, name: &[u8], variable: VarId) -> Vec<u8> {
    match machine.header_lines(name).next() {
        Some(_) => super::attribute::header(machine, name),
        None => machine.variable(variable).and_then(|value| value.bytes.clone()).unwrap_or_default(),
    }
}

fn against_path(machine: &mut Machine, test: &Match, span: Span, asked: Asked) -> Try<bool> {
    let path = std::mem::take(&mut machine.path);
    let matched = against(machine, test, &path, span, asked);
    machine.path = path;
    matched
}

/// The value of the last header whose name a pattern finds.
fn last_header(machine: &Machine, names: &Pattern, span: Span) -> Try<Vec<u8>> {
    let mut last = Vec::new();
    for (name, value) in machine.headers() {
        if find(machine, names, name, Some(span))?.is_some() {
            last = value.to_vec();
        }
    }
    Ok(last)
}

fn against(machine: &mut Machine, test: &Match, subject: &[u8], span: Span, asked: Asked) -> Try<bool> {
    let found = find(machine, &test.pattern, subject, Some(span))?;
    let matched = found.is_some();
    if machine.recorder.explains() && !matches!(test.pattern, Pattern::Any) {
        let told = told(test, subject, found.as_ref(), asked);
        machine.recorder.test(span, || told);
    }
    store(machine, &test.captures, subject, found);
    Ok(matched)
}

fn told(test: &Match, subject: &[u8], found: Option<&Found>, asked: Asked) -> String {
    let value = String::from_utf8_lossy(subject);
    let mut told = match asked {
        Asked::Clause if found.is_some() => format!("matches `{value}`"),
        Asked::Clause => format!("does not match `{value}`"),
        Asked::Condition { negated } => {
            let holds = (found.is_some() != test.negated) != negated;
            format!("{}: the value is `{value}`", if holds { "holds" } else { "fails" })
        }
    };
    let sign = if test.captures.store == Some(Store::Condition) { '%' } else { '$' };
    for (number, group) in found.into_iter().flatten().enumerate().skip(1) {
        let bytes = group.clone().and_then(|range| subject.get(range)).unwrap_or_default();
        told.push_str(&format!(", {sign}{number} is `{}`", String::from_utf8_lossy(bytes)));
    }
    told
}

/// Does what a match does to the register files and named groups.
pub fn store(machine: &mut Machine, captures: &Captures, subject: &[u8], found: Option<Found>) {
    match (found, captures.store) {
        (Some(found), _) => {
            set_named(machine, &captures.named, subject, &found);
            if let Some(store) = captures.store {
                set(machine, store, subject, found);
            }
        }
        (None, Some(store)) if captures.on_failure == OnFailure::Clear => machine.captures.of_mut(store).clear(),
        (None, _) => {}
    }
}

/// Replaces a register file.
pub fn set(machine: &mut Machine, store: Store, subject: &[u8], found: Found) {
    let register = machine.captures.of_mut(store);
    register.subject.clear();
    register.subject.extend_from_slice(subject);
    register.groups = found;
}

/// Sets the variables of named groups.
pub fn set_named(machine: &mut Machine, named: &[(u32, VarId)], subject: &[u8], found: &Found) {
    for &(group, variable) in named {
        let range = found.get(group as usize).cloned().flatten();
        let bytes = range.and_then(|range| subject.get(range)).unwrap_or_default();
        super::clauses::assign(machine, variable, Value { bytes: Some(bytes.to_vec()), taint: None });
    }
}

/// Holds a pattern against a subject. Group 0 of a prefix is the prefix.
pub fn find(machine: &Machine, pattern: &Pattern, subject: &[u8], span: Option<Span>) -> Try<Option<Found>> {
    let whole = |length: usize| Some(vec![Some(0..length)]);
    Ok(match pattern {
        Pattern::Any => whole(subject.len()),
        Pattern::Exact(text) if &**text == subject => whole(subject.len()),
        Pattern::ExactNoCase(text) if text.eq_ignore_ascii_case(subject) => whole(subject.len()),
        Pattern::Prefix(text) if subject.starts_with(text) => whole(text.len()),
        Pattern::Segments(text) => segments(text, subject).and_then(whole),
        Pattern::Glob(glob) if glob_matches(glob, subject) => whole(subject.len()),
        Pattern::Regex(regex) => search(machine, regex, subject, span)?,
        _ => None,
    })
}

/// Searches with a regular expression; what a limit means is the server's policy.
pub fn search(machine: &Machine, regex: &Regex, subject: &[u8], span: Option<Span>) -> Try<Option<Found>> {
    if !regex.begins(subject) {
        return Ok(None);
    }
    let Ok(compiled) = regex.compiled() else {
        return Err(Fail::Unknown(span, "a regular expression that does not compile".to_owned()));
    };
    match compiled.find(subject) {
        Ok(found) => Ok(found.map(|groups| groups.0)),
        Err(_) => match machine.program.facts.match_limit_status {
            Some(status) => Err(Fail::Status(status, span)),
            None => Ok(None),
        },
    }
}

/// mod_alias's comparison: runs of slashes match runs of slashes, and the prefix ends at a segment's end. How many
/// bytes of the path the prefix takes.
pub fn segments(prefix: &[u8], path: &[u8]) -> Option<usize> {
    let (mut p, mut at) = (0, 0);
    while let Some(&byte) = prefix.get(p) {
        if byte == b'/' {
            if path.get(at) != Some(&b'/') {
                return None;
            }
            while prefix.get(p) == Some(&b'/') {
                p += 1;
            }
            while path.get(at) == Some(&b'/') {
                at += 1;
            }
        } else {
            if path.get(at) != Some(&byte) {
                return None;
            }
            p += 1;
            at += 1;
        }
    }
    let ends = prefix.last() == Some(&b'/') || at == path.len() || path.get(at) == Some(&b'/');
    (ends && !prefix.is_empty()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::pattern::Glob;

    fn glob(text: &str, path: bool) -> Glob {
        Glob { text: text.as_bytes().into(), path, ignore_case: false }
    }

    #[test]
    fn a_prefix_of_segments_ends_where_a_segment_ends() {
        assert_eq!(segments(b"/old", b"/old/x"), Some(4));
        assert_eq!(segments(b"/old", b"/old"), Some(4));
        assert_eq!(segments(b"/old", b"/older"), None);
        assert_eq!(segments(b"/d/", b"/d"), None);
        assert_eq!(segments(b"/d/", b"/d//x"), Some(4));
        assert_eq!(segments(b"", b"/d"), None);
    }

    #[test]
    fn a_star_stops_at_a_slash_only_in_paths() {
        assert!(glob_matches(&glob("/a/*/c", true), b"/a/b/c"));
        assert!(!glob_matches(&glob("/a/*", true), b"/a/b/c"));
        assert!(glob_matches(&glob("/a/*", false), b"/a/b/c"));
        assert!(glob_matches(&glob("*.[ch]", false), b"x.c"));
        assert!(!glob_matches(&glob("*.[!ch]", false), b"x.c"));
    }
}
