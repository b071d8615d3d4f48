//! Rules that say no more than another directive does, which reads better: `Redirect` and `RedirectMatch` of
//! mod_alias, and `FallbackResource`.
//!
//! Where both stand, mod_rewrite runs before mod_alias, and a rule that only ends its list keeps no redirect of
//! mod_alias away. So a host is written in one of the two languages, never in both. `FallbackResource` comes after
//! either, where nothing has answered.

use super::does::{Does, Query};
use super::guard::{PathTest, Piece, Test};
use super::plan::{Instead, Rule, Statement};
use super::print::word;
use crate::emit::{Assumption, Fate};
use crate::source::Span;
use rustc_hash::FxHashMap;

/// The directive that answers all requests of this test as a rule does; `None`: no test, all paths.
///
/// mod_alias escapes a target as mod_rewrite does, and hands the query on unless the target has one of its own
/// (`try_alias_list` and `translate_alias_redir` in mod_alias.c).
pub fn alias(test: Option<&Test>, does: &Does, to: &[Piece], query: Query) -> Option<Instead> {
    let (status, to) = match does {
        Does::Location(status @ 300..400, ..) => (*status, Some(target(to, query)?)),
        Does::Status(status @ (403 | 404 | 410)) => (*status, None),
        _ => return None,
    };
    let (name, path) = match (test, &to) {
        (None, None) => ("Redirect", b"/".to_vec()),
        (None, Some(_)) => ("RedirectMatch", b"^".to_vec()),
        (Some(Test::Path(PathTest::Prefix(path, except))), None) if except.is_empty() && path.ends_with(b"/") => {
            ("Redirect", path.clone())
        }
        (Some(Test::Path(test @ PathTest::Regex(_, true))), _) => {
            ("RedirectMatch", [b"(?i)", test.pattern().as_slice()].concat())
        }
        (Some(Test::Path(test)), _) => ("RedirectMatch", test.pattern()),
        _ => return None,
    };
    let words = [name.as_bytes(), status.to_string().as_bytes(), &path].map(<[u8]>::to_vec);
    let words: Vec<_> = words.into_iter().chain(to).collect();
    words.iter().all(|one| word(one) == *one).then(|| Instead::Alias(words.join(&b' ')))
}

/// The target, where it needs no escape of its own.
fn target(to: &[Piece], query: Query) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for piece in to {
        match piece {
            Piece::Literal(bytes) if !bytes.iter().any(|byte| b"$%\\".contains(byte)) => out.extend_from_slice(bytes),
            Piece::Group(_, group, true) => out.extend_from_slice(format!("${group}").as_bytes()),
            _ => return None,
        }
    }
    let own_query = out.iter().position(|&byte| byte == b'?').map(|at| at + 1 < out.len());
    let copied = to.iter().any(|piece| matches!(piece, Piece::Group(..)));
    match (query, own_query) {
        (Query::Keep, None) => Some(out),
        (Query::Drop, Some(true)) if !copied => Some(out),
        _ => None,
    }
}

/// The `FallbackResource` that answers what is no file and no folder as a rewriting to this page does. It keeps the
/// query, which a page does not read, and a script might; and a script is asked for with a path behind its name.
pub fn fallback(to: &[Piece]) -> Option<Vec<u8>> {
    let path = super::guard::literal(to).filter(|path| path.starts_with(b"/") && !path.contains(&b'?'))?;
    let plain = word(&path) == path && !path.iter().any(|byte| b"%\\".contains(byte));
    let page = path.ends_with(b".html") || path.ends_with(b".htm");
    (plain && page).then(|| [b"FallbackResource ", path.as_slice()].concat())
}

/// The directives that say the same as the rules, where there are such.
pub fn of_rules(statements: Vec<Statement>, verdicts: &mut FxHashMap<Span, Fate>) -> Vec<Statement> {
    let rules = || statements.iter().filter_map(|one| if let Statement::Rule(rule) = one { Some(rule) } else { None });
    let (last, others): (Vec<_>, Vec<_>) =
        rules().partition(|rule| matches!(rule.instead, Some(Instead::Fallback(..))));
    let one = last.len() == 1 && others.iter().all(|rule| rule.answers());
    let aliases = others.iter().all(|rule| matches!(rule.instead, Some(Instead::Alias(_)))) && (one || last.is_empty());
    let mut written = |statement| match statement {
        Statement::Rule(Rule { instead: Some(Instead::Alias(line)), .. }) if aliases => Statement::Line(line),
        Statement::Rule(Rule { instead: Some(Instead::Fallback(line, span)), .. }) if one => {
            verdicts.insert(span, Fate::Assuming(Assumption::FilesAsNamed));
            Statement::Line(line)
        }
        other => other,
    };
    statements.into_iter().map(&mut written).collect()
}
