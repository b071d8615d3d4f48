//! Random nginx servers and requests to them, biased to what people write and to what surprises.

#[path = "gen_nginx_words.rs"]
mod words;

use super::live::Ask;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use words::{fragment, location_name, regex, setting, text};

/// A server block and what to ask it.
#[derive(Clone, Debug)]
pub struct Case {
    pub maps: Vec<String>,
    pub names: String,
    pub items: Vec<Item>,
    pub asks: Vec<Ask>,
}

/// What every server has beside its random content, and a second server that requests can be handed on to.
const FIXED: &str = "location @named { return 302 /named$uri; }
location @back { proxy_pass http://127.0.0.1:@PORT@; proxy_set_header Host back.example; }
location = /auth/ok { internal; return 204; }
location = /auth/no { internal; return 401; }
location = /auth/x { internal; if ($http_x_a) { return 403; } if ($arg_z) { return 302 /x; } return 204; }
}
server {
listen 127.0.0.1:@PORT@;
server_name back.example *.example.net ~^(?<n>[a-z]+)\\.re\\.test$;
location / { return 302 http://$http_host$request_uri; }
location /a { return 301 /moved$is_args$args; }
location /b { return 404; }
location /old { return 200 $request_uri; }
location /new { add_header X-Accel-Redirect $arg_q; return 204; }
location /x { return 444; }
}
";

/// One statement or block of a server.
#[derive(Clone, Debug)]
pub enum Item {
    Line(String),
    If(String, Vec<String>),
    Location(String, Vec<Item>),
}

impl Case {
    /// The content of `http { }`.
    pub fn config(&self) -> String {
        let mut text = String::new();
        for map in &self.maps {
            text.push_str(map);
            text.push('\n');
        }
        text.push_str("server {\nlisten 127.0.0.1:@PORT@;\n");
        text.push_str(&format!("server_name {};\n", self.names));
        let mut seen = std::collections::HashSet::new();
        render(&self.items, &mut seen, &mut text);
        text.push_str(FIXED);
        text
    }
}

fn render(items: &[Item], seen: &mut std::collections::HashSet<String>, text: &mut String) {
    let mut once = std::collections::HashSet::new();
    for item in items {
        match item {
            // Settings that nginx takes only once in a block.
            Item::Line(line) => {
                let name = line.split(' ').next().unwrap_or_default().to_owned();
                let repeatable = [
                    "rewrite",
                    "return",
                    "set",
                    "break;",
                    "error_page",
                    "add_header",
                    "allow",
                    "deny",
                    "proxy_redirect",
                    "valid_referers",
                ];
                if repeatable.contains(&name.as_str()) || once.insert(name) {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            Item::If(condition, body) => {
                text.push_str(&format!("if ({condition}) {{ {} }}\n", body.join(" ")));
            }
            Item::Location(name, body) => {
                if seen.insert(name.clone()) {
                    text.push_str(&format!("location {name} {{\n"));
                    render(body, seen, text);
                    text.push_str("}\n");
                }
            }
        }
    }
}

fn target() -> impl Strategy<Value = String> + Clone {
    let start = text(&[
        "/",
        "/new",
        "/b/",
        "https://e.example",
        "http://www.example.com/",
        "$scheme://$host",
        "/a",
        "/n/$1",
        "//e",
        "rel",
    ]);
    (start, prop::collection::vec(fragment(), 0..3)).prop_map(|(start, rest)| start + &rest.concat())
}

fn rewrite() -> impl Strategy<Value = String> + Clone {
    let flag = text(&["", "", " last", " last", " break", " redirect", " permanent", " permanent"]);
    let end = text(&["", "", "", "?"]);
    (regex(), target(), end, flag)
        .prop_map(|(regex, target, end, flag)| format!("rewrite {regex} {target}{end}{flag};"))
}

fn give_back() -> impl Strategy<Value = String> + Clone {
    let code = text(&[
        "301", "302", "301", "303", "307", "308", "200", "404", "410", "403", "204", "305", "401", "444", "500", "502",
        "0", "007", "418", "999", "201", "300", "304", "499", "408", "497",
    ]);
    prop_oneof![
        6 => (code.clone(), target()).prop_map(|(code, target)| format!("return {code} {target};")),
        1 => code.prop_map(|code| format!("return {code};")),
        1 => target().prop_map(|target| format!("return https://e.example{target};")),
    ]
}

fn set() -> impl Strategy<Value = String> + Clone {
    (text(&["$v", "$v", "$w", "$args"]), prop::collection::vec(fragment(), 0..3))
        .prop_map(|(name, parts)| format!("set {name} \"{}\";", parts.concat()))
}

fn condition() -> impl Strategy<Value = String> + Clone {
    let name = text(&[
        "$uri",
        "$request_uri",
        "$args",
        "$arg_q",
        "$host",
        "$http_host",
        "$scheme",
        "$request_method",
        "$v",
        "$m",
        "$http_x_a",
        "$cookie_c",
        "$is_args",
        "$g",
        "$s",
        "$p",
        "$request",
        "$server_port",
        "$upstream_status",
        "$http_user_agent",
        "$document_uri",
        "$invalid_referer",
        "$invalid_referer",
    ]);
    let operator = text(&["~", "~*", "!~", "!~*"]);
    let value = text(&["a", "/a", "GET", "POST", "http", "example.com", "1", "\"\"", "www.example.com", "$arg_z", "x"]);
    prop_oneof![
        2 => name.clone(),
        3 => (name.clone(), operator, regex()).prop_map(|(name, operator, regex)| format!("{name} {operator} {regex}")),
        2 => (name, text(&["=", "!="]), value).prop_map(|(name, operator, value)| format!("{name} {operator} {value}")),
        1 => text(&["-x $document_root/d", "!-d $document_root$uri", "-f $document_root/$1", "-f $request_filename", "!-f $request_filename", "-d $request_filename", "!-e $request_filename", "-e $document_root/f.html"]),
    ]
}

fn rewriting() -> impl Strategy<Value = String> + Clone {
    prop_oneof![4 => rewrite(), 4 => give_back(), 2 => set(), 1 => Just("break;".to_owned())]
}

/// Handing on, with the name of the other server in the `Host`.
fn handing_on() -> impl Strategy<Value = String> + Clone {
    let url =
        text(&["", "", "/", "/a/", "/old", "/new/", "?x=1", "$uri", "/$arg_q", "$request_uri", "/b$is_args$args"]);
    let host = text(&["back.example", "back.example", "$http_host", "back.example:99", "x.example.net", "abc.re.test"]);
    (url, host)
        .prop_map(|(url, host)| format!("proxy_pass http://127.0.0.1:@PORT@{url}; proxy_set_header Host {host};"))
}

fn alias() -> impl Strategy<Value = String> + Clone {
    text(&["alias html/;", "alias html/d/;", "alias html/f.html;", "alias html/$1;"])
}

fn server_setting() -> impl Strategy<Value = String> + Clone {
    prop_oneof![4 => setting().prop_filter("not in a server", |line| line != "internal;"), 1 => text(&["merge_slashes off;"])]
}

fn excepted() -> impl Strategy<Value = String> + Clone {
    text(&[
        "limit_except GET { deny all; }",
        "limit_except POST { auth_basic x; }",
        "limit_except PUT { allow 127.0.0.1; deny all; }",
    ])
}

fn conditional() -> impl Strategy<Value = Item> + Clone {
    (condition(), prop::collection::vec(rewriting(), 1..3)).prop_map(|(condition, body)| Item::If(condition, body))
}

fn location(body: impl Strategy<Value = Item> + Clone + 'static) -> impl Strategy<Value = Item> + Clone {
    (location_name(), prop::collection::vec(body, 0..4)).prop_map(|(name, body)| Item::Location(name, body))
}

fn leaf() -> Union<BoxedStrategy<Item>> {
    Union::new_weighted(vec![
        (5, rewriting().prop_map(Item::Line).boxed()),
        (3, conditional().boxed()),
        (2, setting().prop_map(Item::Line).boxed()),
        (1, handing_on().prop_map(Item::Line).boxed()),
        (1, prop_oneof![3 => alias(), 1 => excepted()].prop_map(Item::Line).boxed()),
    ])
}

fn item() -> impl Strategy<Value = Item> {
    let nested = prop_oneof![6 => leaf(), 1 => location(leaf())];
    prop_oneof![
        3 => rewriting().prop_map(Item::Line),
        2 => conditional(),
        1 => server_setting().prop_map(Item::Line),
        6 => location(nested),
    ]
}

/// A number made of the entries, to choose by.
fn entries_of(lines: &[String]) -> usize {
    lines.iter().map(String::len).sum()
}

fn map() -> impl Strategy<Value = String> {
    let source =
        text(&["$uri", "$request_uri", "$arg_q", "$host", "$http_x_a", "$args", "$1$uri", "$scheme://$host", "$v"]);
    let key = text(&[
        "/a",
        "/old",
        "~^/a/(.*)$",
        "~*^/B",
        "\"\"",
        "~x",
        "example.com",
        "1",
        "~^(.)",
        "/b?x=1",
        "default",
        "*.org",
        ".example.com",
        "www.*",
        "\\default",
        "~(?<p>[a-c])",
        "/OLD",
        "~*^(?<n>.*)b",
    ]);
    let value = text(&["/new", "/b", "$1", "/m/$1", "1", "0", "\"\"", "https://e.example/m", "$uri", "x$arg_z"]);
    (source, prop::collection::vec((key, value), 0..4)).prop_map(|(source, entries)| {
        let mut seen = std::collections::HashSet::new();
        let lines: Vec<String> = entries
            .into_iter()
            .filter(|(key, _)| seen.insert(key.clone()))
            .map(|(key, value)| format!("{key} {value};"))
            .collect();
        let head = ["", "", "hostnames; ", "volatile; "][entries_of(&lines) % 4];
        format!("map {source} $m {{ {head}{} }}", lines.join(" "))
    })
}

/// A request target.
pub fn path() -> impl Strategy<Value = String> + Clone {
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
        "/OLD",
        "/%25",
        "/a%0Ab",
        "/a;b",
        "/'\"<>",
        "/%2e%2e",
        "/%2f",
        "/a%3Bb",
        "/%",
        "/%zz",
        "/a%00",
        "/new",
        "/login",
        "/%2B",
        "/a#x",
        "/\\\\e",
        "/d/",
        "/f.html",
        "/auth/ok",
    ]);
    let query = text(&[
        "",
        "",
        "",
        "?",
        "?x=1",
        "?q=/a",
        "?q=a%20b&z=1",
        "?q=x",
        "?Q=1&q=2",
        "?a&q",
        "??",
        "?q=%2F#f",
        "?q=127.0.0.1",
        "?q=10.0.0.1",
        "?q=@named",
        "?q=/a%20b?c",
        "?q=../x",
        "?q=f.html",
        "?z=1",
        "?a=?b",
        "?+",
        "?q=x&q=y",
    ]);
    (prop::collection::vec(piece, 1..4), query).prop_map(|(pieces, query)| pieces.concat() + &query)
}

fn ask() -> impl Strategy<Value = Ask> {
    let host = select(
        &[
            "example.com",
            "example.com",
            "www.example.com",
            "EXAMPLE.com:99",
            "sub.example.org",
            "other.test",
            "example.com.",
            "",
            "a..b",
            "[::1]:80",
            "back.example",
            "foo.re.test",
            "exa_mple.com",
            ".example.org",
            "a.b.example.org",
            "www.test",
            "EXAMPLE.org.",
        ][..],
    );
    let header = prop_oneof![3 => Just(None), 1 => text(&["1", "/a", "x y", "abc"]).prop_map(|value| Some(("X-A".to_owned(), value))),
        1 => text(&["c=1", "d=2; c=/a", "c=", "C=2", "d=1, c=3", "cc=1;c = /x"]).prop_map(|value| Some(("Cookie".to_owned(), value))),
        1 => text(&["Mozilla/4.0 (compatible; MSIE 6.0; Windows)", "Opera MSIE 6.0 "]).prop_map(|value| Some(("User-Agent".to_owned(), value)))];
    let referer = prop_oneof![4 => Just(None), 1 => text(&["-", "http://example.com/", "https://a.Example.org:8/a/b", "http://x.example.org/b", "http://other.test/x", "http://www.test"]).prop_map(|value| Some(("Referer".to_owned(), value)))];
    let method =
        select(&["GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "FOO-BAR", "DELETE", "TRACE", "get"][..]);
    (method, path(), host, (header, referer)).prop_map(|(method, target, host, (header, referer))| Ask {
        method: method.to_owned(),
        target: target.into_bytes(),
        host: Some(host.to_owned()),
        headers: header.into_iter().chain(referer).collect(),
    })
}

/// What the first server is called.
fn names() -> impl Strategy<Value = String> + Clone {
    text(&[
        "example.com www.example.com *.example.org",
        "example.com www.example.com *.example.org",
        ".example.org example.com www.*",
        "example.com ~^(?<n>[^.]+)\\.example\\.(com|org)$",
        "~^(.+)\\.test$ example.com .back.example",
        "*.example.net example.com .example.net",
    ])
}

/// Whole cases with `requests` requests each.
pub fn case(requests: usize) -> impl Strategy<Value = Case> {
    let asks = prop::collection::vec(ask(), requests);
    (prop::collection::vec(map(), 0..2), names(), prop::collection::vec(item(), 1..6), asks).prop_map(
        |(maps, names, items, asks)| {
            // `$m`, `$n`, `$v`, `$w` exist in every case, so that the server takes their mention anywhere.
            let fallback = if maps.is_empty() { vec!["map $uri $m { /a /new; }".to_owned()] } else { maps };
            let variables = "map $request_method $v { default \"\"; }\nmap $request_method $w { default w; }\nmap $request_method $n { default \"\"; }\nmap $request_method $p { default \"\"; }\ngeo $arg_q $g { default \"\"; 127.0.0.0/8 /local; 10.0.0.1 ten; }\nsplit_clients $uri $s { 30% /s; 50% \"\"; * 1; }".to_owned();
            Case { maps: std::iter::once(variables).chain(fallback).collect(), names, items, asks }
        },
    )
}
