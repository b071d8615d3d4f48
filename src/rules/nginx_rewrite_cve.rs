//! See the page of [`RULE`].

use super::make::{Also, certain, replace};
use super::{FixKind, Group, Servers, mend, words};
use crate::analysis::Facts;
use crate::analysis::expression::{self, Kind};
use crate::diagnostic::{Applicability, Edit, Finding, Severity};
use crate::lower::Version;
use crate::pcre::Options;
use crate::source::Span;
use crate::syntax::{Directive, Item};

declare! {
    /// A `rewrite` has the shape that overflows a buffer in unpatched nginx.
    ///
    /// ## What it does
    /// Finds a `rewrite` whose replacement has a `?`, followed in the same block by a `set` that reads a numbered
    /// capture, and a redirecting `rewrite` that reads two numbered captures of which one lies inside the other.
    ///
    /// ## Why is this bad?
    /// nginx before 1.30.1 (CVE-2026-42945) and 1.30.2 (CVE-2026-9256) measures the result shorter than it
    /// writes it: a request can overwrite memory.
    ///
    /// ## Example
    /// ```nginx bad
    /// rewrite ^/((.*))$ http://x.example/$1$2 redirect;
    /// ```
    /// ```nginx bad
    /// rewrite ^/old/(.*)$ /new?page=1;
    /// set $rest $1;
    /// ```
    /// ```nginx good
    /// rewrite ^/(?<p>.*)$ http://x.example/$p redirect;
    /// ```
    ///
    /// ## Fix safety
    /// Safe: `set` reads its capture by a name, and of two groups that hold the same text only one is read. No fix for
    /// other groups inside each other: a redirecting `rewrite` escapes captures by number and sends those by name raw.
    ///
    /// ## Traps
    /// Distributions repair old versions without changing the number. With a declared version that has the repair:
    /// silent.
    ///
    /// ## Sources
    /// nginx security advisories, CVE-2026-42945 and CVE-2026-9256.
    RULE {
        name: "nginx-rewrite-cve",
        group: Group::InjectionSecurity,
        severity: Severity::Info,
        servers: Servers::Nginx,
        fix: FixKind::Safe,
        check: check,
    }
}

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let older = |stable: Version, main: Version| {
        facts.options.version.is_none_or(|have| {
            let numbers = |version: Version| (version.0, version.1, version.2);
            let branch = (main.0, main.1, 0);
            numbers(have) < numbers(stable) || (numbers(have) >= branch && numbers(have) < numbers(main))
        })
    };
    let first = older(Version(1, 30, 1), Version(1, 31, 0));
    let second = older(Version(1, 30, 2), Version(1, 31, 1));
    for tree in facts.trees {
        levels(&tree.items, &mut |items| {
            if first {
                query_then_set(facts, items, findings);
            }
        });
    }
    facts.each_directive(|directive, _| {
        if second && nested(facts, directive) {
            let message = "two numbered captures, one inside the other, overflow a buffer in nginx before 1.30.2 (CVE-2026-9256)";
            let finding = certain(&RULE, message, directive.span).help("update nginx, or use named captures");
            findings.push(finding.mend(Applicability::Safe, "read one of the two groups", one_of_two(facts, directive)));
        }
    });
}

/// Visits the items of every block, outermost first, without recursion.
fn levels<'a>(items: &'a [Item], visit: &mut impl FnMut(&'a [Item])) {
    let mut stack = vec![items];
    while let Some(items) = stack.pop() {
        visit(items);
        stack.extend(items.iter().filter_map(|item| match item {
            Item::Directive(Directive { block: Some(block), .. }) => Some(block.items.as_slice()),
            _ => None,
        }));
    }
}

fn query_then_set<'a>(facts: &Facts<'a>, items: &'a [Item], findings: &mut Vec<Finding>) {
    let (mut rewrite, mut between) = (None::<&Directive>, false);
    for item in items {
        let Item::Directive(directive) = item else { continue };
        // Another expression's captures may be the ones that are read.
        between |= words::is(facts, directive, "if") || words::is(facts, directive, "rewrite");
        if !words::is(facts, directive, "rewrite") && !words::is(facts, directive, "set") {
            continue;
        }
        let (name, words) = facts.words(directive);
        match (&*name, words.as_slice()) {
            ("rewrite", [_, to, ..]) if to.contains(&b'?') => (rewrite, between) = (Some(directive), false),
            ("set", [_, value]) if !numbers(value).is_empty() => {
                if let Some(rewrite) = rewrite.take() {
                    let message = "a `?` in the replacement and a capture read by `set` overflow a buffer in nginx before 1.30.1 (CVE-2026-42945)";
                    findings.push(
                        certain(&RULE, message, rewrite.span)
                            .related(directive.span, "reads the capture")
                            .help("update nginx, or use named captures")
                            .mend(Applicability::Safe, "read the capture by a name", by_name(facts, rewrite, directive).filter(|_| !between)),
                    );
                }
            }
            _ => {}
        }
    }
}

