//! Which rules speak and how loudly: names, groups, levels, and folders with a choice of their own.

use crate::diagnostic::{Finding, Severity};
use crate::rules::{ALL, Group, Rule, named, nearest, suppress};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// The name of a rule or a group that exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector(String);

impl Selector {
    /// The selector of a name.
    ///
    /// # Errors
    /// A name of neither, with the nearest one.
    pub fn new(name: &str) -> Result<Self, String> {
        if ALL.iter().any(|rule| rule.name == name) || name == suppress::UNUSED || group(name).is_some() {
            return Ok(Self(name.to_owned()));
        }
        let groups = ALL.iter().map(|rule| group_name(rule.group));
        let known: Vec<String> = ALL.iter().map(|rule| rule.name.to_owned()).chain(groups).collect();
        let hint = nearest(name, known.iter().map(String::as_str))
            .map_or("`redirlint rules` lists them".to_owned(), |known| format!("did you mean `{known}`?"));
        Err(format!("there is no rule or group `{name}`: {hint}"))
    }

    /// Whether the rule of that name is meant.
    pub fn means(&self, rule: &str) -> bool {
        self.0 == rule || named(rule).is_some_and(|rule: &Rule| group(&self.0) == Some(rule.group))
    }

    /// Whether it names one rule.
    fn is_rule(&self) -> bool {
        group(&self.0).is_none()
    }
}

impl<'de> Deserialize<'de> for Selector {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A group's name as it is typed.
pub fn group_name(group: Group) -> String {
    serde_json::to_value(group).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}

fn group(name: &str) -> Option<Group> {
    serde_json::from_value(serde_json::Value::String(name.to_owned())).ok()
}

/// How loudly a rule speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not at all.
    Off,
    /// As advice.
    Info,
    /// As a warning.
    Warning,
    /// As an error.
    Error,
}

impl Level {
    /// The severity of a finding under this level. What a rule is unsure of stays as many steps below it as it stood
    /// below the rule's own severity. `None` for [`Level::Off`].
    pub fn for_finding(self, finding: &Finding) -> Option<Severity> {
        let default = named(finding.rule).map_or(finding.severity, |rule| rule.severity);
        let steps = (default as usize).saturating_sub(finding.severity as usize);
        let level = match self {
            Self::Off => return None,
            Self::Info => 0usize,
            Self::Warning => 1,
            Self::Error => 2,
        };
        Some(match level.saturating_sub(steps) {
            0 => Severity::Info,
            1 => Severity::Warning,
            _ => Severity::Error,
        })
    }
}

/// A choice of rules and their levels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    select: Vec<Selector>,
    ignore: Vec<Selector>,
    levels: BTreeMap<Selector, Level>,
}

impl Choice {
    /// A choice: nothing selected means all.
    pub fn new(select: Vec<Selector>, ignore: Vec<Selector>, levels: BTreeMap<Selector, Level>) -> Self {
        Self { select, ignore, levels }
    }

    /// Another choice on top: its selection, if it makes one, takes the place of this one's.
    pub fn add(&mut self, other: &Self) {
        if !other.select.is_empty() {
            self.select.clone_from(&other.select);
            self.ignore.clear();
        }
        self.ignore.extend(other.ignore.iter().cloned());
        self.levels.extend(other.levels.iter().map(|(name, level)| (name.clone(), *level)));
    }

    /// Whether the rule is asked for.
    pub fn takes(&self, rule: &str) -> bool {
        let within = |list: &[Selector]| list.iter().any(|name| name.means(rule));
        (self.select.is_empty() || within(&self.select)) && !within(&self.ignore)
    }

    /// Whether the rule stands in the selection by name or group.
    pub fn names(&self, rule: &str) -> bool {
        self.select.iter().any(|name| name.means(rule))
    }

    /// The level of a rule; its own name says more than its group's.
    pub fn level(&self, rule: &str) -> Option<Level> {
        let meant = self.levels.iter().filter(|(name, _)| name.means(rule));
        meant.max_by_key(|(name, _)| name.is_rule()).map(|(_, level)| *level)
    }
}

/// A choice for some paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    paths: Vec<glob::Pattern>,
    /// What is chosen there.
    pub choice: Choice,
}

impl Override {
    /// A choice for the files that a pattern covers, and for everything below a folder that one covers.
    pub fn new(paths: Vec<glob::Pattern>, choice: Choice) -> Self {
        Self { paths, choice }
    }

    /// Whether a path, relative to the folder of the file, is covered.
    pub fn covers(&self, path: &Path) -> bool {
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        let fits = |path: &Path| self.paths.iter().any(|pattern| pattern.matches_path_with(path, options));
        path.ancestors().any(fits)
    }
}
