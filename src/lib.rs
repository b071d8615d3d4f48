//! redirlint: what a redirect configuration of Apache httpd or nginx does, whether that is wrong, and the same
//! in the other server's language.
//!
//! ```text
//!  bytes ──parse──▶ directive tree ──lower──▶ redirect IR ──eval──▶ answer + trace
//!  (source)          (syntax)                  (ir)      └─analyse─▶ facts ──rules──▶ findings ──report──▶ person, CI, editor
//!                                                        └─emit────▶ text of the other server
//! ```
//!
//! Nothing flows back. Reading order: [`source`], [`syntax`], [`ir`], [`lower`], [`eval`], then the rest.

pub mod analysis;
pub mod baseline;
pub mod cli;
pub mod config;
pub mod diagnostic;
pub mod emit;
pub mod eval;
pub mod explain;
pub mod fix;
pub mod ir;
pub mod lower;
pub mod lsp;
pub mod pcre;
pub mod report;
pub mod rules;
pub mod source;
pub mod syntax;
