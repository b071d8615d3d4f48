//! Linting a configuration that is held in memory, and replaying what a finding says.

use redirlint::analysis::{Facts, Knobs};
use redirlint::diagnostic::{Finding, Witness};
use redirlint::eval::follow::{self, Limits};
use redirlint::eval::{Assumed, Kind, Unknown};
use redirlint::lower::{self, Dialect, Loader, Options};
use redirlint::rules;
use redirlint::source::Sources;
use std::path::{Path, PathBuf};

/// What relative paths of a configuration are relative to.
pub const PREFIX: &str = "/etc/server";

/// A configuration: its files, the main one first.
#[derive(Clone, Debug)]
pub struct Files {
    pub dialect: Dialect,
    pub files: Vec<(PathBuf, String)>,
}

impl Files {
    /// A configuration of one file.
    pub fn alone(dialect: Dialect, text: &str) -> Self {
        let name = if dialect == Dialect::Htaccess { "/srv/www/.htaccess" } else { "/etc/server/main.conf" };
        Self { dialect, files: vec![(name.into(), text.to_owned())] }
    }

    /// The options under which a test reads a configuration.
    pub fn options(&self) -> Options {
        Options::new(self.dialect, PathBuf::from(PREFIX))
    }

    /// Runs every rule, shows each finding with the facts it rests on, and returns all of them.
    pub fn check(&self, options: &Options, mut each: impl FnMut(&Facts<'_>, &Finding)) -> Vec<Finding> {
        let mut sources = Sources::new();
        let (path, text) = &self.files[0];
        let main = sources.add(path.clone(), text.clone().into_bytes());
        let lowered = lower::lower(&mut sources, main, options, self);
        let knobs = Knobs::default();
        let facts = Facts::new(&sources, &lowered, options, &knobs);
        let found = rules::check(&facts);
        found.iter().for_each(|finding| each(&facts, finding));
        found
    }
}

impl Loader for Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let found = self.files.iter().find(|(name, _)| name == path);
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, path.display().to_string());
        found.map(|(_, text)| text.clone().into_bytes()).ok_or_else(missing)
    }
    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let Ok(pattern) = glob::Pattern::new(&pattern.to_string_lossy()) else { return Vec::new() };
        let mut found: Vec<_> =
            self.files.iter().map(|(name, _)| name.clone()).filter(|name| pattern.matches_path(name)).collect();
        found.sort();
        found
    }
    fn exists(&self, path: &Path) -> bool {
        self.files.iter().any(|(name, _)| name == path)
    }
    fn find(&self, _folder: &Path, _names: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// What a witness assumes to exist: `file:/path: exists`.
fn assumed(witness: &Witness) -> Assumed {
    let path = |text: &String| Some(text.strip_prefix("file:")?.strip_suffix(": exists")?.as_bytes().to_vec());
    let paths = witness.assumptions.iter().filter_map(path).map(|path| (path, Kind::File));
    Assumed { paths: paths.collect(), ..Assumed::default() }
}

/// Whether a fresh walk meets the very answers that a witness tells.
pub fn replays(facts: &Facts<'_>, witness: &Witness) -> bool {
    let mut request = follow::request_for(&witness.url).expect("an absolute URL");
    request.method = witness.method.clone().into_bytes().into();
    for (name, value) in &witness.headers {
        request.headers.push((name.clone().into_bytes().into(), value.clone().into()));
    }
    let journey = follow::follow(facts.program, &(&assumed(witness), &Unknown), request, Limits::default());
    let seen = journey.hops.iter().map(|hop| (hop.answer.status, hop.answer.location.as_deref()));
    let told = witness.observed.iter().map(|one| (one.status, one.location.as_deref()));
    !witness.observed.is_empty()
        && seen.zip(told).all(|(seen, told)| seen == told)
        && journey.hops.len() >= witness.observed.len()
}
