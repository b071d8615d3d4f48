//! The graph as data.

use super::Graph;

/// `{ "version": 1, "nodes": […], "edges": […], "groups": […] }`.
///
/// # Errors
/// None that a graph of strings and numbers can cause; the writer's own otherwise.
pub fn render(graph: &Graph) -> Result<String, serde_json::Error> {
    let groups: Vec<_> = graph
        .groups()
        .into_iter()
        .map(|group| serde_json::json!({ "title": group.title, "fate": group.fate, "edges": group.edges }))
        .collect();
    serde_json::to_string_pretty(
        &serde_json::json!({ "version": 1, "nodes": graph.nodes, "edges": graph.edges, "groups": groups }),
    )
}
