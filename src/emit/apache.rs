//! Apache as the target.
//!
//! A site's own list and its locations become one ordered list of rewriting rules of a virtual host: [`locations`]
//! brings the locations into an order in which the first that matches is the one nginx takes, [`list`] walks the
//! clauses, [`guard`] and [`text`] hold what they test and say, [`does`] what they do; [`expand`] puts the rows of
//! tables in, [`rule`], [`form`] and [`action`] put rules together, [`instead`] says them without mod_rewrite.
//! [`location`] is what one location comes to, [`reach`] knows which locations meet.
//! [`host`] decides which virtual hosts there are, [`settings`] what stands in them beside rules. [`plan`] holds the
//! result and [`print`] writes it.

pub mod action;
pub mod does;
pub mod expand;
pub mod filled;
pub mod form;
pub mod guard;
pub mod host;
pub mod htaccess;
pub mod instead;
pub mod list;
pub mod location;
pub mod locations;
pub mod plan;
pub mod print;
pub mod reach;
pub mod rule;
pub mod settings;
pub mod site;
pub mod table;
pub mod text;

use super::{Emitted, Options, Part, Scope, Texts, Verdict};
use crate::ir::{Effect, Program};
use list::Lists;
use plan::{Host, Statement};

/// The program as Apache configuration.
pub fn emit(program: &Program, texts: &dyn Texts, options: &Options) -> Emitted {
    let inside = options.scope == Scope::Htaccess;
    let mut lists = Lists::new(program, texts, options);
    let mut hosts = if inside { vec![htaccess::host(&mut lists)] } else { host::hosts(&mut lists) };
    notes(&mut lists, &mut hosts);
    let verdicts = std::mem::take(&mut lists.verdicts).into_iter();
    let mut verdicts: Vec<_> = verdicts.map(|(span, fate)| Verdict { span, fate }).collect();
    verdicts.sort_by_key(|verdict| verdict.span);
    let mut parts: Vec<Part> = Vec::new();
    for host in &hosts {
        let listens = host.body.is_empty() && !host.head.is_empty();
        let scope = match host.address.is_some() || listens {
            true => "server",
            false if inside => "htaccess",
            false => "vhost",
        };
        let at = parts.iter().position(|part| part.scope == scope).unwrap_or(parts.len());
        if at == parts.len() {
            parts.push(Part { scope, text: Vec::new() });
        }
        if let Some(part) = parts.get_mut(at) {
            if !part.text.is_empty() {
                part.text.push(b'\n');
            }
            print::host(host, &mut part.text);
        }
    }
    Emitted { parts, verdicts }
}

/// What lowering did not understand stands as comments at the end.
fn notes(lists: &mut Lists<'_>, hosts: &mut Vec<Host>) {
    let program = lists.program;
    let scopes = program.scopes.iter().flat_map(|scope| &scope.notes);
    let mut notes: Vec<_> = program.notes.iter().chain(scopes).collect();
    notes.sort_by_key(|note| note.span);
    notes.dedup_by_key(|note| note.span);
    lists.out.clear();
    for note in notes {
        let reason = match note.effect {
            Effect::None => format!("`{}` has nothing to do with redirects", note.directive),
            _ => note.reason.clone(),
        };
        lists.leave_out(note.span, reason);
    }
    // what stands in no list, such as a directive that the source's server does not know
    for (span, reason) in lists.without {
        if !lists.verdicts.contains_key(span) {
            lists.leave_out(*span, reason.as_str());
        }
    }
    let remarks = std::mem::take(&mut lists.out);
    if remarks.is_empty() {
        return;
    }
    if hosts.is_empty() {
        hosts.push(Host::default());
    }
    if let Some(last) = hosts.last_mut() {
        if !last.body.is_empty() {
            last.body.push(Statement::Blank);
        }
        last.body.extend(remarks);
    }
}
