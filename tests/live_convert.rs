//! Promise: a real apache2 with the snippet and a real nginx with its conversion answer the same requests alike:
//! status, `Location` (own origin and spelling of escapes aside), and both accept the files. Runs where both
//! servers are installed; with `REDIRLINT_LIVE=require` it fails where they are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use redirlint::analysis::compare;
use redirlint::analysis::{Facts, Knobs};
use redirlint::cli::disk::Disk;
use redirlint::eval::Request;
use redirlint::lower::{self, Dialect, Options};
use redirlint::source::Sources;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const APACHE: &str = "/usr/sbin/apache2";
const NGINX: &str = "/usr/sbin/nginx";
const MODULES: &str = "/usr/lib/apache2/modules";
const FILES: &[&str] =
    &["index.html", "index.php", "404.html", "real/x.txt", "dir/index.html", "static/a.css", "app/x"];

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn installed() -> bool {
    let there = Path::new(APACHE).exists() && Path::new(NGINX).exists();
    let required = std::env::var("REDIRLINT_LIVE").is_ok_and(|value| value == "require");
    assert!(there || !required, "apache2 and nginx are required and not installed");
    there
}

fn await_answer(port: u16) {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        if ask(port, b"HEAD /wait HTTP/1.0\r\n\r\n").is_some_and(|answer| !answer.is_empty()) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("the server on port {port} does not answer");
}

fn ask(port: u16, request: &[u8]) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    Some(answer)
}

fn wire(request: &Request) -> Vec<u8> {
    let mut out = [&request.method[..], b" ", &request.target[..], b" HTTP/1.1\r\n"].concat();
    for (name, value) in &request.headers {
        out.extend_from_slice(&[&name[..], b": ", &value[..], b"\r\n"].concat());
    }
    out.extend_from_slice(b"Content-Length: 0\r\nConnection: close\r\n\r\n");
    out
}

/// Status and `Location`, its own port left out and its escapes in upper case.
fn answer(port: u16, request: &Request) -> (u16, Option<String>) {
    let bytes = ask(port, &wire(request)).unwrap_or_default();
    let text: String = bytes.iter().map(|&byte| byte as char).collect();
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let location = head.lines().find_map(|line| line.strip_prefix("Location: "));
    let location = location.map(|place| {
        let mut out = String::new();
        let mut rest = place.replacen(&format!(":{port}"), "", 1);
        while let Some(at) = rest.find('%') {
            let end = (at + 3).min(rest.len());
            out.push_str(&rest[..at]);
            out.push_str(&rest[at..end].to_ascii_uppercase());
            rest = rest[end..].to_owned();
        }
        out + &rest
    });
    (status, location)
}

fn start(program: &str, args: &[&str]) -> Server {
    // a group of its own: on its way out Apache signals its whole process group
    let mut command = Command::new(program);
    command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    Server(command.spawn().unwrap())
}

fn apache(folder: &Path, root: &Path, port: u16) -> Server {
    let modules = "mpm_prefork alias authz_core authz_host dir headers mime rewrite setenvif unixd";
    let load: String = modules
        .split(' ')
        .filter(|name| Path::new(MODULES).join(format!("mod_{name}.so")).exists())
        .map(|name| format!("LoadModule {name}_module {MODULES}/mod_{name}.so\n"))
        .collect();
    let text = format!(
        "ServerRoot {0}\nPidFile {0}/pid\nErrorLog {0}/error.log\n{load}Listen 127.0.0.1:{port}\nServerName example.com\nUser www-data\nGroup www-data\nTypesConfig /dev/null\nDocumentRoot {1}\nDirectoryIndex index.html index.php\n<Directory />\nOptions FollowSymLinks\nAllowOverride All\nRequire all granted\n</Directory>\n",
        folder.display(),
        root.display()
    );
    let file = folder.join("httpd.conf");
    std::fs::write(&file, text).unwrap();
    let file = file.to_string_lossy().into_owned();
    start(APACHE, &["-DFOREGROUND", "-f", &file])
}

