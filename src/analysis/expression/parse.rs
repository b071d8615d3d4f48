//! Reading an expression; see the module above. Follows pcre2pattern(3).

mod class;
mod escape;

use super::{Kind, Node};
use crate::analysis::byteset::ByteSet;
use crate::pcre::Options;

const MAX_DEPTH: usize = 200;

pub(super) fn parse(text: &[u8], options: Options) -> Node {
    let mut parser = Parser { text, at: 0, groups: 0, depth: 0 };
    let mut flags = Flags {
        caseless: options.caseless,
        dot_all: options.dot_all,
        extended: options.extended,
        multi_line: options.multi_line,
        end_only: options.dollar_end_only,
    };
    let node = parser.alternation(&mut flags);
    if parser.at < text.len() {
        return Node { kind: Kind::Opaque("unbalanced parenthesis"), start: 0, end: text.len() };
    }
    node
}

#[derive(Clone, Copy)]
struct Flags {
    caseless: bool,
    dot_all: bool,
    extended: bool,
    multi_line: bool,
    end_only: bool,
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    groups: u32,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, text: &[u8]) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(text));
        if found {
            self.at += text.len();
        }
        found
    }

    /// Skips up to and with the byte, and returns what stood before it.
    fn until(&mut self, stop: u8) -> &[u8] {
        let from = self.at;
        let rest = self.text.get(from..).unwrap_or_default();
        let length = rest.iter().position(|&byte| byte == stop).unwrap_or(rest.len());
        self.at = (from + length + 1).min(self.text.len());
        self.text.get(from..from + length).unwrap_or_default()
    }

    fn node(&self, kind: Kind, start: usize) -> Node {
        Node { kind, start, end: self.at }
    }

    fn alternation(&mut self, flags: &mut Flags) -> Node {
        let start = self.at;
        let mut branches = vec![self.sequence(flags)];
        while self.eat(b"|") {
            branches.push(self.sequence(flags));
        }
        match branches.pop() {
            Some(only) if branches.is_empty() => only,
            Some(last) => {
                branches.push(last);
                self.node(Kind::Alternation(branches), start)
            }
            None => self.node(Kind::Concat(Vec::new()), start),
        }
    }

    fn sequence(&mut self, flags: &mut Flags) -> Node {
        let start = self.at;
        let mut nodes = Vec::new();
        while let Some(byte) = self.peek() {
            if byte == b'|' || byte == b')' {
                break;
            }
            if flags.extended && self.blank() {
                continue;
            }
            if self.eat(br"\Q") {
                self.quoted(*flags, &mut nodes);
                continue;
            }
            if self.eat(br"\E") {
                continue;
            }
            if let Some(node) = self.atom(flags) {
                nodes.push(self.quantified(node));
            }
        }
        match nodes.pop() {
            Some(only) if nodes.is_empty() => only,
            Some(last) => {
                nodes.push(last);
                self.node(Kind::Concat(nodes), start)
            }
            None => self.node(Kind::Concat(nodes), start),
        }
    }

    fn blank(&mut self) -> bool {
        match self.peek() {
            Some(b'#') => {
                self.until(b'\n');
                true
            }
            Some(byte) if byte.is_ascii_whitespace() || byte == 11 => {
                self.at += 1;
                true
            }
            _ => false,
        }
    }

    fn quoted(&mut self, flags: Flags, nodes: &mut Vec<Node>) {
        while self.at < self.text.len() && !self.eat(br"\E") {
            let start = self.at;
            if let Some(byte) = self.next() {
                nodes.push(self.node(Kind::Literal { byte, fold: flags.caseless }, start));
            }
        }
    }

    fn atom(&mut self, flags: &mut Flags) -> Option<Node> {
        let start = self.at;
        let kind = match self.next()? {
            b'^' if flags.multi_line => Kind::Opaque("a line anchor"),
            b'$' if flags.multi_line => Kind::Opaque("a line anchor"),
            b'^' => Kind::Start,
            b'$' if flags.end_only => Kind::VeryEnd,
            b'$' => Kind::End,
            b'.' if flags.dot_all => Kind::Dot(ByteSet::ALL),
            b'.' => Kind::Dot(ByteSet::of(b"\n").inverted()),
            b'[' => Kind::Class(self.class(*flags)),
            b'(' => return self.group(flags, start),
            b'\\' => self.escape(*flags),
            byte => Kind::Literal { byte, fold: flags.caseless },
        };
        Some(self.node(kind, start))
    }

    fn group(&mut self, flags: &mut Flags, start: usize) -> Option<Node> {
        if self.eat(b"*") {
            self.until(b')');
            return Some(self.node(Kind::Opaque("a verb"), start));
        }
        if !self.eat(b"?") {
            self.groups += 1;
            let number = self.groups;
            return Some(self.close(*flags, start, |node| Kind::Group(Some(number), Box::new(node))));
        }
        let look = |ahead, negative| move |node| Kind::Look { ahead, negative, node: Box::new(node) };
        if self.eat(b"#") {
            self.until(b')');
            return None;
        }
        if self.eat(b":") {
            return Some(self.close(*flags, start, |node| Kind::Group(None, Box::new(node))));
        }
        if self.eat(b">") {
            return Some(self.close(*flags, start, |node| Kind::Atomic(Box::new(node))));
        }
        for (text, ahead, negative) in
            [(&b"="[..], true, false), (b"!", true, true), (b"<=", false, false), (b"<!", false, true)]
        {
            if self.eat(text) {
                return Some(self.close(*flags, start, look(ahead, negative)));
            }
        }
        for (open, stop) in [(&b"P<"[..], b'>'), (b"<", b'>'), (b"'", b'\'')] {
            if self.eat(open) {
                self.until(stop);
                self.groups += 1;
                let number = self.groups;
                return Some(self.close(*flags, start, |node| Kind::Group(Some(number), Box::new(node))));
            }
        }
        self.option_group(flags, start)
    }

    /// `(?i)`, `(?i:…)`; everything else behind `(?` is opaque.
    fn option_group(&mut self, flags: &mut Flags, start: usize) -> Option<Node> {
        let mut inner = *flags;
        let mut on = true;
        loop {
            match self.next() {
                Some(b'-') => on = false,
                Some(b'i') => inner.caseless = on,
                Some(b's') => inner.dot_all = on,
                Some(b'x') => inner.extended = on,
                Some(b'm') => inner.multi_line = on,
                Some(b')') => {
                    *flags = inner;
                    return None;
                }
                Some(b':') => return Some(self.close(inner, start, |node| Kind::Group(None, Box::new(node)))),
                _ => {
                    // A conditional, a recursion, a branch reset: the rest is not read.
                    self.at = self.text.len();
                    return Some(self.node(Kind::Opaque("an advanced group"), start));
                }
            }
        }
    }

    fn close(&mut self, mut flags: Flags, start: usize, wrap: impl FnOnce(Node) -> Kind) -> Node {
        if self.depth >= MAX_DEPTH {
            self.at = self.text.len();
            return self.node(Kind::Opaque("deep nesting"), start);
        }
        self.depth += 1;
        let inner = self.alternation(&mut flags);
        self.depth -= 1;
        self.eat(b")");
        self.node(wrap(inner), start)
    }

    fn quantified(&mut self, mut node: Node) -> Node {
        loop {
            let before = self.at;
            let Some((min, max)) = self.quantifier() else {
                self.at = before;
                return node;
            };
            let possessive = self.eat(b"+");
            if !possessive {
                self.eat(b"?");
            }
            let start = node.start;
            node = self.node(Kind::Repeat { node: Box::new(node), min, max, possessive }, start);
        }
    }

    fn quantifier(&mut self) -> Option<(u32, Option<u32>)> {
        match self.next()? {
            b'*' => Some((0, None)),
            b'+' => Some((1, None)),
            b'?' => Some((0, Some(1))),
            b'{' => {
                let min = self.number();
                if self.eat(b"}") {
                    return min.map(|min| (min, Some(min)));
                }
                if !self.eat(b",") {
                    return None;
                }
                let max = self.number();
                (self.eat(b"}") && (min.is_some() || max.is_some())).then(|| (min.unwrap_or(0), max))
            }
            _ => None,
        }
    }

    fn number(&mut self) -> Option<u32> {
        let mut value = None;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            self.at += 1;
            value = Some(value.unwrap_or(0u32).saturating_mul(10).saturating_add(u32::from(byte - b'0')));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcre::Regex;

    fn class(text: &str) -> ByteSet {
        parse(text.as_bytes(), Options::default()).bytes().expect("one position")
    }

    #[test]
    fn classes_hold_the_bytes_that_pcre2_says_they_do() {
        let texts = [
            "[a-c]",
            "[^/]",
            r"[\w.-]",
            "[]a]",
            "[^]]",
            "[[:alpha:]_]",
            r"[\]\\]",
            r"\S",
            r"\h",
            r"\v",
            r"\x41",
            "(?i)[a-c]",
            r"[a\-z]",
        ];
        for text in texts {
            let regex = Regex::new(format!("^{text}\\z").as_bytes(), Options::default()).expect("valid");
            let set = class(text);
            for byte in 0..=255u8 {
                assert_eq!(set.contains(byte), regex.is_match(&[byte]).expect("decided"), "{text} at {byte}");
            }
        }
    }

    #[test]
    fn what_is_not_modelled_is_opaque() {
        for text in ["(?R)", "(?(1)a|b)", "(*ACCEPT)a", r"a\Kb", "(?m)^a"] {
            let node = parse(text.as_bytes(), Options::default());
            assert!(node.walk().iter().any(|node| matches!(node.kind, Kind::Opaque(_))), "{text}");
        }
    }
}
