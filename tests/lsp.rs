//! Promise: an editor that speaks the language server protocol gets what `check` says, while the file is typed.
//!
//! A client of its own drives the real process over its pipes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

struct Client {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: i64,
    notes: Vec<Value>,
}

impl Client {
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_redirlint"))
            .args(["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut client = Self { process, input, output, next: 0, notes: Vec::new() };
        let answer = client.ask("initialize", json!({ "processId": null, "rootUri": uri(folder), "capabilities": {} }));
        assert_eq!(answer["capabilities"]["hoverProvider"], true, "{answer}");
        client.tell("initialized", json!({}));
        client
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.read();
            if message["id"] == id {
                assert!(message.get("error").is_none(), "{message}");
                return message["result"].clone();
            }
            self.notes.push(message);
        }
    }

    fn read(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the server has gone");
            match line.trim_end().strip_prefix("Content-Length: ") {
                Some(number) => length = number.parse().unwrap(),
                None if line == "\r\n" => break,
                None => {}
            }
        }
        let mut text = vec![0; length];
        self.output.read_exact(&mut text).unwrap();
        serde_json::from_slice(&text).unwrap()
    }

    /// The next diagnostics of a file.
    fn diagnostics(&mut self, file: &Path) -> Vec<Value> {
        let wanted = uri(file);
        let fits = |note: &Value| {
            note["method"] == "textDocument/publishDiagnostics" && note["params"]["uri"] == wanted.as_str()
        };
        loop {
            if let Some(at) = self.notes.iter().position(fits) {
                return self.notes.remove(at)["params"]["diagnostics"].as_array().unwrap().clone();
            }
            let note = self.read();
            self.notes.push(note);
        }
    }

    fn open(&mut self, file: &Path, text: &str) {
        let document = json!({ "uri": uri(file), "languageId": "apacheconf", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    /// Puts text at the start of a line (from 0), in place of so many characters there.
    fn edit(&mut self, file: &Path, line: usize, replaced: usize, text: &str) {
        let range = json!({
            "start": { "line": line, "character": 0 }, "end": { "line": line, "character": replaced },
        });
        let document = json!({ "uri": uri(file), "version": 2 });
        let changes = json!([{ "range": range, "text": text }]);
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": changes }));
    }

    fn place(&mut self, method: &str, file: &Path, line: usize, character: usize) -> Value {
        let position = json!({ "line": line, "character": character });
        self.ask(method, json!({ "textDocument": { "uri": uri(file) }, "position": position }))
    }

    fn end(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        drop(self.input);
        let since = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(since.elapsed() < Duration::from_secs(10), "the server does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(self.process.wait().unwrap().success());
    }
}

fn uri(path: &Path) -> String {
    url::Url::from_file_path(path).unwrap().to_string()
}

fn rules(diagnostics: &[Value]) -> Vec<&str> {
    diagnostics.iter().map(|one| one["code"].as_str().unwrap()).collect()
}

#[test]
fn what_is_typed_is_checked_and_mended_findings_disappear() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".htaccess");
    std::fs::write(&file, "").unwrap();
    let mut client = Client::start(folder.path());
    client.open(&file, "Redirect 301 /a /b\nRedirect 301 /b /a\n");
    assert_eq!(rules(&client.diagnostics(&file)), ["redirect-loop"]);
    client.edit(&file, 1, 0, "# ");
    assert!(client.diagnostics(&file).is_empty());
    client.edit(&file, 1, 2, "");
    let found = client.diagnostics(&file);
    assert_eq!(rules(&found), ["redirect-loop"]);
    assert!(found[0]["message"].as_str().unwrap().contains("shown by: GET"), "{found:?}");
    client.end();
}

#[test]
fn the_whole_site_is_checked_not_only_the_open_file() {
    let folder = tempfile::tempdir().unwrap();
    let (outer, inner) = (folder.path().join(".htaccess"), folder.path().join("sub/.htaccess"));
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(&outer, "Redirect 301 /sub/x /sub/y\n").unwrap();
    std::fs::write(&inner, "").unwrap();
    let mut client = Client::start(folder.path());
    client.open(&inner, "Redirect 301 /sub/y /sub/x\n");
    client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri(&inner) } }));
    let published = client.notes.iter().filter_map(|note| note["params"]["diagnostics"].as_array());
    let both: Vec<Value> = published.flatten().cloned().collect();
    assert_eq!(rules(&both), ["redirect-loop"], "{both:?}");
    assert!(both[0]["relatedInformation"].to_string().contains(".htaccess"), "{both:?}");
    client.end();
}

