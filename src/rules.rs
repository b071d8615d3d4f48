//! The list of all rules, and how one is declared.
//!
//! A rule is one file in `rules/`: its page as the doc comment of [`declare`], the declaration, the check and
//! private helpers. `explain`, the README's table, the configuration's schema, SARIF metadata and shell
//! completion all read [`ALL`].

use crate::analysis::Facts;
use crate::diagnostic::{Finding, Severity};
use std::sync::{Mutex, OnceLock, PoisonError};

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
    /// What its findings rest on; requests, unless it says otherwise.
    pub basis: Basis,
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

/// What the findings of a rule rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// What a request is answered: without a witness that shows it, no finding is above info.
    Request,
    /// The text alone: true whatever is requested.
    Text,
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
/// lists. Its sections, all required: `## What it does`, `## Why is this bad?`, `## Example`, `## Fix safety`,
/// `## Traps`, `## Sources`. Fenced blocks marked `htaccess bad`, `apache bad`, `nginx bad` (or `good`) are run by
/// `tests/rules.rs`: a bad one makes exactly this rule fire (above info), a good one keeps it silent. A block that
/// cannot be bad in one way only names the others: `nginx bad also=redirect-chain,hsts-missing`.
#[macro_export]
macro_rules! declare {
    ($(#[doc = $doc:literal])* $id:ident { $($field:ident: $value:expr),* $(,)? }) => {
        $(#[doc = $doc])*
        // A rule that names its basis too leaves nothing out.
        #[allow(clippy::needless_update)]
        pub static $id: $crate::rules::Rule = $crate::rules::Rule {
            doc: concat!($($doc, "\n"),*),
            $($field: $value,)*
            ..$crate::rules::Rule::ABOUT_REQUESTS
        };
    };
}

/// Lists the rules once: each name is a file in `rules/` with a `RULE` in it.
macro_rules! catalogue {
    ($($name:ident),* $(,)?) => {
        $(pub mod $name;)*

        /// Every rule, in the order of the catalogue.
        pub static ALL: &[&Rule] = &[$(&$name::RULE),*];
    };
}

catalogue! {
    // status
    implicit_temporary_redirect,
    unknown_redirect_status,
    status_not_a_redirect,
    temporary_canonical_redirect,
    permanent_on_volatile_condition,
    method_lost_on_redirect,
    redirect_missing_target,
    redirect_missing_last_flag,
    conflicting_status_flags,
    see_other_on_get,
    method_preserving_cross_origin,
    temporary_redirect_long_cache,
    maintenance_redirect,
    status_comment_mismatch,
    // loop-chain
    redirect_loop,
    growing_redirect_loop,
    conditional_redirect_loop,
    prefix_redirect_into_itself,
    index_redirect_loop,
    internal_rewrite_loop,
    unreliable_https_test,
    redirect_chain,
    chain_mixed_status,
    tls_proxy_redirect_loop,
    error_page_redirect_loop,
    // hsts-security
    hsts_missing,
    hsts_missing_on_redirect,
    hsts_condition_drops_header,
    hsts_dropped_by_inheritance,
    hsts_invalid_value,
    hsts_duplicate,
    hsts_preload_ineligible,
    missing_https_redirect,
    https_downgrade,
    insecure_first_hop,
    hsts_over_http,
    hsts_weak_max_age,
    hsts_overridden,
    hsts_preload_consequences,
    // correctness
    config_syntax_error,
    malformed_target_url,
    redirect_swallows_directory,
    rewrite_engine_off,
    filesystem_path_in_location,
    trailing_or_condition,
    dangling_rewritecond,
    rewrite_not_a_redirect,
    duplicate_query_string,
    query_string_dropped,
    target_encoding_mistake,
    double_slash_target,
    undefined_capture,
    server_name_variable_in_target,
    port_in_target,
    catch_all_drops_path,
    front_controller_query_leak,
    rules_not_inherited,
    unknown_server_variable,
    prefix_overmatch,
    if_in_location,
    // dead-code
    pattern_never_matches,
    unreachable_rule,
    duplicate_source,
    contradictory_conditions,
    server_return_shadows_locations,
    redirect_after_front_controller,
    // injection-security
    crlf_in_location,
    open_redirect_parameter,
    open_redirect_host_concat,
    weak_redirect_allowlist,
    open_redirect_double_slash,
    request_header_in_target,
    unencoded_location,
    redirect_bypasses_access_control,
    nginx_rewrite_cve,
    apache_unsafe_rewrite_option,
    // regex
    unescaped_dot,
    unanchored_pattern,
    partial_anchored_alternation,
    case_sensitive_host_match,
    catastrophic_backtracking,
    // portability
    version_gated_feature,
    unresolved_include,
    // seo
    temporary_redirect_expired,
    error_document_redirect,
    well_known_redirected,
    refresh_header_redirect,
    // performance
    simpler_directive_available,
    many_literal_redirects,
    // style
    redundant_flag,
}

pub mod circle;
pub mod make;
pub mod mend;
pub mod precedence;
pub mod status;
pub mod suppress;
pub mod unread;
pub mod words;

impl Rule {
    /// What a declaration leaves out.
    pub const ABOUT_REQUESTS: Self = Self {
        name: "",
        group: Group::Correctness,
        severity: Severity::Info,
        servers: Servers::Both,
        basis: Basis::Request,
        fix: FixKind::None,
        doc: "",
        check: |_, _| (),
    };

    /// The page without the comment's indent, Markdown.
    pub fn page(&self) -> String {
        let lines = self.doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line));
        lines.collect::<Vec<_>>().join("\n").trim().to_owned()
    }

    /// The first line of the page.
    pub fn summary(&self) -> &'static str {
        self.doc.lines().next().unwrap_or_default().trim()
    }

    /// No witness, no finding above info.
    fn hold_to_proof(&self, finding: &mut Finding) {
        if self.basis == Basis::Request && finding.witness.is_none() {
            finding.severity = Severity::Info;
        }
    }

    /// Whether it has something to say about this language.
    pub fn applies(&self, apache: bool) -> bool {
        match self.servers {
            Servers::Both => true,
            Servers::Apache => apache,
            Servers::Nginx => !apache,
        }
    }
}

