//! The graph for Graphviz.

use super::{Graph, shown};

/// The graph in the DOT language, one cluster for each group.
pub fn render(graph: &Graph) -> String {
    let mut out = String::from(
        "digraph redirects {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n",
    );
    for (at, node) in graph.nodes.iter().enumerate() {
        let label = quoted(&shown(&format!("{}{}", node.host, node.label), 80));
        out.push_str(&format!("  n{at} [label={label}, fillcolor=\"{}\"];\n", node.fate.color()));
    }
    for (number, group) in graph.groups().iter().enumerate() {
        out.push_str(&format!("  subgraph cluster_{number} {{\n    label={};\n", quoted(&group.title)));
        for edge in group.edges.iter().filter_map(|&at| graph.edges.get(at)) {
            let (label, tip) =
                (quoted(&edge.label()), quoted(&format!("{}:{} {}", edge.file, edge.line, edge.condition)));
            out.push_str(&format!("    n{} -> n{} [label={label}, tooltip={tip}];\n", edge.from, edge.to));
        }
        out.push_str("  }\n");
    }
    out.push_str("}\n");
    out
}

/// A DOT string: quotes and backslashes escaped.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn quotes_in_labels_do_not_end_the_string() {
        let text = super::render(&super::super::tests::sample());
        assert!(text.contains(r#"label="/new \"<x>\"""#), "{text}");
        assert!(text.contains("n2 -> n4 [label=\"308\""));
    }
}
