//! What a person is told: findings, their places, their proof and their repair.
//!
//! Pure data. Who finds something (rules), how it looks (report) and how it is repaired (fix) are other modules.

pub mod fingerprint;

use crate::source::{FileId, Span};

/// How bad a finding is. The order is the order of badness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Advice.
    Info,
    /// Almost always a mistake, though a legitimate set-up exists.
    Warning,
    /// For the request shown, the server really answers wrongly or dangerously.
    Error,
}

/// How sure a rule is; severities are lowered by it before they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// A heuristic: info at most.
    Possible,
    /// Rests on an assumption at its documented default: one step down, never above warning.
    Likely,
    /// Shown by a replayed request, every test on its way decided.
    Proven,
}

impl Confidence {
    /// The severity a finding of this confidence is reported at.
    pub fn lower(self, severity: Severity) -> Severity {
        match (self, severity) {
            (Self::Proven, severity) => severity,
            (Self::Likely, Severity::Error) => Severity::Warning,
            (Self::Likely | Self::Possible, _) => Severity::Info,
        }
    }
}

/// A place with a word on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// The exact words meant.
    pub span: Span,
    /// What to say at them; may be empty on a primary label.
    pub message: String,
}

impl Label {
    /// A label with a message.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into() }
    }
}

/// Whether a fix may be applied without a human.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Applicability {
    /// Every answer stays the same except the one complained of; checked again before writing.
    Safe,
    /// Needs a human's yes.
    Unsafe,
    /// Only shown, never applied.
    Display,
}

/// Replaces the bytes of a span.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edit {
    /// What is replaced; an empty span inserts.
    pub span: Span,
    /// What stands there afterwards.
    pub text: Vec<u8>,
}

/// A repair: edits that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fix {
    /// Whether it may be applied on its own.
    pub applicability: Applicability,
    /// What it does, as an imperative: "add `L`".
    pub message: String,
    /// Non-overlapping edits, possibly in several files.
    pub edits: Vec<Edit>,
}

/// One answer seen on the way of a witness.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observed {
    /// Status sent; `None` where the request reaches content on an unknown file system.
    pub status: Option<u16>,
    /// The exact `Location`, if one is sent.
    pub location: Option<Vec<u8>>,
}

/// A request that shows the defect when it is replayed with `redirlint trace`, and on the real server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    /// Request method.
    pub method: String,
    /// Absolute URL, sent as typed.
    pub url: Vec<u8>,
    /// Headers beside `Host`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// What was assumed of the world (`file:/x` absent …), in words.
    pub assumptions: Vec<String>,
    /// The answers, hop by hop.
    pub observed: Vec<Observed>,
}

impl Witness {
    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let headers = self.headers.iter().flat_map(|(name, value)| [name.as_bytes(), value]);
        let sent = self.observed.iter().filter_map(|seen| seen.location.as_deref());
        let assumed = self.assumptions.iter().map(String::as_bytes);
        headers.chain(sent).chain(assumed).chain([&*self.url, self.method.as_bytes()])
    }
}

/// One thing worth telling. Cannot be made without a primary place: see [`Finding::new`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// Name of the rule, kebab-case.
    pub rule: &'static str,
    /// Severity after confidence and configuration.
    pub severity: Severity,
    /// One sentence: what is wrong.
    pub message: String,
    /// The words it is about.
    pub primary: Label,
    /// Other places that belong to it.
    pub related: Vec<Label>,
    /// What to do, as one sentence.
    pub help: Option<String>,
    /// The proof, for findings about behaviour.
    pub witness: Option<Witness>,
    /// The repair, where one is known.
    pub fix: Option<Fix>,
}

impl Finding {
    /// A finding at a place; everything else is optional.
    pub fn new(rule: &'static str, severity: Severity, message: impl Into<String>, at: Span) -> Self {
        Self {
            rule,
            severity,
            message: message.into(),
            primary: Label::new(at, ""),
            related: Vec::new(),
            help: None,
            witness: None,
            fix: None,
        }
    }

    /// Every text in it: what is told, the proof and the repair.
    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let labels = self.related.iter().chain([&self.primary]).map(|label| &label.message);
        let fix = self.fix.iter().map(|fix| &fix.message);
        let told = labels.chain([&self.message]).chain(&self.help).chain(fix).map(String::as_bytes);
        let edits = self.fix.iter().flat_map(|fix| &fix.edits).map(|edit| &*edit.text);
        told.chain(edits).chain(self.witness.iter().flat_map(Witness::texts))
    }

    /// The file the finding is reported in.
    pub fn file(&self) -> FileId {
        self.primary.span.file
    }
}
