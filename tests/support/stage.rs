//! Other people's configurations on a real server: what ties them to their machine is taken out, the rest runs.

use super::apache_modules::loads;
use redirlint::lower::Dialect;
use redirlint::source::FileId;
use redirlint::syntax::{self, Directive, Tree};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Directives that name files, modules, users or other machines: none of them decides a redirect.
const APACHE_TIES: &str = "customlog errorlog forensiclog group include includeoptional listen loadmodule lockfile \
    mimemagicfile pidfile scoreboardfile serverroot sslcacertificatefile sslcacertificatepath \
    sslcarevocationfile sslcertificatechainfile sslpassphrasedialog sslrandomseed sslsessioncache \
    sslciphersuite sslprotocol sslopensslconfcmd sslstaplingcache sslusestapling transferlog typesconfig \
    user";
const NGINX_TIES: &str = "access_log client_body_temp_path daemon error_log include load_module lock_file log_format \
    master_process open_log_file_cache pid proxy_cache proxy_cache_path proxy_ssl_certificate \
    proxy_ssl_certificate_key proxy_ssl_trusted_certificate proxy_temp_path resolver ssl_ciphers \
    ssl_client_certificate ssl_conf_command ssl_crl ssl_dhparam ssl_ecdh_curve ssl_password_file \
    ssl_protocols ssl_session_ticket_key ssl_stapling ssl_stapling_file ssl_stapling_verify \
    ssl_trusted_certificate thread_pool user worker_cpu_affinity worker_priority worker_processes \
    worker_rlimit_nofile";

/// Where the servers of one test stand.
pub struct Stage {
    pub dir: tempfile::TempDir,
}

