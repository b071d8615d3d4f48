//! The directive tables of `grammar/`: which directives a server knows, where they may stand, how many words
//! they take, and what they may do to a redirect.
//!
//! One reader for both languages. It must not know any directive name: whatever is special about one stands in
//! the lowering. A table is read once, when it is first asked for, from what `build.rs` made of it.

use super::Version;
use serde::Deserialize;
use serde::de::Error as _;
use std::collections::HashMap;
use std::sync::OnceLock;

/// One line of a table. A name may have several entries where it means different things in different contexts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entry {
    /// The name as the server's manual spells it.
    pub name: String,
    /// Where it may stand, as kebab-case names of the language (`http`, `server`, `virtual-host`…). `any` is everywhere.
    pub contexts: Vec<String>,
    /// The words it takes.
    pub args: Args,
    /// Whether it has a block.
    #[serde(default)]
    pub block: bool,
    /// The context inside its block; unknown where absent.
    #[serde(default)]
    pub inside: Option<String>,
    /// Whether a second one in the same block is refused as duplicate.
    #[serde(default)]
    pub once: bool,
    /// The first version that knows it; always known where absent.
    #[serde(default)]
    pub since: Option<Version>,
    /// The first version that no longer knows it; still known where absent.
    #[serde(default)]
    pub until: Option<Version>,
    /// What it may do to a redirect.
    pub effect: Effect,
    /// The module that brings it.
    pub module: String,
    /// What it does, in one sentence, for the editor. Empty where nobody wrote one.
    #[serde(default)]
    pub doc: String,
    /// The classes of rights of which a folder's own file needs one to use it (Apache's `AllowOverride`).
    #[serde(default)]
    pub allow: Vec<String>,
    /// Of a module that a stock server does not have: never refused, only noted.
    #[serde(default)]
    pub third_party: bool,
}

/// What a directive may do to a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The lowering handles it.
    Modelled,
    /// Nothing.
    None,
    /// Something that is not modelled.
    May,
}

/// How many words a directive takes.
///
/// Written as `none`, `any`, `flag` (one word, `on` or `off`), a number, `2-3`, `1+`, `1|3` (one of the two), or
/// `raw` (it splits its text by a rule of its own).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Args {
    /// One word: `on` or `off` in any case.
    Flag,
    /// The directive splits its text itself, so that nothing can be said by counting.
    Raw,
    /// One or the other number of words.
    Either(usize, usize),
    /// Between `min` and `max` words, both included; no upper bound where `max` is absent.
    Count {
        /// The fewest.
        min: usize,
        /// The most.
        max: Option<usize>,
    },
}

impl Args {
    /// Whether so many words are accepted.
    pub fn accepts(self, words: usize) -> bool {
        match self {
            Self::Flag => words == 1,
            Self::Raw => true,
            Self::Either(few, many) => words == few || words == many,
            Self::Count { min, max } => words >= min && max.is_none_or(|max| words <= max),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<usize>().ok();
        Some(match text {
            "flag" => Self::Flag,
            "raw" => Self::Raw,
            "none" => Self::Count { min: 0, max: Some(0) },
            "any" => Self::Count { min: 0, max: None },
            _ if text.contains('|') => {
                let (few, many) = text.split_once('|')?;
                Self::Either(number(few)?, number(many)?)
            }
            _ => match (text.strip_suffix('+'), text.split_once('-')) {
                (Some(min), _) => Self::Count { min: number(min)?, max: None },
                (_, Some((min, max))) => Self::Count { min: number(min)?, max: Some(number(max)?) },
                _ => Self::Count { min: number(text)?, max: Some(number(text)?) },
            },
        })
    }
}

/// A scalar that YAML may read as a number or as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Number(u64),
    Text(String),
}

impl<'de> Deserialize<'de> for Args {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = match Scalar::deserialize(from)? {
            Scalar::Number(number) => number.to_string(),
            Scalar::Text(text) => text,
        };
        Self::parse(&text).ok_or_else(|| D::Error::custom(format!("`{text}` does not say how many words are taken")))
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let mut parts = text.split('.').map(str::parse::<u16>);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Ok(Self(major, minor, patch)),
            _ => Err(D::Error::custom(format!("`{text}` is not a version of three numbers"))),
        }
    }
}

impl Entry {
    /// Whether it may stand in a context.
    pub fn stands_in(&self, context: &str) -> bool {
        self.contexts.iter().any(|one| one == context || one == "any")
    }

    /// The directive's page, Markdown: what it does, and where it may stand.
    pub fn page(&self, server: &str) -> String {
        let what = match self.doc.as_str() {
            "" if self.effect == Effect::None => "What it does is not told here: it has no part in redirects.",
            "" => "What it does is not told here, and not modelled: answers on whose way it lies are unknown.",
            doc => doc,
        };
        let place = |context: &String| match context.as_str() {
            "any" => "any block".to_owned(),
            "htaccess" => "`.htaccess`".to_owned(),
            other => other.replace('-', " "),
        };
        let places: Vec<String> = self.contexts.iter().map(place).collect();
        format!(
            "# `{}`, a directive of {server} ({})\n\n{what}\n\nAllowed in: {}\n",
            self.name,
            self.module,
            places.join(", ")
        )
    }

