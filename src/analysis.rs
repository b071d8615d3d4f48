//! Facts about a program, computed once and shared by the rules.
//!
//! Knows the IR and the evaluator; knows no rule. A fact that is costly is computed when first asked for.

use crate::ir::Program;
use crate::lower::{Lowered, Options};
use crate::source::Sources;
use crate::syntax::Tree;

/// What the user says about the world around the configuration (`redirlint.yaml`).
#[derive(Clone, Debug, Default)]
pub struct Knobs {
    /// Names considered the user's own, beside those the configuration mentions.
    pub hosts: Vec<String>,
}

/// One configuration under analysis.
pub struct Facts<'a> {
    /// The files.
    pub sources: &'a Sources,
    /// The trees of every file read, the main one first.
    pub trees: &'a [Tree],
    /// The program.
    pub program: &'a Program,
    /// What it was read as.
    pub options: &'a Options,
    /// What the user says.
    pub knobs: &'a Knobs,
}

impl<'a> Facts<'a> {
    /// Facts about a lowered configuration.
    pub fn new(sources: &'a Sources, lowered: &'a Lowered, options: &'a Options, knobs: &'a Knobs) -> Self {
        Self { sources, trees: &lowered.trees, program: &lowered.program, options, knobs }
    }
}
