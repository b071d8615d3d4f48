//! Facts about a program, computed once and shared by the rules.
//!
//! Knows the IR and the evaluator; knows no rule. A fact that is costly is computed when first asked for.
//!
//! What a rule asks for, and where it is:
//!
//! | question | answer |
//! | --- | --- |
//! | which clauses answer, redirect, rewrite; what must hold; where do they lead | [`Facts::routes`], [`routes::Route`], [`guard::Guard`], [`target::TargetView`] |
//! | a request that reaches this route | [`Facts::proofs`] |
//! | does this request reach it; where does it lead a client | [`Facts::prove`], [`Facts::answer`], [`Facts::journey`] |
//! | a proof for a finding, and how sure it is | [`witness::Proof::witness`], [`witness::witness_of`], [`witness::confidence_of`] |
//! | chains, loops, growing loops | [`Facts::walks`] |
//! | whether a walk leaves the folder that a lone `.htaccess` most likely lies in | [`Facts::doubts_place`] |
//! | whether a file is a template | [`Facts::is_template`] |
//! | which routes are never reached, and who takes their requests | [`Facts::shadowed`] |
//! | all strings a pattern accepts; inclusion, intersection; what a group can hold | [`language`] |
//! | the pieces of a regular expression and their places | [`expression`] |
//! | the regular expressions, each with what it is held against | [`uses`] |
//! | the words of a directive as written | [`Facts::directive`] |
//! | the value of a `Strict-Transport-Security` header | [`hsts`] |
//! | doors of every site, and what they send; policies as stated | [`Facts::entrances`], [`transport`] |
//! | redirects that a request leads where it likes; raw bytes it puts into them | [`Facts::steered`], [`steer`] |

pub mod byteset;
pub mod compare;
pub mod expression;
pub mod graph;
pub mod guard;
pub mod hsts;
pub mod inclusion;
pub mod language;
pub mod order;
pub mod place;
pub mod propose;
pub mod routes;
pub mod steer;
pub mod target;
pub mod transport;
pub mod uses;
pub mod witness;

use crate::ir::Program;
use crate::lower::{Dialect, Lowered, Options};
use crate::source::{Sources, Span};
use crate::syntax::{Directive, Item, Tree};
use graph::Walk;
use routes::{Route, RouteId, Routes};
use rustc_hash::FxHashMap;
use std::borrow::Cow;
use std::sync::OnceLock;
use witness::Proof;

/// What the user says about the world around the configuration (`redirlint.yaml`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Knobs {
    /// Names considered the user's own, beside those the configuration mentions.
    pub hosts: Vec<String>,
    /// The one name that the others should redirect to.
    pub canonical_host: Option<String>,
    /// Hosts that a redirect may lead to without being asked about.
    pub known_external_hosts: Vec<String>,
    /// Redirects that are still acceptable before the final answer; more are an error.
    pub max_hops: usize,
    /// Whether something in front of the server ends TLS.
    pub tls_upstream: TlsUpstream,
    /// The request header (name and value) by which it tells that the client used https.
    pub tls_header: Option<(String, String)>,
    /// Something in front of the server adds Strict-Transport-Security.
    pub hsts_upstream: bool,
    /// Whether the virtual host around a lone `.htaccess` may be judged by what the file says; `None` where the user
    /// says nothing.
    pub vhost_visible: Option<bool>,
    /// Names of index files, where the configuration names none.
    pub index_files: Vec<String>,
    /// Paths (shell patterns) that programs ask with methods beside GET.
    pub api_paths: Vec<String>,
    /// Paths (shell patterns) whose redirects are meant to be temporary.
    pub temporary_ok: Vec<String>,
    /// Today, as `YYYY-MM-DD`; the machine's day unless given.
    pub today: String,
}

/// Whether something in front of the server ends TLS, so that its own connections are plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsUpstream {
    /// No: connections arrive as the client makes them.
    No,
    /// Nobody knows.
    #[default]
    Maybe,
    /// Yes: every connection arrives in plain text.
    Always,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            canonical_host: None,
            known_external_hosts: Vec::new(),
            max_hops: 5,
            tls_upstream: TlsUpstream::default(),
            tls_header: None,
            hsts_upstream: false,
            vhost_visible: None,
            index_files: Vec::new(),
            api_paths: Vec::new(),
            temporary_ok: Vec::new(),
            today: today(),
        }
    }
}

