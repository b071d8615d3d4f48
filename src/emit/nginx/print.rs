//! A plan as text: indentation, quoting, and the sizes of hash tables.

use super::plan::{Key, Place, Plan, Server, Statement, Table, Test};
use super::text::word;

/// The text for the `http` level; servers with a head stand in it too.
pub fn http(plan: &Plan) -> Vec<u8> {
    let mut out = sizes(&plan.http);
    for table in &plan.http {
        separate(&mut out);
        print_table(&mut out, table);
    }
    for server in plan.servers.iter().filter(|server| server.head.is_some()) {
        separate(&mut out);
        print_server(&mut out, server);
    }
    out
}

/// The text for the inside of a server: bodies without a head.
pub fn server(plan: &Plan) -> Vec<u8> {
    let mut out = Vec::new();
    for server in plan.servers.iter().filter(|server| server.head.is_none()) {
        statements(&mut out, &server.body, 0);
    }
    out
}

fn separate(out: &mut Vec<u8>) {
    if !out.is_empty() {
        out.push(b'\n');
    }
}

/// nginx refuses a `map` whose longest key does not fit a bucket, and warns where the table is too small.
fn sizes(tables: &[Table]) -> Vec<u8> {
    let literal = |(key, _): &(Key, _)| match key {
        Key::Literal(bytes) => Some(bytes.len()),
        _ => None,
    };
    let longest = tables.iter().flat_map(|table| table.rows.iter().filter_map(literal)).max().unwrap_or(0);
    let most = tables.iter().map(|table| table.rows.iter().filter_map(literal).count()).max().unwrap_or(0);
    let mut out = Vec::new();
    // an element is a pointer, a length and the name, rounded up; a bucket ends with a pointer
    let element = (longest + 10).next_multiple_of(8) + 8;
    if element > 64 || most > 512 {
        let size = (element + 64).next_power_of_two();
        out.extend_from_slice(format!("map_hash_bucket_size {size};\n").as_bytes());
    }
    if most > 512 {
        out.extend_from_slice(format!("map_hash_max_size {};\n", (most * 4).next_power_of_two()).as_bytes());
    }
    out
}

fn print_table(out: &mut Vec<u8>, table: &Table) {
    if let Some(note) = &table.note {
        out.extend_from_slice(format!("# {note}\n").as_bytes());
    }
    let is_geo = table.source.is_none();
    match &table.source {
        None => out.extend_from_slice(b"geo"),
        Some(source) => out.extend_from_slice(&[b"map ", source.word().as_slice()].concat()),
    }
    out.extend_from_slice(format!(" ${} {{\n", table.name).as_bytes());
    if table.volatile {
        out.extend_from_slice(b"    volatile;\n");
    }
    for (key, value) in &table.rows {
        out.extend_from_slice(b"    ");
        out.extend_from_slice(&key_word(key));
        out.push(b' ');
        // the values of a `geo` are literal
        let literal = value.as_literal().filter(|_| is_geo).map(super::text::quoted);
        out.extend_from_slice(&literal.unwrap_or_else(|| value.word()));
        out.extend_from_slice(b";\n");
    }
    out.extend_from_slice(b"}\n");
}

fn key_word(key: &Key) -> Vec<u8> {
    match key {
        Key::Default => b"default".to_vec(),
        Key::Literal(bytes) => {
            let special = matches!(bytes.as_slice(), b"default" | b"hostnames" | b"volatile" | b"include")
                || matches!(bytes.first(), Some(b'~' | b'\\'));
            let escaped = if special { [b"\\", bytes.as_slice()].concat() } else { bytes.clone() };
            word(&escaped)
        }
        Key::Pattern(pattern, ignore_case) => {
            let mark: &[u8] = if *ignore_case { b"~*" } else { b"~" };
            word(&[mark, pattern].concat())
        }
    }
}

