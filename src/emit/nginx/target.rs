//! Targets of redirects as text for `return`, which sends it byte for byte.
//!
//! Apache escapes what it puts into a `Location`; `return` does not. So literals are escaped here, groups that
//! can only hold harmless bytes are written as they are, and the others go through a table that picks the raw
//! group where it is harmless and its percent-encoded copy where not.

use super::attribute;
use super::maps::Maps;
use super::plan::Statement;
use super::regex::Source;
use super::text::{Piece, Text};
use super::uri::{escape, is_absolute, query_is_copied, starts_with_scheme_variable};
use crate::emit::{Assumption, Refusal};
use crate::ir::clause::{Rewrite, Store, Target};
use crate::ir::pattern::Regex;
use crate::ir::policy::{Escape, OldQuery, QueryPolicy, Relative};
use crate::ir::template::{Attribute, Part, Template};
use std::collections::{BTreeMap, BTreeSet};

/// A target for `return`.
#[derive(Clone, Debug, Default)]
pub struct Made {
    /// The text.
    pub text: Text,
    /// Statements that must run between the match and the `return`.
    pub before: Vec<Statement>,
    /// Groups of the clause's pattern that need their name (`part_N`).
    pub groups: BTreeSet<u8>,
    /// A group is sent as it is and could hold control bytes: the pattern must not match those.
    pub no_controls: bool,
    /// A group gets into the query as it is: Apache refuses requests in which it holds a blank.
    pub no_blanks: bool,
    /// What is taken for granted.
    pub assumptions: Vec<Assumption>,
}

/// Groups that conditions leave: the stem of the variables that hold them, the expressions, and whether these
/// look at the path.
pub type Groups<'a> = (String, Vec<&'a Regex>, bool);

/// The variable that holds a group of the conditions; `None` where none of them has it, and it is empty.
pub fn group_variable((stem, regexes, _): &Groups<'_>, group: u8) -> Option<String> {
    let has = |regex: &&Regex| Source::new(regex).is_some_and(|cut| group <= cut.groups());
    regexes.iter().any(has).then(|| format!("{stem}_{group}"))
}

/// What targets are made with.
pub struct Maker<'a> {
    /// Tables made so far.
    pub maps: &'a mut Maps,
    /// What the configuration's variables hold.
    pub variables: &'a BTreeMap<u32, Text>,
    /// Variables whose value may need escaping.
    pub dirty: &'a BTreeSet<u32>,
    /// Variables that hold an absolute URL or nothing.
    pub absolute: &'a BTreeSet<u32>,
    /// The clause's own pattern.
    pub pattern: Option<&'a Source>,
    /// The expressions whose groups the conditions leave, and the stem of the variables that hold them.
    pub condition: Option<Groups<'a>>,
    /// The URL path of the folder the list belongs to, with both slashes.
    pub folder: &'a [u8],
    /// What relative targets begin with instead (RewriteBase).
    pub base: Option<&'a [u8]>,
    /// Whether a blank in the query is refused (mod_rewrite).
    pub refuses_blanks: bool,
    /// The rule asks for a `?` in the request line, so that one with nothing behind it has to be kept.
    pub sent_query: bool,
    /// The pattern is a condition's, and sees the whole path.
    pub pattern_is_path: bool,
}

/// Where in a URL the text has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Authority(u8),
    Path,
    Query,
}

/// An expression for a path and what lies under it, at segment boundaries.
pub fn segments(prefix: &[u8]) -> Vec<u8> {
    let start = [b"^", super::regex::escaped(prefix).as_slice()].concat();
    if prefix.ends_with(b"/") { start } else { [start.as_slice(), b"(?:/|\\z)"].concat() }
}

/// A target whose condition has become the step's pattern.
pub fn from_pattern(to: &Template) -> Template {
    let mut out = to.clone();
    for part in &mut out.parts {
        if let Part::Capture { store: store @ Store::Condition, .. } = part {
            *store = Store::Pattern;
        }
    }
    out
}

