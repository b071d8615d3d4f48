//! Sections: what they apply to, and the scopes they bring.

use super::builder::{Builder, Place};
use super::context::Context;
use super::expr;
use super::lines;
use super::load::Line;
use super::refused::Refused;
use super::words::Arg;
use crate::ir::choice::{Applies, Section, Sections};
use crate::ir::condition::{Condition, Test, TestKind};
use crate::ir::pattern::{Glob, Pattern};
use crate::ir::{Bytes, VarId};
use std::sync::Arc;

/// The sections of files and conditions that a place brings along.
pub fn inner<'a>(context: &mut Context<'a>, builder: &mut Builder, from: &'a [Line]) -> Vec<Refused> {
    let mut refused = Vec::new();
    for line in from {
        if context.left_out.contains(&line.head) {
            continue;
        }
        let made = match &*line.name {
            b"files" | b"filesmatch" => files(context, line, &mut refused),
            b"if" | b"elseif" | b"else" => condition(context, line, &mut refused),
            _ => continue,
        };
        let is_file = line.name.starts_with(b"files");
        match made {
            Ok(section) if is_file => builder.scope.inner.files.push(Arc::new(section)),
            Ok(section) => builder.scope.inner.conditions.push(Arc::new(section)),
            Err(refusal) => refused.push(refusal),
        }
    }
    refused
}

/// Sections of folders and URLs of a server.
pub fn outer<'a>(context: &mut Context<'a>, from: &'a [Line]) -> (Sections, Vec<Refused>) {
    let (mut sections, mut refused) = (Sections::default(), Vec::new());
    for line in from {
        let made = match &*line.name {
            b"directory" | b"directorymatch" => folder(context, line, &mut refused),
            b"location" | b"locationmatch" => url(context, line, &mut refused),
            _ => continue,
        };
        match made {
            Ok(section) if line.name.starts_with(b"location") => sections.urls.push(Arc::new(section)),
            Ok(section) if matches!(section.applies, Applies::Path(Pattern::Regex(_))) => {
                sections.folder_patterns.push(Arc::new(section));
            }
            Ok(section) => sections.folders.push(Arc::new(section)),
            Err(refusal) => refused.push(refusal),
        }
    }
    (sections, refused)
}

type Named = Box<[(u32, VarId)]>;

/// The argument of a section: a text, or a regular expression where the name or a `~` says so.
fn argument<'a>(
    context: &mut Context,
    line: &'a Line,
    words: &'a [Arg<'a>],
) -> Result<(Option<(Pattern, Named)>, &'a [u8]), Refused> {
    let tilde = words.first().is_some_and(|word| &*word.value == b"~");
    let word = words.get(usize::from(tilde)).ok_or_else(|| {
        Refused::at(line.head, format!("<{}> directive requires an argument", String::from_utf8_lossy(&line.name)))
    })?;
    if words.len() > 1 + usize::from(tilde) {
        let name = String::from_utf8_lossy(&line.name);
        return Err(Refused::at(line.rest, format!("Multiple <{name}> arguments not (yet) supported.")));
    }
    if !tilde && !line.name.ends_with(b"match") {
        return Ok((None, &word.value));
    }
    let span = line.span_of(word.range.clone());
    let regex = context
        .regex(&word.value, false, span)
        .map_err(|error| Refused::at(span, format!("Regex could not be compiled ({error})")))?;
    let names: Vec<(u32, Vec<u8>)> = regex
        .compiled()
        .map(|code| code.names().map(|(group, name)| (group, name.to_ascii_uppercase())).collect())
        .unwrap_or_default();
    let named =
        names.into_iter().map(|(group, name)| (group, context.variable(&[b"MATCH_", &*name].concat()))).collect();
    Ok((Some((Pattern::Regex(Box::new(regex)), named)), &word.value))
}

fn has_wildcards(text: &[u8]) -> bool {
    text.iter().any(|byte| b"*?[".contains(byte))
}

