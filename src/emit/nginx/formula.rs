//! Conditions as a formula over nginx variables, and the formula as tables.
//!
//! nginx's `if` has neither *and* nor *or*; a `map` has both: several keys of one source are an *or*, a map over
//! joined variables is an *and*. Negation goes down to the leaves, where it swaps the two values.

use super::attribute;
use super::maps::Maps;
use super::plan::Key;
use super::text::Text;
use crate::pcre;

/// A condition in normal form: negation only in the leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Formula {
    /// All of them; empty is true.
    All(Vec<Formula>),
    /// Any of them; empty is false.
    Any(Vec<Formula>),
    /// Text against keys.
    Leaf(Leaf),
}

/// Text against keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What is looked at.
    pub source: Text,
    /// Keys that hit.
    pub keys: Vec<Key>,
    /// True where a key hits, or where none does.
    pub wanted: bool,
}

impl Formula {
    /// Always true.
    pub const TRUE: fn() -> Formula = || Formula::All(Vec::new());
    /// Never true.
    pub const FALSE: fn() -> Formula = || Formula::Any(Vec::new());

    /// Whether it is always true.
    pub fn is_true(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    /// Whether it is never true.
    pub fn is_false(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.is_empty())
    }

    /// Flattened, constants taken out, leaves over one source laid together.
    pub fn simplified(self) -> Self {
        match self {
            Self::Leaf(leaf) => match leaf.settled() {
                Some(true) => Self::TRUE(),
                Some(false) => Self::FALSE(),
                None => Self::Leaf(leaf),
            },
            Self::All(parts) => combine(parts, true),
            Self::Any(parts) => combine(parts, false),
        }
    }

    /// The variable that is `1` where the formula holds, else empty.
    pub fn variable(&self, maps: &mut Maps, volatile: bool) -> String {
        match self {
            Self::Leaf(leaf) if leaf.is_flag(maps) => leaf.source.as_variable().unwrap_or_default().to_owned(),
            _ => self.table(maps, volatile, &Text::literal(b"1"), ""),
        }
    }

    /// The variable that is the path where the formula holds, else empty.
    pub fn path_variable(&self, maps: &mut Maps, volatile: bool) -> String {
        self.table(maps, volatile, &Text::variable("uri"), "_path")
    }

    fn table(&self, maps: &mut Maps, volatile: bool, value: &Text, ending: &str) -> String {
        match self {
            Self::Leaf(leaf) => {
                let hit = if leaf.wanted { value.clone() } else { Text::default() };
                let mut rows: Vec<_> = leaf.keys.iter().map(|key| (key.clone(), hit.clone())).collect();
                rows.extend((!leaf.wanted).then(|| (Key::Default, value.clone())));
                let stem = format!("{}{ending}", attribute::stem(&leaf.source));
                maps.get(&stem, leaf.source.clone(), rows, volatile)
            }
            Self::All(parts) | Self::Any(parts) => {
                if let [only] = parts.as_slice() {
                    return only.table(maps, volatile, value, ending);
                }
                let names: Vec<_> = parts.iter().map(|part| part.variable(maps, volatile)).collect();
                let mut source = Text::default();
                names.iter().for_each(|name| source.push_variable(name));
                let key = match self {
                    Self::All(_) => Key::Literal(vec![b'1'; names.len()]),
                    _ => Key::Pattern(b"1".to_vec(), false),
                };
                maps.get(&format!("when{ending}"), source, vec![(key, value.clone())], volatile)
            }
        }
    }
}

impl Leaf {
    /// The leaf that holds where a variable is `1`.
    pub fn flag(name: &str, wanted: bool) -> Self {
        Self { source: Text::variable(name), keys: vec![Key::Literal(b"1".to_vec())], wanted }
    }

    /// Whether it holds, where the text is known without a request.
    fn settled(&self) -> Option<bool> {
        let text = self.source.as_literal()?;
        let hits = |key: &Key| match key {
            Key::Literal(bytes) => Some(bytes.eq_ignore_ascii_case(text)),
            Key::Pattern(pattern, caseless) => {
                let options = pcre::Options { caseless: *caseless, ..pcre::Options::default() };
                pcre::Regex::new(pattern, options).ok()?.is_match(text).ok()
            }
            Key::Default => Some(true),
        };
        let hits = self.keys.iter().map(hits).collect::<Option<Vec<bool>>>()?;
        Some(hits.contains(&true) == self.wanted)
    }

    fn is_flag(&self, maps: &Maps) -> bool {
        let plain = self.wanted && self.keys.as_slice() == [Key::Literal(b"1".to_vec())];
        plain && self.source.as_variable().is_some_and(|name| maps.is_flag(name))
    }
}

fn combine(parts: Vec<Formula>, all: bool) -> Formula {
    let mut out: Vec<Formula> = Vec::new();
    for part in parts {
        let part = part.simplified();
        match part {
            Formula::All(inner) if all => inner.into_iter().for_each(|one| lay(&mut out, one, all)),
            Formula::Any(inner) if !all => inner.into_iter().for_each(|one| lay(&mut out, one, all)),
            Formula::All(inner) if inner.is_empty() => return Formula::TRUE(),
            Formula::Any(inner) if inner.is_empty() => return Formula::FALSE(),
            other => lay(&mut out, other, all),
        }
    }
    match (out.len(), out.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            out.extend(last);
            if all { Formula::All(out) } else { Formula::Any(out) }
        }
    }
}

/// *or* of hits and *and* of misses over one source are one table.
fn lay(out: &mut Vec<Formula>, part: Formula, all: bool) {
    if out.contains(&part) {
        return;
    }
    if let (Formula::Leaf(leaf), Some(Formula::Leaf(last))) = (&part, out.last_mut())
        && leaf.source == last.source
        && leaf.wanted == last.wanted
        && leaf.wanted != all
    {
        let fresh: Vec<_> = leaf.keys.iter().filter(|key| !last.keys.contains(key)).cloned().collect();
        last.keys.extend(fresh);
        return;
    }
    out.push(part);
}
