//! What redirlint claims about a configuration, as questions to the real server.

use super::examples::Alone;
use redirlint::analysis::{Facts, Knobs};
use redirlint::diagnostic::{Finding, Severity, Witness};
use redirlint::eval::Request;
use redirlint::eval::follow;
use redirlint::lower::{self, Dialect, Options, Version};
use redirlint::rules;
use redirlint::source::{Sources, Span};
use redirlint::syntax::{self, Directive, Item, Tree};
use std::path::Path;

/// Rules that say of a directive that it never answers: the server must answer alike without it.
const DEAD: &[&str] =
    &["duplicate-source", "pattern-never-matches", "redirect-after-front-controller", "unreachable-rule"];

/// A configuration and what is said of it.
pub struct Config {
    pub name: String,
    pub text: Vec<u8>,
    pub claims: Vec<Claim>,
}

/// A finding with a request that is to show it.
pub struct Claim {
    pub rule: &'static str,
    pub line: usize,
    pub message: String,
    pub witness: Witness,
    /// The configuration without the directive, where that is said to make no difference.
    pub without: Option<Vec<u8>>,
}

impl Claim {
    /// The files that the finding assumes to exist.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let assumptions = self.witness.assumptions.iter();
        assumptions.filter_map(|text| text.strip_prefix("file:")?.strip_suffix(": exists")).map(Path::new)
    }

    /// The witness as a request.
    pub fn request(&self) -> Option<Request> {
        let mut request = follow::request_for(&self.witness.url)?;
        request.method = self.witness.method.as_bytes().into();
        let headers = self.witness.headers.iter();
        request.headers.extend(headers.map(|(name, value)| (name.as_bytes().into(), value.as_slice().into())));
        Some(request)
    }
}

/// Checks a configuration that will stand at `path` on a server of this version.
pub fn claims(name: &str, dialect: Dialect, path: &Path, text: &[u8], version: Version) -> Config {
    let options = Options { version: Some(version), ..Options::new(dialect, path.parent().unwrap().to_owned()) };
    let mut sources = Sources::new();
    let main = sources.add(path, text.to_vec());
    let lowered = lower::lower(&mut sources, main, &options, &Alone);
    let knobs = Knobs::default();
    let facts = Facts::new(&sources, &lowered, &options, &knobs);
    // No server takes a text that is refused, and none reads a template before it is rendered.
    let read = !facts.refused() && !facts.is_template(main);
    let told = rules::check(&facts).into_iter().filter(|finding| finding.severity > Severity::Info && read);
    let claim = |finding: Finding| {
        Some(Claim {
            rule: finding.rule,
            line: sources.position(finding.primary.span).line,
            message: finding.message,
            witness: finding.witness?,
            without: DEAD.contains(&finding.rule).then(|| without(dialect, text, finding.primary.span)).flatten(),
        })
    };
    // Files can be laid where the test has the disk to itself.
    let ours = [Path::new("/srv"), path.parent().unwrap()];
    let laid = |claim: &Claim| claim.files().all(|file| ours.iter().any(|folder| file.starts_with(folder)));
    Config { name: name.to_owned(), text: text.to_vec(), claims: told.filter_map(claim).filter(laid).collect() }
}

/// The text without the directive around a span. A rewrite rule takes its conditions along.
fn without(dialect: Dialect, text: &[u8], span: Span) -> Option<Vec<u8>> {
    let tree = match dialect {
        Dialect::Nginx => syntax::nginx::parse(span.file, text),
        _ => syntax::apache::parse(span.file, text),
    };
    let directive = innermost(&tree, span)?;
    let named = directive.name.value(text).to_ascii_lowercase();
    let instead: &[u8] = if named == b"rewriterule" { b"RewriteRule (?!) -" } else { b"" };
    let range = directive.span.range();
    Some([&text[..range.start], instead, &text[range.end..]].concat())
}

fn innermost(tree: &Tree, span: Span) -> Option<&Directive> {
    let around = |item: &&Directive| item.span.start <= span.start && span.end <= item.span.end;
    let mut found = None;
    let mut items = &tree.items;
    loop {
        let directives = items.iter().filter_map(|item| match item {
            Item::Directive(directive) => Some(directive),
            _ => None,
        });
        let Some(inner) = directives.into_iter().find(around) else { return found };
        found = Some(inner);
        match &inner.block {
            Some(block) => items = &block.items,
            None => return found,
        }
    }
}
