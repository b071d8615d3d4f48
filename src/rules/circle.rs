//! What kind of circle a walk runs in, so that each of the rules about loops reports its own and no other's.

use super::mend;
use crate::analysis::Facts;
use crate::analysis::graph::{self, Shape, Walk};
use crate::analysis::guard::{Dimension, Guard};
use crate::analysis::routes::{PathPattern, Route};
use crate::analysis::witness::{confidence_of, fits};
use crate::diagnostic::{Confidence, Edit, Finding};
use crate::ir::template::Part;
use crate::source::Span;

/// Kinds of circles, the most telling one wins.
pub enum Kind<'f, 'a> {
    /// It hangs on something that a later request may well answer otherwise.
    Conditional(Option<&'f Guard<'a>>),
    /// A prefix that is redirected to a place below itself.
    Prefix(&'f Route<'a>),
    /// The index file of a folder that is redirected to the folder.
    Index(&'f Route<'a>),
    /// Any other.
    Plain,
}

/// Usual names of index files, beside those that are looked for where the configuration names none.
const INDEXES: &[&[u8]] = &[b"index.html", b"index.php", b"index.htm"];

/// The kind of circle; `None` for a walk that ends.
pub fn kind<'f, 'a>(facts: &'f Facts<'a>, walk: &Walk) -> Option<Kind<'f, 'a>> {
    let from = match walk.shape {
        Shape::Loop(from) => from,
        Shape::Growing | Shape::Endless => 0,
        Shape::Single | Shape::Chain(_) => return None,
    };
    let routes: Vec<&Route<'a>> = walk.routes.iter().skip(from).filter_map(|id| facts.routes().get((*id)?)).collect();
    let open =
        |dimension: &Dimension| undecided(dimension) && !(facts.options.real_files && *dimension == Dimension::File);
    let conditional = routes.iter().find_map(|route| route.guards_on(open).next());
    let assumed = confidence_of(&walk.journey) != Confidence::Proven;
    let only = routes.first().filter(|first| routes.iter().all(|route| route.span == first.span));
    match only {
        Some(route) if index(facts, walk, from, route) => Some(Kind::Index(route)),
        _ if matches!(walk.shape, Shape::Loop(_)) && (assumed || conditional.is_some()) => {
            Some(Kind::Conditional(conditional))
        }
        Some(route) if into_itself(route) => Some(Kind::Prefix(route)),
        _ => Some(Kind::Plain),
    }
}

/// What the tool cannot decide and the next request may answer otherwise.
fn undecided(dimension: &Dimension) -> bool {
    match dimension {
        Dimension::Header(name) => name.as_slice() != b"x-forwarded-proto",
        Dimension::Variable(_) => true,
        other => other.is_volatile(),
    }
}

fn into_itself(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    route.paths.iter().filter(|test| !test.negated).any(|test| match test.pattern {
        PathPattern::Prefix(prefix) => prefix.len() > 1 && target.path_prefix.starts_with(prefix),
        PathPattern::Segments(prefix) => {
            prefix.len() > 1
                && target.path_prefix.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        }
        _ => false,
    })
}

/// Whether a folder is asked for and only its index file fits the route.
fn index(facts: &Facts<'_>, walk: &Walk, from: usize, route: &Route<'_>) -> bool {
    let said = facts.program.facts.index.iter().map(|name| &**name);
    let names: Vec<&[u8]> = said.chain(INDEXES.iter().copied()).collect();
    walk.journey.hops.iter().skip(from).any(|hop| {
        let path = hop.request.target.split(|&byte| byte == b'?').next().unwrap_or_default();
        path.ends_with(b"/") && !fits(route, path) && names.iter().any(|name| fits(route, &[path, name].concat()))
    })
}

/// The directives of the circle in the order of the text, and the one that closes it.
pub fn members(walk: &Walk) -> (Vec<Span>, Option<Span>) {
    let from = if let Shape::Loop(from) = walk.shape { from } else { 0 };
    let mut spans: Vec<Span> = walk.spans.iter().skip(from).copied().collect();
    let closing = spans.last().copied();
    spans.sort();
    spans.dedup();
    (spans, closing)
}

/// The finding one step down, and a word on why, where the circle is one only in the folder that is served.
pub fn placed(facts: &Facts<'_>, walk: &Walk, mut finding: Finding) -> Finding {
    if facts.hangs_on_place(walk) {
        finding.severity = Confidence::Likely.lower(finding.severity);
        let help = finding.help.take().unwrap_or_default();
        finding.help = Some(format!(
            "{help}; this holds if the file lies in the folder that is served (`--root` says so, `--base` else)"
        ));
    }
    finding
}

/// Leaves the paths that a redirect leads to out of what it is sent for; nothing where its own turns of the way do not
/// begin with them, so that this would not stop it.
pub fn spare_target(facts: &Facts<'_>, walk: &Walk, span: Span) -> Option<Vec<Edit>> {
    let route = facts.routes().at(span).next()?;
    let target = route.target()?;
    let prefix = target.path_prefix.strip_suffix(b"/").unwrap_or(&target.path_prefix);
    if route.path_prefix().starts_with(prefix) {
        // Nothing would be left to redirect.
        return None;
    }
    let mut own = walk.journey.hops.iter().filter(|hop| hop.answer.cause == Some(span));
    if !own.any(|hop| graph::path_of(&hop.request).starts_with(prefix)) {
        return None;
    }
    let segment = *prefix != *target.path_prefix || !matches!(target.template.parts.get(1), Some(Part::Capture { .. }));
    let end = if segment { "(?:/|$)" } else { "" };
    let own = format!("^{}{end}", mend::literal_pattern(Some(prefix).filter(|prefix| prefix.len() > 1)?));
    let condition = mend::condition(facts, span, &format!("%{{REQUEST_URI}} !{own}"));
    condition.or_else(|| mend::wrap(facts, span, &format!("if ($uri !~ \"{own}\")")))
}
