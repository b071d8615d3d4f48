//! The list of all rules, and how one is declared.
//!
//! A rule is one file in `rules/`: its page as the doc comment of [`declare`], the declaration, the check and
//! private helpers. `explain`, the README's table, the configuration's schema, SARIF metadata and shell
//! completion all read [`ALL`].

use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};

/// A lint rule.
#[derive(Debug)]
pub struct Rule {
    /// Kebab-case; states the defect and reads well after "allow".
    pub name: &'static str,
    /// The group it is selected by.
    pub group: Group,
    /// Severity where nothing lowers it.
    pub severity: Severity,
    /// Whose configurations it reads.
    pub servers: Servers,
    /// What kind of fix it can offer.
    pub fix: FixKind,
    /// The page, Markdown.
    pub doc: &'static str,
    /// Finds the defect.
    pub check: fn(&Facts<'_>, &mut Vec<Finding>),
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Group {
    Status,
    LoopChain,
    HstsSecurity,
    Correctness,
    DeadCode,
    InjectionSecurity,
    Regex,
    Portability,
    Seo,
    Performance,
    Style,
}

/// Whose configurations a rule reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Servers {
    Both,
    Apache,
    Nginx,
}

/// What kind of fix a rule can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FixKind {
    /// None.
    None,
    /// Always safe.
    Safe,
    /// Sometimes safe, sometimes for a human to confirm.
    Sometimes,
    /// For a human to confirm.
    Unsafe,
}

/// Declares a rule: its page as doc comment, then its fields. The page's first paragraph is one line, used in
/// lists; fenced blocks marked `htaccess bad`, `apache bad`, `nginx bad` (or `good`) are run by `tests/rules.rs`.
#[macro_export]
macro_rules! declare {
    ($(#[doc = $doc:literal])* $id:ident { $($field:ident: $value:expr),* $(,)? }) => {
        $(#[doc = $doc])*
        pub static $id: $crate::rules::Rule = $crate::rules::Rule {
            doc: concat!($($doc, "\n"),*),
            $($field: $value),*
        };
    };
}

/// Every rule, in the order of the catalogue.
pub static ALL: &[&Rule] = &[];

/// Runs every rule and returns the findings in the order of the text.
pub fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in ALL {
        (rule.check)(facts, &mut findings);
    }
    findings.sort_by_key(|finding| (finding.primary.span, finding.rule));
    findings
}
