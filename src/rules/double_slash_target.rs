//! See the page of [`RULE`].

use super::make::{Also, by_proof, replace};
use super::{FixKind, Group, Servers, mend};
use crate::analysis::{Facts, expression};
use crate::analysis::routes::{PathPattern, Route};
use crate::analysis::witness::Proof;
use crate::diagnostic::{Finding, Severity, Applicability, Edit};
use crate::ir::template::Part;
use crate::source::Span;

declare! {
    /// The target has an empty segment (`//`), because both sides bring the slash.
    ///
    /// ## What it does
    /// Finds a slash in front of something that always begins with one: `https://h/$request_uri`, `https://h/$1` with
    /// a capture of the whole path in a virtual host, and `Redirect /old https://h/`, which appends `/rest`.
    ///
    /// ## Why is this bad?
    /// `https://h//page` is another address than `https://h/page`: it is a duplicate at best and a 404 at worst.
    ///
    /// ## Example
    /// ```nginx bad
    /// location / {
    ///     return 301 https://new.example/$request_uri;
    /// }
    /// ```
    /// ```htaccess bad
    /// Redirect 301 /old https://new.example/
    /// ```
    /// ```nginx good
    /// location / {
    ///     return 301 https://new.example$request_uri;
    /// }
    /// ```
    /// ```htaccess good
    /// Redirect 301 /old/ https://new.example/
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^go/(.*)$ https://api.example.com/redirect/https://example.com/$1 [R=302,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the slash is taken out of the target, or out of what a pattern that begins with `^(` captures.
    ///
    /// ## Traps
    /// In a `.htaccess`, `$1` has no leading slash and the same target is right. A target that consists of a slash
    /// and a path on the same host is left to the rule about open redirects. `Redirect /page https://h/new-page/` is a
    /// note: only the rare request below the page gets two slashes. The two slashes of a URL inside of the path
    /// (`/redirect/https://h/$1`) are right, and those around a group that is not there are told as `undefined-capture`.
    ///
    /// ## Sources
    /// mod_rewrite; mod_alias `Redirect`; nginx `return`.
    RULE {
        name: "double-slash-target",
        group: Group::Correctness,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let holes = meets_hole(route);
        if !holes && !meets_rest(route) {
            continue;
        }
        // Most lists are well: one request tells, before all are sought.
        if holes && !facts.first_proof(route).is_some_and(|proof| is_doubled(&proof)) {
            continue;
        }
        let proofs = facts.proofs(route);
        let shown = proofs.iter().find(|proof| is_doubled(proof));
        // A capture that begins with a slash only sometimes is no defect of the target.
        let always = proofs.iter().all(is_doubled);
        if let Some(proof) = shown.filter(|_| always || !holes) {
            let (message, help) = match holes {
                true => ("a slash stands in front of something that begins with one", "leave the slash out"),
                false => (
                    "the rest of the path is appended with its slash, behind the target's own",
                    "end both sides with a slash, or neither",
                ),
            };
            let finding = by_proof(&RULE, proof, message, route.span).help(help);
            let finding = finding.mend(Applicability::Unsafe, "leave one slash out", single(facts, route, holes));
            findings.push(if holes || leads_to_root(route) { finding } else { finding.at_most(Severity::Info) });
        }
    }
}

/// A slash of an absolute target directly in front of a part that the request decides.
fn meets_hole(route: &Route<'_>) -> bool {
    let Some(target) = route.target() else { return false };
    let parts = &target.template.parts;
    let path = |part: &Part| match part {
        Part::Capture { .. } => !holds_anything(route),
        part => matches!(part, Part::Attribute(_)),
    };
    parts.iter().zip(parts.iter().skip(1)).any(|(before, behind)| {
        matches!(before, Part::Literal(text) if text.ends_with(b"/") && text.len() > 1 && !text.ends_with(b"//")) && path(behind)
    })
}

/// Whether the route's one group may hold any text behind a fixed one, with or without a slash at its start.
fn holds_anything(route: &Route<'_>) -> bool {
    let own = route.paths.iter().find(|test| test.own && !test.negated);
    own.is_some_and(|test| match test.pattern {
        PathPattern::Regex(regex) => {
            let beginning = expression::beginning(regex);
            beginning.open && !beginning.text.is_empty()
        }
        _ => false,
    })
}

/// `Redirect /old https://h/`.
fn meets_rest(route: &Route<'_>) -> bool {
    let Some(target) = route.target().filter(|target| target.appends_rest) else { return false };
    let source = route.paths.iter().find(|test| test.own).map(|test| test.pattern);
    let open = matches!(source, Some(PathPattern::Segments(text)) if !text.ends_with(b"/"));
    open && target.literal().is_some_and(|text| text.ends_with(b"/") && text.len() > 1)
}

/// `https://h/`: a whole tree moves. With a path behind it, one page is often meant, and nobody asks below it.
fn leads_to_root(route: &Route<'_>) -> bool {
    route.target().is_some_and(|target| *target.path_prefix == *b"/")
}

fn is_doubled(proof: &Proof) -> bool {
    let doubled = |url: &[u8]| {
        let path = url.split(|&byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
        // A URL inside of the path has its two slashes rightly.
        memchr::memmem::find_iter(path, b"//").any(|at| !path.get(..at).is_some_and(|before| before.ends_with(b":")))
    };
    doubled(proof.location()) && !doubled(&proof.request.target)
}

/// One of the two slashes taken out.
fn single(facts: &Facts<'_>, route: &Route<'_>, holes: bool) -> Option<Vec<Edit>> {
    let inner = mend::inside(facts, mend::target(facts, route.span)?);
    let text = facts.sources.text(inner);
    if !holes {
        let end = text.strip_suffix(b"/").filter(|rest| !rest.ends_with(b"/"))?.len();
        return Some(vec![replace(Span::new(inner.file, inner.start as usize + end, inner.end as usize), "")]);
    }
    let own = route.paths.iter().find(|test| test.own);
    if let Some(PathPattern::Regex(regex)) = own.map(|test| test.pattern)
        && regex.text.starts_with(b"^(.")
    {
        let start = super::words::piece(facts, regex, 1, 1)?;
        return Some(vec![replace(start, "/?")]);
    }
    let doubled = |pair: &[u8]| matches!(pair, [before, b'/', b'$' | b'%'] if !matches!(before, b'/' | b':'));
    let at = text.windows(3).position(doubled)? + inner.start as usize + 1;
    Some(vec![replace(Span::new(inner.file, at, at + 1), "")])
}
