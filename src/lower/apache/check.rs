//! What the directive table alone can say against a line: unknown names, wrong place, wrong number of words.

use super::load::Loaded;
use crate::ir::Refusal;
use crate::source::Sources;

/// The classes of directives that `AllowOverride` gives to a `.htaccess`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Override(pub u8);

impl Override {
    /// `AllowOverride None`.
    pub const NONE: Self = Self(0);
    /// `AuthConfig`.
    pub const AUTH_CONFIG: Self = Self(1);
    /// `FileInfo`.
    pub const FILE_INFO: Self = Self(2);
    /// `Indexes`.
    pub const INDEXES: Self = Self(4);
    /// `Limit`.
    pub const LIMIT: Self = Self(8);
    /// `Options`.
    pub const OPTIONS: Self = Self(16);
    /// `AllowOverride All`.
    pub const ALL: Self = Self(31);

    /// Whether any class of `other` is in it.
    pub fn allows(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The kind of file that is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The server's configuration, or a fragment of it.
    Server,
    /// A `.htaccess`, under an `AllowOverride` and the single names of `AllowOverrideList` (lower case).
    Htaccess {
        /// The classes allowed.
        allow: Override,
        /// Directives allowed by name.
        list: Vec<Box<[u8]>>,
    },
}

/// Every refusal that the table gives rise to, in reading order.
pub fn check(_loaded: &Loaded, _sources: &Sources, _frame: &Frame) -> Vec<Refusal> {
    Vec::new()
}
