//! Texts that a template engine turns into a configuration.
//!
//! What stands in a mark is known only after rendering. Marks with braces could not be valid nginx in any case
//! (`{{` and `{%` open a block without a name), so that reading them as one piece takes nothing away.

/// Marks that open and close, outside and inside words.
const PAIRS: [(&[u8], &[u8]); 4] = [(b"{{", b"}}"), (b"{%", b"%}"), (b"<%", b"%>"), (b"<?", b"?>")];

/// Marks that count only where a statement could start: elsewhere `{#` is a block and a comment.
const STATEMENT_PAIRS: [(&[u8], &[u8]); 2] = [(b"[%", b"%]"), (b"{#", b"#}")];

/// The length of a mark that starts here and may stand inside a word; `None` where there is none.
pub fn mark(input: &[u8]) -> Option<usize> {
    if let Some(length) = field(input) {
        return Some(length);
    }
    let (open, close) = PAIRS.iter().find(|(open, _)| input.starts_with(open))?;
    if *open == b"<?" && !input.starts_with(b"<?php") && !input.starts_with(b"<?=") {
        return None;
    }
    closed(input, close)
}

/// `{name}` with something directly behind it, as Python's formats have it: a block would hold a directive, which ends
/// in `;`.
fn field(input: &[u8]) -> Option<usize> {
    let body = input.strip_prefix(b"{")?;
    let name = body.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'_').count();
    let closed = name > 1 && body.get(name) == Some(&b'}');
    let glued = body
        .get(name + 1)
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b':' | b';'));
    (closed && glued).then_some(name + 2)
}

/// The length of a mark that fills a statement's place: a control tag, or a value alone on its line.
pub fn statement_mark(input: &[u8]) -> Option<usize> {
    let length = match STATEMENT_PAIRS.iter().find(|(open, _)| input.starts_with(open)) {
        Some((_, close)) => closed(input, close)?,
        None => mark(input)?,
    };
    let value = input.starts_with(b"{{");
    let behind = input.get(length..).unwrap_or_default();
    let alone = behind
        .iter()
        .find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'))
        .is_none_or(|byte| matches!(byte, b'\n' | b'#' | b'}'));
    (!value || alone).then_some(length)
}

/// The end of a mark: within the same 4,000 bytes, so that a stray opening cannot swallow a file.
fn closed(input: &[u8], close: &[u8]) -> Option<usize> {
    let window = input.get(2..input.len().min(4_000))?;
    memchr::memmem::find(window, close).map(|end| 2 + end + close.len())
}

/// Whether a mark in the text begins another branch: `{% else %}`, `<% elsif x %>`, `{{- else if y }}`.
pub fn has_else(text: &[u8]) -> bool {
    let opens: [&[u8]; 5] = [b"{%", b"<%", b"{{", b"[%", b"<?php"];
    let branches = |behind: &[u8]| {
        let start = behind.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'-' | b'~' | b'}')).unwrap_or(0);
        let word = behind.get(start..start + 4).unwrap_or_default();
        [b"else", b"elif", b"elsi"].iter().any(|branch| word.eq_ignore_ascii_case(*branch))
    };
    let behind = |open: &'static [u8]| memchr::memmem::find_iter(text, open).map(move |at| at + open.len());
    opens.into_iter().flat_map(behind).any(|at| text.get(at..).is_some_and(branches))
}

/// The place and length of the first mark in a word or any other text.
pub fn find(text: &[u8]) -> Option<(usize, usize)> {
    memchr::memchr_iter(b'{', text)
        .chain(memchr::memchr3_iter(b'<', b'[', b'@', text))
        .chain(memchr::memchr2_iter(b'_', b'%', text))
        .filter_map(|at| Some((at, any_mark(text, at)?)))
        .min()
}

fn any_mark(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    match rest.first()? {
        b'{' if rest.starts_with(b"{{") => value_mark(rest),
        b'{' if before == Some(&b'$') => None,
        b'{' | b'<' => mark(rest),
        b'[' if rest.starts_with(b"[%") => closed(rest, b"%]"),
        b'@' => delimited(rest, b"@", before),
        b'_' => delimited(rest, b"__", before),
        b'%' => delimited(rest, b"%%", before).or_else(|| percent(rest)),
        _ => None,
    }
}

/// `{{` and a name: what JSON in a string does not look like.
pub fn value_mark(rest: &[u8]) -> Option<usize> {
    let first = rest.iter().skip(2).find(|byte| !matches!(byte, b' ' | b'-' | b'~' | b'$' | b'.' | b'(' | b'{'))?;
    if first.is_ascii_alphabetic() || matches!(first, b'_' | b'#' | b'/' | b'"' | b'^') { mark(rest) } else { None }
}

/// `@NAME@`, `__NAME__`, `%%NAME%%`: upper-case names between two equal marks.
pub fn delimited(rest: &[u8], mark: &[u8], before: Option<&u8>) -> Option<usize> {
    let body = rest.strip_prefix(mark)?;
    let name =
        body.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || **byte == b'_').count();
    let end = memchr::memmem::find(body.get(..(name + mark.len()).min(body.len()))?, mark)?;
    let named = body.first().is_some_and(u8::is_ascii_uppercase) && end >= 2;
    let glued = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'_'));
    (named && !glued).then_some(mark.len() + end + mark.len())
}

/// `%name%`: a lower-case name that cannot be a percent-encoded byte.
pub fn percent(rest: &[u8]) -> Option<usize> {
    let body = rest.get(1..)?;
    let name = body.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'_').count();
    let encoded = body.iter().take(2).all(u8::is_ascii_hexdigit);
    (name >= 2 && !encoded && body.get(name) == Some(&b'%')).then_some(name + 2)
}

/// Every `${NAME}` in capitals, as a shell's substitution writes them: place and name.
pub fn shell_names(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    memchr::memmem::find_iter(text, b"${").filter_map(|at| {
        let body = text.get(at + 2..)?;
        let end = memchr::memchr(b'}', body.get(..body.len().min(80))?)?;
        let name = body.get(..end)?;
        let capital = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
        let plain = name.len() > 1 && name.first().is_some_and(u8::is_ascii_uppercase) && name.iter().all(capital);
        plain.then_some((at, name))
    })
}
