//! The Apache configuration as data, between the IR and its text.
//!
//! A plan is what the printer prints, no more: order, names and forms are decided before.

use crate::source::Span;

/// A virtual host, or the inside of one.
#[derive(Clone, Debug, Default)]
pub struct Host {
    /// What stands in the tag (`*:80`); `None` for a fragment, which is printed without a section around it.
    pub address: Option<Vec<u8>>,
    /// Lines before the body: names, document root.
    pub head: Vec<Vec<u8>>,
    /// What stands inside.
    pub body: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A comment line, without `#`.
    Comment(Vec<u8>),
    /// An empty line.
    Blank,
    /// Any directive, as it is printed.
    Line(Vec<u8>),
    /// A rule with its conditions.
    Rule(Rule),
}

impl Statement {
    /// The rule it is, if it is one.
    pub fn rule_mut(&mut self) -> Option<&mut Rule> {
        match self {
            Self::Rule(rule) => Some(rule),
            _ => None,
        }
    }
}

/// A `RewriteRule` with its conditions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `RewriteCond` lines, in order.
    pub conditions: Vec<Cond>,
    /// What the path is held against.
    pub pattern: Vec<u8>,
    /// The target as it is written; `None` is `-`.
    pub to: Option<Vec<u8>>,
    /// Flags in the order in which they are printed.
    pub flags: Vec<String>,
    /// Skips to the end of the server's own list, whose length is known only later.
    pub to_locations: bool,
    /// The directive that says the same without mod_rewrite, where there is one.
    pub instead: Option<Instead>,
}

/// A directive in place of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Instead {
    /// A redirect of mod_alias.
    Alias(Vec<u8>),
    /// A `FallbackResource`, for the directive of the source that looks for files.
    Fallback(Vec<u8>, Span),
}

impl Rule {
    /// Whether it answers the request itself.
    pub fn answers(&self) -> bool {
        self.flags.iter().any(|flag| flag.starts_with("R=") || flag == "F" || flag == "G")
    }
}

/// A `RewriteCond`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cond {
    /// The test string as it is written.
    pub test: Vec<u8>,
    /// The pattern, without `!`.
    pub pattern: Vec<u8>,
    /// Turned round.
    pub negated: bool,
    /// Case is ignored.
    pub ignore_case: bool,
    /// Joined with the next one by *or*.
    pub or: bool,
}

impl Cond {
    /// A condition that holds where the text matches.
    pub fn new(test: &[u8], pattern: Vec<u8>, negated: bool) -> Self {
        Self { test: test.to_vec(), pattern, negated, ignore_case: false, or: false }
    }
}
