//! nginx to IR: what the words mean.
//!
//! [`load`] gives the directives with includes followed; the files beside it each lower one family: `rewrite`
//! (the rewrite module), `settings` (everything that inner blocks inherit), `locations`, `server`, `tables`.
//! Settings are merged here, once, so that a scope of the program is complete.

mod access;
pub mod context;
mod hashes;
mod headers;
mod listen;
pub mod load;
mod locations;
mod names;
mod proxy;
mod referers;
mod rewrite;
mod server;
mod settings;
mod tables;
mod units;
mod variables;

use super::*;
use crate::ir::policy::{ContentPolicy, Decoding, HeaderPolicy, HostPolicy, ServerFacts, StatusPolicy};
use crate::ir::policy::{TargetChecks, TargetPolicy};
use crate::ir::scope::Slot;
use crate::ir::{Budget, Effect, Entry, Phase, Program, Refusal};
use context::Context;
use load::{Level, Loaded, Node};

/// Internal jumps that succeed.
const JUMPS: u32 = 10;

/// Lowers a configuration whose main file is already in `sources`.
pub fn lower(sources: &mut Sources, main: FileId, options: &Options, loader: &dyn Loader) -> Lowered {
    let loaded = load::load(sources, main, options, loader);
    let program = build(&loaded, sources, options);
    Lowered { program, trees: loaded.trees }
}

fn build(loaded: &Loaded, sources: &Sources, options: &Options) -> Program {
    let mut context = Context::new(options, loaded);
    let roots: Vec<Node> = loaded.roots(sources).collect();
    foresee(&mut context, &roots);
    match loaded.level {
        Level::Main => {
            for http in roots.iter().filter(|node| node.name() == b"http") {
                let inside: Vec<Node> = http.children().collect();
                lower_http(&mut context, &inside);
            }
        }
        Level::Http => lower_http(&mut context, &roots),
        Level::Server => context.server_of(None, &roots, &Default::default(), None),
        Level::Location => {
            let span = roots.first().map(|node| node.head());
            let span = span.unwrap_or(crate::source::Span::new(crate::source::FileId(0), 0, 0));
            context.server_of(None, &roots, &Default::default(), Some(span));
        }
        Level::Upstream | Level::Stream | Level::MapBody => {}
    }
    context.settle_names();
    context.check_names_fit();
    finish(context, loaded, options)
}

fn lower_http(context: &mut Context, inside: &[Node]) {
    let level = context.level(inside, &Default::default(), Some(b""), false);
    for node in inside {
        match node.name() {
            b"map" if node.has_block() => context.map(*node),
            b"map_hash_bucket_size" | b"map_hash_max_size" | b"server_names_hash_bucket_size" => context.bucket(*node),
            b"geo" if node.has_block() => context.geo(*node),
            b"split_clients" if node.has_block() => context.split_clients(*node),
            b"upstream" if node.has_block() => context.upstream(*node),
            b"server" if node.has_block() => context.server(*node, &level),
            _ => {}
        }
    }
}

/// Variables that are set somewhere exist everywhere, before the place as well.
fn foresee(context: &mut Context, roots: &[Node]) {
    let mut open: Vec<Node> = roots.to_vec();
    while let Some(node) = open.pop() {
        if let (b"set" | b"auth_request_set", Some([b'$', name @ ..])) = (node.name(), node.arg(0)) {
            let is_known = [&b"http_"[..], b"arg_", b"cookie_", b"sent_http_", b"upstream_", b"ssl_"];
            let name = name.to_ascii_lowercase();
            if is_known.iter().any(|prefix| name.starts_with(prefix)) {
                let _ = context.variables.define(&name, node.arg_span(0));
            }
        }
        context.variables.args_is_group |= node.args().any(names_args);
        if let b"underscores_in_headers" = node.name() {
            context.program.facts.underscores_in_headers |= node.arg(0) == Some(b"on");
        }
        let foreign: &[&[u8]] = &[
            b"load_module",
            b"js_set",
            b"js_var",
            b"perl_set",
            b"set_by_lua",
            b"set_by_lua_block",
            b"set_by_lua_file",
            b"geoip2",
            b"lua_package_path",
            b"js_import",
            b"upstream_conf",
        ];
        context.variables.anything_goes |= foreign.contains(&node.name());
        open.extend(node.children());
    }
}

/// Whether a word is an expression with a group called `args`.
fn names_args(word: &[u8]) -> bool {
    let word = word.to_ascii_lowercase();
    [&b"(?<args>"[..], b"(?p<args>", b"(?'args'"].iter().any(|group| memchr::memmem::find(&word, group).is_some())
}

fn finish(mut context: Context, loaded: &Loaded, options: &Options) -> Program {
    let third_party = loaded.notes.iter().any(|note| note.effect == Effect::May);
    context.variables.anything_goes |= context.fragment || third_party || !loaded.templates.is_empty();
    for (span, name) in context.variables.undefined() {
        context.refuse_late(span, format!("unknown \"{name}\" variable"));
    }
    let facts = ServerFacts {
        prefix: options.prefix.as_os_str().as_encoded_bytes().into(),
        headers: HeaderPolicy::ListedStatuses,
        content: ContentPolicy::Nginx,
        statuses: StatusPolicy::Closing,
        match_limit_status: Some(500),
        join_headers: context.since(1, 23, 0),
        cookie_comma: !context.since(1, 29, 6),
        underscores_in_headers: context.program.facts.underscores_in_headers,
        ..ServerFacts::default()
    };
    let strict = context.since(1, 29, 4);
    let checks = if strict { TargetChecks::LenientAuthority } else { TargetChecks::Lenient };
    let Context { program, variables, refusals, late, .. } = context;
    let mut notes = loaded.notes.clone();
    notes.extend(program.notes);
    Program {
        target: TargetPolicy { checks, merge_slashes: true, decoding: Decoding::Together },
        host: if strict { HostPolicy::Rfc3986 } else { HostPolicy::Lenient },
        variables: variables.list,
        pipeline: vec![
            Phase::RealAddress,
            Phase::Site(Slot::Rewrite),
            Phase::Locate,
            Phase::Scope(Slot::Rewrite),
            Phase::SearchAgain,
            Phase::RealAddress,
            Phase::Access { sub_requests: false },
            Phase::TryFiles,
            Phase::Content,
        ],
        entry: Entry { internal: 1, search: 2, named: 3, sub_request: 1 },
        budget: Budget { internal_redirects: JUMPS, status: 500 },
        notes,
        refusals: in_order(loaded, refusals, late),
        facts,
        fragment: loaded.level != Level::Main,
        ..program
    }
}

/// What is found while reading, in the order of the text; then what is found when all is read.
fn in_order(loaded: &Loaded, found: Vec<Refusal>, late: Vec<Refusal>) -> Vec<Refusal> {
    let templates = |refusal: &Refusal| !loaded.templates.contains(&refusal.span.file);
    let found = found.into_iter().filter(templates);
    let mut early = loaded.refusals.clone();
    for refusal in found {
        let behind = |other: &Refusal| other.span.file == refusal.span.file && other.span.start > refusal.span.start;
        let at = early.iter().position(behind).unwrap_or(early.len());
        early.insert(at, refusal);
    }
    early.extend(late.into_iter().filter(templates));
    early
}
