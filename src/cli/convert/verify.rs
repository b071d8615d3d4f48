//! Proof of a conversion: the emitted text is read again and asked the same requests as the source.

use super::super::disk::Disk;
use super::super::input::Loaded;
use crate::analysis::compare::{self, Ask, Difference, Side};
use crate::emit::Part;
use crate::eval::Assumed;
use crate::ir::Reach;
use crate::lower::{self, Dialect, Options};
use crate::source::Sources;

/// What the comparison found.
#[derive(Debug, Default)]
pub struct Proof {
    /// Requests asked.
    pub requests: usize,
    /// Requests answered differently.
    pub differences: Vec<Difference>,
    /// Why the emitted text would not load, which is a mistake of this program.
    pub refused: Option<String>,
}

/// Requests for the source; they are the same for every attempt.
pub fn requests(source: &Loaded) -> Vec<Ask> {
    compare::requests(&source.facts())
}

/// Reads the emitted text again and asks both sides.
pub fn prove(source: &Loaded, parts: &[Part], dialect: Dialect, asks: &[Ask]) -> Proof {
    let options = Options { dialect, version: None, ..source.options.clone() };
    let mut sources = Sources::new();
    let main = sources.add("converted.conf", whole(parts, &options));
    let disk = Disk::new(options.real_files, Assumed::default());
    let lowered = lower::lower(&mut sources, main, &options, &disk);
    if let Some(refusal) = lowered.program.refusals.iter().find(|refusal| refusal.reach == Reach::Server) {
        return Proof { refused: Some(refusal.message.clone()), ..Proof::default() };
    }
    let old = Side { program: &source.lowered.program, world: &disk };
    let new = Side { program: &lowered.program, world: &disk };
    Proof { requests: asks.len(), differences: compare::compare(old, new, asks), refused: None }
}

/// Parts as one file that a server could load.
fn whole(parts: &[Part], options: &Options) -> Vec<u8> {
    let of = |scope: &str| -> Vec<u8> {
        parts.iter().filter(|part| part.scope == scope).flat_map(|part| part.text.iter().copied()).collect()
    };
    if options.dialect != Dialect::Nginx {
        return parts.iter().flat_map(|part| part.text.iter().copied()).collect();
    }
    let (http, server) = (of("http"), of("server"));
    let mut out = b"events {}\nhttp {\n".to_vec();
    out.extend_from_slice(&http);
    if !server.is_empty() || !http.windows(8).any(|word| word == b"server {") {
        let root = options.root.as_deref().map_or("/srv/www".to_owned(), |root| root.to_string_lossy().into_owned());
        let name = options.host.as_deref().unwrap_or("_");
        let head = format!("server {{\nlisten 80;\nlisten 443 ssl;\nserver_name {name};\nroot \"{root}\";\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&server);
        out.extend_from_slice(b"\n}\n");
    }
    out.extend_from_slice(b"}\n");
    out
}
