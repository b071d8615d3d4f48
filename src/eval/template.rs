//! Text with holes, made in one pass or in two.

use super::flow::{Fail, Try};
use super::machine::{Machine, Value};
use super::{attribute, escape, expr, table};
use crate::ir::template::{Attribute, Origin, Part, Passes, Template};
use crate::ir::{Bytes, VarId};

/// How deep texts may mention texts (`ngx_http_variable_depth`); what lies deeper is empty.
const DEEPEST: u32 = 100;

/// How often one request may ask for a text from inside another: more than any does that comes to an end.
const MOST: u32 = 1 << 16;

/// The longest text, in bytes: no server sends a longer one.
const LONGEST: usize = 1 << 20;

/// How far texts mention texts at the moment, and how often it happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nesting {
    depth: u32,
    asked: u32,
}

/// Evaluates what a text mentions. Texts may mention themselves, one through the other.
pub fn mentioned(machine: &mut Machine, find: impl FnOnce(&mut Machine) -> Try<Vec<u8>>) -> Try<Vec<u8>> {
    let Nesting { depth, asked } = machine.nesting;
    if depth == DEEPEST {
        return Ok(Vec::new());
    }
    if asked > MOST {
        return Err(Fail::Unknown(None, "texts that mention each other without an end".to_owned()));
    }
    machine.nesting = Nesting { depth: depth + 1, asked: asked + u32::from(depth > 0) };
    let found = find(machine);
    machine.nesting.depth = depth;
    found
}

/// The text. What it rests on, where that is not known, is left in the machine's `taint`.
pub fn render(machine: &mut Machine, template: &Template) -> Try<Vec<u8>> {
    Ok(render_marked(machine, template)?.0)
}

/// The text, and how many bytes stand before the first question mark that is literal.
pub fn render_marked(machine: &mut Machine, template: &Template) -> Try<(Vec<u8>, Option<usize>)> {
    if template.passes == Passes::Two && template.parts.iter().any(may_change_captures) {
        return two_passes(machine, template);
    }
    let mut out = Out::default();
    for part in &template.parts {
        match part {
            Part::Literal(bytes) => out.literal(bytes),
            Part::Capture { store, group, escape: how } => {
                let bytes = machine.captures.of(*store).group(usize::from(*group));
                out.bytes.extend_from_slice(&escape::apply(machine, how, bytes));
            }
            _ => out.bytes.extend_from_slice(&value(machine, part)?),
        }
    }
    out.whole()
}

#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    mark: Option<usize>,
}

impl Out {
    fn literal(&mut self, bytes: &[u8]) {
        if self.mark.is_none()
            && let Some(at) = memchr::memchr(b'?', bytes)
        {
            self.mark = Some(self.bytes.len() + at);
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn whole(self) -> Try<(Vec<u8>, Option<usize>)> {
        match self.bytes.len() {
            0..=LONGEST => Ok((self.bytes, self.mark)),
            _ => Err(Fail::Unknown(None, format!("a text of more than {LONGEST} bytes"))),
        }
    }
}

fn may_change_captures(part: &Part) -> bool {
    matches!(part, Part::Variable(_) | Part::Lookup { .. } | Part::Expression(_))
}

/// Lengths first, with variables evaluated; then bytes, with captures read only now.
fn two_passes(machine: &mut Machine, template: &Template) -> Try<(Vec<u8>, Option<usize>)> {
    let mut room = 0usize;
    let mut values: Vec<Option<Vec<u8>>> = Vec::with_capacity(template.parts.len());
    for part in &template.parts {
        let (length, kept) = match part {
            Part::Literal(bytes) => (bytes.len(), None),
            Part::Capture { .. } => (value(machine, part)?.len(), None),
            // A variable that may have been set meanwhile is read again in the second pass; one that is computed is not.
            Part::Variable(id) if !is_computed(machine, *id) => (value(machine, part)?.len(), None),
            _ => {
                let value = value(machine, part)?;
                (value.len(), Some(value))
            }
        };
        room += length;
        values.push(kept);
    }
    let mut out = Out::default();
    for (part, kept) in template.parts.iter().zip(values) {
        match (part, kept) {
            (Part::Literal(bytes), _) => out.literal(bytes),
            (_, Some(bytes)) => out.bytes.extend_from_slice(&bytes),
            (part, None) => {
                let bytes = value(machine, part)?;
                out.bytes.extend_from_slice(&bytes);
            }
        }
        if out.bytes.len() > room {
            return Err(Fail::Status(500, None));
        }
    }
    out.whole()
}

/// Whether a variable's value is a table's.
fn is_computed(machine: &Machine, id: VarId) -> bool {
    let origin = machine.program.variables.get(id.0 as usize).map(|variable| &variable.origin);
    matches!(origin, Some(Origin::Table(_))) && machine.variable(id).is_none()
}

/// The bytes of one part.
pub fn value(machine: &mut Machine, part: &Part) -> Try<Vec<u8>> {
    match part {
        Part::Literal(bytes) => Ok(bytes.to_vec()),
        Part::Capture { store, group, escape: how } => {
            let bytes = machine.captures.of(*store).group(usize::from(*group));
            Ok(escape::apply(machine, how, bytes))
        }
        Part::Attribute(attribute) => mentioned(machine, |machine| attribute::value(machine, attribute)),
        Part::Variable(id) => variable(machine, *id),
        Part::Lookup { table, key, default, escape: how } => {
            let key = key.as_ref().map(|key| render(machine, key)).transpose()?;
            let found = match key {
                Some(key) => table::find(machine, *table, key)?,
                None => Some(table::value(machine, *table)?),
            };
            let bytes = match (found, default) {
                (Some(bytes), _) => bytes,
                (None, Some(default)) => render(machine, default)?,
                (None, None) => Vec::new(),
            };
            Ok(escape::apply(machine, how, &bytes))
        }
        Part::Expression(expression) => expr::text(machine, expression),
    }
}

/// The value of a variable: what was set, else what its origin says.
pub fn variable(machine: &mut Machine, id: VarId) -> Try<Vec<u8>> {
    if let Some(value) = machine.variable(id) {
        let (bytes, taint) = (value.bytes.clone().unwrap_or_default(), value.taint.clone());
        machine.taint = machine.taint.take().or(taint);
        return Ok(bytes);
    }
    let program = machine.program;
    let Some(variable) = program.variables.get(id.0 as usize) else { return Ok(Vec::new()) };
    match &variable.origin {
        Origin::Empty => Ok(Vec::new()),
        Origin::Table(table) => table::value(machine, *table),
        Origin::Attribute(attribute) => {
            let bytes = mentioned(machine, |machine| attribute::value(machine, attribute))?;
            if *attribute == Attribute::InvalidReferer {
                machine.set_variable(id, Value { bytes: Some(bytes.clone()), taint: None });
            }
            Ok(bytes)
        }
        Origin::Environment => Ok(environment(machine, &variable.name)),
    }
}

/// A variable of the server's process; unset where the world does not know.
pub fn environment(machine: &mut Machine, name: &Bytes) -> Vec<u8> {
    match machine.world.environment(name) {
        Some(value) => value.unwrap_or_default(),
        None => {
            machine.recorder.assume(format!("env:{}", String::from_utf8_lossy(name)), "unset");
            Vec::new()
        }
    }
}
