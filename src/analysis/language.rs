//! Questions about *all* strings: patterns as regular languages over bytes.
//!
//! Every answer is three-valued ([`Verdict`]): what is not regular (back-references, some look-around) and what
//! costs more than the limits allow is *unknown*, never a guess. Nothing here knows requests or rules. Witnesses
//! found here are proposals that the evaluator has to confirm.
//!
//! One byte is one character `U+0000..=U+00FF` of the solver's alphabet.

use super::byteset::ByteSet;
use super::expression::{self, Node};
use crate::ir::pattern::{Glob, Pattern, Regex};
use regexsolver::error::EngineError;
use regexsolver::execution_profile::{ExecutionProfile, ExecutionProfileBuilder};
use regexsolver::fast_automaton::{GenerationOptions, PathOrder};
use regexsolver::regex::RegularExpression;
use regexsolver::regex_charclass::{char::Char, irange::range::AnyRange};
use regexsolver::{CharRange, Term};

mod compile;

/// States an automaton may have before the answer is given up.
const MAX_STATES: usize = 4_000;
/// Milliseconds an operation may take before the answer is given up; a safety net, the states come first.
const MAX_MILLIS: u64 = 2_000;

/// An answer that may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It holds.
    Yes,
    /// It does not hold.
    No,
    /// Not decided: not regular, or too costly.
    Unknown,
}

impl Verdict {
    /// Whether it certainly holds.
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }

    /// Whether it certainly does not hold.
    pub fn is_no(self) -> bool {
        self == Self::No
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    /// The opposite.
    #[must_use]
    #[allow(clippy::should_implement_trait)]
    pub fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }

    fn of(result: Result<bool, EngineError>) -> Self {
        match result {
            Ok(true) => Self::Yes,
            Ok(false) => Self::No,
            Err(_) => Self::Unknown,
        }
    }
}

/// A set of byte strings.
#[derive(Clone, Debug)]
pub struct Language(Term);

impl Language {
    /// Every string.
    pub fn all() -> Self {
        Self(Term::from_regex(bytes(ByteSet::ALL).repeat(0, None)))
    }

    /// No string.
    pub fn none() -> Self {
        Self(Term::new_empty())
    }

    /// One string.
    pub fn literal(text: &[u8]) -> Self {
        let pieces: Vec<_> = text.iter().map(|&byte| bytes(ByteSet::of(&[byte]))).collect();
        Self(Term::from_regex(RegularExpression::concat_all(&pieces)))
    }

    /// One string, ASCII letters in either case.
    pub fn literal_no_case(text: &[u8]) -> Self {
        let pieces: Vec<_> = text.iter().map(|&byte| bytes(ByteSet::of(&[byte]).fold())).collect();
        Self(Term::from_regex(RegularExpression::concat_all(&pieces)))
    }

    /// Strings of these bytes, at least `min` and at most `max` of them.
    pub fn repeated(set: ByteSet, min: u32, max: Option<u32>) -> Self {
        Self(Term::from_regex(bytes(set).repeat(min, max)))
    }

    /// Strings that start like this.
    pub fn prefix(text: &[u8]) -> Self {
        Self::literal(text).then(&Self::all()).unwrap_or_else(Self::all)
    }

    /// Strings that hold the text.
    pub fn containing(text: &[u8]) -> Self {
        let any = bytes(ByteSet::ALL).repeat(0, None);
        let mut pieces = vec![any.clone()];
        pieces.extend(text.iter().map(|&byte| bytes(ByteSet::of(&[byte]))));
        pieces.push(any);
        Self(Term::from_regex(RegularExpression::concat_all(&pieces)))
    }

    /// Strings in which the expression finds a match; `None` where that is not regular.
    pub fn matching(regex: &Regex) -> Option<Self> {
        limited(|| compile::search(&expression::of(regex), None)).map(Self)
    }

    /// The same for a tree.
    pub fn matching_tree(tree: &Node) -> Option<Self> {
        limited(|| compile::search(tree, None)).map(Self)
    }

    /// Strings in which the expression finds a match whose group holds a string of `content`.
    /// Over-approximates what PCRE2 captures: confirm with the engine.
    pub fn matching_with_group(tree: &Node, group: u32, content: &Language) -> Option<Self> {
        limited(|| compile::search(tree, Some((group, &content.0)))).map(Self)
    }

    /// Strings that a piece without assertions matches from end to end.
    pub fn of_piece(tree: &Node) -> Option<Self> {
        limited(|| compile::plain(tree)).map(|regex| Self(Term::from_regex(regex)))
    }

    /// Strings that a pattern of the program accepts; `None` where that is not regular.
    pub fn of(pattern: &Pattern) -> Option<Self> {
        match pattern {
            Pattern::Any => Some(Self::all()),
            Pattern::Exact(text) => Some(Self::literal(text)),
            Pattern::ExactNoCase(text) => Some(Self::literal_no_case(text)),
            Pattern::Prefix(text) => Some(Self::prefix(text)),
            Pattern::Segments(text) => Self::segments(text),
            Pattern::Glob(glob) => self::glob(glob),
            Pattern::Regex(regex) => Self::matching(regex),
        }
    }

