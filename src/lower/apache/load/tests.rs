use super::*;
use crate::lower::Dialect;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Files that exist only in the test.
struct Files(BTreeMap<&'static str, &'static str>);

impl Loader for Files {
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let found = self.0.get(path.to_str().unwrap()).map(|text| text.as_bytes().to_vec());
        found.ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
    fn glob(&self, pattern: &Path) -> Vec<PathBuf> {
        let pattern = glob::Pattern::new(pattern.to_str().unwrap()).unwrap();
        self.0.keys().filter(|path| pattern.matches(path)).map(PathBuf::from).collect()
    }
    fn exists(&self, path: &Path) -> bool {
        self.0.contains_key(path.to_str().unwrap())
    }
    fn find(&self, _folder: &Path, _names: &[String]) -> Vec<PathBuf> {
        Vec::new()
    }
}

fn read(text: &str, files: &[(&'static str, &'static str)], dialect: Dialect) -> (Loaded, Sources) {
    let mut sources = Sources::new();
    let main = sources.add("/etc/httpd/httpd.conf", text.as_bytes().to_vec());
    let options = Options {
        real_files: true,
        defines: vec![("GIVEN".to_owned(), Some("x".to_owned()))],
        ..Options::new(dialect, "/etc/httpd")
    };
    let loaded = load(&mut sources, main, &options, &Files(files.iter().copied().collect()), None);
    (loaded, sources)
}

