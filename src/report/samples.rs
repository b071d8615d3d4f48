//! Findings by hand, with everything that is hard to print.

use crate::diagnostic::{Applicability, Edit, Finding, Fix, Label, Observed, Severity, Witness};
use crate::source::{Sources, Span};

/// A file with a loop of two lines, a bidi override and an escape sequence.
pub const TEXT: &str = "# <b>&\u{202e}evil\u{1b}[31m\nRedirect 301 /a /b\nRedirect 301 /b /a\n";

/// The file and its findings: a proven loop with a fix, and advice with an awkward message.
pub fn findings() -> (Sources, Vec<Finding>) {
    let mut sources = Sources::new();
    let file = sources.add("./site/a b,%:<&.htaccess", TEXT.as_bytes().to_vec());
    let first = TEXT.find("Redirect").unwrap();
    let second = TEXT.rfind("Redirect").unwrap();
    let hop = |location: &str| Observed { status: Some(301), location: Some(location.as_bytes().to_vec()) };
    let mut looping = Finding::new("redirect-loop", Severity::Error, "goes round", Span::new(file, first, first + 18));
    looping.related.push(Label::new(Span::new(file, second, second + 18), "and back"));
    looping.help = Some("remove one of the two".to_owned());
    looping.witness = Some(Witness {
        method: "GET".to_owned(),
        url: b"http://example.com/a".to_vec(),
        headers: Vec::new(),
        assumptions: vec!["`/a` is no file".to_owned()],
        observed: vec![hop("http://example.com/b"), hop("http://example.com/a")],
    });
    looping.fix = Some(Fix {
        applicability: Applicability::Unsafe,
        message: "remove the second line".to_owned(),
        edits: vec![Edit { span: Span::new(file, second, TEXT.len()), text: Vec::new() }],
    });
    let hard = "100%, <script>alert('x')</script>\r\n:: \u{1b}[31m\u{202e}\"&\u{0}";
    let advice = Finding::new("awkward-text", Severity::Info, hard, Span::new(file, 0, 6));
    (sources, vec![looping, advice])
}

/// What a report prints for the samples.
pub fn print(report: &mut dyn super::Report) -> String {
    let (sources, findings) = findings();
    let mut out = Vec::new();
    report.add(&sources, &findings, &mut out).unwrap();
    report.end(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}
