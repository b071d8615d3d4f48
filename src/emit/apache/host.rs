//! Which virtual hosts there are, and in which order: Apache takes the first whose name matches, nginx the best kind.

use super::does::Does;
use super::guard::{Guard, Piece, Test};
use super::instead;
use super::list::{Lists, Place};
use super::plan::{Host, Rule, Statement};
use super::settings;
use super::site::{self, no_names};
use super::text::Names;
use crate::ir::site::{Listener, Site, SiteName};
use crate::ir::{Program, SiteId};

/// Every host of the program.
pub fn hosts(lists: &mut Lists<'_>) -> Vec<Host> {
    let program = lists.program;
    let inside = program.fragment && program.sites.iter().all(|site| site.span.is_none());
    if inside || program.listeners.is_empty() {
        return program
            .sites
            .iter()
            .take(1)
            .map(|site| Host { body: body(lists, site, &[]), ..Host::default() })
            .collect();
    }
    let mut out: Vec<Host> = Vec::new();
    let mut seen = Vec::new();
    for listener in &program.listeners {
        let Some(address) = address(listener) else { continue };
        if seen.contains(&address) {
            continue;
        }
        seen.push(address.clone());
        let order = order(program, listener);
        let patterns: Vec<&Site> =
            order.iter().filter_map(|id| site_of(program, *id)).filter(|site| only_patterns(site)).collect();
        for (at, id) in order.iter().enumerate() {
            let Some(site) = site_of(program, *id) else { continue };
            if at > 0 && only_patterns(site) {
                continue;
            }
            let mut head = head((*id, site), listener, at == 0);
            let mut statements = Vec::new();
            if at == 0 {
                for other in patterns.iter().filter(|other| !std::ptr::eq(**other, site)) {
                    statements.extend(by_pattern(lists, other));
                }
                if !matches!(listener.port, None | Some(80 | 443)) {
                    head.insert(0, Vec::new());
                }
            }
            let own = body(lists, site, &statements);
            let mut host = Host { address: Some(address.clone()), head, body: own };
            if host.head.first().is_some_and(Vec::is_empty) {
                host.head.remove(0);
                out.push(Host {
                    address: None,
                    head: vec![format!("Listen {}", listener.port.unwrap_or(80)).into_bytes()],
                    body: Vec::new(),
                });
            }
            host.head.retain(|line| !line.is_empty());
            out.push(host);
        }
    }
    out
}

/// A site of the program.
pub fn site_of(program: &Program, id: SiteId) -> Option<&Site> {
    program.sites.get(id.0 as usize)
}

/// Rules, with the engine on, and what stands beside them. `first`: rules for sites that share this host.
pub fn body(lists: &mut Lists<'_>, site: &Site, first: &[Statement]) -> Vec<Statement> {
    let mut names = no_names();
    let mut guards: Vec<Guard> = Vec::new();
    // the name's groups are at hand where the site has the one pattern
    if let [SiteName::Regex(regex, named)] = site.names.as_slice()
        && !named.is_empty()
    {
        let guard = lists.guard(of_name(regex.text.to_vec(), regex.options.caseless), false);
        names = bound(named, &guard);
        guards.push(guard);
    }
    let own = site::rules(lists, site, &guards, &names);
    let mut out = settings::statements(lists, site);
    let rules: Vec<Statement> = first.iter().cloned().chain(own).collect();
    // nginx decodes `%2F`; Apache answers 404 to it unless told
    let decodes = redirects_by_pattern(&rules) && !lists.htaccess;
    let rules = if lists.rules_only { rules } else { instead::of_rules(rules, &mut lists.verdicts) };
    if !out.is_empty() && !rules.is_empty() {
        out.push(Statement::Blank);
    }
    if decodes {
        out.push(Statement::Line(b"AllowEncodedSlashes On".to_vec()));
    }
    if rules.iter().any(|one| matches!(one, Statement::Rule(_))) {
        out.push(Statement::Line(b"RewriteEngine On".to_vec()));
    }
    for rule in rules {
        // a line stands once, however many sites share the host
        if !matches!(rule, Statement::Line(_)) || !out.contains(&rule) {
            out.push(rule);
        }
    }
    out
}

fn redirects_by_pattern(rules: &[Statement]) -> bool {
    rules.iter().any(|one| {
        matches!(one, Statement::Rule(Rule { pattern, to: Some(_), .. }) if !(pattern.starts_with(b"^/") && pattern.ends_with(b"$") && !pattern.contains(&b'(')))
    })
}

/// The rules of a site whose names are patterns, inside the default host.
fn by_pattern(lists: &mut Lists<'_>, site: &Site) -> Vec<Statement> {
    let mut out = Vec::new();
    for name in &site.names {
        let SiteName::Regex(regex, named) = name else { continue };
        let guard = lists.guard(of_name(regex.text.to_vec(), regex.options.caseless), false);
        let names = bound(named, &guard);
        out.extend(guarded(lists, site, vec![guard], names));
    }
    out
}

