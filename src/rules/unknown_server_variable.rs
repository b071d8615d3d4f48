//! See the page of [`RULE`].

use super::make::{Also, certain, replace};
use super::{Basis, FixKind, Group, Servers, words};
use crate::analysis::Facts;
use crate::diagnostic::{Applicability, Finding, Severity};
use crate::source::Span;
use crate::syntax::Word;

declare! {
    /// `%{NAME}` names no variable that mod_rewrite knows, so it is always empty.
    ///
    /// ## What it does
    /// Finds names in `RewriteCond` and `RewriteRule` that are not in mod_rewrite's list.
    ///
    /// ## Why is this bad?
    /// An unknown name is no error: it is empty. A condition on it is then always true or always false. Most often a
    /// request header is meant, and those are written `%{HTTP:Name}`.
    ///
    /// ## Example
    /// ```htaccess bad
    /// RewriteEngine On
    /// RewriteCond %{HTTP_ACCEPT_LANGUAGE} ^fr
    /// RewriteRule ^$ /fr/ [R=302,L]
    /// ```
    /// ```htaccess good
    /// RewriteEngine On
    /// RewriteCond %{HTTP:Accept-Language} ^fr [NC]
    /// RewriteRule ^$ /fr/ [R=302,L]
    /// ```
    ///
    /// ## Fix safety
    /// Unsafe: the condition begins to work.
    ///
    /// ## Traps
    /// What `SetEnv` sets is read as `%{ENV:name}` only. Expressions (`RewriteCond expr`) have a list of their own and
    /// are not looked at. A variable that was to tell https from http is told as `unreliable-https-test` alone.
    ///
    /// ## Sources
    /// mod_rewrite `RewriteCond`, server variables; `lookup_variable` in mod_rewrite.c.
    RULE {
        name: "unknown-server-variable",
        group: Group::Correctness,
        severity: Severity::Error,
        basis: Basis::Text,
        servers: Servers::Apache,
        fix: FixKind::Sometimes,
        check: check,
    }
}

/// Names without a colon, upper case.
const KNOWN: [&str; 45] = [
    "API_VERSION", "AUTH_TYPE", "CONN_REMOTE_ADDR", "CONTEXT_DOCUMENT_ROOT", "CONTEXT_PREFIX", "DOCUMENT_ROOT",
    "HTTPS", "HTTP_ACCEPT", "HTTP_COOKIE", "HTTP_FORWARDED", "HTTP_HOST", "HTTP_PROXY_CONNECTION", "HTTP_REFERER",
    "HTTP_USER_AGENT", "IPV6", "IS_SUBREQ", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_IDENT",
    "REMOTE_PORT", "REMOTE_USER", "REQUEST_FILENAME", "REQUEST_METHOD", "REQUEST_SCHEME", "REQUEST_URI",
    "SCRIPT_FILENAME", "SCRIPT_GROUP", "SCRIPT_USER", "SERVER_ADDR", "SERVER_ADMIN", "SERVER_NAME", "SERVER_PORT",
    "SERVER_PROTOCOL", "SERVER_SOFTWARE", "THE_REQUEST", "TIME", "TIME_DAY", "TIME_HOUR", "TIME_MIN", "TIME_MON",
    "TIME_SEC", "TIME_WDAY", "TIME_YEAR",
];

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    facts.each_directive(|directive, _| {
        let word = if words::is(facts, directive, "RewriteCond") {
            directive.args.first().filter(|word| !facts.word(word).eq_ignore_ascii_case(b"expr"))
        } else if words::is(facts, directive, "RewriteRule") {
            directive.args.get(1)
        } else {
            None
        };
        for (name, span) in word.map(|word| names(facts, word)).unwrap_or_default() {
            if !is_known(&name) {
                findings.push(finding(&name, span));
            }
        }
    });
}

/// The names in a word, with their places (the braces left out).
fn names(facts: &Facts<'_>, word: &Word) -> Vec<(String, Span)> {
    let text = facts.sources.text(word.span);
    let mut found = Vec::new();
    for at in memchr::memmem::find_iter(text, b"%{") {
        let escaped = at.checked_sub(1).and_then(|before| text.get(before)) == Some(&b'\\');
        let start = at + 2;
        let rest = text.get(start..).unwrap_or_default();
        let Some(len) = memchr::memchr(b'}', rest) else { continue };
        let name = rest.get(..len).unwrap_or_default();
        // A name that is itself put together at reading time is not here to judge.
        if escaped || name.contains(&b'$') || name.contains(&b'%') {
            continue;
        }
        let offset = word.span.start as usize + start;
        let span = Span::new(word.span.file, offset, offset + len);
        found.push((String::from_utf8_lossy(name).into_owned(), span));
    }
    found
}

fn is_known(name: &str) -> bool {
    match name.split_once(':') {
        Some((space, rest)) if space.eq_ignore_ascii_case("LA-U") || space.eq_ignore_ascii_case("LA-F") => is_known(rest),
        Some((space, _)) => ["ENV", "HTTP", "SSL"].iter().any(|known| known.eq_ignore_ascii_case(space)),
        None => KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name)),
    }
}

fn finding(name: &str, span: Span) -> Finding {
    let finding = certain(&RULE, format!("mod_rewrite knows no variable `{name}`: it is always empty"), span);
    match meant(name) {
        Some(meant) => finding
            .help(format!("write `%{{{meant}}}`"))
            .fix(Applicability::Unsafe, format!("write `{meant}`"), vec![replace(span, meant)]),
        None => finding.help("a request header is `%{HTTP:Name}`, an environment variable `%{ENV:name}`"),
    }
}

/// What was probably meant.
fn meant(name: &str) -> Option<String> {
    let upper = name.to_ascii_uppercase();
    if let Some(header) = upper.strip_prefix("HTTP_").filter(|header| !header.is_empty()) {
        let title = |word: &str| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_string() + &letters.as_str().to_ascii_lowercase()).unwrap_or_default()
        };
        return Some(format!("HTTP:{}", header.split('_').map(title).collect::<Vec<_>>().join("-")));
    }
    let plain = match upper.as_str() {
        "REQUEST_URL" | "URI" | "REQUEST_PATH" | "PATH" | "DOCUMENT_URI" | "SCRIPT_NAME" | "REDIRECT_URL" => "REQUEST_URI",
        "HOST" | "HTTPHOST" => "HTTP_HOST",
        "QUERY" | "ARGS" => "QUERY_STRING",
        "METHOD" => "REQUEST_METHOD",
        "USER_AGENT" => "HTTP_USER_AGENT",
        "REFERER" => "HTTP_REFERER",
        "REMOTE_IP" => "REMOTE_ADDR",
        "PORT" => "SERVER_PORT",
        "SCHEME" => "REQUEST_SCHEME",
        _ => return None,
    };
    Some(plain.to_owned())
}
