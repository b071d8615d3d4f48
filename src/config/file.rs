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
#[serde(deny_unknown_fields, default, expecting = "keys with values")]
pub struct File {
    pub select: Vec<Selector>,
    pub ignore: Vec<Selector>,
    pub severity: BTreeMap<Selector, Level>,
    pub overrides: Vec<Part>,
    pub assume: Assume,
}

/// A choice for some paths.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "keys with values")]
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
#[serde(deny_unknown_fields, default, expecting = "keys with values")]
pub struct Assume {
    hosts: Vec<Host>,
    canonical_host: Option<Host>,
    known_external_hosts: Vec<Host>,
    tls_terminated_upstream: Option<Tls>,
    tls_header: Option<TlsHeader>,
    hsts_upstream: bool,
    vhost_visible: Option<bool>,
    pub document_root: Option<PathBuf>,
    pub index_files: Vec<String>,
    pub apache_version: Option<Number>,
    pub nginx_version: Option<Number>,
    api_paths: Vec<Glob>,
    temporary_ok: Vec<Glob>,
    max_hops: Option<Hops>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "`name` and `value`")]
struct TlsHeader {
    name: String,
    value: String,
}

/// A value that is read from the word as it is written: `1.20` is a version and no number, `no` a word and no truth value.
fn word<'de, D: serde::Deserializer<'de>, T>(
    deserializer: D,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    read(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// The name of a host, without scheme, port and path.
#[derive(Debug)]
struct Host(String);

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, |text| {
            let strange = |letter: char| letter.is_whitespace() || "/:?#@,*".contains(letter);
            match text.is_empty() || text.contains(strange) {
                true => Err(format!("`{text}` is no name of a host: write it like `www.example.com`")),
                false => Ok(Self(text.to_owned())),
            }
        })
    }
}

#[derive(Debug)]
struct Tls(TlsUpstream);

impl<'de> Deserialize<'de> for Tls {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, |text| match text {
            "no" | "off" | "false" => Ok(Self(TlsUpstream::No)),
            "maybe" => Ok(Self(TlsUpstream::Maybe)),
            "always" | "yes" | "on" | "true" => Ok(Self(TlsUpstream::Always)),
            other => Err(format!("`{other}` is none of `no`, `maybe` and `always`")),
        })
    }
}

/// A number of redirects.
#[derive(Debug)]
struct Hops(usize);

impl<'de> Deserialize<'de> for Hops {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, |text| match text.parse() {
            Ok(hops @ 1..=100) => Ok(Self(hops)),
            _ => Err(format!("`{text}` is no number of redirects from 1 to 100")),
        })
    }
}

/// A shell pattern.
#[derive(Debug)]
struct Glob(glob::Pattern);

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |text: &str, error| format!("`{text}` is no pattern of paths: {error}");
        word(deserializer, |text| glob::Pattern::new(text).map(Self).map_err(|error| wrong(text, error)))
    }
}

/// A version: `2.4`, `2.4.62`.
#[derive(Debug)]
pub struct Number(pub Version);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        word(deserializer, |text| text.parse().map(Self))
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

/// The library's message in the words of the file: with the nearest name in place of a list of all, and without the
/// names of types.
fn told(error: &serde_yaml::Error) -> String {
    let message = error.to_string();
    let place = error.location().map_or(String::new(), |at| format!("line {}, column {}: ", at.line(), at.column()));
    // a message may end in its own place
    let bare = message.split(" at line ").next().unwrap_or(&message);
    let quoted: Vec<&str> = bare.split('`').skip(1).step_by(2).collect();
    let said = match quoted.split_first() {
        Some((unknown, known)) if bare.contains("unknown field") => {
            format!("there is no key `{unknown}`: {}", hint(unknown, known))
        }
        Some((unknown, known)) if bare.contains("unknown variant") => format!("`{unknown}`: {}", hint(unknown, known)),
        Some((missing, _)) if bare.contains("missing field") => format!("the key `{missing}` is missing"),
        _ => in_words(bare),
    };
    format!("{place}{said}")
}

fn hint(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// What was found where something else was expected, as the file's writer calls both.
fn in_words(bare: &str) -> String {
    let Some((key, found, expected)) = bare
        .split_once("invalid type: ")
        .and_then(|(key, rest)| rest.split_once(", expected ").map(|(a, b)| (key, a, b)))
    else {
        return bare.to_owned();
    };
    let word = |text: &str| match text {
        "sequence" | "a sequence" => "a list, like `[one, two]`".to_owned(),
        "map" | "a map" => "keys with values".to_owned(),
        "a string" | "path string" => "text".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "unit value" => "nothing".to_owned(),
        other => other.replacen("string ", "", 1),
    };
    format!("{key}expected {}, found {}", word(expected), word(found))
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
        let names = |hosts: Vec<Host>| hosts.into_iter().map(|host| host.0).collect();
        Self {
            hosts: names(said.hosts),
            canonical_host: said.canonical_host.map(|host| host.0),
            known_external_hosts: names(said.known_external_hosts),
            max_hops: said.max_hops.map_or(default.max_hops, |hops| hops.0),
            tls_upstream: said.tls_terminated_upstream.map_or(default.tls_upstream, |tls| tls.0),
            tls_header: said.tls_header.map(|header| (header.name, header.value)),
            hsts_upstream: said.hsts_upstream,
            vhost_visible: said.vhost_visible,
            api_paths: texts(said.api_paths),
            temporary_ok: texts(said.temporary_ok),
            today: default.today,
        }
    }
}
