//! What a person or a program reads. Data in, text out; nothing here decides anything.

pub mod graph;
