//! See the page of [`RULE`].

use super::make::{Also, proven};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::Facts;
use crate::source::Span;
use crate::diagnostic::{Finding, Severity, Applicability, Edit};

declare! {
    /// A temporary redirect is older than the end its comment names.
    ///
    /// ## What it does
    /// Reads `# redirlint: until=YYYY-MM-DD` above or beside a 302, 303 or 307 and reports it from that day on.
    ///
    /// ## Why is this bad?
    /// A temporary redirect that is forgotten costs every visitor a hop for ever, and search engines take it for permanent.
    ///
    /// ## Example
    /// ```htaccess bad
    /// # redirlint: until=2020-01-31
    /// Redirect 302 /sale /winter-sale
    /// ```
    /// ```nginx bad
    /// location = /sale {
    ///     # redirlint: until=2020-01-31
    ///     return 302 /winter-sale;
    /// }
    /// ```
    /// ```htaccess good
    /// # redirlint: until=2999-01-31
    /// Redirect 302 /sale /winter-sale
    /// ```
    /// ```nginx good
    /// location = /sale {
    ///     # redirlint: until=2999-01-31
    ///     return 302 /winter-sale;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the redirect is taken out, with the comment above it that has the date. Making it permanent, or
    /// moving the date, may be better.
    ///
    /// ## Traps
    /// Only redirects with such a comment are looked at.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4.3.
    RULE {
        name: "temporary-redirect-expired",
        group: Group::Seo,
        severity: Severity::Info,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| matches!(route.status(), Some(302 | 303 | 307))) {
        let Some(comment) = facts.comment_above(route.span) else { continue };
        let Some(until) = comment.split("until=").nth(1).filter(|_| comment.contains("redirlint:")) else { continue };
        let date: String = until.chars().take(10).collect();
        // Dates of this form sort as text.
        if date.len() == 10 && date.as_bytes().first().is_some_and(u8::is_ascii_digit) && date < facts.knobs.today {
            let message = format!("this temporary redirect was meant to end on {date}");
            let finding = proven(facts, &RULE, route, message).help("take it out, make it permanent, or move the date");
            findings.push(finding.mend(Applicability::Unsafe, "take it out", removed(facts, route.span)));
        }
    }
}

/// The redirect and the line above it, which has the date.
fn removed(facts: &Facts<'_>, span: Span) -> Option<Vec<Edit>> {
    let mut edits = mend::remove(facts, span)?;
    let file = facts.sources.file(span.file);
    let above = file.line(file.position(span.start as usize).line.checked_sub(1)?)?;
    let line = file.bytes().get(above.clone())?;
    let dated = line.trim_ascii_start().starts_with(b"#") && memchr::memmem::find(line, b"until=").is_some();
    edits.first_mut()?.span.start = u32::try_from(above.start).ok().filter(|_| dated)?;
    Some(edits)
}
