//! From guards and an action to a `RewriteRule` with its conditions.
//!
//! One path test becomes the rule's own pattern and gives `$1`; one other expression may give `%1`, as the last
//! condition. What needs more than that is refused.

use super::guard::{Guard, GuardId, PathTest, Piece, Test};
use super::plan::{Cond, Rule};
use super::print::can_be_written;
use super::text;
use crate::emit::Refusal;
use crate::emit::nginx::regex;
use crate::ir::condition::FileTest;
use std::collections::BTreeSet;

/// What the rules of a site need beside themselves.
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// Variables that are filled at the top.
    pub variables: BTreeSet<String>,
    /// The `escape` map.
    pub escape: bool,
    /// The `unescape` map.
    pub unescape: bool,
}

/// Puts one rule together.
#[derive(Debug)]
pub struct Builder<'n> {
    /// Filled as the rule is made.
    pub needs: &'n mut Needs,
    /// The rule stands in a `.htaccess`.
    pub htaccess: bool,
    /// The path was rewritten before: its own variable no longer says it.
    pub changed: bool,
    /// Where files lie, if not in the document root; an error where that cannot be said.
    pub root: Result<Option<Vec<u8>>, Refusal>,
    /// Which guard gives `$N`.
    pub own: Option<GuardId>,
    /// Which guard gives `%N`.
    pub other: Option<GuardId>,
    /// The last condition captures the target as received.
    pub raw_path: bool,
    /// Text is sent as it is (NE): what has to be encoded is so by the map.
    pub raw: bool,
}

/// The request line up to the path, and what of it is captured.
const RAW_PATH: &[u8] = br"^\S+ (?:\w+://[^/? ]*)?([^? ]*)";
/// The same with the query.
const RAW_TARGET: &[u8] = br"^\S+ (?:\w+://[^/? ]*)?(\S*)";

