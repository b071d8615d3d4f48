//! The shape of the file, and what is said of a text that has another one.

use super::choice::{Choice, Level, Override, Selector};
use crate::analysis::{Knobs, TlsUpstream};
use crate::lower::Version;
use crate::rules::nearest;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub select: Vec<Selector>,
    pub ignore: Vec<Selector>,
    pub severity: BTreeMap<Selector, Level>,
    pub overrides: Vec<Part>,
    pub assume: Assume,
}

/// A choice for some paths.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    paths: Vec<Glob>,
    #[serde(default)]
    select: Vec<Selector>,
    #[serde(default)]
    ignore: Vec<Selector>,
    #[serde(default)]
    severity: BTreeMap<Selector, Level>,
}

/// What is assumed of the world.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Assume {
    hosts: Vec<String>,
    canonical_host: Option<String>,
    known_external_hosts: Vec<String>,
    tls_terminated_upstream: Option<Tls>,
    tls_header: Option<TlsHeader>,
    hsts_upstream: bool,
    vhost_visible: Option<bool>,
    pub document_root: Option<PathBuf>,
    index_files: Vec<String>,
    pub apache_version: Option<Number>,
    pub nginx_version: Option<Number>,
    api_paths: Vec<Glob>,
    temporary_ok: Vec<Glob>,
    max_hops: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TlsHeader {
    name: String,
    value: String,
}

/// `no` is a truth value to YAML 1.1 and a word to YAML 1.2; both are meant.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "`tls_terminated_upstream` is `no`, `maybe` or `always`")]
enum Tls {
    Word(TlsUpstream),
    Truth(bool),
}

/// A shell pattern.
#[derive(Debug)]
struct Glob(glob::Pattern);

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let pattern = glob::Pattern::new(&text);
        let wrong = |error| serde::de::Error::custom(format!("`{text}` is no pattern of paths: {error}"));
        pattern.map(Self).map_err(wrong)
    }
}

/// A version: `2.4`, `2.4.62`.
#[derive(Debug)]
pub struct Number(pub Version);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        let numbers: Option<Vec<u16>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some([major, minor]) => Ok(Self(Version(*major, *minor, u16::MAX))),
            Some([major, minor, patch]) => Ok(Self(Version(*major, *minor, *patch))),
            _ => Err(serde::de::Error::custom(format!("`{text}` is no version: write it like \"2.4.62\""))),
        }
    }
}

/// Brackets and dashes on one line at the most: the parser's time grows with the square of them.
const DEEPEST: usize = 64;

/// Whether a line opens more levels than any settings need.
fn too_deep(line: &str) -> bool {
    let open = |letter| line.matches(letter).count();
    let dashes = line.trim_start().split(' ').take_while(|word| *word == "-").count();
    let brackets = open(['[', '{']).saturating_sub(open([']', '}']));
    brackets > DEEPEST || dashes > DEEPEST
}

/// Reads the text; `None` for one that says nothing.
pub fn read(text: &[u8]) -> Result<Option<File>, String> {
    let text =
        std::str::from_utf8(text).map_err(|error| format!("is no UTF-8 text at byte {}", error.valid_up_to()))?;
    if let Some(line) = text.lines().position(too_deep) {
        return Err(format!("line {}: nests deeper than the {DEEPEST} levels that are read", line + 1));
    }
    serde_yaml::from_str::<Option<File>>(text).map_err(|error| told(&error))
}

/// The library's message with the nearest key in place of a list of all.
fn told(error: &serde_yaml::Error) -> String {
    let message = error.to_string();
    let place = error.location().map_or(String::new(), |at| format!("line {}, column {}: ", at.line(), at.column()));
    // a message may end in its own place
    let bare = message.split(" at line ").next().unwrap_or(&message);
    let quoted: Vec<&str> = bare.split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((unknown, known)) if bare.contains("unknown field") => {
            let hint = match nearest(unknown, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known here: {}", known.join(", ")),
            };
            format!("{place}there is no key `{unknown}`: {hint}")
        }
        _ => format!("{place}{bare}"),
    }
}

impl From<Part> for Override {
    fn from(part: Part) -> Self {
        let choice = Choice::new(part.select, part.ignore, part.severity);
        Self::new(part.paths.into_iter().map(|glob| glob.0).collect(), choice)
    }
}

impl From<Assume> for Knobs {
    fn from(said: Assume) -> Self {
        let default = Self::default();
        let texts = |globs: Vec<Glob>| globs.into_iter().map(|glob| glob.0.as_str().to_owned()).collect();
        Self {
            hosts: said.hosts,
            canonical_host: said.canonical_host,
            known_external_hosts: said.known_external_hosts,
            max_hops: said.max_hops.unwrap_or(default.max_hops),
            tls_upstream: match said.tls_terminated_upstream {
                Some(Tls::Word(word)) => word,
                Some(Tls::Truth(true)) => TlsUpstream::Always,
                Some(Tls::Truth(false)) => TlsUpstream::No,
                None => default.tls_upstream,
            },
            tls_header: said.tls_header.map(|header| (header.name, header.value)),
            hsts_upstream: said.hsts_upstream,
            vhost_visible: said.vhost_visible,
            index_files: said.index_files,
            api_paths: texts(said.api_paths),
            temporary_ok: texts(said.temporary_ok),
            today: default.today,
        }
    }
}
