//! The nginx configuration as data, between the IR and its text.
//!
//! A plan is what the printer prints, no more: order, names and forms are decided before.

use super::text::Text;
use std::collections::BTreeSet;

/// Everything that is printed.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Blocks for the `http` level.
    pub http: Vec<Table>,
    /// Bodies of servers; a fragment has one without a head.
    pub servers: Vec<Server>,
}

impl Plan {
    /// Drops tables that nothing reads: what asked for them was left out, and so may be what sets their source.
    pub fn drop_unread(&mut self) {
        let mut read = BTreeSet::new();
        self.servers.iter().flat_map(|server| &server.body).for_each(|statement| statement.reads(&mut read));
        loop {
            let (used, rest): (Vec<_>, Vec<_>) = self.http.iter().partition(|table| read.contains(&table.name));
            let before = read.len();
            used.iter().for_each(|table| table.reads(&mut read));
            if rest.is_empty() || read.len() == before {
                break;
            }
        }
        self.http.retain(|table| read.contains(&table.name));
    }
}

/// A server block, or its inside.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// `None` for a fragment, which is printed without a block around it.
    pub head: Option<Head>,
    /// What stands inside.
    pub body: Vec<Statement>,
}

/// The head of a server block.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// `listen` and `server_name`, in which nginx fills nothing in.
    pub lines: Vec<Vec<u8>>,
    /// Where files and certificates lie.
    pub settings: Vec<Statement>,
}

/// A `map` or a `geo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// What the table is for, one line.
    pub note: Option<String>,
    /// What is looked up; `None` for a `geo`, which looks at the client's address.
    pub source: Option<Text>,
    /// The variable it defines.
    pub name: String,
    /// Looked up at each use.
    pub volatile: bool,
    /// Keys and values, in order.
    pub rows: Vec<(Key, Text)>,
}

/// A key of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// These bytes, in either case.
    Literal(Vec<u8>),
    /// A regular expression, and whether case is ignored.
    Pattern(Vec<u8>, bool),
    /// Everything else.
    Default,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A comment line, without `#`.
    Comment(Vec<u8>),
    /// An empty line.
    Blank,
    /// `set $name value;`
    Set(String, Text),
    /// `if (…) { … }`
    If(Test, Vec<Statement>),
    /// `return code [text];`
    Return(u16, Option<Text>),
    /// `rewrite pattern to [flag];`
    Rewrite(Vec<u8>, Text, &'static str),
    /// `location … { … }`
    Location(Place, Vec<Statement>),
    /// Any other directive: its words.
    Plain(&'static str, Vec<Text>),
}

/// What an `if` tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Not empty and not `0`.
    True(String),
    /// Equal bytes.
    Equals(String, Text),
    /// A regular expression; whether case is ignored.
    Matches(String, Vec<u8>, bool),
    /// `-f`, `-d`, `-e`, `-x`.
    File(&'static str, Text),
}

/// What a location answers for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// `= path`
    Exact(Vec<u8>),
    /// `~ pattern` or `~* pattern`
    Pattern(Vec<u8>, bool),
    /// A prefix.
    Prefix(Vec<u8>),
    /// `@name`
    Named(&'static str),
}

impl Table {
    /// A `map` without a note.
    pub fn map(source: Text, name: &str, rows: Vec<(Key, Text)>) -> Self {
        Self { note: None, source: Some(source), name: name.to_owned(), volatile: false, rows }
    }

    /// A `geo` without a note.
    pub fn geo(name: &str, rows: Vec<(Key, Text)>) -> Self {
        Self { note: None, source: None, name: name.to_owned(), volatile: false, rows }
    }

    /// Adds the names of the variables that it looks up or gives.
    fn reads(&self, into: &mut BTreeSet<String>) {
        self.source.iter().for_each(|source| source.reads(into));
        self.rows.iter().for_each(|(_, value)| value.reads(into));
    }
}

impl Statement {
    /// Whether both are locations for the same requests, which nginx refuses.
    pub fn is_for_place_of(&self, other: &Self) -> bool {
        matches!((self, other), (Statement::Location(own, _), Statement::Location(place, _)) if own == place)
    }

    /// Adds the names of the variables that it reads.
    fn reads(&self, into: &mut BTreeSet<String>) {
        match self {
            Statement::Comment(_) | Statement::Blank | Statement::Return(_, None) => {}
            Statement::Set(_, text) | Statement::Return(_, Some(text)) | Statement::Rewrite(_, text, _) => {
                text.reads(into);
            }
            Statement::If(test, body) => {
                test.reads(into);
                body.iter().for_each(|inner| inner.reads(into));
            }
            Statement::Location(_, body) => body.iter().for_each(|inner| inner.reads(into)),
            Statement::Plain(_, words) => words.iter().for_each(|word| word.reads(into)),
        }
    }
}

impl Test {
    fn reads(&self, into: &mut BTreeSet<String>) {
        match self {
            Test::True(name) | Test::Matches(name, ..) => drop(into.insert(name.clone())),
            Test::Equals(name, text) => {
                into.insert(name.clone());
                text.reads(into);
            }
            Test::File(_, text) => text.reads(into),
        }
    }
}
