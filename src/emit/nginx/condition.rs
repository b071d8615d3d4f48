//! Guards of the IR as formulas over nginx variables.

use super::attribute;
use super::client;
use super::formula::{Formula, Leaf};
use super::maps::Maps;
use super::plan::{Key, Statement, Test as If};
use super::regex::{self, Source, Subject as Against};
use super::text::{Piece, Text};
use crate::emit::{Assumption, Refusal};
use crate::ir::Bytes;
use crate::ir::clause::{Match, Store, Subject};
use crate::ir::condition::{Condition, FileTest, Order, Test, TestKind};
use crate::ir::expr::Expr;
use crate::ir::pattern::{Pattern, Regex};
use crate::ir::template::{Attribute, Part, Template};
use std::collections::BTreeMap;

/// What conditions are read with.
pub struct Reader<'a> {
    /// Tables made so far.
    pub maps: &'a mut Maps,
    /// What the configuration's variables hold at this point.
    pub variables: &'a BTreeMap<u32, Text>,
    /// How many groups the clause's own pattern has; none where it is negated.
    pub own_count: u8,
    /// Those of them that are read.
    pub own_groups: &'a mut Vec<u8>,
    /// The name under which groups of the capturing condition are kept.
    pub groups: Option<String>,
    /// Statements that have to run before the formula is looked at.
    pub before: Vec<Statement>,
    /// What is taken for granted.
    pub assumptions: Vec<Assumption>,
}

type Read = Result<Formula, Refusal>;

