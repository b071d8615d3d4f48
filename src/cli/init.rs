//! `redirlint init`: a commented `redirlint.yaml` in the current folder.

use super::args::InitArgs;
use super::{Exit, Stop};
use crate::config::{NAME, template::TEXT};
use std::io::Write;
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// A file that stands there already, or that cannot be written.
pub fn run(args: &InitArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let path = Path::new(NAME);
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Stop::Told(format!("`{NAME}` exists: say `--force` to overwrite it")),
        _ => Stop::Told(format!("cannot write `{NAME}`: {error}")),
    };
    let mut file = tempfile::NamedTempFile::new_in(".").map_err(failed)?;
    file.write_all(TEXT.as_bytes()).map_err(failed)?;
    let kept = if args.force { file.persist(path).map(drop) } else { file.persist_noclobber(path).map(drop) };
    kept.map_err(|error| failed(error.error))?;
    writeln!(out, "wrote {NAME}")?;
    Ok(Exit::Clean)
}
