//! `valid_referers`.

use super::context::{Context, rejected};
use super::load::Node;
use super::server::whole_or_wild;
use crate::ir::Bytes;
use crate::ir::pattern::Regex;
use crate::ir::referers::Referers;
use crate::ir::site::SiteName;
use crate::pcre;
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
                    let shown = String::from_utf8_lossy(name);
                    if whole_or_wild(name).is_none() {
                        self.refuse(span, format!("invalid hostname or wildcard \"{shown}\""));
                    } else if words.hosts.iter().any(|(have, _)| have.eq_ignore_ascii_case(name)) {
                        self.refuse(span, format!("conflicting parameter \"{shown}\""));
                    }
                    words.hosts.push((name.into(), (!path.is_empty()).then(|| path.into())));
                }
            }
        }
        if (words.none || words.blocked) && words.hosts.is_empty() && !words.own_names {
            let message = "the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive \
                           without any valid referer";
            self.refuse_late(node.head(), message);
        }
        rules.own = Some(words);
    }
}
