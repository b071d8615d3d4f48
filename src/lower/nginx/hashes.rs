//! Hash tables whose buckets are too small for a name: the refusal that long redirect lists meet first.

use super::context::Context;
use super::load::Node;
use super::units::size;
use crate::ir::site::SiteName;
use crate::ir::table::Map;

/// A line of the processor's cache, in bytes: the default size of a bucket, and what sizes are rounded up to.
const LINE: u64 = 64;

/// The sizes that the configuration names, in bytes.
#[derive(Default)]
pub struct Buckets {
    map: Option<u64>,
    names: Option<u64>,
    /// A `map` was read, and the sizes for maps are settled.
    mapped: bool,
}

/// What a name takes in a bucket: a pointer, its length and itself, rounded up, and the pointer that ends the bucket
/// (`ngx_hash_init`).
fn room(name: &[u8]) -> u64 {
    (name.len() as u64 + 2).next_multiple_of(8) + 16
}

impl Context {
    /// A directive that sizes a table. Those for maps stand before the first `map`.
    pub fn bucket(&mut self, node: Node) {
        let named = node.arg(0).and_then(size).map(|bytes| bytes.next_multiple_of(LINE));
        match node.name() {
            b"server_names_hash_bucket_size" => self.buckets.names = named,
            name if self.buckets.mapped => {
                let shown = String::from_utf8_lossy(name);
                self.refuse(node.head(), format!("\"{shown}\" directive is duplicate"));
            }
            b"map_hash_bucket_size" => self.buckets.map = named,
            _ => {}
        }
    }

    /// Refuses a map with a key that is too long for a bucket.
    pub fn check_keys_fit(&mut self, map: &Map) {
        self.buckets.mapped = true;
        let bucket = self.buckets.map.unwrap_or(LINE);
        let long = map.exact.iter().filter(|(key, _)| room(key) > bucket).map(|(_, value)| value.span);
        if let Some(span) = long.min().filter(|_| self.whole) {
            self.refuse(span, too_small("map_hash", bucket));
        }
    }

    /// Refuses a server's name that is too long for a bucket; a server alone at its addresses is not looked up.
    pub fn check_names_fit(&mut self) {
        let bucket = self.buckets.names.unwrap_or(LINE);
        let program = &self.program;
        let shared = program.listeners.iter().filter(|listener| listener.sites.len() > 1);
        let mut sites = shared.flat_map(|listener| &listener.sites).filter_map(|id| program.sites.get(id.0 as usize));
        let is_long = |name: &SiteName| matches!(name, SiteName::Exact(name) if room(name) > bucket);
        let span = sites.find(|site| site.names.iter().any(is_long)).and_then(|site| site.span);
        if let Some(span) = span.filter(|_| self.whole) {
            self.refuse_late(span, too_small("server_names_hash", bucket));
        }
    }
}

fn too_small(table: &str, bucket: u64) -> String {
    format!("could not build {table}, you should increase {table}_bucket_size: {bucket}")
}
