//! nginx as a test starts it.

use super::live::{Live, free_port, lay_out};
use std::path::Path;
use std::process::Command;

/// nginx on a port of its own. `config` is the content of `http { }` with `@PORT@` for the port; `Err` where
/// nginx refuses it.
pub fn nginx(program: &Path, config: &str, files: &[(String, Vec<u8>)]) -> Result<Live, String> {
    let dir = tempfile::tempdir().unwrap();
    for folder in ["html", "logs", "tmp"] {
        std::fs::create_dir(dir.path().join(folder)).unwrap();
    }
    lay_out(dir.path(), files);
    let port = free_port();
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path tmp/{name};"))
        .join(" ");
    let text = format!(
        "daemon off; master_process off; pid nginx.pid; error_log logs/error.log crit;\nevents {{ worker_connections 64; }}\n\
         http {{\naccess_log off; {temporary}\n{}\n}}\n",
        config.replace("@PORT@", &port.to_string())
    );
    let conf = dir.path().join("nginx.conf");
    std::fs::write(&conf, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-p").arg(dir.path()).arg("-c").arg(&conf).arg("-e").arg("logs/start.log");
    Live::start(command, dir, port)
}
