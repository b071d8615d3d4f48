//! The promise: a `Strict-Transport-Security` value gets the verdict of the preload list's own code.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

use redirlint::analysis::hsts::{self, Bar, Issues};
use serde::Deserialize;

#[derive(Deserialize)]
struct Own {
    value: String,
    errors: Vec<String>,
    warnings: Vec<String>,
}

#[derive(Deserialize)]
struct Recorded {
    check: String,
    name: String,
    header: Option<String>,
    headers: Option<Vec<String>>,
    policy: Option<String>,
    expected_errors: Vec<String>,
    expected_warnings: Vec<String>,
    parsed: Option<Parsed>,
}

#[derive(Deserialize)]
struct Parsed {
    preload: bool,
    include_subdomains: bool,
    max_age: Option<u64>,
}

fn sorted<T: ToString>(codes: &[T]) -> Vec<String> {
    let mut codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
    codes.sort();
    codes
}

#[test]
fn our_own_table_of_values_gets_its_verdicts() {
    let text = std::fs::read_to_string("fixtures/rules/hsts-values.yaml").expect("the fixture");
    let table: Vec<Own> = serde_yaml::from_str(&text).expect("a list");
    for row in table {
        let issues = hsts::preloadable(row.value.as_bytes(), Bar::Year);
        assert_eq!(sorted(&issues.errors), sorted(&row.errors), "{}", row.value);
        assert_eq!(sorted(&issues.warnings), sorted(&row.warnings), "{}", row.value);
    }
}

fn verdict(row: &Recorded) -> Issues {
    let values: Vec<&[u8]> = match (&row.header, &row.headers) {
        (Some(one), _) => vec![one.as_bytes()],
        (None, Some(all)) => all.iter().map(String::as_bytes).collect(),
        (None, None) => Vec::new(),
    };
    let value = match hsts::single(&values) {
        Ok(value) => value,
        Err(code) => return Issues { errors: vec![code], warnings: Vec::new() },
    };
    let bar = match row.policy.as_deref() {
        Some("bulk-18-weeks") => Bar::EighteenWeeks,
        _ => Bar::Year,
    };
    match row.check.as_str() {
        "parse" => hsts::parse(value).1,
        "removable" => hsts::removable(value),
        _ => hsts::preloadable(value, bar),
    }
}

#[test]
fn recorded_verdicts_of_the_preload_lists_code_are_reproduced() {
    let Some(file) = std::env::var_os("REDIRLINT_HSTS_VECTORS") else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let table: Vec<Recorded> = serde_yaml::from_str(&text).expect("a list");
    let mut wrong = Vec::new();
    for row in &table {
        let issues = verdict(row);
        let same = sorted(&issues.errors) == sorted(&row.expected_errors)
            && sorted(&issues.warnings) == sorted(&row.expected_warnings);
        let parsed = row.parsed.as_ref().is_none_or(|wanted| {
            let policy = hsts::parse(row.header.as_deref().unwrap_or_default().as_bytes()).0;
            policy.preload == wanted.preload
                && policy.include_subdomains == wanted.include_subdomains
                && policy.max_age == wanted.max_age
        });
        if !same || !parsed {
            wrong.push(format!(
                "{} {:?} {:?}: {issues:?}, not {:?} {:?}",
                row.check, row.name, row.header, row.expected_errors, row.expected_warnings
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}
