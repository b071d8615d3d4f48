//! The redirect graph as a picture: data in, text out.
//!
//! [`Graph`] is plain data that `cli` fills from the analysis; the formats below it render it and decide
//! nothing. Large graphs are read in [`Group`]s, one for each host and first path segment, those with a loop
//! or a chain first.

pub mod bundle;
pub mod canvas;
pub mod dot;
pub mod json;
pub mod mermaid;
pub mod page;
pub mod picture;

use std::collections::BTreeMap;

/// A redirect graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Graph {
    /// Places a redirect starts from or leads to.
    pub nodes: Vec<Node>,
    /// Redirects.
    pub edges: Vec<Edge>,
}

/// A place: a path, a pattern, another host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Node {
    /// What to write on it, as the configuration spells it.
    pub label: String,
    /// The host it belongs to; empty for the site's own.
    pub host: String,
    /// What becomes of a request that gets here.
    pub fate: Fate,
}

/// What becomes of a request at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It goes round for ever.
    Loop,
    /// It is redirected again.
    Chain,
    /// It leaves the site.
    Away,
    /// It is answered here.
    End,
    /// It starts here and needs one hop.
    Start,
}

/// A redirect.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Edge {
    /// Index of the node it starts from.
    pub from: usize,
    /// Index of the node it leads to.
    pub to: usize,
    /// The status; `None` for an internal rewrite.
    pub status: Option<u16>,
    /// The file of the directive.
    pub file: String,
    /// The line of the directive, from 1.
    pub line: usize,
    /// What must hold beside the path, in words; empty for nothing.
    pub condition: String,
}

/// A part of a graph that is read together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Host and first path segment.
    pub title: String,
    /// The worst that happens in it.
    pub fate: Fate,
    /// Indices of its edges.
    pub edges: Vec<usize>,
}

impl Graph {
    /// The edges by host and first path segment of the node they start from. Edges that are connected through a
    /// loop or a chain stay together; groups with loops come first, then those with chains, then by title, and so do
    /// the edges in a group.
    pub fn groups(&self) -> Vec<Group> {
        let roots = self.connected();
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for (at, edge) in self.edges.iter().enumerate() {
            let root = roots.get(edge.from).copied().unwrap_or(edge.from);
            let title = self.nodes.get(root).map(Node::prefix).unwrap_or_default();
            let fate = self.nodes.get(edge.from).map_or(Fate::End, |node| node.fate);
            let group = groups.entry(title.clone()).or_insert_with(|| Group { title, fate, edges: Vec::new() });
            group.fate = group.fate.min(fate);
            group.edges.push(at);
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        let fate = |at: usize| self.edges.get(at).and_then(|edge| self.nodes.get(edge.from)).map(|node| node.fate);
        groups.iter_mut().for_each(|group| group.edges.sort_by_key(|&at| fate(at)));
        groups.sort_by(|a, b| (a.fate, &a.title).cmp(&(b.fate, &b.title)));
        groups
    }

    /// For each node the first node of the chain or loop it is part of (itself, where it is part of none).
    fn connected(&self) -> Vec<usize> {
        let mut union = petgraph::unionfind::UnionFind::<usize>::new(self.nodes.len());
        let together = |at: usize| self.nodes.get(at).is_some_and(|node| matches!(node.fate, Fate::Loop | Fate::Chain));
        for edge in &self.edges {
            if together(edge.to) && edge.from < self.nodes.len() {
                union.union(edge.from, edge.to);
            }
        }
        union.into_labeling()
    }

    /// The graph of some of the edges alone.
    pub fn part(&self, edges: &[usize]) -> Graph {
        let mut part = Graph::default();
        let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
        for edge in edges.iter().filter_map(|&at| self.edges.get(at)) {
            let mut place = |at: usize| {
                *moved.entry(at).or_insert_with(|| {
                    part.nodes.extend(self.nodes.get(at).cloned());
                    part.nodes.len() - 1
                })
            };
            let (from, to) = (place(edge.from), place(edge.to));
            part.edges.push(Edge { from, to, ..edge.clone() });
        }
        part
    }
}

impl Node {
    /// Host and first path segment: what nodes are grouped by.
    pub fn prefix(&self) -> String {
        let path = self.label.trim_start_matches(['^', '~', '=', ' ']);
        let segment =
            path.trim_start_matches('/').split(['/', '(', '[', '?', '*', '.', '$', '\\']).next().unwrap_or_default();
        format!("{}/{segment}", self.host)
    }
}

impl Edge {
    /// What to write on it: the status, or that it is a rewrite.
    pub fn label(&self) -> String {
        self.status.map_or_else(|| "rewrite".to_owned(), |status| status.to_string())
    }
}

impl Fate {
    /// Fill colour, `#rrggbb`, readable under black text.
    pub fn color(self) -> &'static str {
        match self {
            Self::Loop => "#ffb3b3",
            Self::Chain => "#ffe0a3",
            Self::Away => "#cfe3ff",
            Self::End => "#d6f0d6",
            Self::Start => "#f2f2f2",
        }
    }

    /// One word for a legend.
    pub fn word(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Chain => "chain",
            Self::Away => "another site",
            Self::End => "end",
            Self::Start => "one hop",
        }
    }
}

/// Text for a label: control and direction-changing characters are spelled out, long text is cut in the middle.
pub fn shown(text: &str, longest: usize) -> String {
    let safe: String = text
        .chars()
        .flat_map(|c| {
            let hidden = c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if hidden { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }
        })
        .collect();
    let count = safe.chars().count();
    if count <= longest {
        return safe;
    }
    let half = longest.saturating_sub(1) / 2;
    let head: String = safe.chars().take(half).collect();
    let tail: String = safe.chars().skip(count - half).collect();
    format!("{head}…{tail}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> Graph {
        let node = |label: &str, host: &str, fate| Node { label: label.into(), host: host.into(), fate };
        let edge = |from, to, status, line| Edge {
            from,
            to,
            status,
            file: ".htaccess".into(),
            line,
            condition: String::new(),
        };
        Graph {
            nodes: vec![
                node("/a", "", Fate::Loop),
                node("/b", "", Fate::Loop),
                node("/old/x", "", Fate::Start),
                node("/new \"<x>\"", "", Fate::End),
                node("/", "https://e.example", Fate::Away),
            ],
            edges: vec![
                edge(0, 1, Some(301), 1),
                edge(1, 0, Some(302), 2),
                edge(2, 3, None, 3),
                edge(2, 4, Some(308), 4),
            ],
        }
    }

    #[test]
    fn a_loop_is_one_group_and_comes_first() {
        let groups = sample().groups();
        assert_eq!(groups.iter().map(|group| group.edges.clone()).collect::<Vec<_>>(), [vec![0, 1], vec![2, 3]]);
        assert_eq!(groups[0].fate, Fate::Loop);
    }

    #[test]
    fn a_part_keeps_only_the_nodes_of_its_edges() {
        let part = sample().part(&[3]);
        assert_eq!(part.nodes.len(), 2);
        assert_eq!((part.edges[0].from, part.edges[0].to), (0, 1));
    }

    #[test]
    fn labels_spell_out_what_would_change_the_terminal_or_the_direction() {
        assert_eq!(shown("a\u{1b}[31m\u{202e}b", 40), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(shown("abcdefghij", 5), "ab…ij");
    }
}