impl Builder<'_> {
    /// The pattern and the conditions for these guards; `texts` are what the rule writes.
    ///
    /// # Errors
    /// What cannot be said in one rule.
    pub fn rule(&mut self, guards: &[Guard], main: Option<GuardId>, texts: &[&[Piece]]) -> Result<Rule, Refusal> {
        if let Some(error) = guards.iter().find_map(|guard| guard.compiled().err()) {
            return Err(format!("its expression does not compile: {error}").into());
        }
        let guards: Vec<&Guard> = guards.iter().filter(|guard| !implied(guard, guards)).collect();
        let used = used(&guards, texts);
        let is_path = |guard: &&&Guard| matches!(guard.test, Test::Path(_)) && !guard.negated;
        let referred = guards.iter().filter(is_path).find(|guard| used.contains(&guard.id));
        let own = guards.iter().find(|guard| Some(guard.id) == main).or(referred);
        let own = own.or_else(|| guards.iter().rev().find(is_path)).copied();
        let own = own.filter(|guard| !self.htaccess || inside(&guard.test).is_some());
        self.own = own.map(|guard| guard.id);
        let mut others = used.iter().filter(|id| Some(**id) != self.own);
        self.other = others.next().copied();
        if others.next().is_some() {
            return Err(Refusal::new(
                "it takes captures of more than two expressions",
                "join the expressions that look at one text, or remember a part by flag `E`",
            ));
        }
        let wants_raw = texts.iter().any(|text| text.iter().any(|piece| matches!(piece, Piece::RawPath(_))));
        self.raw_path = wants_raw && self.other.is_none();
        let mut rule = Rule { pattern: b"^".to_vec(), ..Rule::default() };
        if let Some(Guard { test: Test::Path(test), .. }) = own {
            let whole = || test.pattern();
            rule.pattern = own.filter(|_| self.htaccess).and_then(|guard| inside(&guard.test)).unwrap_or_else(whole);
            if matches!(test, PathTest::Regex(_, true)) {
                rule.flags.push("NC".to_owned());
            }
            if rule.pattern.starts_with(b"!") {
                rule.pattern = [b"(?:)", rule.pattern.as_slice()].concat();
            }
        }
        let (last, before): (Vec<_>, Vec<_>) =
            guards.iter().filter(|guard| Some(guard.id) != self.own).partition(|guard| Some(guard.id) == self.other);
        let reads = |guard: &&&Guard| {
            let mut pieces = guard.texts().into_iter().flatten();
            pieces.any(|piece| matches!(piece, Piece::Group(id, ..) if Some(*id) == self.other))
        };
        let (behind, before): (Vec<_>, Vec<_>) = before.into_iter().partition(reads);
        // a condition that matches takes the groups of the one before it away
        let takes = |guard: &&&Guard| match guard.test {
            Test::Regex(..) => !guard.negated,
            Test::Truthy(_) => guard.negated,
            _ => false,
        };
        if behind.iter().any(takes) {
            return Err(Refusal::new(
                "a condition on what another one captured takes its captures away",
                "remember the captured part by flag `E`, and test that",
            ));
        }
        for guard in before.into_iter().chain(last).chain(behind) {
            self.condition(guard, &mut rule.conditions)?;
        }
        if self.other.is_some_and(|id| guards.iter().all(|guard| guard.id != id)) {
            return Err(Refusal::new(
                "it takes captures of an expression that is tested elsewhere",
                "repeat the test in a `RewriteCond` just before the rule",
            ));
        }
        if self.raw_path {
            rule.conditions.push(Cond::new(b"%{THE_REQUEST}", RAW_PATH.to_vec(), false));
        }
        let words = rule.conditions.iter().flat_map(|cond| [&cond.test, &cond.pattern]).chain([&rule.pattern]);
        if words.into_iter().any(|word| !can_be_written(word)) {
            return Err(Refusal::new(
                "it holds both kinds of quotes beside blanks, which no word of Apache's can",
                "write `\\x22` for the double quotes and `\\x27` for the single ones",
            ));
        }
        Ok(rule)
    }

    fn condition(&mut self, guard: &Guard, out: &mut Vec<Cond>) -> Result<(), Refusal> {
        let negated = guard.negated;
        match &guard.test {
            Test::Path(test) => {
                let subject: &[u8] = if self.changed { b"%{REQUEST_FILENAME}" } else { b"%{REQUEST_URI}" };
                let ignore_case = matches!(test, PathTest::Regex(_, true));
                out.push(Cond { ignore_case, ..Cond::new(subject, plain(&test.pattern()), negated) });
            }
            Test::Equals(left, right, ignore_case) => {
                let cond = match super::guard::literal(right) {
                    Some(bytes) if bytes.is_empty() => Cond::new(&self.text(left)?, b"=\"\"".to_vec(), negated),
                    Some(bytes) => Cond::new(&self.text(left)?, [b"=", bytes.as_slice()].concat(), negated),
                    None => {
                        let both = [self.text(left)?.as_slice(), b"#", &self.text(right)?].concat();
                        Cond::new(&both, br"^(.*)#\1$".to_vec(), negated)
                    }
                };
                out.push(Cond { ignore_case: *ignore_case, ..cond });
            }
            Test::Truthy(text) if text.as_slice() == [Piece::Expression("%{HTTPS}", true)] => {
                out.push(Cond::new(b"%{HTTPS}", b"=on".to_vec(), negated));
            }
            Test::Truthy(text) => out.push(Cond::new(&self.text(text)?, b"^0?$".to_vec(), !negated)),
            Test::Regex(text, pattern, ignore_case) => {
                let pattern = PathTest::Regex(pattern.clone(), false).pattern();
                let pattern = if is_path_free(text) {
                    pattern.strip_prefix(b"(?-s)").unwrap_or(&pattern).to_vec()
                } else {
                    pattern
                };
                let cond = Cond::new(&self.text(text)?, plain(&pattern), negated);
                out.push(Cond { ignore_case: *ignore_case, ..cond });
            }
            Test::Client(network) => {
                let not = if negated { "! " } else { "" };
                out.push(Cond::new(b"expr", format!("{not}-R '{network}'").into_bytes(), false));
            }
            Test::File(test, text) => {
                let subject = self.text(text)?;
                let kinds: &[&[u8]] = match test {
                    FileTest::File => &[b"-f"],
                    FileTest::Directory => &[b"-d"],
                    FileTest::Exists => &[b"-f", b"-d"],
                    FileTest::Executable => &[b"-x"],
                    _ => {
                        return Err(Refusal::new(
                            "Apache has no such question about a file",
                            "test for a file (`-f`) or folder (`-d`) instead",
                        ));
                    }
                };
                for (at, kind) in kinds.iter().enumerate() {
                    let or = at + 1 < kinds.len() && !negated;
                    out.push(Cond { or, ..Cond::new(&subject, kind.to_vec(), negated) });
                }
            }
        }
        Ok(())
    }

    /// Pieces as Apache expands them.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn text(&mut self, pieces: &[Piece]) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        for piece in pieces {
            match piece {
                Piece::Literal(bytes) => out.extend_from_slice(&literal(bytes)),
                Piece::Group(guard, group, encoded) => {
                    let sign = match Some(*guard) {
                        own if own == self.own => '$',
                        other if other == self.other => '%',
                        _ => {
                            return Err(Refusal::new(
                                "it takes captures of an expression that is tested elsewhere",
                                "repeat the test in a `RewriteCond` just before the rule",
                            ));
                        }
                    };
                    self.encoded(format!("{sign}{group}").as_bytes(), *encoded, &mut out);
                }
                Piece::Expression(text, _) => out.extend_from_slice(text.as_bytes()),
                Piece::Variable(name) if name == "request_filename" => {
                    match self.root.clone()? {
                        Some(root) => out.extend_from_slice(&literal(&root)),
                        None => out.extend_from_slice(b"%{DOCUMENT_ROOT}"),
                    }
                    self.path(&mut out);
                }
                Piece::Variable(name) => {
                    if name.starts_with("arg_") || name.starts_with("cookie_") {
                        self.needs.variables.insert(name.clone());
                    }
                    out.extend_from_slice(format!("%{{ENV:{name}}}").as_bytes());
                }
                Piece::Header(name) => out.extend_from_slice(text::header(name).as_bytes()),
                Piece::Path(encoded) => {
                    let mut path = Vec::new();
                    self.path(&mut path);
                    self.encoded(&path, *encoded, &mut out);
                }
                Piece::RawPath(anew) => {
                    let mut path = b"%1".to_vec();
                    if !self.raw_path {
                        path.clear();
                        self.remembered("request_path", &mut path);
                    }
                    if *anew {
                        self.needs.unescape = true;
                        self.needs.escape = true;
                        path = [b"${escape:${unescape:", path.as_slice(), b"}}"].concat();
                    }
                    out.extend_from_slice(&path);
                }
                Piece::RawTarget => self.remembered("request_uri", &mut out),
                Piece::Query => out.extend_from_slice(b"%{QUERY_STRING}"),
                Piece::QueryMark => {
                    return Err(Refusal::new(
                        "`$is_args` stands alone",
                        "one rule for requests with a query and one for those without",
                    ));
                }
                Piece::Table(_) | Piece::Named(_) => {
                    return Err(Refusal::new(
                        "a table's value is used where it cannot be put in",
                        "write one rule for each row of the `map`",
                    ));
                }
            }
        }
        Ok(out)
    }

    fn remembered(&mut self, name: &str, out: &mut Vec<u8>) {
        self.needs.variables.insert(name.to_owned());
        out.extend_from_slice(format!("%{{ENV:{name}}}").as_bytes());
    }

    fn path(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.changed { b"%{REQUEST_FILENAME}" } else { b"%{REQUEST_URI}" });
    }

    fn encoded(&mut self, text: &[u8], encoded: bool, out: &mut Vec<u8>) {
        if encoded && self.raw {
            self.needs.escape = true;
            out.extend_from_slice(&[b"${escape:", text, b"}"].concat());
        } else {
            out.extend_from_slice(text);
        }
    }
}