fn print_server(out: &mut Vec<u8>, server: &Server) {
    out.extend_from_slice(b"server {\n");
    for line in server.head.iter().flat_map(|head| &head.lines) {
        out.extend_from_slice(b"    ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    statements(out, server.head.as_ref().map_or(&[], |head| &head.settings), 1);
    if !server.body.is_empty() {
        out.push(b'\n');
    }
    statements(out, &server.body, 1);
    out.extend_from_slice(b"}\n");
}

fn statements(out: &mut Vec<u8>, body: &[Statement], depth: usize) {
    for statement in body {
        if matches!(statement, Statement::Blank) {
            out.push(b'\n');
            continue;
        }
        indent(out, depth);
        print_statement(out, statement, depth);
        out.push(b'\n');
    }
}

fn indent(out: &mut Vec<u8>, depth: usize) {
    out.extend(std::iter::repeat_n(b' ', depth * 4));
}

fn block(out: &mut Vec<u8>, body: &[Statement], depth: usize) {
    match body {
        [Statement::Return(..) | Statement::Rewrite(..) | Statement::Set(..)] => {
            out.extend_from_slice(b" { ");
            body.iter().for_each(|only| print_statement(out, only, depth));
            out.extend_from_slice(b" }");
        }
        _ => {
            out.extend_from_slice(b" {\n");
            statements(out, body, depth + 1);
            indent(out, depth);
            out.push(b'}');
        }
    }
}

fn print_statement(out: &mut Vec<u8>, statement: &Statement, depth: usize) {
    match statement {
        Statement::Blank => {}
        Statement::Comment(text) => {
            out.push(b'#');
            if text.first().is_some_and(|byte| !matches!(byte, b' ' | b'#')) {
                out.push(b' ');
            }
            // nginx counts a comment as a word and refuses one of 4096 bytes
            out.extend(text.iter().take(3000).map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
        }
        Statement::Set(name, value) => words(out, b"set", &[format!("${name}").into_bytes(), value.word()]),
        Statement::If(test, body) => {
            out.extend_from_slice(b"if (");
            out.extend_from_slice(&condition(test));
            out.push(b')');
            block(out, body, depth);
        }
        Statement::Return(code, text) => {
            let mut all = vec![code.to_string().into_bytes()];
            all.extend(text.iter().map(super::text::Text::word));
            words(out, b"return", &all);
        }
        Statement::Rewrite(pattern, to, flag) => {
            let mut all = vec![word(pattern), to.word()];
            all.extend((!flag.is_empty()).then(|| flag.as_bytes().to_vec()));
            words(out, b"rewrite", &all);
        }
        Statement::Location(place, body) => {
            out.extend_from_slice(b"location ");
            out.extend_from_slice(&place_words(place));
            block(out, body, depth);
        }
        Statement::Plain(name, all) => {
            let all: Vec<_> = all.iter().map(super::text::Text::word).collect();
            words(out, name.as_bytes(), &all);
        }
    }
}

fn words(out: &mut Vec<u8>, name: &[u8], all: &[Vec<u8>]) {
    out.extend_from_slice(name);
    for one in all {
        out.push(b' ');
        out.extend_from_slice(one);
    }
    out.push(b';');
}

fn condition(test: &Test) -> Vec<u8> {
    match test {
        Test::True(name) => format!("${name}").into_bytes(),
        Test::Equals(name, value) => [format!("${name} = ").as_bytes(), &value.word()].concat(),
        Test::Matches(name, pattern, ignore_case) => {
            let operator = if *ignore_case { "~*" } else { "~" };
            // a bracket at the end of an unquoted word would close the condition
            let brackets = pattern.iter().any(|byte| matches!(byte, b'(' | b')'));
            let quoted = if brackets { super::text::quoted(pattern) } else { word(pattern) };
            [format!("${name} {operator} ").as_bytes(), &quoted].concat()
        }
        Test::File(flag, path) => [flag.as_bytes(), b" ", &path.word()].concat(),
    }
}

fn place_words(place: &Place) -> Vec<u8> {
    match place {
        Place::Exact(path) => [b"= ", word(path).as_slice()].concat(),
        Place::Prefix(path) => word(path),
        Place::Pattern(pattern, ignore_case) => {
            let operator: &[u8] = if *ignore_case { b"~* " } else { b"~ " };
            [operator, word(pattern).as_slice()].concat()
        }
        Place::Named(name) => format!("@{name}").into_bytes(),
    }
}
