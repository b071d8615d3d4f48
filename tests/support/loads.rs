//! Whether a real server loads a text: `nginx -t`, `apache2 -t`, in the frames that such a text may be meant for.

use super::live;
use redirlint::lower::Dialect;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands around a text of nginx: nothing, `http`, `server`.
const NGINX_FRAMES: [(&str, &str); 3] =
    [("", ""), ("events { }\nhttp {\n", "\n}\n"), ("events { }\nhttp {\nserver {\nlisten 127.0.0.1:9;\n", "\n}\n}\n")];
/// Modules that the Apache of a test loads, as far as they are installed.
const MODULES: &str = "mpm_prefork unixd log_config access_compat alias auth_basic authn_core authn_file authz_core authz_host \
                       authz_user autoindex deflate dir env expires filter headers include mime negotiation proxy \
                       proxy_http rewrite setenvif socache_shmcb ssl";

/// The servers that are installed.
pub struct Servers {
    apache: Option<PathBuf>,
    nginx: Option<PathBuf>,
}

impl Servers {
    pub fn found() -> Self {
        Self { apache: live::installed("apache2"), nginx: live::installed("nginx") }
    }

    /// Whether the server loads the one text, and what it says of the other in the same frame; `None` without a server.
    pub fn verdicts(&self, dialect: Dialect, old: &[u8], new: &[u8]) -> Option<(bool, Result<(), String>)> {
        if dialect == Dialect::Nginx {
            let program = self.nginx.as_deref()?;
            let frame = NGINX_FRAMES.iter().find(|frame| nginx(program, frame, old).is_ok());
            return Some(frame.map_or((false, Ok(())), |frame| (true, nginx(program, frame, new))));
        }
        let program = self.apache.as_deref()?;
        Some((apache(program, dialect, old).is_ok(), apache(program, dialect, new)))
    }
}

fn nginx(program: &Path, (before, behind): &(&str, &str), text: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("nginx.conf");
    std::fs::create_dir(folder.path().join("logs")).unwrap();
    std::fs::write(&conf, [before.as_bytes(), text, behind.as_bytes()].concat()).unwrap();
    said(
        Command::new(program)
            .arg("-t")
            .arg("-q")
            .arg("-p")
            .arg(folder.path())
            .arg("-c")
            .arg(&conf)
            .args(["-e", "stderr"]),
    )
}

fn apache(program: &Path, dialect: Dialect, text: &[u8]) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("httpd.conf");
    let root = folder.path().display();
    let head = format!(
        "ServerRoot \"{root}\"\nServerName www.example.com\nListen 127.0.0.1:9\nErrorLog \"{root}/e\"\n{}",
        modules()
    );
    let (before, behind) = match dialect {
        Dialect::Htaccess => (format!("<Directory \"{root}\">\n"), "\n</Directory>\n"),
        _ => (String::new(), "\n"),
    };
    std::fs::write(&conf, [head.as_bytes(), before.as_bytes(), text, behind.as_bytes()].concat()).unwrap();
    said(Command::new(program).arg("-t").arg("-f").arg(&conf))
}

fn modules() -> String {
    let folders = ["/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules"];
    let Some(folder) = folders.iter().find(|folder| Path::new(folder).exists()) else { return String::new() };
    let there = MODULES.split_whitespace().filter(|name| Path::new(folder).join(format!("mod_{name}.so")).exists());
    there.map(|name| format!("LoadModule {name}_module {folder}/mod_{name}.so\n")).collect()
}

fn said(command: &mut Command) -> Result<(), String> {
    let out = command.env("LC_ALL", "C").output().unwrap();
    if out.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned()) }
}
