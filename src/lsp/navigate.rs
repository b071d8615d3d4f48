//! Where a word leads, what a file holds, and what its lines do.

use super::{View, hover};
use crate::syntax::{Directive, Item};
use lsp_types::{CodeLens, Command, DocumentSymbol, Location, SymbolKind};

/// Deepest nesting shown in the outline.
const DEEPEST: usize = 32;

/// The definition of the variable, named location or included file under an offset.
pub(super) fn definition(view: &View<'_>, offset: usize) -> Option<Vec<Location>> {
    let directive = hover::directive_at(view, offset)?;
    let text = view.text();
    let word =
        directive.args.iter().find(|word| word.span.range().contains(&offset) || word.span.end as usize == offset)?;
    let value = word.value(text);
    let name = directive.name.value(text);
    if name.len() >= 7 && name.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"include")) {
        return Some(included(view, value));
    }
    let wanted = named(value, offset.saturating_sub(word.span.start as usize))?;
    let found: Vec<Location> = definitions(view, &wanted).collect();
    (!found.is_empty()).then_some(found)
}

/// What is referred to: `@name`, or the variable at that place of the word.
fn named(value: &[u8], at: usize) -> Option<Vec<u8>> {
    if value.starts_with(b"@") {
        return Some(value.to_vec());
    }
    let dollar =
        value.get(..=at.min(value.len().saturating_sub(1)))?.iter().rposition(|&byte| byte == b'$' || byte == b':')?;
    let rest = value.get(dollar + 1..)?;
    let rest = rest.strip_prefix(b"{").unwrap_or(rest);
    let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    (length > 0).then(|| rest.get(..length).unwrap_or_default().to_vec())
}

fn included(view: &View<'_>, pattern: &[u8]) -> Vec<Location> {
    // The files were read in the order of the includes; the pattern's own end tells them apart well enough.
    let pattern = String::from_utf8_lossy(pattern).into_owned();
    let matches = |path: &str| {
        glob::Pattern::new(&format!("*{}", pattern.trim_start_matches('.'))).is_ok_and(|glob| glob.matches(path))
    };
    view.checked
        .sources
        .iter()
        .filter(|(_, file)| matches(&file.path().to_string_lossy()))
        .filter_map(|(id, _)| view.location(crate::source::Span::new(id, 0, 0)))
        .collect()
}

/// Every directive that defines a variable (`map`, `set`, `geo`, `SetEnv…`, `RewriteMap`, `Define`) or a named location.
fn definitions<'v>(view: &'v View<'_>, wanted: &'v [u8]) -> impl Iterator<Item = Location> + 'v {
    view.checked.lowered.trees.iter().flat_map(move |tree| {
        let text = view.checked.sources.file(tree.file).bytes();
        tree.directives()
            .filter(move |directive| defines(directive, text, wanted))
            .filter_map(|directive| view.location(directive.head()))
    })
}

fn defines(directive: &Directive, text: &[u8], wanted: &[u8]) -> bool {
    let argument = |at: usize| directive.args.get(at).map(|word| word.value(text)).unwrap_or_default();
    let bare = |word: &[u8]| word.strip_prefix(b"$").unwrap_or(word).eq_ignore_ascii_case(wanted);
    match directive.name.value(text).to_ascii_lowercase().as_slice() {
        b"map" | b"split_clients" => bare(argument(1)),
        b"geo" => bare(argument(0)) || bare(argument(1)),
        b"set" | b"rewritemap" | b"define" | b"setenv" => bare(argument(0)),
        b"location" => wanted.starts_with(b"@") && argument(0) == wanted,
        b"setenvif" | b"setenvifnocase" | b"browsermatch" | b"browsermatchnocase" => {
            directive.args.iter().skip(1).any(|word| {
                let value = word.value(text);
                value.split(|&byte| byte == b'=').next() == Some(wanted)
            })
        }
        _ => false,
    }
}

/// The outline.
pub(super) fn symbols(view: &View<'_>) -> Vec<DocumentSymbol> {
    view.tree().map(|tree| outline(view, &tree.items, DEEPEST)).unwrap_or_default()
}

fn outline(view: &View<'_>, items: &[Item], depth: usize) -> Vec<DocumentSymbol> {
    let directives = items.iter().filter_map(|item| match item {
        Item::Directive(directive) => Some(directive),
        Item::Comment(_) | Item::Junk(_) => None,
    });
    directives.filter(|_| depth > 0).map(|directive| symbol(view, directive, depth)).collect()
}

#[allow(deprecated)]
fn symbol(view: &View<'_>, directive: &Directive, depth: usize) -> DocumentSymbol {
    let text = view.text();
    let words: Vec<String> =
        directive.args.iter().take(4).map(|word| String::from_utf8_lossy(word.value(text)).into_owned()).collect();
    DocumentSymbol {
        name: String::from_utf8_lossy(directive.name.value(text)).into_owned(),
        detail: Some(words.join(" ")),
        kind: if directive.block.is_some() { SymbolKind::NAMESPACE } else { SymbolKind::PROPERTY },
        tags: None,
        deprecated: None,
        range: view.range(directive.span),
        selection_range: view.range(directive.head()),
        children: directive.block.as_ref().map(|block| outline(view, &block.items, depth - 1)),
    }
}

/// A line above each directive that answers: what it does.
pub(super) fn lenses(view: &View<'_>) -> Vec<CodeLens> {
    let own = view.deeds().iter().filter(|deed| deed.span.file == view.file);
    own.map(|deed| CodeLens {
        range: view.range(deed.span),
        command: Some(Command { title: deed.text.clone(), command: String::new(), arguments: None }),
        data: None,
    })
    .collect()
}