fn nested<'a>(facts: &Facts<'a>, directive: &'a Directive) -> bool {
    if !words::is(facts, directive, "rewrite") {
        return false;
    }
    let (name, words) = facts.words(directive);
    let ("rewrite", [pattern, to, flag @ ..]) = (&*name, words.as_slice()) else { return false };
    let leaves = matches!(flag, [b"redirect" | b"permanent"]) || to.starts_with(b"http") || to.contains(&b'?');
    let used = numbers(to);
    if !leaves || used.len() < 2 || named_variable(to) {
        return false;
    }
    let tree = expression::parse(pattern, Options::default());
    let inside = |outer: u8| {
        let group = tree.group(u32::from(outer));
        group.is_some_and(|group| group.walk().iter().skip(1).any(|node| matches!(node.kind, Kind::Group(Some(at), _) if used.iter().any(|one| u32::from(*one) == at))))
    };
    used.iter().any(|&outer| inside(outer))
}

/// The same number for two groups of which one is all that the other holds.
fn one_of_two(facts: &Facts<'_>, rewrite: &Directive) -> Option<Vec<Edit>> {
    let [pattern, to, ..] = rewrite.args.as_slice() else { return None };
    let tree = expression::parse(facts.word(pattern), Options::default());
    let [outer, inner] = *numbers(facts.word(to)).as_slice() else { return None };
    let Kind::Group(_, held) = &tree.group(u32::from(outer))?.kind else { return None };
    let same = matches!(&held.kind, Kind::Group(Some(at), _) if *at == u32::from(inner));
    same.then(|| vec![replace(to.span, renamed(facts.sources.text(to.span), inner, &format!("${outer}")))])
}

/// A name for the groups that `set` reads, and the name in place of the number. `None` where the number may mean a
/// group of something else, when the `rewrite` does not match.
fn by_name(facts: &Facts<'_>, rewrite: &Directive, set: &Directive) -> Option<Vec<Edit>> {
    let mut around = facts.parent(rewrite);
    while let Some(outer) = around {
        let matches = outer.args.iter().any(|word| facts.word(word).starts_with(b"~"));
        around = if matches { return None } else { facts.parent(outer) };
    }
    let (pattern, value) = (rewrite.args.first()?, set.args.get(1)?);
    let (written, text) = (mend::inside(facts, pattern), facts.word(pattern));
    let tree = expression::parse(text, Options::default());
    let mut edits = Vec::new();
    let mut read = facts.sources.text(value.span).to_vec();
    for number in numbers(&read) {
        let name = format!("part{number}");
        let known = facts.sources.iter().any(|(_, file)| memchr::memmem::find(file.bytes(), name.as_bytes()).is_some());
        let group = tree.group(u32::from(number))?.start + 1;
        if known || text.get(group) == Some(&b'?') || facts.sources.text(written) != text {
            return None;
        }
        let place = Span::new(written.file, written.start as usize + group, written.start as usize + group);
        edits.push(replace(place, format!("?<{name}>")));
        read = renamed(&read, number, &format!("${{{name}}}"));
    }
    edits.push(replace(value.span, read));
    Some(edits)
}

/// The text with another name for a numbered capture.
fn renamed(text: &[u8], number: u8, name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, &[b'$', b'0' + number]) {
        let (before, behind) = rest.split_at(at);
        out.extend_from_slice(before);
        out.extend_from_slice(name.as_bytes());
        rest = behind.get(2..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    out
}

/// The numbered captures a text reads, once each.
fn numbers(text: &[u8]) -> Vec<u8> {
    let pairs = text.windows(2).filter(|pair| matches!(pair, [b'$', b'1'..=b'9']));
    let mut out: Vec<u8> = pairs.filter_map(|pair| Some(pair.get(1)? - b'0')).collect();
    out.sort_unstable();
    out.dedup();
    out
}

/// Whether it reads a variable with a name.
fn named_variable(text: &[u8]) -> bool {
    text.windows(2).any(|pair| matches!(pair, [b'$', byte] if byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'{')))
}
