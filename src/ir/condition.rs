//! Tests over a request: the guards of clauses.

use super::clause::Match;
use super::expr::Expr;
use super::template::Template;
use crate::source::Span;

/// A tree of tests. Evaluation is left to right and stops as soon as the result is known, which is visible
/// in the captures that later text reads.
#[derive(Debug)]
pub enum Condition {
    /// All of them; empty is true.
    All(Vec<Condition>),
    /// Any of them; empty is false. A chain of Apache's `[OR]` whose last member is false is still true
    /// (`apply_rewrite_rule`): that is [`Condition::Trailing`].
    Any(Vec<Condition>),
    /// A group of alternatives closed by nothing: evaluated for its captures, always true.
    Trailing(Vec<Condition>),
    /// One test.
    Test(Box<Test>),
}

/// One test at its place.
#[derive(Debug)]
pub struct Test {
    /// The words it comes from.
    pub span: Span,
    /// What is asked.
    pub kind: TestKind,
    /// Whether the answer is turned round.
    pub negated: bool,
}

/// What a test asks.
#[derive(Debug)]
pub enum TestKind {
    /// Text against a pattern; sets captures.
    Matches(Match),
    /// Text against other text, byte for byte, the right side interpolated too (nginx `=`).
    Equals(Template, Template),
    /// Not empty and not `0`.
    Truthy(Template),
    /// Apache's lexical comparison: the longer string is the greater one, unless case is ignored.
    Compare {
        /// Left side.
        subject: Template,
        /// Relation asked for.
        order: Order,
        /// Right side.
        operand: super::Bytes,
        /// Compare as `strcasecmp` does.
        ignore_case: bool,
    },
    /// As whole numbers; text without digits is 0.
    Numbers {
        /// Left side.
        subject: Template,
        /// Relation asked for.
        order: Order,
        /// Right side.
        operand: i64,
    },
    /// A test of the file system.
    File {
        /// The path as it stands after interpolation.
        subject: Template,
        /// What is asked of it.
        test: FileTest,
    },
    /// A boolean expression.
    Expression(Expr),
    /// The same; where it is true, its captures go to a register file.
    ExpressionInto(Expr, Option<super::clause::Store>),
    /// A variable that is set, even to nothing.
    IsSet(super::VarId),
    /// The client has proved to be one of these users, or anyone where none is named. Where it cannot have, the scope's
    /// way of asking for credentials answers.
    User(Box<[super::Bytes]>),
    /// Cannot be decided here; the text says what it depends on.
    Unknown(String),
}

/// A relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Order {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A question to the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileTest {
    /// A regular file.
    File,
    /// A regular file that is not empty.
    NonEmptyFile,
    /// A folder.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Anything at all.
    Exists,
    /// Executable: any execute bit (Apache), the owner's (nginx); folders too.
    Executable,
    /// A file sub-request would succeed (`-F`).
    ReachableFile,
    /// A URL sub-request would succeed (`-U`).
    ReachableUrl,
}
