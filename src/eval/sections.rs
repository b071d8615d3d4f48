//! Sections that apply to a URL or a file, laid over each other for each request.

use super::flow::Flow;
use super::machine::Machine;

/// Merges the sections that apply by URL alone.
pub fn merge_url(_machine: &mut Machine) -> Flow {
    Flow::Unknown(None, "sections".to_owned())
}

/// Maps the path to a file and merges every section that applies.
pub fn walk(_machine: &mut Machine) -> Flow {
    Flow::Unknown(None, "sections".to_owned())
}
