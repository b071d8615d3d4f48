//! See the page of [`RULE`].

use super::make::{Also, with_confidence};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::diagnostic::{Confidence, Finding, Severity};

declare! {
    /// The comment above a redirect names another status than the one that is sent.
    ///
    /// ## What it does
    /// Compares a status, or the word temporary or permanent, in the comment directly above a redirect (all lines of
    /// it) with what it sends.
    ///
    /// ## Why is this bad?
    /// One of the two is not what the author meant.
    ///
    /// ## Example
    /// ```htaccess bad
    /// # temporary (307) redirect
    /// Redirect 301 /a https://example.org/b
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     # moved permanently
    ///     return 302 /b;
    /// }
    /// ```
    /// ```htaccess good
    /// # temporary (307) redirect
    /// Redirect 307 /a https://example.org/b
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     # temporary: keeps the
    ///     # permanent address
    ///     return 302 /b;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// No fix: which side is right is not known.
    ///
    /// ## Traps
    /// A comment that names two statuses or both words, or is commented-out code, is left alone. Digits in an address
    /// (`https://w3id.org/x303`) are no status.
    ///
    /// ## Sources
    /// Seen in published how-tos.
    RULE {
        name: "status-comment-mismatch",
        group: Group::Status,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::None,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects() {
        let (Some(sent), Some(comment)) = (route.status(), facts.comment_above(route.span)) else { continue };
        if comment.contains("redirlint:") {
            continue;
        }
        let Some((said, fits)) = claim(&comment.to_ascii_lowercase()) else { continue };
        if !fits.contains(&sent) {
            let message = format!("the comment says {said}, the server sends {sent}");
            findings.push(with_confidence(&RULE, Confidence::Possible, message, route.span).help("correct the one that is wrong"));
        }
    }
}

/// What a comment claims, and the statuses that fit it; `None` where it claims nothing or several things.
fn claim(comment: &str) -> Option<(String, Vec<u16>)> {
    let words = comment.split_whitespace().filter(|word| !word.contains('/'));
    let numbers = words.flat_map(|word| word.split(|letter: char| !letter.is_alphanumeric())).filter_map(|word| word.parse().ok());
    let numbers: Vec<u16> = numbers.filter(|code| matches!(code, 301 | 302 | 303 | 307 | 308)).collect();
    match numbers.as_slice() {
        [one] => return Some((one.to_string(), vec![*one])),
        [_, ..] => return None,
        [] => {}
    }
    // A directive that was commented out is no claim.
    if comment.contains("redirect ") && comment.contains('/') {
        return None;
    }
    // An identifier may be permanent as well: only a redirect or a move that is called so counts.
    if !["redirect", "move"].iter().any(|word| comment.contains(word)) {
        return None;
    }
    match (comment.contains("temporary"), comment.contains("permanent")) {
        (true, false) => Some(("temporary".to_owned(), vec![302, 303, 307])),
        (false, true) => Some(("permanent".to_owned(), vec![301, 308])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_claim_counts() {
        let said = |comment: &str| claim(comment).map(|(said, _)| said);
        assert_eq!(said("a 301, please").as_deref(), Some("301"));
        assert_eq!(said("moved permanently to https://w3id.org/x303").as_deref(), Some("permanent"));
        assert_eq!(said("302 now, was 301"), None);
        assert_eq!(said("permanent identifiers of the project"), None);
        assert_eq!(said("temporary, so that the permanent address stays"), None);
    }
}
