//! The command line: the only place with input and output, `clap`, the environment and exit codes.

pub mod disk;