/// The machine's day in UTC, as `YYYY-MM-DD` (days to a civil date, RFC 3339's calendar).
fn today() -> String {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let days = (since.as_secs() / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// A directive and the one it stands in.
type Placed<'a> = (&'a Directive, Option<&'a Directive>);

/// One configuration under analysis.
pub struct Facts<'a> {
    /// The files.
    pub sources: &'a Sources,
    /// The trees of every file read, the main one first.
    pub trees: &'a [Tree],
    /// The program.
    pub program: &'a Program,
    /// What it was read as.
    pub options: &'a Options,
    /// What the user says.
    pub knobs: &'a Knobs,
    routes: OnceLock<Routes<'a>>,
    proofs: OnceLock<Vec<OnceLock<Vec<Proof>>>>,
    walks: OnceLock<Vec<Walk>>,
    shadowed: OnceLock<Vec<order::Shadowed>>,
    entrances: OnceLock<Vec<transport::Entrance>>,
    steered: OnceLock<Vec<steer::Steered>>,
    broken: OnceLock<Vec<(RouteId, Proof)>>,
    directives: OnceLock<FxHashMap<(u32, u32), Placed<'a>>>,
}

impl<'a> Facts<'a> {
    /// Facts about a lowered configuration.
    pub fn new(sources: &'a Sources, lowered: &'a Lowered, options: &'a Options, knobs: &'a Knobs) -> Self {
        Self {
            sources,
            trees: &lowered.trees,
            program: &lowered.program,
            options,
            knobs,
            routes: OnceLock::new(),
            proofs: OnceLock::new(),
            walks: OnceLock::new(),
            shadowed: OnceLock::new(),
            entrances: OnceLock::new(),
            steered: OnceLock::new(),
            broken: OnceLock::new(),
            directives: OnceLock::new(),
        }
    }

    /// Whether the whole server refuses the configuration: then it answers nothing and no request may be asked.
    pub fn refused(&self) -> bool {
        self.program.refusals.iter().any(|refusal| refusal.reach == crate::ir::Reach::Server)
    }

    /// Whether a file is a template, of which no server reads the text as it stands here.
    pub fn is_template(&self, file: crate::source::FileId) -> bool {
        let told = |note: &crate::ir::Note| note.effect == crate::ir::Effect::Template && note.span.file == file;
        self.program.notes.iter().any(told)
    }

    /// Whether it is Apache's language.
    pub fn is_apache(&self) -> bool {
        self.options.dialect != Dialect::Nginx
    }

    /// Every clause that answers, redirects or rewrites. Empty for a configuration that the server refuses.
    pub fn routes(&self) -> &Routes<'a> {
        self.routes.get_or_init(|| {
            if self.refused() { Routes::default() } else { Routes::of(self.program, &self.options.base) }
        })
    }

    /// Confirmed requests that the route answers, the most readable first; empty where none was found (which does
    /// not say that there is none).
    pub fn proofs(&self, route: &Route<'_>) -> &[Proof] {
        let all = self.proofs.get_or_init(|| self.routes().all.iter().map(|_| OnceLock::new()).collect());
        match all.get(route.id.0 as usize) {
            Some(one) => one.get_or_init(|| if route.enabled { self.find_proofs(route) } else { Vec::new() }),
            None => &[],
        }
    }

    /// Where redirects lead: every chain and every loop that was found, each followed by the evaluator.
    pub fn walks(&self) -> &[Walk] {
        self.walks.get_or_init(|| graph::walks(self))
    }

    /// Routes whose requests an earlier route of the same list takes.
    pub fn shadowed(&self) -> &[order::Shadowed] {
        self.shadowed.get_or_init(|| order::shadowed(self))
    }

    /// `GET /` at every door of every site. Empty for a configuration that the server refuses.
    pub fn entrances(&self) -> &[transport::Entrance] {
        self.entrances.get_or_init(|| if self.refused() { Vec::new() } else { transport::entrances(self) })
    }

    /// Redirects whose destination a request was found to choose.
    pub fn steered(&self) -> &[steer::Steered] {
        self.steered.get_or_init(|| steer::steered(self))
    }

    /// Redirects into whose `Location` a request was found to put a line break, each directive once.
    pub fn broken(&self) -> &[(RouteId, Proof)] {
        self.broken.get_or_init(|| steer::broken(self))
    }

    /// The directive whose span this is (or begins there), as written.
    pub fn directive(&self, span: Span) -> Option<&'a Directive> {
        self.placed(span).map(|(directive, _)| directive)
    }

    /// The directive in whose block this one stands; `None` at the top of a file.
    pub fn parent(&self, directive: &Directive) -> Option<&'a Directive> {
        self.placed(directive.span)?.1
    }

    fn placed(&self, span: Span) -> Option<Placed<'a>> {
        let index = self.directives.get_or_init(|| {
            let mut all = FxHashMap::default();
            self.each_directive(|directive, around| {
                all.insert((directive.span.file.0, directive.span.start), (directive, around.last().copied()));
            });
            all
        });
        index.get(&(span.file.0, span.start)).copied()
    }

    /// The bytes of a word as the server reads it.
    pub fn word<'w>(&self, word: &'w crate::syntax::Word) -> &'w [u8]
    where
        'a: 'w,
    {
        word.value(self.sources.file(word.span.file).bytes())
    }

    /// The name of a directive in lower case and its words as the server reads them.
    pub fn words<'w>(&self, directive: &'w Directive) -> (Cow<'w, str>, Vec<&'w [u8]>)
    where
        'a: 'w,
    {
        (self.name(directive), directive.args.iter().map(|word| self.word(word)).collect())
    }

    /// The name of a directive in lower case.
    pub fn name<'w>(&self, directive: &'w Directive) -> Cow<'w, str>
    where
        'a: 'w,
    {
        let mut name = String::from_utf8_lossy(self.word(&directive.name));
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            name.to_mut().make_ascii_lowercase();
        }
        name
    }

    /// The text of a span, for a message.
    pub fn text(&self, span: Span) -> String {
        String::from_utf8_lossy(self.sources.text(span)).into_owned()
    }

    /// Every directive of every file, outermost first, with the directives around it (outermost first).
    pub fn each_directive(&self, mut visit: impl FnMut(&'a Directive, &[&'a Directive])) {
        for tree in self.trees {
            let mut around: Vec<&'a Directive> = Vec::new();
            let mut stack: Vec<std::slice::Iter<'a, Item>> = vec![tree.items.iter()];
            while let Some(top) = stack.last_mut() {
                match top.next() {
                    None => {
                        stack.pop();
                        around.pop();
                    }
                    Some(Item::Directive(directive)) => {
                        visit(directive, &around);
                        if let Some(block) = &directive.block {
                            stack.push(block.items.iter());
                            around.push(directive);
                        }
                    }
                    Some(_) => {}
                }
            }
        }
    }

    /// Whether a host is one of the user's own: named by the user or by a site of the configuration, or below the
    /// same registrable domain as one that is.
    pub fn is_own_host(&self, route: &Route<'_>, host: &str) -> bool {
        use crate::ir::site::SiteName;
        let domain = |name: &str| psl::domain_str(name).unwrap_or(name).to_ascii_lowercase();
        let wanted = domain(host);
        let named = self.knobs.hosts.iter().any(|own| domain(own) == wanted);
        let site = self.program.sites.get(route.site.0 as usize);
        let names = site.into_iter().flat_map(|site| &site.names);
        named
            || names.into_iter().any(|name| match name {
                SiteName::Exact(name) | SiteName::Leading(name) | SiteName::LeadingOrBare(name) => {
                    domain(String::from_utf8_lossy(name).trim_start_matches('.')) == wanted
                }
                _ => false,
            })
            || site.is_some_and(|site| domain(&String::from_utf8_lossy(&site.own.host)) == wanted)
    }

    /// The text of the comment that stands directly above a directive, or behind it on its line, without its `#`.
    pub fn comment_above(&self, span: Span) -> Option<String> {
        let file = self.sources.file(span.file);
        let line = self.sources.position(span).line;
        let comment = |number: usize| {
            let text = file.bytes().get(file.line(number)?).filter(|line| line.contains(&b'#'))?;
            Some(String::from_utf8_lossy(text).trim_start().strip_prefix('#')?.trim().to_owned())
        };
        let behind = || {
            let end = file.position(span.end as usize).line;
            let rest = file.bytes().get(span.end as usize..file.line(end)?.end).filter(|rest| rest.contains(&b'#'))?;
            Some(String::from_utf8_lossy(rest).split_once('#')?.1.trim().to_owned())
        };
        comment(line.checked_sub(1)?).or_else(behind)
    }
}
