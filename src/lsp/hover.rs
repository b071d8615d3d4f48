//! What the word under the pointer means: the directive, a flag, a variable, and what the line does.

use super::View;
use crate::explain;
use crate::lower::Dialect;
use crate::lower::directives::{self, Table};
use crate::syntax::Directive;
use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind};

/// The text for a byte offset.
pub(super) fn hover(view: &View<'_>, offset: usize) -> Option<Hover> {
    let directive = directive_at(view, offset)?;
    let word = word_at(view.text(), offset);
    let parts = [deed(view, directive), meaning(view, directive, offset, &word)];
    let value = parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n---\n\n");
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: value.clone() });
    (!value.is_empty()).then(|| Hover { contents, range: Some(view.range(directive.head())) })
}

/// The innermost directive around an offset.
pub(super) fn directive_at<'v>(view: &'v View<'_>, offset: usize) -> Option<&'v Directive> {
    let around =
        |directive: &&Directive| directive.span.range().contains(&offset) || directive.span.end as usize == offset;
    view.tree()?.directives().filter(around).last()
}

fn deed(view: &View<'_>, directive: &Directive) -> Option<String> {
    let head = directive.head();
    let lines: Vec<&str> = view
        .deeds()
        .iter()
        .filter(|deed| deed.span.file == head.file && head.range().contains(&(deed.span.start as usize)))
        .map(|deed| deed.text.as_str())
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n\n"))
}

fn meaning(view: &View<'_>, directive: &Directive, offset: usize, word: &str) -> Option<String> {
    let nginx = view.checked.options.dialect == Dialect::Nginx;
    if directive.name.span.range().contains(&offset) {
        let name = directive.name.value(view.text());
        let entry = table(view.checked.options.dialect).get(name).next()?;
        return Some(entry.page(if nginx { "nginx" } else { "Apache" }));
    }
    let server = if nginx { "nginx" } else { "apache" };
    let flag = explain::flags(word).into_iter().find(|flag| flag.server == server).map(explain::Flag::page);
    let status = || {
        word.rsplit('=')
            .next()
            .and_then(|digits| digits.parse().ok())
            .and_then(explain::status)
            .map(explain::Status::page)
    };
    let variable = || explain::variable(word).filter(|found| found.server == server).map(explain::Variable::page);
    // `R=301` is a flag and a status; both are worth saying.
    match (flag, status()) {
        (Some(flag), Some(status)) => Some(format!("{flag}\n{status}")),
        (Some(page), None) | (None, Some(page)) => Some(page),
        (None, None) => variable(),
    }
}

fn table(dialect: Dialect) -> &'static Table {
    match dialect {
        Dialect::Nginx => directives::nginx(),
        Dialect::Apache | Dialect::Htaccess => directives::apache(),
    }
}

/// The run of name-like characters around an offset: a flag with its value, a number, a variable's name.
fn word_at(text: &[u8], offset: usize) -> String {
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'=');
    let before = text.get(..offset).unwrap_or_default();
    let behind = text.get(offset..).unwrap_or_default();
    let start = before.len() - before.iter().rev().take_while(|byte| part(byte)).count();
    let end = offset + behind.iter().take_while(|byte| part(byte)).count();
    String::from_utf8_lossy(text.get(start..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_word_under_the_pointer_keeps_its_value_and_loses_its_marks() {
        let text = b"RewriteRule ^a$ %{HTTP_HOST} [R=301,L]";
        assert_eq!(super::word_at(text, 20), "HTTP_HOST");
        assert_eq!(super::word_at(text, 31), "R=301");
        assert_eq!(super::word_at(text, 36), "L");
    }
}
