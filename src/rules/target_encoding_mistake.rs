//! See the page of [`RULE`].

use super::make::{Also, by_proof, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::expression::{self, Choices};
use crate::analysis::routes::{PathKind, Route};
use crate::analysis::uses::matches_in;
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};
use crate::ir::clause::{Action, Answer, Content, Rewrite, Store};
use crate::ir::pattern::Pattern;
use crate::ir::policy::{Escape, QueryPolicy};
use crate::ir::template::{Part, Template};

declare! {
    /// A character of the target arrives as something else: `#`, `&amp;`, `%20`.
    ///
    /// ## What it does
    /// Finds targets with `#` that Apache escapes to `%23`, a query that nginx puts behind a fragment, `&amp;` copied
    /// from HTML, `%20` that Apache escapes once more or reads as a back-reference (`%2` and a `0`), and `B` together
    /// with a redirect, which escapes twice.
    ///
    /// ## Why is this bad?
    /// The `Location` names a page that does not exist.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ /b#sec [R=301,L]
    /// ```
    /// ```nginx bad
    /// location = /c {
    ///     rewrite ^ /d#sec permanent;
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^a$ /b#sec [R=301,L,NE]
    /// ```
    /// ```nginx good
    /// location = /c {
    ///     return 301 /d$is_args$args#sec;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Adding `NE` is safe where the target is a fixed text, else it is for a human to confirm: without escaping,
    /// captures arrive as they are.
    ///
    /// ## Traps
    /// A `#` in a parameter that is a URL (`?of=https://a.example/ns#b`) is meant to be escaped. `Redirect` leaves `#` and `%20` alone. `%1` to `%9` are not reported where a condition has such a group.
    ///
    /// ## Sources
    /// mod_rewrite flags `NE` and `B`; mod_alias `RedirectMatch`; nginx `rewrite`.
    RULE {
        name: "target-encoding-mistake",
        group: Group::Correctness,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

/// A mistake: what to say, what the `Location` then holds, and whether `NE` repairs it.
struct Mistake {
    message: &'static str,
    shows: &'static [u8],
    no_escape: bool,
    help: &'static str,
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let Some(mistake) = mistake(facts, route) else { continue };
        let at = facts.directive(route.span).and_then(|directive| target_word(facts, directive)).unwrap_or(route.span);
        let finding = match proof(facts, route, &mistake) {
            Some(proof) => by_proof(&RULE, &proof, mistake.message, at),
            None => with_confidence(&RULE, Confidence::Possible, mistake.message, at),
        };
        let mut finding = finding.help(mistake.help);
        if let (true, Some(directive)) = (mistake.no_escape, facts.directive(route.span)) {
            let fixed = route.target().is_some_and(|target| target.literal().is_some_and(|text| !text.contains(&b' ')));
            let how = if fixed { Applicability::Safe } else { Applicability::Unsafe };
            let edits: Vec<_> = words::with(facts, directive, "NE").into_iter().collect();
            if !edits.is_empty() {
                finding = finding.fix(how, "add `NE`", edits);
            }
        }
        findings.push(finding);
    }
}

fn target_word(facts: &Facts<'_>, directive: &crate::syntax::Directive) -> Option<crate::source::Span> {
    let (name, words) = facts.words(directive);
    let at = match &*name {
        "redirect" | "redirectmatch" | "return" => words.len().checked_sub(1)?,
        _ => 1,
    };
    Some(directive.args.get(at)?.span)
}

fn mistake(facts: &Facts<'_>, route: &Route<'_>) -> Option<Mistake> {
    let template = route.target()?.template;
    let say = |message, shows, no_escape, help| Some(Mistake { message, shows, no_escape, help });
    if literals(template).any(|text| memchr::memmem::find(text, b"&amp;").is_some()) {
        return say("`&amp;` is HTML: the client gets it letter by letter", b"&amp;", false, "write `&`");
    }
    let has_hash = begins_fragment(template);
    let escaped = |text: &[u8]| text.windows(3).any(is_escape);
    match route.clause.does.iter().find_map(made) {
        Some(Made::Rewrite(rewrite)) if facts.is_apache() => {
            let twice = rewrite.escape != Escape::Raw;
            if has_hash && twice {
                return say("`#` is escaped to `%23`: there is no fragment", b"%23", true, "add the flag `NE`");
            }
            if literals(template).any(escaped) && twice {
                return say("`%` is escaped once more, to `%25`", b"%25", true, "add the flag `NE`, or write the character itself");
            }
            if let Some(shows) = swallowed(route, template) {
                return say(shows, b"", false, "write `\\%` for a percent sign, and add `NE`");
            }
            let by_b = |part: &Part| matches!(part, Part::Capture { escape: Escape::BackReference(_), .. });
            (twice && template.parts.iter().any(by_b))
                .then_some(())
                .and_then(|()| say("`B` escapes the capture and the redirect escapes it again", b"%25", true, "add the flag `NE`"))
        }
        Some(Made::Rewrite(rewrite)) => {
            let appends = rewrite.query == QueryPolicy::SplitLiteral { drop_old: false };
            let help = "write `return 301 /path$is_args$args#fragment;`";
            (has_hash && appends)
                .then_some(())
                .and_then(|()| say("the query is appended behind the fragment, and is lost there", b"x=1", false, help))
        }
        Some(Made::Match) if literals(template).any(escaped) => {
            say("`%` is escaped once more, to `%25`", b"%25", false, "write the character itself, in quotes if it is a blank")
        }
        _ => None,
    }
}

enum Made<'a> {
    Rewrite(&'a Rewrite),
    Match,
}

fn made(action: &Action) -> Option<Made<'_>> {
    match action {
        Action::Rewrite(rewrite) => Some(Made::Rewrite(rewrite)),
        Action::Answer(answer) => match &**answer {
            Answer { content: Content::Location(target), .. } if target.reparse => Some(Made::Match),
            _ => None,
        },
        _ => None,
    }
}

