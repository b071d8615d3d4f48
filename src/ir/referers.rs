//! Which `Referer` is welcome, as nginx is told it (`ngx_http_referer_module`).

use super::Bytes;
use super::pattern::Regex;
use super::site::SiteName;
use std::sync::Arc;

/// The pages that may refer to something here.
#[derive(Debug, Default)]
pub struct Referers {
    /// A request without `Referer` is welcome.
    pub none: bool,
    /// One whose `Referer` is no URL is welcome: something on the way has blanked it.
    pub blocked: bool,
    /// Hosts, and what the path must begin with, where that matters.
    pub hosts: Vec<(SiteName, Option<Bytes>)>,
    /// The site's own names are among the hosts.
    pub own_names: bool,
    /// The site's own patterns are held against the host.
    pub own_patterns: bool,
    /// Patterns held against everything behind the scheme.
    pub patterns: Vec<Arc<Regex>>,
}
