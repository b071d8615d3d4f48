//! What a parser could not read: a description and what to do, at a place.

use crate::source::Span;

/// One thing wrong with the text. Whether the real server refuses the file for it is for `lower` to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The words that are wrong.
    pub span: Span,
    /// What is wrong: lower case, the user's own text in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}
