//! Random nginx servers and requests to them, biased to what people write and to what surprises.

use super::live::Ask;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;

/// A server block and what to ask it.
#[derive(Clone, Debug)]
pub struct Case {
    pub maps: Vec<String>,
    pub items: Vec<Item>,
    pub asks: Vec<Ask>,
}

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
        text.push_str("server {\nlisten 127.0.0.1:@PORT@;\nserver_name example.com www.example.com *.example.org;\n");
        let mut seen = std::collections::HashSet::new();
        render(&self.items, &mut seen, &mut text);
        text.push_str("location @named { return 302 /named$uri; }\n}\n");
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
                let repeatable = ["rewrite", "return", "set", "break;", "error_page", "add_header"];
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

fn text(choices: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    select(choices).prop_map(str::to_owned)
}

fn regex() -> impl Strategy<Value = String> + Clone {
    text(&[
        "^/a$",
        "^/a",
        "^/a/(.*)$",
        "^/(.*)$",
        "(.*)",
        "^",
        "^/old/(.+)$",
        "\\.php$",
        "^/([^/]+)/(.*)$",
        "^(.*)/$",
        "^/b/(\\d+)/?$",
        "^/(?<n>[a-z]+)",
        "/b",
        "x",
        "^/(a|b)(/|$)",
        "^/index\\.html$",
        "^(/.*[^/])$",
        "(?i)^/OLD",
        "\"^/[a-c]{1,2}$\"",
        "^/a(?!/keep)",
        "^/(a)(b)?(/.*)?$",
    ])
}

fn fragment() -> impl Strategy<Value = String> + Clone {
    text(&[
        "/new",
        "/b",
        "/a",
        "$1",
        "$2",
        "/$1",
        "$uri",
        "$request_uri",
        "$is_args$args",
        "?x=1",
        "?q=$1",
        "$host",
        "$arg_q",
        "/index.html",
        "$v",
        "$m",
        "$n",
        "/",
        "%20",
        "%2F",
        "&y=2",
        "$args",
        "/old/$1",
        "$query_string",
        "$request_method",
        "$document_uri",
        "$scheme",
        "$http_x_a",
        "$cookie_c",
        "+",
        "#f",
        "?",
    ])
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
    let code = text(&["301", "302", "301", "303", "307", "308", "200", "404", "410", "403"]);
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
    ]);
    let operator = text(&["~", "~*", "!~", "!~*"]);
    let value = text(&["a", "/a", "GET", "POST", "http", "example.com", "1", "\"\"", "www.example.com", "$arg_z", "x"]);
    prop_oneof![
        2 => name.clone(),
        3 => (name.clone(), operator, regex()).prop_map(|(name, operator, regex)| format!("{name} {operator} {regex}")),
        2 => (name, text(&["=", "!="]), value).prop_map(|(name, operator, value)| format!("{name} {operator} {value}")),
        1 => text(&["-f $request_filename", "!-f $request_filename", "-d $request_filename", "!-e $request_filename", "-e $document_root/f.html"]),
    ]
}

fn rewriting() -> impl Strategy<Value = String> + Clone {
    prop_oneof![4 => rewrite(), 4 => give_back(), 2 => set(), 1 => Just("break;".to_owned())]
}

fn setting() -> impl Strategy<Value = String> + Clone {
    text(&[
        "absolute_redirect off;",
        "port_in_redirect off;",
        "server_name_in_redirect on;",
        "error_page 404 /b;",
        "error_page 404 =301 https://e.example/gone;",
        "error_page 403 404 = @named;",
        "error_page 301 302 /b;",
        "try_files $uri $uri/ /index.html;",
        "try_files $uri =404;",
        "try_files $uri @named;",
        "try_files /f.html /b?$args;",
        "index f.html index.html;",
        "root html;",
        "root html/d;",
        "add_header Strict-Transport-Security max-age=1;",
        "internal;",
        "recursive_error_pages on;",
        "error_page 410 /a;",
    ])
}

