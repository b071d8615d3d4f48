//! Which language a file is written in: by its name, else by what its lines look like.

use crate::lower::Dialect;
use std::path::Path;

/// Bytes of a file that are looked at.
const LOOKED_AT: usize = 64 << 10;

/// Endings of names that no configuration has. Documents may quote one, and a quotation is no file of its own.
const OTHERS: [&str; 19] = [
    "md", "markdown", "rst", "adoc", "html", "htm", "xml", "json", "yaml", "yml", "toml", "csv", "php", "js", "ts",
    "css", "py", "rb", "sh",
];

/// Whether a name says that the file is something else than a configuration.
pub fn is_other(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    by_name(path).is_none() && OTHERS.iter().any(|other| ending.eq_ignore_ascii_case(other))
}

/// The language of a file, or `None` where nothing tells.
pub fn detect(path: &Path, bytes: &[u8]) -> Option<Dialect> {
    if is_other(path) {
        return None;
    }
    by_name(path).or_else(|| match by_content(bytes)? {
        // A folder's own file is seldom called so: this is a piece of a server's configuration.
        Dialect::Htaccess if path.extension().is_some_and(|ending| ending == "conf") && !is_of_folder(bytes) => {
            Some(Dialect::Apache)
        }
        dialect => Some(dialect),
    })
}

/// Whether a line can only stand in a folder's rules, outside of any section.
fn is_of_folder(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    lines.any(|line| line.get(..11).is_some_and(|word| word.eq_ignore_ascii_case(b"rewritebase")))
}

/// The language that a file's name alone tells.
pub fn by_name(path: &Path) -> Option<Dialect> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let htaccess = name.ends_with(".htaccess")
        || name.starts_with(".htaccess.")
        || name.starts_with("htaccess.")
        || matches!(&*name, "htaccess" | "_htaccess");
    if htaccess {
        return Some(Dialect::Htaccess);
    }
    if matches!(&*name, "httpd.conf" | "apache2.conf" | "apache.conf") {
        return Some(Dialect::Apache);
    }
    (name == "nginx.conf").then_some(Dialect::Nginx)
}

/// Names of main files, which include others.
pub const MAINS: [&str; 3] = ["nginx.conf", "httpd.conf", "apache2.conf"];

/// Whether the name is that of a server's main file, which includes others.
pub fn is_main(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    MAINS.contains(&name)
}

/// Of so many lines one at least begins with a known word; else it is a text that happens to have such words.
const SPARSE: usize = 12;

/// The language that the lines look like. A tie tells nothing.
pub fn by_content(bytes: &[u8]) -> Option<Dialect> {
    let bytes = bytes.get(..LOOKED_AT.min(bytes.len())).unwrap_or_default();
    let (mut apache, mut nginx, mut server_only, mut lines) = (0usize, 0usize, false, 0usize);
    for line in bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        let word = line.split(|byte| byte.is_ascii_whitespace() || *byte == b'>').next().unwrap_or_default();
        let word = word.to_ascii_lowercase();
        match line.last() {
            _ if line.starts_with(b"#") || line.is_empty() => continue,
            // Both languages have a `listen`; only one ends its lines so.
            Some(b';') => nginx += if NGINX.contains(&&*word) { 2 } else { 1 },
            _ if APACHE.contains(&&*word) => apache += 2,
            _ if SERVER_ONLY.contains(&&*word) => {
                apache += 2;
                server_only = true;
            }
            Some(b'{' | b'}') if NGINX.contains(&&*word) => nginx += 2,
            Some(b'{') => nginx += 1,
            _ => {}
        }
        lines += 1;
    }
    if lines > (apache + nginx) / 2 * SPARSE {
        return None;
    }
    match apache.cmp(&nginx) {
        std::cmp::Ordering::Greater if server_only => Some(Dialect::Apache),
        std::cmp::Ordering::Greater => Some(Dialect::Htaccess),
        std::cmp::Ordering::Less => Some(Dialect::Nginx),
        std::cmp::Ordering::Equal => None,
    }
}

/// Whether a searched folder's file is worth reading: its name is one of those configurations have.
pub fn is_candidate(path: &Path) -> bool {
    let within = |folder: &str| path.components().any(|part| part.as_os_str() == folder);
    let conf = path.extension().is_some_and(|ending| ending == "conf" || ending == "vhost");
    by_name(path).is_some() || conf || within("sites-available") || within("sites-enabled")
}