    /// Paths below a path prefix: runs of slashes match runs of slashes, and the prefix ends where a segment does.
    pub fn segments(text: &[u8]) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut in_slashes = false;
        for &byte in text {
            if byte == b'/' && in_slashes {
                continue;
            }
            in_slashes = byte == b'/';
            let one = bytes(ByteSet::of(&[byte]));
            pieces.push(if in_slashes { one.repeat(1, None) } else { one });
        }
        let head = Self(Term::from_regex(RegularExpression::concat_all(&pieces)));
        if text.ends_with(b"/") {
            return head.then(&Self::all());
        }
        head.then(&Self::prefix(b"/").or(&Self::literal(b""))?)
    }

    /// Concatenation.
    pub fn then(&self, other: &Self) -> Option<Self> {
        limited(|| self.0.concat([&other.0]).ok()).map(Self)
    }

    /// Strings of either.
    pub fn or(&self, other: &Self) -> Option<Self> {
        limited(|| self.0.union([&other.0]).ok()).map(Self)
    }

    /// Strings of both.
    pub fn and(&self, other: &Self) -> Option<Self> {
        limited(|| self.0.intersection([&other.0]).ok()).map(Self)
    }

    /// Strings of this one that are not of the other.
    pub fn without(&self, other: &Self) -> Option<Self> {
        limited(|| self.0.difference(&other.0).ok()).map(Self)
    }

    /// Whether it has no string at all.
    pub fn is_empty(&self) -> Verdict {
        limited(|| Verdict::of(self.0.is_empty()))
    }

    /// Whether some string is in both.
    pub fn intersects(&self, other: &Self) -> Verdict {
        match self.and(other) {
            Some(both) => both.is_empty().not(),
            None => Verdict::Unknown,
        }
    }

    /// Whether every string of `other` is in this one.
    pub fn includes(&self, other: &Self) -> Verdict {
        limited(|| Verdict::of(other.0.subset(&self.0)))
    }

    /// Whether both hold the same strings.
    pub fn same(&self, other: &Self) -> Verdict {
        limited(|| Verdict::of(self.0.equivalent(&other.0)))
    }

    /// Whether the string is in it.
    pub fn contains(&self, text: &[u8]) -> Verdict {
        let text: String = text.iter().map(|&byte| char::from(byte)).collect();
        limited(|| Verdict::of(self.0.matches(&text)))
    }

    /// Some strings of it, short ones first, readable where there are readable ones; none where it is empty or unknown.
    pub fn samples(&self, limit: usize) -> Vec<Vec<u8>> {
        for (first, last) in [('/', 'z'), (' ', '~'), ('\0', '\u{ff}')] {
            let range = CharRange::new_from_ranges(&[AnyRange::from(Char::new(first)..=Char::new(last))]);
            let options = GenerationOptions::from(PathOrder::Sweep).with_charset(range).with_max_length(200);
            let found = limited(|| self.0.generate_strings(limit, 0, options)).unwrap_or_default();
            let found: Vec<Vec<u8>> = found.iter().filter_map(|text| to_bytes(text)).collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }
}

/// A subject in which the expression's group captures text with the byte in it: `Yes` with such a subject, confirmed
/// by the engine. `domain` is what the subject can be at all.
pub fn capture_can_contain(regex: &Regex, group: u32, byte: u8, domain: &Language) -> (Verdict, Option<Vec<u8>>) {
    let tree = expression::of(regex);
    if tree.group(group).is_none() && group != 0 {
        return (Verdict::No, None);
    }
    let holding = Language::containing(&[byte]);
    let candidates = match group {
        0 => Language::matching_tree(&tree).and_then(|all| all.and(&holding)),
        _ => Language::matching_with_group(&tree, group, &holding),
    };
    let Some(candidates) = candidates.and_then(|found| found.and(domain)) else { return (Verdict::Unknown, None) };
    if candidates.is_empty().is_yes() {
        return (Verdict::No, None);
    }
    let Ok(compiled) = regex.compiled() else { return (Verdict::Unknown, None) };
    for subject in candidates.samples(12) {
        let Ok(Some(groups)) = compiled.find(&subject) else { continue };
        let captured = groups.get(group as usize).and_then(|range| subject.get(range)).unwrap_or_default();
        if captured.contains(&byte) {
            return (Verdict::Yes, Some(subject));
        }
    }
    (Verdict::Unknown, None)
}

