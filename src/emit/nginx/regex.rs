//! Apache's regular expressions in nginx's words: the same engine, other defaults, another subject.
//!
//! Apache compiles with DOTALL and DOLLAR_ENDONLY and, in a folder, matches what follows the folder's path;
//! nginx compiles without and matches the whole `$uri`. The expression is cut into tokens, never parsed
//! further than that: what is not understood is copied.

use crate::ir::pattern::Regex;

/// A token of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub text: Vec<u8>,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A byte that stands for itself, escaped or not.
    Literal(u8),
    /// `\d`, `\w`, `\x{…}` and everything else that starts with a backslash.
    Escape,
    /// `[…]`.
    Class,
    /// `.`
    Dot,
    /// `^`
    Start,
    /// `$`
    End,
    /// `|`
    Or,
    /// A group opens; the number of a capturing one.
    Open(Option<u8>),
    /// A group closes.
    Close,
    /// `(?i)` and the like, up to the end of the group around it.
    Flags,
    /// `*`, `+?`, `{2,4}`…
    Quantifier,
}

/// What the expression is matched against on nginx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The same text as on Apache.
    Same,
    /// What follows this folder's URL path (with both slashes) in `$uri`.
    Under(&'a [u8]),
}

/// An expression for nginx.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    /// The expression.
    pub text: Vec<u8>,
    /// Whether it is used with `~*`.
    pub ignore_case: bool,
}

/// Cuts an expression into tokens.
pub fn tokens(pattern: &[u8]) -> Vec<Token> {
    let mut out = Vec::new();
    let (mut at, mut group) = (0, 0u8);
    while let Some(rest) = pattern.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, length) = next(rest, &mut group, out.last());
        let length = length.clamp(1, rest.len());
        let text = rest.get(..length).unwrap_or_default().to_vec();
        if kind == Kind::Escape && text.starts_with(b"\\Q") {
            let inner = text.get(2..).unwrap_or_default();
            let inner = inner.strip_suffix(b"\\E").unwrap_or(inner);
            out.extend(inner.iter().map(|&byte| Token { kind: Kind::Literal(byte), text: escaped(&[byte]) }));
        } else {
            out.push(Token { kind, text });
        }
        at += length;
    }
    out
}