fn nginx(folder: &Path, root: &Path, port: u16, http: &str, server: &str) -> Server {
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {}/{name};\n", folder.display()))
        .collect();
    let text = format!(
        "daemon off; master_process off; pid {0}/ngx.pid; error_log {0}/ngx.log crit;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{http}\nserver {{\nlisten 127.0.0.1:{port};\nserver_name example.com;\nroot {1};\nindex index.html index.php;\n{server}\n}}\n}}\n",
        folder.display(),
        root.display()
    );
    let file = folder.join("nginx.conf").to_string_lossy().into_owned();
    std::fs::write(&file, text).unwrap();
    let tested = Command::new(NGINX).args(["-t", "-p", &folder.to_string_lossy(), "-c", &file]).output().unwrap();
    let why = String::from_utf8_lossy(&tested.stderr).into_owned();
    assert!(tested.status.success(), "nginx refuses the conversion:\n{why}");
    start(NGINX, &["-p", &folder.to_string_lossy(), "-c", &file])
}

fn requests(path: &Path, root: &Path) -> Vec<Request> {
    let mut sources = Sources::new();
    let main = sources.add(path, std::fs::read(path).unwrap());
    let options = Options {
        root: Some(root.to_path_buf()),
        real_files: true,
        ..Options::new(Dialect::Htaccess, root.to_path_buf())
    };
    let disk = Disk::real();
    let lowered = lower::lower(&mut sources, main, &options, &disk);
    let knobs = Knobs::default();
    let asks = compare::requests(&Facts::new(&sources, &lowered, &options, &knobs));
    asks.into_iter().map(|ask| ask.request).filter(|request| !request.encrypted).collect()
}

fn part(report: &serde_json::Value, scope: &str) -> String {
    let parts = report["output"].as_array().unwrap();
    parts.iter().filter(|part| part["scope"] == scope).map(|part| part["text"].as_str().unwrap()).collect()
}

/// What differs, and whether the report leaves anything out.
fn judge(snippet: &Path) -> (Vec<String>, usize, bool) {
    let scratch = tempfile::tempdir().unwrap();
    let root = scratch.path().join("www");
    for file in FILES {
        std::fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
        std::fs::write(root.join(file), file).unwrap();
    }
    let _ = Command::new("chmod").args(["-R", "a+rX"]).arg(scratch.path()).status();
    std::fs::copy(snippet, root.join(".htaccess")).unwrap();
    let path = root.join(".htaccess");
    let output = Command::new(env!("CARGO_BIN_EXE_redirlint"))
        .args(["convert", "--to", "nginx", "--no-config", "--format", "json", "--root"])
        .args([&root, &path])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let told =
        !report["untranslated"].as_array().unwrap().is_empty() || !report["changed"].as_array().unwrap().is_empty();
    let requests = requests(&path, &root);
    let (first, second) = (free_port(), free_port());
    let _apache = apache(scratch.path(), &root, first);
    let _nginx = nginx(scratch.path(), &root, second, &part(&report, "http"), &part(&report, "server"));
    await_answer(first);
    await_answer(second);
    let mut wrong = Vec::new();
    for request in &requests {
        let (old, new) = (answer(first, request), answer(second, request));
        let redirects = |answer: &(u16, Option<String>)| answer.1.is_some();
        // content is asked for by POST too, which nginx's static files refuse
        let content = |status: u16| matches!(status, 200 | 404 | 405);
        let served = |answer: &(u16, Option<String>)| content(answer.0) && !redirects(answer);
        if old != new && !(served(&old) && served(&new)) {
            wrong.push(format!(
                "{}: {old:?}, converted {new:?}",
                String::from_utf8_lossy(&wire(request)).lines().next().unwrap()
            ));
        }
    }
    (wrong, requests.len(), told)
}

#[test]
fn real_servers_answer_a_snippet_and_its_conversion_alike() {
    if !installed() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/convert");
    let mut snippets: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    snippets.retain(|path| path.extension().is_some_and(|end| end == "htaccess"));
    snippets.sort();
    let (mut exact, mut asked, mut silent) = (0, 0, Vec::new());
    for snippet in &snippets {
        let (wrong, requests, told) = judge(snippet);
        asked += requests;
        exact += usize::from(wrong.is_empty() && !told);
        if !wrong.is_empty() && !told {
            silent.push(format!("{}\n  {}", snippet.display(), wrong.join("\n  ")));
        }
    }
    println!("{exact} of {} snippets exact over {asked} requests", snippets.len());
    assert!(silent.is_empty(), "{}", silent.join("\n"));
    assert!(exact >= 38, "only {exact} of {} snippets are exact", snippets.len());
}
