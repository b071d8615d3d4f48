//! The graph for Mermaid, as Markdown viewers draw it.

use super::{Fate, Graph, shown};

/// The graph as a Mermaid flowchart.
pub fn render(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for (at, node) in graph.nodes.iter().enumerate() {
        let label = entity(&shown(&format!("{}{}", node.host, node.label), 80));
        out.push_str(&format!("  n{at}[\"{label}\"]:::{}\n", class(node.fate)));
    }
    for edge in &graph.edges {
        out.push_str(&format!("  n{} -->|{}| n{}\n", edge.from, edge.label(), edge.to));
    }
    for fate in [Fate::Loop, Fate::Chain, Fate::Away, Fate::End, Fate::Start] {
        out.push_str(&format!("  classDef {} fill:{},stroke:#333,color:#000\n", class(fate), fate.color()));
    }
    out
}

fn class(fate: Fate) -> &'static str {
    match fate {
        Fate::Loop => "loop",
        Fate::Chain => "chain",
        Fate::Away => "away",
        // `end` is a word of Mermaid's own.
        Fate::End => "served",
        Fate::Start => "start",
    }
}

/// Everything that Mermaid or the HTML it makes could read as markup, as numeric entities in its own spelling.
fn entity(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_alphanumeric() || "/ .-_:?=$^()*+…".contains(c) {
                c.to_string()
            } else {
                format!("#{};", c as u32)
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn markup_in_labels_is_spelled_as_entities() {
        let text = super::render(&super::super::tests::sample());
        assert!(text.contains("n3[\"/new #34;#60;x#62;#34;\"]:::served"), "{text}");
        assert!(text.contains("n0 -->|301| n1"));
    }
}
