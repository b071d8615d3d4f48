//! Which modules a server is taken to have.
//!
//! A configuration that loads its modules itself says so. For one that does not, the stock modules that a common
//! installation has count as loaded, and modules from elsewhere are unknown.

use rustc_hash::FxHashSet;

/// Stock modules that are not taken as loaded: rarely switched on, or excluded by another one that is.
const UNUSUAL: &[&str] = &[
    "mpm_prefork",
    "mpm_worker",
    "prefork",
    "worker",
    "authn_dbd",
    "authn_dbm",
    "authnz_fcgi",
    "authnz_ldap",
    "ldap",
    "authz_dbd",
    "authz_dbm",
    "bucketeer",
    "case_filter",
    "case_filter_in",
    "cern_meta",
    "charset_lite",
    "dialup",
    "dumpio",
    "echo",
    "example_hooks",
    "heartbeat",
    "heartmonitor",
    "ident",
    "imagemap",
    "lua",
    "mime_magic",
    "reflector",
    "sed",
    "suexec",
    "usertrack",
    "file_cache",
    "lbmethod_heartbeat",
    "log_forensic",
    "proxy_express",
    "proxy_fdpass",
    "proxy_ftp",
    "proxy_hcheck",
    "data",
    "dbd",
    "md",
    "optional_hook_export",
    "optional_hook_import",
    "privileges",
    "proxy_msrpc",
    "socache_dc",
    "systemd",
    "tls",
];

/// Stock modules of which no directive is in the table, and those compiled into the server.
const BARE: &[&str] = &[
    "core",
    "http",
    "so",
    "log_config",
    "logio",
    "version",
    "watchdog",
    "unixd",
    "authz_user",
    "authz_host",
    "status",
    "unique_id",
    "ratelimit",
    "proxy_balancer",
    "authz_owner",
    "proxy_wstunnel",
    "proxy_uwsgi",
    "proxy_http2",
    "proxy_connect",
    "proxy_ajp",
    "proxy_http",
    "proxy_fcgi",
    "proxy_scgi",
    "lbmethod_byrequests",
    "lbmethod_bytraffic",
    "lbmethod_bybusyness",
    "slotmem_shm",
    "slotmem_plain",
    "socache_shmcb",
    "socache_dbm",
    "socache_memcache",
    "asis",
    "mpm_event",
    "data",
    "suexec",
    "log_debug",
    "authz_host",
    "proxy_balancer",
    "ratelimit",
    "status",
    "unique_id",
];

/// Modules compiled into the server; no `LoadModule` names them.
const BUILT_IN: &[&str] = &["core", "http", "so", "log_config", "logio", "version", "watchdog", "unixd", "macro"];

/// The loaded modules, by name without its affixes (`rewrite`).
#[derive(Clone, Debug, Default)]
pub struct Modules {
    loaded: FxHashSet<Box<[u8]>>,
    explicit: bool,
    foreign: bool,
}

impl Modules {
    /// The modules of a common installation.
    pub fn usual() -> Self {
        let table = super::super::directives::apache().entries();
        let named = table.iter().filter(|entry| !entry.third_party).map(|entry| plain(entry.module.as_bytes()));
        let bare = BARE.iter().map(|name| name.as_bytes());
        let usual = named.chain(bare).filter(|name| !UNUSUAL.iter().any(|unusual| unusual.as_bytes() == *name));
        Self { loaded: usual.map(Into::into).collect(), explicit: false, foreign: false }
    }

    /// Only what is compiled in: for a configuration that loads the rest itself.
    pub fn built_in() -> Self {
        Self { loaded: BUILT_IN.iter().map(|name| name.as_bytes().into()).collect(), explicit: true, foreign: false }
    }

    /// `LoadModule`.
    pub fn add(&mut self, name: &[u8]) {
        self.foreign |= !Self::is_stock(name);
        self.loaded.insert(plain(name).into());
    }

