//! Who may come in: Apache asks before the rules of a folder run, nginx's `return` does not ask at all. So a refusal
//! stands before the rules, and where it cannot be said nothing in the folder may redirect.

use super::formula::{Formula, Leaf};
use super::list::{Steps, reader};
use super::plan::Key;
use super::regex::{Pattern, escaped};
use super::site::Folder;
use super::step::{Does, Path, Step};
use super::text::Text;
use crate::emit::Refusal;
use crate::ir::access::Access;
use crate::source::Span;

/// Why nothing in a folder may redirect.
pub fn closed() -> Refusal {
    let reason = "the folder asks first who may come in, in a way nginx cannot ask before it redirects";
    Refusal::new(reason, "`allow`, `deny` or `auth_basic` in a location, with the redirects in locations that are open")
}

/// Writes the refusals of a folder; whether its redirects can follow.
pub fn door(steps: &mut Steps<'_>, folder: &Folder<'_>, others: &[Folder<'_>]) -> bool {
    let settings = &folder.scope.settings;
    // what lies over the same folder says it anew
    let over: Vec<_> = others
        .iter()
        .skip_while(|other| !std::ptr::eq(*other, folder))
        .skip(1)
        .filter(|other| other.url == folder.url)
        .map(|other| &other.scope.settings)
        .collect();
    let host = settings.host_access.as_ref().filter(|_| over.iter().all(|other| other.host_access.is_none()));
    let own = settings.access.as_ref().filter(|_| over.iter().all(|other| other.access.is_none()));
    let rules: Vec<&Access> = host.into_iter().chain(own).collect();
    let Some(span) = rules.iter().find_map(|rule| span(rule)) else { return true };
    let allowed: Result<Vec<Formula>, Refusal> = rules.iter().map(|rule| allowed(steps, rule)).collect();
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
    let mark = steps.mark();
    steps.steps.push(Step { path, when, comments, does: Does::Return(403, None), ..Step::remark(span, Vec::new()) });
    steps.verdict(span, &[]);
    steps.kept(&mark, Ok(())).is_ok()
}

/// The formula that holds where the rule refuses.
fn allowed(steps: &mut Steps<'_>, rule: &Access) -> Result<Formula, Refusal> {
    match rule {
        Access::Granted => Ok(Formula::FALSE()),
        Access::Denied(_) => Ok(Formula::TRUE()),
        Access::When(condition, _) => {
            let mut groups = Vec::new();
            let mut reader = reader(&mut steps.maps, &steps.variables, &mut groups);
            let formula = reader.condition(condition, true)?;
            if reader.before.is_empty() {
                Ok(formula)
            } else {
                Err(Refusal::new("it looks at files", "write a `location` with `try_files`"))
            }
        }
        _ => Err(Refusal::new(
            "it asks for a login",
            "`auth_basic` and `auth_basic_user_file`, with the redirects in locations that are open",
        )),
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