impl Reader<'_> {
    /// A tree of tests. `negated`: its opposite.
    ///
    /// # Errors
    /// What cannot be said in nginx.
    pub fn condition(&mut self, condition: &Condition, negated: bool) -> Read {
        match condition {
            Condition::All(parts) => self.parts(parts, negated, true),
            Condition::Any(parts) => self.parts(parts, negated, false),
            Condition::Trailing(_) => Ok(if negated { Formula::FALSE() } else { Formula::TRUE() }),
            Condition::Test(test) => self.test(test, negated),
        }
    }

    fn parts(&mut self, parts: &[Condition], negated: bool, all: bool) -> Read {
        if let Some(networks) = client::networks(parts).filter(|networks| !all && !networks.is_empty()) {
            return self.client_in(&networks, negated);
        }
        let parts = parts.iter().map(|part| self.condition(part, negated)).collect::<Result<Vec<_>, _>>()?;
        Ok(if all != negated { Formula::All(parts) } else { Formula::Any(parts) })
    }

    fn test(&mut self, test: &Test, negated: bool) -> Read {
        let negated = negated != test.negated;
        match &test.kind {
            TestKind::Matches(inner) => self.matches(inner, negated),
            TestKind::Equals(left, right) => {
                let value = right.as_literal().ok_or(Refusal::new(
                    "both sides of the comparison are variable",
                    "join both into one text, and match `^(.*) \\1$`",
                ))?;
                let source = self.template(left)?;
                Ok(equals(source, value, false, negated))
            }
            TestKind::Truthy(text) => {
                let source = self.template(text)?;
                Ok(Formula::Leaf(Leaf { source, keys: vec![literal(b""), literal(b"0")], wanted: negated }))
            }
            TestKind::Compare { subject, order, operand, ignore_case } => {
                let source = self.template(subject)?;
                self.compare(source, *order, operand, *ignore_case, negated)
            }
            TestKind::Numbers { subject, order: Order::Equal | Order::NotEqual, operand } => {
                let source = self.template(subject)?;
                let order_negated = matches!(&test.kind, TestKind::Numbers { order: Order::NotEqual, .. });
                let pattern = format!(r"^\s*[+]?0*{operand}(?!\d)");
                let keys = vec![Key::Pattern(pattern.into_bytes(), false)];
                Ok(Formula::Leaf(Leaf { source, keys, wanted: negated == order_negated }))
            }
            TestKind::Numbers { .. } => Err(Refusal::new(
                "nginx does not compare numbers",
                "write an expression that matches the numbers meant",
            )),
            TestKind::File { subject, test } => self.file(subject, *test, negated),
            TestKind::Expression(expr) | TestKind::ExpressionInto(expr, _) => self.expression(expr, negated),
            TestKind::IsSet(id) => self.is_set(id.0, negated),
            TestKind::User(_) => Err(Refusal::new("it asks who the client is", "ask with `auth_basic`")),
            TestKind::Unknown(what) => Err(format!("it depends on {what}").into()),
        }
    }

    /// Whether an environment variable is there at all: known where it is never set to nothing.
    fn is_set(&mut self, id: u32, negated: bool) -> Read {
        let value = self.variables.get(&id).ok_or(Refusal::new(
            "it depends on a variable that is set elsewhere",
            "write what sets the variable as a `map` in the `http` block",
        ))?;
        match (value.as_literal(), value.as_variable()) {
            (Some(text), _) => Ok(if text.is_empty() == negated { Formula::TRUE() } else { Formula::FALSE() }),
            (None, Some(name)) if self.maps.tells_unset(name) => Ok(equals(value.clone(), b"", false, !negated)),
            _ => Err(Refusal::new(
                "nginx cannot tell an unset variable from an empty one",
                "set it to `1`, and test for that",
            )),
        }
    }

    fn compare(&mut self, source: Text, order: Order, operand: &[u8], ignore_case: bool, negated: bool) -> Read {
        match order {
            Order::Equal => Ok(equals(source, operand, ignore_case, negated)),
            Order::NotEqual => Ok(equals(source, operand, ignore_case, !negated)),
            // with Apache's lexical order nothing is less than the empty text, and everything else is greater
            Order::Greater if operand.is_empty() => Ok(equals(source, b"", false, !negated)),
            Order::LessOrEqual if operand.is_empty() => Ok(equals(source, b"", false, negated)),
            _ => Err(Refusal::new(
                "nginx does not compare texts by length and order",
                "write an expression that matches the texts meant",
            )),
        }
    }

    /// A text against a pattern.
    ///
    /// # Errors
    /// What cannot be said in nginx.
    pub fn matches(&mut self, test: &Match, negated: bool) -> Read {
        let negated = negated != test.negated;
        if let Some(Attribute::Encrypted(yes, no)) = test.attribute() {
            return constants(yes, no, &test.pattern, negated);
        }
        let source = match &test.subject {
            Subject::Path => Text::variable("uri"),
            Subject::Text(template) => self.template(template)?,
            Subject::HeaderOrVariable { name, variable, .. } => {
                self.template(&Template::header_then_variable(name, *variable))?
            }
            Subject::Rewritten => {
                return Err(Refusal::new(
                    "the text under rewriting is looked at in a condition",
                    "test the path that was asked for instead",
                ));
            }
            Subject::HeadersNamed(_) => {
                return Err(Refusal::new(
                    "nginx does not look through headers by pattern",
                    "write one condition for each header",
                ));
            }
        };
        self.pattern(source, &test.pattern, negated)
    }

    /// A text against a pattern.
    fn pattern(&mut self, source: Text, pattern: &Pattern, negated: bool) -> Read {
        match pattern {
            Pattern::Any => Ok(if negated { Formula::FALSE() } else { Formula::TRUE() }),
            Pattern::Exact(bytes) => Ok(equals(source, bytes, false, negated)),
            Pattern::ExactNoCase(bytes) => Ok(equals(source, bytes, true, negated)),
            Pattern::Prefix(bytes) => {
                let keys = vec![Key::Pattern([b"^", regex::escaped(bytes).as_slice()].concat(), false)];
                Ok(Formula::Leaf(Leaf { source, keys, wanted: !negated }))
            }
            Pattern::Regex(regex) => self.regex(source, regex, negated),
            Pattern::Segments(bytes) => {
                let keys = vec![Key::Pattern(super::target::segments(bytes), false)];
                Ok(Formula::Leaf(Leaf { source, keys, wanted: !negated }))
            }
            Pattern::Glob(_) => Err(Refusal::new("nginx has no shell patterns", "write the pattern as an expression")),
        }
    }

    fn regex(&mut self, source: Text, regex: &Regex, negated: bool) -> Read {
        let cut = Source::new(regex).ok_or("the expression has options that nginx does not know")?;
        if cut.matches_all() && self.groups.is_none() {
            return Ok(if negated { Formula::FALSE() } else { Formula::TRUE() });
        }
        let names: Vec<_> = match (&self.groups, negated) {
            (Some(_), false) if cut.groups() > 0 && source.as_literal().is_some() => {
                return Err("the condition looks at a fixed text".into());
            }
            (Some(stem), false) => (1..=cut.groups()).map(|group| (group, format!("{stem}_{group}"))).collect(),
            _ => Vec::new(),
        };
        let exact =
            cut.exact_any_case().filter(|text| regex.options.caseless || !text.iter().any(u8::is_ascii_alphabetic));
        let mut keys = match exact {
            Some(text) => vec![literal(&text)],
            None => {
                let pattern = cut.pattern(Against::Same, &names);
                vec![Key::Pattern(pattern.text, pattern.ignore_case)]
            }
        };
        // nginx tries no expression on an empty source
        let empty = regex.compiled().map_err(ToString::to_string)?.is_match(b"").unwrap_or(false);
        if empty && !keys.contains(&literal(b"")) {
            keys.push(literal(b""));
        }
        Ok(Formula::Leaf(Leaf { source, keys, wanted: !negated }))
    }

    /// A text of the IR as nginx text.
    ///
    /// # Errors
    /// What nginx does not know.
    pub fn template(&mut self, template: &Template) -> Result<Text, Refusal> {
        let mut out = Text::default();
        for part in &template.parts {
            match part {
                Part::Literal(bytes) => out.push_literal(bytes),
                Part::Attribute(attribute) => {
                    let (text, assumption) = attribute::text(attribute, self.maps)?;
                    self.assumptions.extend(assumption);
                    out.append(&text);
                }
                Part::Variable(id) => match self.variables.get(&id.0) {
                    Some(text) => out.append(text),
                    None => {
                        return Err(Refusal::new(
                            "it depends on a variable that is set elsewhere",
                            "write what sets the variable as a `map` in the `http` block",
                        ));
                    }
                },
                Part::Capture { store: Store::Pattern, group: 0, .. } => return Err(super::paths::whole_match()),
                // a group that is not there is empty
                Part::Capture { store: Store::Pattern, group, .. } if *group > self.own_count => {}
                Part::Capture { store: Store::Pattern, group, .. } => {
                    self.own_groups.push(*group);
                    out.push_variable(&format!("part_{group}"));
                }
                Part::Capture { .. } => {
                    return Err(Refusal::new(
                        "a condition reads what an earlier condition matched",
                        "join both conditions into one expression over both texts",
                    ));
                }
                Part::Lookup { .. } => {
                    return Err(Refusal::new(
                        "it looks something up in a table",
                        "turn the table into a `map` in the `http` block",
                    ));
                }
                Part::Expression(expr) => {
                    let text = self.word(expr)?;
                    out.append(&text);
                }
            }
        }
        Ok(out)
    }

    fn file(&mut self, subject: &Template, test: FileTest, negated: bool) -> Read {
        let path = self.template(subject)?;
        let wanted: &[&[u8]] = match test {
            FileTest::File | FileTest::NonEmptyFile => &[b"file"],
            FileTest::Directory => &[b"folder"],
            FileTest::Exists => &[b"file", b"folder"],
            FileTest::Symlink => return Ok(if negated { Formula::TRUE() } else { Formula::FALSE() }),
            FileTest::Executable => {
                return Err(Refusal::new(
                    "nginx tests the owner's execute bit alone",
                    "test for a file (`-f`), or run the script by a `location` of its own",
                ));
            }
            FileTest::ReachableFile | FileTest::ReachableUrl => {
                return Err(Refusal::new(
                    "nginx makes no sub-request to test a file",
                    "test for a file (`-f`) instead",
                ));
            }
        };
        let name = self.on_disk(&path);
        let keys = wanted.iter().map(|word| literal(word)).collect();
        Ok(Formula::Leaf(Leaf { source: Text::variable(&name), keys, wanted: !negated }))
    }

    /// The variable that says what lies at a path; it is set by statements before the clause.
    fn on_disk(&mut self, path: &Text) -> String {
        if path.as_variable() == Some("request_filename") {
            self.push_disk_test("on_disk", path);
            return "on_disk".to_owned();
        }
        let name = self.maps.fresh("on_disk");
        self.push_disk_test(&name, path);
        name
    }

    fn push_disk_test(&mut self, name: &str, path: &Text) {
        self.before.push(Statement::Set(name.to_owned(), Text::default()));
        for (flag, word) in [("-f", "file"), ("-d", "folder")] {
            let set = Statement::Set(name.to_owned(), Text::literal(word.as_bytes()));
            self.before.push(Statement::If(If::File(flag, path.clone()), vec![set]));
        }
    }

    fn expression(&mut self, expr: &Expr, negated: bool) -> Read {
        match expr {
            Expr::Bool(value) => Ok(if *value != negated { Formula::TRUE() } else { Formula::FALSE() }),
            Expr::Not(inner) => self.expression(inner, !negated),
            Expr::And(left, right) | Expr::Or(left, right) => {
                let parts = vec![self.expression(left, negated)?, self.expression(right, negated)?];
                let all = matches!(expr, Expr::And(..)) != negated;
                Ok(if all { Formula::All(parts) } else { Formula::Any(parts) })
            }
            Expr::Strings(left, order @ (Order::Equal | Order::NotEqual), right) => {
                let (left, right) = (self.word(left)?, self.word(right)?);
                let negated = negated != (*order == Order::NotEqual);
                match (left.as_literal(), right.as_literal()) {
                    (_, Some(value)) => Ok(equals_or_state(left.clone(), value, negated)),
                    (Some(value), None) => Ok(equals_or_state(right.clone(), value, negated)),
                    _ => Err(Refusal::new(
                        "both sides of the comparison are variable",
                        "join both into one text, and match `^(.*) \\1$`",
                    )),
                }
            }
            Expr::Match(left, regex, flipped) => {
                let source = self.word(left)?;
                self.regex(source, regex, negated != *flipped)
            }
            Expr::In(left, list) => {
                let source = self.word(left)?;
                let mut parts = Vec::new();
                for one in list {
                    let word = self.word(one)?;
                    let value = word.as_literal().ok_or("the list holds variables")?;
                    parts.push(equals(source.clone(), value, false, negated));
                }
                Ok(if negated { Formula::All(parts) } else { Formula::Any(parts) })
            }
            Expr::NonEmpty(inner, wanted) => {
                let source = self.word(inner)?;
                Ok(equals(source, b"", false, *wanted != negated))
            }
            Expr::File(test, inner) => {
                let path = self.word(inner)?;
                if !matches!(test, FileTest::File | FileTest::Directory | FileTest::Exists) {
                    return Err(Refusal::new(
                        "nginx does not have this test of files",
                        "test for a file (`-f`) or folder (`-d`) instead",
                    ));
                }
                let name = self.on_disk(&path);
                let keys = match test {
                    FileTest::File => vec![literal(b"file")],
                    FileTest::Directory => vec![literal(b"folder")],
                    _ => vec![literal(b"file"), literal(b"folder")],
                };
                Ok(Formula::Leaf(Leaf { source: Text::variable(&name), keys, wanted: !negated }))
            }
            Expr::IpMatch(address, network) if client::is_client(address) => self.client_in(&[&network.text], negated),
            _ => Err("the expression has no counterpart in nginx".into()),
        }
    }

    fn word(&mut self, expr: &Expr) -> Result<Text, Refusal> {
        match expr {
            Expr::Literal(bytes) => Ok(Text::literal(bytes)),
            Expr::Attribute(attribute) => {
                let (text, assumption) = attribute::text(attribute, self.maps)?;
                self.assumptions.extend(assumption);
                Ok(text)
            }
            Expr::Concat(parts) => {
                let mut out = Text::default();
                for part in parts {
                    let text = self.word(part)?;
                    out.append(&text);
                }
                Ok(out)
            }
            Expr::Template(template) => self.template(template),
            Expr::Function(crate::ir::expr::Function::RequestHeader, name) => match &**name {
                Expr::Literal(name) => {
                    let lower: Bytes = name.to_ascii_lowercase().into();
                    Ok(attribute::text(&Attribute::Header(lower), self.maps)?.0)
                }
                _ => Err(Refusal::new("the name of the header is variable", "write one rule for each header")),
            },
            _ => Err("the expression has no counterpart in nginx".into()),
        }
    }
}

