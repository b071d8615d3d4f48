//! Proof of a conversion: the emitted text is read again and asked the same requests as the source.

use super::super::compared;
use super::super::disk::Disk;
use super::super::input::Loaded;
use crate::analysis::compare::{self, Ask, Difference, Side};
use crate::emit::Part;
use crate::ir::Reach;
use crate::lower::{self, Dialect, Options};
use crate::source::{Sources, Span};

/// What the comparison found.
#[derive(Debug, Default)]
pub struct Proof {
    /// Requests asked.
    pub requests: usize,
    /// Redirects they were made for, and how many there are.
    pub routes: (usize, usize),
    /// Requests answered differently.
    pub differences: Vec<Difference>,
    /// Why the emitted text would not load, which is a mistake of this program.
    pub refused: Option<String>,
}

/// What both sides are asked.
#[derive(Debug, Default)]
pub struct Questions {
    asks: Vec<Ask>,
    /// Redirects and other ways to an answer that requests were made for, and how many there are.
    routes: (usize, usize),
}

/// Requests for the source; they are the same for every attempt.
pub fn questions(source: &Loaded) -> Questions {
    let facts = source.facts();
    let routes = (compare::sampled(&facts).len(), facts.routes().all.len());
    let mut asks = compare::requests(&facts);
    asks.retain(|ask| compared::may_be_heard(&[source], &ask.request));
    Questions { asks, routes }
}

/// Reads the emitted text again and asks both sides.
pub fn prove(source: &Loaded, parts: &[Part], dialect: Dialect, questions: &Questions) -> Proof {
    let options = Options { dialect, version: None, ..source.options.clone() };
    let mut sources = Sources::new();
    let root = compared::root(&source.lowered.program);
    let main = sources.add("converted.conf", whole(parts, &options, &root));
    let disk = Disk::new(options.real_files, compared::scripts(&[source]));
    let lowered = lower::lower(&mut sources, main, &options, &disk);
    if let Some(refusal) = lowered.program.refusals.iter().find(|refusal| refusal.reach == Reach::Server) {
        return Proof { refused: Some(refusal.message.clone()), ..Proof::default() };
    }
    let program = &source.lowered.program;
    let old = Side { program, world: &disk };
    let new = Side { program: &lowered.program, world: &disk };
    let Questions { asks, routes } = questions;
    let mut differences = compare::compare(old, new, asks);
    // what the source's server refuses makes it answer nothing but errors: what it would say without is carried over
    let refused = |cause: Option<Span>| program.refusals.iter().any(|refusal| Some(refusal.span) == cause);
    differences.retain(|difference| !refused(difference.old.cause));
    Proof { requests: asks.len(), routes: *routes, differences, refused: None }
}

/// Parts as one file that a server could load.
fn whole(parts: &[Part], options: &Options, root: &[u8]) -> Vec<u8> {
    let of = |scope: &str| -> Vec<u8> {
        parts.iter().filter(|part| part.scope == scope).flat_map(|part| part.text.iter().copied()).collect()
    };
    if options.dialect == Dialect::Htaccess {
        return of("htaccess");
    }
    if options.dialect != Dialect::Nginx {
        return httpd(&parts.iter().flat_map(|part| part.text.iter().copied()).collect::<Vec<_>>(), options);
    }
    let (http, server) = (of("http"), of("server"));
    let mut out = b"events {}\nhttp {\n".to_vec();
    out.extend_from_slice(&http);
    if !server.is_empty() || !http.windows(8).any(|word| word == b"server {") {
        let root = String::from_utf8_lossy(root);
        let name = options.host.as_deref().unwrap_or("_");
        let head = format!("server {{\nlisten 80;\nlisten 443 ssl;\nserver_name {name};\nroot \"{root}\";\n");
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&server);
        out.extend_from_slice(b"\n}\n");
    }
    out.extend_from_slice(b"}\n");
    out
}

/// The text as a main file: a certificate is the one thing a host needs that no other server's file says.
fn httpd(text: &[u8], options: &Options) -> Vec<u8> {
    let mut out = Vec::new();
    if let Some(root) = &options.root {
        out.extend_from_slice(format!("DocumentRoot \"{}\"\n", root.to_string_lossy()).as_bytes());
    }
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let encrypts = line.trim_ascii() == b"# SSLEngine on";
        out.extend_from_slice(if encrypts { b"SSLEngine on\n" } else { line });
    }
    out
}
