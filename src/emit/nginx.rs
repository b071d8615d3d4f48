//! nginx as the target.
//!
//! The way of a clause: its guards become a [`formula`], its target a [`text`] that `return` can send as it is
//! ([`target`]), both together a [`step`]; [`shape`] decides which steps become locations; [`plan`] holds the
//! result and [`print`] writes it.

pub mod access;
pub mod attribute;
pub mod captures;
pub mod client;
pub mod condition;
pub mod formula;
pub mod head;
pub mod hold;
pub mod length;
pub mod list;
pub mod maps;
pub mod own;
pub mod paths;
pub mod plan;
pub mod print;
pub mod redirect;
pub mod regex;
pub mod rows;
pub mod sections;
pub mod shape;
pub mod site;
pub mod step;
pub mod target;
pub mod text;
pub mod uri;
pub mod variables;

use super::{Emitted, Options, Part, Scope, Texts};
use crate::ir::{Program, SiteId};
use plan::{Plan, Server, Statement, Table, Test};
use std::collections::BTreeSet;

/// The program as nginx configuration.
pub fn emit(program: &Program, texts: &dyn Texts, options: &Options) -> Emitted {
    let mut steps = list::Steps::new(program, texts, &options.without);
    let mut plan = Plan::default();
    // the main server answers only what no virtual host does, and they have what it hands down
    let hosts = program.sites.iter().any(|site| site.span.is_some());
    for (at, site) in program.sites.iter().enumerate().filter(|(_, site)| site.span.is_some() || !hosts) {
        steps.site = Some(site);
        let mut body = site::settings(&mut steps, site);
        let ordered = site::lists(&mut steps, site);
        let statements = shape::statements(ordered, options.style, &mut steps.maps);
        // where the lists answer a place themselves, no request gets to what stands behind them
        body.retain(|own| !statements.iter().any(|other| own.is_for_place_of(other)));
        if !body.is_empty() && !statements.is_empty() {
            body.push(Statement::Blank);
        }
        body.extend(statements);
        if at + 1 == program.sites.len() {
            notes(&mut steps, &mut body);
        }
        let id = SiteId(u32::try_from(at).unwrap_or(u32::MAX));
        let whole = !program.fragment || options.scope == Scope::Http;
        let head = whole.then(|| head::head(program, texts, id, site));
        plan.servers.push(Server { head, body });
    }
    let mut verdicts = std::mem::take(&mut steps.verdicts);
    verdicts.sort_by_key(|verdict| verdict.span);
    verdicts.dedup();
    plan.http = steps.maps.into_tables();
    plan.drop_unread();
    if uses_dollar(&plan) {
        plan.http.insert(0, attribute::dollar());
    }
    let mut parts = Vec::new();
    for (scope, text) in [("http", print::http(&plan)), ("server", print::server(&plan))] {
        if !text.is_empty() {
            parts.push(Part { scope, text });
        }
    }
    Emitted { parts, verdicts }
}

/// What lowering did not understand stands as comments at the end.
fn notes(steps: &mut list::Steps<'_>, body: &mut Vec<Statement>) {
    let program = steps.program;
    let scopes = program.scopes.iter().flat_map(|scope| &scope.notes);
    let mut notes: Vec<_> = program.notes.iter().chain(scopes).collect();
    notes.sort_by_key(|note| note.span);
    notes.dedup_by_key(|note| note.span);
    for note in notes {
        let reason = match note.effect {
            crate::ir::Effect::None => format!("`{}` has nothing to do with redirects", note.directive),
            _ => note.reason.clone(),
        };
        steps.leave_out(note.span, reason);
    }
    // what stands in no list, such as a directive that the source's server does not know
    let told: BTreeSet<_> = steps.verdicts.iter().map(|verdict| verdict.span).collect();
    for (span, reason) in steps.without.iter().filter(|(span, _)| !told.contains(span)) {
        steps.leave_out(*span, reason.as_str());
    }
    let remarks = std::mem::take(&mut steps.steps);
    body.extend(remarks.into_iter().flat_map(|step| step.comments).map(Statement::Comment));
}

fn uses_dollar(plan: &Plan) -> bool {
    fn tested(test: &Test) -> bool {
        matches!(test, Test::Equals(_, text) | Test::File(_, text) if text.has_dollar())
    }
    fn any(body: &[Statement]) -> bool {
        body.iter().any(|statement| match statement {
            Statement::If(test, _) if tested(test) => true,
            Statement::Set(_, text) | Statement::Return(_, Some(text)) | Statement::Rewrite(_, text, _) => {
                text.has_dollar()
            }
            Statement::If(_, inner) | Statement::Location(_, inner) => any(inner),
            Statement::Plain(_, words) => words.iter().any(text::Text::has_dollar),
            _ => false,
        })
    }
    let looked_up = |table: &Table| {
        let source = table.source.as_ref();
        source.is_some_and(|source| source.has_dollar() || table.rows.iter().any(|(_, value)| value.has_dollar()))
    };
    let heads = plan.servers.iter().filter_map(|server| server.head.as_ref());
    plan.http.iter().any(looked_up)
        || heads.into_iter().any(|head| any(&head.settings))
        || plan.servers.iter().any(|server| any(&server.body))
}
