//! Guards: what must hold for a clause, and the text made at run time that guards and targets share.
//!
//! A guard stays symbolic until its rule is put together, because only then it is known which expression gives the
//! rule its `$1` and which its `%1`, and because the rows of a `map` may still settle it.

use crate::emit::nginx::regex::{Source, escaped};
use crate::ir::TableId;
use crate::ir::condition::FileTest;
use crate::pcre;

/// Identifies a guard, for the captures it gives.
pub type GuardId = u32;

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Fixed bytes.
    Literal(Vec<u8>),
    /// A group of a guard's expression; whether it is percent-encoded.
    Group(GuardId, u8, bool),
    /// `%{…}`; whether its bytes never need encoding.
    Expression(&'static str, bool),
    /// `%{ENV:name}`.
    Variable(String),
    /// `%{HTTP:name}`.
    Header(String),
    /// The current path, decoded; whether it is percent-encoded.
    Path(bool),
    /// The target as received, with its query.
    RawTarget,
    /// The target as received up to its query; whether its escapes are undone and made anew.
    RawPath(bool),
    /// `?` where there is a query.
    QueryMark,
    /// The query.
    Query,
    /// What a table gives.
    Table(TableId),
    /// A variable that a pattern of a table fills: known once its row is taken.
    Named(u32),
}

/// A test of the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathTest {
    /// This path.
    Exact(Vec<u8>),
    /// Paths that begin like this, but not like one of those.
    Prefix(Vec<u8>, Vec<Vec<u8>>),
    /// An expression, and whether case is ignored.
    Regex(Vec<u8>, bool),
}

/// What a guard tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The path.
    Path(PathTest),
    /// Equal bytes; whether case is ignored.
    Equals(Vec<Piece>, Vec<Piece>, bool),
    /// Not empty and not `0`.
    Truthy(Vec<Piece>),
    /// An expression, and whether case is ignored.
    Regex(Vec<Piece>, Vec<u8>, bool),
    /// A question to the file system.
    File(FileTest, Vec<Piece>),
    /// The client's address lies in this network.
    Client(String),
}

/// One guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Its number.
    pub id: GuardId,
    /// What it tests.
    pub test: Test,
    /// Turned round.
    pub negated: bool,
}

impl Guard {
    /// Whether it holds, where that is known without a request.
    pub fn settled(&self) -> Option<bool> {
        let hit = match &self.test {
            Test::Path(PathTest::Prefix(prefix, except)) => (prefix == b"/" || prefix.is_empty()) && except.is_empty(),
            Test::Equals(left, right, ignore_case) => {
                let (left, right) = (literal(left)?, literal(right)?);
                if *ignore_case { left.eq_ignore_ascii_case(&right) } else { left == right }
            }
            Test::Truthy(text) => has_more(text) || !matches!(literal(text)?.as_slice(), b"" | b"0"),
            Test::Regex(text, ..) => {
                let text = literal(text)?;
                self.compiled().ok()??.is_match(&text).ok()?
            }
            _ => return None,
        };
        match &self.test {
            // a prefix of every path always holds; any other is not known
            Test::Path(_) if !hit => None,
            _ => Some(hit != self.negated),
        }
    }

    /// Whether a group of it, of something beside the path, may hold a `?`.
    pub fn may_hold_mark(&self, group: u8) -> bool {
        let Test::Regex(text, pattern, _) = &self.test else { return false };
        let harmless = text.iter().all(|piece| matches!(piece, Piece::Expression(_, true)));
        let span = crate::source::Span::new(crate::source::FileId(0), 0, 0);
        let regex = crate::ir::pattern::Regex::new(pattern.as_slice(), pcre::Options::default(), span);
        !harmless && Source::new(&regex).is_none_or(|source| !source.group_is_clean(group))
    }

    /// A test of a text that has turned out to be the path is a test of the path.
    pub fn tidy(&mut self) {
        let test = match &self.test {
            Test::Regex(text, pattern, caseless) if text.as_slice() == [Piece::Path(false)] => {
                PathTest::Regex(pattern.clone(), *caseless)
            }
            Test::Equals(left, right, false) if left.as_slice() == [Piece::Path(false)] => match literal(right) {
                Some(path) => PathTest::Exact(path),
                None => return,
            },
            _ => return,
        };
        self.test = Test::Path(test);
    }

