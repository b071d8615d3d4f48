//! Sentences from a grammar file: read the EBNF, then derive at random.
//!
//! Knows `"…"`, `'…'`, `|`, `,`, `{ … }`, `[ … ]`, `( … )`, names and comments; terminals are taken literally.

use std::collections::BTreeMap;

/// A part of a production.
#[derive(Clone, Debug)]
pub enum Part {
    /// Literal text.
    Text(String),
    /// Another production.
    Name(String),
    /// One after the other.
    All(Vec<Part>),
    /// One of them.
    Any(Vec<Part>),
    /// None, one or several.
    Repeat(Box<Part>),
    /// None or one.
    Maybe(Box<Part>),
}

/// A grammar: productions by name.
pub struct Grammar(pub BTreeMap<String, Part>);

impl Grammar {
    /// Reads a grammar.
    pub fn read(text: &str) -> Self {
        let mut tokens = tokens(text);
        tokens.reverse();
        let mut productions = BTreeMap::new();
        while let Some(name) = tokens.pop() {
            assert_eq!(tokens.pop().as_deref(), Some("="), "behind {name}");
            productions.insert(name, any(&mut tokens));
            assert_eq!(tokens.pop().as_deref(), Some(";"));
        }
        Self(productions)
    }

    /// A random sentence of a production; `budget` bounds its size.
    pub fn sentence(&self, name: &str, seed: u64, budget: usize) -> String {
        let mut state = State { random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, budget, out: String::new() };
        self.derive(&Part::Name(name.to_owned()), &mut state);
        state.out
    }

    fn derive(&self, part: &Part, state: &mut State) {
        match part {
            Part::Text(text) => state.out.push_str(text),
            Part::Name(name) => self.derive(self.0.get(name).unwrap_or_else(|| panic!("no production {name}")), state),
            Part::All(parts) => parts.iter().for_each(|part| self.derive(part, state)),
            Part::Any(parts) => self.derive(&parts[state.next(parts.len())], state),
            Part::Repeat(part) => (0..state.count(4)).for_each(|_| self.derive(part, state)),
            Part::Maybe(part) => (0..state.count(2)).for_each(|_| self.derive(part, state)),
        }
    }
}

struct State {
    random: u64,
    budget: usize,
    out: String,
}

impl State {
    fn next(&mut self, below: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from((self.random >> 16) % below as u64).unwrap()
    }

    /// How often to repeat: never again once the sentence is long.
    fn count(&mut self, below: usize) -> usize {
        if self.out.len() > self.budget { 0 } else { self.next(below) }
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' if rest.starts_with("(*") => {
                let end = rest.find("*)").expect("a comment ends") + 2;
                rest = rest[end..].trim_start();
                continue;
            }
            '"' | '\'' => 2 + rest[1..].find(first).expect("a literal ends"),
            _ if first.is_alphanumeric() => rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        out.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    out
}

fn any(tokens: &mut Vec<String>) -> Part {
    let mut parts = vec![all(tokens)];
    while tokens.last().is_some_and(|token| token == "|") {
        tokens.pop();
        parts.push(all(tokens));
    }
    if parts.len() == 1 { parts.remove(0) } else { Part::Any(parts) }
}

fn all(tokens: &mut Vec<String>) -> Part {
    let mut parts = vec![one(tokens)];
    while tokens.last().is_some_and(|token| token == ",") {
        tokens.pop();
        parts.push(one(tokens));
    }
    if parts.len() == 1 { parts.remove(0) } else { Part::All(parts) }
}

fn one(tokens: &mut Vec<String>) -> Part {
    let token = tokens.pop().expect("a part");
    let mut inside = |close: &str| {
        let part = any(tokens);
        assert_eq!(tokens.pop().as_deref(), Some(close));
        part
    };
    match token.as_str() {
        "{" => Part::Repeat(Box::new(inside("}"))),
        "[" => Part::Maybe(Box::new(inside("]"))),
        "(" => inside(")"),
        _ if token.starts_with(['"', '\'']) => Part::Text(token[1..token.len() - 1].to_owned()),
        _ => Part::Name(token),
    }
}
