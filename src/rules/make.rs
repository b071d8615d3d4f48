//! Making findings: severity by confidence, the proof beside the claim, edits.
//!
//! Every finding about behaviour goes through [`proven`], [`by_proof`] or [`shown`], so that none is above info
//! without a request that shows it.

use super::Rule;
use crate::analysis::Facts;
use crate::analysis::routes::Route;
use crate::analysis::witness::{Proof, confidence_of, witness_of};
use crate::diagnostic::{Applicability, Confidence, Edit, Finding, Fix, Label, Severity};
use crate::eval::follow::Journey;
use crate::source::Span;

/// A finding about the text itself, true whatever is requested.
pub fn certain(rule: &Rule, message: impl Into<String>, at: Span) -> Finding {
    Finding::new(rule.name, rule.severity, message, at)
}

/// A finding of a given confidence without a request (a heuristic, something absent).
pub fn with_confidence(rule: &Rule, confidence: Confidence, message: impl Into<String>, at: Span) -> Finding {
    Finding::new(rule.name, confidence.lower(rule.severity), message, at)
}

/// A finding about what a route answers, with the first request that reaches it. Where none was found it is
/// info at most; where the answer rests on an assumption it is one step down.
pub fn proven(facts: &Facts<'_>, rule: &Rule, route: &Route<'_>, message: impl Into<String>) -> Finding {
    match facts.proofs(route).first() {
        Some(proof) => by_proof(rule, proof, message, route.span),
        None => with_confidence(rule, Confidence::Possible, message, route.span),
    }
}

/// A finding that this request and its answer show.
pub fn by_proof(rule: &Rule, proof: &Proof, message: impl Into<String>, at: Span) -> Finding {
    let mut finding = with_confidence(rule, proof.confidence(), message, at);
    finding.witness = Some(proof.witness());
    finding
}

/// A finding that a journey shows.
pub fn shown(rule: &Rule, journey: &Journey, message: impl Into<String>, at: Span) -> Finding {
    let mut finding = with_confidence(rule, confidence_of(journey), message, at);
    finding.witness = Some(witness_of(journey));
    finding
}

/// Builder steps for a finding.
pub trait Also: Sized {
    /// What to do.
    #[must_use]
    fn help(self, text: impl Into<String>) -> Self;
    /// Another place that belongs to it.
    #[must_use]
    fn related(self, at: Span, text: impl Into<String>) -> Self;
    /// A word on the primary place.
    #[must_use]
    fn label(self, text: impl Into<String>) -> Self;
    /// At most this severe.
    #[must_use]
    fn at_most(self, severity: Severity) -> Self;
    /// A repair.
    #[must_use]
    fn fix(self, applicability: Applicability, text: impl Into<String>, edits: Vec<Edit>) -> Self;
    /// A repair, where the text allows one.
    #[must_use]
    fn mend(self, applicability: Applicability, text: impl Into<String>, edits: Option<Vec<Edit>>) -> Self {
        match edits {
            Some(edits) => self.fix(applicability, text, edits),
            None => self,
        }
    }
}

impl Also for Finding {
    fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    fn related(mut self, at: Span, text: impl Into<String>) -> Self {
        self.related.push(Label::new(at, text));
        self
    }

    fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.message = text.into();
        self
    }

    fn at_most(mut self, severity: Severity) -> Self {
        self.severity = self.severity.min(severity);
        self
    }

    fn fix(mut self, applicability: Applicability, text: impl Into<String>, edits: Vec<Edit>) -> Self {
        self.fix = Some(Fix { applicability, message: text.into(), edits });
        self
    }
}

/// Puts text in place of a span.
pub fn replace(span: Span, text: impl Into<Vec<u8>>) -> Edit {
    Edit { span, text: text.into() }
}

/// Puts text in front of a span.
pub fn insert_before(span: Span, text: impl Into<Vec<u8>>) -> Edit {
    Edit { span: Span { end: span.start, ..span }, text: text.into() }
}

/// Puts text behind a span.
pub fn insert_behind(span: Span, text: impl Into<Vec<u8>>) -> Edit {
    Edit { span: Span { start: span.end, ..span }, text: text.into() }
}

/// Bytes for a message.
pub fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
