use super::*;
use crate::diagnostic::Severity;
use crate::source::{FileId, Span};

fn read(text: &str) -> Result<Config, String> {
    Config::read(text.as_bytes(), Path::new("/site"))
}

fn chain(severity: Severity) -> Finding {
    Finding::new("redirect-chain", severity, "m", Span::new(FileId(0), 0, 1))
}

#[test]
fn the_file_that_init_writes_changes_nothing() {
    let written = read(template::TEXT).unwrap();
    assert_eq!(written, Config { folder: "/site".into(), ..Config::default() });
    // what is commented out is right as well
    let uncommented: String = template::TEXT
        .lines()
        .map(|line| {
            let bare = line.trim_start().strip_prefix("# ").unwrap_or(line);
            let indent = line.len() - line.trim_start().len();
            let key = bare.trim_start().trim_start_matches("- ").split(':').next().unwrap_or_default();
            let is_key = line.contains("# ")
                && line.contains(':')
                && !key.is_empty()
                && key.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c == '-');
            let doc = line.starts_with("# redirlint.yaml");
            if is_key && !doc && !line.contains("front ends") {
                format!("{}{bare}\n", " ".repeat(indent))
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let full = read(&uncommented).unwrap_or_else(|error| panic!("{error}\n{uncommented}"));
    assert_eq!(full.knobs.tls_header, Some(("X-Forwarded-Proto".into(), "https".into())), "{uncommented}");
    assert_eq!(full.document_root, Some("/site/public".into()));
    assert_eq!(full.overrides.len(), 1);
}

#[test]
fn an_empty_file_is_a_file() {
    assert!(read("").is_ok());
    assert!(read("# nothing\n").is_ok());
}

#[test]
fn an_unknown_key_is_told_with_its_place_and_the_nearest_one() {
    let error = read("select: []\nassume:\n  cannonical_host: x\n").unwrap_err();
    assert!(error.contains("line 3") && error.contains("did you mean `canonical_host`?"), "{error}");
    let error = read("qqqqq: 1\n").unwrap_err();
    assert!(error.contains("known here: select, ignore"), "{error}");
}

#[test]
fn an_unknown_rule_is_told_with_its_place_and_the_nearest_one() {
    let error = read("severity:\n  redirect-chian: off\n").unwrap_err();
    assert!(error.contains("line 2") && error.contains("did you mean `redirect-chain`?"), "{error}");
}

#[test]
fn aliases_that_multiply_and_deep_nesting_are_refused_at_once() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (of, name) in ('a'..'k').zip('b'..='k') {
        let many = vec![format!("*{of}"); 10].join(", ");
        bomb.push_str(&format!("{name}: &{name} [{many}]\n"));
    }
    let start = std::time::Instant::now();
    assert!(read(&bomb).is_err());
    println!("bomb {:?}", start.elapsed());
    let bomb = bomb.replace("k: &k", "select: &k");
    assert!(read(&bomb).is_err());
    assert!(read(&"[".repeat(100_000)).is_err());
    assert!(read(&format!("select: {}", "[".repeat(100_000))).is_err());
    assert!(read(&format!("select:\n  {}", "- ".repeat(50_000))).is_err());
    assert!(read(&format!("select:\n{}", "[\n".repeat(40_000))).is_err());
    assert!(read(&"#".repeat(LARGEST + 1)).unwrap_err().contains("larger"));
    assert!(start.elapsed() < std::time::Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a_level_keeps_the_distance_of_what_is_unsure() {
    let config = read("severity: {loop-chain: info, redirect-chain: error}\n").unwrap();
    let severity = |own| config.adjust(chain(own), Path::new("/site/a"), false).map(|finding| finding.severity);
    assert_eq!(severity(Severity::Warning), Some(Severity::Error), "the rule's name beats its group's");
    assert_eq!(severity(Severity::Info), Some(Severity::Warning));
}

#[test]
fn a_folder_may_have_its_own_choice() {
    let config = read("overrides:\n  - paths: [legacy, 'x/*.conf']\n    ignore: [loop-chain]\n").unwrap();
    let kept = |path: &str| config.adjust(chain(Severity::Warning), Path::new(path), false).is_some();
    assert!(kept("/site/.htaccess") && kept("/site/x/y/a.conf"));
    assert!(!kept("/site/legacy/deep/.htaccess") && !kept("/site/x/a.conf"));
    let asked = config.adjust(chain(Severity::Warning), Path::new("/site/legacy/a"), true);
    assert!(asked.is_some(), "the command line wins");
}
