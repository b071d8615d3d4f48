use super::*;
use crate::lower::{Dialect, Version};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

struct Files(BTreeMap<PathBuf, Vec<u8>>);

impl Loader for Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        self.0.get(path).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let pattern = glob::Pattern::new(pattern.to_str().unwrap()).unwrap();
        self.0.keys().filter(|path| pattern.matches_path(path)).cloned().collect()
    }
    fn exists(&self, path: &Path) -> bool {
        self.0.keys().any(|one| one.starts_with(path))
    }
    fn find(&self, _: &Path, _: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn run(text: &str, files: &[(&str, &str)], real_files: bool) -> (Sources, Loaded) {
    let files = files.iter().map(|(path, text)| (Path::new("/p").join(path), text.as_bytes().to_vec())).collect();
    let options = Options { version: Some(Version(1, 22, 1)), real_files, ..Options::new(Dialect::Nginx, "/p") };
    let mut sources = Sources::new();
    let main = sources.add("/p/nginx.conf", text.as_bytes().to_vec());
    let loaded = load(&mut sources, main, &options, &Files(files));
    (sources, loaded)
}

fn verdicts(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    let (sources, loaded) = run(text, files, true);
    let show = |refusal: &Refusal| format!("{}: {}", sources.position(refusal.span).line, refusal.message);
    loaded.refusals.iter().map(show).collect()
}

fn names(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    let (sources, loaded) = run(text, files, true);
    loaded.roots(&sources).map(|node| String::from_utf8_lossy(node.name()).into_owned()).collect()
}

#[test]
fn includes_are_spliced_in_where_they_stand_and_globs_are_sorted() {
    let files = [("c/b.conf", "gzip on;"), ("c/a.conf", "include one;"), ("one", "etag on;")];
    assert_eq!(names("charset a; include c/*.conf; index x;", &files), ["charset", "etag", "gzip", "index"]);
}

#[test]
fn an_include_inside_a_map_brings_its_pairs() {
    let (sources, loaded) = run("map $uri $to { include m; }", &[("m", "/a /b; /c /d;")], true);
    let map = loaded.roots(&sources).next().unwrap();
    assert_eq!(map.children().map(|pair| pair.arg(0).unwrap().to_vec()).collect::<Vec<_>>(), [b"/b", b"/d"]);
    assert!(map.children().all(|pair| pair.context == Context::Body));
}

#[test]
fn a_missing_file_is_refused_only_where_the_files_are_here() {
    let text = "server { include x.conf; include none/*.conf; }";
    let expected = "1: open() \"/p/x.conf\" failed (2: No such file or directory)";
    assert_eq!(verdicts(text, &[]), [expected]);
    let (_, loaded) = run(text, &[], false);
    assert!(loaded.refusals.is_empty());
    assert_eq!(loaded.notes.iter().filter(|note| note.effect == Effect::May).count(), 2);
}

#[test]
fn a_cycle_of_includes_is_refused_and_cut() {
    let found = verdicts("include a;", &[("a", "include b;"), ("b", "include a;")]);
    assert_eq!(found, ["1: include cycle: `/p/a` includes itself"]);
}

#[test]
fn the_table_gives_nginx_words() {
    let first = |text: &str| verdicts(text, &[]).first().cloned().unwrap_or_default();
    assert_eq!(first("server { retrun 301 /x; }"), "1: unknown directive \"retrun\"");
    assert_eq!(first("server { set $a; }"), "1: invalid number of arguments in \"set\" directive");
    assert_eq!(first("server { location / ; }"), "1: directive \"location\" has no opening \"{\"");
    assert_eq!(first("server { return 301 { } }"), "1: directive \"return\" is not terminated by \";\"");
    assert_eq!(first("server { root a; root b; }"), "1: \"root\" directive is duplicate");
    assert_eq!(first("http { return 301 /; }"), "1: \"return\" directive is not allowed here");
    assert_eq!(first("server { if ($a) { add_header a b; } }"), "1: \"add_header\" directive is not allowed here");
    assert_eq!(first("server { location / { if ($a) { add_header a b; } } }"), "");
    let flag = "1: invalid value \"no\" in \"tcp_nodelay\" directive, it must be \"on\" or \"off\"";
    assert_eq!(first("server { tcp_nodelay no; }"), flag);
}

#[test]
fn refusals_come_in_the_order_in_which_nginx_would_find_them() {
    let found = verdicts("server {\n foo a;\n bar b\n}\n baz;", &[]);
    assert_eq!(found, ["2: unknown directive \"foo\"", "4: unexpected \"}\"", "5: unknown directive \"baz\""]);
}

#[test]
fn a_directive_is_unknown_to_versions_before_it() {
    assert_eq!(verdicts("server { http2 on; }", &[]), ["1: unknown directive \"http2\""]);
    assert_eq!(verdicts("server { ssl on; }", &[]), Vec::<String>::new());
}

#[test]
fn the_level_is_told_from_the_content() {
    let level = |text| run(text, &[], true).1.level;
    assert_eq!(level("events { } http { }"), Level::Main);
    assert_eq!(level("map $a $b { } server { }"), Level::Http);
    assert_eq!(level("location / { } return 301 /x;"), Level::Server);
    assert_eq!(level("proxy_pass http://a; rewrite a b;"), Level::Location);
    assert_eq!(level("if ($a) { add_header a b; }"), Level::Location);
    assert_eq!(level("server { map $a $b { } }"), Level::Http);
    assert_eq!(level("/a /b; /c /d; default 0;"), Level::MapBody);
}

#[test]
fn a_third_party_directive_is_noted_and_not_refused() {
    let (_, loaded) = run("server { more_set_headers 'A: b'; brotli on; }", &[], true);
    assert!(loaded.refusals.is_empty());
    assert_eq!(loaded.notes.iter().map(|note| note.effect).collect::<Vec<_>>(), [Effect::May, Effect::None]);
}

#[test]
fn a_template_gives_one_note_instead_of_refusals() {
    let (_, loaded) = run("{% if a %}\nserver { listen {{ port }}; foo; }\n{% endif %}\n", &[], true);
    assert!(loaded.refusals.is_empty());
    assert_eq!(loaded.notes.iter().map(|note| note.effect).collect::<Vec<_>>(), [Effect::Template]);
}

#[test]
fn a_dump_is_read_as_the_files_it_holds() {
    let text = "# configuration file /e/nginx.conf:\nevents { }\nhttp { include c/*.conf; }\n\n# configuration file /e/c/a.conf:\nserver { foo; }\n";
    let (sources, loaded) = run(text, &[], true);
    let refusal = loaded.refusals.first().unwrap();
    assert_eq!(sources.file(refusal.span.file).path(), Path::new("/e/c/a.conf"));
    assert_eq!(sources.position(refusal.span).line, 1);
    assert_eq!(loaded.trees.len(), 2);
}

#[test]
fn blocks_without_end_in_sight_are_refused_and_nodes_stop_there() {
    let text = format!("{}{}", "location / {".repeat(10_000), "}".repeat(10_000));
    let (sources, loaded) = run(&text, &[], true);
    assert_eq!(loaded.refusals.first().map(|one| one.message.as_str()), Some("blocks are nested deeper than 256"));
    let mut deepest = 0;
    let mut node = loaded.roots(&sources).next();
    while let Some(next) = node {
        deepest = next.depth;
        node = next.children().next();
    }
    assert_eq!(deepest, DEEPEST);
}
