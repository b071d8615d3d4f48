//! Steps as statements: what stands at server level, what becomes a location, what a `try_files` says.
//!
//! Everything at server level runs in order, so it is exact as it stands. Locations read better but are chosen
//! by nginx's own rule; only the longest run of steps at the end that are decided by the path alone may become
//! locations, and among those an exact path that an earlier pattern matches stays a pattern.

use super::formula::{Formula, Leaf};
use super::maps::Maps;
use super::plan::{Key, Place, Statement, Table, Test};
use super::regex::{self, Pattern};
use super::step::{Does, Path, Step};
use super::text::{Piece, Text};
use crate::emit::Style;
use crate::pcre;
use std::collections::BTreeSet;

/// Steps in groups that run one after the other.
#[derive(Debug, Default)]
pub struct Ordered {
    /// Rules up to the first that changes the path or ends the list.
    pub first: Vec<Step>,
    /// Redirects of mod_alias.
    pub alias: Vec<Step>,
    /// The remaining rules.
    pub rest: Vec<Step>,
}

/// The statements of a server.
pub fn statements(steps: Ordered, style: Style, maps: &mut Maps) -> Vec<Statement> {
    let Ordered { mut first, alias, mut rest } = steps;
    let front = take_front_controller(&mut rest);
    let names: Vec<Vec<u8>> =
        ["index.html", "index.php", "index.htm"].iter().map(|name| name.as_bytes().to_vec()).collect();
    let for_index = first.iter().chain(&rest).any(|step| step.meets_index(&names));
    let rules = first.len() + rest.len();
    let internal = rest.iter().any(|step| matches!(step.does, Does::Rewrite(..) | Does::Stop));
    let mut all = std::mem::take(&mut first);
    let mut tail = Vec::new();
    if internal {
        all.extend(alias);
        all.extend(rest);
    } else {
        all.extend(rest);
        all.extend(alias);
    }
    if style != Style::Rewrite && !internal {
        let from = all.iter().rposition(|step| !step.is_location()).map_or(0, |at| at + 1);
        // a last step for everything is a location too, if others are
        let catch_all = all
            .last()
            .is_some_and(|step| step.path == Path::All && step.when.is_true() && matches!(step.does, Does::Return(..)));
        let before = all.len().saturating_sub(1);
        let run = all
            .get(..before)
            .map_or(0, |head| head.iter().rposition(|step| !step.is_location()).map_or(0, |at| at + 1));
        let from = if catch_all && front.is_none() && run < before { run } else { from };
        // what must not see an index file's path stands at server level
        let from = if for_index { from.max(rules) } else { from };
        tail = all.split_off(from.min(all.len()));
    }
    let mut out = Vec::new();
    if for_index {
        out.extend(index_guard(maps));
    }
    let mut volatile = false;
    let mut disk = BTreeSet::new();
    for step in &all {
        let mut step = step.clone();
        // what lies at the path is asked once, until the path changes; a step that never applies asks nothing
        step.before.retain(|statement| !step.when.is_false() && once(statement, &mut disk));
        step.statements(maps, volatile, &mut out);
        if matches!(step.does, Does::Rewrite(_, _, false)) {
            volatile = true;
            disk.clear();
        }
    }
    super::rows::take(&mut tail, style, maps, &mut out);
    if !out.is_empty() && (!tail.is_empty() || front.is_some()) {
        out.push(Statement::Blank);
    }
    locations(&tail, &mut out);
    if let Some(front) = front {
        out.extend(front);
    }
    out
}

/// nginx looks for an index file by starting over with its path, and Apache's redirects are skipped meanwhile.
fn index_guard(maps: &mut Maps) -> Vec<Statement> {
    let mut source = Text::variable("request_uri");
    source.push_literal(b" ");
    source.push_variable("uri");
    let pattern = br"(?s)^[^? ]*/(?:\?[^ ]*)? .*[^/]\z".to_vec();
    let mut table = Table::map(source, "index_file", vec![(Key::Pattern(pattern, false), Text::literal(b"1"))]);
    table.volatile = true;
    table.note = Some("whether nginx has gone on from a folder to its index file".to_owned());
    maps.named(table);
    let stop = vec![Statement::Plain("break", Vec::new())];
    vec![Statement::If(Test::True("index_file".to_owned()), stop)]
}

fn once(statement: &Statement, seen: &mut BTreeSet<String>) -> bool {
    match name_of(statement) {
        Some(name) if name.starts_with("on_disk") => seen.insert(format!("{statement:?}")),
        _ => true,
    }
}