fn to_bytes(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

/// One position.
fn bytes(set: ByteSet) -> RegularExpression {
    let range = |(first, last): (u8, u8)| AnyRange::from(Char::new(char::from(first))..=Char::new(char::from(last)));
    let ranges: Vec<_> = set.runs().into_iter().map(range).collect();
    RegularExpression::Character(CharRange::new_from_ranges(&ranges))
}

/// Runs an operation under the limits.
fn limited<T>(operation: impl FnOnce() -> T) -> T {
    let profile: ExecutionProfile =
        ExecutionProfileBuilder::new().max_number_of_states(MAX_STATES).execution_timeout(MAX_MILLIS).build();
    profile.run(operation)
}

fn glob(glob: &Glob) -> Option<Language> {
    let wild = if glob.path { ByteSet::of(b"/").inverted() } else { ByteSet::ALL };
    let mut pieces = Vec::new();
    for &byte in &glob.text {
        pieces.push(match byte {
            b'*' => bytes(wild).repeat(0, None),
            b'?' => bytes(wild),
            b'[' | b'\\' => return None,
            byte if glob.ignore_case => bytes(ByteSet::of(&[byte]).fold()),
            byte => bytes(ByteSet::of(&[byte])),
        });
    }
    Some(Language(Term::from_regex(RegularExpression::concat_all(&pieces))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcre::{self, Options};
    use crate::source::{FileId, Span};

    fn regex(text: &str) -> Regex {
        Regex::new(text.as_bytes(), Options::default(), Span::new(FileId(0), 0, 0))
    }

    fn language(text: &str) -> Language {
        Language::matching(&regex(text)).expect("regular")
    }

    #[test]
    fn a_language_holds_a_string_exactly_where_pcre2_finds_a_match() {
        let patterns = [
            "^/a$",
            "/a",
            "^/a|b$",
            "(^|/)b$",
            "^(?!/a)",
            "^/(?!a)",
            "(?=.*b)^/",
            "a*$",
            "^$",
            "x?^/a",
            "^/[^/]*$",
            "(?i)^/A",
            "^/a{2}$",
            "/a\\z",
            "^(.*)/$",
            "^/(a|b/?)+$",
            "a++",
            "^(?:/a)?$",
            ".",
            "(?<!a)b",
            "^/?(a(?=b))",
        ];
        let subjects = ["", "/", "/a", "/b", "/aa", "/a/b", "b", "/A", "/a\n", "a", "/b/a/", "ab", "/ab", "\n", "/aab"];
        for text in patterns {
            let Some(language) = Language::matching(&regex(text)) else { continue };
            let engine = pcre::Regex::new(text.as_bytes(), Options::default()).expect("valid");
            for subject in subjects {
                let wanted = engine.is_match(subject.as_bytes()).expect("decided");
                let got = language.contains(subject.as_bytes());
                assert_eq!(got, if wanted { Verdict::Yes } else { Verdict::No }, "{text} on {subject:?}");
            }
        }
    }

    #[test]
    fn look_ahead_and_anchors_in_branches_are_regular_but_back_references_are_not() {
        for text in ["^(?!/a)", "(^|/)b$", "^/a|b$", "^/(?!a)(.*)"] {
            assert!(Language::matching(&regex(text)).is_some(), "{text}");
        }
        assert!(Language::matching(&regex(r"^/(a)\1")).is_none());
    }

    #[test]
    fn inclusion_tells_a_shadowed_pattern() {
        assert_eq!(language("^/old/").includes(&language("^/old/x$")), Verdict::Yes);
        assert_eq!(language("^/old/x$").includes(&language("^/old/")), Verdict::No);
        assert_eq!(language("^/a").intersects(&language("^/b")), Verdict::No);
        assert_eq!(language("a").intersects(&language("b")), Verdict::Yes);
    }

    #[test]
    fn a_capture_that_can_hold_a_line_feed_comes_with_a_subject() {
        let all = Language::all();
        let (verdict, subject) = capture_can_contain(&regex("^/([^/]*)$"), 1, b'\n', &all);
        assert_eq!(verdict, Verdict::Yes);
        assert!(subject.is_some_and(|subject| subject.contains(&b'\n')));
        assert_eq!(capture_can_contain(&regex("^/(.*)$"), 1, b'\n', &all).0, Verdict::No);
        assert_eq!(capture_can_contain(&regex("^/([0-9]+)$"), 1, b'\r', &all).0, Verdict::No);
    }

    #[test]
    fn samples_are_members() {
        let language = language("^/(de|en)/[0-9]+$").and(&language("7")).expect("regular");
        let samples = language.samples(3);
        assert!(!samples.is_empty());
        for sample in samples {
            assert!(language.contains(&sample).is_yes());
        }
    }

    #[test]
    fn a_path_prefix_ends_at_a_segment() {
        let language = Language::of(&Pattern::Segments(b"/a/b".to_vec().into())).expect("regular");
        assert!(language.contains(b"/a/b").is_yes() && language.contains(b"/a//b/c").is_yes());
        assert!(language.contains(b"/a/bc").is_no());
    }
}
