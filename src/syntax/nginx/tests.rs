use super::*;

fn read(text: &str) -> (Tree, Vec<String>) {
    let tree = parse(FileId(0), text.as_bytes());
    assert_eq!(tree.print(text.as_bytes()), text.as_bytes());
    let errors = tree.errors.iter().map(|error| format!("{}: {}", error.span.start, error.message)).collect();
    (tree, errors)
}

fn words(text: &str) -> Vec<String> {
    let (tree, errors) = read(text);
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    let Some(Item::Directive(directive)) = tree.items.first() else { panic!("no directive in {text}") };
    let value = |word: &Word| String::from_utf8_lossy(word.value(text.as_bytes())).into_owned();
    std::iter::once(&directive.name).chain(&directive.args).map(value).collect()
}

#[test]
fn quotes_and_escapes_are_taken_off() {
    assert_eq!(words(r#"a "b c" 'd"e' f"g \"h\'\\\d\n;"#), ["a", "b c", "d\"e", "f\"g", "\"h'\\\\d\n"]);
    assert_eq!(words(r"a /b\ c;"), ["a", r"/b\ c"]);
}

#[test]
fn a_brace_behind_a_dollar_belongs_to_the_word() {
    assert_eq!(words("return 200 ${v}y;"), ["return", "200", "${v}y"]);
    assert_eq!(words("location ~ ^/x$ { }"), ["location", "~", "^/x$"]);
    assert_eq!(words("location ~ x{ }"), ["location", "~", "x"]);
}

#[test]
fn a_parenthesis_behind_a_quote_starts_a_word() {
    assert_eq!(words(r#"if ($a = "b") { }"#), ["if", "($a", "=", "b", ")"]);
}

#[test]
fn a_comment_may_stand_between_words_and_only_there() {
    assert_eq!(words("a b#c # d ; {\n e;"), ["a", "b#c", "e"]);
}

#[test]
fn nginx_messages_are_given_where_nginx_gives_them() {
    assert_eq!(read("a { b }").1, ["6: unexpected \"}\""]);
    assert_eq!(read("a;}").1, ["2: unexpected \"}\""]);
    assert_eq!(read(";").1, ["0: unexpected \";\""]);
    assert_eq!(read("a {").1, ["3: unexpected end of file, expecting \"}\""]);
    assert_eq!(read("a b").1, ["3: unexpected end of file, expecting \";\" or \"}\""]);
    assert_eq!(read("a \"b\"c;").1, ["5: unexpected \"c\""]);
    assert_eq!(read("a { { } }").1, ["4: unexpected \"{\""]);
}

#[test]
fn words_are_limited_as_the_buffer_of_nginx_limits_them() {
    let long = |count: usize| "x".repeat(count);
    assert_eq!(read(&format!("a {};b;", long(4095))).1.len(), 0);
    assert_eq!(read(&format!("a {};b;", long(4096))).1, ["2: too long parameter \"xxxxxxxxxx...\" started"]);
    assert_eq!(read(&format!("a \"{}\";b;", long(4094))).1.len(), 0);
    assert_eq!(read(&format!("a \"{}\";b;", long(4095))).1.len(), 1);
    let message = "3: too long parameter, probably missing terminating \"\"\" character";
    assert_eq!(read(&format!("a \"{}\";b;", long(4096))).1, [message]);
    assert_eq!(read(&format!("#{}\na;", long(4094))).1.len(), 0);
    assert_eq!(read(&format!("#{}\na;", long(4095))).1.len(), 1);
}

#[test]
fn lua_is_kept_whole() {
    let (tree, errors) = read("a_by_lua_block { if x then y = \"}\" -- }\n z = {} end } b;");
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(tree.items.len(), 2);
}

#[test]
fn marks_of_templates_do_not_tear_blocks_apart() {
    let text = "server {\n {% if x %}\n listen {{ port }};\n {{ more }}\n root /{{ a }}/b;\n {% endif %}\n}\n";
    let (tree, errors) = read(text);
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(tree.directives().count(), 3);
}

#[test]
fn ten_thousand_nested_blocks_are_read_printed_and_dropped() {
    let text = format!("{}{}", "a{".repeat(10_000), "}".repeat(10_000));
    let (tree, errors) = read(&text);
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(tree.directives().count(), 10_000);
}

#[test]
fn a_comment_behind_a_brace_is_no_mark_of_a_template() {
    let (tree, errors) = read("location / {# off\n a b;\n #}\n}");
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(tree.directives().count(), 2);
}
