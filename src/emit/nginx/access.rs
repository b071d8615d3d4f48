//! Who may come in: Apache asks before the rules of a folder run, nginx's `return` does not ask at all. So a refusal
//! stands before the rules, and where it cannot be said nothing in the folder may redirect.

use super::formula::{Formula, Leaf};
use super::list::{Steps, reader};
use super::plan::Key;
use super::regex::{Pattern, escaped};
use super::site::Folder;
use super::step::{Does, Path, Step};
use super::text::Text;
use crate::ir::access::Access;
use crate::source::Span;

/// Why nothing in a folder may redirect.
pub const CLOSED: &str = "the folder asks first who may come in, in a way nginx cannot ask before it redirects";

/// Writes the refusals of a folder; whether its redirects can follow.
pub fn door(steps: &mut Steps<'_>, folder: &Folder<'_>, others: &[Folder<'_>]) -> bool {
    let settings = &folder.scope.settings;
    let rules: Vec<&Access> = [&settings.host_access, &settings.access].into_iter().flatten().collect();
    let Some(span) = rules.iter().find_map(|rule| span(rule)) else { return true };
    let allowed: Result<Vec<Formula>, String> = rules.iter().map(|rule| allowed(steps, rule)).collect();
    let Ok(allowed) = allowed else { return false };
    let either = settings.any_access == Some(true);
    let refused = if either { Formula::All(allowed) } else { Formula::Any(allowed) };
    let mut parts = vec![refused.simplified()];
    let own = |other: &&Folder<'_>| {
        let settings = &other.scope.settings;
        let inside = other.url.len() > folder.url.len() && other.url.starts_with(&folder.url);
        inside && (settings.access.is_some() || settings.host_access.is_some())
    };
    parts.extend(others.iter().filter(own).map(|other| under(&other.url, false)));
    let path = match folder.url.as_slice() {
        b"/" => Path::All,
        url => Path::Pattern(Pattern { text: [b"^", escaped(url).as_slice()].concat(), ignore_case: false }),
    };
    let when = Formula::All(parts).simplified();
    let comments = steps.texts.comments(span);
    steps.steps.push(Step { path, when, comments, does: Does::Return(403, None), ..Step::remark(span, Vec::new()) });
    steps.verdict(span, &[]);
    true
}

/// The formula that holds where the rule refuses.
fn allowed(steps: &mut Steps<'_>, rule: &Access) -> Result<Formula, String> {
    match rule {
        Access::Granted => Ok(Formula::FALSE()),
        Access::Denied(_) => Ok(Formula::TRUE()),
        Access::When(condition, _) => {
            let mut groups = Vec::new();
            let mut reader = reader(&mut steps.maps, &steps.variables, &mut groups);
            let formula = reader.condition(condition, true)?;
            if reader.before.is_empty() { Ok(formula) } else { Err("it looks at files".to_owned()) }
        }
        _ => Err("it asks for a login".to_owned()),
    }
}

fn span(rule: &Access) -> Option<Span> {
    match rule {
        Access::Denied(span) | Access::When(_, span) | Access::Unknown(_, span) => Some(*span),
        Access::Login(login) => Some(login.span),
        Access::SubRequest(rule) => Some(rule.span),
        Access::Granted | Access::Networks(_) | Access::Each(_) | Access::Any(_) => None,
    }
}

/// The leaf that holds for paths in a folder, or outside of it.
pub fn under(folder: &[u8], wanted: bool) -> Formula {
    let keys = vec![Key::Pattern([b"^", escaped(folder).as_slice()].concat(), false)];
    Formula::Leaf(Leaf { source: Text::variable("uri"), keys, wanted })
}
