//! Promise: many sites are told in the order in which they were named, however they are checked, and a run that was
//! killed goes on where it stopped.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const SITES: usize = 300;
/// More than one site has folders.
const EQUALS: usize = 120;

/// A folder of sites with a loop each, some of them slower to check than others, and a list of them.
fn fleet() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut list = String::new();
    for at in 0..SITES {
        let site = folder.path().join(format!("{at:03}"));
        std::fs::create_dir(&site).unwrap();
        let rest: String = (0..at % 7 * 20).map(|at| format!("Redirect 301 /x{at} /y{at}\n")).collect();
        std::fs::write(site.join(".htaccess"), format!("RedirectMatch 301 ^/{at}$ /{at}\n{rest}")).unwrap();
        list += &format!("{at:03}/.htaccess\n");
    }
    std::fs::write(folder.path().join("list"), list).unwrap();
    folder
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
    command.args(["check", "--format", "jsonl", "--select", "redirect-loop"]).args(args).current_dir(folder);
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).stdin(Stdio::null()).output().unwrap()
}

fn fed(folder: &Path, args: &[&str]) -> Child {
    let mut command = command(folder, args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The files that findings are in.
fn files(out: &[u8]) -> Vec<String> {
    let lines = out.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let findings = lines.map(|line| serde_json::from_slice::<serde_json::Value>(line).unwrap());
    findings.filter_map(|finding| Some(finding.get("file")?.as_str()?.to_owned())).collect()
}

#[test]
fn findings_come_in_the_order_of_the_list() {
    let folder = fleet();
    let output = run(folder.path(), &["--files-from", "list"]);
    assert_eq!(output.status.code(), Some(1));
    let wanted: Vec<String> = (0..SITES).map(|at| format!("{at:03}/.htaccess")).collect();
    assert_eq!(files(&output.stdout), wanted);
    let mut child = fed(folder.path(), &["--files-from", "-"]);
    child.stdin.take().unwrap().write_all(&std::fs::read(folder.path().join("list")).unwrap()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().stdout, output.stdout);
}

#[test]
fn a_folder_of_many_sites_is_no_single_site() {
    let folder = fleet();
    assert_eq!(files(&run(folder.path(), &["."]).stdout).len(), SITES);
    // Each of them is served at the root of its own host.
    let output = String::from_utf8(run(folder.path(), &["."]).stdout).unwrap();
    assert!(output.contains("http://localhost/7\"") || output.contains("http://example.com/7\""), "{output}");
}

/// Texts whose findings rest on the folder they stand in, on the host, on nothing, or on what stands around them.
const TEXTS: [&str; 5] = [
    "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule ^(.*)$ /index.php?q=$1 [R]\n",
    "RewriteEngine On\nRewriteCond %{HTTP_HOST} ^www.example.com$\nRewriteRule ^(.*)$ http://example.com%{REQUEST_FILENAME}\n",
    "Redirect 301 /a /b\nRedirect 301 /b /c\nErrorDocument 404 http://www.example.com/\n",
    "<IfFile beside>\nRedirect 301 /x /y\nRedirect 301 /y /z\n</IfFile>\nRedirect 301 /p /q\nRedirect 301 /q /r\n",
    "RedirectMatch 301 ^/a /a/b\n",
];

/// Sites that hold the same few files; some have a folder that is called strangely, one below, or a file beside.
fn equals() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..EQUALS {
        let odd = if at % 11 == 0 { " & (x)" } else { "" };
        let site = folder.path().join(format!("{at:03}{odd}"));
        std::fs::create_dir_all(site.join("below")).unwrap();
        std::fs::write(site.join(".htaccess"), TEXTS[at % TEXTS.len()]).unwrap();
        if at % 7 == 0 {
            std::fs::write(site.join("beside"), "").unwrap();
            std::fs::write(site.join("below/.htaccess"), "Redirect 301 /below/a /below/b\nRedirect /below/b /a\n")
                .unwrap();
        }
    }
    folder
}

#[test]
fn what_was_seen_before_is_told_as_if_it_were_new() {
    let folder = equals();
    let all = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
        command.args(["check", ".", "--format", "jsonl"]).args(args).current_dir(folder.path()).output().unwrap().stdout
    };
    let told = all(&[]);
    assert!(files(&told).len() > EQUALS, "each of them has findings");
    // With `--verbose` every file is read in its own folder, and nothing is remembered.
    assert_eq!(String::from_utf8(told).unwrap(), String::from_utf8(all(&["-v"])).unwrap());
}

#[test]
fn names_that_end_with_a_nul_may_hold_a_line_feed() {
    let folder = tempfile::tempdir().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"a\nb.htaccess");
    std::fs::write(folder.path().join(name), "RedirectMatch 301 ^/a$ /a\n").unwrap();
    let mut child = fed(folder.path(), &["--files-from0", "-"]);
    child.stdin.take().unwrap().write_all(b"a\nb.htaccess\0").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(files(&output.stdout), ["a\nb.htaccess"]);
}

#[test]
fn a_list_that_is_none_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("list"), vec![b'x'; 100_000]).unwrap();
    for (args, words) in [
        (&["--files-from", "gone"][..], "cannot read `gone`"),
        (&["--files-from", "list"], "a name of more than"),
        (&["--files-from", "."], "cannot read `.`"),
        (&["--files-from", "a", "--files-from0", "b"], "cannot be used with"),
        (&["--resume", "x", "--fix"], "cannot be used with"),
        (&["--resume", "list"], "was not written by `--resume`"),
        (&["--resume", "no/such/folder"], "cannot use `no/such/folder`"),
        (&["--resume", "x", "--format", "human"], "say `--format jsonl`"),
    ] {
        let mut command = command(folder.path(), &[]);
        if args.contains(&"human") {
            command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
            command.arg("check").current_dir(folder.path());
        }
        let output = command.args(args).stdin(Stdio::null()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {told}");
        assert!(told.contains(words) && !told.contains("panicked"), "{args:?}: {told}");
    }
}

#[test]
fn a_killed_run_goes_on_and_comes_to_the_same() {
    let folder = fleet();
    let list = std::fs::read_to_string(folder.path().join("list")).unwrap();
    let whole = run(folder.path(), &["--files-from", "list", "--resume", "whole.jsonl"]);
    assert_eq!((whole.status.code(), whole.stdout.len()), (Some(1), 0));
    let whole = std::fs::read(folder.path().join("whole.jsonl")).unwrap();
    assert_eq!(files(&whole).len(), SITES);

    let mut child = fed(folder.path(), &["--files-from", "-", "--resume", "part.jsonl"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&list.as_bytes()[..list.len() / 2]).unwrap();
    let part = folder.path().join("part.jsonl");
    while std::fs::metadata(&part).map_or(0, |meta| meta.len()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let length = std::fs::metadata(&part).unwrap().len();
    assert!(length > 0 && length < whole.len() as u64);
    // As if it had been killed in the midst of a line.
    std::fs::File::options().write(true).open(&part).unwrap().set_len(length - 7).unwrap();

    let again = run(folder.path(), &["--files-from", "list", "--resume", "part.jsonl"]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(std::fs::read(&part).unwrap(), whole);
    // Nothing is left to do, and the exit code still counts what was found.
    let after = run(folder.path(), &["--files-from", "list", "--resume", "part.jsonl"]);
    assert_eq!(after.status.code(), Some(1));
    assert_eq!(std::fs::read(&part).unwrap(), whole);
}
