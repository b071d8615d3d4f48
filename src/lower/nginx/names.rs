//! Server names once every server is known: conflicts on one address.

use super::context::Context;
use crate::ir::site::SiteName;
use std::collections::HashSet;

impl Context {
    /// Drops what nginx drops with a warning, and refuses what it sees only where an address has several servers.
    pub fn settle_names(&mut self) {
        let crowded = self.program.listeners.iter().any(|listener| listener.sites.len() > 1);
        if crowded {
            for (span, name) in std::mem::take(&mut self.wild_names) {
                self.refuse_late(span, format!("invalid server name or wildcard \"{name}\""));
            }
        }
        for listener in &self.program.listeners {
            let mut exact: HashSet<Vec<u8>> = HashSet::new();
            for id in &listener.sites {
                let Some(site) = self.program.sites.get_mut(id.0 as usize) else { continue };
                site.names.retain(|name| match name {
                    SiteName::Exact(name) => {
                        exact.insert(name.to_vec());
                        true
                    }
                    // A conflict drops the whole entry, its subdomains too.
                    SiteName::LeadingOrBare(name) => exact.insert(name.get(1..).unwrap_or_default().to_vec()),
                    _ => true,
                });
            }
        }
    }
}