fn section<'a>(
    context: &mut Context<'a>,
    line: &'a Line,
    folder: Bytes,
    applies: Applies,
    named: Named,
    refused: &mut Vec<Refused>,
) -> Section {
    let mut builder = Builder::new(Place::Section(folder));
    refused.extend(lines::lower(context, &mut builder, line.block.as_deref().unwrap_or_default()));
    let mut scope = builder.finish();
    scope.span = Some(line.head);
    Section { span: line.head, applies, scope: context.scope(scope), named }
}

fn with_slash(text: &[u8]) -> Bytes {
    let text = text.strip_suffix(b"/").unwrap_or(text);
    [text, b"/"].concat().into()
}

fn folder<'a>(context: &mut Context<'a>, line: &'a Line, refused: &mut Vec<Refused>) -> Result<Section, Refused> {
    let words = line.words(context.sources);
    let (pattern, text) = argument(context, line, &words)?;
    let prefix = context.prefix.to_string_lossy().into_owned();
    let full = if text.starts_with(b"/") || pattern.is_some() {
        text.to_vec()
    } else {
        [prefix.as_bytes(), b"/", text].concat()
    };
    let text = full.as_slice();
    let name = with_slash(text);
    let (applies, named) = match pattern {
        Some((pattern, named)) => (pattern, named),
        None if has_wildcards(text) => {
            let text = text.strip_suffix(b"/").filter(|rest| !rest.is_empty()).unwrap_or(text);
            (Pattern::Glob(Glob { text: text.into(), path: true, ignore_case: false }), Named::default())
        }
        None => (Pattern::Exact(name.clone()), Named::default()),
    };
    Ok(section(context, line, name, Applies::Path(applies), named, refused))
}

fn url<'a>(context: &mut Context<'a>, line: &'a Line, refused: &mut Vec<Refused>) -> Result<Section, Refused> {
    let words = line.words(context.sources);
    let (pattern, text) = argument(context, line, &words)?;
    let name = with_slash(text);
    let (applies, named) = match pattern {
        Some(found) => found,
        None if text.is_empty() => (Pattern::Any, Named::default()),
        None if has_wildcards(text) => {
            (Pattern::Glob(Glob { text: text.into(), path: true, ignore_case: false }), Named::default())
        }
        // Slashes of the path are merged before it is compared, so this never fits.
        None if text.windows(2).any(|two| two == b"//") => (Pattern::Exact(text.into()), Named::default()),
        None => (Pattern::Segments(text.into()), Named::default()),
    };
    Ok(section(context, line, name, Applies::Path(applies), named, refused))
}

fn files<'a>(context: &mut Context<'a>, line: &'a Line, refused: &mut Vec<Refused>) -> Result<Section, Refused> {
    let words = line.words(context.sources);
    let (pattern, text) = argument(context, line, &words)?;
    let name = with_slash(text);
    let (applies, named) = match pattern {
        Some(found) => found,
        None if has_wildcards(text) => {
            (Pattern::Glob(Glob { text: text.into(), path: false, ignore_case: false }), Named::default())
        }
        None => (Pattern::Exact(text.into()), Named::default()),
    };
    Ok(section(context, line, name, Applies::Path(applies), named, refused))
}

fn condition<'a>(context: &mut Context<'a>, line: &'a Line, refused: &mut Vec<Refused>) -> Result<Section, Refused> {
    let condition = match &*line.name {
        b"else" => Condition::All(Vec::new()),
        _ => {
            let args = line.args(context.sources);
            let words = line.words(context.sources);
            let text = match words.as_slice() {
                [only] if only.quote.is_some() => only.value.to_vec(),
                _ => args.to_vec(),
            };
            let parsed = expr::boolean(context, line.head, &text)
                .map_err(|message| Refused::at(line.head, format!("Cannot parse condition clause: {message}")))?;
            Condition::Test(Box::new(Test { span: line.head, kind: TestKind::Expression(parsed), negated: false }))
        }
    };
    let applies = if &*line.name == b"if" { Applies::When(condition) } else { Applies::Otherwise(condition) };
    Ok(section(context, line, b"*If/"[..].into(), applies, Named::default(), refused))
}
