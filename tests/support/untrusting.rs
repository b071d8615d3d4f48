//! Runs the program as a hook would, on something it should not trust.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any of these may take, on a slow machine and without optimisation.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a run left behind.
pub struct Ended {
    /// The exit code; `None` for a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub told: String,
}

/// Runs the program on a folder; a run that does not end is killed and fails the test.
pub fn run(folder: &Path, args: &[&str]) -> Ended {
    let (out, told) = (folder.join("..out"), folder.join("..told"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(std::fs::File::create(&told).unwrap())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if start.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("{args:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let read = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    let ended = Ended { code, out: read(&out), told: read(&told) };
    assert!(!ended.told.contains("panicked"), "{args:?}: {}", ended.told);
    assert!(matches!(code, Some(0..=2)), "{args:?}: {code:?} {}", ended.told);
    ended
}

/// A folder with one file in it.
pub fn folder(name: &str, text: impl AsRef<[u8]>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    folder
}

/// A whole configuration around the inside of a server.
pub fn nginx(inside: &str) -> String {
    format!("events {{}}\nhttp {{\nserver {{\nlisten 80;\n{inside}\n}}\n}}\n")
}
