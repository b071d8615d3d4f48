//! TLS without a certificate. nginx looks for it when all blocks are read, at the first server of every address
//! (`ngx_http_ssl_init`); so it is a finding of its own: everything else about such a configuration can still be said.

use super::RULE;
use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use crate::ir::SiteId;
use crate::ir::site::Listener;
use crate::rules::make::{Also, certain};
use crate::rules::words;
use crate::syntax::{Directive, Item, Word};
use rustc_hash::FxHashSet;

/// Servers that nginx would have to answer for without a certificate, each once.
pub(super) fn missing(facts: &Facts<'_>) -> Vec<Finding> {
    let unseen = facts.program.notes.iter().any(|note| note.directive.eq_ignore_ascii_case("include"));
    let template = facts.trees.iter().any(|tree| facts.is_template(tree.file));
    if facts.is_apache() || facts.refused() || unseen || template {
        return Vec::new();
    }
    let mut told: FxHashSet<SiteId> = FxHashSet::default();
    let listeners = facts.program.listeners.iter().filter(|listener| listener.encrypted);
    let without = listeners.flat_map(|listener| asked(facts, listener)).filter(|site| told.insert(*site));
    without.filter_map(|site| finding(facts, site)).collect()
}

/// The servers whose certificate nginx asks for: the first one's; where that one refuses every handshake, all.
fn asked(facts: &Facts<'_>, listener: &Listener) -> Vec<SiteId> {
    match server(facts, listener.default) {
        Some(first) if says(facts, first, "ssl_reject_handshake") => listener.sites.clone(),
        _ => vec![listener.default],
    }
}

fn finding(facts: &Facts<'_>, site: SiteId) -> Option<Finding> {
    let server = server(facts, site)?;
    let listen = inner(server).find(|one| words::is(facts, one, "listen") && listens_with_tls(facts, one))?;
    let around = [Some(server), facts.parent(server)].into_iter().flatten();
    let named = ["ssl_certificate", "ssl_reject_handshake"];
    if around.into_iter().any(|block| named.iter().any(|name| says(facts, block, name))) {
        return None;
    }
    let complaint = "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive";
    let finding = match facts.program.fragment {
        true => certain(&RULE, format!("{complaint}: unless the `http` block around it has one, or another server comes first at this address, the server does not load this"), listen.span)
            .at_most(Severity::Info),
        false => certain(&RULE, format!("{complaint}: the server does not load this configuration"), listen.span),
    };
    Some(finding.help("name the certificate and its key: `ssl_certificate`, `ssl_certificate_key`"))
}

fn server<'a>(facts: &Facts<'a>, site: SiteId) -> Option<&'a Directive> {
    facts.directive(facts.program.sites.get(site.0 as usize)?.span?)
}

fn inner(block: &Directive) -> impl Iterator<Item = &Directive> {
    let items = block.block.as_ref().map(|block| block.items.as_slice()).unwrap_or_default();
    items.iter().filter_map(|item| if let Item::Directive(one) = item { Some(one) } else { None })
}

fn listens_with_tls(facts: &Facts<'_>, listen: &Directive) -> bool {
    let tls = |word: &Word| matches!(facts.word(word), b"ssl" | b"quic");
    listen.args.iter().skip(1).any(tls)
}

/// Whether the directive stands in the block and does not switch itself off.
fn says(facts: &Facts<'_>, block: &Directive, name: &str) -> bool {
    let off = |one: &Directive| one.args.first().is_some_and(|word| facts.word(word).eq_ignore_ascii_case(b"off"));
    inner(block).any(|one| words::is(facts, one, name) && !off(one))
}
