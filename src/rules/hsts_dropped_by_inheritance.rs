//! See the page of [`RULE`].

use super::make::{Also, by_proof, certain, insert_before};
use super::{FixKind, Group, Servers};
use crate::analysis::transport::{is_redirect, sends, sts_of};
use crate::analysis::witness::Proof;
use crate::analysis::{Facts, hsts};
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::ir::scope::HeaderAction;
use crate::source::Span;
use crate::syntax::Directive;
use rustc_hash::{FxHashMap, FxHashSet};

declare! {
    /// A block with headers of its own drops the Strict-Transport-Security of the block around it.
    ///
    /// ## What it does
    /// Finds a `server`, `location` or `if` with an `add_header` but without the policy, inside a block that has it.
    ///
    /// ## Why is this bad?
    /// nginx inherits `add_header` only where the inner block has none. One unrelated header, and the policy is
    /// gone from all answers of the block.
    ///
    /// ## Example
    /// ```nginx bad
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     location = /app {
    ///         add_header Cache-Control no-store;
    ///         return 302 https://login.example.com/;
    ///     }
    /// }
    /// ```
    /// Write it in the inner block as well:
    /// ```nginx good
    /// server {
    ///     listen 443 ssl;
    ///     server_name www.example.com;
    ///     ssl_certificate a.pem;
    ///     ssl_certificate_key a.key;
    ///     add_header Strict-Transport-Security "max-age=31536000" always;
    ///     location = /app {
    ///         add_header Strict-Transport-Security "max-age=31536000" always;
    ///         add_header Cache-Control no-store;
    ///         return 302 https://login.example.com/;
    ///     }
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// For a human to confirm: the outer line is copied into the block. Nothing but this header changes.
    ///
    /// ## Traps
    /// A warning where the block answers `/` or redirects; info elsewhere, because a policy belongs to the host and
    /// any other answer refreshes it. `add_header_inherit merge` (nginx 1.29.3) keeps outer headers: silent.
    ///
    /// ## Sources
    /// ngx_http_headers_module, `add_header` and `add_header_inherit`.
    RULE {
        name: "hsts-dropped-by-inheritance",
        group: Group::HstsSecurity,
        severity: Severity::Warning,
        servers: Servers::Nginx,
        fix: FixKind::Unsafe,
        check: check,
    }
}

/// A block that drops the policy.
pub(super) struct Block<'a> {
    directive: &'a Directive,
    /// Its first header.
    first: &'a Directive,
    /// The directive whose header is lost.
    lost: Span,
    /// The server it stands in.
    server: Option<Span>,
}

impl Block<'_> {
    /// Whether a directive stands inside.
    pub(super) fn holds(&self, span: Span) -> bool {
        let own = self.directive.span;
        own.file == span.file && own.start <= span.start && span.end <= own.end
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    if facts.knobs.hsts_upstream {
        return;
    }
    for block in blocks(facts) {
        let message = "this block's own `add_header` drops the Strict-Transport-Security of the block around it";
        let finding = match proof(facts, &block) {
            Some(proof) => by_proof(&RULE, &proof, message, block.first.span),
            None => certain(&RULE, message, block.first.span).at_most(Severity::Info),
        };
        let text = [facts.sources.text(block.lost), b"\n", &indent(facts, block.first)].concat();
        findings.push(
            finding
                .related(block.lost, "is not inherited")
                .help("repeat the header in this block")
                .fix(Applicability::Unsafe, "copy the outer header into the block", vec![insert_before(block.first.span, text)]),
        );
    }
}

