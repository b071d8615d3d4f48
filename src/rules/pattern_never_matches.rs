//! See the page of [`RULE`].

use super::make::{Also, by_proof, lossy, with_confidence};
use super::{FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::analysis::byteset::ByteSet;
use crate::analysis::expression::{self, Choices, Kind, Node};
use crate::analysis::guard::Dimension;
use crate::analysis::language::Language;
use crate::analysis::routes::{PathKind, PathPattern, PathTest, Route};
use crate::analysis::uses::{On, uses};
use crate::analysis::witness::Proof;
use crate::diagnostic::{Applicability, Confidence, Finding, Severity};
use crate::ir::pattern::Regex;
use crate::source::Span;
use rustc_hash::FxHashSet;

declare! {
    /// A pattern can match nothing that the server holds against it.
    ///
    /// ## What it does
    /// Finds patterns that no path (host, query) can match where they stand: a leading slash in a `.htaccess`, a
    /// missing one in a virtual host, a query, a scheme or `%20` in a path pattern, a `*` in a `Redirect`.
    ///
    /// ## Why is this bad?
    /// The directive is dead: the redirect that somebody relies on never happens.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^/old$ /new [R=301,L]
    /// ```
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteRule ^page\.php\?id=1$ /p/1 [R=301,L]
    /// ```
    /// ```nginx bad
    /// location = /my%20page {
    ///     return 301 /x;
    /// }
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// {% for path in moved %}
    /// RewriteRule ^{{path}}/%20$ /new [R=301,L]
    /// {% endfor %}
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteRule ^/?old$ /new [R=301,L]
    /// RewriteCond %{QUERY_STRING} ^id=1$
    /// RewriteRule ^page\.php$ /p/1? [R=301,L]
    /// ```
    /// ```nginx good
    /// location = "/my page" {
    ///     return 301 /x;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: a dead directive comes to life. Only `^/` in a folder is repaired, to `^/?`.
    ///
    /// ## Traps
    /// Paths are decoded before they are matched. A path may still hold `?`, `#` or `%` where a client escapes them
    /// (`%3F`, `%2523`): a pattern that needs one is reported as dead all the same, because nobody means that. A
    /// text that is read both by a virtual host and as `.htaccess` wants `^/?`; a file of another name is only noted.
    ///
    /// ## Sources
    /// mod_rewrite, per-directory rewrites; mod_alias `Redirect`; nginx `location`.
    RULE {
        name: "pattern-never-matches",
        group: Group::DeadCode,
        severity: Severity::Error,
        servers: Servers::Both,
        fix: FixKind::Unsafe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen: FxHashSet<Span> = FxHashSet::default();
    for route in facts.routes().all.iter().filter(|route| route.enabled) {
        for test in route.paths.iter().filter(|test| !test.negated && test.on != PathKind::File) {
            let Some(why) = dead(test) else { continue };
            if unwritten(facts, route) {
                continue;
            }
            let at = match test.pattern {
                PathPattern::Regex(regex) => words::place(facts, regex),
                _ => first_argument(facts, test.span),
            };
            if seen.insert(at) {
                findings.push(finding(facts, route, test, at, &why));
            }
        }
    }
    for one in uses(facts, |one| matches!(one.on, On::Other(_)) && !one.negated) {
        if let On::Other(dimension) = &one.on
            && let Some(why) = dead_elsewhere(dimension, one.regex)
        {
            let message = format!("the pattern never matches: {why}");
            findings.push(report(facts, one.route, message, words::place(facts, one.regex)));
        }
    }
}

/// Whether a template still has to write part of the redirect, so that the server's pattern is another one.
fn unwritten(facts: &Facts<'_>, route: &Route<'_>) -> bool {
    let text = facts.sources.text(route.span);
    let opens = |mark: &[u8]| memchr::memmem::find(text, mark).is_some();
    facts.is_template(route.span.file) && [&b"{{"[..], b"{%", b"<%"].iter().any(|mark| opens(mark))
}

fn report(facts: &Facts<'_>, route: &Route<'_>, message: String, at: Span) -> Finding {
    match facts.attempt(route).filter(|proof| proof.answer.cause != Some(route.span)) {
        Some(proof) => by_proof(&RULE, &proof, message, at),
        None => with_confidence(&RULE, Confidence::Possible, message, at),
    }
}

fn finding(facts: &Facts<'_>, route: &Route<'_>, test: &PathTest<'_>, at: Span, why: &Why) -> Finding {
    let message = format!("the pattern never matches: {}", why.text);
    let finding = match meant(facts, route, test) {
        Some(proof) => by_proof(&RULE, &proof, message, at),
        None => with_confidence(&RULE, Confidence::Possible, message, at),
    };
    let finding = finding.help(why.help);
    // A piece that is not named `.htaccess` may as well be read by a virtual host, where the slash is right.
    let named = facts.sources.file(at.file).path().file_name().is_some_and(|name| name == ".htaccess");
    let unsure = why.slash && facts.options.dialect == crate::lower::Dialect::Htaccess && !named;
    let finding = if unsure { finding.at_most(Severity::Info) } else { finding };
    let slash = match test.pattern {
        PathPattern::Regex(regex) if why.slash && regex.text.starts_with(b"^/") => words::piece(facts, regex, 1, 2),
        _ => None,
    };
    match slash {
        Some(span) => {
            let edit = crate::rules::make::insert_behind(span, "?");
            finding.fix(Applicability::Unsafe, "let the slash be missing", vec![edit])
        }
        None => finding,
    }
}

/// The request that the author had in mind, which somebody else answers.
fn meant(facts: &Facts<'_>, route: &Route<'_>, test: &PathTest<'_>) -> Option<Proof> {
    let text = match test.pattern {
        PathPattern::Exact(text) | PathPattern::Prefix(text) | PathPattern::Segments(text) => text.to_vec(),
        PathPattern::Regex(regex) => expression::sample(&expression::of(regex), Choices::default()),
        PathPattern::Other(_) => return None,
    };
    let text = match memchr::memmem::find(&text, b"://") {
        Some(at) => text.get(at + 3..)?.iter().copied().skip_while(|&byte| byte != b'/').collect(),
        None => text,
    };
    let text = text.strip_prefix(b"/").unwrap_or(&text);
    let mount = route.mount.as_deref().filter(|_| test.on == PathKind::Relative).unwrap_or(b"/");
    let plain = |byte: &u8| byte.is_ascii_graphic();
    // A fragment stays with the client.
    let sent = [mount, text].concat().into_iter().take_while(|&byte| byte != b'#');
    let target: Vec<u8> = sent.filter(plain).collect();
    let mut request = facts.proposals(route).into_iter().next()?;
    request.target = target.into();
    let answer = facts.answer(&request);
    (answer.cause != Some(route.span)).then_some(Proof { request, answer })
}

fn first_argument(facts: &Facts<'_>, span: Span) -> Span {
    let Some(directive) = facts.directive(span) else { return span };
    let path = |word: &&crate::syntax::Word| facts.word(word).iter().any(|byte| b"/?%".contains(byte));
    directive.args.iter().find(path).map_or_else(|| directive.head(), |word| word.span)
}

/// Why a pattern is dead.
struct Why {
    text: String,
    help: &'static str,
    slash: bool,
}

fn why(text: impl Into<String>, help: &'static str) -> Option<Why> {
    Some(Why { text: text.into(), help, slash: false })
}

const QUERY: &str = "test the query on its own: `RewriteCond %{QUERY_STRING}`, `$arg_name`";
const DECODED: &str = "write the character itself: paths are decoded before they are matched";

/// Whether no path there is passes the test.
pub(super) fn is_dead(test: &PathTest<'_>) -> bool {
    test.on != PathKind::File && dead(test).is_some()
}

fn dead(test: &PathTest<'_>) -> Option<Why> {
    match test.pattern {
        PathPattern::Exact(text) | PathPattern::Prefix(text) | PathPattern::Segments(text) => {
            if !text.starts_with(b"/") && !text.is_empty() {
                return why("a path begins with `/`", "put a slash in front");
            }
            let glob = matches!(test.pattern, PathPattern::Segments(_)) && text.contains(&b'*');
            if glob {
                return why("`*` stands for itself here", "leave the `*` out, or use `RedirectMatch`");
            }
            literal(text)
        }
        PathPattern::Regex(regex) => dead_regex(regex, test.on),
        PathPattern::Other(_) => None,
    }
}

fn literal(text: &[u8]) -> Option<Why> {
    if text.contains(&b'?') {
        return why("a path holds no query", QUERY);
    }
    escape_in(text).map(|escape| Why {
        text: format!("`{}` is decoded before the path is matched", lossy(&escape)),
        help: DECODED,
        slash: false,
    })
}

/// The first `%XX` of a text.
fn escape_in(text: &[u8]) -> Option<Vec<u8>> {
    let found = text.windows(3).find(|three| three.starts_with(b"%") && three.iter().skip(1).all(u8::is_ascii_hexdigit));
    found.filter(|three| *three != b"%25").map(<[u8]>::to_vec)
}

/// Whether the expression begins as a path does and holds no byte that could make it odd, plainly or escaped.
fn looks_well(regex: &Regex, on: PathKind) -> bool {
    let beginning = expression::beginning(regex);
    let starts_well = match on {
        PathKind::Url => beginning.text.starts_with(b"/"),
        PathKind::Relative => beginning.text.first().is_some_and(|&byte| byte != b'/'),
        PathKind::File => false,
    };
    let odd = regex.text.iter().any(|byte| b"?#%\\[".contains(byte)) || memchr::memmem::find(&regex.text, b"://").is_some();
    starts_well && !odd
}

/// Asks for the language only where the text looks suspicious: lists are long.
fn dead_regex(regex: &Regex, on: PathKind) -> Option<Why> {
    if looks_well(regex, on) {
        return None;
    }
    let tree = expression::of(regex);
    let starts = |tree: &Node| tree.anchored_start().then(|| first_byte(tree)).flatten();
    let slash = ByteSet::of(b"/");
    let wrong_start = match (on, starts(&tree)) {
        (PathKind::Relative, Some(set)) => set == slash,
        (PathKind::Url, Some(set)) => !set.contains(b'/'),
        _ => false,
    };
    let odd = tree.walk().iter().any(|node| node.bytes().is_some_and(|set| set.and(ByteSet::of(b"?#%")) == set));
    let scheme = memchr::memmem::find(&regex.text, b"://").is_some();
    if !wrong_start && !odd && !scheme {
        return None;
    }
    let language = Language::matching(regex)?;
    if language.is_empty().is_yes() {
        return why("it asks for the beginning or the end in its middle", "take the `^` or `$` out of the middle");
    }
    let begins = |rest: ByteSet| {
        let rest = Language::repeated(rest, 0, None);
        match on {
            PathKind::Relative => Language::repeated(slash.inverted(), 1, Some(1)).then(&rest)?.or(&Language::literal(b"")),
            _ => Language::literal(b"/").then(&rest),
        }
    };
    let none = |rest: ByteSet| begins(rest).is_some_and(|domain| language.intersects(&domain).is_no());
    if none(ByteSet::ALL) {
        return match (on, scheme) {
            (_, true) => why("a path holds no scheme and no host", "test the host with a condition on `%{HTTP_HOST}`"),
            (PathKind::Relative, _) => Some(Why {
                text: "in a folder's own rules the path has no leading slash".into(),
                help: "leave the slash out, or write `^/?`",
                slash: true,
            }),
            _ => why("here the path begins with a slash", "begin the pattern with `^/`"),
        };
    }
    if none(ByteSet::of(b"#").inverted()) {
        return why("what stands behind `#` stays with the client", "leave the fragment out: no link sends it, only `%23` would match");
    }
    if none(ByteSet::of(b"?#").inverted()) {
        return why("a path holds no query", QUERY);
    }
    let escape = escape_in(&regex.text)?;
    let text = format!("`{}` is decoded before the path is matched", lossy(&escape));
    if none(ByteSet::of(b"?#%").inverted()) { why(text, DECODED) } else { None }
}

/// What the first byte of a match can be.
fn first_byte(node: &Node) -> Option<ByteSet> {
    match &node.kind {
        Kind::Concat(nodes) => nodes.iter().find(|node| !node.is_assertion()).and_then(first_byte),
        Kind::Group(_, inner) | Kind::Atomic(inner) => first_byte(inner),
        Kind::Repeat { node, min, .. } if *min > 0 => first_byte(node),
        Kind::Alternation(nodes) => {
            nodes.iter().map(first_byte).try_fold(ByteSet::EMPTY, |all, one| Some(all.or(one?)))
        }
        _ => node.bytes(),
    }
}

/// Patterns on the host or the query.
fn dead_elsewhere(dimension: &Dimension, regex: &Regex) -> Option<&'static str> {
    let (domain, needed, why): (ByteSet, &[u8], _) = match dimension {
        Dimension::Host => (ByteSet::of(b"/?# ").inverted(), b"/", "a host name holds no slash and no scheme"),
        Dimension::Query(None) => (ByteSet::of(b"?# ").inverted(), b"?", "the query comes without its `?`"),
        _ => return None,
    };
    if !regex.text.iter().any(|byte| needed.contains(byte)) {
        return None;
    }
    let tree = expression::of(regex);
    let odd = |node: &&Node| node.bytes().is_some_and(|set| set.len() == 1 && needed.iter().any(|&b| set.contains(b)));
    tree.walk().iter().find(|node| odd(node))?;
    let language = Language::matching(regex)?;
    language.intersects(&Language::repeated(domain, 0, None)).is_no().then_some(why)
}