fn next(rest: &[u8], group: &mut u8, before: Option<&Token>) -> (Kind, usize) {
    match rest {
        [b'\\', b'Q', tail @ ..] => {
            let end = tail.windows(2).position(|pair| pair == b"\\E").map_or(tail.len(), |at| at + 2);
            (Kind::Escape, end + 2)
        }
        [b'\\', b'x' | b'o' | b'p' | b'P' | b'g' | b'k' | b'N', b'{', tail @ ..] => {
            (Kind::Escape, 3 + tail.iter().position(|&byte| byte == b'}').map_or(tail.len(), |at| at + 1))
        }
        [b'\\', b'x', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => (Kind::Escape, 4),
        [b'\\', byte, ..] if byte.is_ascii_alphanumeric() => (Kind::Escape, 2),
        [b'\\', byte, ..] => (Kind::Literal(*byte), 2),
        [b'[', tail @ ..] => (Kind::Class, 1 + class_length(tail)),
        [b'(', b'?', tail @ ..] => special_group(tail, group),
        [b'(', b'*', tail @ ..] => (Kind::Flags, 3 + tail.iter().position(|&byte| byte == b')').unwrap_or(tail.len())),
        [b'(', ..] => {
            *group = group.saturating_add(1);
            (Kind::Open(Some(*group)), 1)
        }
        [b')', ..] => (Kind::Close, 1),
        [b'|', ..] => (Kind::Or, 1),
        [b'^', ..] => (Kind::Start, 1),
        [b'$', ..] => (Kind::End, 1),
        [b'.', ..] => (Kind::Dot, 1),
        [b'*' | b'+' | b'?', tail @ ..] => {
            (Kind::Quantifier, 1 + usize::from(matches!(tail.first(), Some(b'?' | b'+'))))
        }
        [b'{', tail @ ..] if before.is_some() => match quantifier_length(tail) {
            Some(length) => (Kind::Quantifier, 1 + length),
            None => (Kind::Literal(b'{'), 1),
        },
        [byte, ..] => (Kind::Literal(*byte), 1),
        [] => (Kind::Escape, 1),
    }
}

fn quantifier_length(tail: &[u8]) -> Option<usize> {
    let end = tail.iter().position(|&byte| byte == b'}')?;
    let inside = tail.get(..end)?;
    let counted =
        inside.first().is_some_and(u8::is_ascii_digit) && inside.iter().all(|b| b.is_ascii_digit() || *b == b',');
    let lazy = usize::from(matches!(tail.get(end + 1), Some(b'?' | b'+')));
    counted.then_some(end + 1 + lazy)
}

/// Bytes of a class behind its `[`, the closing bracket included.
fn class_length(tail: &[u8]) -> usize {
    let mut at = usize::from(tail.first() == Some(&b'^'));
    at += usize::from(tail.get(at) == Some(&b']'));
    while let Some(byte) = tail.get(at) {
        match byte {
            b']' => return at + 1,
            b'\\' => at += 2,
            b'[' if tail.get(at + 1) == Some(&b':') => {
                let inside = tail.get(at + 2..).unwrap_or_default();
                at += inside.windows(2).position(|pair| pair == b":]").map_or(1, |end| end + 4);
            }
            _ => at += 1,
        }
    }
    tail.len()
}

fn special_group(tail: &[u8], group: &mut u8) -> (Kind, usize) {
    let end =
        tail.iter().position(|byte| matches!(byte, b')' | b':' | b'=' | b'!' | b'<' | b'>' | b'|' | b'\'' | b'#'));
    match end.and_then(|end| tail.get(end).map(|mark| (end, *mark))) {
        Some((end, b')')) => (Kind::Flags, end + 3),
        Some((end, b'<')) => match tail.get(end + 1) {
            Some(b'=' | b'!') => (Kind::Open(None), end + 4),
            _ => named_group(tail, end, b'>', group),
        },
        Some((end, b'\'')) => named_group(tail, end, b'\'', group),
        Some((0, b'#')) => (Kind::Flags, 3 + tail.iter().position(|&byte| byte == b')').unwrap_or(tail.len())),
        Some((end, _)) => (Kind::Open(None), end + 3),
        None => (Kind::Escape, tail.len() + 2),
    }
}

fn named_group(tail: &[u8], open: usize, mark: u8, group: &mut u8) -> (Kind, usize) {
    *group = group.saturating_add(1);
    let name = tail.get(open + 1..).unwrap_or_default().iter().position(|&byte| byte == mark).unwrap_or(0);
    (Kind::Open(Some(*group)), open + name + 4)
}

/// Bytes that match themselves.
pub fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            _ => {
                if b"\\^$.|?*+()[]{}".contains(&byte) {
                    out.push(b'\\');
                }
                push_plain(byte, &mut out);
            }
        }
    }
    out
}

/// A byte outside of ASCII is spelled, so that the output is plain text whatever reads it.
fn push_plain(byte: u8, out: &mut Vec<u8>) {
    if byte.is_ascii() { out.push(byte) } else { out.extend_from_slice(format!("\\x{byte:02X}").as_bytes()) }
}

/// An Apache expression cut up, with what it is matched against.
#[derive(Debug)]
pub struct Source {
    tokens: Vec<Token>,
    caseless: bool,
    dot_all: bool,
    end_only: bool,
}