/// The rule of a name.
pub fn named(name: &str) -> Option<&'static Rule> {
    ALL.iter().copied().find(|rule| rule.name == name)
}

/// The name among `known` that is most like `name`, if one is like it at all.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.map(|known| (strsim::jaro_winkler(known, name), known));
    scored.filter(|(likeness, _)| *likeness > 0.7).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// Runs every rule, leaves out what the configuration's own comments suppress and fixes of what the server does not
/// read, and returns the findings in the order of the text.
pub fn check(facts: &Facts<'_>) -> Vec<Finding> {
    let rules: Vec<&Rule> = ALL.iter().copied().filter(|rule| rule.applies(facts.is_apache())).collect();
    let size: usize = facts.sources.iter().map(|(_, file)| file.bytes().len()).sum();
    let found = if size < WORTH_THREADS {
        rules.iter().map(|rule| run(rule, facts)).collect()
    } else {
        side_by_side(&rules, facts)
    };
    let mut findings = found.into_iter().flatten().collect();
    precedence::settle(facts, &mut findings);
    precedence::soften(facts, &mut findings);
    let mut findings = suppress::apply(facts, findings);
    unread::leave_alone(facts, &mut findings);
    findings.sort_by(|a, b| (a.primary.span, a.rule).cmp(&(b.primary.span, b.rule)));
    findings.dedup();
    findings
}

/// Bytes of configuration from which on the rules share the machine's cores.
const WORTH_THREADS: usize = 1 << 18;

fn run(rule: &Rule, facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    (rule.check)(facts, &mut findings);
    findings.iter_mut().for_each(|finding| rule.hold_to_proof(finding));
    findings
}

/// What each rule finds, in the order of the rules. One thread begins at the front and one at the back, because
/// neighbours ask for the same facts and would wait for each other.
fn side_by_side(rules: &[&Rule], facts: &Facts<'_>) -> Vec<Vec<Finding>> {
    let found: Vec<OnceLock<Vec<Finding>>> = rules.iter().map(|_| OnceLock::new()).collect();
    let pairs: Vec<_> = rules.iter().zip(&found).collect();
    let todo = Mutex::new(pairs.into_iter());
    let take = |back: bool| {
        let mut todo = todo.lock().unwrap_or_else(PoisonError::into_inner);
        if back { todo.next_back() } else { todo.next() }
    };
    let work = |back: bool| {
        // Nearly every rule asks for one of these.
        match back {
            true => _ = facts.placed_directives(),
            false => _ = facts.routes(),
        }
        while let Some((rule, place)) = take(back) {
            place.get_or_init(|| run(rule, facts));
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| work(true));
        work(false);
    });
    found.into_iter().map(|found| found.into_inner().unwrap_or_default()).collect()
}
