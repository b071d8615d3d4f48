//! A journey for a person: each hop, and the line that decided it.

use super::super::input::Loaded;
use super::answers::first_line;
use crate::eval::follow::{End, Hop, Journey};
use crate::ir::Refusal;
use crate::report::shown::{escape, escape_bytes};
use crate::source::Span;
use std::io::{Result, Write};

/// Tells a journey.
///
/// # Errors
/// Output that cannot be written.
pub fn write(loaded: &Loaded, journey: &Journey, steps: bool, out: &mut dyn Write) -> Result<()> {
    for (at, hop) in journey.hops.iter().enumerate() {
        one(loaded, at + 1, hop, steps, out)?;
    }
    let last = escape_bytes(&journey.last);
    match journey.end {
        End::Served => writeln!(out, "ends at {last}"),
        End::RedirectedAway => writeln!(out, "goes on to {last}"),
        End::Loop => writeln!(out, "loops: {last} was asked for before"),
        End::TooManyHops => writeln!(out, "too many redirects: the client gives up before {last}"),
        End::Error => writeln!(out, "ends in an error at {last}"),
        End::Unknown => writeln!(out, "cannot tell what comes next"),
    }
}

/// Tells that the server would not start.
///
/// # Errors
/// Output that cannot be written.
pub fn refused(loaded: &Loaded, refusal: &Refusal, out: &mut dyn Write) -> Result<()> {
    writeln!(out, "the server refuses this configuration: {}", escape(&refusal.message))?;
    quote(loaded, refusal.span, out)?;
    match &refusal.help {
        Some(help) => writeln!(out, "  {}", escape(help)),
        None => Ok(()),
    }
}

fn one(loaded: &Loaded, number: usize, hop: &Hop, steps: bool, out: &mut dyn Write) -> Result<()> {
    let answer = &hop.answer;
    writeln!(out, "{number}. {} {}", escape_bytes(&hop.request.method), escape_bytes(&hop.url))?;
    for step in answer.steps.iter().filter(|_| steps) {
        let line = loaded.sources.position(step.span).line;
        let words = first_line(loaded.sources.text(step.span));
        let words = words.strip_suffix(b";").or_else(|| words.strip_suffix(b" {")).unwrap_or(words);
        // Of an `if` the step has only what stands in its parentheses.
        let head = if words.starts_with(b"(") { "if " } else { "" };
        writeln!(out, "     line {line}: {head}{}: {}", escape_bytes(words), escape(&step.effect))?;
    }
    let status = match answer.status {
        Some(0) => "no answer: the connection is closed".to_owned(),
        Some(status) => status.to_string(),
        None if answer.unknown.is_some() => "unknown".to_owned(),
        None => "content".to_owned(),
    };
    write!(out, "   {status}")?;
    match (&answer.location, &answer.served) {
        (Some(location), _) => writeln!(out, "  Location: {}", escape_bytes(location))?,
        (None, Some(served)) => writeln!(out, "  {}", escape_bytes(&served.uri))?,
        (None, None) => writeln!(out)?,
    }
    for (name, value) in &answer.headers {
        writeln!(out, "   {}: {}", escape_bytes(name), escape_bytes(value))?;
    }
    if let Some((span, why)) = &answer.unknown {
        writeln!(out, "   not modelled: {}", escape(why))?;
        span.map_or(Ok(()), |span| quote(loaded, span, out))?;
    }
    for assumption in &answer.assumptions {
        writeln!(out, "   assuming {}: {}", escape(&assumption.question), escape(&assumption.assumed))?;
    }
    answer.cause.map_or(Ok(()), |span| quote(loaded, span, out))
}

fn quote(loaded: &Loaded, span: Span, out: &mut dyn Write) -> Result<()> {
    let path = loaded.sources.file(span.file).path().display().to_string();
    let line = loaded.sources.position(span).line;
    writeln!(out, "   {}:{line}: {}", escape(&path), escape_bytes(first_line(loaded.sources.text(span))))
}
