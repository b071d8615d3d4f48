//! Promise: modules use only what stands below them. The table is the one in `src/lib.rs`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use std::path::Path;

/// Each layer with what it may use beside itself.
const LAYERS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("pcre", &[]),
    ("diagnostic", &["source"]),
    ("syntax", &["source", "diagnostic"]),
    ("ir", &["source", "pcre"]),
    ("lower", &["source", "syntax", "ir", "pcre"]),
    ("eval", &["source", "ir", "pcre"]),
    ("analysis", &["source", "diagnostic", "syntax", "ir", "eval", "lower", "pcre"]),
    ("explain", &[]),
    ("rules", &["source", "diagnostic", "syntax", "ir", "eval", "analysis", "lower", "pcre"]),
    ("emit", &["source", "ir", "pcre"]),
    ("fix", &["source", "diagnostic"]),
    ("baseline", &["source", "diagnostic"]),
    // The reports list the rules' metadata, never their checks.
    ("report", &["source", "diagnostic", "rules"]),
    ("config", &["source", "diagnostic", "analysis", "lower", "rules"]),
    ("lsp", &["*"]),
    ("cli", &["*"]),
];

#[test]
fn every_module_uses_only_what_its_layer_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for file in rust_files(&src) {
        let relative = file.strip_prefix(&src).unwrap();
        let layer = relative.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        if layer == "lib" || layer == "main" {
            continue;
        }
        let allowed = LAYERS.iter().find(|(name, _)| *name == layer).map(|(_, allowed)| *allowed);
        let Some(allowed) = allowed else {
            wrong.push(format!("{}: the layer `{layer}` is not in the table", relative.display()));
            continue;
        };
        let text = std::fs::read_to_string(&file).unwrap();
        for used in used_modules(&text) {
            if used != layer && !allowed.contains(&"*") && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{}: `{layer}` may not use `{used}`", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn rust_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

/// First path segments behind `crate::`, comments and the tests at the end of a file left out.
fn used_modules(text: &str) -> Vec<String> {
    let code: Vec<&str> = text
        .lines()
        .take_while(|line| line.trim() != "#[cfg(test)]")
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    let code = code.join("\n");
    let mut found = Vec::new();
    for piece in code.split("crate::").skip(1) {
        let grouped = piece.strip_prefix('{').map(|inside| inside.split('}').next().unwrap_or_default());
        let names: Vec<&str> = match grouped {
            Some(inside) => inside.split(',').collect(),
            None => vec![piece],
        };
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            // Macros of the crate are not modules.
            if !name.is_empty() && !piece.starts_with(&format!("{name}!")) {
                found.push(name);
            }
        }
    }
    found
}

#[test]
fn the_table_is_about_modules_that_exist() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let planned = ["fix", "baseline", "config", "cli", "emit"];
    for (layer, _) in LAYERS {
        assert!(
            src.join(format!("{layer}.rs")).exists() || planned.contains(layer),
            "`{layer}` is in the table but not in src/"
        );
    }
}
