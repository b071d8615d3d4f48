//! Findings as diagnostics, and their fixes as quick fixes.

use super::position::{self, Encoding};
use super::{Checked, View, documents};
use crate::diagnostic::{Applicability, Finding, Fix, Severity};
use lsp_types::{
    CodeAction, CodeActionKind, CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity,
    Location, NumberOrString, TextEdit, WorkspaceEdit,
};
use std::collections::HashMap;
use std::ops::Range;

/// A finding as the editor shows it.
pub(super) fn diagnostic(checked: &Checked, finding: &Finding, encoding: Encoding) -> Diagnostic {
    let place = |span: crate::source::Span| {
        let file = checked.sources.file(span.file);
        Some(Location { uri: documents::uri(file.path())?, range: position::range(file, span, encoding) })
    };
    let related = finding
        .related
        .iter()
        .filter_map(|label| {
            Some(DiagnosticRelatedInformation { location: place(label.span)?, message: label.message.clone() })
        })
        .collect();
    Diagnostic {
        range: position::range(checked.sources.file(finding.file()), finding.primary.span, encoding),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Info => DiagnosticSeverity::INFORMATION,
        }),
        code: Some(NumberOrString::String(finding.rule.to_owned())),
        code_description: None::<CodeDescription>,
        source: Some("redirlint".to_owned()),
        message: message(finding),
        related_information: Some(related),
        tags: None,
        data: None,
    }
}

/// A word at the top of the file on findings that are not shown.
pub(super) fn left_out(number: usize) -> Diagnostic {
    Diagnostic {
        severity: Some(DiagnosticSeverity::INFORMATION),
        source: Some("redirlint".to_owned()),
        message: format!("{number} more findings are not shown here: `redirlint check` tells all of them"),
        ..Diagnostic::default()
    }
}

/// The finding's sentence, its help and its proof, one below the other.
fn message(finding: &Finding) -> String {
    let mut text = finding.message.clone();
    if let Some(help) = &finding.help {
        text.push_str("\nhelp: ");
        text.push_str(help);
    }
    if let Some(witness) = &finding.witness {
        text.push_str(&format!("\nshown by: {} {}", witness.method, witness.url.escape_ascii()));
        for seen in &witness.observed {
            let status = seen.status.map_or("content".to_owned(), |status| status.to_string());
            let location =
                seen.location.as_ref().map(|location| format!(" {}", location.escape_ascii())).unwrap_or_default();
            text.push_str(&format!("\n  -> {status}{location}"));
        }
    }
    text
}

/// The fixes of the findings that touch a range of the file.
pub(super) fn fixes(view: &View<'_>, wanted: Range<usize>) -> Vec<CodeAction> {
    let touches = |finding: &&Finding| {
        let span = finding.primary.span;
        span.file == view.file && span.start as usize <= wanted.end && wanted.start <= span.end as usize
    };
    view.checked
        .findings
        .iter()
        .filter(touches)
        .filter_map(|finding| Some((finding, finding.fix.as_ref()?)))
        .filter(|(_, fix)| fix.applicability != Applicability::Display)
        .map(|(finding, fix)| CodeAction {
            title: title(fix),
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: Some(vec![diagnostic(view.checked, finding, view.encoding)]),
            edit: Some(edit(view, fix)),
            is_preferred: Some(fix.applicability == Applicability::Safe),
            ..CodeAction::default()
        })
        .collect()
}

fn title(fix: &Fix) -> String {
    match fix.applicability {
        Applicability::Safe => fix.message.clone(),
        _ => format!("{} (changes answers: check it)", fix.message),
    }
}

#[allow(clippy::mutable_key_type)]
fn edit(view: &View<'_>, fix: &Fix) -> WorkspaceEdit {
    let mut changes: HashMap<lsp_types::Uri, Vec<TextEdit>> = HashMap::new();
    for edit in &fix.edits {
        let file = view.checked.sources.file(edit.span.file);
        if let Some(uri) = documents::uri(file.path()) {
            let new_text = String::from_utf8_lossy(&edit.text).into_owned();
            changes.entry(uri).or_default().push(TextEdit { range: view.range(edit.span), new_text });
        }
    }
    WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() }
}
