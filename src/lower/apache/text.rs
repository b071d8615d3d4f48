//! Texts with holes: mod_rewrite's substitutions and test strings, mod_alias's `$N`.

use super::context::Context;
use super::variables;
use crate::ir::clause::Store;
use crate::ir::policy::Escape;
use crate::ir::template::{Part, Passes, Template};

/// How deep map look-ups may be nested before the text is taken literally.
const DEPTH: usize = 64;

/// Mod_rewrite's expansion (`do_expand`): `\c`, `$N`, `%N`, `%{NAME}`, `${map:key|default}`. `escape` is what
/// B does to back-references.
pub fn rewrite(context: &mut Context, text: &[u8], escape: &Escape) -> Template {
    expand(context, text, escape, 0)
}

fn expand(context: &mut Context, text: &[u8], escape: &Escape, depth: usize) -> Template {
    let mut parts = Parts::default();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let rest = text.get(at + 1..).unwrap_or_default();
        match (byte, rest.first()) {
            (b'\\', Some(&next)) => {
                parts.literal.push(next);
                at += 2;
            }
            (b'$' | b'%', Some(&digit @ b'0'..=b'9')) => {
                let store = if byte == b'$' { Store::Pattern } else { Store::Condition };
                parts.push(Part::Capture { store, group: digit - b'0', escape: escape.clone() });
                at += 2;
            }
            (b'$' | b'%', Some(b'{')) => {
                let inside = rest.get(1..).unwrap_or_default();
                let Some(end) = closing(inside) else {
                    parts.literal.extend([byte, b'{']);
                    at += 2;
                    continue;
                };
                let body = inside.get(..end).unwrap_or_default();
                if byte == b'%' {
                    variables::rewrite(context, body).into_iter().for_each(|part| parts.push(part));
                } else if depth < DEPTH
                    && let Some(colon) = in_curlies(body, b':')
                {
                    let part = lookup(context, body, colon, escape, depth);
                    parts.push(part);
                } else {
                    parts.literal.extend([byte, b'{']);
                    at += 2;
                    continue;
                }
                at += end + 3;
            }
            _ => {
                parts.literal.push(byte);
                at += 1;
            }
        }
    }
    parts.finish()
}

fn lookup(context: &mut Context, body: &[u8], colon: usize, escape: &Escape, depth: usize) -> Part {
    let name = body.get(..colon).unwrap_or_default();
    let rest = body.get(colon + 1..).unwrap_or_default();
    let (key, default) = match in_curlies(rest, b'|') {
        Some(bar) => (rest.get(..bar).unwrap_or_default(), rest.get(bar + 1..).filter(|text| !text.is_empty())),
        None => (rest, None),
    };
    let key = expand(context, key, escape, depth + 1);
    let default = default.map(|text| Box::new(expand(context, text, escape, depth + 1)));
    let table = context.map(name);
    Part::Lookup { table, key: Some(Box::new(key)), default, escape: Escape::Raw }
}

/// The `}` that closes a brace opened just before the text.
fn closing(text: &[u8]) -> Option<usize> {
    let mut depth = 1usize;
    text.iter().position(|&byte| {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        depth == 0
    })
}

/// The first such byte outside inner braces.
fn in_curlies(text: &[u8], wanted: u8) -> Option<usize> {
    let mut depth = 1usize;
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if byte == wanted && depth == 1 => return Some(at),
            b'{' => depth += 1,
            b'}' if depth == 1 => return None,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The text of a `RedirectMatch` or `AliasMatch` (`ap_pregsub`): `$N`, and `\$` for a dollar sign; other
/// backslashes escape the next byte too.
pub fn substitution(text: &[u8]) -> Template {
    let mut parts = Parts::default();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match (byte, text.get(at + 1)) {
            (b'$', Some(&digit @ b'0'..=b'9')) => {
                parts.push(Part::Capture { store: Store::Pattern, group: digit - b'0', escape: Escape::Raw });
                at += 2;
            }
            (b'\\', Some(&next)) => {
                parts.literal.push(next);
                at += 2;
            }
            _ => {
                parts.literal.push(byte);
                at += 1;
            }
        }
    }
    parts.finish()
}

/// Parts under construction: neighbouring literals are one.
#[derive(Default)]
pub struct Parts {
    /// Literal bytes not yet closed.
    pub literal: Vec<u8>,
    parts: Vec<Part>,
}

impl Parts {
    /// Adds a part behind the literal bytes so far.
    pub fn push(&mut self, part: Part) {
        self.close();
        self.parts.push(part);
    }

    fn close(&mut self) {
        if !self.literal.is_empty() {
            self.parts.push(Part::Literal(std::mem::take(&mut self.literal).into()));
        }
    }

    /// The template.
    pub fn finish(mut self) -> Template {
        self.close();
        Template { parts: self.parts, passes: Passes::One }
    }
}