fn name_of(statement: &Statement) -> Option<&str> {
    match statement {
        Statement::Set(name, _) => Some(name),
        Statement::If(_, body) => body.first().and_then(name_of),
        _ => None,
    }
}

fn locations(steps: &[Step], out: &mut Vec<Statement>) {
    let mut seen: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut patterns: Vec<(Pattern, Option<pcre::Regex>)> = Vec::new();
    for step in steps {
        out.extend(step.comments.iter().cloned().map(Statement::Comment));
        if matches!(step.does, Does::Remark) || step.when.is_false() {
            continue;
        }
        let place = match &step.path {
            Path::Exact(path) => {
                // too many to try them all: an expression in its place is exact too
                let many = patterns.len() > 500 && steps.len() > 5000;
                let covered = many
                    || patterns
                        .iter()
                        .any(|(_, regex)| regex.as_ref().is_none_or(|regex| regex.is_match(path).unwrap_or(true)));
                match covered {
                    // the earlier pattern answers, as it does on Apache
                    true => Place::Pattern([b"^", regex::escaped(path).as_slice(), b"\\z"].concat(), false),
                    false if !seen.insert(path.clone()) => continue,
                    false => Place::Exact(path.clone()),
                }
            }
            Path::Pattern(pattern) => {
                let options = pcre::Options { caseless: pattern.ignore_case, ..pcre::Options::default() };
                patterns.push((pattern.clone(), pcre::Regex::new(&pattern.text, options).ok()));
                Place::Pattern(pattern.text.clone(), pattern.ignore_case)
            }
            Path::All => Place::Prefix(b"/".to_vec()),
        };
        out.push(Statement::Location(place, step.body()));
    }
}

/// A last rule that hands everything which is no file to one script is `try_files`.
fn take_front_controller(steps: &mut Vec<Step>) -> Option<Vec<Statement>> {
    let at = steps.iter().rposition(|step| !matches!(step.does, Does::Remark))?;
    let step = steps.get(at)?.clone();
    let Does::Rewrite(pattern, to, _) = &step.does else { return None };
    let everything: [&[u8]; 8] =
        [b"^", b"^/", b"(?s)^/(.*)$", b"(?s)^/.*?.", b"(?s)^/(.*)", b"(?s)^/.*$", b"(?s)^/(.+)$", b"(?s)^/.*"];
    let keys = [Key::Literal(b"file".to_vec()), Key::Literal(b"folder".to_vec())];
    let Formula::Leaf(Leaf { source, keys: own, wanted: false }) = &step.when else { return None };
    let plain = source.as_variable() == Some("on_disk") && own.len() == 2 && keys.iter().all(|key| own.contains(key));
    if !plain || !everything.contains(&pattern.as_slice()) || !step.inner.is_empty() {
        return None;
    }
    let literal = to.as_literal().filter(|text| text.starts_with(b"/"));
    let mut out: Vec<_> = step.comments.iter().cloned().map(Statement::Comment).collect();
    let mut words = vec![Text::variable("uri"), Text::literal(b"$uri/")];
    if let Some(last) = words.last_mut() {
        *last = Text(vec![Piece::Variable("uri".to_owned()), Piece::Literal(b"/".to_vec())]);
    }
    match literal {
        Some(text) => {
            let mut target = Text::literal(text.strip_suffix(b"?").unwrap_or(text));
            if !text.contains(&b'?') {
                target.push_variable("is_args");
                target.push_variable("args");
            }
            words.push(target);
            out.push(Statement::Location(Place::Prefix(b"/".to_vec()), vec![Statement::Plain("try_files", words)]));
        }
        None => {
            words.push(Text::literal(b"@front"));
            out.push(Statement::Location(Place::Prefix(b"/".to_vec()), vec![Statement::Plain("try_files", words)]));
            let rewrite = Statement::Rewrite(pattern.clone(), to.clone(), "last");
            out.push(Statement::Location(Place::Named("front"), vec![rewrite]));
        }
    }
    // an earlier rule that only lets the script itself through says nothing more
    let before = steps.get(..at)?;
    if before.iter().any(|step| matches!(step.does, Does::Rewrite(..))) {
        return None;
    }
    let harmless = |step: &Step| match (&step.does, &step.path) {
        (Does::Stop, Path::Exact(path)) => {
            step.when.is_true() && to.as_literal().is_some_and(|text| text.starts_with(path))
        }
        _ => false,
    };
    if before.iter().any(|step| matches!(step.does, Does::Stop) && !harmless(step)) {
        return None;
    }
    steps.remove(at);
    steps.retain(|step| !harmless(step));
    Some(out)
}
