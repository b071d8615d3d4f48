//! Random Apache configurations and requests to them, biased to what people write and to what surprises.

use super::gen_apache_words::{COMMON, INSIDE, OUTSIDE};
use super::live::Ask;
use proptest::prelude::*;
use proptest::sample::select;

/// A server configuration, a `.htaccess`, and what to ask.
#[derive(Clone, Debug)]
pub struct Case {
    /// Lines at server level.
    pub server: Vec<String>,
    /// Lines of the `.htaccess` in the document root.
    pub htaccess: Vec<String>,
    /// Lines of the `.htaccess` in `d/`.
    pub below: Vec<String>,
    pub asks: Vec<Ask>,
}

fn text(choices: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(choices).prop_map(str::to_owned)
}

fn regex(slash: &'static str) -> impl Strategy<Value = String> + Clone {
    text(&[
        "^@a$",
        "^@a",
        "^@a/(.*)$",
        "^@(.*)$",
        "(.*)",
        "^",
        "^@old/(.+)$",
        "\\.php$",
        "^@([^/]+)/(.*)$",
        "^(.*)/$",
        "^@b/(\\d+)/?$",
        "/b",
        "x",
        "^@(a|b)(/|$)",
        "^@index\\.html$",
        "^(.*[^/])$",
        "^@d/?$",
        "!^@a",
        "!\\.html$",
        "^@a(?!/keep)",
        "^@(a)(b)?(/.*)?$",
        "^$",
        "^.*$",
        ".",
    ])
    .prop_map(move |regex| regex.replace('@', slash))
}

fn fragment() -> impl Strategy<Value = String> + Clone {
    text(&[
        "/new",
        "b",
        "a",
        "$1",
        "$2",
        "/$1",
        "$0",
        "%1",
        "%{REQUEST_URI}",
        "%{QUERY_STRING}",
        "%{HTTP_HOST}",
        "%{ENV:V}",
        "?x=1",
        "?q=$1",
        "/index.html",
        "\\%20",
        "&y=2",
        "%{HTTP:X-A}",
        "%{REQUEST_METHOD}",
        "?",
        "#f",
        "+",
        "%{SERVER_NAME}",
        "%{PATH_INFO}",
        "${m:$1|dflt}",
        "%{REQUEST_FILENAME}",
    ])
}

fn substitution() -> impl Strategy<Value = String> + Clone {
    let start = text(&[
        "/",
        "/new",
        "b",
        "https://e.example/",
        "http://www.example.com/",
        "/n/$1",
        "f.php",
        "index.html",
        "-",
        "-",
        "https://%{HTTP_HOST}",
        "$1",
        "",
        "./x",
        "http://e.example",
    ]);
    (start, prop::collection::vec(fragment(), 0..3))
        .prop_map(|(start, rest)| if start == "-" { start } else { start + &rest.concat() })
}

fn flags() -> impl Strategy<Value = String> + Clone {
    let flag = text(&[
        "L",
        "L",
        "L",
        "R",
        "R=301",
        "R=301",
        "R=302",
        "R=307",
        "R=404",
        "NC",
        "QSA",
        "QSD",
        "NE",
        "C",
        "S=1",
        "END",
        "F",
        "G",
        "PT",
        "E=V:1",
        "E=V:$1",
        "B",
        "NS",
        "DPI",
        "N=3",
        "QSL",
        "E=!V",
        "BNP",
        "UnsafeAllow3F",
        "R=permanent",
        "CO=n:v:.example.com",
        "H=nobody",
        "T=text/x",
        "B=/",
        "BNE=/",
        "BCTLS",
        "R=303",
        "R=403",
        "S=2",
        "UNC",
        "UnsafePrefixStat",
        "E=W:%{ENV:V}",
    ]);
    prop::collection::vec(flag, 0..4)
        .prop_map(|flags| if flags.is_empty() { String::new() } else { format!(" [{}]", flags.join(",")) })
}

fn condition() -> impl Strategy<Value = String> + Clone {
    let subject = text(&[
        "%{REQUEST_URI}",
        "%{HTTP_HOST}",
        "%{QUERY_STRING}",
        "%{HTTPS}",
        "%{REQUEST_METHOD}",
        "%{THE_REQUEST}",
        "%{HTTP_USER_AGENT}",
        "%{ENV:REDIRECT_STATUS}",
        "%{ENV:V}",
        "$1",
        "%{REQUEST_FILENAME}",
        "%{HTTP_COOKIE}",
        "%{SERVER_PORT}",
        "%{HTTP:X-A}",
        "%{DOCUMENT_ROOT}/f.html",
        "%{LA-U:REQUEST_FILENAME}",
        "%{ENV:REDIRECT_V}",
        "%{IS_SUBREQ}",
        "%{REQUEST_SCHEME}",
        "${m:$1|x}",
        "x%1",
        "%{SERVER_NAME}",
    ]);
    let pattern = text(&[
        "-f",
        "!-f",
        "-d",
        "!-d",
        "-s",
        "-F",
        "!-F",
        "-U",
        "!-U",
        "-x",
        "<=b",
        ">=a",
        "-eq10",
        "!-gt 1",
        "=\"\"",
        "^$",
        "!^$",
        "^www\\.(.+)$",
        "=on",
        "!=on",
        "on",
        "off",
        "^q=(.*)$",
        "a",
        "!a",
        "^/a",
        "!^/new",
        "(.*)",
        "GET",
        "=GET",
        ">a",
        "<b",
        "-eq 80",
        "^/(.*)$",
        "!^/(index\\.html|f\\.php)",
        "\\s/a[\\s?]",
        "200",
        "^example\\.com$",
    ]);
    let flags = text(&["", "", "", " [NC]", " [OR]", " [NC,OR]"]);
    (subject, pattern, flags).prop_map(|(subject, pattern, flags)| {
        let pattern = if pattern.contains(' ') { format!("\"{pattern}\"") } else { pattern };
        format!("RewriteCond {subject} {pattern}{flags}")
    })
}

