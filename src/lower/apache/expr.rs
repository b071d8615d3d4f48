//! Reads `ap_expr` (server/util_expr_scan.l, server/util_expr_parse.y): conditions, and strings with `%{…}`.

use super::context::Context;
use super::refused::shown;
use super::text::Parts;
use super::variables;
use crate::ir::clause::Store;
use crate::ir::condition::{FileTest, Order};
use crate::ir::expr::{Expr, Function, GlobKind};
use crate::ir::pattern::Regex;
use crate::ir::policy::Escape;
use crate::ir::template::{Part, Template};
use crate::pcre;
use crate::source::{FileId, Span};
use std::sync::Arc;

/// How deep an expression may nest.
const DEPTH: usize = 100;

type Parsed<T> = Result<T, String>;

/// Reads a condition.
///
/// # Errors
/// httpd's message, as far as it is of use.
pub fn boolean(context: &Context, text: &[u8]) -> Parsed<Expr> {
    let mut parser = Parser { context, text, at: 0, depth: 0 };
    let expr = parser.or()?;
    parser.blanks();
    if parser.at < text.len() { Err(parser.unexpected()) } else { Ok(expr) }
}

/// Reads a string: literal bytes, `%{…}`, `$N`, `\` for the next byte.
///
/// # Errors
/// As for [`boolean`].
pub fn string(context: &Context, text: &[u8]) -> Parsed<Template> {
    let mut parser = Parser { context, text, at: 0, depth: 0 };
    let mut parts = Parts::default();
    for expr in parser.pieces(None)? {
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
    context: &'t Context<'c>,
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

    fn comparison(&mut self) -> Parsed<Expr> {
        if let [b'-', letter, rest @ ..] = self.rest()
            && letter.is_ascii_alphabetic()
            && !rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        {
            self.at += 2;
            let operand = self.word()?;
            return self.unary(*letter, operand);
        }
        let left = self.word()?;
        self.blanks();
        for (token, negated) in [(&b"=~"[..], false), (b"!~", true)] {
            if self.eat(token) {
                return Ok(Expr::Match(Box::new(left), self.regex()?, negated));
            }
        }
        const STRINGS: [(&[u8], Order); 7] = [
            (b"==", Order::Equal),
            (b"!=", Order::NotEqual),
            (b"<=", Order::LessOrEqual),
            (b">=", Order::GreaterOrEqual),
            (b"=", Order::Equal),
            (b"<", Order::Less),
            (b">", Order::Greater),
        ];
        for (token, order) in STRINGS {
            if self.eat(token) {
                return Ok(Expr::Strings(Box::new(left), order, Box::new(self.word()?)));
            }
        }
        if self.keyword(b"in") {
            return self.membership(left);
        }
        self.binary(left)
    }

    fn membership(&mut self, left: Expr) -> Parsed<Expr> {
        if !self.eat(b"{") {
            return Err(self.unexpected());
        }
        let mut list = vec![self.word()?];
        while self.eat(b",") {
            list.push(self.word()?);
        }
        if self.eat(b"}") { Ok(Expr::In(Box::new(left), list)) } else { Err(self.unexpected()) }
    }

    fn binary(&mut self, left: Expr) -> Parsed<Expr> {
        let start = self.at;
        let dash = self.eat(b"-");
        let name: Vec<u8> = self.rest().iter().copied().take_while(u8::is_ascii_alphabetic).collect();
        self.at += name.len();
        let order = match name.to_ascii_lowercase().as_slice() {
            b"eq" => Some(Order::Equal),
            b"ne" => Some(Order::NotEqual),
            b"lt" => Some(Order::Less),
            b"le" => Some(Order::LessOrEqual),
            b"gt" => Some(Order::Greater),
            b"ge" => Some(Order::GreaterOrEqual),
            _ => None,
        };
        if let Some(order) = order {
            return Ok(Expr::Integers(Box::new(left), order, Box::new(self.word()?)));
        }
        let kind = match (dash, name.as_slice()) {
            (true, b"strmatch") => GlobKind::Text,
            (true, b"strcmatch") => GlobKind::TextNoCase,
            (true, b"fnmatch") => GlobKind::Path,
            (true, b"ipmatch") => {
                let net = self.word()?;
                return literal(net).map(|net| Expr::IpMatch(Box::new(left), net));
            }
            (true, b"") | (false, _) => {
                self.at = start;
                return Err(self.unexpected());
            }
            (true, other) => return Err(format!("No such binary operator '-{}'", shown(other))),
        };
        Ok(Expr::Glob(Box::new(left), Box::new(self.word()?), kind))
    }

    fn unary(&mut self, letter: u8, operand: Expr) -> Parsed<Expr> {
        let operand = Box::new(operand);
        let file = |test| Ok(Expr::File(test, operand.clone()));
        match letter {
            b'n' => Ok(Expr::NonEmpty(operand, true)),
            b'z' => Ok(Expr::NonEmpty(operand, false)),
            b'T' => Ok(Expr::Truthy(operand)),
            b'R' => {
                let remote = Expr::Attribute(crate::ir::template::Attribute::RemoteAddress);
                literal(*operand).map(|net| Expr::IpMatch(Box::new(remote), net))
            }
            b'd' => file(FileTest::Directory),
            b'e' => file(FileTest::Exists),
            b'f' => file(FileTest::File),
            b's' => file(FileTest::NonEmptyFile),
            b'L' | b'h' => file(FileTest::Symlink),
            b'x' => file(FileTest::Executable),
            b'F' => file(FileTest::ReachableFile),
            b'U' | b'A' => file(FileTest::ReachableUrl),
            _ => Err(format!("No such unary operator '-{}'", char::from(letter))),
        }
    }

    fn regex(&mut self) -> Parsed<Arc<Regex>> {
        self.blanks();
        let rest = self.rest();
        let (skip, delimiter) = match rest {
            [b'/', ..] => (1, b'/'),
            [b'm', delimiter, ..] if !delimiter.is_ascii_alphanumeric() => (2, *delimiter),
            _ => return Err(self.unexpected()),
        };
        let body = rest.get(skip..).unwrap_or_default();
        let end = memchr::memchr(delimiter, body).ok_or("unterminated regex")?;
        let text = body.get(..end).unwrap_or_default();
        let flags = body.get(end + 1..).unwrap_or_default();
        let flags: Vec<u8> = flags.iter().copied().take_while(|byte| b"ismg".contains(byte)).collect();
        self.at += skip + end + 1 + flags.len();
        let options =
            pcre::Options { caseless: flags.contains(&b'i'), multi_line: flags.contains(&b'm'), ..self.context.regex };
        let regex = Regex::new(text, options, Span::new(FileId(0), 0, 0));
        regex.compiled().map_err(|error| format!("Failed to compile regular expression: {error}"))?;
        Ok(Arc::new(regex))
    }

    /// Words joined by `.`.
    fn word(&mut self) -> Parsed<Expr> {
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
                let pieces = self.pieces(Some(*quote))?;
                if self.rest().first() != Some(quote) {
                    return Err("unterminated string".to_owned());
                }
                self.at += 1;
                Ok(joined(pieces))
            }
            [b'%', b'{', ..] => self.variable(),
            [b'$', digit @ b'0'..=b'9', ..] => {
                self.at += 2;
                Ok(Expr::Capture(digit - b'0'))
            }
            [b'0'..=b'9', ..] => {
                let digits: Vec<u8> = self.rest().iter().copied().take_while(u8::is_ascii_digit).collect();
                self.at += digits.len();
                Ok(Expr::Literal(digits.into()))
            }
            [b'a'..=b'z' | b'A'..=b'Z', ..] => self.call(),
            _ => Err(self.unexpected()),
        }
    }

    fn name(&mut self) -> &'t [u8] {
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
                let argument = joined(parser.pieces(Some(b'}'))?);
                if parser.rest().first() != Some(&b'}') {
                    return Err(parser.unexpected());
                }
                parser.at += 1;
                parser.function(name, argument)
            }),
            _ => Err(self.unexpected()),
        }
    }

    fn function(&self, name: &[u8], argument: Expr) -> Parsed<Expr> {
        let function = match name.to_ascii_lowercase().as_slice() {
            b"req" | b"http" | b"req_novary" => Function::RequestHeader,
            b"resp" => Function::ResponseHeader,
            b"reqenv" | b"env" | b"osenv" | b"note" => Function::Environment,
            b"tolower" => Function::ToLower,
            b"toupper" => Function::ToUpper,
            b"escape" => Function::Escape,
            b"unescape" => Function::Unescape,
            b"base64" => Function::Base64,
            b"unbase64" => Function::Unbase64,
            b"md5" => Function::Md5,
            b"sha1" => Function::Sha1,
            b"file" | b"filesize" if self.context.htaccess && self.context.since(67) => {
                return Err(format!("Function '{}' not allowed in .htaccess files", shown(name)));
            }
            b"file" => Function::FileContent,
            b"filesize" => Function::FileSize,
            _ => return Err(format!("Function '{}' does not exist", shown(name))),
        };
        Ok(Expr::Function(function, Box::new(argument)))
    }

    /// The inside of a string, up to `end` (or the end of the text).
    fn pieces(&mut self, end: Option<u8>) -> Parsed<Vec<Expr>> {
        let (mut pieces, mut literal) = (Vec::new(), Vec::new());
        let close = |literal: &mut Vec<u8>, pieces: &mut Vec<Expr>| {
            if !literal.is_empty() {
                pieces.push(Expr::Literal(std::mem::take(literal).into()));
            }
        };
        loop {
            match self.rest() {
                [] => break,
                [byte, ..] if Some(*byte) == end => break,
                [b'%', b'{', ..] => {
                    close(&mut literal, &mut pieces);
                    pieces.push(self.deeper(Self::variable)?);
                }
                [b'$', digit @ b'0'..=b'9', ..] => {
                    close(&mut literal, &mut pieces);
                    pieces.push(Expr::Capture(digit - b'0'));
                    self.at += 2;
                }
                [b'\\', next, ..] => {
                    literal.push(match next {
                        b'n' => b'\n',
                        b't' => b'\t',
                        b'r' => b'\r',
                        other => *other,
                    });
                    self.at += 2;
                }
                [byte, ..] => {
                    literal.push(*byte);
                    self.at += 1;
                }
            }
        }
        close(&mut literal, &mut pieces);
        Ok(pieces)
    }
}

fn joined(mut words: Vec<Expr>) -> Expr {
    match words.len() {
        0 => Expr::Literal([].into()),
        1 => words.pop().unwrap_or(Expr::Bool(false)),
        _ => Expr::Concat(words),
    }
}

fn literal(word: Expr) -> Parsed<crate::ir::Bytes> {
    match word {
        Expr::Literal(bytes) => Ok(bytes),
        _ => Err("a network must be a literal".to_owned()),
    }
}
