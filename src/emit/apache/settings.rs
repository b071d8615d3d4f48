//! What stands in a host beside rules: document root, index, error documents, headers.

use super::guard::Piece;
use super::list::{Lists, Place};
use super::plan::Statement;
use super::print::word;
use super::site::{no_names, root};
use crate::emit::Refusal;
use crate::ir::scope::{ErrorPage, ErrorStatus, ErrorTarget, HeaderAction, HeaderRule};
use crate::ir::site::Site;
use std::collections::BTreeSet;

/// nginx sends a header without `always` with these.
const LISTED: &str = "expr=%{REQUEST_STATUS} in {'200','201','204','206','301','302','303','304','307','308'}";

/// The statements of a site.
pub fn statements(lists: &mut Lists<'_>, site: &Site) -> Vec<Statement> {
    let mut out = Vec::new();
    let Some(scope) = lists.scope(site.scope) else { return out };
    if !lists.program.fragment
        && !lists.htaccess
        && let Some(root) = root(scope).filter(|root| root.starts_with(b"/"))
        && let Ok(word) = directive_word(&root)
    {
        out.push(Statement::Line([b"DocumentRoot ", word.as_slice()].concat()));
    }
    if let Some(index) = &scope.settings.index {
        let names: Vec<_> = index.iter().filter_map(|name| directive_word(name.as_literal()?).ok()).collect();
        if names.len() == index.len() && !names.is_empty() {
            out.push(Statement::Line([b"DirectoryIndex ", names.join(&b' ').as_slice()].concat()));
        }
    }
    for page in &scope.settings.error_pages.items {
        match error_document(lists, page) {
            Ok(line) => {
                out.push(Statement::Line(line));
                lists.verdict(page.span);
            }
            Err(reason) => {
                lists.leave_out(page.span, reason);
                out.append(&mut lists.out);
            }
        }
    }
    let mut seen = BTreeSet::new();
    for rule in &scope.settings.headers.items {
        match header(lists, rule, &mut seen) {
            Ok(line) => {
                out.push(Statement::Line(line));
                lists.verdict(rule.span);
            }
            Err(reason) => {
                lists.leave_out(rule.span, reason);
                out.append(&mut lists.out);
            }
        }
    }
    out
}

fn error_document(lists: &Lists<'_>, page: &ErrorPage) -> Result<Vec<u8>, Refusal> {
    let place = Place { guards: Vec::new(), names: no_names(), server: true, closing: false };
    let code = page.code;
    let status = &page.status;
    let target = match (&page.target, status) {
        (ErrorTarget::Path(path), ErrorStatus::Original) => path.as_literal().map(<[u8]>::to_vec),
        (ErrorTarget::Url(url), ErrorStatus::Original | ErrorStatus::Fixed(302)) => {
            Some(url_text(&lists.pieces(url, &place)?)?)
        }
        (ErrorTarget::Named(_), _) => {
            return Err(Refusal::new(
                "an error is answered by a named location, which Apache has not",
                "name a page for the error by `ErrorDocument`",
            ));
        }
        _ => {
            return Err("Apache keeps the status of an error whose page it sends, and redirects to a URL by 302".into());
        }
    };
    let target = target.ok_or_else(|| "the page depends on the request".to_owned())?;
    if !(400..600).contains(&code) || matches!(code, 444 | 494..=499) {
        return Err(format!("Apache has no error {code} to answer").into());
    }
    Ok([format!("ErrorDocument {code} ").as_bytes(), directive_word(&target)?.as_slice()].concat())
}

fn url_text(pieces: &[Piece]) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Literal(bytes) if !bytes.contains(&b'%') => out.extend_from_slice(bytes),
            Piece::Expression(text, _) => out.extend_from_slice(text.as_bytes()),
            _ => return Err(Refusal::new("the page depends on the request", "name a fixed page")),
        }
    }
    Ok(out)
}

fn header(lists: &Lists<'_>, rule: &HeaderRule, seen: &mut BTreeSet<Vec<u8>>) -> Result<Vec<u8>, Refusal> {
    if !rule.name.iter().all(is_token_byte) {
        return Err(Refusal::new(
            "its name is none that a header may have",
            "choose a name of letters, digits and `-`",
        ));
    }
    let place = Place { guards: Vec::new(), names: no_names(), server: true, closing: false };
    if !matches!(rule.action, HeaderAction::Add | HeaderAction::Set) || rule.condition.is_some() {
        return Err(Refusal::new(
            "its header is changed in a way that Apache says otherwise",
            "write the `Header` directive for what is meant",
        ));
    }
    let mut value = Vec::new();
    for piece in lists.pieces(&rule.value, &place)? {
        match piece {
            Piece::Literal(bytes) => {
                for byte in bytes {
                    value.extend_from_slice(if byte == b'%' { b"%%" } else { std::slice::from_ref(&byte) });
                }
            }
            _ => {
                return Err(Refusal::new(
                    "its value depends on the request",
                    "set the header where the answer is made",
                ));
            }
        }
    }
    if value.is_empty() {
        return Err(Refusal::new("nginx sends no header without a value", "leave it out: nothing is sent either way"));
    }
    let action = if seen.insert(rule.name.to_ascii_lowercase()) { "set" } else { "add" };
    let mut line = format!("Header always {action} ").into_bytes();
    line.extend_from_slice(&rule.name);
    line.push(b' ');
    line.extend_from_slice(&quoted(&value)?);
    if !rule.always {
        line.extend_from_slice(format!(" \"{LISTED}\"").as_bytes());
    }
    Ok(line)
}

/// What the name of a header is made of (RFC 9110, section 5.6.2).
fn is_token_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// A word in quotes, within which only a line's end has no spelling.
fn quoted(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    if text.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
        return Err(Refusal::new(
            "its text holds a line break, which Apache cannot write",
            "write the text on one line",
        ));
    }
    let mut out = b"\"".to_vec();
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
    Ok(out)
}

fn directive_word(text: &[u8]) -> Result<Vec<u8>, Refusal> {
    if word(text) == text && !text.contains(&b'\\') { Ok(text.to_vec()) } else { quoted(text) }
}
