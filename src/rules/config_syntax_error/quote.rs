//! Words that fell apart: a list of flags with blanks in it, a value that nginx ended at its `;` or `{`.

use crate::analysis::Facts;
use crate::diagnostic::Edit;
use crate::rules::make::replace;
use crate::rules::words;
use crate::source::Span;
use crate::syntax::Directive;

/// Parts of a `Strict-Transport-Security` value that stand behind a `;`.
const PARTS: [&str; 2] = ["includeSubDomains", "preload"];

/// `[R=301, L]` as one word.
pub(super) fn one_word(facts: &Facts<'_>, at: Span) -> Option<Vec<Edit>> {
    let rule = around(facts, at, |directive| {
        words::is(facts, directive, "RewriteRule") || words::is(facts, directive, "RewriteCond")
    })?;
    let flags = rule.args.get(2..).filter(|flags| flags.len() > 1)?;
    let text = |at: Option<&crate::syntax::Word>| at.map(|word| facts.sources.text(word.span)).unwrap_or_default();
    if !text(flags.first()).starts_with(b"[") || !text(flags.last()).ends_with(b"]") {
        return None;
    }
    let gaps = flags.iter().zip(flags.iter().skip(1));
    Some(gaps.map(|(one, next)| replace(Span { end: next.span.start, start: one.span.end, ..one.span }, "")).collect())
}

/// Quotes around the value that goes on in what nginx took for the next directive.
pub(super) fn quoted(facts: &Facts<'_>, at: Span) -> Option<Vec<Edit>> {
    if facts.is_apache() {
        return None;
    }
    let stray = around(facts, at, |directive| directive.name.span.start == at.start)?;
    braces(facts, stray).or_else(|| policy(facts, stray))
}

/// `rewrite ^/a{2}$ /b;`: the brace opened a block.
fn braces(facts: &Facts<'_>, stray: &Directive) -> Option<Vec<Edit>> {
    let parent = facts.parent(stray)?;
    let (block, pattern) = (parent.block.as_ref()?, parent.args.last()?);
    let meant = ["rewrite", "location", "if"].iter().any(|name| words::is(facts, parent, name));
    let bytes = facts.sources.file(stray.span.file).bytes();
    let start = pattern.span.start as usize;
    let length = bytes.get(start..)?.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b';')?;
    let text = bytes.get(start..start + length)?;
    let repeats = stray.name.span.start == block.open.end && pattern.span.end == block.open.start;
    let plain = !text.iter().any(|byte| matches!(byte, b'"' | b'\''));
    let span = Span::new(stray.span.file, start, start + length);
    (meant && repeats && plain).then(|| vec![replace(span, [b"\"", text, b"\""].concat())])
}

/// `max-age=1; includeSubDomains`: the semicolon ended the header.
fn policy(facts: &Facts<'_>, stray: &Directive) -> Option<Vec<Edit>> {
    let part = PARTS.iter().any(|part| words::is(facts, stray, part));
    let header = just_before(facts, stray)?;
    let value = header.args.last().filter(|_| part && words::is(facts, header, "add_header"))?;
    let text = facts.sources.text(value.span);
    let gap = facts.sources.text(Span { start: value.span.end, end: stray.name.span.start, ..stray.span });
    let only_semicolon = gap.trim_ascii() == b";";
    let inner = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    let whole = Span { start: value.span.start, end: stray.name.span.end, ..stray.span };
    let joined = [b"\"", inner, b"; ", facts.sources.text(stray.name.span), b"\""].concat();
    (only_semicolon && inner.to_ascii_lowercase().starts_with(b"max-age")).then(|| vec![replace(whole, joined)])
}

/// The last directive that ends before this one.
fn just_before<'a>(facts: &Facts<'a>, stray: &Directive) -> Option<&'a Directive> {
    let mut last = None;
    facts.each_directive(|directive, _| {
        if directive.span.file == stray.span.file && directive.span.end <= stray.span.start {
            last = Some(directive);
        }
    });
    last
}

/// The innermost directive around a place that is wanted.
fn around<'a>(facts: &Facts<'a>, at: Span, wanted: impl Fn(&Directive) -> bool) -> Option<&'a Directive> {
    let mut found = None;
    facts.each_directive(|directive, _| {
        let holds = directive.span.file == at.file && directive.span.start <= at.start && at.end <= directive.span.end;
        if holds && wanted(directive) {
            found = Some(directive);
        }
    });
    found
}
