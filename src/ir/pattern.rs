//! What text is compared with: literals, path prefixes, globs, regular expressions.
//!
//! A pattern says what it matches, not what happens then. Regular expressions are compiled on first use, by
//! the servers' own engine (`crate::pcre`), because a list may hold a million of them and a request needs few.

use std::sync::OnceLock;

use super::Bytes;
use crate::pcre;
use crate::source::Span;

/// A test of one byte string.
#[derive(Debug)]
pub enum Pattern {
    /// Always true; captures nothing.
    Any,
    /// The same bytes.
    Exact(Bytes),
    /// The same bytes, ASCII letters in either case.
    ExactNoCase(Bytes),
    /// A plain byte prefix (nginx's locations).
    Prefix(Bytes),
    /// A path prefix that ends at a segment boundary; runs of slashes match runs of slashes.
    /// Apache's `alias_matches` (modules/mappers/mod_alias.c).
    Segments(Bytes),
    /// A shell pattern.
    Glob(Glob),
    /// A regular expression.
    Regex(Box<Regex>),
}

/// A shell pattern: `*`, `?`, `[…]`.
#[derive(Debug)]
pub struct Glob {
    /// The pattern as written.
    pub text: Bytes,
    /// Whether `*` and `?` stop at a slash.
    pub path: bool,
    /// Whether ASCII case is ignored.
    pub ignore_case: bool,
}

/// A regular expression with its options, compiled on first use.
#[derive(Debug)]
pub struct Regex {
    /// The expression as the server sees it, quotes and escapes of the configuration taken off.
    pub text: Bytes,
    /// Where it stands.
    pub span: Span,
    /// How it is compiled.
    pub options: pcre::Options,
    compiled: OnceLock<Result<pcre::Regex, pcre::Error>>,
    prefix: OnceLock<Box<[u8]>>,
}

impl Regex {
    /// A regular expression that is compiled when first asked for.
    pub fn new(text: impl Into<Bytes>, options: pcre::Options, span: Span) -> Self {
        Self { text: text.into(), span, options, compiled: OnceLock::new(), prefix: OnceLock::new() }
    }

    /// The compiled form.
    ///
    /// # Errors
    /// PCRE2's own message where it rejects the expression.
    pub fn compiled(&self) -> Result<&pcre::Regex, &pcre::Error> {
        self.compiled.get_or_init(|| pcre::Regex::new(&self.text, self.options)).as_ref()
    }

    /// The number of its groups; `None` where PCRE2 rejects it.
    pub fn group_count(&self) -> Option<usize> {
        self.plain_groups().or_else(|| self.compiled().ok().map(pcre::Regex::group_count))
    }

    /// The number of groups of an expression so plain that it compiles for sure and names none of them, so that the
    /// engine need not be asked; `None` for every other.
    pub fn plain_groups(&self) -> Option<usize> {
        plain_groups(&self.text)
    }

    /// Bytes that every subject it matches begins with; empty where none are known. A look at them spares most of
    /// a long list's patterns their engine.
    pub fn prefix(&self) -> &[u8] {
        if self.options.caseless { &[] } else { self.beginning() }
    }

    /// The same for expressions that ignore case as well: of those in lower case.
    pub fn beginning(&self) -> &[u8] {
        let odd = self.options.extended || self.options.multi_line;
        self.prefix.get_or_init(|| match (odd, self.options.caseless) {
            (true, _) => Box::default(),
            (false, true) => literal_prefix(&self.text).to_ascii_lowercase().into(),
            (false, false) => literal_prefix(&self.text).into(),
        })
    }

    /// Whether the subject has the beginning that every match needs.
    pub fn begins(&self, subject: &[u8]) -> bool {
        let beginning = self.beginning();
        match (self.options.caseless, subject.get(..beginning.len())) {
            (true, Some(start)) => start.eq_ignore_ascii_case(beginning),
            (false, Some(start)) => start == beginning,
            (_, None) => false,
        }
    }

