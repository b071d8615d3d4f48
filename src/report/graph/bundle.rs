//! Less ink for the same graph: what looks alike is drawn once.
//!
//! Arrows between the same two nodes become one, and places that need one hop to the same target become one node with
//! several lines. The tables and the other formats keep every redirect.

use super::{Edge, Fate, Graph, Node};
use std::collections::{BTreeMap, BTreeSet};

/// Names written into a node that stands for several places.
const NAMES: usize = 6;
/// Fewer places than this stay nodes of their own.
const FEW: usize = 3;

/// A node or an arrow to draw.
pub struct Bundled {
    /// What to write on each node, a line for each place, and what becomes of a request there.
    pub nodes: Vec<(Vec<String>, Fate)>,
    /// From, to, and what to write on the arrow.
    pub arrows: Vec<(usize, usize, String)>,
}

/// The graph with what looks alike drawn once.
pub fn bundle(graph: &Graph) -> Bundled {
    let arrows = arrows(graph);
    let mut target_of: BTreeMap<usize, Vec<(usize, String)>> = BTreeMap::new();
    let mut reached: BTreeSet<usize> = BTreeSet::new();
    for (&(from, to), label) in &arrows {
        target_of.entry(from).or_default().push((to, label.clone()));
        reached.insert(to);
    }
    let mut alike: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
    for (from, leads) in &target_of {
        let plain = graph.nodes.get(*from).is_some_and(|node| node.fate == Fate::Start) && !reached.contains(from);
        if let ([(to, label)], true) = (leads.as_slice(), plain) {
            alike.entry((*to, label.clone())).or_default().push(*from);
        }
    }
    let mut out = Bundled { nodes: Vec::new(), arrows: Vec::new() };
    let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
    for places in alike.into_values().filter(|places| places.len() >= FEW) {
        let names = places.iter().filter_map(|&at| graph.nodes.get(at)).map(name);
        out.nodes.push((few(names.collect()), Fate::Start));
        moved.extend(places.into_iter().map(|place| (place, out.nodes.len() - 1)));
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        moved.entry(at).or_insert_with(|| {
            out.nodes.push((vec![name(node)], node.fate));
            out.nodes.len() - 1
        });
    }
    let all = arrows.into_iter().filter_map(|((from, to), label)| Some((*moved.get(&from)?, *moved.get(&to)?, label)));
    let once: BTreeSet<(usize, usize, String)> = all.collect();
    out.arrows = once.into_iter().collect();
    out
}

/// One arrow for all redirects between two nodes: their statuses, and how many they are.
fn arrows(graph: &Graph) -> BTreeMap<(usize, usize), String> {
    let mut between: BTreeMap<(usize, usize), Vec<&Edge>> = BTreeMap::new();
    for edge in &graph.edges {
        between.entry((edge.from, edge.to)).or_default().push(edge);
    }
    let label = |edges: Vec<&Edge>| {
        let labels: BTreeSet<String> = edges.iter().map(|edge| edge.label()).collect();
        let labels = labels.into_iter().collect::<Vec<_>>().join(", ");
        if edges.len() > 1 { format!("{labels} ×{}", edges.len()) } else { labels }
    };
    between.into_iter().map(|(ends, edges)| (ends, label(edges))).collect()
}

fn name(node: &Node) -> String {
    format!("{}{}", node.host, node.label)
}

/// The first names, and how many more there are.
fn few(mut names: Vec<String>) -> Vec<String> {
    let more = names.len().saturating_sub(NAMES);
    if more > 1 {
        names.truncate(NAMES);
        names.push(format!("… and {more} more"));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_that_lead_alike_become_one_node_and_equal_arrows_one_arrow() {
        let node = |label: &str, fate| Node { label: label.into(), host: String::new(), fate };
        let mut nodes: Vec<Node> = (0..9).map(|at| node(&format!("/p{at}"), Fate::Start)).collect();
        nodes.push(node("/new", Fate::End));
        let edge =
            |from| Edge { from, to: 9, status: Some(301), file: String::new(), line: 1, condition: String::new() };
        let edges = (0..9).map(edge).chain([Edge { line: 2, ..edge(0) }]).collect();
        let drawn = bundle(&Graph { nodes, edges });
        assert_eq!(drawn.nodes.len(), 3, "eight alike, one that has two, the target");
        assert_eq!(drawn.nodes[0].0.last().map(String::as_str), Some("… and 2 more"));
        assert!(drawn.arrows.iter().any(|(_, _, label)| label == "301 ×2"), "{:?}", drawn.arrows);
    }
}
