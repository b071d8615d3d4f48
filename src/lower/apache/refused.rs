//! Why a directive is not accepted, before it is known how far that reaches.

use crate::source::Span;

/// What httpd says about a directive it does not accept, and the words meant.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The words it stops at.
    pub span: Span,
    /// Its message.
    pub message: String,
}

impl Refused {
    /// A refusal of the words at `span`.
    pub fn at(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }
}

/// Bytes of a configuration as they may stand in a message.
pub fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