    /// The one text it matches, for `^text$`; letters in either case where case is ignored, and with a line feed
    /// behind it where `$` allows one.
    pub fn whole(&self) -> Option<Vec<u8>> {
        let body = self.text.strip_suffix(b"$").filter(|body| !body.ends_with(b"\\"))?;
        if self.options.extended || self.options.multi_line {
            return None;
        }
        let literal = literal_prefix(body);
        // Every byte of the expression has become one of the text, escapes aside.
        let escapes = body.iter().filter(|&&byte| byte == b'\\').count();
        (body.starts_with(b"^") && !literal.contains(&b'\\') && literal.len() + escapes + 1 == body.len())
            .then_some(literal)
    }
}

/// Groups that may stand in a plain expression.
const PLAIN_GROUPS: [&[u8]; 4] = [b"(.*)", b"(.+)", b"([^/]+)", b"([0-9]+)"];
/// Bytes of an expression that PCRE2 takes whatever they mean: far below its limits.
const SHORT: usize = 4096;

fn plain_groups(text: &[u8]) -> Option<usize> {
    let mut rest = Some(text).filter(|text| text.len() <= SHORT)?;
    let mut count = 0;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = match byte {
            b'(' => {
                count += 1;
                PLAIN_GROUPS.iter().find_map(|group| rest.strip_prefix(*group))?
            }
            b'\\' => behind.split_first().filter(|(next, _)| b"./-?+&()".contains(next))?.1,
            _ if byte.is_ascii_alphanumeric() || b"/_-.,~%@:=&^$ ".contains(&byte) || byte >= 0x80 => behind,
            _ => return None,
        };
    }
    Some(count)
}

/// Options at the front that change nothing about fixed bytes: what `.` takes.
const DOT_OPTIONS: [&[u8]; 2] = [b"(?s)", b"(?-s)"];

/// The literal bytes behind a leading `^`, of an expression without alternatives at its outermost level.
fn literal_prefix(text: &[u8]) -> Vec<u8> {
    let text = DOT_OPTIONS.iter().find_map(|options| text.strip_prefix(*options)).unwrap_or(text);
    let Some(body) = text.strip_prefix(b"^") else { return Vec::new() };
    if has_alternatives(body) {
        return Vec::new();
    }
    let mut out = Vec::new();
    let mut rest = body;
    loop {
        let (byte, behind) = match rest {
            [b'\\', byte, behind @ ..] if byte.is_ascii_punctuation() => (*byte, behind),
            [byte, behind @ ..] if !b"\\.^$*+?()[]{}|".contains(byte) => (*byte, behind),
            _ => return out,
        };
        match behind.first() {
            Some(b'*' | b'?' | b'{') => return out,
            Some(b'+') => {
                out.push(byte);
                return out;
            }
            _ => out.push(byte),
        }
        rest = behind;
    }
}

/// Whether a `|` stands outside every group; too often yes where brackets and quotes are nested strangely.
fn has_alternatives(text: &[u8]) -> bool {
    let mut depth = 0i32;
    let mut bytes = text.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(b'Q') => return true,
                _ => continue,
            },
            b'(' => depth += 1,
            b')' => depth -= 1,
            // A class may hold brackets and bars that mean nothing: do not look closer.
            b'[' if text.contains(&b'|') => return true,
            b'|' if depth <= 0 => return true,
            _ => {}
        }
    }
    false
}

/// Whether a shell pattern matches a whole text.
pub fn glob_matches(glob: &Glob, text: &[u8]) -> bool {
    let fold = |byte: u8| if glob.ignore_case { byte.to_ascii_lowercase() } else { byte };
    let (pattern, crosses) = (&*glob.text, |byte: u8| !(glob.path && byte == b'/'));
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(p) {
            None if t == text.len() => return true,
            Some(b'*') => {
                back = Some((p, t));
                p += 1;
                continue;
            }
            Some(b'[') => {
                class(pattern, p, text.get(t).copied(), &fold).filter(|_| text.get(t).is_some_and(|&b| crosses(b)))
            }
            Some(b'?') => text.get(t).filter(|&&byte| crosses(byte)).map(|_| p + 1),
            Some(&byte) => {
                let (byte, next) = match (byte, pattern.get(p + 1)) {
                    (b'\\', Some(&escaped)) => (escaped, p + 2),
                    _ => (byte, p + 1),
                };
                text.get(t).filter(|&&have| fold(have) == fold(byte)).map(|_| next)
            }
            None => None,
        };
        if let Some(next) = step {
            (p, t) = (next, t + 1);
            continue;
        }
        // Let the last star take one byte more.
        match back {
            Some((star, taken)) if text.get(taken).is_some_and(|&byte| crosses(byte)) => {
                back = Some((star, taken + 1));
                (p, t) = (star + 1, taken + 1);
            }
            _ => return false,
        }
    }
}