/// A path test as a pattern of a `.htaccess`, which sees the path without its first slash; `None` where the slash cannot
/// be told from the rest.
fn inside(test: &Test) -> Option<Vec<u8>> {
    let Test::Path(test) = test else { return None };
    let pattern = test.pattern();
    let (flags, rest) = match pattern.strip_prefix(b"(?-s)") {
        Some(rest) => (&b"(?-s)"[..], rest),
        None => (&b""[..], pattern.as_slice()),
    };
    let rest = rest.strip_prefix(b"^/")?;
    let tokens = regex::tokens(rest);
    let repeated = tokens.first().is_some_and(|token| token.kind == regex::Kind::Quantifier);
    let choice = regex::alternatives(&tokens).len() > 1;
    let again = tokens.iter().skip(1).any(|token| token.kind == regex::Kind::Start);
    (!repeated && !choice && !again).then(|| [flags, b"^", rest].concat())
}

/// The rule that fills a variable at the top of a site.
pub fn filling(name: &str) -> Rule {
    let flags = vec![format!("E={name}:%1")];
    let (test, pattern): (&[u8], Vec<u8>) = match name.split_once('_') {
        Some(("arg", argument)) => {
            (b"%{QUERY_STRING}", format!("^(?:(?!(?i:{argument})=)[^&]*&)*(?i:{argument})=([^&]*)").into_bytes())
        }
        Some(("cookie", cookie)) => (b"%{HTTP_COOKIE}", format!("(?:^|[;,])\\s*(?i:{cookie})=([^;,]*)").into_bytes()),
        _ if name == "request_path" => (b"%{THE_REQUEST}", RAW_PATH.to_vec()),
        _ => (b"%{THE_REQUEST}", RAW_TARGET.to_vec()),
    };
    let conditions = vec![Cond::new(test, pattern, false)];
    Rule { conditions, pattern: b"^".to_vec(), flags, ..Rule::default() }
}

