//! Targets that are a URL of the site itself: without flag `R`, Apache serves their path (`reduce_uri` in mod_rewrite.c).

use super::list::Steps;
use crate::ir::site::{Site, SiteName};
use crate::ir::template::{Part, Template};
use crate::ir::{Program, pattern};

impl Steps<'_> {
    /// The target without scheme and host, where these are the site's own.
    pub(super) fn within(&self, to: &Template) -> Option<Template> {
        let (Part::Literal(head), rest) = to.parts.split_first()? else { return None };
        let site = self.site.filter(|_| !self.program.fragment)?;
        let path = path(self.program, site, head).filter(|path| !path.is_empty() || rest.is_empty())?;
        let path: &[u8] = if path.is_empty() { b"/" } else { path };
        let parts = std::iter::once(Part::Literal(path.into())).chain(rest.iter().cloned()).collect();
        Some(Template { parts, passes: to.passes })
    }
}

/// What stands behind the host of a URL of the site.
fn path<'t>(program: &Program, site: &Site, text: &'t [u8]) -> Option<&'t [u8]> {
    let (scheme, usual): (&[u8], u16) = match text.get(..8)? {
        head if head.eq_ignore_ascii_case(b"https://") => (b"https", 443),
        head if head.get(..7)?.eq_ignore_ascii_case(b"http://") => (b"http", 80),
        _ => return None,
    };
    let rest = text.get(scheme.len() + 3..)?;
    let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let (name, port) = match authority.iter().position(|byte| *byte == b':') {
        Some(colon) => (authority.get(..colon)?, std::str::from_utf8(authority.get(colon + 1..)?).ok()?.parse().ok()?),
        None => (authority, usual),
    };
    (is_own(site, name, port) && speaks(program, site, scheme)).then_some(path)
}

/// Whether the site answers by this scheme.
fn speaks(program: &Program, site: &Site, scheme: &[u8]) -> bool {
    if let Some(own) = &site.own.scheme {
        return own.eq_ignore_ascii_case(scheme);
    }
    let is_site =
        |id: &crate::ir::SiteId| program.sites.get(id.0 as usize).is_some_and(|other| std::ptr::eq(other, site));
    let mut own = program.listeners.iter().filter(|listener| listener.sites.iter().any(is_site)).peekable();
    own.peek().is_none() || own.any(|listener| listener.encrypted == (scheme == b"https"))
}

fn is_own(site: &Site, name: &[u8], port: u16) -> bool {
    let by_address =
        |(address, have): &(crate::ir::Bytes, u16)| address.eq_ignore_ascii_case(name) && (*have == 0 || *have == port);
    let named = |have: &SiteName| match have {
        SiteName::Exact(text) => text.eq_ignore_ascii_case(name),
        SiteName::Glob(glob) => pattern::glob_matches(glob, name),
        _ => false,
    };
    let own = site.own.host.eq_ignore_ascii_case(name) || site.names.iter().any(named);
    site.addresses.iter().any(by_address) || site.own.port == port && own
}
