//! What a rule that is left out means for the rules behind it.
//!
//! A rule that would have served a request keeps later redirects away from it. Left out, it must still do that:
//! nothing may be redirected that the source does not redirect.

use super::captures;
use super::formula::Formula;
use super::length;
use super::list::{Home, Steps, reader, source_of};
use super::paths::path;
use super::step::{Does, Path, Step};
use crate::ir::clause::{Action, Clause, Then};
use crate::ir::condition::Condition;

impl Steps<'_> {
    /// Keeps true behind a rule that is left out what it says about later rules.
    pub(super) fn hold(&mut self, clause: &Clause, home: Home<'_>) {
        self.forget(&clause.does);
        for then in [clause.then, clause.otherwise] {
            if let Then::Skip(count) = then {
                let reason = "whether it is skipped depends on a rule that is left out".to_owned();
                self.guards.push((count, Err(reason.into())));
            }
        }
        if self.serves(clause) {
            let when = self.known_conditions(&clause.when.conditions);
            self.stop(clause, home, when);
        }
    }

    /// Ends the list for every request that the clause may be for: conditions that cannot be said are not asked.
    fn stop(&mut self, clause: &Clause, home: Home<'_>, when: Formula) {
        let matches = clause.when.matches.as_ref();
        let cut = matches.and_then(|test| source_of(&test.pattern));
        let negated = matches.is_some_and(|test| test.negated);
        let mut parts = vec![when];
        let path: Path = path(cut.as_ref(), negated, home, &[], false, &mut parts);
        let when = Formula::All(parts).simplified();
        let stop = Step { does: Does::Stop, ..Step::remark(clause.span, Vec::new()) };
        let exact = Step { path, when, ..stop.clone() };
        self.steps.push(if length::step(&exact) { exact } else { stop });
    }

    /// Whether a request that the rule applies to is served, refused or looked at under another path, and not
    /// redirected.
    pub(super) fn serves(&self, clause: &Clause) -> bool {
        let [Action::Rewrite(rewrite)] = clause.does.as_slice() else { return false };
        let ends = matches!(clause.then, Then::EndList | Then::EndAll | Then::Restart { .. });
        let within = rewrite.to.as_ref().is_some_and(|to| self.within(to).is_some());
        let leaves = rewrite.implicit_redirect.is_some() && super::uri::is_absolute(&rewrite.written) && !within;
        let redirects = rewrite.redirect.is_some() || rewrite.proxy.is_none() && leaves;
        rewrite.status.is_some() || !redirects && (ends || rewrite.to.is_some())
    }

    fn known_conditions(&mut self, conditions: &Condition) -> Formula {
        let Condition::All(parts) = conditions else { return Formula::TRUE() };
        let mut known = Vec::new();
        for part in parts.iter().filter(|part| !captures::reads_groups(part)) {
            let mut groups = Vec::new();
            let mut reader = reader(&mut self.maps, &self.variables, &mut groups);
            match reader.condition(part, false) {
                Ok(formula) if reader.before.is_empty() => known.push(formula),
                _ => {}
            }
        }
        Formula::All(known)
    }
}