fn literals(template: &Template) -> impl Iterator<Item = &[u8]> {
    template.parts.iter().filter_map(|part| match part {
        Part::Literal(text) => Some(&**text),
        _ => None,
    })
}

/// Whether a `#` stands in the target, other than in a parameter that is a URL itself (`?of=https://a.example/ns#b`).
fn begins_fragment(template: &Template) -> bool {
    let pieces = template.parts.iter().map(|part| match part {
        Part::Literal(text) => &**text,
        _ => b"x",
    });
    let text: Vec<u8> = pieces.flatten().copied().collect();
    memchr::memchr_iter(b'#', &text).any(|at| !text.get(..at).is_some_and(ends_in_url_parameter))
}

fn ends_in_url_parameter(text: &[u8]) -> bool {
    let query = text.splitn(2, |&byte| byte == b'?').nth(1);
    let parameter = query.and_then(|query| query.rsplit(|&byte| byte == b'&').next());
    let value = parameter.and_then(|parameter| parameter.splitn(2, |&byte| byte == b'=').nth(1));
    value.is_some_and(|value| value.starts_with(b"http://") || value.starts_with(b"https://"))
}

fn is_escape(three: &[u8]) -> bool {
    matches!(three, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// `%20` read as a back-reference to a condition's second group, of which there is none.
fn swallowed(route: &Route<'_>, template: &Template) -> Option<&'static str> {
    let groups = matches_in(&route.clause.when.conditions).into_iter().filter_map(|(found, _)| match &found.pattern {
        Pattern::Regex(regex) => regex.group_count(),
        _ => None,
    });
    let most = groups.max().unwrap_or(0);
    let pairs = template.parts.iter().zip(template.parts.iter().skip(1));
    let lost = |(part, behind): (&Part, &Part)| match (part, behind) {
        (Part::Capture { store: Store::Condition, group, .. }, Part::Literal(text)) => {
            usize::from(*group) > most && text.first().is_some_and(u8::is_ascii_hexdigit)
        }
        _ => false,
    };
    let mut pairs = pairs;
    pairs.any(lost).then_some("a percent sign and a digit are read as a group of a condition, and vanish")
}

fn proof(facts: &Facts<'_>, route: &Route<'_>, mistake: &Mistake) -> Option<Proof> {
    let shows = |proof: &Proof| mistake.shows.is_empty() || memchr::memmem::find(proof.location(), mistake.shows).is_some();
    let known = facts.proofs(route);
    if let Some(proof) = known.iter().find(|proof| shows(proof)) {
        return Some(proof.clone());
    }
    let queried = known.iter().find_map(|proof| facts.prove(route, proof.with_query(b"x=1")).filter(shows));
    queried.or_else(|| facts.proof_at(route, &blank_path(route)?).filter(shows))
}

/// A path whose first group holds a blank.
fn blank_path(route: &Route<'_>) -> Option<Vec<u8>> {
    let Pattern::Regex(regex) = &route.own_match()?.pattern else { return None };
    let choices = Choices { variant: 0, forced: &[(1, b"a b".to_vec())] };
    let text = expression::sample(&expression::of(regex), choices);
    let relative = route.paths.iter().any(|test| test.own && test.on == PathKind::Relative);
    Some(if relative { [route.mount.as_deref()?, &text].concat() } else { text })
}
