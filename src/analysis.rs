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
//! | what may stand in front of the server | [`front`] |
//! | redirects that a request leads where it likes; raw bytes it puts into them | [`Facts::steered`], [`steer`] |

pub mod byteset;
pub mod compare;
pub mod expression;
pub mod front;
pub mod graph;
pub mod guard;
pub mod hsts;
mod image;
pub mod inclusion;
pub mod knobs;
pub mod language;
pub mod order;
mod overtaken;
pub mod place;
pub mod propose;
pub mod routes;
pub mod steer;
pub mod target;
pub mod transport;
pub mod uses;
pub mod witness;
mod worlds;

pub use knobs::{Knobs, TlsUpstream};

use crate::eval::{Unknown, World};
use crate::ir::Program;
use crate::lower::{Dialect, Lowered, Options};
use crate::source::{Sources, Span};
use crate::syntax::{Directive, Item, Tree};
use graph::Walk;
use routes::{Route, RouteId, Routes};
use rustc_hash::{FxHashMap, FxHashSet};
use std::borrow::Cow;
use std::sync::OnceLock;
use witness::Proof;

/// Lines of a comment that are read.
const MAX_COMMENT: usize = 16;

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
    /// What is known of the files that requests ask for.
    pub world: &'a dyn World,
    routes: OnceLock<Routes<'a>>,
    proofs: OnceLock<Vec<OnceLock<Vec<Proof>>>>,
    walks: OnceLock<Vec<Walk>>,
    shadowed: OnceLock<Vec<order::Shadowed>>,
    entrances: OnceLock<Vec<transport::Entrance>>,
    steered: OnceLock<Vec<steer::Steered>>,
    broken: OnceLock<Vec<(RouteId, Proof)>>,
    directives: OnceLock<FxHashMap<(u32, u32), Placed<'a>>>,
    expected_domains: OnceLock<FxHashSet<String>>,
    likely_folder: OnceLock<Option<Vec<u8>>>,
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
            world: &Unknown,
            routes: OnceLock::new(),
            proofs: OnceLock::new(),
            walks: OnceLock::new(),
            shadowed: OnceLock::new(),
            entrances: OnceLock::new(),
            steered: OnceLock::new(),
            broken: OnceLock::new(),
            directives: OnceLock::new(),
            expected_domains: OnceLock::new(),
            likely_folder: OnceLock::new(),
        }
    }

    /// The same, where something is known of the files that requests ask for.
    #[must_use]
    pub fn in_world(self, world: &'a dyn World) -> Self {
        Self { world, ..self }
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

    /// Whether it is a piece of a configuration, and the user does not say that it may be judged as the whole.
    pub fn partial(&self) -> bool {
        self.program.fragment && self.knobs.vhost_visible != Some(true)
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
        self.placed_directives().get(&(span.file.0, span.start)).copied()
    }

    /// The directives by where they begin.
    pub(crate) fn placed_directives(&self) -> &FxHashMap<(u32, u32), Placed<'a>> {
        self.directives.get_or_init(|| {
            let mut all = FxHashMap::default();
            self.each_directive(|directive, around| {
                all.insert((directive.span.file.0, directive.span.start), (directive, around.last().copied()));
            });
            all
        })
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
        let named = self.knobs.own_hosts().any(|own| domain(own) == wanted);
        let site = self.program.sites.get(route.site.0 as usize);
        let names = site.into_iter().flat_map(|site| &site.names);
        let expected = || {
            let names = self.program.expected_hosts.names.iter();
            names.map(|name| domain(&String::from_utf8_lossy(name))).collect()
        };
        named
            || self.expected_domains.get_or_init(expected).contains(&wanted)
            || names.into_iter().any(|name| match name {
                SiteName::Exact(name) | SiteName::Leading(name) | SiteName::LeadingOrBare(name) => {
                    domain(String::from_utf8_lossy(name).trim_start_matches('.')) == wanted
                }
                _ => false,
            })
            || site.is_some_and(|site| domain(&String::from_utf8_lossy(&site.own.host)) == wanted)
    }

    /// The text of the comment that stands directly above a directive (all lines of it, from the first to the last), or
    /// behind it on its line, without its `#`.
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
        let mut above: Vec<_> = (1..line).rev().map_while(comment).take(MAX_COMMENT).collect();
        above.reverse();
        (!above.is_empty()).then(|| above.join(" ")).or_else(behind)
    }
}
