//! A scope under construction: what the lines of one section, file or server have said so far.

use super::flags::ConditionFlags;
use crate::ir::clause::{Action, Clause, Handler};
use crate::ir::condition::Condition;
use crate::ir::proxy::LocationChange;
use crate::ir::scope::{Inherit, Listed, Lists, RewriteList, Scope, Stacked};
use crate::ir::{Bytes, Note};
use std::sync::Arc;

/// Where the lines stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// At server level: the main server or a virtual host.
    Server,
    /// In a section or a `.htaccess`; the text that mod_rewrite takes for its folder.
    Section(Bytes),
}

/// A scope under construction.
#[derive(Debug)]
pub struct Builder {
    /// Where the lines stand.
    pub place: Place,
    /// Settings, inner sections and notes.
    pub scope: Scope,
    /// `RewriteCond`s that wait for their rule.
    pub pending: Vec<(Condition, ConditionFlags)>,
    /// Whether mod_rewrite was named at all.
    pub rewrites: bool,
    /// What mod_rewrite said.
    pub rewrite: RewriteList,
    /// Its rules.
    pub rules: Vec<Clause>,
    /// Whether each rule is chained to the next one.
    pub chains: Vec<bool>,
    /// Redirects in order.
    pub redirects: Vec<Clause>,
    /// Aliases in order.
    pub aliases: Vec<Clause>,
    /// What other servers answer for.
    pub proxies: Vec<Clause>,
    /// What becomes of a `Location` of theirs.
    pub reverses: Vec<Arc<LocationChange>>,
    /// SetEnvIf in order.
    pub environment: Vec<Clause>,
    /// SetEnv in order.
    pub late_environment: Vec<Clause>,
    /// The redirect whose target is an expression.
    pub expression: Option<Clause>,
}

impl Builder {
    /// An empty scope.
    pub fn new(place: Place) -> Self {
        let folder = match &place {
            Place::Server => Bytes::default(),
            Place::Section(folder) => folder.clone(),
        };
        Self {
            place,
            scope: Scope::default(),
            pending: Vec::new(),
            rewrites: false,
            rewrite: RewriteList { folder, ..RewriteList::default() },
            rules: Vec::new(),
            chains: Vec::new(),
            redirects: Vec::new(),
            aliases: Vec::new(),
            proxies: Vec::new(),
            reverses: Vec::new(),
            environment: Vec::new(),
            late_environment: Vec::new(),
            expression: None,
        }
    }

    /// Whether the lines stand at server level.
    pub fn at_server(&self) -> bool {
        self.place == Place::Server
    }

    /// Notes something that is not modelled.
    pub fn note(&mut self, note: Note) {
        self.scope.notes.push(note);
    }

    /// The scope.
    pub fn finish(mut self) -> Scope {
        self.link_chains();
        self.link_exceptions();
        self.link_reverses();
        let mut redirect = Stacked::of(self.proxies);
        redirect = redirect.followed_by(&Stacked::of(self.redirects));
        let rewrite = self.rewrites.then(|| {
            self.rewrite.clauses = Stacked::of(self.rules);
            Arc::new(self.rewrite)
        });
        self.scope.lists = Lists {
            environment: Stacked::of(self.environment),
            late_environment: Stacked::of(self.late_environment),
            rewrite,
            expression_redirect: self.expression.map(Arc::new),
            redirect,
            alias: Stacked::of(self.aliases),
        };
        self.scope.settings.headers.inherit = Inherit::OuterFirst;
        self.scope.settings.request_headers.inherit = Inherit::OuterFirst;
        self.scope.settings.extensions.inherit = Inherit::OuterFirst;
        let pages: &mut Listed<_> = &mut self.scope.settings.error_pages;
        pages.inherit = Inherit::OwnFirst;
        self.scope
    }

    /// An exception from proxying leaves the other proxies aside, not the redirects behind them.
    fn link_exceptions(&mut self) {
        let count = self.proxies.len();
        for (at, proxy) in self.proxies.iter_mut().enumerate().filter(|(_, proxy)| proxy.does.is_empty()) {
            proxy.then = crate::ir::clause::Then::Skip((count - at - 1) as u32);
        }
    }

    /// Every change of a `Location` is for every server that requests are handed on to.
    fn link_reverses(&mut self) {
        for action in self.proxies.iter_mut().flat_map(|proxy| &mut proxy.does) {
            if let Action::Handler(Handler::Proxy(proxy)) = action
                && let Some(proxy) = Arc::get_mut(proxy)
            {
                proxy.locations.clone_from(&self.reverses);
            }
        }
    }

    /// A chained rule that does not apply skips the rules behind it up to the first that is not chained.
    fn link_chains(&mut self) {
        for (at, rule) in self.rules.iter_mut().enumerate() {
            let rest = self.chains.get(at..).unwrap_or_default();
            let chained = rest.iter().take_while(|&&chained| chained).count();
            if chained > 0 {
                rule.otherwise = crate::ir::clause::Then::Skip(chained as u32);
            }
        }
    }
}