#[test]
fn hover_definition_symbols_and_lenses_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("nginx.conf");
    let text = "events {}\nhttp {\n  map $uri $new {\n    /a /b;\n  }\n  server {\n    listen 80;\n    location = /a {\n      return 301 $new;\n    }\n  }\n}\n";
    std::fs::write(&file, text).unwrap();
    let mut client = Client::start(folder.path());
    client.open(&file, text);
    let hover = client.place("textDocument/hover", &file, 8, 15);
    assert!(hover["contents"]["value"].as_str().unwrap().contains("301"), "{hover}");
    let definition = client.place("textDocument/definition", &file, 8, 19);
    assert_eq!(definition[0]["range"]["start"]["line"], 2, "{definition}");
    let document = json!({ "textDocument": { "uri": uri(&file) } });
    let symbols = client.ask("textDocument/documentSymbol", document.clone());
    assert_eq!(symbols[1]["children"][1]["name"], "server", "{symbols}");
    let lenses = client.ask("textDocument/codeLens", document);
    let titles = lenses.to_string();
    assert!(titles.contains("GET http://") && titles.contains("301"), "{titles}");
    client.end();
}

#[test]
fn a_fix_is_offered_where_the_finding_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".htaccess");
    let text = "Redirect 301 /b /c\nRedirect /a /d\n";
    std::fs::write(&file, text).unwrap();
    let mut client = Client::start(folder.path());
    client.open(&file, text);
    let found = client.diagnostics(&file);
    let finding = found.iter().find(|one| one["code"] == "implicit-temporary-redirect").expect("a status is missing");
    let parameters = json!({
        "textDocument": { "uri": uri(&file) }, "range": finding["range"], "context": { "diagnostics": [] },
    });
    let actions = client.ask("textDocument/codeAction", parameters);
    let edits = &actions[0]["edit"]["changes"][uri(&file).as_str()];
    assert_eq!(edits[0]["range"]["start"]["line"], 1, "{actions}");
    assert!(edits[0]["newText"].as_str().unwrap().contains("302"), "{actions}");
    client.end();
}

#[test]
fn a_loop_made_by_an_edit_in_a_long_file_is_found_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".htaccess");
    let text: String = (0..1_000).map(|n| format!("Redirect 301 /old/page-{n} /new/page-{n}\n")).collect();
    std::fs::write(&file, &text).unwrap();
    let mut client = Client::start(folder.path());
    client.open(&file, &text);
    client.diagnostics(&file);
    for line in [1usize, 500, 998] {
        client.edit(&file, line, 0, &format!("Redirect 301 /new/page-{line} /old/page-{line}\n"));
        let found = client.diagnostics(&file);
        assert!(rules(&found).contains(&"redirect-loop"), "{:?}", rules(&found));
    }
    client.end();
}

#[test]
fn of_very_many_findings_the_worst_are_shown_and_the_rest_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(".htaccess");
    let many: String = (0..2_500).map(|n| format!("Redirect /old{n} /new{n}\n")).collect();
    let text = format!("{many}Redirect 301 /a /b\nRedirect 301 /b /a\n");
    std::fs::write(&file, &text).unwrap();
    let mut client = Client::start(folder.path());
    client.open(&file, &text);
    let found = client.diagnostics(&file);
    assert_eq!(found.len(), 2_001);
    assert!(rules(&found[..2_000]).contains(&"redirect-loop"), "the last line's error is among them");
    assert!(found[2_000]["message"].as_str().unwrap().contains("more findings are not shown"), "{}", found[2_000]);
    client.end();
}
