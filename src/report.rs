//! What a person or a program reads. Data in, text out; nothing here decides anything.

pub mod graph;
pub mod human;
pub mod json;
pub mod shown;