impl Maker<'_> {
    /// The target of a rewriting clause that leaves the server.
    ///
    /// # Errors
    /// What cannot be said in nginx.
    pub fn rewrite(&mut self, rewrite: &Rewrite, to: &Template) -> Result<Made, Refusal> {
        let to = &self.expanded(to);
        let raw = rewrite.escape == Escape::Raw;
        let mut made = Made::default();
        let head: &[u8] = match to.parts.first() {
            Some(Part::Literal(bytes)) => bytes,
            _ => b"",
        };
        let absolute = is_absolute(head) || self.is_absolute(to);
        let mut place = if absolute && !self.begins_with_url(to) { Place::Authority(0) } else { Place::Path };
        if !absolute {
            self.relative(rewrite, head, to, &mut made)?;
        }
        let alone = query_is_copied(to);
        for part in &to.parts {
            self.part(part, raw || alone && place == Place::Query, &mut place, &mut made)?;
        }
        self.finish_query(&rewrite.query, raw, place == Place::Query, alone, &mut made)?;
        Ok(tidy(made))
    }

    /// The template with variables of a known value written out.
    pub fn expanded(&self, to: &Template) -> Template {
        let mut parts: Vec<Part> = Vec::new();
        for part in &to.parts {
            let known = match part {
                Part::Variable(id) => self.variables.get(&id.0).and_then(Text::as_literal).map(<[u8]>::to_vec),
                Part::Literal(bytes) => Some(bytes.to_vec()),
                _ => None,
            };
            match (known, parts.last_mut()) {
                (Some(bytes), Some(Part::Literal(last))) => *last = [&**last, bytes.as_slice()].concat().into(),
                (Some(bytes), _) if bytes.is_empty() => {}
                (Some(bytes), _) => parts.push(Part::Literal(bytes.into())),
                (None, _) => parts.push(part.clone()),
            }
        }
        Template { parts, passes: to.passes }
    }

    /// Whether the target is an absolute URL although it does not begin with a literal scheme.
    pub fn is_absolute(&self, to: &Template) -> bool {
        starts_with_scheme_variable(to) || self.begins_with_url(to)
    }

    fn begins_with_url(&self, to: &Template) -> bool {
        matches!(to.parts.first(), Some(Part::Variable(id)) if self.absolute.contains(&id.0))
    }

    /// What goes before a target that is not absolute.
    fn relative(&self, rewrite: &Rewrite, head: &[u8], to: &Template, made: &mut Made) -> Result<(), Refusal> {
        if let Some(Part::Capture { store: Store::Condition, group: 1, .. }) = to.parts.first() {
            let rooted = self.condition.as_ref().is_some_and(|(_, regexes, of_path)| {
                let takes_all = |regex: &&Regex| Source::new(regex).is_some_and(|cut| cut.begins_with_group());
                *of_path && !regexes.is_empty() && regexes.iter().all(takes_all)
            });
            return match rooted {
                true => Ok(()),
                false => Err(Refusal::new(
                    "whether the target begins with a slash is only known when a request comes",
                    "begin the target with `/`, if the part copied never does",
                )),
            };
        }
        let own_group = matches!(to.parts.first(), Some(Part::Capture { store: Store::Pattern, group: 1, .. }));
        if own_group && self.pattern_is_path && self.pattern.is_some_and(Source::begins_with_group) {
            return Ok(());
        }
        let leading_slash = head.starts_with(b"/")
            || matches!(to.parts.first(), Some(Part::Attribute(Attribute::Path | Attribute::RawTarget)));
        match (&rewrite.relative, self.base) {
            _ if leading_slash => {}
            (Relative::Folder, Some(base)) => {
                made.text.push_literal(base);
                if !base.ends_with(b"/") {
                    made.text.push_literal(b"/");
                }
            }
            (Relative::Folder, None) => {
                made.text.push_variable("document_root");
                made.text.push_literal(self.folder);
            }
            _ if matches!(to.parts.first(), Some(Part::Literal(_)) | None) => made.text.push_literal(b"/"),
            _ => {
                return Err(Refusal::new(
                    "what the target begins with is only known when a request comes",
                    "begin the target with `/` or a scheme",
                ));
            }
        }
        Ok(())
    }

    fn finish_query(
        &mut self,
        query: &QueryPolicy,
        raw: bool,
        has_query: bool,
        alone: bool,
        made: &mut Made,
    ) -> Result<(), Refusal> {
        let QueryPolicy::Split { old, .. } = query else {
            return self.append_unless_present(query, has_query, made);
        };
        let empty = has_query && ends_with_mark(&made.text);
        if empty {
            drop_last_byte(&mut made.text);
        }
        match old {
            OldQuery::Default if !has_query && self.sent_query => {
                let name = self.maps.query_as_sent();
                made.text.push_variable(&name);
            }
            OldQuery::Default if !has_query || alone && raw => self.keep_args(made),
            OldQuery::Append if !has_query || empty => self.keep_args(made),
            OldQuery::Append => {
                let name = self.maps.and_args(!raw);
                made.assumptions.extend((!raw).then_some(Assumption::FewPercents));
                made.text.push_variable(&name);
            }
            _ => {}
        }
        Ok(())
    }

    fn append_unless_present(&self, query: &QueryPolicy, has_query: bool, made: &mut Made) -> Result<(), Refusal> {
        match query {
            QueryPolicy::AppendUnlessPresent if !has_query => self.keep_args(made),
            QueryPolicy::AppendUnlessPresent | QueryPolicy::Ignore => {}
            _ => return Err("the query is carried in a way this conversion does not know".into()),
        }
        Ok(())
    }

    fn keep_args(&self, made: &mut Made) {
        made.text.push_variable("is_args");
        made.text.push_variable("args");
    }

    /// The target of a `Redirect` or `RedirectMatch`.
    ///
    /// # Errors
    /// What cannot be said in nginx.
    pub fn alias(&mut self, target: &Target) -> Result<Made, Refusal> {
        let mut made = Made::default();
        let mut place = Place::Path;
        for part in &target.to.parts {
            match part {
                Part::Literal(bytes) if !target.reparse => {
                    place = if bytes.contains(&b'?') { Place::Query } else { place };
                    made.text.push_literal(bytes);
                }
                Part::Literal(bytes) => {
                    for &byte in bytes.iter() {
                        if matches!(byte, b'?' | b'#') {
                            place = Place::Query;
                        }
                        let text = if place == Place::Query { vec![byte] } else { escape(&[byte]) };
                        made.text.push_literal(&text);
                    }
                }
                other => {
                    let raw = place == Place::Query || !target.reparse;
                    self.part(other, raw, &mut place, &mut made)?;
                }
            }
        }
        if target.rest.is_some() {
            made.groups.insert(1);
            self.encoded_group(1, &mut made);
        }
        let has_mark = made.text.0.iter().any(|piece| matches!(piece, Piece::Literal(bytes) if bytes.contains(&b'?')));
        self.append_unless_present(&target.query, has_mark, &mut made)?;
        Ok(tidy(made))
    }

    fn part(&mut self, part: &Part, raw: bool, place: &mut Place, made: &mut Made) -> Result<(), Refusal> {
        match part {
            Part::Literal(bytes) => bytes.iter().for_each(|&byte| literal_byte(byte, raw, place, made)),
            Part::Capture { store: Store::Pattern, group, escape: Escape::BackReference(_) }
                if self.pattern.is_some_and(|pattern| pattern.group_is_word(*group)) =>
            {
                self.own_group(*group, raw, *place, made)?;
            }
            Part::Capture { escape: Escape::BackReference(_), .. } => {
                return Err(Refusal::new(
                    "nginx cannot escape a captured part the way flag `B` does",
                    "match only characters that need no escaping: `([A-Za-z0-9_-]+)`",
                ));
            }
            Part::Capture { store: Store::Pattern, group, .. } => self.own_group(*group, raw, *place, made)?,
            Part::Capture { group, .. } => self.condition_group(*group, raw, *place, made)?,
            Part::Attribute(attribute) => self.attribute(attribute, raw, *place, made)?,
            Part::Variable(id) => self.variable(id.0, raw, *place, made)?,
            Part::Lookup { .. } => {
                return Err(Refusal::new(
                    "the target is looked up in a table",
                    "turn the table into a `map` and include it in the `http` block",
                ));
            }
            Part::Expression(_) => {
                return Err(Refusal::new(
                    "the target is an expression",
                    "write one redirect for each target it comes to",
                ));
            }
        }
        if let (Place::Authority(slashes), false) = (*place, matches!(part, Part::Literal(_))) {
            *place = Place::Authority(slashes);
        }
        Ok(())
    }

    fn own_group(&mut self, group: u8, raw: bool, place: Place, made: &mut Made) -> Result<(), Refusal> {
        let Some(pattern) = self.pattern else { return Ok(()) };
        if group > pattern.groups() {
            return Ok(());
        }
        if group == 0 {
            return Err(Refusal::new(
                "the whole match is copied (`$0`), which nginx does not name",
                "put the pattern in brackets and copy `$1`",
            ));
        }
        made.groups.insert(group);
        if pattern.group_is_clean(group) || raw || matches!(place, Place::Authority(_)) {
            let clean = pattern.group_is_clean(group);
            made.no_controls |= !clean;
            made.no_blanks |= !clean && place == Place::Query && self.refuses_blanks;
            made.text.push_variable(&format!("part_{group}"));
        } else {
            if place == Place::Path {
                made.assumptions.push(Assumption::NoEncodedQuestionMark);
            }
            self.encoded_group(group, made);
        }
        Ok(())
    }

    fn encoded_group(&mut self, group: u8, made: &mut Made) {
        let name = format!("part_{group}");
        made.before.push(Statement::Set(format!("{name}_encoded"), Text::variable(&group.to_string())));
        let encoded = self.maps.encoded_part(&name);
        made.text.push_variable(&encoded);
        made.assumptions.push(Assumption::EncodedPath);
    }

    fn condition_group(&mut self, group: u8, raw: bool, place: Place, made: &mut Made) -> Result<(), Refusal> {
        let Some(condition) = &self.condition else { return Ok(()) };
        let Some(name) = group_variable(condition, group) else { return Ok(()) };
        let mut cut = condition.1.iter().filter_map(|regex| Source::new(regex));
        if group == 0 {
            return Err(Refusal::new(
                "the whole match of a condition is copied (`%0`), which nginx does not name",
                "put the pattern in brackets and copy `%1`",
            ));
        }
        if raw || matches!(place, Place::Authority(_)) || cut.all(|source| source.group_is_clean(group)) {
            made.text.push_variable(&name);
        } else {
            let escaped = self.maps.percent_encoded(&name);
            made.assumptions.push(Assumption::FewPercents);
            made.text.push_variable(&escaped);
        }
        Ok(())
    }

    fn attribute(&mut self, attribute: &Attribute, raw: bool, place: Place, made: &mut Made) -> Result<(), Refusal> {
        let inside = !matches!(place, Place::Authority(0..=2)) && !raw;
        match attribute {
            Attribute::Path if raw => {
                return Err(Refusal::new(
                    "the path is sent unescaped, which could smuggle a header through nginx",
                    "take flag `NE` away, or match only the characters that a path of this kind holds",
                ));
            }
            Attribute::Path => {
                let name = self.maps.encoded_path();
                made.text.push_variable(&name);
                made.assumptions.push(Assumption::EncodedPath);
            }
            Attribute::Query if inside => {
                let name = self.maps.percent_encoded("args");
                made.assumptions.push(Assumption::FewPercents);
                made.text.push_variable(&name);
            }
            Attribute::Header(name) if inside && &**name != b"host" => {
                return Err(Refusal::new(
                    "a header is copied into the target, and nginx cannot escape it as Apache does",
                    "check the header by a condition, and write what it may be into the target",
                ));
            }
            Attribute::RequestLine | Attribute::RawTarget | Attribute::Filename if inside => {
                return Err(Refusal::new(
                    "nginx cannot escape what is copied here as Apache does",
                    "match only characters that need no escaping: `([A-Za-z0-9/_-]+)`",
                ));
            }
            other => {
                let (text, assumption) = attribute::text(other, self.maps)?;
                made.assumptions.extend(assumption);
                made.text.append(&text);
            }
        }
        Ok(())
    }

    fn variable(&mut self, id: u32, raw: bool, place: Place, made: &mut Made) -> Result<(), Refusal> {
        let Some(text) = self.variables.get(&id) else {
            return Err(Refusal::new(
                "the target holds a variable that is set elsewhere",
                "write one redirect for each value",
            ));
        };
        if self.dirty.contains(&id) && !raw && !matches!(place, Place::Authority(_)) {
            return Err(Refusal::new(
                "the target holds a variable that nginx cannot escape as Apache does",
                "write one redirect for each value",
            ));
        }
        made.text.append(text);
        Ok(())
    }
}