fn literal(bytes: &[u8]) -> Key {
    Key::Literal(bytes.to_vec())
}

/// Byte equality. Keys of a `map` ignore case, so letters need an expression.
fn equals(source: Text, value: &[u8], ignore_case: bool, negated: bool) -> Formula {
    let key = if ignore_case || !value.iter().any(u8::is_ascii_alphabetic) {
        literal(value)
    } else {
        Key::Pattern([b"^", regex::escaped(value).as_slice(), b"\\z"].concat(), false)
    };
    Formula::Leaf(Leaf { source, keys: vec![key], wanted: !negated })
}

fn equals_or_state(source: Text, value: &[u8], negated: bool) -> Formula {
    equals(source, value, false, negated)
}

/// A test of something that has two values only is decided here.
fn constants(yes: &[u8], no: &[u8], pattern: &Pattern, negated: bool) -> Read {
    let holds = |text: &[u8]| -> Result<bool, Refusal> {
        match pattern {
            Pattern::Any => Ok(true),
            Pattern::Exact(bytes) => Ok(&**bytes == text),
            Pattern::ExactNoCase(bytes) => Ok(bytes.eq_ignore_ascii_case(text)),
            Pattern::Prefix(bytes) => Ok(text.starts_with(bytes)),
            Pattern::Regex(regex) => {
                let compiled = regex.compiled().map_err(ToString::to_string)?;
                Ok(compiled.is_match(text).unwrap_or(false))
            }
            Pattern::Segments(_) | Pattern::Glob(_) => {
                Err(Refusal::new("nginx has no such pattern", "write the pattern as an expression"))
            }
        }
    };
    let secure = |wanted| Formula::Leaf(Leaf { source: Text::variable("https"), keys: vec![literal(b"on")], wanted });
    match (holds(yes)? != negated, holds(no)? != negated) {
        (true, true) => Ok(Formula::TRUE()),
        (false, false) => Ok(Formula::FALSE()),
        (yes, _) => Ok(secure(yes)),
    }
}

/// Whether a condition asks for a `?` in the request line.
pub fn names_question_mark(condition: &Condition) -> bool {
    match condition {
        Condition::Test(test) => match &test.kind {
            TestKind::Matches(inner) => match (inner.attribute(), &inner.pattern) {
                (Some(Attribute::RequestLine | Attribute::RawTarget), Pattern::Regex(regex)) => {
                    [&b"?]"[..], b"[?", b"\\?"].iter().any(|mark| memchr::memmem::find(&regex.text, mark).is_some())
                }
                _ => false,
            },
            _ => false,
        },
        Condition::Any(parts) | Condition::Trailing(parts) | Condition::All(parts) => {
            parts.iter().any(names_question_mark)
        }
    }
}

/// Whether a text reads a variable.
pub fn reads(text: &Text, name: &str) -> bool {
    text.0.iter().any(|piece| matches!(piece, Piece::Variable(variable) if variable == name))
}
