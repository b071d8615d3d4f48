//! Where a lone `.htaccess` stands, as far as its own text tells.
//!
//! Without another word it is taken to lie in the document root. A file whose own redirects all lead below one folder
//! of the same host (`RewriteRule ^old$ /blog/new [R]`), though none of them looks for that folder, most likely lies in
//! it; then requests outside of it never meet its rules.

use super::Facts;
use super::expression;
use super::graph::Walk;
use super::routes::{PathKind, PathPattern, Place, Route};
use crate::ir::template::Part;
use crate::lower::Dialect;

/// So many redirects must agree on the folder.
const ENOUGH: usize = 3;

impl Facts<'_> {
    /// Whether a walk through a lone `.htaccess` has hops outside of the folder that the file most likely lies in.
    pub fn doubts_place(&self, walk: &Walk) -> bool {
        let folder = self.likely_folder.get_or_init(|| self.find_likely_folder()).as_deref();
        folder.is_some_and(|folder| {
            walk.journey.hops.iter().any(|hop| first_segment(&hop.request.target) != Some(folder))
        })
    }

    /// Whether a walk leads on from a target that begins with an environment variable of which nothing is known: taken
    /// for empty, it says nothing of where the redirect leads.
    pub fn guesses_target(&self, walk: &Walk) -> bool {
        walk.journey.hops.iter().any(|hop| {
            let open = hop.answer.assumptions.iter().any(|assumption| assumption.question.starts_with("env:"));
            let route = || self.routes().at(hop.answer.cause?).next();
            let begins = |route: &Route<'_>| route.target().map(|target| target.template.parts.first().cloned());
            open && !matches!(route().and_then(begins), None | Some(Some(Part::Literal(_))))
        })
    }

    /// Whether a walk through a lone `.htaccess` stays in its folder only if that is the one that is served: a rule that
    /// is asked for what follows the folder leads to a path that says the whole.
    pub fn hangs_on_place(&self, walk: &Walk) -> bool {
        let lone = self.options.dialect == Dialect::Htaccess && self.options.root.is_none();
        let whole = |route: &Route<'_>| {
            let relative = route.paths.iter().any(|test| test.own && test.on == PathKind::Relative);
            relative && route.target().is_some_and(|target| target.place == Place::Path && target.path_prefix.len() > 1)
        };
        let mut routes = walk.routes.iter().filter_map(|id| self.routes().get((*id)?));
        lone && self.options.base == "/" && routes.any(whole)
    }

    fn find_likely_folder(&self) -> Option<Vec<u8>> {
        if self.options.dialect != Dialect::Htaccess || self.options.root.is_some() || self.options.base != "/" {
            return None;
        }
        let led: Vec<Vec<u8>> = self.routes().redirects().filter_map(leads_into).collect();
        let folder =
            led.first().filter(|first| led.len() >= ENOUGH && led.iter().all(|other| other == *first))?.clone();
        let inside = self.routes().all.iter().any(|route| looks_for(route, &folder));
        (!inside).then_some(folder)
    }
}

/// The folder of the same host that a rewrite rule redirects into.
fn leads_into(route: &Route<'_>) -> Option<Vec<u8>> {
    let relative = route.paths.iter().any(|test| test.own && test.on == PathKind::Relative);
    let target = route.target().filter(|target| relative && target.place == Place::Path)?;
    let rest = target.path_prefix.strip_prefix(b"/")?;
    let end = rest.iter().position(|&byte| byte == b'/')?;
    rest.get(..end).filter(|segment| !segment.is_empty()).map(<[u8]>::to_vec)
}

fn first_segment(target: &[u8]) -> Option<&[u8]> {
    target.strip_prefix(b"/")?.split(|byte| matches!(byte, b'/' | b'?')).next()
}

/// Whether a rule is written for requests that name the folder, so that it is read above it.
fn looks_for(route: &Route<'_>, folder: &[u8]) -> bool {
    let own = route.paths.iter().filter(|test| test.own && test.on == PathKind::Relative);
    own.into_iter().any(|test| match test.pattern {
        PathPattern::Regex(regex) => expression::of(regex).literal_prefix().starts_with(folder),
        _ => false,
    })
}
