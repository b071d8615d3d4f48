//! The tests of `<IfModule>`, `<IfDefine>`, `<IfVersion>`, `<IfDirective>` and `<IfSection>`, decided at reading time.

use super::defines::Defines;
use super::modules::Modules;
use super::words::general;
use crate::lower::{Version, directives};

/// The version that is modelled where none is named.
pub const NEWEST: Version = Version(2, 4, 71);

/// What the tests look at.
pub struct World<'a> {
    /// Names of `Define`.
    pub defines: &'a Defines,
    /// The modules.
    pub modules: &'a Modules,
    /// The server's version.
    pub version: Version,
}

/// Whether a section of this name is resolved at reading time.
pub fn is_read_time(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [b"ifmodule", b"ifdefine", b"ifversion", b"iffile", b"ifdirective", b"ifsection"];
    NAMES.contains(&name)
}

impl World<'_> {
    /// The answer, or `None` where it rests on what cannot be seen (files, modules from elsewhere).
    pub fn test(&self, section: &[u8], text: &[u8]) -> Option<bool> {
        let words = general(text);
        let first = words.first().map(|word| word.value.as_ref()).unwrap_or_default();
        let (negated, name) = match first.strip_prefix(b"!") {
            Some(name) => (true, name),
            None => (false, first),
        };
        let holds = match section {
            b"ifmodule" => self.module(name)?,
            b"ifdefine" => self.defines.contains(name),
            b"ifversion" => return Some(self.version(text)),
            b"ifdirective" => self.known(name, false),
            b"ifsection" => self.known(name.strip_prefix(b"<").unwrap_or(name), true),
            _ => return None,
        };
        Some(holds != negated)
    }

    fn module(&self, name: &[u8]) -> Option<bool> {
        let loaded = self.modules.is_loaded(name);
        (loaded || self.modules.is_explicit() || Modules::is_stock(name)).then_some(loaded)
    }

    fn known(&self, name: &[u8], block: bool) -> bool {
        let mut entries = directives::apache().get(name);
        entries.any(|entry| entry.block == block && self.modules.is_loaded(entry.module.as_bytes()))
    }

    fn version(&self, text: &[u8]) -> bool {
        let words = general(text);
        let values: Vec<&[u8]> = words.iter().map(|word| word.value.as_ref()).collect();
        let (operator, version) = match values.as_slice() {
            [version] => (&b"="[..], *version),
            [operator, version, ..] => (*operator, *version),
            [] => return false,
        };
        let (negated, operator) = match operator.strip_prefix(b"!") {
            Some(operator) => (true, operator),
            None => (false, operator),
        };
        let slashed = version.strip_prefix(b"/").and_then(|rest| rest.strip_suffix(b"/"));
        let holds = match (operator, slashed) {
            (b"~", pattern) => self.matches(pattern.unwrap_or(version)),
            (b"=" | b"==", Some(pattern)) => self.matches(pattern),
            _ => self.compare(operator, version),
        };
        holds != negated
    }

    fn matches(&self, pattern: &[u8]) -> bool {
        let Version(major, minor, patch) = self.version;
        let version = format!("{major}.{minor}.{patch}");
        let Ok(pattern) = std::str::from_utf8(pattern) else { return false };
        matches_regex(pattern, version.as_bytes())
    }

    fn compare(&self, operator: &[u8], text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text).into_owned();
        let mut parts = text.split('.').map(|part| part.parse::<u16>().unwrap_or(0));
        let mut part = || parts.next().unwrap_or(0);
        let wanted = Version(part(), part(), part());
        match operator {
            b"=" | b"==" => self.version == wanted,
            b">" => self.version > wanted,
            b">=" => self.version >= wanted,
            b"<" => self.version < wanted,
            b"<=" => self.version <= wanted,
            _ => false,
        }
    }
}

/// Whether a pattern matches anywhere; a pattern that cannot be compiled matches nothing.
fn matches_regex(pattern: &str, subject: &[u8]) -> bool {
    let compiled = crate::pcre::Regex::new(pattern.as_bytes(), crate::pcre::Options::default());
    compiled.is_ok_and(|regex| regex.is_match(subject).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_components_of_a_version_are_zero() {
        let (defines, modules) = (Defines::default(), Modules::usual());
        let world = World { defines: &defines, modules: &modules, version: NEWEST };
        assert_eq!(world.test(b"ifversion", b"2.4"), Some(false));
        assert_eq!(world.test(b"ifversion", b">= 2.4"), Some(true));
        assert_eq!(world.test(b"ifversion", b"!< 2.4"), Some(true));
        assert_eq!(world.test(b"ifmodule", b"!mod_rewrite.c"), Some(false));
        assert_eq!(world.test(b"ifmodule", b"mod_pagespeed.c"), None);
    }
}
