//! Which rules are asked for, by name or group.

use super::Stop;
use crate::rules::{ALL, Group, Rule};

/// A choice of rules.
#[derive(Debug, Default)]
pub struct Selection {
    select: Vec<String>,
    ignore: Vec<String>,
}

impl Selection {
    /// A choice from names of rules and groups.
    ///
    /// # Errors
    /// A name that is neither, with the nearest one.
    pub fn new(select: &[String], ignore: &[String]) -> Result<Self, Stop> {
        for name in select.iter().chain(ignore) {
            if !ALL.iter().any(|rule| names(rule, name)) {
                return Err(unknown(name));
            }
        }
        Ok(Self { select: select.to_vec(), ignore: ignore.to_vec() })
    }

    /// Whether a rule of that name is asked for.
    pub fn takes(&self, rule: &str) -> bool {
        let Some(rule) = ALL.iter().find(|candidate| candidate.name == rule) else { return true };
        let in_list = |list: &[String]| list.iter().any(|name| names(rule, name));
        (self.select.is_empty() || in_list(&self.select)) && !in_list(&self.ignore)
    }
}

/// The rule of that name.
///
/// # Errors
/// No such rule, with the nearest one.
pub fn rule(name: &str) -> Result<&'static Rule, Stop> {
    ALL.iter().find(|rule| rule.name == name).copied().ok_or_else(|| unknown(name))
}

/// A group's name as it is typed.
pub fn group_name(group: Group) -> String {
    serde_json::to_value(group).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn names(rule: &Rule, name: &str) -> bool {
    rule.name == name || group_name(rule.group) == name
}

fn unknown(name: &str) -> Stop {
    let known = ALL.iter().flat_map(|rule| [rule.name.to_owned(), group_name(rule.group)]);
    let near = known.map(|known| (strsim::jaro_winkler(&known, name), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = match near {
        Some((likeness, known)) if likeness > 0.7 => format!("did you mean `{known}`?"),
        _ => "`redirlint rules` lists them".to_owned(),
    };
    Stop::Told(format!("there is no rule or group `{name}`: {hint}"))
}
