//! What single directives do, in a line each: for the editor and for `explain`.

use crate::analysis::Facts;
use crate::analysis::routes::{PathKind, PathPattern, PathTest, Route};
use crate::analysis::target::TargetView;
use crate::eval::follow;
use crate::ir::template::Part;
use crate::report::shown::escape_bytes;

/// Above this many routes no example request is looked for: the editor would have to wait for it.
const MOST: usize = 300;

/// What a route does, with an example request where one is cheap to find.
pub fn deed(facts: &Facts<'_>, route: &Route<'_>) -> String {
    let example = (facts.routes().all.len() <= MOST).then(|| facts.proofs(route).first()).flatten();
    let does = does(route);
    match example {
        Some(proof) => {
            let url = escape_bytes(&follow::url_of(&proof.request));
            let to = proof.answer.location.as_ref().map(|to| format!(" to {}", escape_bytes(to))).unwrap_or_default();
            let status = proof.answer.status.map_or("content".to_owned(), |status| status.to_string());
            format!("{does}; for example {} {url}: {status}{to}", escape_bytes(&proof.request.method))
        }
        None => format!("{does}; for {}", source(route)),
    }
}

/// `301 to /new`, `403`, `rewritten to /index.php`.
pub fn does(route: &Route<'_>) -> String {
    let to = route.target().map(target).unwrap_or_default();
    match route.status() {
        Some(status) if route.is_redirect() => format!("{status} to {to}"),
        Some(status) => status.to_string(),
        None => format!("rewritten to {to}"),
    }
}

/// The paths a route is for, as the configuration spells them.
pub fn source(route: &Route<'_>) -> String {
    if let Some(path) = route.exact_path() {
        return escape_bytes(&path);
    }
    let positive = || route.paths.iter().filter(|test| !test.negated && test.on != PathKind::File);
    let own = positive().find(|test| test.own).or_else(|| positive().next_back());
    own.map_or_else(|| "/…".to_owned(), spelled)
}

/// The same, by the location around a route where that names a path: it tells more than the pattern inside of it.
pub fn place(route: &Route<'_>) -> String {
    let around = route.paths.iter().rev().filter(|test| !test.own && !test.negated && test.on == PathKind::Url);
    let named = around.into_iter().find(|test| match test.pattern {
        PathPattern::Exact(text) | PathPattern::Prefix(text) => text.len() > 1,
        _ => false,
    });
    named.map_or_else(|| source(route), spelled)
}

fn spelled(test: &PathTest<'_>) -> String {
    match test.pattern {
        PathPattern::Exact(text) => escape_bytes(text),
        PathPattern::Prefix(text) | PathPattern::Segments(text) => format!("{}…", escape_bytes(text)),
        PathPattern::Regex(regex) => escape_bytes(&regex.text),
        PathPattern::Other(_) => "a pattern".to_owned(),
    }
}

/// A target with what only a request decides left open.
pub fn target(view: &TargetView<'_>) -> String {
    let mut text = String::new();
    for part in &view.template.parts {
        match part {
            Part::Literal(literal) => text.push_str(&escape_bytes(literal)),
            Part::Capture { group, .. } => text.push_str(&format!("${group}")),
            _ if text.ends_with('…') => {}
            _ => text.push('…'),
        }
    }
    if view.appends_rest {
        text.push('…');
    }
    text
}
