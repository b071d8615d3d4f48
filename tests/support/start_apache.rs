//! Apache as a test starts it.

use super::apache_modules::loads;
use super::live::{Live, free_port, lay_out};
use std::path::Path;
use std::process::Command;

/// Modules the Apache of a test loads.
const MODULES: &str = "access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user \
                       autoindex dir env expires filter headers mime negotiation rewrite setenvif";

/// The configuration around a case: `@ROOT@`, `@PORT@` and `@LOADS@` are filled in.
pub const APACHE_FRAME: &str = "\
ServerRoot \"@ROOT@\"
PidFile \"@ROOT@/httpd.pid\"
Listen 127.0.0.1:@PORT@
@LOADS@
User www-data
Group www-data
StartServers 1
MinSpareServers 1
MaxSpareServers 1
MaxRequestWorkers 4
KeepAlive Off
ErrorLog \"@ROOT@/error.log\"
LogLevel crit
TypesConfig /dev/null
AddType text/html .html
ServerName www.example.com:80
DocumentRoot \"@ROOT@/www\"
<Directory \"/\">
    Options FollowSymLinks
    AllowOverride None
    Require all denied
</Directory>
<Directory \"@ROOT@/www\">
    Options FollowSymLinks
    AllowOverride All
    Require all granted
</Directory>
DirectoryIndex index.html
";

/// Apache on a port of its own. `config` stands at server level behind [`APACHE_FRAME`]; files are relative to
/// the document root.
pub fn apache(program: &Path, config: &str, files: &[(String, Vec<u8>)]) -> Result<Live, String> {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let www = dir.path().join("www");
    std::fs::create_dir(&www).unwrap();
    lay_out(&www, files);
    let port = free_port();
    let text = format!("{APACHE_FRAME}{config}\n")
        .replace("@LOADS@", &loads(MODULES))
        .replace("@ROOT@", &dir.path().to_string_lossy())
        .replace("@PORT@", &port.to_string());
    let conf = dir.path().join("httpd.conf");
    std::fs::write(&conf, text).unwrap();
    let mut command = Command::new(program);
    command.arg("-X").arg("-d").arg(dir.path()).arg("-f").arg(&conf).env("LC_ALL", "C").env("TZ", "UTC");
    Live::start(command, dir, port)
}