    /// Whether a server of this version knows it; the newest version where `None`.
    pub fn known_to(&self, version: Option<Version>) -> bool {
        let old_enough = self.since.is_none_or(|since| version.is_none_or(|version| version >= since));
        let young_enough = self.until.is_none_or(|until| version.is_some_and(|version| version < until));
        old_enough && young_enough
    }
}

/// A language's directives.
#[derive(Debug, Default)]
pub struct Table {
    entries: Vec<Entry>,
    by_name: HashMap<Vec<u8>, Vec<usize>>,
    ignore_case: bool,
}

impl Table {
    /// A table of these lines.
    pub fn new(entries: Vec<Entry>, ignore_case: bool) -> Self {
        let mut table = Self { entries, by_name: HashMap::new(), ignore_case };
        for (at, entry) in table.entries.iter().enumerate() {
            let key = table.key(entry.name.as_bytes());
            table.by_name.entry(key).or_default().push(at);
        }
        table
    }

    fn key(&self, name: &[u8]) -> Vec<u8> {
        if self.ignore_case { name.to_ascii_lowercase() } else { name.to_vec() }
    }

    /// Every entry of a name; none where the name is unknown.
    pub fn get(&self, name: &[u8]) -> impl Iterator<Item = &Entry> + Clone {
        let found = match self.ignore_case {
            true => self.by_name.get(&self.key(name)),
            false => self.by_name.get(name),
        };
        found.into_iter().flatten().filter_map(|&at| self.entries.get(at))
    }

    /// The entry of a name that may stand in a context.
    pub fn get_in(&self, name: &[u8], context: &str) -> Option<&Entry> {
        self.get(name).find(|entry| entry.stands_in(context))
    }

    /// Whether any entry has this name.
    pub fn knows(&self, name: &[u8]) -> bool {
        self.get(name).next().is_some()
    }

    /// Every entry, in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// Apache's directives. Names are compared without regard to case.
pub fn apache() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| read(include_str!(concat!(env!("OUT_DIR"), "/apache.json")), true))
}

/// nginx's directives. Names are compared exactly.
pub fn nginx() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| read(include_str!(concat!(env!("OUT_DIR"), "/nginx.json")), false))
}

/// The tables are part of the program and a test reads both, so that they cannot be wrong at run time.
fn read(json: &str, ignore_case: bool) -> Table {
    Table::new(serde_json::from_str(json).unwrap_or_default(), ignore_case)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_tables_can_be_read_and_hold_what_their_sources_say() {
        for (yaml, table) in
            [(include_str!("../../grammar/apache.yaml"), apache()), (include_str!("../../grammar/nginx.yaml"), nginx())]
        {
            let entries: Vec<Entry> = serde_yaml::from_str(yaml).unwrap();
            assert_eq!(format!("{entries:?}"), format!("{:?}", table.entries()));
        }
    }

    #[test]
    fn every_form_of_args_is_understood() {
        assert_eq!(Args::parse("2-3"), Some(Args::Count { min: 2, max: Some(3) }));
        assert_eq!(Args::parse("1+"), Some(Args::Count { min: 1, max: None }));
        assert_eq!(Args::parse("none"), Some(Args::Count { min: 0, max: Some(0) }));
        assert_eq!(Args::parse("4"), Some(Args::Count { min: 4, max: Some(4) }));
        assert_eq!(Args::parse("1|3"), Some(Args::Either(1, 3)));
        assert_eq!(Args::parse("raw"), Some(Args::Raw));
        assert_eq!(Args::parse("some"), None);
    }

    #[test]
    fn an_unknown_key_is_an_error() {
        let yaml = "[{name: a, contexts: [any], args: none, effect: none, module: m, colour: red}]";
        assert!(serde_yaml::from_str::<Vec<Entry>>(yaml).is_err());
    }

    #[test]
    fn a_directive_is_known_from_its_first_version_to_the_one_before_it_was_removed() {
        let yaml = "[{name: a, contexts: [any], args: 1, effect: none, module: m, since: 1.2.3, until: 1.4.0}]";
        let table = Table::new(serde_yaml::from_str(yaml).unwrap(), true);
        let entry = table.get_in(b"A", "x").unwrap();
        assert!(entry.known_to(Some(Version(1, 3, 0))));
        assert!(!entry.known_to(Some(Version(1, 2, 2))));
        assert!(!entry.known_to(Some(Version(1, 4, 0))));
        assert!(!entry.known_to(None));
    }
}