/// Every block that drops it, where the server is one that encrypts.
pub(super) fn blocks<'a>(facts: &Facts<'a>) -> Vec<Block<'a>> {
    if facts.is_apache() || !facts.sts_rules().iter().any(|rule| sends(rule)) {
        return Vec::new();
    }
    let lacking = lacking(facts);
    let by_server = servers(facts);
    let mut policies: FxHashMap<(u32, u32), Span> = FxHashMap::default();
    let mut merging: FxHashSet<(u32, u32)> = FxHashSet::default();
    let mut firsts: Vec<(&'a Directive, &'a Directive, Vec<&'a Directive>)> = Vec::new();
    let key = |directive: &Directive| (directive.span.file.0, directive.span.start);
    facts.each_directive(|directive, around| {
        let Some(block) = around.last() else { return };
        let (name, words) = facts.words(directive);
        match (&*name, words.as_slice()) {
            ("add_header", [header, ..]) if header.eq_ignore_ascii_case(b"strict-transport-security") => {
                policies.entry(key(block)).or_insert(directive.span);
            }
            ("add_header", _) if firsts.last().is_none_or(|(last, ..)| key(last) != key(block)) => {
                firsts.push((block, directive, around.to_vec()));
            }
            ("add_header_inherit", [b"merge"]) => {
                merging.insert(key(block));
            }
            _ => {}
        }
    });
    let mut out = Vec::new();
    for (block, first, around) in firsts {
        let merged = around.iter().any(|outer| merging.contains(&key(outer)));
        if merged || policies.contains_key(&key(block)) || !lacking.contains(&first.span) {
            continue;
        }
        let server = around.iter().find(|outer| facts.words(outer).0 == "server").map(|outer| outer.span);
        let outside = around.iter().rev().skip(1).find_map(|outer| {
            let included = by_server.get(&key(outer)).and_then(|(_, rule)| *rule);
            policies.get(&key(outer)).copied().or(included)
        });
        let Some(lost) = outside else { continue };
        let encrypted = server.is_none_or(|server| by_server.get(&(server.file.0, server.start)).is_none_or(|(encrypted, _)| *encrypted));
        if encrypted && out.iter().all(|one: &Block<'_>| one.first.span != first.span) {
            out.push(Block { directive: block, first, lost, server });
        }
    }
    out
}

/// Headers that stand in some scope without the policy.
fn lacking(facts: &Facts<'_>) -> FxHashSet<Span> {
    let mut out = FxHashSet::default();
    for scope in facts.program.scopes.iter().filter(|scope| !sts_of(scope).any(sends)) {
        let added = scope.settings.headers.items.iter().filter(|rule| rule.action == HeaderAction::Add);
        out.extend(added.map(|rule| rule.span));
    }
    out
}

/// By server block: whether it encrypts, and the policy of its own scope.
fn servers(facts: &Facts<'_>) -> FxHashMap<(u32, u32), (bool, Option<Span>)> {
    let mut out = FxHashMap::default();
    for (at, site) in facts.program.sites.iter().enumerate() {
        let Some(span) = site.span else { continue };
        let scope = facts.program.scopes.get(site.scope.0 as usize);
        let policy = scope.and_then(|scope| sts_of(scope).find(|rule| sends(rule))).map(|rule| rule.span);
        let encrypted = facts.encrypted(crate::ir::SiteId(at as u32));
        out.insert((span.file.0, span.start), (encrypted, policy));
    }
    out
}

/// An encrypted answer of the block without the policy: a redirect inside it, or the answer for `/`.
fn proof<'a>(facts: &Facts<'a>, block: &Block<'a>) -> Option<Proof> {
    let routes = facts.routes().redirects().filter(|route| route.enabled && is_redirect(route.status()) && block.holds(route.span));
    for route in routes.take(8) {
        let found = facts.proofs(route).iter().find(|proof| proof.request.encrypted);
        if let Some(proof) = found.filter(|proof| hsts::values_in(&proof.answer).is_empty()) {
            return Some(proof.clone());
        }
    }
    let (name, words) = facts.words(block.directive);
    let answers_root = name == "server" || (name == "location" && words.last() == Some(&&b"/"[..]));
    let server = block.server.filter(|_| answers_root)?;
    let site = facts.program.sites.iter().position(|site| site.span.is_some_and(|span| (span.file, span.start) == (server.file, server.start)))?;
    let entrance = facts.entrances().iter().find(|entrance| {
        let bare = hsts::values_in(&entrance.proof.answer).is_empty();
        entrance.site.0 as usize == site && entrance.proof.request.encrypted && bare
    })?;
    // What stands at `/` on the disk does not change which headers go out.
    let mut proof = entrance.proof.clone();
    proof.answer.assumptions.clear();
    Some(proof)
}

/// The blanks in front of a directive on its line.
fn indent(facts: &Facts<'_>, directive: &Directive) -> Vec<u8> {
    let bytes = facts.sources.file(directive.span.file).bytes();
    let before = bytes.get(..directive.span.start as usize).unwrap_or_default();
    let line = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let blank = before.get(line..).unwrap_or_default();
    if blank.iter().all(|byte| matches!(byte, b' ' | b'\t')) { blank.to_vec() } else { Vec::new() }
}