/// Apache's words that may stand in a folder's own file.
const APACHE: &[&[u8]] = &[
    b"rewriterule",
    b"rewritecond",
    b"rewriteengine",
    b"rewritebase",
    b"redirect",
    b"redirectmatch",
    b"redirectpermanent",
    b"redirecttemp",
    b"<ifmodule",
    b"<files",
    b"<filesmatch",
    b"<if",
    b"errordocument",
    b"directoryindex",
    b"allowoverride",
    b"header",
    b"setenvif",
    b"options",
    b"fallbackresource",
    b"addtype",
    b"require",
];

/// Apache's words that stand in the server's configuration alone.
const SERVER_ONLY: &[&[u8]] = &[
    b"<virtualhost",
    b"<directory",
    b"<directorymatch",
    b"<location",
    b"<locationmatch",
    b"documentroot",
    b"loadmodule",
    b"servername",
    b"serveralias",
    b"listen",
    b"alias",
    b"allowencodedslashes",
    b"scriptalias",
    b"proxypassreverse",
    b"customlog",
    b"errorlog",
    b"sslengine",
    b"rewritemap",
];

const NGINX: &[&[u8]] = &[
    b"server",
    b"location",
    b"listen",
    b"server_name",
    b"return",
    b"rewrite",
    b"root",
    b"index",
    b"try_files",
    b"http",
    b"events",
    b"map",
    b"upstream",
    b"if",
    b"set",
    b"include",
    b"add_header",
    b"proxy_pass",
    b"fastcgi_pass",
    b"error_page",
    b"expires",
    b"access_log",
    b"geo",
    b"types",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_names_need_no_content() {
        assert_eq!(detect(Path::new("a/.htaccess"), b""), Some(Dialect::Htaccess));
        assert_eq!(detect(Path::new("owner__site__.htaccess"), b""), Some(Dialect::Htaccess));
        assert_eq!(detect(Path::new("nginx.conf"), b"RewriteEngine on"), Some(Dialect::Nginx));
        assert_eq!(detect(Path::new("apache2.conf"), b""), Some(Dialect::Apache));
    }

    #[test]
    fn content_tells_where_the_name_does_not() {
        assert_eq!(by_content(b"location /a { return 301 /b; }\n"), Some(Dialect::Nginx));
        assert_eq!(by_content(b"server {\n listen 80;\n return 301 /x;\n}\n"), Some(Dialect::Nginx));
        assert_eq!(
            by_content(b"<VirtualHost *:80>\nServerName a\nRedirect / /b\n</VirtualHost>"),
            Some(Dialect::Apache)
        );
        assert_eq!(by_content(b"RewriteEngine On\nRewriteRule ^a$ /b [R=301,L]\n"), Some(Dialect::Htaccess));
        assert_eq!(by_content(b"hello\nworld\n"), None);
        assert_eq!(by_content(b"Alias /a /srv/a\nRewriteEngine On\n"), Some(Dialect::Apache));
    }

    #[test]
    fn a_text_that_quotes_a_configuration_is_none() {
        let rules = b"RewriteEngine On\nRewriteRule ^a$ /b [R=301,L]\n";
        assert_eq!(detect(Path::new("README.md"), rules), None);
        assert_eq!(detect(Path::new(".htaccess.md"), rules), Some(Dialect::Htaccess), "the name says it");
        let text = [&b"Some words of a letter.\n".repeat(30)[..], b"Redirect old links\n"].concat();
        assert_eq!(detect(Path::new("letter.txt"), &text), None);
    }

    #[test]
    fn a_piece_of_a_servers_configuration_is_no_folders_own_file() {
        let rules = b"RewriteEngine On\nRewriteRule ^/a$ /b [R=301,L]\n";
        assert_eq!(detect(Path::new("conf.d/rules.conf"), rules), Some(Dialect::Apache));
        assert_eq!(detect(Path::new("rules.txt"), rules), Some(Dialect::Htaccess));
        assert_eq!(
            detect(Path::new("wordpress.conf"), b"RewriteBase /\nRewriteRule . /index.php [L]\n"),
            Some(Dialect::Htaccess)
        );
    }
}
