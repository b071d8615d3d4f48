//! Comparisons: operators between words and before them, lists, regular expressions.

use super::{Parsed, Parser};
use crate::ir::condition::{FileTest, Order};
use crate::ir::expr::{Expr, GlobKind};
use crate::ir::network::Network;
use crate::ir::pattern::Regex;
use crate::ir::template::Attribute;
use crate::lower::apache::refused::shown;
use crate::pcre;
use crate::source::{FileId, Span};
use std::sync::Arc;

/// What may stand behind `m` as the delimiter of a regular expression.
const DELIMITERS: &[u8] = b"/#$%^,;:_?|-!.'\"";

/// Operators made of signs, the longer ones first.
const SIGNS: [(&[u8], Order); 7] = [
    (b"==", Order::Equal),
    (b"!=", Order::NotEqual),
    (b"<=", Order::LessOrEqual),
    (b">=", Order::GreaterOrEqual),
    (b"=", Order::Equal),
    (b"<", Order::Less),
    (b">", Order::Greater),
];

impl Parser<'_, '_> {
    pub(super) fn comparison(&mut self) -> Parsed<Expr> {
        if let Some(letter) = self.unary_letter() {
            self.at += 2;
            return self.unary(letter);
        }
        let left = self.word()?;
        for (token, negated) in [(&b"=~"[..], false), (b"!~", true)] {
            if self.eat(token) {
                return Ok(Expr::Match(Box::new(left), self.regex()?, negated));
            }
        }
        for (token, order) in SIGNS {
            if self.eat(token) {
                return Ok(Expr::Strings(Box::new(left), order, Box::new(self.word()?)));
            }
        }
        self.named(left)
    }

    /// `-f` and its like: one letter and no more.
    fn unary_letter(&mut self) -> Option<u8> {
        self.blanks();
        match self.rest() {
            [b'-', letter, rest @ ..] if letter.is_ascii_alphabetic() || *letter == b'_' => {
                let goes_on = rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
                (!goes_on).then_some(*letter)
            }
            _ => None,
        }
    }

    /// An operator that has a name: `-eq`, `in`, `-ipmatch`…
    fn named(&mut self, left: Expr) -> Parsed<Expr> {
        self.blanks();
        let start = self.at;
        let dash = self.eat(b"-");
        let name = self.name();
        let order = match name {
            b"eq" => Order::Equal,
            b"ne" => Order::NotEqual,
            b"lt" => Order::Less,
            b"le" => Order::LessOrEqual,
            b"gt" => Order::Greater,
            b"ge" => Order::GreaterOrEqual,
            b"in" => return self.membership(left),
            [_, _, ..] if dash => {
                return self.binary(left, name);
            }
            _ => {
                self.at = start;
                return Err(self.unexpected());
            }
        };
        Ok(Expr::Integers(Box::new(left), order, Box::new(self.word()?)))
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

    /// `/…/` or `m#…#`, with `i` behind it or nothing; nothing escapes the delimiter.
    fn regex(&mut self) -> Parsed<Arc<Regex>> {
        self.blanks();
        let is_name = |rest: &[u8]| rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let (skip, delimiter) = match self.rest() {
            [b'/', ..] => (1, b'/'),
            [b'm', b'_', rest @ ..] if is_name(rest) => return Err(self.unexpected()),
            [b'm', delimiter, ..] if DELIMITERS.contains(delimiter) => (2, *delimiter),
            _ => return Err(self.unexpected()),
        };
        let body = self.rest().get(skip..).unwrap_or_default();
        let end = memchr::memchr(delimiter, body).ok_or("unterminated regex")?;
        let text = body.get(..end).unwrap_or_default();
        let caseless = body.get(end + 1) == Some(&b'i');
        self.at += skip + end + 1 + usize::from(caseless);
        let defaults = self.context.regex.at(self.place);
        let options = pcre::Options { caseless: caseless || defaults.caseless, ..defaults };
        let regex = Regex::new(text, options, Span::new(FileId(0), 0, 0));
        regex.compiled().map_err(|error| format!("Failed to compile regular expression: {error}"))?;
        Ok(Arc::new(regex))
    }

    fn binary(&mut self, left: Expr, name: &[u8]) -> Parsed<Expr> {
        let kind = match name.to_ascii_lowercase().as_slice() {
            b"strmatch" => GlobKind::Text,
            b"strcmatch" => GlobKind::TextNoCase,
            b"fnmatch" => GlobKind::Path,
            b"ipmatch" => return Ok(Expr::IpMatch(Box::new(left), self.network()?)),
            _ => return Err(format!("No such binary operator '-{}'", shown(name))),
        };
        Ok(Expr::Glob(Box::new(left), Box::new(self.word()?), kind))
    }

    fn unary(&mut self, letter: u8) -> Parsed<Expr> {
        let test = match letter {
            b'n' => return Ok(Expr::NonEmpty(Box::new(self.word()?), true)),
            b'z' => return Ok(Expr::NonEmpty(Box::new(self.word()?), false)),
            b'T' => return Ok(Expr::Truthy(Box::new(self.word()?))),
            b'R' => {
                let client = Expr::Attribute(Attribute::RemoteAddress);
                return Ok(Expr::IpMatch(Box::new(client), self.network()?));
            }
            b'd' => FileTest::Directory,
            b'e' => FileTest::Exists,
            b'f' => FileTest::File,
            b's' => FileTest::NonEmptyFile,
            b'L' | b'h' => FileTest::Symlink,
            b'x' => FileTest::Executable,
            b'F' => FileTest::ReachableFile,
            b'U' | b'A' => FileTest::ReachableUrl,
            _ => return Err(format!("No such unary operator '-{}'", char::from(letter))),
        };
        Ok(Expr::File(test, Box::new(self.word()?)))
    }

    /// A network has to be written out, in quotes.
    fn network(&mut self) -> Parsed<Network> {
        self.blanks();
        let quoted = matches!(self.rest().first(), Some(b'"' | b'\''));
        match self.word()? {
            Expr::Literal(bytes) if quoted => {
                Network::parse(&bytes).ok_or_else(|| "parsing of subnet/netmask failed".to_owned())
            }
            _ => Err("subnet/netmask required as constant argument".to_owned()),
        }
    }
}
