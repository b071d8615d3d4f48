//! Whether a rewritten text is a URL of the server itself, a file, or a path under the document root.

use crate::eval::machine::Machine;
use crate::eval::{condition, content, matching, own_url, sections};
use crate::ir::scope::RewriteOptions;
use crate::ir::site::SiteName;

/// The path of a URL that is the server's own (`reduce_uri`).
pub fn reduce(machine: &Machine, text: &[u8]) -> Option<Vec<u8>> {
    let scheme = own_url::scheme(machine);
    let head = text.get(..scheme.len())?;
    let rest = text.get(scheme.len()..)?.strip_prefix(b"://")?;
    if !head.eq_ignore_ascii_case(&scheme) {
        return None;
    }
    let end = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (name, port) = match memchr::memchr(b':', authority) {
        Some(colon) => {
            let digits = authority.get(colon + 1..).unwrap_or_default();
            (authority.get(..colon)?, condition::leading_integer(digits) as u16)
        }
        None => (authority, own_url::default_port(&scheme)),
    };
    let path = if path.is_empty() { b"/".to_vec() } else { path.to_vec() };
    is_own(machine, name, port).then_some(path)
}

fn is_own(machine: &Machine, name: &[u8], port: u16) -> bool {
    let site = machine.site;
    let by_address = site
        .addresses
        .iter()
        .any(|(address, have)| address.eq_ignore_ascii_case(name) && (*have == 0 || *have == port));
    let named = || {
        site.own.host.eq_ignore_ascii_case(name)
            || site.names.iter().any(|have| match have {
                SiteName::Exact(text) => text.eq_ignore_ascii_case(name),
                SiteName::Glob(glob) => matching::glob_matches(glob, name),
                _ => false,
            })
    };
    by_address || (site.own.port == port && named())
}

/// The file a local result of a site's own list stands for.
pub fn file(
    machine: &mut Machine,
    options: &RewriteOptions,
    text: Vec<u8>,
) -> Result<Vec<u8>, super::super::flow::Fail> {
    let reduced = machine.rewriting.reduced && !options.legacy_prefix_docroot;
    if !reduced && is_file(machine, options, &text)? {
        return Ok(text);
    }
    sections::under_root(machine, &text)
}

/// Whether the first segment exists and the text may be trusted to name a file (`prefix_stat`).
fn is_file(machine: &mut Machine, options: &RewriteOptions, text: &[u8]) -> Result<bool, super::super::flow::Fail> {
    let leading = text.iter().take_while(|&&byte| byte == b'/').count();
    let rest = text.get(leading..).unwrap_or_default();
    let end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    let first = [b"/", rest.get(..end).unwrap_or_default()].concat();
    let root = content::document_root(machine)?;
    let under_root = text.starts_with(&root);
    let (written, trusted) = machine.rewriting.last.clone().unwrap_or_default();
    if !(options.unsafe_prefix_stat || trusted || under_root || written.starts_with(&first)) {
        return Ok(false);
    }
    if machine.world.stat(&first).is_none() && under_root {
        return Ok(true);
    }
    Ok(first == b"/" || condition::stat(machine, &first, "dir").is_some())
}
