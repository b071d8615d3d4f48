//! What configurations have in common that are compared: the requests that some server hears, and the files there are.

use super::input::Loaded;
use crate::eval::{Assumed, Kind, Request};
use crate::ir::Program;
use crate::ir::clause::Action;
use crate::ir::scope::{Scope, TryLast};
use crate::ir::template::{Attribute, Origin, Part, Template};
use crate::lower::Dialect;
use std::collections::BTreeSet;

/// Whether a request may show a difference: one that no side is known to hear, and some side not to, shows none.
pub fn may_be_heard(sides: &[&Loaded], request: &Request) -> bool {
    let heard: Vec<bool> = sides.iter().filter_map(|side| hears(side, request)).collect();
    heard.is_empty() || heard.contains(&true)
}

/// Whether some listener takes the request; `None` where others may listen (Apache's `Listen`, and inner parts).
fn hears(side: &Loaded, request: &Request) -> Option<bool> {
    let listeners = &side.lowered.program.listeners;
    if side.options.dialect != Dialect::Nginx || listeners.is_empty() {
        return None;
    }
    let port = port_of(request);
    Some(listeners.iter().any(|one| one.encrypted == request.encrypted && one.port.is_none_or(|own| own == port)))
}

/// The port a request arrives at: where it says nothing, the one its `Host` names, or its scheme's.
fn port_of(request: &Request) -> u16 {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"host"));
    let written = host.and_then(|(_, value)| value.rsplit(|byte| *byte == b':').next());
    let written = written.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let usual = if request.encrypted { 443 } else { 80 };
    request.local.as_ref().map(|(_, port)| *port).or(written).unwrap_or(usual)
}

/// The document root that file tests look at.
pub fn root(program: &Program) -> Vec<u8> {
    let scope = program.sites.first().and_then(|site| program.scopes.get(site.scope.0 as usize));
    let root = scope.and_then(|scope| scope.settings.root.as_ref()).and_then(|root| root.as_literal());
    root.unwrap_or(b"/srv/www").to_vec()
}

/// Where nginx looks if no root is named: `html` below its prefix.
fn unnamed_root(program: &Program) -> Vec<u8> {
    let prefix = &program.facts.prefix;
    let prefix = prefix.strip_suffix(b"/").unwrap_or(prefix);
    [prefix, b"/html"].concat()
}

/// Where nothing is known of files, the scripts that everything is rewritten to are taken to exist: without them
/// no server serves anything.
pub fn scripts(sides: &[&Loaded]) -> Assumed {
    let mut assumed = Assumed::default();
    if sides.iter().any(|side| side.options.real_files) {
        return assumed;
    }
    let programs = || sides.iter().map(|side| &side.lowered.program);
    let roots: BTreeSet<Vec<u8>> = programs().flat_map(|program| [root(program), unnamed_root(program)]).collect();
    let scopes = programs().flat_map(|program| program.scopes.iter().map(move |scope| (program, scope)));
    for name in scopes.flat_map(|(program, scope)| names(program, scope)) {
        let paths = roots.iter().map(|root| [root, &b"/"[..], name].concat());
        assumed.paths.extend(paths.map(|path| (path, Kind::File)));
    }
    assumed
}

/// Fixed paths, without their slash, that a scope hands requests to.
fn names<'a>(program: &Program, scope: &'a Scope) -> Vec<&'a [u8]> {
    let mut paths: Vec<&[u8]> = rewritten(scope);
    if let Some(TryLast::Path(template)) = scope.settings.try_files.as_ref().map(|tried| &tried.last) {
        paths.extend(fixed_path(program, template));
    }
    paths.extend(scope.settings.fallback.iter().flatten().map(|path| &**path));
    paths.retain_mut(|path| {
        *path = path.split(|&byte| byte == b'?').next().unwrap_or_default();
        *path = path.strip_prefix(b"/").unwrap_or(path);
        !path.is_empty() && !path.ends_with(b"/")
    });
    paths
}

/// Targets of rewrites that hold nothing of the request.
fn rewritten(scope: &Scope) -> Vec<&[u8]> {
    let clauses = scope.lists.rewrite.iter().flat_map(|list| list.clauses.iter());
    let rewrites = clauses.flat_map(|clause| &clause.does).filter_map(|action| match action {
        Action::Rewrite(rewrite) if rewrite.redirect.is_none() => Some(&*rewrite.written),
        _ => None,
    });
    rewrites
        .filter(|path| {
            !path.split(|&byte| byte == b'?').next().is_some_and(|path| path.contains(&b'$') || path.contains(&b'%'))
        })
        .collect()
}

/// A template's path where nothing but a query follows it.
fn fixed_path<'a>(program: &Program, template: &'a Template) -> Option<&'a [u8]> {
    let (Part::Literal(path), rest) = template.parts.split_first()? else { return None };
    let ends = match rest.first() {
        None => true,
        Some(Part::Attribute(attribute)) => *attribute == Attribute::QueryMark,
        Some(Part::Variable(id)) => {
            let origin = program.variables.get(id.0 as usize).map(|variable| &variable.origin);
            matches!(origin, Some(Origin::Attribute(Attribute::QueryMark)))
        }
        Some(_) => false,
    };
    (ends || path.contains(&b'?')).then_some(&**path)
}
