//! `<Limit>` and `<LimitExcept>`: access rules that are for some methods only.

use super::{negate, test};
use crate::ir::condition::{Condition, TestKind};
use crate::ir::template::{Attribute, Part, Template};
use crate::lower::apache::context::Context;
use crate::lower::apache::load::Line;
use crate::source::Span;

/// The methods of a `<Limit>`, or all others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Methods {
    names: Vec<Vec<u8>>,
    others: bool,
}

impl Methods {
    /// These methods.
    pub fn of(names: Vec<Vec<u8>>) -> Self {
        Self { names, others: false }
    }

    /// Whether the request's method is one of them. HEAD goes with GET.
    pub fn hold(&self, span: Span) -> Condition {
        let method = || Template { parts: vec![Part::Attribute(Attribute::Method)], ..Template::default() };
        let is = |name: &[u8]| test(span, TestKind::Equals(method(), Template::literal(name)));
        let head = self.names.iter().any(|name| name == b"GET").then(|| is(b"HEAD"));
        let named = Condition::Any(self.names.iter().map(|name| is(name)).chain(head).collect());
        if self.others { negate(named) } else { named }
    }
}

/// The lines of a scope with the methods they are for (`None` for all), those of `<Limit>` sections in their places.
pub fn limited<'l>(context: &Context, lines: &'l [Line]) -> Vec<(&'l Line, Option<Methods>)> {
    let mut out = Vec::new();
    for line in lines.iter().filter(|line| !context.left_out.contains(&line.head)) {
        match (&*line.name, &line.block) {
            (name @ (b"limit" | b"limitexcept"), Some(block)) => {
                let names = line.words(context.sources).into_iter().map(|word| word.value.into_owned()).collect();
                let methods = Methods { names, others: name == b"limitexcept" };
                out.extend(block.iter().map(|line| (line, Some(methods.clone()))));
            }
            _ => out.push((line, None)),
        }
    }
    out
}
