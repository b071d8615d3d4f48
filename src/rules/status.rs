//! Statuses as written: where the number stands that a fix would change.

use super::words;
use crate::analysis::Facts;
use crate::source::Span;

/// The words that say the status of a redirect: `301` of `return 301 …`, `R=301`'s number, `permanent`. `None` where the
/// status is not written, or is written as a word that a number cannot replace.
pub fn written(facts: &Facts<'_>, directive: Span, status: u16) -> Option<Span> {
    let directive = facts.directive(directive)?;
    if words::is(facts, directive, "RewriteRule") {
        let flag = words::flag(facts, directive, "R", "redirect")?;
        let value = flag.value.as_ref()?;
        let same = value == &status.to_string()
            || status == 301 && value.eq_ignore_ascii_case("permanent")
            || status == 302 && value.eq_ignore_ascii_case("temp");
        return same.then(|| Span { start: flag.span.end - value.len() as u32, ..flag.span });
    }
    let word = directive.args.first()?;
    let text = facts.word(word);
    let number = text == status.to_string().as_bytes();
    let named = words::is(facts, directive, "Redirect") || words::is(facts, directive, "RedirectMatch");
    let apache = named
        && (status == 301 && text.eq_ignore_ascii_case(b"permanent")
            || status == 302 && text.eq_ignore_ascii_case(b"temp"));
    (number || apache).then_some(word.span)
}
