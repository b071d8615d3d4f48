//! One expectation against one journey.

use super::file::Case;
use crate::eval::follow::{End, Journey};

/// How an expectation fared.
#[derive(Debug)]
pub struct Verdict {
    /// The request as the file writes it.
    pub request: String,
    /// What was expected and did not come, as `(what, expected, seen)`; empty where all is well.
    pub differences: Vec<(&'static str, String, String)>,
    /// The way it went: URL, and status with `Location`.
    pub way: Vec<String>,
    /// The deciding directive of the first answer.
    pub cause: Option<crate::source::Span>,
}

/// Compares.
pub fn judge(case: &Case, journey: &Journey) -> Verdict {
    let first = journey.hops.first();
    let answer = first.map(|hop| &hop.answer);
    let mut differences = Vec::new();
    let mut differ = |what, expected: String, seen: String| differences.push((what, expected, seen));
    if let Some(expected) = case.status {
        let seen = answer.and_then(|answer| answer.status);
        if seen != Some(expected) {
            differ("status", expected.to_string(), seen.map_or("content".to_owned(), |status| status.to_string()));
        }
    }
    if let Some(expected) = &case.location {
        let seen = answer.and_then(|answer| answer.location.as_deref());
        let base = first.map(|hop| hop.url.as_slice()).unwrap_or_default();
        if !seen.is_some_and(|seen| fits(expected, seen, base)) {
            differ("location", expected.clone(), seen.map_or("none".to_owned(), shown));
        }
    }
    for (name, expected) in &case.response {
        let headers = answer.map(|answer| answer.headers.as_slice()).unwrap_or_default();
        let values: Vec<String> = headers
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| shown(value))
            .collect();
        if !values.iter().any(|value| value == expected) {
            differ(
                "response",
                format!("{name}: {expected}"),
                if values.is_empty() { "none".to_owned() } else { values.join(", ") },
            );
        }
    }
    if let Some(expected) = &case.last {
        let base = first.map(|hop| hop.url.as_slice()).unwrap_or_default();
        if !fits(expected, &journey.last, base) {
            differ("final", expected.clone(), shown(&journey.last));
        }
    }
    let redirects = journey.hops.len() - 1 + usize::from(journey.end == End::RedirectedAway);
    if case.hops.is_some_and(|most| redirects > most) {
        differ("hops", format!("at most {}", case.hops.unwrap_or_default()), redirects.to_string());
    }
    let outcome = outcome(journey.end);
    if case.outcome.as_deref().is_some_and(|expected| expected != outcome) {
        differ("outcome", case.outcome.clone().unwrap_or_default(), outcome.to_owned());
    }
    let looping = matches!(journey.end, End::Loop | End::TooManyHops);
    if looping && case.outcome.is_none() {
        differ("outcome", "an end".to_owned(), outcome.to_owned());
    }
    Verdict {
        request: case.request.clone(),
        differences,
        way: way(journey),
        cause: answer.and_then(|answer| answer.cause),
    }
}

/// The same bytes; or the expected path under the request's own origin.
fn fits(expected: &str, seen: &[u8], base: &[u8]) -> bool {
    if expected.as_bytes() == seen {
        return true;
    }
    let Some(path) = expected.strip_prefix('/') else { return false };
    let Some(after) = memchr::memmem::find(base, b"://").map(|at| at + 3) else { return false };
    let end = base.get(after..).and_then(|rest| memchr::memchr(b'/', rest)).map_or(base.len(), |at| after + at);
    let origin = base.get(..end).unwrap_or_default();
    seen.strip_prefix(origin).and_then(|rest| rest.strip_prefix(b"/")) == Some(path.as_bytes())
}

fn outcome(end: End) -> &'static str {
    match end {
        End::Served => "served",
        End::RedirectedAway => "redirected-away",
        End::Loop => "loop",
        End::TooManyHops => "too-many-hops",
        End::Error => "error",
        End::Unknown => "unknown",
    }
}

fn way(journey: &Journey) -> Vec<String> {
    journey
        .hops
        .iter()
        .map(|hop| {
            let status = hop.answer.status.map_or("content".to_owned(), |status| status.to_string());
            let location =
                hop.answer.location.as_deref().map(|location| format!(" {}", shown(location))).unwrap_or_default();
            format!("{} -> {status}{location}", shown(&hop.url))
        })
        .collect()
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_path_fits_the_absolute_url_of_the_same_origin_only() {
        assert!(fits("/b", b"http://h/b", b"http://h/a"));
        assert!(fits("/b", b"/b", b"http://h/a"));
        assert!(!fits("/b", b"https://h/b", b"http://h/a"));
        assert!(!fits("/b", b"http://h/bc", b"http://h/a"));
        assert!(!fits("b", b"http://h/b", b"http://h/a"));
    }
}
