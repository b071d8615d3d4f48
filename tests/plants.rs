//! Promise: a defect planted into a clean configuration is found where it was planted, and nothing is said before.
//!
//! `REDIRLINT_PLANTS` is the number of plants of each kind, `REDIRLINT_PLANTS_SEED` where their random choices begin.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

#[path = "support/check.rs"]
#[allow(dead_code)]
mod check;
#[path = "support/plant.rs"]
mod plant;

use check::{Files, replays};
use plant::{Case, Catalogue, Kind};
use redirlint::diagnostic::Severity;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn every_planted_defect_is_found_where_it_is_and_its_configuration_was_clean() {
    let catalogue = Catalogue::read();
    let (rounds, first) = (number("REDIRLINT_PLANTS", 2), number("REDIRLINT_PLANTS_SEED", 0));
    let wrong: Vec<String> = catalogue
        .kinds
        .iter()
        .flat_map(|kind| (first..first + rounds).map(move |seed| (kind, seed)))
        .filter_map(|(kind, seed)| {
            let complaint = complaint(kind, &catalogue.draw(kind, seed))?;
            Some(format!("{}: {} (seed {seed}): {complaint}", kind.rule, kind.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{} plants went wrong\n{}", wrong.len(), wrong.join("\n\n"));
}

/// What is wrong with what was said about a case.
fn complaint(kind: &Kind, case: &Case) -> Option<String> {
    let mut said = Vec::new();
    case.clean.check(&case.clean.options(), |facts, finding| {
        if finding.severity > Severity::Info || finding.rule == kind.rule {
            said.push(format!("{} at {:?}: {}", finding.rule, facts.text(finding.primary.span), finding.message));
        }
    });
    if !said.is_empty() {
        return Some(format!("the clean configuration is complained of: {}\n{}", said.join("; "), shown(&case.clean)));
    }
    let (mut found, mut unproven) = (false, None);
    case.planted.check(&case.planted.options(), |facts, finding| {
        said.push(format!("{} at {:?}", finding.rule, facts.text(finding.primary.span)));
        // A circle is reported at the redirect that closes it, the others of it beside.
        let places = finding.related.iter().chain([&finding.primary]).map(|label| label.span);
        let here = places.into_iter().any(|at| case.planted_at(facts.sources.file(at.file).path(), &at.range()));
        let named = finding.rule == kind.rule || kind.or.as_deref() == Some(finding.rule);
        found |= named && (kind.anywhere || here);
        if finding.witness.as_ref().is_some_and(|witness| !replays(facts, witness)) {
            unproven = Some(format!("the witness of {} does not replay", finding.rule));
        }
    });
    let missed = || format!("not found; said: {}\n{}", said.join("; "), shown(&case.planted));
    unproven.or_else(|| (!found).then(missed))
}

fn shown(files: &Files) -> String {
    files.files.iter().map(|(path, text)| format!("--- {}\n{text}", path.display())).collect()
}
