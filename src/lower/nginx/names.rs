//! Server names once every server is known: conflicts on one address.

use super::context::Context;
use crate::ir::Bytes;
use crate::ir::site::SiteName;
use rustc_hash::FxHashSet as HashSet;

impl Context {
    /// Drops what nginx drops with a warning, and refuses what it sees only where an address has several servers.
    pub fn settle_names(&mut self) {
        let crowded = self.program.listeners.iter().any(|listener| listener.sites.len() > 1);
        if crowded {
            for (span, name) in std::mem::take(&mut self.wild_names) {
                self.refuse_late(span, format!("invalid server name or wildcard \"{name}\""));
            }
        }
        for listener in &mut self.program.listeners {
            let mut taken = Taken::default();
            for &id in &listener.sites {
                let names = self.program.sites.get(id.0 as usize).map(|site| &*site.names).unwrap_or_default();
                let void = names.iter().enumerate().filter(|(_, name)| !taken.take(name));
                listener.void.extend(void.map(|(at, _)| (id, at)));
            }
        }
    }
}

/// Names that stand beside each other so far (`ngx_hash_add_key`).
#[derive(Clone, Debug, Default)]
pub struct Taken {
    exact: HashSet<Bytes>,
    leading: HashSet<Bytes>,
    trailing: HashSet<Bytes>,
}

impl Taken {
    /// Takes a name if it is still free. `.x` is one entry: where either half of it is taken, the other one is lost too.
    pub fn take(&mut self, name: &SiteName) -> bool {
        match name {
            SiteName::Exact(name) => self.exact.insert(name.clone()),
            SiteName::Leading(suffix) => self.leading.insert(suffix.clone()),
            SiteName::LeadingOrBare(suffix) => {
                self.exact.insert(suffix.get(1..).unwrap_or_default().into()) && self.leading.insert(suffix.clone())
            }
            SiteName::Trailing(prefix) => self.trailing.insert(prefix.clone()),
            _ => true,
        }
    }

    /// Whether no name was taken.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.leading.is_empty() && self.trailing.is_empty()
    }
}
