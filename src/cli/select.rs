//! Which rules are asked for on the command line, by name or group.

use super::Stop;
use crate::config::Selector;
use crate::config::choice::{self, Choice};
use crate::rules::{Group, Rule, named};
use std::collections::BTreeMap;

/// A choice of rules.
#[derive(Debug, Default)]
pub struct Selection(Choice);

impl Selection {
    /// A choice from names of rules and groups.
    ///
    /// # Errors
    /// A name that is neither, with the nearest one.
    pub fn new(select: &[String], ignore: &[String]) -> Result<Self, Stop> {
        let read = |names: &[String]| names.iter().map(|name| Selector::new(name)).collect::<Result<Vec<_>, _>>();
        let choice = |select, ignore| Self(Choice::new(select, ignore, BTreeMap::new()));
        Ok(choice(read(select).map_err(Stop::Told)?, read(ignore).map_err(Stop::Told)?))
    }

    /// Whether a rule of that name is asked for.
    pub fn takes(&self, rule: &str) -> bool {
        self.0.takes(rule)
    }

    /// Whether it is asked for by its name or group, which beats what `redirlint.yaml` leaves out.
    pub fn names(&self, rule: &str) -> bool {
        self.0.names(rule)
    }
}

/// The rule of that name.
///
/// # Errors
/// No such rule, with the nearest one.
pub fn rule(name: &str) -> Result<&'static Rule, Stop> {
    let unknown = || Selector::new(name).err().unwrap_or_else(|| format!("`{name}` is not one rule"));
    named(name).ok_or_else(|| Stop::Told(unknown()))
}

/// A group's name as it is typed.
pub fn group_name(group: Group) -> String {
    choice::group_name(group)
}
