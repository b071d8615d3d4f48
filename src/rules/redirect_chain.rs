//! See the page of [`RULE`].

use super::make::{Also, lossy, shown};
use super::{FixKind, Group, Servers};
use crate::analysis::Facts;
use crate::analysis::graph::{Shape, Walk};
use crate::analysis::witness::confidence_of;
use crate::diagnostic::{Confidence, Finding, Severity};
use crate::source::Span;
use std::collections::BTreeSet;

declare! {
    /// A request needs several redirects of this configuration to arrive.
    ///
    /// ## What it does
    /// Follows redirects and reports the ones that lead to another redirect of the same configuration, with every
    /// hop. More hops than `max_hops` (5) are an error.
    ///
    /// ## Why is this bad?
    /// Each hop costs a round trip, is one more thing to break, and search engines give up after a few.
    ///
    /// ## Example
    /// ```htaccess bad
    /// Redirect 301 /a /b
    /// Redirect 301 /b /c
    /// ```
    /// ```nginx bad
    /// location = /a {
    ///     return 301 /b;
    /// }
    /// location = /b {
    ///     return 301 /c;
    /// }
    /// ```
    /// Lead to the last address at once:
    /// ```htaccess good
    /// Redirect 301 /a /c
    /// Redirect 301 /b /c
    /// ```
    /// ```nginx good
    /// location = /a {
    ///     return 301 /c;
    /// }
    /// location = /b {
    ///     return 301 /c;
    /// }
    /// ```
    ///
    /// ## Fix safety
    /// Safe for a redirect of fixed paths to a fixed target, where the hops stay on one host, agree in being
    /// permanent or not, and the last address is the same with a query and below the path. Unsafe for any other
    /// fixed target: what the hops between did is lost. A target that is put together has no fix.
    ///
    /// ## Traps
    /// From plain `http` to `https` of the same host and from there to another host are two hops that the HSTS
    /// preload list asks for; this shape is not reported. A redirect that catches its own target only where a path
    /// repeats itself (`/a/a/x`) is a note, and so is a chain that leaves the folder which a lone `.htaccess` most
    /// likely lies in: at least three of its redirects lead into that folder, all that name one do.
    ///
    /// ## Sources
    /// RFC 9110 section 15.4.
    RULE {
        name: "redirect-chain",
        group: Group::LoopChain,
        severity: Severity::Warning,
        servers: Servers::Both,
        fix: FixKind::Sometimes,
        check: check,
    }
}

mod flat;

fn check(facts: &Facts<'_>, findings: &mut Vec<Finding>) {
    let mut seen: BTreeSet<Vec<Span>> = BTreeSet::new();
    for walk in facts.walks() {
        let Shape::Chain(count) = walk.shape else { continue };
        let spans = &walk.spans;
        let Some(&at) = spans.first() else { continue };
        if wanted_for_hsts(walk) || !seen.insert(spans.iter().take(2).copied().collect()) {
            continue;
        }
        let message = format!("{count} redirects to arrive: {}", way(walk));
        let mut finding = shown(&RULE, &walk.journey, message, at).help(advice(walk));
        if let Some((how, edits)) = flat::flatten(facts, walk) {
            finding = finding.fix(how, "redirect to the last address at once", edits);
        }
        if count > facts.knobs.max_hops && confidence_of(&walk.journey) == Confidence::Proven {
            finding.severity = Severity::Error;
        }
        // One redirect that only catches its own target where the path repeats itself: nobody asks for that.
        if spans.iter().take(count).all(|span| *span == at) || facts.doubts_place(walk) {
            finding = finding.at_most(Severity::Info);
        }
        for span in spans.iter().take(count).skip(1) {
            finding = finding.related(*span, "redirects again");
        }
        findings.push(finding);
    }
}

/// Where to lead at once: to the last address, and on what it rests.
fn advice(walk: &Walk) -> String {
    let redirects = walk.journey.hops.iter().filter(|hop| hop.answer.location.is_some());
    let mut assumed: Vec<String> = Vec::new();
    for one in redirects.flat_map(|hop| &hop.answer.assumptions) {
        let text = format!("`{}` ({})", one.question, one.assumed);
        if !assumed.contains(&text) {
            assumed.push(text);
        }
    }
    let last = lossy(&walk.journey.last);
    match assumed.is_empty() {
        true => format!("redirect to `{last}` at once"),
        false => format!("redirect to `{last}` at once, if that is the last address: it rests on {}", assumed.join(", ")),
    }
}

fn way(walk: &Walk) -> String {
    let mut urls: Vec<String> = walk.journey.hops.iter().take(5).map(|hop| format!("`{}`", lossy(&hop.url))).collect();
    let last = format!("`{}`", lossy(&walk.journey.last));
    if urls.last() != Some(&last) {
        urls.push(last);
    }
    urls.join(" → ")
}

/// `http://h` → `https://h` → another host: the preload list asks for the first hop.
fn wanted_for_hsts(walk: &Walk) -> bool {
    let hops = &walk.journey.hops;
    let (Some(first), Some(second)) = (hops.first(), hops.get(1)) else { return false };
    let host = |url: &[u8]| url.split(|&byte| byte == b'/').nth(2).map(<[u8]>::to_vec);
    let third = hops.get(2).map_or(walk.journey.last.as_slice(), |hop| hop.url.as_slice());
    walk.redirects() == 2
        && first.url.starts_with(b"http:")
        && second.url.starts_with(b"https:")
        && host(&first.url) == host(&second.url)
        && host(third) != host(&second.url)
}
