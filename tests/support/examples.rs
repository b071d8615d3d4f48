//! The examples on the rules' pages, and how they are read.
#![allow(dead_code)]

use redirlint::lower::{Dialect, Loader, Options, Version};
use redirlint::rules::Rule;
use std::path::{Path, PathBuf};

/// No other file is there.
pub struct Alone;

impl Loader for Alone {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::Error::new(std::io::ErrorKind::NotFound, path.display().to_string()))
    }
    fn glob(&self, _pattern: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
    fn exists(&self, _path: &Path) -> bool {
        false
    }
    fn find(&self, _folder: &Path, _names: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// One fenced block of a page.
pub struct Example {
    pub dialect: Dialect,
    pub bad: bool,
    pub also: Vec<String>,
    pub version: Option<Version>,
    pub text: String,
}

/// Every example of a rule's page.
pub fn examples(rule: &Rule) -> Vec<Example> {
    let mut out = Vec::new();
    let page = rule.page();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let text: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
        let words: Vec<&str> = info.split_whitespace().collect();
        let dialect = match words[0] {
            "htaccess" => Dialect::Htaccess,
            "apache" => Dialect::Apache,
            "nginx" => Dialect::Nginx,
            other => panic!("{}: a block is marked `{other}`", rule.name),
        };
        let word = |name: &str| words.iter().find_map(|word| word.strip_prefix(name));
        let version = word("version=").map(|text| {
            let numbers: Vec<u16> = text.split('.').map(|number| number.parse().expect("a number")).collect();
            Version(numbers[0], numbers[1], numbers[2])
        });
        // A line of a list that is long by nature is written once and repeated, its numbers counting up.
        let repeat: usize = word("repeat=").map_or(1, |count| count.parse().expect("a number"));
        let times = |line: &str| if line.contains("p1") { repeat } else { 1 };
        let lines =
            text.iter().flat_map(|line| (1..=times(line)).map(|at| line.replace("p1", &format!("p{at}")) + "\n"));
        let body: String = lines.collect();
        let also = words.iter().find_map(|word| word.strip_prefix("also=")).unwrap_or_default();
        out.push(Example {
            dialect,
            bad: words.contains(&"bad"),
            also: also.split(',').map(str::to_owned).collect(),
            version,
            text: body,
        });
    }
    out
}

/// How an example is read.
pub fn options(dialect: Dialect) -> Options {
    Options::new(dialect, "/etc/server")
}
