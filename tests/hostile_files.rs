//! Promise: a disk, a limit or a killed process costs at worst the report: a file that is mended is always whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/untrusting.rs"]
mod untrusting;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use untrusting::{folder, nginx, run};

const LOOP: &str = "RedirectMatch 301 ^/a$ /a\n";
/// It has a safe fix.
const MENDABLE: &str = "Redirect /old http://example.com/new\n";
const MENDED: &str = "Redirect 302 /old http://example.com/new\n";

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs the program from a shell, with `limit` before it.
fn under(folder: &Path, limit: &str, args: &str) -> Output {
    let script = format!("{limit}; exec \"$0\" {args}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_redirlint")]).current_dir(folder).output().unwrap()
}

fn read(folder: &Path) -> String {
    std::fs::read_to_string(folder.join(".htaccess")).unwrap()
}

/// `trap '' XFSZ` makes the limit on a file's size look like a full disk.
#[test]
fn a_full_disk_leaves_the_old_file_and_no_other() {
    let site = folder(".htaccess", MENDABLE);
    let output = under(site.path(), "trap '' XFSZ; ulimit -f 0", "check --fix .htaccess");
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    assert!(told(&output).contains("cannot write `.htaccess`") && told(&output).contains("the file is as it was"));
    assert_eq!(read(site.path()), MENDABLE);
    assert_eq!(site.path().read_dir().unwrap().count(), 1);
}

#[test]
fn a_killed_process_leaves_the_old_file() {
    let site = folder(".htaccess", MENDABLE);
    let output = under(site.path(), "ulimit -f 0", "check --fix .htaccess");
    assert_eq!(output.status.code(), None, "the limit kills it: {}", told(&output));
    assert_eq!(read(site.path()), MENDABLE);
    // What the killed process left behind is in nobody's way.
    run(site.path(), &["check", "--fix", ".htaccess"]);
    assert_eq!(read(site.path()), MENDED);
}

#[test]
fn a_report_that_cannot_be_written_is_told() {
    let site = folder(".htaccess", LOOP);
    for format in ["human", "plain", "json", "jsonl", "sarif", "github", "checkstyle", "html"] {
        let output = under(site.path(), ":", &format!("check .htaccess --format {format} > /dev/full"));
        assert_eq!(output.status.code(), Some(2), "{format}");
        assert!(told(&output).contains("cannot write the output"), "{format}: {}", told(&output));
    }
    let output = under(site.path(), ":", "check .htaccess --format jsonl --resume /dev/full");
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
}

/// Sparse: it takes no room on the disk.
#[test]
fn a_line_of_a_gigabyte_is_refused_unread() {
    let site = folder(".htaccess", "Redirect 301 /a /");
    let file = std::fs::File::options().write(true).open(site.path().join(".htaccess")).unwrap();
    file.set_len(1 << 30).unwrap();
    let ended = run(site.path(), &["check", ".htaccess"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.told.contains("`.htaccess`") && ended.told.contains("larger than the 64 MiB"), "{}", ended.told);
    std::fs::write(site.path().join("nginx.conf"), nginx("include .htaccess;")).unwrap();
    let ended = run(site.path(), &["check", "-v", "nginx.conf"]);
    assert!(ended.out.contains("note: nginx.conf:5: `include`"), "{}", ended.out);
}

#[test]
fn standard_input_without_end_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redirlint"));
    command
        .args(["check", "-", "--as", "htaccess"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let line = [b'#'; 1 << 16];
    while input.write_all(&line).is_ok() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        told(&output).contains("standard input is larger than") || told(&output).contains("larger than the 64 MiB")
    );
}

#[test]
fn a_folder_that_holds_itself_is_walked_once() {
    let site = folder(".htaccess", LOOP);
    std::os::unix::fs::symlink("..", site.path().join("up")).unwrap();
    std::fs::create_dir(site.path().join("in")).unwrap();
    std::os::unix::fs::symlink("..", site.path().join("in/back")).unwrap();
    let ended = run(site.path(), &["check", "--format", "jsonl", "."]);
    assert_eq!(ended.out.matches("\"rule\":\"redirect-loop\"").count(), 1, "{}", ended.out);
}

#[test]
fn a_file_that_is_gone_or_a_folder_now_is_told_and_the_rest_is_checked() {
    let site = folder(".htaccess", LOOP);
    std::fs::create_dir(site.path().join("nginx.conf")).unwrap();
    std::fs::write(site.path().join("list"), "gone.conf\nnginx.conf\n.htaccess\n").unwrap();
    let ended = run(site.path(), &["check", "--format", "jsonl", "--files-from", "list"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.told.contains("gone.conf") && ended.out.contains("redirect-loop"), "{}{}", ended.told, ended.out);
}
