//! What a conversion comes to, for people on standard error and for programs as JSON.

use super::carried;
use super::verify::Proof;
use crate::analysis::compare::Difference;
use crate::emit::{Emitted, Fate, Refusal};
use crate::eval::{Answer, Request, follow};
use crate::source::{Sources, Span};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A conversion with its proof.
#[derive(Debug, Default)]
pub struct Report {
    pub(super) emitted: Emitted,
    pub(super) proof: Option<Proof>,
    pub(super) changed: Vec<(Span, Difference)>,
    /// Something was left out because the comparison showed it to redirect more than the source.
    pub(super) narrowed: bool,
}

impl Report {
    /// A conversion, and the comparison if it was made.
    pub fn new(emitted: Emitted, proof: Option<Proof>) -> Self {
        let left_out =
            |span: Span| emitted.verdicts.iter().any(|verdict| verdict.span == span && !carried(&verdict.fate));
        let mut changed: BTreeMap<Span, Difference> = BTreeMap::new();
        for difference in proof.iter().flat_map(|proof| &proof.differences) {
            let span = difference.old.cause.or(difference.ask.about);
            if let Some(span) = span.filter(|span| !left_out(*span)) {
                changed.entry(span).or_insert_with(|| difference.clone());
            }
        }
        Self { emitted, proof, changed: changed.into_iter().collect(), narrowed: false }
    }

    /// Whether everything was carried over and nothing changed.
    pub fn is_exact(&self) -> bool {
        let differences = self.proof.as_ref().is_some_and(|proof| !proof.differences.is_empty());
        !differences && self.emitted.verdicts.iter().all(|verdict| carried(&verdict.fate))
    }

    /// Whether the comparison found fault with the form.
    pub fn is_short(&self) -> bool {
        self.narrowed || self.proof.as_ref().is_some_and(|proof| !proof.differences.is_empty())
    }

    /// How many requests are answered differently, and how many directives are left out.
    pub fn shortfall(&self) -> (usize, usize) {
        let differences = self.proof.as_ref().map_or(0, |proof| proof.differences.len());
        (differences, self.emitted.verdicts.iter().filter(|verdict| !carried(&verdict.fate)).count())
    }

    /// The whole output as one text.
    pub fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &self.emitted.parts {
            if self.emitted.parts.len() > 1 {
                out.extend_from_slice(
                    format!("# ---- {}: for the {} block ----\n\n", part.scope, part.scope).as_bytes(),
                );
            }
            out.extend_from_slice(&part.text);
            out.push(b'\n');
        }
        while out.ends_with(b"\n\n") {
            out.pop();
        }
        out
    }

    /// The report for programs.
    pub fn json(&self, sources: &Sources) -> Value {
        let output: Vec<_> = self
            .emitted
            .parts
            .iter()
            .map(|part| json!({"scope": part.scope, "text": String::from_utf8_lossy(&part.text)}))
            .collect();
        let mut untranslated = Vec::new();
        let mut assumed = Vec::new();
        for verdict in &self.emitted.verdicts {
            match &verdict.fate {
                Fate::LeftOut(Refusal { reason, by_hand }) => {
                    let mut entry = self.place(sources, verdict.span);
                    add(&mut entry, "reason", json!(reason));
                    if let Some(by_hand) = by_hand {
                        add(&mut entry, "by_hand", json!(by_hand));
                    }
                    untranslated.push(entry);
                }
                Fate::Assuming(assumption) => {
                    let mut entry = self.place(sources, verdict.span);
                    add(&mut entry, "assumption", json!(assumption.words()));
                    assumed.push(entry);
                }
                Fate::Exact => {}
            }
        }
        let changed: Vec<_> = self
            .changed
            .iter()
            .map(|(span, difference)| {
                let mut entry = self.place(sources, *span);
                add(&mut entry, "difference", json!(words(difference)));
                entry
            })
            .collect();
        let verified = self.proof.as_ref().map(|proof| {
            let differences: Vec<_> = proof.differences.iter().map(|difference| json!({
                "request": request(&difference.ask.request), "old": answer(&difference.old), "new": answer(&difference.new)
            })).collect();
            json!({
                "requests": proof.requests, "differences": differences,
                "redirects": {"asked": proof.routes.0, "of": proof.routes.1},
            })
        });
        json!({"version": 1, "output": output, "untranslated": untranslated, "changed": changed, "assumed": assumed, "verified": verified})
    }

    fn place(&self, sources: &Sources, span: Span) -> Value {
        let file = sources.file(span.file);
        let start = file.position(span.start as usize);
        let end = file.position(span.end as usize);
        json!({
            "file": file.path().display().to_string(),
            "range": {
                "start": {"line": start.line, "column": start.column, "byte": span.start},
                "end": {"line": end.line, "column": end.column, "byte": span.end},
            },
            "directive": String::from_utf8_lossy(sources.text(span)),
        })
    }
}

fn add(entry: &mut Value, name: &str, value: Value) {
    if let Some(object) = entry.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}

/// A difference in words.
pub fn words(difference: &Difference) -> String {
    format!("{}: before {}, now {}", request(&difference.ask.request), answer(&difference.old), answer(&difference.new))
}

/// A request in words: `GET http://example.com/x (Accept: text/html)`.
pub fn request(request: &Request) -> String {
    let url = follow::url_of(request);
    let others = request.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case(b"host"));
    let headers: Vec<_> = others
        .map(|(name, value)| format!("{}: {}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
        .collect();
    let headers = if headers.is_empty() { String::new() } else { format!(" ({})", headers.join(", ")) };
    format!("{} {}{headers}", String::from_utf8_lossy(&request.method), String::from_utf8_lossy(&url))
}

/// An answer in words: `301 http://example.com/y`.
pub fn answer(answer: &Answer) -> String {
    match (answer.status, &answer.location) {
        (Some(status), Some(location)) => format!("{status} {}", String::from_utf8_lossy(location)),
        (Some(status), None) => status.to_string(),
        (None, _) => "content".to_owned(),
    }
}
