//! Reads `ap_expr` (server/util_expr_scan.l, server/util_expr_parse.y): conditions, and strings with `%{…}`.
//!
//! httpd scans the longest token first: `eq1` is a name, `-n1` an operator that does not exist.

mod comparison;
mod word;

use super::context::Context;
use super::refused::shown;
use super::text::Parts;
use crate::ir::clause::Store;
use crate::ir::expr::Expr;
use crate::ir::policy::Escape;
use crate::ir::template::{Part, Template};
use crate::source::Span;
use word::End;

/// How deep an expression may nest.
const DEPTH: usize = 100;

type Parsed<T> = Result<T, String>;

/// Reads a condition of the line at a place.
///
/// # Errors
/// httpd's message, as far as it is of use.
pub fn boolean(context: &mut Context, place: Span, text: &[u8]) -> Parsed<Expr> {
    let mut parser = Parser { context, place, text, at: 0, depth: 0 };
    let expr = parser.or()?;
    parser.blanks();
    if parser.at < text.len() { Err(parser.unexpected()) } else { Ok(expr) }
}

/// Reads a string: literal bytes, `%{…}`, `$N`, `\` for the next byte.
///
/// # Errors
/// As for [`boolean`].
pub fn string(context: &mut Context, place: Span, text: &[u8]) -> Parsed<Template> {
    let mut parser = Parser { context, place, text, at: 0, depth: 0 };
    let mut parts = Parts::default();
    for expr in parser.pieces(End::Text)? {
        match expr {
            Expr::Literal(bytes) => parts.literal.extend_from_slice(&bytes),
            Expr::Attribute(attribute) => parts.push(Part::Attribute(attribute)),
            Expr::Capture(group) => {
                parts.push(Part::Capture { store: Store::Expression, group, escape: Escape::Raw });
            }
            other => parts.push(Part::Expression(Box::new(other))),
        }
    }
    Ok(parts.finish())
}

struct Parser<'t, 'c> {
    context: &'t mut Context<'c>,
    /// The line.
    place: Span,
    text: &'t [u8],
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t, '_> {
    fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at += self.rest().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    fn unexpected(&self) -> String {
        match self.rest() {
            [] => "syntax error, unexpected end of expression".to_owned(),
            rest => format!("syntax error at '{}'", shown(rest.get(..rest.len().min(20)).unwrap_or_default())),
        }
    }

    fn eat(&mut self, token: &[u8]) -> bool {
        self.blanks();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// A whole word, such as `and`.
    fn keyword(&mut self, word: &[u8]) -> bool {
        self.blanks();
        let rest = self.rest();
        let ends = !rest.get(word.len()).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let found = ends && rest.get(..word.len()).is_some_and(|have| have == word);
        if found {
            self.at += word.len();
        }
        found
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("expression nests too deeply".to_owned());
        }
        let done = read(self);
        self.depth -= 1;
        done
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.eat(b"||") || self.keyword(b"or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.not()?;
        while self.eat(b"&&") || self.keyword(b"and") {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            parser.blanks();
            let bang = parser.rest().first() == Some(&b'!') && parser.rest().get(1) != Some(&b'=');
            if bang || parser.keyword(b"not") {
                parser.at += usize::from(bang);
                return Ok(Expr::Not(Box::new(parser.not()?)));
            }
            if parser.eat(b"(") {
                let inner = parser.or()?;
                return if parser.eat(b")") { Ok(inner) } else { Err(parser.unexpected()) };
            }
            if parser.keyword(b"true") {
                return Ok(Expr::Bool(true));
            }
            if parser.keyword(b"false") {
                return Ok(Expr::Bool(false));
            }
            parser.comparison()
        })
    }
}