impl Source {
    /// Cuts up an expression; `None` where its options have no counterpart.
    pub fn new(regex: &Regex) -> Option<Self> {
        if regex.options.extended || regex.options.multi_line {
            return None;
        }
        Some(Self {
            tokens: tokens(&regex.text),
            caseless: regex.options.caseless,
            dot_all: regex.options.dot_all,
            end_only: regex.options.dollar_end_only,
        })
    }

    /// The text that the expression spells, where it is anchored at both ends and minds case.
    pub fn exact(&self) -> Option<Vec<u8>> {
        let (first, rest) = self.tokens.split_first()?;
        let (last, middle) = rest.split_last()?;
        if self.caseless || first.kind != Kind::Start || last.kind != Kind::End || !self.end_only {
            return None;
        }
        literals(middle)
    }

    /// The same, whatever the case.
    pub fn exact_any_case(&self) -> Option<Vec<u8>> {
        let (first, rest) = self.tokens.split_first()?;
        let (last, middle) = rest.split_last()?;
        if first.kind != Kind::Start || last.kind != Kind::End {
            return None;
        }
        literals(middle)
    }

    /// Whether every text matches.
    pub fn matches_all(&self) -> bool {
        let kinds: Vec<_> =
            self.tokens.iter().filter(|t| !matches!(t.kind, Kind::Open(Some(_)) | Kind::Close)).collect();
        let star = |t: &&Token| t.text == b"*" || t.text == b"*?" || t.text == b"?";
        match kinds.as_slice() {
            [] => true,
            [one] => matches!(one.kind, Kind::Start | Kind::End),
            [one, two] if one.kind == Kind::Start && two.kind == Kind::End => false,
            [dot, s] => dot.kind == Kind::Dot && star(s) && self.tokens.len() <= 4,
            [a, dot, s] if a.kind == Kind::Start => dot.kind == Kind::Dot && star(s),
            [dot, s, z] if z.kind == Kind::End => dot.kind == Kind::Dot && s.text == b"*" && self.dot_all,
            [a, dot, s, z] => {
                a.kind == Kind::Start
                    && z.kind == Kind::End
                    && dot.kind == Kind::Dot
                    && s.text.starts_with(b"*")
                    && self.dot_all
            }
            _ => false,
        }
    }

    /// Whether everything the group can hold may stand in a URL path as it is.
    pub fn group_is_clean(&self, group: u8) -> bool {
        self.group_holds(group, is_clean)
    }