fn rule(slash: &'static str) -> impl Strategy<Value = String> + Clone {
    (prop::collection::vec(condition(), 0..3), regex(slash), substitution(), flags()).prop_map(
        |(conditions, regex, to, flags)| {
            let to = if to.is_empty() { "\"\"".to_owned() } else { to };
            conditions.into_iter().chain([format!("RewriteRule {regex} {to}{flags}")]).collect::<Vec<_>>().join("\n")
        },
    )
}

fn redirect() -> impl Strategy<Value = String> + Clone {
    let status = text(&["", "301 ", "permanent ", "302 ", "307 ", "308 ", "seeother "]);
    let path = text(&["/", "/a", "/a/", "/old", "/b/x", "/index.html", "/d", "/a%20b", "/A"]);
    let to = text(&[
        "/new",
        "http://e.example/",
        "https://e.example/n",
        "/b?x=1",
        "/b/",
        "http://www.example.com/a",
        "/new?",
        "http://e.example/#f",
        "/a/a",
    ]);
    let matched = text(&["^/a$", "^/a/(.*)$", "(.*)\\.php$", "/b", "^/(.*)$", "^/old/?(.*)$", "(?i)^/A$"]);
    let to_matched = text(&[
        "/new/$1",
        "http://e.example/$1",
        "/b?p=$1",
        "/b",
        "https://e.example/n$0",
        "http://e.example/%20$1",
        "/$1/$1",
    ]);
    prop_oneof![
        4 => (status.clone(), path, to).prop_map(|(status, path, to)| format!("Redirect {status}{path} {to}")),
        4 => (status, matched, to_matched).prop_map(|(status, regex, to)| format!("RedirectMatch {status}{regex} {to}")),
        1 => text(&["Redirect gone /gone", "Redirect 410 /a/gone", "RedirectMatch 404 ^/x$", "Redirect 403 /b/b"]),
    ]
}

fn other(per_directory: bool) -> impl Strategy<Value = String> + Clone {
    let extra = if per_directory { INSIDE } else { OUTSIDE };
    prop_oneof![2 => select(COMMON).prop_map(str::to_owned), 1 => select(extra).prop_map(str::to_owned)]
}

fn lines(per_directory: bool) -> impl Strategy<Value = Vec<String>> {
    let slash = if per_directory { "" } else { "/" };
    let line = prop_oneof![5 => rule(slash), 2 => redirect(), 1 => other(per_directory), 1 => rule(if per_directory { "/?" } else { "/" })];
    prop::collection::vec(line, 0..5).prop_map(|mut lines| {
        if lines.iter().any(|line| line.contains("RewriteRule")) {
            lines.insert(0, "RewriteEngine On".to_owned());
        }
        lines
    })
}

fn ask() -> impl Strategy<Value = Ask> {
    let piece = text(&[
        "/a",
        "/b",
        "/old",
        "/x",
        "/",
        "/a%20b",
        "/%41",
        "/a+b",
        "/caf%C3%A9",
        "/..",
        "/.",
        "//",
        "/a%2Fb",
        "/1",
        "/index.html",
        "/d",
        "/f.php",
        "/a&c",
        "/%3Fq",
        "/keep",
        "/A",
        "/%25",
        "/a%0Ab",
        "/a;b",
        "/f.html",
        "/gone",
        "/al",
        "/%2e%2e",
        "/%00",
        "/%zz",
        "/d/x",
    ]);
    let query = text(&["", "", "", "?", "?x=1", "?q=/a", "?q=a%20b&z=1", "?q=%2F", "?a&q", "??", "?q=1&"]);
    let host = select(
        &[
            "www.example.com",
            "www.example.com",
            "www.example.com",
            "example.com",
            "WWW.example.com:99",
            "other.test",
            "www.example.com.",
            "[::1]:80",
            "not/a/host",
        ][..],
    );
    let other = text(&["V: 1", "Authorization: Basic YTpi", "Cookie: a=b"])
        .prop_map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())));
    let header = prop_oneof![4 => Just(None), 1 => other, 1 => text(&["1", "/a", "abc"]).prop_map(|value| Some(("X-A".to_owned(), value))),
        1 => text(&["Mozilla/5.0", "curl"]).prop_map(|value| Some(("User-Agent".to_owned(), value)))];
    let method =
        select(&["GET", "GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "POST", "OPTIONS", "MERGE", "X"][..]);
    let origin = prop_oneof![15 => Just(""), 1 => select(&["http://example.com", "https://example.com", "*", "?"][..])];
    (method, origin, prop::collection::vec(piece, 1..4), query, host, header).prop_map(
        |(method, origin, pieces, query, host, header)| Ask {
            method: method.to_owned(),
            target: (origin.to_owned() + &pieces.concat() + &query).into_bytes(),
            host: Some(host.to_owned()),
            headers: header.into_iter().collect(),
        },
    )
}

/// Whole cases with `requests` requests each.
pub fn case(requests: usize) -> impl Strategy<Value = Case> {
    let server = prop_oneof![2 => Just(Vec::new()), 3 => lines(false)];
    let below = prop_oneof![2 => Just(Vec::new()), 1 => lines(true)];
    (server, lines(true), below, prop::collection::vec(ask(), requests))
        .prop_map(|(server, htaccess, below, asks)| Case { server, htaccess, below, asks })
}