    /// Whether a module from elsewhere is loaded, which may bring directives nobody here knows.
    pub fn has_foreign(&self) -> bool {
        self.foreign
    }

    /// Whether the configuration itself says which modules there are.
    pub fn is_explicit(&self) -> bool {
        self.explicit
    }

    /// Whether a module is loaded; `name` is `mod_rewrite.c` or `rewrite_module`.
    pub fn is_loaded(&self, name: &[u8]) -> bool {
        self.loaded.contains(plain(name))
    }

    /// Whether a handler of this name (lower case) may find a module that serves it: one that is loaded, or one from
    /// elsewhere that is not known here.
    pub fn serves(&self, handler: &[u8]) -> bool {
        let modules: &[&[u8]] = match handler {
            b"cgi-script" | b"application/x-httpd-cgi" => &[b"cgi", b"cgid"],
            b"type-map" | b"application/x-type-map" => &[b"negotiation"],
            b"imap-file" => &[b"imagemap"],
            b"send-as-is" | b"httpd/send-as-is" => &[b"asis"],
            b"lua-script" => &[b"lua"],
            b"ldap-status" => &[b"ldap"],
            b"balancer-manager" => &[b"proxy_balancer"],
            b"redirect-handler" => &[b"rewrite"],
            b"httpd/unix-directory" => &[b"autoindex"],
            other if other.starts_with(b"proxy:") => &[b"proxy"],
            _ => &[],
        };
        !self.explicit || self.foreign || modules.iter().any(|module| self.loaded.contains(*module))
    }

    /// Whether a way to authorize (`Require`'s first word) may have a module that brings it.
    pub fn brings_provider(&self, name: &[u8]) -> bool {
        let module: &[u8] = match name {
            b"all" | b"env" | b"method" | b"expr" => b"authz_core",
            b"user" | b"valid-user" => b"authz_user",
            b"ip" | b"local" | b"host" | b"forward-dns" => b"authz_host",
            b"group" => b"authz_groupfile",
            b"file-owner" | b"file-group" => b"authz_owner",
            other if other.starts_with(b"ldap-") => b"authnz_ldap",
            other if other.starts_with(b"dbd-") => b"authz_dbd",
            other if other.starts_with(b"dbm-") => b"authz_dbm",
            _ => b"",
        };
        !self.explicit || self.foreign || self.loaded.contains(module)
    }

    /// Whether it is one of the server's own modules, loaded or not.
    pub fn is_stock(name: &[u8]) -> bool {
        let name = plain(name);
        let listed = |list: &[&str]| list.iter().any(|one| one.as_bytes() == name);
        let table = super::super::directives::apache().entries();
        listed(UNUSUAL)
            || listed(BARE)
            || table.iter().any(|entry| !entry.third_party && plain(entry.module.as_bytes()) == name)
    }
}

/// `rewrite` for `mod_rewrite.c` and `rewrite_module`.
fn plain(name: &[u8]) -> &[u8] {
    let name = name.strip_suffix(b".c").or_else(|| name.strip_suffix(b".cpp")).unwrap_or(name);
    let name = name.strip_suffix(b"_module").unwrap_or(name);
    match name.strip_prefix(b"mod_").unwrap_or(name) {
        b"http_core" => b"http",
        b"util_ldap" => b"ldap",
        b"event" => b"mpm_event",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_to_name_a_module_mean_the_same() {
        let usual = Modules::usual();
        assert!(usual.is_loaded(b"mod_rewrite.c") && usual.is_loaded(b"rewrite_module"));
        assert!(!usual.is_loaded(b"mod_pagespeed.c") && !Modules::is_stock(b"mod_pagespeed.c"));
        assert!(Modules::is_stock(b"authz_host_module") && Modules::is_stock(b"status_module"));
        assert!(!Modules::built_in().is_loaded(b"mod_rewrite.c"));
    }
}
