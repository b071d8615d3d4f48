//! The file of expectations: what it may say, and where it says it wrongly.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file of expected answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectations {
    /// The configuration, relative to the folder of this file.
    pub config: PathBuf,
    /// The host that requests without one are sent to.
    #[serde(default)]
    pub host: Option<String>,
    /// The scheme that requests without one are sent over.
    #[serde(default)]
    pub scheme: Option<String>,
    /// Files and folders that exist, as `file:/x` and `dir:/x`.
    #[serde(default)]
    pub assume: Vec<String>,
    /// Expectations, spelled out.
    #[serde(default)]
    pub cases: Vec<Case>,
    /// Many at once: lines of `from,to,status`, the status left out for 301. `#` starts a comment line.
    #[serde(default)]
    pub table: String,
}

/// One request and what is expected of it. What is not named is not looked at.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A URL or a path, with the method in front of it where it is not GET: `POST /form`.
    pub request: String,
    /// Headers of the request.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The status of the first answer.
    #[serde(default)]
    pub status: Option<u16>,
    /// The exact `Location` of the first answer; a path also fits where the server sends it as an absolute URL.
    #[serde(default)]
    pub location: Option<String>,
    /// Where it ends after all redirects; a path or a URL.
    #[serde(rename = "final", default)]
    pub last: Option<String>,
    /// Redirects on the way at the most.
    #[serde(default)]
    pub hops: Option<usize>,
    /// Headers of the first answer.
    #[serde(default)]
    pub response: BTreeMap<String, String>,
    /// How it ends: `served`, `redirected-away`, `loop`, `too-many-hops`, `error`, `unknown`.
    #[serde(default)]
    pub outcome: Option<String>,
}

impl Expectations {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong, with line and column where that is known.
    pub fn read(text: &[u8]) -> Result<Self, String> {
        let mut read: Self = serde_yaml::from_slice(text).map_err(|error| error.to_string())?;
        let table = std::mem::take(&mut read.table);
        for (number, line) in table.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                read.cases.push(row(line).map_err(|why| format!("line {} of the table: {why}", number + 1))?);
            }
        }
        Ok(read)
    }
}

/// A line of the table. Targets may hold commas: the last part is the status if it is a number, the first is the source.
fn row(line: &str) -> Result<Case, String> {
    let (from, rest) = line.split_once(',').ok_or_else(|| format!("`{line}` has no target: write `from,to,status`"))?;
    let (to, status) = match rest.rsplit_once(',') {
        Some((to, status)) if status.trim().parse::<u16>().is_ok() => (to, status.trim().parse().unwrap_or(301)),
        _ => (rest, 301),
    };
    Ok(Case {
        request: from.trim().to_owned(),
        status: Some(status),
        location: Some(to.trim().to_owned()),
        ..Case::default()
    })
}

impl Case {
    /// Method and URL or path.
    pub fn target(&self) -> (&str, &str) {
        match self.request.split_once(' ') {
            Some((method, target)) if !method.contains('/') => (method, target.trim_start()),
            _ => ("GET", self.request.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_line_takes_its_status_from_the_end_and_means_301_without() {
        let read = Expectations::read(b"config: x\ntable: |\n  # moved\n  /a,/b\n  /c,/d?x=1,2,308\n").unwrap();
        let seen: Vec<_> =
            read.cases.iter().map(|case| (case.request.as_str(), case.location.as_deref(), case.status)).collect();
        assert_eq!(seen, [("/a", Some("/b"), Some(301)), ("/c", Some("/d?x=1,2"), Some(308))]);
    }

    #[test]
    fn a_misspelled_key_is_an_error_that_names_it() {
        let error = Expectations::read(b"config: x\ncases:\n  - {request: /a, stauts: 301}\n").unwrap_err();
        assert!(error.contains("stauts") && error.contains("line 3"), "{error}");
    }

    #[test]
    fn the_method_stands_in_front_of_the_target() {
        let case = |request: &str| Case { request: request.to_owned(), ..Case::default() };
        assert_eq!(case("POST /a b").target(), ("POST", "/a b"));
        assert_eq!(case("/a b").target(), ("GET", "/a b"));
    }
}