/// A server that runs; stopped when dropped.
pub struct Running {
    child: Child,
    /// The addresses it may be asked at.
    pub addresses: Vec<IpAddr>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Stage {
    /// A folder with a certificate in it; `None` where `openssl` is missing.
    pub fn new() -> Option<Self> {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let stage = Self { dir };
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=example.com"])
            .arg("-keyout")
            .arg(stage.path("key.pem"))
            .arg("-out")
            .arg(stage.path("cert.pem"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        made.is_ok_and(|status| status.success()).then_some(stage)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Folders with a `.htaccess` each under one Apache: the n-th is the document root of the n-th address.
    pub fn folders(&self, program: &Path, folders: &[PathBuf]) -> Result<Running, String> {
        let hosts: String = folders.iter().enumerate().map(|(at, folder)| self.hosts(at, folder)).collect();
        self.apache(program, &[80, 443], &hosts)
    }

    fn hosts(&self, at: usize, root: &Path) -> String {
        let host = |port: u16, tls: &str| {
            format!(
                "<VirtualHost {}:{port}>\nServerName example.com:{port}\nDocumentRoot \"{}\"\n{tls}</VirtualHost>\n",
                address_of(at),
                root.display()
            )
        };
        host(80, "") + &host(443, "SSLEngine on\n")
    }

    fn apache_tls(&self) -> String {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        format!("SSLCertificateFile {}\nSSLCertificateKeyFile {}\n", cert.display(), key.display())
    }

    /// A server's own configuration; `Err` with the server's words where it takes it in no way.
    pub fn server(&self, program: &Path, dialect: Dialect, text: &[u8], ports: &[u16]) -> Result<Running, String> {
        let tree = match dialect {
            Dialect::Nginx => syntax::nginx::parse(FileId(0), text),
            _ => syntax::apache::parse(FileId(0), text),
        };
        let untied = String::from_utf8_lossy(&self.untied(dialect, text, &tree)).into_owned();
        match dialect {
            Dialect::Nginx => self.nginx(program, &untied, ports),
            _ => self.apache(program, ports, &(untied.clone() + piece_over_tls(&untied))),
        }
    }

    fn apache(&self, program: &Path, ports: &[u16], text: &str) -> Result<Running, String> {
        let listen: String = ports.iter().map(|port| format!("Listen {port}\n")).collect();
        let dir = self.dir.path().display();
        let conf = format!(
            "ServerRoot \"{dir}\"\nPidFile \"{dir}/httpd.pid\"\n{listen}{}User www-data\nGroup www-data\n\
             KeepAlive Off\nErrorLog \"{dir}/error.log\"\nLogLevel crit\nTypesConfig /dev/null\n\
             AddType text/html .html\nServerName example.com\nDocumentRoot \"{dir}/empty\"\nDirectoryIndex index.html\n\
             {}<Directory \"/\">\nOptions FollowSymLinks\nAllowOverride All\nRequire all granted\n</Directory>\n{text}\n",
            loads(
                "access_compat alias auth_basic auth_digest authn_core authn_file authz_core authz_host authz_user \
                   autoindex cgi deflate dir env expires ext_filter filter headers include info mime negotiation proxy \
                   proxy_ajp proxy_balancer proxy_fcgi proxy_http remoteip rewrite setenvif slotmem_shm socache_shmcb \
                   ssl status substitute unique_id userdir vhost_alias"
            ),
            self.apache_tls()
        );
        std::fs::create_dir_all(self.path("empty")).unwrap();
        let file = self.path("httpd.conf");
        std::fs::write(&file, conf).unwrap();
        let mut command = Command::new(program);
        command.arg("-X").arg("-f").arg(&file);
        command.env("APACHE_LOG_DIR", self.dir.path()).env("APACHE_RUN_PORT", "80");
        self.start(command, text, ports, true)
    }

    /// The text as a main file, or inside the blocks that it lacks.
    fn nginx(&self, program: &Path, text: &str, ports: &[u16]) -> Result<Running, String> {
        for folder in ["html", "logs", "tmp"] {
            std::fs::create_dir_all(self.path(folder)).unwrap();
        }
        let main = "daemon off; master_process off; pid nginx.pid; error_log logs/error.log crit;\n";
        let events = "events { worker_connections 64; }\n";
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary: String = kinds.map(|name| format!("{name}_temp_path tmp/{name}; ")).concat();
        let http = format!("access_log off; server_names_hash_bucket_size 128; {temporary}\n{}", self.nginx_tls());
        let ways = [
            format!("{main}{text}"),
            format!("{main}{events}{text}"),
            format!("{main}{events}http {{ {http}{text}\n}}"),
            format!("{main}{events}http {{ {http}server {{ listen 80; listen 443 ssl; {text}\n}} }}"),
            format!("{main}{events}http {{ {http}server {{ listen 80; listen 443 ssl; location / {{ {text}\n}} }} }}"),
        ];
        let file = self.path("nginx.conf");
        let base = |command: &mut Command| {
            command.arg("-p").arg(self.dir.path()).arg("-c").arg(&file).args(["-e", "logs/start.log"]);
        };
        let mut words = String::new();
        for way in ways {
            std::fs::write(&file, way).unwrap();
            let mut test = Command::new(program);
            base(&mut test);
            let tested = test.arg("-t").output().unwrap();
            if tested.status.success() {
                let mut command = Command::new(program);
                base(&mut command);
                return self.start(command, text, ports, false);
            }
            words.push_str(&String::from_utf8_lossy(&tested.stderr));
        }
        Err(words)
    }

    /// Waits until all ports are listened at, or one of them where the configuration chooses.
    fn start(&self, mut command: Command, text: &str, ports: &[u16], all: bool) -> Result<Running, String> {
        let log = std::fs::File::create(self.path("stderr.txt")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        // A group of its own: on its way out Apache signals its whole process group.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        addresses.extend(addresses_in(text));
        let mut running = Running { child: command.spawn().unwrap(), addresses };
        let deadline = Instant::now() + Duration::from_secs(10);
        let listened = |addresses: &[IpAddr]| {
            let open =
                |port: &&u16| addresses.iter().any(|&at| TcpStream::connect(SocketAddr::from((at, **port))).is_ok());
            let open = ports.iter().filter(open).count();
            open == ports.len() || (open > 0 && !all)
        };
        while !listened(&running.addresses) {
            if running.child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                return Err(std::fs::read_to_string(self.path("stderr.txt")).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(running)
    }

    fn untied(&self, dialect: Dialect, text: &[u8], tree: &Tree) -> Vec<u8> {
        let mut out = Vec::new();
        let mut at = 0;
        for directive in tree.directives() {
            if let (Dialect::Nginx, b"http", Some(block)) = (dialect, directive.name.value(text), &directive.block) {
                out.extend_from_slice(&text[at..block.open.range().end]);
                out.extend_from_slice(self.nginx_tls().as_bytes());
                at = block.open.range().end;
                continue;
            }
            let behind = directive.span.range().start >= at;
            let Some(instead) = self.instead(dialect, text, directive).filter(|_| behind) else { continue };
            out.extend_from_slice(&text[at..directive.span.range().start]);
            out.extend_from_slice(instead.as_bytes());
            at = directive.span.range().end;
        }
        out.extend_from_slice(&text[at..]);
        out
    }

    fn nginx_tls(&self) -> String {
        let (cert, key) = (self.path("cert.pem"), self.path("key.pem"));
        format!("ssl_certificate {}; ssl_certificate_key {};\n", cert.display(), key.display())
    }

    /// What stands in a directive's place.
    fn instead(&self, dialect: Dialect, text: &[u8], directive: &Directive) -> Option<String> {
        let name = String::from_utf8_lossy(directive.name.value(text)).to_ascii_lowercase();
        let arg = directive.args.first().map(|word| String::from_utf8_lossy(word.value(text)).into_owned());
        let cert = self.path("cert.pem").display().to_string();
        let key = self.path("key.pem").display().to_string();
        match (dialect, name.as_str()) {
            (Dialect::Nginx, "ssl_certificate") => Some(format!("ssl_certificate {cert};")),
            (Dialect::Nginx, "ssl_certificate_key") => Some(format!("ssl_certificate_key {key};")),
            (Dialect::Nginx, "server") if directive.block.is_none() => Some("server 127.0.0.1:9;".into()),
            (Dialect::Nginx, "proxy_pass") if !arg?.contains('$') => Some("proxy_pass http://127.0.0.1:9;".into()),
            (Dialect::Nginx, "fastcgi_pass" | "uwsgi_pass" | "scgi_pass") => Some(format!("{name} 127.0.0.1:9;")),
            (Dialect::Nginx, name) => ties(NGINX_TIES, name),
            (_, "sslcertificatefile") => Some(format!("SSLCertificateFile {cert}")),
            (_, "sslcertificatekeyfile") => Some(format!("SSLCertificateKeyFile {key}")),
            (_, name) => ties(APACHE_TIES, name),
        }
    }
}

fn ties(names: &str, name: &str) -> Option<String> {
    names.split_whitespace().any(|tie| tie == name).then(String::new)
}

/// A piece without a host of its own is read by both kinds of hosts: it gets one for TLS, which inherits it.
fn piece_over_tls(text: &str) -> &'static str {
    let lower = text.to_ascii_lowercase();
    match (lower.contains("<virtualhost") || lower.contains("sslengine"), lower.contains("rewriteengine on")) {
        (true, _) => "",
        (false, false) => "\n<VirtualHost *:443>\nSSLEngine on\n</VirtualHost>\n",
        (false, true) => {
            "\n<VirtualHost *:443>\nSSLEngine on\nRewriteEngine On\nRewriteOptions Inherit\n</VirtualHost>\n"
        }
    }
}

/// The n-th address.
pub fn address_of(at: usize) -> IpAddr {
    let at = u32::try_from(at).unwrap() + 1;
    Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 0)) + at).into()
}

/// The literal addresses that a configuration listens at.
fn addresses_in(text: &str) -> Vec<IpAddr> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ';' | '>' | '<' | '"'));
    let address = words.filter_map(|word| word.rsplit_once(':').map_or(word, |(address, _)| address).parse().ok());
    let mut found: Vec<IpAddr> = address.filter(|address: &IpAddr| !address.is_unspecified()).collect();
    found.dedup();
    found
}