/// Lines as `name(args)`, sections as `name(args){…}`.
fn shown(lines: &[Line], sources: &Sources) -> String {
    let one = |line: &Line| {
        let args = String::from_utf8_lossy(line.args(sources)).into_owned();
        let name = String::from_utf8_lossy(&line.name).into_owned();
        match &line.block {
            Some(inside) => format!("{name}({args}){{{}}}", shown(inside, sources)),
            None => format!("{name}({args})"),
        }
    };
    lines.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn server(text: &str) -> String {
    let (loaded, sources) = read(text, &[], Dialect::Apache);
    assert_eq!(loaded.refusals, []);
    shown(&loaded.lines, &sources)
}

fn refusal(text: &str) -> String {
    let (loaded, _) = read(text, &[], Dialect::Apache);
    loaded.refusals.first().map(|refusal| refusal.message.clone()).unwrap_or_default()
}

#[test]
fn read_time_sections_are_gone_and_false_ones_with_what_they_hold() {
    let text = "<IfModule mod_rewrite.c>\nA 1\n<IfModule !mod_rewrite.c>\nB 2\n</IfModule>\n</IfModule>\n<Files x>\nC\n</Files>";
    assert_eq!(server(text), "a(1) files(x){c()}");
}

#[test]
fn names_are_replaced_from_where_they_are_defined() {
    assert_eq!(server("A ${V}\nDefine V \"b c\"\nA ${V}\nUnDefine V\nA ${V} ${GIVEN}"), "a(${V}) a(b c) a(${V} x)");
    assert_eq!(server("Define V \"redirect /a\"\n${V} /b"), "redirect(/a /b)");
    assert_eq!(refusal("Define a:b c"), "Variable name must not contain ':'");
}

#[test]
fn a_joined_line_reads_as_one_and_a_plain_one_keeps_its_places() {
    let (loaded, sources) = read("A b\\\r\n c\nRedirect /x  /y", &[], Dialect::Apache);
    assert_eq!(shown(&loaded.lines, &sources), "a(b c) redirect(/x  /y)");
    let second = &loaded.lines[1];
    let word = &second.words(&sources)[1];
    assert_eq!(sources.text(second.span_of(word.range.clone())), b"/y");
}

#[test]
fn includes_stand_in_place_in_the_order_of_their_bytes() {
    let files = [("/etc/httpd/d/b.conf", "B"), ("/etc/httpd/d/Z.conf", "Z"), ("/x", "X\nInclude d/b.conf")];
    let (loaded, sources) = read("Include d/*.conf\nInclude /x\nIncludeOptional no\nC", &files, Dialect::Apache);
    assert_eq!(shown(&loaded.lines, &sources), "z() b() x() b() c()");
    assert_eq!((loaded.trees.len(), loaded.refusals.len()), (4, 0));
    let (loaded, _) = read("Include no\nInclude no/*.x", &files, Dialect::Apache);
    assert_eq!(loaded.refusals.len(), 2);
}

#[test]
fn a_cycle_of_includes_ends() {
    let files = [("/a", "Include /b"), ("/b", "Include /a\nB")];
    let (loaded, sources) = read("Include /a", &files, Dialect::Apache);
    assert!(loaded.refusals[0].message.contains("recursion"));
    assert_eq!(shown(&loaded.lines, &sources), "b()");
}

#[test]
fn a_macro_is_read_where_it_is_used() {
    let text = "<Macro M $a ${b}>\nA $a ${b} ${GIVEN}\n<Directory $a>\nB\n</Directory>\n</Macro>\nUse m 1 2";
    assert_eq!(server(text), "a(1 2 x) directory(1){b()}");
    assert_eq!(refusal("<Macro M>\nUse M\n</Macro>\nUse M"), "recursive use of macro 'm' is invalid");
    assert_eq!(refusal("Use M"), "undefined macro 'm'");
    assert_eq!(refusal("<Macro M $a>\n</Macro>\nUse M"), "macro 'm' used with 0 arguments instead of 1");
}

#[test]
fn macros_that_double_each_other_end() {
    let mut text =
        "<Macro M0>\nA xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n</Macro>\n".to_owned();
    for at in 1..12 {
        let body = format!("Use M{}\n", at - 1).repeat(20);
        text.push_str(&format!("<Macro M{at}>\n# {}\n{body}</Macro>\n", "x".repeat(1 << 18)));
    }
    text.push_str("Use M11");
    assert_eq!(refusal(&text), "includes and macros make too much text");
}

#[test]
fn in_a_htaccess_what_acts_at_reading_time_stays_for_the_check() {
    let (loaded, sources) = read("Define A b\nInclude /x\nA ${A}", &[], Dialect::Htaccess);
    assert_eq!(shown(&loaded.lines, &sources), "define(A b) include(/x) a(${A})");
}

#[test]
fn a_read_time_section_may_stay_open_and_others_may_not() {
    assert_eq!(server("<IfModule mod_rewrite.c>\nA"), "a()");
    assert_eq!(refusal("<Files x>\nA"), "`<files>` is never closed");
}

#[test]
fn a_line_of_a_htaccess_has_at_most_8191_bytes() {
    let with = |length: usize| format!("# {}\nA", "x".repeat(length - 2));
    assert!(read(&with(8191), &[], Dialect::Htaccess).0.refusals.is_empty());
    assert_eq!(read(&with(8192), &[], Dialect::Htaccess).0.refusals.len(), 1);
    assert!(read(&with(8192), &[], Dialect::Apache).0.refusals.is_empty());
}

#[test]
fn a_configuration_that_loads_modules_has_only_those() {
    let (loaded, _) = read("LoadModule mpm_event_module x\nLoadModule alias_module x", &[], Dialect::Apache);
    assert!(loaded.modules.is_loaded(b"mod_alias.c") && !loaded.modules.is_loaded(b"mod_rewrite.c"));
    let (loaded, _) = read("LoadModule alias_module x", &[], Dialect::Apache);
    assert!(loaded.modules.is_loaded(b"mod_rewrite.c"));
}

#[test]
fn a_template_is_noted_once_and_nothing_in_it_is_refused() {
    let (loaded, _) = read("A {{ b }}\n{% if x %}\n<Files x>\nB @C@", &[], Dialect::Apache);
    assert_eq!((loaded.notes.len(), loaded.refusals.len()), (1, 0));
}

#[test]
fn nesting_deeper_than_the_bound_is_refused() {
    let text = "<A>\n".repeat(5000);
    let (loaded, _) = read(&text, &[], Dialect::Apache);
    assert!(loaded.refusals.iter().any(|refusal| refusal.message.contains("deeper")));
}
