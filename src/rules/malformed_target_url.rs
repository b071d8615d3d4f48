//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, proven, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::routes::{Place, Route};
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::eval::follow;
use crate::ir::template::Part;
use crate::source::Span;
use crate::syntax::nginx::template;

/// Schemes that no browser follows a redirect to.
const DEAD_SCHEMES: [&str; 4] = ["javascript:", "data:", "file:", "vbscript:"];
/// Ends of names that are hosts, not files.
const HOST_ENDS: [&str; 12] = ["com", "org", "net", "edu", "gov", "io", "de", "fr", "nl", "eu", "uk", "info"];

declare! {
    /// A redirect's target is not a usable URL.
    ///
    /// ## What it does
    /// Finds targets with a missing colon (`http//host`), a missing or superfluous slash (`https:/host`,
    /// `https:///host`), a scheme written twice (`https://https://host`), a host without its scheme (`www.example.com/b`), a scheme that no browser follows
    /// (`javascript:`), a blank that nginx sends as it stands, flags that no blank divides from the target (or a
    /// no-break space, as pasted text has it in front of `[R=301]`), and a `//host` in front of which the server puts itself.
    ///
    /// ## Why is this bad?
    /// Browsers read such a target as a path on the same site, and end on a page that does not exist. Apache
    /// answers 500, or looks for a file of that name.
    ///
    /// ## Example
    /// ```nginx bad
    /// location = /a {
    ///     return 301 http//www.example.com/c;
    /// }
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ www.example.com/b [R=301,L]
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ https://www.example.com/b[R=301,L]
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^a$ //www.example.com/b [R=301,L]
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     return 301 "/new page";
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^a$ https://www.example.com/b [R=301,L]
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 301 https://www.example.com/c;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the target that was probably meant is written.
    ///
    /// ## Traps
    /// A relative target such as `signup.html` is legal: the note says where it leads. The schemes of apps (`myapp://`)
    /// are left alone. With nginx's `absolute_redirect off` the target `//host` is what it looks like, and is left
    /// alone too.
    ///
    /// ## Sources
    /// RFC 9110 section 10.2.2; RFC 3986; nginx pitfalls, "Rewrite Missing http://".
    RULE {
        name: "malformed-target-url",
        group: Group::Correctness,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    for route in facts.routes().redirects().filter(|route| route.enabled) {
        let text = written(route);
        if let Some(finding) = glued(facts, route) {
            findings.push(finding);
            continue;
        }
        let Some((what, meant)) = complaint(&text) else {
            findings.extend(relative(facts, route, &text).or_else(|| as_path(facts, route, &text)).or_else(|| blank(facts, route)));
            continue;
        };
        let finding = proven(facts, &RULE, route, format!("`{text}` {what}"));
        findings.push(match meant {
            Some(meant) => finding
                .help(format!("write `{meant}`"))
                .mend(Applicability::Unsafe, "write the URL that was meant", mend::in_target(facts, route.span, text.as_bytes(), meant.as_bytes())),
            None => finding.help("write a path, or a URL that starts with `https://`"),
        });
    }
}

/// A note on where a target without a leading slash leads.
fn relative(facts: &Facts<'_>, route: &Route<'_>, text: &str) -> Option<Finding> {
    let written = !text.is_empty() && template::find(text.as_bytes()).is_none();
    route.target().filter(|target| target.place == Place::Relative && written)?;
    let proof = facts.proofs(route).first()?;
    let sent = proof.location().starts_with(text.as_bytes());
    let base = url::Url::parse(&lossy(&follow::url_of(&proof.request))).ok()?;
    let leads = base.join(&lossy(proof.location())).ok().filter(|_| sent)?;
    let message = format!("`{text}` is no path: clients put it behind the folder they asked for, here `{leads}`");
    let finding = by_proof(&RULE, proof, message, route.span).at_most(Severity::Info);
    Some(finding.help("begin it with `/`, so that it leads to the same place from everywhere"))
}

/// `//host/path`, in front of which the server puts itself.
fn as_path(facts: &Facts<'_>, route: &Route<'_>, text: &str) -> Option<Finding> {
    let host = text.strip_prefix("//")?.split(['/', '?', '#']).next().filter(|host| host.contains('.'))?;
    let proof = facts.proofs(route).first().filter(|proof| memchr::memmem::find(proof.location(), b"://").is_some())?;
    let message = format!("`//{host}` names no other host here: the answer leads to `{}`", lossy(proof.location()));
    Some(by_proof(&RULE, proof, message, route.span).help("write the scheme in front of the host"))
}

/// A blank in the written text that arrives as one.
fn blank(facts: &Facts<'_>, route: &Route<'_>) -> Option<Finding> {
    let literal = |part: &Part| matches!(part, Part::Literal(text) if text.contains(&b' ') && template::find(text).is_none());
    route.target().filter(|target| target.template.parts.iter().any(literal))?;
    let proof = facts.proofs(route).iter().find(|proof| proof.location().contains(&b' '))?;
    Some(by_proof(&RULE, proof, "a blank of the target is sent as it stands", route.span).help("write `%20`"))
}

/// Flags without a blank in front of them, which are then a part of the target: `/b[R=301,L]`.
fn glued(facts: &Facts<'_>, route: &Route<'_>) -> Option<Finding> {
    let directive = facts.directive(route.span).filter(|directive| words::is(facts, directive, "RewriteRule"))?;
    let [_, target] = directive.args.as_slice() else { return None };
    let text = facts.sources.text(target.span);
    // Within quotes a blank divides nothing.
    let text = Some(text).filter(|text| !text.starts_with(b"\"") && !text.starts_with(b"'"))?;
    let at = memchr::memrchr(b'[', text).filter(|&at| at > 0)?;
    let flags = text.get(at + 1..)?.strip_suffix(b"]")?;
    let name = |flag: &[u8]| flag.split(|&byte| byte == b'=').next().unwrap_or_default().to_ascii_uppercase();
    let known = |flag: &[u8]| FLAGS.contains(&&*name(flag));
    flags.split(|&byte| byte == b',').all(known).then_some(())?;
    let start = target.span.start as usize + at;
    let place = Span::new(target.span.file, start, start);
    let message = format!("`[{}]` belongs to the target: no blank divides the two", lossy(flags));
    let finding = proven(facts, &RULE, route, message).help("put a blank in front of the flags");
    Some(finding.fix(Applicability::Unsafe, "put a blank in front of the flags", vec![replace(place, " ")]))
}

/// Flags by which a list of flags is known.
const FLAGS: [&[u8]; 10] = [b"R", b"L", b"NC", b"NE", b"QSA", b"QSD", b"END", b"F", b"G", b"PT"];

fn written(route: &Route<'_>) -> String {
    route.target().map(|target| lossy(target.literal_start())).unwrap_or_default()
}

/// What is wrong with the beginning of a target, and what was probably meant.
fn complaint(text: &str) -> Option<(&'static str, Option<String>)> {
    let lower = text.to_ascii_lowercase();
    if DEAD_SCHEMES.iter().any(|scheme| lower.starts_with(scheme)) {
        return Some(("has a scheme that no client follows", None));
    }
    for scheme in ["https", "http"] {
        let Some(rest) = lower.strip_prefix(scheme) else { continue };
        let rest = text.get(text.len() - rest.len()..).unwrap_or_default();
        if let Some(host) = rest.strip_prefix("//") {
            return Some(("lacks the colon behind the scheme", Some(format!("{scheme}://{host}"))));
        }
        let Some(after) = rest.strip_prefix(':').filter(|after| !after.is_empty()) else { continue };
        let host = after.trim_start_matches('/');
        let slashes = after.len() - host.len();
        if ["http://", "https://"].iter().any(|again| host.to_ascii_lowercase().starts_with(again)) {
            return Some(("says the scheme twice", Some(host.to_owned())));
        }
        if slashes != 2 {
            return Some(("needs exactly two slashes behind the scheme", Some(format!("{scheme}://{host}"))));
        }
    }
    if names_host(&lower) {
        return Some(("is read as a path, not as a host", Some(format!("https://{text}"))));
    }
    if text.contains('\u{a0}') {
        return Some(("has a no-break space in it, which ends no word: what follows is read as part of the target", None));
    }
    let blank = text.bytes().any(|byte| byte.is_ascii_control());
    blank.then_some(("has a control character in it", None))
}

fn names_host(text: &str) -> bool {
    let Some(segment) = text.split(['/', '?', '#', ':']).next().filter(|segment| segment.contains('.')) else { return false };
    let plain = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    let end = segment.rsplit('.').next().unwrap_or_default();
    plain && !segment.starts_with('.') && (segment.starts_with("www.") || HOST_ENDS.contains(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_surely_wrong_is_complained_of() {
        for bad in ["http//x.de/a", "https:/x.de", "https://http://x.de/", "/b\u{a0}[R=301]", "https:///x", "HTTP:x", "www.x.de/b", "example.com", "javascript:a"] {
            assert!(complaint(bad).is_some(), "{bad}");
        }
        for good in ["/a", "https://x/b", "http:", "signup.html", "myapp://x", "//cdn.x/a", "httpd/conf", "a.php?x", ""] {
            assert!(complaint(good).is_none(), "{good}");
        }
    }
}