    /// The expression it holds, if any.
    ///
    /// # Errors
    /// PCRE2's own, for what the source's server refuses, too.
    pub fn compiled(&self) -> Result<Option<pcre::Regex>, pcre::Error> {
        match &self.test {
            Test::Path(PathTest::Regex(text, caseless)) | Test::Regex(_, text, caseless) => {
                let options = pcre::Options { caseless: *caseless, ..pcre::Options::default() };
                pcre::Regex::new(text, options).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Every text in it, to put something in.
    pub fn texts_mut(&mut self) -> Vec<&mut Vec<Piece>> {
        match &mut self.test {
            Test::Path(_) | Test::Client(_) => Vec::new(),
            Test::Equals(left, right, _) => vec![left, right],
            Test::Truthy(text) | Test::Regex(text, ..) | Test::File(_, text) => vec![text],
        }
    }

    /// Every text in it.
    pub fn texts(&self) -> Vec<&Vec<Piece>> {
        match &self.test {
            Test::Path(_) | Test::Client(_) => Vec::new(),
            Test::Equals(left, right, _) => vec![left, right],
            Test::Truthy(text) | Test::Regex(text, ..) | Test::File(_, text) => vec![text],
        }
    }
}

/// Whether a text holds something beside a lone `0`, whatever its holes are.
fn has_more(text: &[Piece]) -> bool {
    let digits = text.iter().filter_map(|piece| match piece {
        Piece::Literal(bytes) => Some(bytes.as_slice()),
        _ => None,
    });
    digits.flatten().filter(|byte| **byte == b'0').count() > 1
        || text.iter().any(|piece| matches!(piece, Piece::Literal(bytes) if bytes.iter().any(|byte| *byte != b'0')))
}

/// The bytes, where nothing is left to run time.
pub fn literal(pieces: &[Piece]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal(bytes) => out.extend_from_slice(bytes),
            _ => return None,
        }
    }
    Some(out)
}

impl PathTest {
    /// As an expression for Apache: its `.` takes a line feed, nginx's does not.
    pub fn pattern(&self) -> Vec<u8> {
        match self {
            Self::Exact(path) => [b"^", escaped(path).as_slice(), b"$"].concat(),
            Self::Prefix(prefix, except) if except.is_empty() => [b"^", escaped(prefix).as_slice()].concat(),
            Self::Prefix(prefix, except) => {
                let tails: Vec<_> =
                    except.iter().filter_map(|other| other.strip_prefix(prefix.as_slice())).map(escaped).collect();
                [b"^", escaped(prefix).as_slice(), b"(?!", tails.join(&b'|').as_slice(), b")"].concat()
            }
            Self::Regex(text, _) => without_line_feeds(text),
        }
    }

    /// Bytes that every path it matches begins with.
    pub fn prefix(&self) -> Vec<u8> {
        match self {
            Self::Exact(path) | Self::Prefix(path, _) => path.clone(),
            Self::Regex(_, true) => Vec::new(),
            Self::Regex(text, false) => {
                let span = crate::source::Span::new(crate::source::FileId(0), 0, 0);
                crate::ir::pattern::Regex::new(text.as_slice(), pcre::Options::default(), span).prefix().to_vec()
            }
        }
    }

    /// Whether a path matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(own) => own == path,
            Self::Prefix(prefix, except) => path.starts_with(prefix) && !except.iter().any(|one| path.starts_with(one)),
            Self::Regex(text, caseless) => {
                let options = pcre::Options { caseless: *caseless, ..pcre::Options::default() };
                pcre::Regex::new(text, options).is_ok_and(|regex| regex.is_match(path).unwrap_or(true))
            }
        }
    }

    /// Whether no path can match both; `false` where that is not known.
    pub fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(path), test) | (test, Self::Exact(path)) => !test.matches(path),
            (Self::Prefix(one, except), test) | (test, Self::Prefix(one, except)) => {
                let theirs = test.prefix();
                let apart = !one.starts_with(&theirs) && !theirs.starts_with(one);
                let carved = |except: &[Vec<u8>], prefix: &[u8]| except.iter().any(|cut| prefix.starts_with(cut));
                let back = matches!(test, Self::Prefix(_, except) if carved(except, one));
                apart || carved(except, &theirs) || back
            }
            (one, two) => {
                let (one, two) = (one.prefix(), two.prefix());
                !one.starts_with(&two) && !two.starts_with(&one)
            }
        }
    }
}

/// An expression whose `.` does not take a line feed, as nginx means it.
fn without_line_feeds(text: &[u8]) -> Vec<u8> {
    if has_dot(text) { [b"(?-s)", text].concat() } else { text.to_vec() }
}

/// Whether a `.` outside brackets stands for any byte.
fn has_dot(text: &[u8]) -> bool {
    let (mut bytes, mut class) = (text.iter(), false);
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'[' => class = true,
            b']' => class = false,
            b'.' if !class => return true,
            _ => {}
        }
    }
    false
}