    /// Whether the group can only hold letters, digits and underscores.
    pub fn group_is_word(&self, group: u8) -> bool {
        self.group_holds(group, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    fn group_holds(&self, group: u8, allowed: fn(u8) -> bool) -> bool {
        if group == 0 {
            return self.tokens.iter().all(|token| holds(token, allowed));
        }
        let open = self.tokens.iter().position(|token| token.kind == Kind::Open(Some(group)));
        let Some(open) = open else { return true };
        let mut depth = 0usize;
        for token in self.tokens.iter().skip(open) {
            match token.kind {
                Kind::Open(_) => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ if !holds(token, allowed) => return false,
                _ => {}
            }
            if depth == 0 {
                return true;
            }
        }
        false
    }

    /// Whether the first group starts where the text starts: `^(.*)…`, `(.+)/$`.
    pub fn begins_with_group(&self) -> bool {
        let mut rest = self.tokens.iter().skip_while(|token| token.kind == Kind::Start);
        let anchored = self.tokens.first().is_some_and(|token| token.kind == Kind::Start);
        let opens = rest.next().is_some_and(|token| token.kind == Kind::Open(Some(1)));
        let next = rest.next().map(|token| token.kind);
        opens
            && !self.has_top_or()
            && (matches!(next, Some(Kind::Literal(b'/'))) && anchored || next == Some(Kind::Dot))
    }

    /// The highest group number.
    pub fn groups(&self) -> u8 {
        self.tokens
            .iter()
            .filter_map(|t| if let Kind::Open(Some(n)) = t.kind { Some(n) } else { None })
            .max()
            .unwrap_or(0)
    }

    /// Bytes with which every match begins; empty where unknown.
    pub fn prefix(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let depth_zero_or = self.has_top_or();
        if self.caseless || depth_zero_or || self.tokens.first().is_none_or(|token| token.kind != Kind::Start) {
            return out;
        }
        let mut rest = self.tokens.iter().skip(1).peekable();
        while let Some(Token { kind: Kind::Literal(byte), .. }) = rest.next() {
            if rest.peek().is_some_and(|token| token.kind == Kind::Quantifier) {
                break;
            }
            out.push(*byte);
        }
        out
    }

    /// The expression for nginx. `names` gives groups a name (a variable of nginx).
    pub fn pattern(&self, subject: Subject<'_>, names: &[(u8, String)]) -> Pattern {
        let flags = self.tokens.iter().take_while(|token| token.kind == Kind::Flags).count();
        let (front, body) = self.tokens.split_at_checked(flags).unwrap_or((&[], &self.tokens));
        let mut dots = body.iter().any(|token| token.kind == Kind::Dot) && self.dot_all;
        let text = match subject {
            Subject::Same => self.spell(body, b"", names),
            Subject::Under(folder) => self.under(body, folder, names, &mut dots),
        };
        let mut out = if dots { b"(?s)".to_vec() } else { Vec::new() };
        front.iter().for_each(|token| out.extend_from_slice(&token.text));
        out.extend_from_slice(&text);
        Pattern { text: out, ignore_case: self.caseless }
    }

    fn has_top_or(&self) -> bool {
        !alternatives(&self.tokens).is_empty() && alternatives(&self.tokens).len() > 1
    }

    fn under(&self, body: &[Token], folder: &[u8], names: &[(u8, String)], dots: &mut bool) -> Vec<u8> {
        let anchored = [b"^", escaped(folder).as_slice()].concat();
        let branches = alternatives(body);
        let starts = |branch: &[Token]| branch.first().is_some_and(|token| token.kind == Kind::Start);
        if branches.len() > 1 {
            if branches.iter().all(|branch| starts(branch)) {
                let inner: Vec<_> =
                    branches.iter().map(|b| self.spell(b.get(1..).unwrap_or_default(), &anchored, names)).collect();
                return [anchored.as_slice(), b"(?:", inner.join(&b'|').as_slice(), b")"].concat();
            }
            *dots |= self.dot_all;
            return [anchored.as_slice(), b".*?(?:", self.spell(body, &anchored, names).as_slice(), b")"].concat();
        }
        if starts(body) {
            return [anchored.as_slice(), self.spell(body.get(1..).unwrap_or_default(), &anchored, names).as_slice()]
                .concat();
        }
        let spelled = self.spell(body, &anchored, names);
        if body.is_empty() || (starts_with_anything(body) && self.dot_all) {
            return [anchored, spelled].concat();
        }
        if folder == b"/" && starts_with_other_byte(body) {
            return spelled;
        }
        *dots |= self.dot_all;
        [anchored.as_slice(), b".*?", spelled.as_slice()].concat()
    }

    fn spell(&self, body: &[Token], anchored: &[u8], names: &[(u8, String)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (at, token) in body.iter().enumerate() {
            match token.kind {
                Kind::Start if !anchored.is_empty() => {
                    out.extend_from_slice(&[b"(?<=", anchored, b")"].concat());
                }
                Kind::End if self.end_only && !self.reaches_the_end(body.get(..at).unwrap_or_default()) => {
                    out.extend_from_slice(b"\\z");
                }
                Kind::Open(Some(group)) => match names.iter().find(|(number, _)| *number == group) {
                    Some((_, name)) => out.extend_from_slice(format!("(?<{name}>").as_bytes()),
                    None => out.push(b'('),
                },
                _ => token.text.iter().for_each(|&byte| push_plain(byte, &mut out)),
            }
        }
        out
    }

    /// Whether what stands before `$` already takes everything up to the very end.
    fn reaches_the_end(&self, before: &[Token]) -> bool {
        let mut back = before.iter().rev().skip_while(|token| token.kind == Kind::Close);
        self.dot_all
            && matches!((back.next(), back.next()), (Some(star), Some(dot))
                if matches!(star.text.as_slice(), b"*" | b"+") && dot.kind == Kind::Dot)
    }
}

fn literals(tokens: &[Token]) -> Option<Vec<u8>> {
    tokens.iter().map(|token| if let Kind::Literal(byte) = token.kind { Some(byte) } else { None }).collect()
}

/// The branches of an expression at its outermost level.
pub fn alternatives(tokens: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0usize;
    tokens
        .split(|token| {
            match token.kind {
                Kind::Open(_) => depth += 1,
                Kind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.kind == Kind::Or
        })
        .collect()
}

/// `.*`, possibly in a group: a match, if there is one, starts at the very beginning.
fn starts_with_anything(body: &[Token]) -> bool {
    let mut rest = body.iter().skip_while(|token| matches!(token.kind, Kind::Open(Some(_))));
    let opened = body.iter().take_while(|token| matches!(token.kind, Kind::Open(Some(_)))).count();
    let star = matches!((rest.next(), rest.next()), (Some(dot), Some(star))
        if dot.kind == Kind::Dot && star.text == b"*");
    // behind `((.*)|x)` or `(.*)?` the argument would need more care
    star && (opened == 0
        || matches!(rest.next(), Some(close) if close.kind == Kind::Close)
            && rest.next().is_none_or(|token| token.kind != Kind::Quantifier))
}

/// A byte other than a slash that must be there: the slash before the folder's rest cannot begin a match.
fn starts_with_other_byte(body: &[Token]) -> bool {
    let required = |token: Option<&Token>| {
        token.is_none_or(|token| token.kind != Kind::Quantifier || token.text.starts_with(b"+"))
    };
    let first = body.first().is_some_and(|token| match token.kind {
        Kind::Literal(byte) => byte != b'/',
        Kind::Escape => matches!(token.text.as_slice(), b"\\d" | b"\\w"),
        _ => false,
    });
    let looks_back = body.iter().any(|token| token.text.starts_with(b"(?<=") || token.text.starts_with(b"(?<!"));
    first && !looks_back && required(body.get(1))
}

/// Whether what a token matches consists of allowed bytes.
fn holds(token: &Token, allowed: fn(u8) -> bool) -> bool {
    match token.kind {
        Kind::Literal(byte) => allowed(byte),
        Kind::Escape => {
            matches!(token.text.as_slice(), b"\\d" | b"\\w" | b"\\b" | b"\\B" | b"\\A" | b"\\z" | b"\\Z" | b"\\K")
        }
        Kind::Class => class_holds(&token.text, allowed),
        Kind::Dot => false,
        _ => true,
    }
}

fn class_holds(class: &[u8], allowed: fn(u8) -> bool) -> bool {
    let Ok(text) = std::str::from_utf8(class) else { return false };
    let parsed = regex_syntax::ParserBuilder::new().unicode(false).utf8(false).build().parse(text);
    match parsed.map(regex_syntax::hir::Hir::into_kind) {
        Ok(regex_syntax::hir::HirKind::Class(regex_syntax::hir::Class::Bytes(class))) => {
            class.iter().all(|range| (range.start()..=range.end()).all(allowed))
        }
        Ok(regex_syntax::hir::HirKind::Literal(literal)) => literal.0.iter().all(|byte| allowed(*byte)),
        _ => false,
    }
}

/// Whether Apache sends the byte in a path as it is (`ap_os_escape_path` and mod_rewrite's set).
pub fn is_clean(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"$-_.+!*'(),:;@&=/~".contains(&byte)
}

#[cfg(test)]
mod tests;
