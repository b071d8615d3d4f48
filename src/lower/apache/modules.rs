//! Which modules a server is taken to have.

use rustc_hash::FxHashSet;

/// The loaded modules, by structure name (`rewrite_module`).
#[derive(Clone, Debug, Default)]
pub struct Modules {
    loaded: FxHashSet<Box<[u8]>>,
}

impl Modules {
    /// Whether a module is loaded; `name` is `mod_rewrite.c` or `rewrite_module`.
    pub fn is_loaded(&self, name: &[u8]) -> bool {
        self.loaded.contains(name)
    }
}
