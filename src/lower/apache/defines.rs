//! The table of `Define`, and `${NAME}`.

use rustc_hash::FxHashMap;

/// Names set by `Define` and `-D`.
#[derive(Clone, Debug, Default)]
pub struct Defines {
    values: FxHashMap<Box<[u8]>, Option<Box<[u8]>>>,
}

impl Defines {
    /// Whether the name is defined, with or without a value.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.values.contains_key(name)
    }

    /// The name's value, if it has one.
    pub fn value(&self, name: &[u8]) -> Option<&[u8]> {
        self.values.get(name)?.as_deref()
    }
}
