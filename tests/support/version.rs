//! The version of an installed server.

use redirlint::lower::Version;
use std::path::Path;
use std::process::Command;

/// The version a server program says it has.
pub fn version_of(program: &Path, flag: &str) -> Version {
    let output = Command::new(program).arg(flag).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    let text = words.split('/').nth(1).unwrap_or_default();
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).map_while(|part| part.parse().ok());
    let mut next = || numbers.next().unwrap_or(0);
    Version(next(), next(), next())
}
