//! What the user says about the world that a configuration does not show (`redirlint.yaml`).

use crate::eval::attribute::civil;

/// What the user says about the world around the configuration (`redirlint.yaml`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// Names considered the user's own, beside those the configuration mentions.
    pub hosts: Vec<String>,
    /// The one name that the others should redirect to.
    pub canonical_host: Option<String>,
    /// Hosts that a redirect may lead to without being asked about.
    pub known_external_hosts: Vec<String>,
    /// Redirects that are still acceptable before the final answer; more are an error.
    pub max_hops: usize,
    /// Whether something in front of the server ends TLS.
    pub tls_upstream: TlsUpstream,
    /// The request header (name and value) by which it tells that the client used https.
    pub tls_header: Option<(String, String)>,
    /// Something in front of the server adds Strict-Transport-Security.
    pub hsts_upstream: bool,
    /// Whether the virtual host around a lone `.htaccess` may be judged by what the file says; `None` where the user
    /// says nothing.
    pub vhost_visible: Option<bool>,
    /// Paths (shell patterns) that programs ask with methods beside GET.
    pub api_paths: Vec<String>,
    /// Paths (shell patterns) whose redirects are meant to be temporary.
    pub temporary_ok: Vec<String>,
    /// Today, as `YYYY-MM-DD`; the machine's day unless given.
    pub today: String,
}

/// Whether something in front of the server ends TLS, so that its own connections are plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsUpstream {
    /// No: connections arrive as the client makes them.
    No,
    /// Nobody knows.
    #[default]
    Maybe,
    /// Yes: every connection arrives in plain text.
    Always,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            canonical_host: None,
            known_external_hosts: Vec::new(),
            max_hops: 5,
            tls_upstream: TlsUpstream::default(),
            tls_header: None,
            hsts_upstream: false,
            vhost_visible: None,
            api_paths: Vec::new(),
            temporary_ok: Vec::new(),
            today: today(),
        }
    }
}

/// The machine's day in UTC, as `YYYY-MM-DD`.
fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let (year, month, day) = civil((since.as_secs() / 86_400) as i64);
    format!("{year:04}-{month:02}-{day:02}")
}

impl Knobs {
    /// Names that are the user's own.
    pub fn own_hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().chain(&self.canonical_host).map(String::as_str)
    }

    /// Whether a redirect may lead to the host without being asked about.
    pub fn is_known_external(&self, host: &str) -> bool {
        self.known_external_hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
    }

    /// Whether redirects of the target's path are meant to be temporary.
    pub fn may_be_temporary(&self, target: &[u8]) -> bool {
        any_takes(&self.temporary_ok, target)
    }

    /// Whether programs ask the target's path.
    pub fn is_api(&self, target: &[u8]) -> bool {
        any_takes(&self.api_paths, target)
    }

    /// A path that each pattern of paths for programs takes.
    pub fn api_examples(&self) -> impl Iterator<Item = Vec<u8>> {
        self.api_paths.iter().map(|pattern| pattern.replace("**", "v1").replace(['*', '?'], "x").into_bytes())
    }
}

/// Whether a shell pattern takes the path of a target.
fn any_takes(patterns: &[String], target: &[u8]) -> bool {
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    let path = String::from_utf8_lossy(path);
    patterns.iter().filter_map(|text| glob::Pattern::new(text).ok()).any(|pattern| pattern.matches(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_paths_and_leave_the_query_out() {
        let knobs = Knobs { api_paths: vec!["/api/*".into()], ..Knobs::default() };
        assert!(knobs.is_api(b"/api/v1/items?x=/other") && !knobs.is_api(b"/blog?x=/api/a"));
        assert!(knobs.api_examples().all(|path| knobs.is_api(&path)));
        assert!(!knobs.may_be_temporary(b"/api/v1"));
    }
}
