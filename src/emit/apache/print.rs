//! A plan as text: indentation and quoting.

use super::plan::{Cond, Host, Rule, Statement};

/// A host as text.
pub fn host(host: &Host, out: &mut Vec<u8>) {
    let depth = usize::from(host.address.is_some());
    if let Some(address) = &host.address {
        out.extend_from_slice(&[b"<VirtualHost ", address.as_slice(), b">\n"].concat());
    }
    for line in &host.head {
        put(out, depth, line);
    }
    if !host.head.is_empty() && !host.body.is_empty() {
        out.push(b'\n');
    }
    for statement in &host.body {
        print(out, statement, depth);
    }
    if host.address.is_some() {
        out.extend_from_slice(b"</VirtualHost>\n");
    }
}

fn put(out: &mut Vec<u8>, depth: usize, line: &[u8]) {
    out.extend(std::iter::repeat_n(b' ', depth * 4));
    out.extend_from_slice(line);
    out.push(b'\n');
}

fn print(out: &mut Vec<u8>, statement: &Statement, depth: usize) {
    match statement {
        Statement::Blank => out.push(b'\n'),
        Statement::Comment(text) => put(out, depth, &comment(text)),
        Statement::Line(line) => put(out, depth, line),
        Statement::Rule(rule) => {
            rule.conditions.iter().for_each(|cond| put(out, depth, &condition(cond)));
            put(out, depth, &line_of(rule));
        }
    }
}

/// A line that ends in a backslash would swallow the next one.
fn comment(text: &[u8]) -> Vec<u8> {
    let mut out = b"#".to_vec();
    if text.first().is_some_and(|byte| !matches!(byte, b' ' | b'#')) {
        out.push(b' ');
    }
    // characters beyond Latin-1 are spelled: tools that read configurations byte by byte break on them
    for char in String::from_utf8_lossy(text).chars() {
        match char {
            '\n' | '\r' => out.push(b' '),
            '\0'..='\u{ff}' => out.extend_from_slice(char.to_string().as_bytes()),
            _ => out.extend(char.escape_unicode().map(|char| char as u8)),
        }
    }
    if out.ends_with(b"\\") {
        out.push(b' ');
        out.push(b'.');
    }
    out
}

fn condition(cond: &Cond) -> Vec<u8> {
    let mark: &[u8] = if cond.negated { b"!" } else { b"" };
    let mut line = [b"RewriteCond ", word(&cond.test).as_slice(), b" "].concat();
    line.extend_from_slice(&word(&[mark, cond.pattern.as_slice()].concat()));
    let flags: Vec<&str> =
        [(cond.ignore_case, "NC"), (cond.or, "OR")].into_iter().filter_map(|(on, flag)| on.then_some(flag)).collect();
    if !flags.is_empty() {
        line.extend_from_slice(format!(" [{}]", flags.join(",")).as_bytes());
    }
    line
}

fn line_of(rule: &Rule) -> Vec<u8> {
    let mut line = b"RewriteRule ".to_vec();
    line.extend_from_slice(&word(&rule.pattern));
    line.push(b' ');
    line.extend_from_slice(&rule.to.as_deref().map_or(b"-".to_vec(), word));
    if !rule.flags.is_empty() {
        let flags = format!("[{}]", rule.flags.join(","));
        line.push(b' ');
        line.extend_from_slice(&if flags.contains(' ') { quoted(flags.as_bytes()) } else { flags.into_bytes() });
    }
    line
}

/// A word of a rule or condition. There is no escape for the quote itself: what holds both kinds is refused before
/// (see [`can_be_written`]).
pub fn word(text: &[u8]) -> Vec<u8> {
    let starts = matches!(text.first(), None | Some(b'"' | b'\''));
    let blank = text.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0x0b);
    if starts || blank { quoted(text) } else { text.to_vec() }
}

fn quoted(text: &[u8]) -> Vec<u8> {
    let quote: &[u8] = if text.contains(&b'"') { b"'" } else { b"\"" };
    [quote, text, quote].concat()
}

/// Whether a word can be quoted, and stands on one line.
pub fn can_be_written(text: &[u8]) -> bool {
    let quotes = text.contains(&b'"') && text.contains(&b'\'');
    let needs = word(text) != text;
    let breaks = text.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0));
    !(breaks || needs && quotes)
}
