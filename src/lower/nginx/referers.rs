//! `valid_referers`.

use super::context::{Context, rejected};
use super::load::Node;
use super::names::Taken;
use super::server::whole_or_wild;
use crate::ir::Bytes;
use crate::ir::pattern::Regex;
use crate::ir::referers::Referers;
use crate::ir::site::SiteName;
use crate::pcre;
use crate::source::Span;
use std::sync::Arc;

/// What one block says about referers, or what is in force in it. Only patterns are inherited beside one's own words.
#[derive(Clone, Debug, Default)]
pub struct RefererRules {
    own: Option<Words>,
    patterns: Vec<Arc<Regex>>,
    own_patterns: bool,
}

/// The words of one block.
#[derive(Clone, Debug, Default)]
struct Words {
    none: bool,
    blocked: bool,
    own_names: bool,
    hosts: Vec<(Bytes, Option<Bytes>)>,
    taken: Taken,
}

impl RefererRules {
    /// These rules laid over those of the outer block (`ngx_http_referer_merge_conf`).
    pub fn over(self, outer: &Self) -> Self {
        Self {
            own: self.own.or_else(|| outer.own.clone()),
            patterns: if self.patterns.is_empty() { outer.patterns.clone() } else { self.patterns },
            own_patterns: self.own_patterns || outer.own_patterns,
        }
    }

    /// The rules as the program has them; none where no host and no pattern is named.
    pub fn referers(&self) -> Option<Arc<Referers>> {
        let words = self.own.clone()?;
        let name = |(name, path): (Bytes, _)| Some((whole_or_wild(&name)?, path));
        let hosts: Vec<(SiteName, _)> = words.hosts.into_iter().filter_map(name).collect();
        let named = !hosts.is_empty() || words.own_names || !self.patterns.is_empty();
        named.then(|| {
            Arc::new(Referers {
                none: words.none,
                blocked: words.blocked,
                hosts,
                own_names: words.own_names,
                own_patterns: self.own_patterns,
                patterns: self.patterns.clone(),
            })
        })
    }
}

impl Context {
    /// `valid_referers`; several in one block count together.
    pub fn valid_referers(&mut self, rules: &mut RefererRules, node: Node) {
        let mut words = rules.own.take().unwrap_or_default();
        for (at, word) in node.args().enumerate() {
            let span = node.arg_span(at);
            match word {
                b"" => self.refuse(span, "invalid referer \"\""),
                b"none" => words.none = true,
                b"blocked" => words.blocked = true,
                b"server_names" => (words.own_names, rules.own_patterns) = (true, true),
                b"~" => self.refuse(span, "empty regex in \"~\""),
                [b'~', pattern @ ..] => {
                    let options = pcre::Options { caseless: true, ..pcre::Options::default() };
                    let regex = Regex::new(pattern, options, span);
                    if let Err(error) = regex.compiled() {
                        self.refuse(span, rejected(pattern, error));
                    }
                    rules.patterns.push(Arc::new(regex));
                }
                word => {
                    let end = memchr::memchr(b'/', word).unwrap_or(word.len());
                    let (name, path) = word.split_at(end);
                    if let Some(message) = clash(&mut words.taken, name) {
                        self.refuse(span, message);
                    }
                    words.hosts.push((name.into(), (!path.is_empty()).then(|| path.into())));
                }
            }
        }
        rules.own = Some(words);
    }

    /// What nginx finds out about the words of a block once it knows the names of the server around it
    /// (`ngx_http_referer_merge_conf`).
    pub fn settle_referers(&mut self, rules: &RefererRules, span: Span) {
        let Some(words) = &rules.own else { return };
        let mut taken = words.taken.clone();
        let names = if words.own_names { self.server_names.clone() } else { Vec::new() };
        for name in names {
            if let Some(message) = clash(&mut taken, &name) {
                self.refuse_late(span, message);
            }
        }
        if (words.none || words.blocked) && taken.is_empty() {
            let message = "the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive \
                           without any valid referer";
            self.refuse_late(span, message);
        }
    }
}

/// Takes a name, or says why it cannot be.
fn clash(taken: &mut Taken, name: &[u8]) -> Option<String> {
    match whole_or_wild(name) {
        None => Some(format!("invalid hostname or wildcard \"{}\"", String::from_utf8_lossy(name))),
        Some(wild) => {
            let shown = String::from_utf8_lossy(name).to_ascii_lowercase();
            (!taken.take(&wild)).then(|| format!("conflicting parameter \"{shown}\""))
        }
    }
}
