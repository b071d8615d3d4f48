//! Edits of whole directives: another target, another place, one more condition, a block around it.
//!
//! Knows how the two languages are written and nothing of what a rule complains of. Where the text leaves a doubt
//! (a line shared with another directive, a target put together from pieces, rules that count each other) there
//! is no edit.

use super::make::{insert_before, insert_behind, replace};
use super::words;
use crate::analysis::Facts;
use crate::diagnostic::Edit;
use crate::source::Span;
use crate::syntax::{Directive, Item, Word};

/// How many lines above a rule may reach it by counting (`S=…`).
const COUNTED: usize = 200;

/// The word that says where a redirect or a rewrite leads; `None` where mod_rewrite ends its words elsewhere than the
/// tree does, as behind `\ `.
pub fn target<'a>(facts: &Facts<'a>, span: Span) -> Option<&'a Word> {
    let directive = facts.directive(span)?;
    let (name, args) = facts.words(directive);
    match (&*name, args.as_slice()) {
        ("rewrite", _) => directive.args.get(1),
        ("rewriterule", _) => {
            let own = words::rewrite_args(facts, directive).get(1).copied()?;
            directive.args.get(1).filter(|word| word.span == own)
        }
        ("return", [status]) if status.iter().all(u8::is_ascii_digit) => None,
        ("return" | "redirect" | "redirectmatch" | "redirectpermanent" | "redirecttemp", _) => directive.args.last(),
        _ => None,
    }
}

/// A word without its quotes.
pub fn inside(facts: &Facts<'_>, word: &Word) -> Span {
    match facts.sources.text(word.span) {
        [first @ (b'"' | b'\''), .., last] if first == last => {
            Span { start: word.span.start + 1, end: word.span.end - 1, ..word.span }
        }
        _ => word.span,
    }
}

/// Another target: fixed text, written as it is. `None` where the language would read something else into it.
pub fn retarget(facts: &Facts<'_>, span: Span, text: &[u8]) -> Option<Vec<Edit>> {
    let special: &[u8] = if facts.is_apache() { b"\"'$\\" } else { b"\"'$\\;{}" };
    let rewrites = facts.directive(span).is_some_and(|directive| words::is(facts, directive, "RewriteRule"));
    let plain = |byte: &u8| byte.is_ascii_graphic() && !special.contains(byte) && !(rewrites && *byte == b'%');
    let word = target(facts, span).filter(|_| !text.is_empty() && text.iter().all(plain))?;
    Some(vec![replace(inside(facts, word), text)])
}

/// Writes `to` in place of the first `from` of a target. A variable's name is taken as a whole.
pub fn in_target(facts: &Facts<'_>, span: Span, from: &[u8], to: &[u8]) -> Option<Vec<Edit>> {
    let at = find_in_target(facts, span, from)?;
    Some(vec![replace(at, to)])
}

/// Where a piece of the target is written.
pub fn find_in_target(facts: &Facts<'_>, span: Span, piece: &[u8]) -> Option<Span> {
    let word = target(facts, span)?;
    let text = facts.sources.text(word.span);
    let named = |byte: &u8| piece.starts_with(b"$") && (byte.is_ascii_alphanumeric() || *byte == b'_');
    let whole = |at: &usize| !text.get(at + piece.len()).is_some_and(named);
    let at = memchr::memmem::find_iter(text, piece).find(whole)? + word.span.start as usize;
    Some(Span::new(span.file, at, at + piece.len()))
}

/// Puts text at the end of a target, in front of its fragment.
pub fn append_to_target(facts: &Facts<'_>, span: Span, text: &[u8]) -> Option<Vec<Edit>> {
    let inner = inside(facts, target(facts, span)?);
    let hash = memchr::memchr(b'#', facts.sources.text(inner)).map_or(inner.len(), |at| at);
    let start = inner.start as usize + hash;
    Some(vec![replace(Span::new(inner.file, start, start), text)])
}

/// Takes a directive out, with the conditions that belong to it and the line that it leaves empty.
pub fn remove(facts: &Facts<'_>, span: Span) -> Option<Vec<Edit>> {
    let whole = whole(facts, facts.directive(span)?)?;
    Some(vec![replace(lines(facts, whole).unwrap_or(whole), "")])
}