/// A test of the name that the request is for.
pub fn of_name(pattern: Vec<u8>, ignore_case: bool) -> Test {
    Test::Regex(vec![Piece::Expression("%{SERVER_NAME}", true)], pattern, ignore_case)
}

/// Groups of a name's pattern as variables.
pub fn bound(named: &[(u32, crate::ir::VarId)], guard: &Guard) -> Names {
    let mut names = no_names();
    for (group, id) in named {
        let group = u8::try_from(*group).unwrap_or(u8::MAX);
        names.values.insert(id.0, vec![Piece::Group(guard.id, group, false)]);
    }
    names
}

/// The rules of a site that shares a list with others: its own requests go no further.
pub fn guarded(lists: &mut Lists<'_>, site: &Site, guards: Vec<Guard>, names: Names) -> Vec<Statement> {
    let mut out = site::rules(lists, site, &guards, &names);
    let ends = matches!(out.last(), Some(Statement::Rule(rule))
        if rule.pattern == b"^" && rule.conditions.len() <= guards.len() && rule.flags.iter().any(|flag| flag == "L"));
    if let Some(span) = site.span.filter(|_| !ends) {
        let place = Place { guards, names, server: false, closing: false };
        let _ = lists.rules(span, &place, None, &Does::Stop);
    }
    out.append(&mut lists.out);
    out
}

/// Whether a site is chosen by expressions alone.
pub fn only_patterns(site: &Site) -> bool {
    !site.names.is_empty() && site.names.iter().all(|name| matches!(name, SiteName::Regex(..)))
}

/// The default first, then sites with whole names only, then those with wildcards, the longest ones first.
pub fn order(program: &Program, listener: &Listener) -> Vec<SiteId> {
    let mut rest: Vec<SiteId> = listener.sites.iter().copied().filter(|id| *id != listener.default).collect();
    let weight = |id: &SiteId| {
        let names = site_of(program, *id).map(|site| site.names.as_slice()).unwrap_or_default();
        let wild = names.iter().filter_map(|name| match name {
            SiteName::Leading(suffix) | SiteName::LeadingOrBare(suffix) => Some((1, suffix.len())),
            SiteName::Trailing(prefix) => Some((2, prefix.len())),
            _ => None,
        });
        wild.max_by_key(|(kind, length)| (*kind, std::cmp::Reverse(*length)))
            .map_or((0, 0), |(kind, length)| (kind, usize::MAX - length))
    };
    rest.sort_by_key(weight);
    rest.insert(0, listener.default);
    rest
}

fn address(listener: &Listener) -> Option<Vec<u8>> {
    let port = listener.port?;
    let host = match listener.address.as_deref() {
        None | Some(b"::") => "*".to_owned(),
        Some(text) if text.starts_with(b"unix:") => return None,
        Some(text) if text.contains(&b':') => format!("[{}]", String::from_utf8_lossy(text)),
        Some(text) => String::from_utf8_lossy(text).into_owned(),
    };
    Some(format!("{host}:{port}").into_bytes())
}

/// Names, encryption, document root.
fn head((id, site): (SiteId, &Site), listener: &Listener, default: bool) -> Vec<Vec<u8>> {
    let port = listener.port.unwrap_or(80);
    let mut names: Vec<String> = Vec::new();
    for name in listener.names(id, site) {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match name {
            SiteName::Exact(name) if is_name(name) => names.insert(plain(&names), shown(name)),
            // what no other host takes goes to the first one anyway
            SiteName::Leading(suffix) if !default && is_name(suffix) => names.push(format!("*{}", shown(suffix))),
            SiteName::LeadingOrBare(suffix) if is_name(suffix) => {
                let bare = shown(suffix).trim_start_matches('.').to_owned();
                names.insert(plain(&names), bare);
                if !default {
                    names.push(format!("*{}", shown(suffix)));
                }
            }
            SiteName::Trailing(prefix) if !default && is_name(prefix) => names.push(format!("{}*", shown(prefix))),
            _ => {}
        }
    }
    names.dedup();
    let own = names.first().filter(|name| !name.contains('*')).cloned();
    let mut out = Vec::new();
    // without a name a host would take the main server's
    out.push(format!("ServerName {}:{port}", own.as_deref().unwrap_or("_")).into_bytes());
    let others: Vec<_> = names.iter().filter(|name| Some(*name) != own.as_ref()).cloned().collect();
    if !others.is_empty() {
        out.push(format!("ServerAlias {}", others.join(" ")).into_bytes());
    }
    if listener.encrypted {
        out.push(b"# SSLEngine on".to_vec());
        out.push(b"# with this site's SSLCertificateFile and SSLCertificateKeyFile".to_vec());
    }
    out
}

/// Where the next whole name goes: before the wildcards.
fn plain(names: &[String]) -> usize {
    names.iter().position(|name| name.contains('*')).unwrap_or(names.len())
}

fn is_name(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}