fn literal_byte(byte: u8, raw: bool, place: &mut Place, made: &mut Made) {
    match (*place, byte) {
        (Place::Authority(_) | Place::Path, b'?') => {
            *place = Place::Query;
            made.text.push_literal(b"?");
        }
        (Place::Authority(slashes), _) => {
            *place = match (slashes + u8::from(byte == b'/'), byte) {
                (3, b'/') => Place::Path,
                (now, _) => Place::Authority(now),
            };
            made.text.push_literal(&[byte]);
        }
        _ if raw => made.text.push_literal(&[byte]),
        _ => made.text.push_literal(&escape(&[byte])),
    }
}

fn ends_with_mark(text: &Text) -> bool {
    matches!(text.0.last(), Some(Piece::Literal(bytes)) if bytes.ends_with(b"?"))
}

fn drop_last_byte(text: &mut Text) {
    if let Some(Piece::Literal(bytes)) = text.0.last_mut() {
        bytes.pop();
        if bytes.is_empty() {
            text.0.pop();
        }
    }
}

/// `?$args` is `$is_args$args`; and where nothing in the text can disturb the captures, `$1` says what a named
/// group would.
fn tidy(mut made: Made) -> Made {
    let copied = matches!(made.text.0.as_slice(), [.., Piece::Literal(bytes), Piece::Variable(name)]
        if bytes.ends_with(b"?") && name == "args");
    if copied {
        made.text.0.pop();
        drop_last_byte(&mut made.text);
        made.text.push_variable("is_args");
        made.text.push_variable("args");
    }
    let built_in = ["args", "is_args", "http_host", "host", "scheme", "document_root", "server_port", "request_uri"];
    let harmless = |name: &String| built_in.contains(&name.as_str()) || group_of(name).is_some();
    let quiet = made.text.0.iter().all(|piece| match piece {
        Piece::Variable(name) => harmless(name),
        Piece::Literal(_) => true,
    });
    if quiet {
        for piece in &mut made.text.0 {
            if let Piece::Variable(name) = piece
                && let Some(group) = group_of(name)
            {
                *name = group;
            }
        }
        made.groups.clear();
    }
    made
}

fn group_of(name: &str) -> Option<String> {
    let number = name.strip_prefix("part_")?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.to_owned())
}