/// Puts directives, with their conditions, in front of another one of the same file.
pub fn move_above(facts: &Facts<'_>, what: &[Span], before: Span) -> Option<Vec<Edit>> {
    let place = lines(facts, whole(facts, facts.directive(before)?)?)?;
    let mut moved = Vec::new();
    let mut edits = Vec::new();
    for span in what.iter().filter(|span| span.file == before.file) {
        let lines = lines(facts, whole(facts, facts.directive(*span)?)?)?;
        moved.extend_from_slice(facts.sources.text(lines));
        if !moved.ends_with(b"\n") {
            moved.push(b'\n');
        }
        edits.push(replace(lines, ""));
    }
    edits.push(insert_before(above_marked_part(facts, place), moved));
    Some(edits)
}

/// Edits that touch as one, so that they go together: text goes in front of what stands behind it.
pub fn joined(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| edit.span);
    let mut out: Vec<Edit> = Vec::new();
    for edit in edits {
        match out.last_mut() {
            Some(last) if last.span.file == edit.span.file && last.span.end == edit.span.start => {
                last.span.end = edit.span.end;
                last.text.extend(edit.text);
            }
            _ => out.push(edit),
        }
    }
    out
}

/// The place, or the `# BEGIN …` comment of the part that a program manages and would write anew.
fn above_marked_part(facts: &Facts<'_>, place: Span) -> Span {
    let bytes = facts.sources.file(place.file).bytes();
    let before = bytes.get(..place.start as usize).unwrap_or_default();
    let begin =
        memchr::memmem::rfind(before, b"\n# BEGIN ").map(|at| at + 1).or(before.starts_with(b"# BEGIN ").then_some(0));
    match begin.filter(|&at| before.get(at..).is_none_or(|text| memchr::memmem::find(text, b"# END ").is_none())) {
        Some(at) => Span::new(place.file, at, at),
        None => place,
    }
}

/// One more condition on a `RewriteRule`, above those it has, whose captures then stay what they were.
pub fn condition(facts: &Facts<'_>, span: Span, condition: &str) -> Option<Vec<Edit>> {
    let directive = facts.directive(span).filter(|directive| words::is(facts, directive, "RewriteRule"))?;
    let place = lines(facts, whole(facts, directive)?)?;
    Some(vec![insert_before(place, [&indent(facts, span), format!("RewriteCond {condition}\n").as_bytes()].concat())])
}

/// A line above a directive, with its indent.
pub fn line_above(facts: &Facts<'_>, span: Span, text: &[u8]) -> Option<Vec<Edit>> {
    let place = lines(facts, whole(facts, facts.directive(span)?)?)?;
    Some(vec![insert_before(place, [&indent(facts, span), text, b"\n"].concat())])
}

/// Puts an nginx directive into a block: `if (…)`, `location /`.
pub fn wrap(facts: &Facts<'_>, span: Span, head: &str) -> Option<Vec<Edit>> {
    let directive = facts.directive(span)?;
    let inside_if = facts.parent(directive).is_some_and(|parent| words::is(facts, parent, "if"));
    let text = [head.as_bytes(), b" { ", facts.sources.text(directive.span), b" }"].concat();
    (!inside_if && !facts.is_apache()).then(|| vec![replace(directive.span, text)])
}

/// Lets a prefix stand for its one path: `RedirectMatch ^…$` for `Redirect`, `location =` for `location`.
pub fn exact_path(facts: &Facts<'_>, span: Span) -> Option<Vec<Edit>> {
    let directive = facts.directive(span)?;
    if !facts.is_apache() {
        return exact_location(facts, directive);
    }
    let name = match &*facts.words(directive).0 {
        "redirect" => "RedirectMatch",
        "redirectpermanent" => "RedirectMatch permanent",
        "redirecttemp" => "RedirectMatch temp",
        _ => return None,
    };
    let source = directive.args.get(directive.args.len().checked_sub(2)?)?;
    let path = facts.word(source);
    let plain = path.starts_with(b"/") && path.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'%".contains(byte));
    let pattern = format!("^{}$", literal_pattern(path));
    plain.then(|| vec![replace(directive.name.span, name), replace(inside(facts, source), pattern)])
}

/// `location = /a` for the `location /a` around a directive, where no location stands inside.
fn exact_location(facts: &Facts<'_>, directive: &Directive) -> Option<Vec<Edit>> {
    let mut parent = facts.parent(directive)?;
    while !words::is(facts, parent, "location") {
        parent = facts.parent(parent)?;
    }
    let items = parent.block.as_ref().map(|block| block.items.as_slice()).unwrap_or_default();
    let nested = items.iter().filter_map(as_directive).any(|inner| words::is(facts, inner, "location"));
    match parent.args.as_slice() {
        [path] if !nested => Some(vec![insert_before(path.span, "= ")]),
        _ => None,
    }
}

