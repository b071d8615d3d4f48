//! From the lines of one place to its scope: each directive to the file that knows it.

use super::builder::{Builder, Place};
use super::context::Context;
use super::load::Line;
use super::refused::Refused;
use super::{access, alias, rule, sections, settings};
use crate::ir::{Effect, Note};
use crate::lower::directives;

/// Lowers lines into a scope. Every refusal is kept, in order; what is refused is left out.
pub fn lower<'a>(context: &mut Context<'a>, builder: &mut Builder, lines: &'a [Line]) -> Vec<Refused> {
    let mut refused = Vec::new();
    for line in lines {
        if context.left_out.contains(&line.head) {
            rule::left_out(builder, line);
            continue;
        }
        if let Err(refusal) = one(context, builder, line) {
            refused.push(refusal);
        }
        for inner in methods_alike(line) {
            if let Err(refusal) = one(context, builder, inner) {
                refused.push(refusal);
            }
        }
    }
    let rest = [access::required(context, builder, lines), access::hosts(context, builder, lines)];
    refused.extend(rest.into_iter().filter_map(Result::err));
    refused.extend(sections::inner(context, builder, lines));
    refused
}

/// What a section for methods holds beside access control: it is in force for every method (`ap_limit_section` in
/// server/core.c only marks the commands, and nothing but access control looks at the mark).
fn methods_alike(line: &Line) -> impl Iterator<Item = &Line> {
    let block = match &*line.name {
        b"limit" | b"limitexcept" => line.block.as_deref(),
        _ => None,
    };
    block.into_iter().flatten()
}

fn one<'a>(context: &mut Context<'a>, builder: &mut Builder, line: &'a Line) -> Result<(), Refused> {
    match &*line.name {
        b"rewriteengine" => rule::engine(context, builder, line),
        b"rewriteoptions" => rule::options(context, builder, line),
        b"rewritebase" => rule::base(context, builder, line),
        b"rewritecond" => rule::condition(context, builder, line),
        b"rewriterule" => rule::rule(context, builder, line),
        b"redirect" => alias::redirect(context, builder, line, false),
        b"redirectmatch" => alias::redirect(context, builder, line, true),
        b"redirecttemp" => alias::redirect_as(context, builder, line, false, 302),
        b"redirectpermanent" => alias::redirect_as(context, builder, line, false, 301),
        b"alias" => alias::alias(context, builder, line, false),
        b"aliasmatch" => alias::alias(context, builder, line, true),
        b"scriptalias" | b"scriptaliasmatch" => {
            alias::alias(context, builder, line, line.name.ends_with(b"match"))?;
            let handler = crate::ir::clause::Handler::Dynamic(b"cgi-script"[..].into());
            if let Some(clause) = builder.aliases.last_mut() {
                clause.does.insert(0, crate::ir::clause::Action::Handler(handler));
            }
            Ok(())
        }
        _ if settings::setting(context, builder, line)? => Ok(()),
        _ => {
            unmodelled(context, builder, line);
            Ok(())
        }
    }
}

/// A note for a directive that the table knows to matter.
fn unmodelled(context: &mut Context, builder: &mut Builder, line: &Line) {
    let entries: Vec<_> = directives::apache().get(&line.name).collect();
    let effect = match entries.first() {
        Some(entry) if entries.iter().any(|entry| entry.effect == directives::Effect::May) => {
            let _ = entry;
            Effect::May
        }
        Some(entry) if entry.effect == directives::Effect::Modelled => return,
        Some(_) => Effect::None,
        None => return,
    };
    let directive = String::from_utf8_lossy(context.sources.text(line.head))
        .trim_start_matches('<')
        .split_ascii_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned();
    let reason = match effect {
        Effect::None => "does not touch redirects",
        _ => "is not modelled and may answer by itself",
    };
    let note = Note { span: line.head, directive, effect, reason: reason.to_owned() };
    context.program.notes.push(note.clone());
    if effect != Effect::None && builder.place != Place::Server {
        builder.note(note);
    }
}