/// Fixed bytes: nothing in them is expanded.
fn literal(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        if matches!(byte, b'$' | b'%' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out
}

/// An expression that is not taken for another kind of test.
fn plain(pattern: &[u8]) -> Vec<u8> {
    match pattern.first() {
        Some(b'!' | b'=' | b'<' | b'>' | b'-') => [b"(?:)", pattern].concat(),
        None => b"^".to_vec(),
        _ => pattern.to_vec(),
    }
}

/// Text that cannot hold a line feed.
fn is_path_free(text: &[Piece]) -> bool {
    text.iter().all(|piece| matches!(piece, Piece::Header(_) | Piece::Expression(..) | Piece::RawTarget | Piece::Query))
}

fn used(guards: &[&Guard], texts: &[&[Piece]]) -> BTreeSet<GuardId> {
    let inside = guards.iter().flat_map(|guard| guard.texts()).map(Vec::as_slice);
    let groups = inside.chain(texts.iter().copied()).flatten().filter_map(|piece| match piece {
        Piece::Group(guard, ..) => Some(*guard),
        _ => None,
    });
    groups.collect()
}

/// Whether another path test says as much.
fn implied(guard: &Guard, all: &[Guard]) -> bool {
    let (Test::Path(PathTest::Prefix(prefix, except)), false) = (&guard.test, guard.negated) else { return false };
    if except.is_empty() && prefix == b"/" {
        return true;
    }
    let says = |other: &Guard| {
        let Test::Path(test) = &other.test else { return false };
        let theirs = test.prefix();
        let apart = except.iter().all(|cut| !cut.starts_with(&theirs) && !theirs.starts_with(cut));
        other.id != guard.id
            && !other.negated
            && theirs.starts_with(prefix)
            && apart
            && (theirs.len() > prefix.len() || other.id > guard.id)
    };
    all.iter().any(says)
}
