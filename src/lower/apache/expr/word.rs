//! Words: numbers, strings with what is filled into them, variables, functions.

use super::{Parsed, Parser};
use crate::ir::expr::{Expr, Function};
use crate::lower::apache::refused::shown;
use crate::lower::apache::variables;

/// What ends a string.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The end of the text.
    Text,
    /// This quote.
    Quote(u8),
    /// The brace that closes `%{name:…}`.
    Brace,
}

impl<'t> Parser<'t, '_> {
    /// Words joined by `.`.
    pub(super) fn word(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            let mut words = vec![parser.single()?];
            while parser.eat(b".") {
                words.push(parser.single()?);
            }
            Ok(joined(words))
        })
    }

    fn single(&mut self) -> Parsed<Expr> {
        self.blanks();
        match self.rest() {
            [quote @ (b'"' | b'\''), ..] => {
                self.at += 1;
                let pieces = self.pieces(End::Quote(*quote))?;
                self.at += 1;
                Ok(joined(pieces))
            }
            [b'%', b'{', ..] => self.variable(),
            [b'$', digit @ b'0'..=b'9', ..] => {
                self.at += 2;
                Ok(Expr::Capture(digit - b'0'))
            }
            [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] => Ok(self.number()),
            [b'a'..=b'z' | b'A'..=b'Z', ..] => self.call(),
            _ => Err(self.unexpected()),
        }
    }

    fn number(&mut self) -> Expr {
        let rest = self.rest();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.iter().skip(sign).take_while(|byte| byte.is_ascii_digit()).count();
        self.at += sign + digits;
        Expr::Literal(rest.get(..sign + digits).unwrap_or_default().into())
    }

    /// A name, possibly empty.
    pub(super) fn name(&mut self) -> &'t [u8] {
        let rest = self.rest();
        let length = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn call(&mut self) -> Parsed<Expr> {
        let name = self.name();
        if !self.eat(b"(") {
            return Err(self.unexpected());
        }
        let argument = self.word()?;
        if !self.eat(b")") {
            return Err(self.unexpected());
        }
        self.function(name, argument)
    }

    /// `%{NAME}` or `%{function:argument}`.
    fn variable(&mut self) -> Parsed<Expr> {
        self.at += 2;
        let name = self.name();
        match self.rest().first() {
            Some(b'}') => {
                self.at += 1;
                let found = variables::expression(self.context, name);
                found.map(Expr::Attribute).ok_or_else(|| format!("Variable '{}' does not exist", shown(name)))
            }
            Some(b':') => self.deeper(|parser| {
                parser.at += 1;
                let pieces = parser.pieces(End::Brace)?;
                if pieces.is_empty() {
                    return Err(parser.unexpected());
                }
                parser.at += 1;
                parser.function(name, joined(pieces))
            }),
            _ => Err(self.unexpected()),
        }
    }

    fn function(&mut self, name: &[u8], argument: Expr) -> Parsed<Expr> {
        let function = match name.to_ascii_lowercase().as_slice() {
            b"req" | b"http" | b"req_novary" => Function::RequestHeader,
            b"resp" => Function::ResponseHeader,
            b"env" => Function::Environment,
            b"reqenv" => Function::RequestVariable,
            b"osenv" => Function::ProcessVariable,
            b"note" => Function::Note,
            b"tolower" => Function::ToLower,
            b"toupper" => Function::ToUpper,
            b"escape" => Function::Escape,
            b"unescape" => Function::Unescape,
            b"base64" => Function::Base64,
            b"unbase64" => Function::Unbase64,
            b"md5" => Function::Md5,
            b"sha1" => Function::Sha1,
            b"ldap" => Function::Ldap,
            b"file" | b"filesize" if self.context.htaccess && self.context.since(67) => {
                return Err(format!("Function '{}' not allowed in .htaccess files", shown(name)));
            }
            b"file" => Function::FileContent,
            b"filesize" => Function::FileSize,
            _ => return Err(format!("Function '{}' does not exist", shown(name))),
        };
        if let (Function::Environment | Function::RequestVariable, Expr::Literal(name)) = (function, &argument) {
            self.context.variable(name);
        }
        Ok(Expr::Function(function, Box::new(argument)))
    }

    /// The inside of a string, up to its end, which is left unread.
    pub(super) fn pieces(&mut self, end: End) -> Parsed<Vec<Expr>> {
        let (mut pieces, mut literal) = (Vec::new(), Vec::new());
        let close = |literal: &mut Vec<u8>, pieces: &mut Vec<Expr>| {
            if !literal.is_empty() {
                pieces.push(Expr::Literal(std::mem::take(literal).into()));
            }
        };
        loop {
            match self.rest() {
                [] if end == End::Text => break,
                [] => return Err("Unterminated string or variable".to_owned()),
                [byte, ..] if end == End::Quote(*byte) || (end == End::Brace && *byte == b'}') => break,
                // httpd's scanner knows no quotes in an argument and no backslash at the end, and gives up.
                [b'"' | b'\'', ..] if end == End::Brace => return Err(self.unexpected()),
                [b'\\'] => return Err(self.unexpected()),
                [b'%', b'{', ..] => {
                    close(&mut literal, &mut pieces);
                    pieces.push(self.deeper(Self::variable)?);
                }
                [b'$', digit @ b'0'..=b'9', ..] => {
                    close(&mut literal, &mut pieces);
                    pieces.push(Expr::Capture(digit - b'0'));
                    self.at += 2;
                }
                [b'\\', _, ..] => literal.push(self.escaped()?),
                [byte, ..] => {
                    literal.push(*byte);
                    self.at += 1;
                }
            }
        }
        close(&mut literal, &mut pieces);
        Ok(pieces)
    }

    /// A backslash and what it stands for.
    fn escaped(&mut self) -> Parsed<u8> {
        self.at += 1;
        let rest = self.rest();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let octal = rest.iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte)).count();
        if digits > octal {
            return Err("Bad escape sequence".to_owned());
        }
        if octal > 0 {
            self.at += octal;
            let value = rest.iter().take(octal).fold(0u32, |value, byte| value * 8 + u32::from(byte - b'0'));
            return u8::try_from(value).map_err(|_| "Escape sequence out of bound".to_owned());
        }
        self.at += 1;
        Ok(match rest.first() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(other) => *other,
            None => b'\\',
        })
    }
}

/// One word of several.
pub(super) fn joined(mut words: Vec<Expr>) -> Expr {
    match words.len() {
        0 => Expr::Literal([].into()),
        1 => words.pop().unwrap_or(Expr::Bool(false)),
        _ => Expr::Concat(words),
    }
}
