//! nginx as the target.

pub mod plan;
pub mod print;
pub mod regex;
pub mod text;