fn server_setting() -> impl Strategy<Value = String> + Clone {
    prop_oneof![4 => setting().prop_filter("not in a server", |line| line != "internal;"), 1 => text(&["merge_slashes off;"])]
}

fn conditional() -> impl Strategy<Value = Item> + Clone {
    (condition(), prop::collection::vec(rewriting(), 1..3)).prop_map(|(condition, body)| Item::If(condition, body))
}

fn location_name() -> impl Strategy<Value = String> + Clone {
    let plain = text(&[
        "/",
        "/a",
        "/a/",
        "/b",
        "/old",
        "/old/",
        "/index.html",
        "/d",
        "/d/",
        "= /a",
        "= /",
        "^~ /a",
        "= /b/",
        "/a/b",
        "^~ /old/",
        "= /index.html",
    ]);
    prop_oneof![3 => plain, 2 => (text(&["~", "~*"]), regex()).prop_map(|(kind, regex)| format!("{kind} {regex}"))]
}

fn location(body: impl Strategy<Value = Item> + Clone + 'static) -> impl Strategy<Value = Item> + Clone {
    (location_name(), prop::collection::vec(body, 0..4)).prop_map(|(name, body)| Item::Location(name, body))
}

fn leaf() -> Union<BoxedStrategy<Item>> {
    Union::new_weighted(vec![
        (5, rewriting().prop_map(Item::Line).boxed()),
        (3, conditional().boxed()),
        (2, setting().prop_map(Item::Line).boxed()),
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

fn map() -> impl Strategy<Value = String> {
    let source = text(&["$uri", "$request_uri", "$arg_q", "$host", "$http_x_a", "$args"]);
    let key =
        text(&["/a", "/old", "~^/a/(.*)$", "~*^/B", "\"\"", "~x", "example.com", "1", "~^(.)", "/b?x=1", "default"]);
    let value = text(&["/new", "/b", "$1", "/m/$1", "1", "0", "\"\"", "https://e.example/m", "$uri", "x$arg_z"]);
    (source, prop::collection::vec((key, value), 0..4)).prop_map(|(source, entries)| {
        let mut seen = std::collections::HashSet::new();
        let lines: Vec<String> = entries
            .into_iter()
            .filter(|(key, _)| seen.insert(key.clone()))
            .map(|(key, value)| format!("{key} {value};"))
            .collect();
        format!("map {source} $m {{ {} }}", lines.join(" "))
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
    ]);
    let query = text(&["", "", "", "?", "?x=1", "?q=/a", "?q=a%20b&z=1", "?q=x", "?Q=1&q=2", "?a&q", "??", "?q=%2F#f"]);
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
        ][..],
    );
    let header = prop_oneof![3 => Just(None), 1 => text(&["1", "/a", "x y", "abc"]).prop_map(|value| Some(("X-A".to_owned(), value))),
        1 => text(&["c=1", "d=2; c=/a", "c="]).prop_map(|value| Some(("Cookie".to_owned(), value)))];
    let method = select(&["GET", "GET", "GET", "GET", "HEAD", "POST", "PUT"][..]);
    (method, path(), host, header).prop_map(|(method, target, host, header)| Ask {
        method: method.to_owned(),
        target: target.into_bytes(),
        host: Some(host.to_owned()),
        headers: header.into_iter().collect(),
    })
}

/// Whole cases with `requests` requests each.
pub fn case(requests: usize) -> impl Strategy<Value = Case> {
    (prop::collection::vec(map(), 0..2), prop::collection::vec(item(), 1..6), prop::collection::vec(ask(), requests)).prop_map(
        |(maps, items, asks)| {
            // `$m`, `$n`, `$v`, `$w` exist in every case, so that the server takes their mention anywhere.
            let fallback = if maps.is_empty() { vec!["map $uri $m { /a /new; }".to_owned()] } else { maps };
            let variables = "map $request_method $v { default \"\"; }\nmap $request_method $w { default w; }\nmap $request_method $n { default \"\"; }".to_owned();
            Case { maps: std::iter::once(variables).chain(fallback).collect(), items, asks }
        },
    )
}