/// `[…]` at `at` against one byte: where the pattern goes on if it matches.
fn class(pattern: &[u8], at: usize, byte: Option<u8>, fold: &impl Fn(u8) -> u8) -> Option<usize> {
    let byte = fold(byte?);
    let mut p = at + 1;
    let negated = matches!(pattern.get(p), Some(b'!' | b'^'));
    p += usize::from(negated);
    let (mut hit, mut first) = (false, true);
    loop {
        let low = *pattern.get(p)?;
        if low == b']' && !first {
            return (hit != negated).then_some(p + 1);
        }
        first = false;
        let high = match (pattern.get(p + 1), pattern.get(p + 2)) {
            (Some(b'-'), Some(&high)) if high != b']' => {
                p += 2;
                high
            }
            _ => low,
        };
        hit |= (fold(low)..=fold(high)).contains(&byte);
        p += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_a_pattern_is_what_every_match_begins_with() {
        let prefix = |text: &str| String::from_utf8(literal_prefix(text.as_bytes())).unwrap();
        assert_eq!(prefix(r"^/a/b\.html$"), "/a/b.html");
        assert_eq!(prefix("^/ab?c"), "/a");
        assert_eq!(prefix("^/ab+c"), "/ab");
        assert_eq!(prefix("^/a(b|c)"), "/a");
        assert_eq!(prefix("^/a|b"), "");
        assert_eq!(prefix("/a"), "");
        assert_eq!(prefix(r"^/a\d"), "/a");
        assert_eq!(prefix("^/a{2}"), "/");
        assert_eq!(prefix("(?s)^/a.*"), "/a");
        assert_eq!(prefix("(?i)^/a"), "");
    }

    #[test]
    fn a_subject_begins_in_either_case_where_case_is_ignored() {
        let span = Span::new(crate::source::FileId(0), 0, 0);
        let begins = |caseless, text: &str| {
            let options = pcre::Options { caseless, ..pcre::Options::default() };
            Regex::new(&b"^/Old/(.*)"[..], options, span).begins(text.as_bytes())
        };
        assert!(begins(false, "/Old/x") && begins(true, "/oLD/x") && begins(true, "/Old/"));
        assert!(!begins(false, "/old/x") && !begins(true, "/Ol") && !begins(true, "/new/x"));
    }

    #[test]
    fn a_plain_expression_has_the_groups_that_the_engine_counts() {
        for text in ["^/a$", r"^/a\.b/(.*)$", "^(.*)/([0-9]+)/([^/]+)/(.+)", r"a\(b\)", "a-b c%20&=", "^/é$", "^$^."] {
            let compiled = pcre::Regex::new(text.as_bytes(), pcre::Options::default()).unwrap();
            assert_eq!(plain_groups(text.as_bytes()), Some(compiled.group_count()), "{text}");
        }
        for text in ["(a)", "a*", "(.*)+", "(?<n>a)", "[a]", r"\d", r"\1", "a)", "(", "a|b"] {
            assert_eq!(plain_groups(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_whole_text_needs_both_anchors_and_nothing_open() {
        let span = Span::new(crate::source::FileId(0), 0, 0);
        let whole = |text: &str| Regex::new(text.as_bytes(), pcre::Options::default(), span).whole();
        assert_eq!(whole(r"^a\.b$").as_deref(), Some(&b"a.b"[..]));
        assert_eq!(whole("^a.b$"), None);
        assert_eq!(whole("^ab+$"), None);
        assert_eq!(whole("a$"), None);
        assert_eq!(whole(r"^a\$"), None);
    }
}
