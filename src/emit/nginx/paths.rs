//! Patterns and internal targets of a folder's rules, as nginx sees paths.

use super::formula::{Formula, Leaf};
use super::list::Home;
use super::plan::Key;
use super::regex::{self, Source, Subject as Against};
use super::step::Path;
use super::target::{self, Maker, group_variable};
use super::text::{Piece, Text};
use crate::emit::Refusal;
use crate::ir::clause::{Rewrite, Store};
use crate::ir::policy::{OldQuery, QueryPolicy, Relative};
use crate::ir::template::{Part, Template};

/// Why a text that copies a whole match is left out.
pub fn whole_match() -> Refusal {
    let by_hand = "put the pattern in brackets, and copy `$1` or `%1`";
    Refusal::new("the whole match is copied (`$0`, `%0`), which nginx does not name", by_hand)
}

/// What a list's patterns are matched against.
pub fn against(home: Home<'_>) -> Against<'_> {
    home.folder.map_or(Against::Same, Against::Under)
}

/// Which paths a pattern in a folder means; a negated one goes to the conditions.
pub fn path(
    cut: Option<&Source>,
    negated: bool,
    home: Home<'_>,
    names: &[(u8, String)],
    no_controls: bool,
    parts: &mut Vec<Formula>,
) -> Path {
    let under = |folder: &[u8], wanted| {
        let keys = vec![Key::Pattern([b"^", regex::escaped(folder).as_slice()].concat(), false)];
        Formula::Leaf(Leaf { source: Text::variable("uri"), keys, wanted })
    };
    parts.extend(home.without.iter().map(|folder| under(folder, false)));
    let inner = home.folder.filter(|folder| *folder != b"/");
    let Some(cut) = cut else { return Path::All };
    if negated {
        parts.extend(inner.map(|folder| under(folder, true)));
        let pattern = cut.pattern(against(home), &[]);
        let keys = vec![Key::Pattern(pattern.text, pattern.ignore_case)];
        parts.push(Formula::Leaf(Leaf { source: Text::variable("uri"), keys, wanted: false }));
        return Path::All;
    }
    if let Some(text) = cut.exact() {
        return Path::Exact([home.folder.unwrap_or_default(), &text].concat());
    }
    if cut.matches_all() && inner.is_none() && names.is_empty() && !no_controls {
        return Path::All;
    }
    let mut pattern = cut.pattern(against(home), names);
    if no_controls {
        pattern.text = [br"(?!.*[\x00-\x1f\x7f])".as_slice(), &pattern.text].concat();
        if let Some(rest) = pattern.text.strip_prefix(br"(?!.*[\x00-\x1f\x7f])(?s)".as_slice()) {
            pattern.text = [br"(?s)(?!.*[\x00-\x1f\x7f])".as_slice(), rest].concat();
        }
    }
    Path::Pattern(pattern)
}

/// The expression for a path and what lies under it, the rest as `part_1` where it is copied.
pub fn prefix_pattern(prefix: &[u8], named: bool) -> regex::Pattern {
    let start = [b"^", regex::escaped(prefix).as_slice()].concat();
    let text = match (prefix.ends_with(b"/"), named) {
        (true, true) => [b"(?s)", start.as_slice(), b"(?<part_1>.*)"].concat(),
        (false, true) => [b"(?s)", start.as_slice(), br"(?<part_1>/.*)?\z"].concat(),
        _ => target::segments(prefix),
    };
    regex::Pattern { text, ignore_case: false }
}

/// The text of an internal rewrite, with nginx's rules for queries.
///
/// # Errors
/// What cannot be said in nginx.
pub fn internal(maker: &mut Maker<'_>, rewrite: &Rewrite, to: &Template, home: Home<'_>) -> Result<Text, Refusal> {
    let mut text = Text::default();
    let starts_with_slash = matches!(to.parts.first(), Some(Part::Literal(bytes)) if bytes.starts_with(b"/"))
        || matches!(to.parts.first(), Some(Part::Attribute(crate::ir::template::Attribute::Path)));
    if !starts_with_slash {
        match rewrite.relative {
            Relative::Folder => {
                text.push_literal(home.base.or(home.folder).unwrap_or(b"/"));
                if !home.base.or(home.folder).unwrap_or(b"/").ends_with(b"/") {
                    text.push_literal(b"/");
                }
            }
            _ if matches!(to.parts.first(), Some(Part::Literal(_)) | None) => text.push_literal(b"/"),
            _ => {}
        }
    }
    let mut has_query = false;
    for part in &to.parts {
        match part {
            Part::Literal(bytes) => {
                has_query |= bytes.contains(&b'?');
                text.push_literal(bytes);
            }
            Part::Capture { group: 0, .. } => return Err(whole_match()),
            Part::Capture { store: Store::Pattern, group, .. } => {
                let there = maker.pattern.is_some_and(|pattern| *group <= pattern.groups());
                text.0.extend(there.then(|| Piece::Variable(group.to_string())));
            }
            Part::Capture { group, .. } => {
                let held = maker.condition.as_ref().and_then(|groups| group_variable(groups, *group));
                held.iter().for_each(|name| text.push_variable(name));
            }
            Part::Attribute(attribute) => text.append(&super::attribute::text(attribute, maker.maps)?.0),
            Part::Variable(id) => text.append(maker.variables.get(&id.0).ok_or("it holds a variable set elsewhere")?),
            _ => return Err(Refusal::new("the new path is computed", "write one `rewrite` for each path it comes to")),
        }
    }
    let QueryPolicy::Split { old, .. } = rewrite.query else { return Ok(text) };
    let drop = match old {
        OldQuery::None | OldQuery::Discard | OldQuery::DiscardThenAppend => true,
        OldQuery::Default => has_query,
        OldQuery::Append => false,
    };
    if drop {
        text.push_literal(b"?");
    }
    match text.0.is_empty() {
        true => Err(Refusal::new("the new path is empty, and nginx takes no `rewrite` to that", "write the new path")),
        false => Ok(text),
    }
}
