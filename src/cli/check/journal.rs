//! A run that can be killed: findings as JSON lines in a file that also says which sites are done.
//!
//! Behind the findings of a site stands a line that names it, and both are written together:
//!
//! ```json
//! {"site":"shop/.htaccess","files":1,"directives":12,"infos":0,"warnings":1,"errors":0}
//! ```
//!
//! A later run cuts the file behind the last such line (what follows belongs to a site that was not finished), skips
//! the sites that are named, and goes on. Whenever it is killed, no finding is lost and none stands twice.

use super::super::Stop;
use super::totals::Tally;
use crate::report::shown;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The line behind the findings of a site.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Done {
    site: String,
    #[serde(flatten)]
    tally: Tally,
}

/// The file, open at its end.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    done: HashSet<String>,
    /// What earlier runs found.
    pub before: Tally,
}

impl Journal {
    /// Opens the file and reads what is done; makes it where there is none.
    ///
    /// # Errors
    /// A file that cannot be read or written, or that is something else.
    pub fn open(path: &Path) -> Result<Self, Stop> {
        let failed = |error: std::io::Error| Stop::Told(format!("cannot use `{}`: {error}", path.display()));
        let file = File::options().read(true).append(true).create(true).open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(failed(std::io::Error::other("it is not a regular file")));
        }
        let mut journal = Self { path: path.into(), file, done: HashSet::new(), before: Tally::default() };
        let end = journal.read()?;
        journal.file.set_len(end).and_then(|()| journal.file.seek(SeekFrom::End(0))).map_err(failed)?;
        Ok(journal)
    }

    /// Reads every line; the offset behind the last finished site, in bytes.
    fn read(&mut self) -> Result<u64, Stop> {
        let mut lines = BufReader::new(&self.file);
        let (mut line, mut at, mut end) = (Vec::new(), 0, 0);
        loop {
            line.clear();
            let read = lines.read_until(b'\n', &mut line);
            let read = read.map_err(|error| Stop::Told(format!("cannot read `{}`: {error}", self.path.display())))?;
            // The last line may be cut off.
            if !line.ends_with(b"\n") {
                return if at == 0 && read > 0 && !line.starts_with(b"{\"") { Err(self.foreign()) } else { Ok(end) };
            }
            at += read as u64;
            if let Ok(Done { site, tally }) = serde_json::from_slice(&line) {
                self.done.insert(site);
                self.before.add(&tally);
                end = at;
            } else if !is_finding(&line) {
                return Err(self.foreign());
            }
        }
    }

    fn foreign(&self) -> Stop {
        Stop::Told(format!("`{}` was not written by `--resume`: name a file of its own", self.path.display()))
    }

    /// The sites that are done, as they were named.
    pub fn done(&self) -> HashSet<String> {
        self.done.clone()
    }

    /// Adds the findings of a site, and that it is done.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn add(&mut self, site: &Path, tally: Tally, mut findings: Vec<u8>) -> Result<(), Stop> {
        let done = Done { site: site.to_string_lossy().into_owned(), tally };
        let line = serde_json::to_string(&done).map_err(std::io::Error::other)?;
        writeln!(findings, "{}", shown::json(&line))?;
        let written = self.file.write_all(&findings);
        written.map_err(|error| {
            Stop::Told(format!("cannot write `{}`: {error}; free some room and run it again", self.path.display()))
        })
    }
}

fn is_finding(line: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(line).is_ok_and(|value| value.get("rule").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(text: &str) -> (tempfile::TempDir, Result<Journal, Stop>, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("done.jsonl");
        std::fs::write(&path, text).unwrap();
        let journal = Journal::open(&path);
        let left = std::fs::read_to_string(&path).unwrap();
        (folder, journal, left)
    }

    const DONE: &str =
        "{\"rule\":\"x\"}\n{\"site\":\"a\",\"files\":1,\"directives\":2,\"infos\":0,\"warnings\":1,\"errors\":0}\n";

    #[test]
    fn what_follows_the_last_finished_site_is_cut_off() {
        for tail in ["", "{\"rule\":\"y\"}\n", "{\"rule\":\"y\"}\n{\"ru", "{\"site\":\"b\",\"files\":1"] {
            let (_folder, journal, left) = journal(&format!("{DONE}{tail}"));
            let journal = journal.unwrap();
            assert_eq!(left, DONE, "{tail}");
            assert_eq!(journal.done(), HashSet::from(["a".to_owned()]));
            assert_eq!((journal.before.files, journal.before.warnings), (1, 1));
        }
    }

    #[test]
    fn a_file_of_another_kind_is_left_as_it_is() {
        for text in ["my notes\n", "my notes", "{\"a\":1}\n", "{\"rule\":\"x\"}\nno\n"] {
            let (_folder, journal, left) = journal(text);
            assert!(journal.is_err_and(|stop| stop.to_string().contains("not written by `--resume`")), "{text}");
            assert_eq!(left, text);
        }
    }
}