/// A line at the beginning of a block.
pub fn first_in(facts: &Facts<'_>, block: Span, text: &[u8]) -> Option<Vec<Edit>> {
    let directive = facts.directive(block)?;
    let inner = directive.block.as_ref()?;
    let first = inner.items.first().map(span_of);
    let bytes = facts.sources.file(block.file).bytes();
    let same_line =
        |at: Span| !bytes.get(inner.open.end as usize..at.start as usize).is_some_and(|gap| gap.contains(&b'\n'));
    Some(vec![match first {
        Some(first) if same_line(first) => insert_before(first, [text, b" "].concat()),
        Some(first) => insert_before(first, [text, b"\n", &indent(facts, first)].concat()),
        None => insert_behind(inner.open, [b"\n", &indent(facts, block)[..], b"    ", text].concat()),
    }])
}

/// The blanks in front of a place on its line; empty where something else stands there.
pub fn indent(facts: &Facts<'_>, span: Span) -> Vec<u8> {
    let before = before_on_line(facts, span);
    if before.iter().all(|byte| matches!(byte, b' ' | b'\t')) { before.to_vec() } else { Vec::new() }
}

/// Text as a regular expression that matches just it.
pub fn literal_pattern(text: &[u8]) -> String {
    let mut out = String::new();
    for letter in String::from_utf8_lossy(text).chars() {
        if r"\.+*?()|[]{}^$#".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// The directive with the conditions in front of it. `None` for a rule that others count or that counts them (`S`, `C`),
/// and where a comment stands between the conditions.
fn whole(facts: &Facts<'_>, directive: &Directive) -> Option<Span> {
    if !words::is(facts, directive, "RewriteRule") {
        return Some(directive.span);
    }
    let counts = |rule: &Directive| {
        let flags = words::flags(facts, rule).unwrap_or_default();
        flags.iter().any(|flag| flag.is("S", "skip") || flag.is("C", "chain"))
    };
    let items = siblings(facts, directive);
    let before = items.get(..items.partition_point(|item| span_of(item).start < directive.span.start))?;
    let near = before.iter().rev().take(COUNTED).filter_map(as_directive);
    if counts(directive) || near.filter(|one| words::is(facts, one, "RewriteRule")).any(counts) {
        return None;
    }
    let mut span = directive.span;
    let mut comment = false;
    for item in before.iter().rev() {
        match as_directive(item) {
            None => comment = true,
            Some(one) if !words::is(facts, one, "RewriteCond") => break,
            Some(_) if comment => return None,
            Some(one) => span = one.span.to(span),
        }
    }
    Some(span)
}

/// What stands in the same block, in order.
fn siblings<'a>(facts: &Facts<'a>, directive: &Directive) -> &'a [Item] {
    match facts.parent(directive) {
        Some(parent) => parent.block.as_ref().map(|block| block.items.as_slice()).unwrap_or_default(),
        None => facts
            .trees
            .iter()
            .find(|tree| tree.file == directive.span.file)
            .map(|tree| tree.items.as_slice())
            .unwrap_or_default(),
    }
}

fn as_directive(item: &Item) -> Option<&Directive> {
    if let Item::Directive(directive) = item { Some(directive) } else { None }
}

fn span_of(item: &Item) -> Span {
    match item {
        Item::Directive(directive) => directive.span,
        Item::Comment(span) | Item::Junk(span) => *span,
    }
}

/// The lines of a span with their line feed; `None` where something else stands on them.
fn lines(facts: &Facts<'_>, span: Span) -> Option<Span> {
    let bytes = facts.sources.file(span.file).bytes();
    let behind = bytes.get(span.end as usize..).unwrap_or_default();
    let rest = memchr::memchr(b'\n', behind).map_or(behind.len(), |at| at + 1);
    let before = before_on_line(facts, span);
    let blank = before.iter().chain(behind.get(..rest).unwrap_or_default()).all(u8::is_ascii_whitespace);
    blank.then(|| Span::new(span.file, span.start as usize - before.len(), span.end as usize + rest))
}

fn before_on_line<'a>(facts: &Facts<'a>, span: Span) -> &'a [u8] {
    let bytes = facts.sources.file(span.file).bytes();
    let before = bytes.get(..span.start as usize).unwrap_or_default();
    before.get(memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)..).unwrap_or_default()
}
