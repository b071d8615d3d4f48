//! The graph as one self-contained HTML page: groups that open and close, a filter, no network.

use super::{Edge, Fate, Graph, Group, picture, shown};
use minijinja::Environment;
use minijinja::value::Serde;

/// Edges of a group drawn at the most; the table lists all of them.
const DRAWN: usize = 120;
/// Groups that stand open when the page is opened.
const OPEN: usize = 6;

#[derive(serde::Serialize)]
struct Page<'a> {
    title: &'a str,
    groups: Vec<GroupView>,
    legend: Vec<Entry>,
    nodes: usize,
    edges: usize,
}

#[derive(Debug, serde::Serialize)]
pub(in crate::report) struct Entry {
    class: Fate,
    word: &'static str,
    color: &'static str,
}

#[derive(Debug, serde::Serialize)]
pub(in crate::report) struct GroupView {
    title: String,
    fate: &'static str,
    class: Fate,
    count: usize,
    drawn: usize,
    open: bool,
    picture: String,
    rows: Vec<Row>,
}

#[derive(Debug, serde::Serialize)]
struct Row {
    from: String,
    to: String,
    label: String,
    place: String,
    condition: String,
}

/// The page.
///
/// # Errors
/// The template engine's; the template is part of the program, so none is expected.
pub fn render(graph: &Graph, title: &str) -> Result<String, minijinja::Error> {
    let (groups, legend) = (groups(graph, OPEN), legend());
    let mut environment = Environment::new();
    environment.add_template("page.html", include_str!("page.html"))?;
    let page = environment.get_template("page.html")?;
    page.render(Serde(Page { title, groups, legend, nodes: graph.nodes.len(), edges: graph.edges.len() }))
}

/// The groups of a graph as pictures and tables, the first of them open.
pub(in crate::report) fn groups(graph: &Graph, open: usize) -> Vec<GroupView> {
    graph.groups().iter().enumerate().map(|(at, group)| view(graph, group, at < open)).collect()
}

/// The colours and what they mean.
pub(in crate::report) fn legend() -> Vec<Entry> {
    let all = [Fate::Loop, Fate::Chain, Fate::Away, Fate::End, Fate::Start];
    all.map(|fate| Entry { class: fate, word: fate.word(), color: fate.color() }).into()
}

fn view(graph: &Graph, group: &Group, open: bool) -> GroupView {
    let drawn = group.edges.len().min(DRAWN);
    let part = graph.part(group.edges.get(..drawn).unwrap_or_default());
    GroupView {
        title: shown(&group.title, 120),
        fate: group.fate.word(),
        class: group.fate,
        count: group.edges.len(),
        drawn,
        open,
        picture: picture::draw(&part),
        rows: group.edges.iter().filter_map(|&at| graph.edges.get(at)).map(|edge| row(graph, edge)).collect(),
    }
}

fn row(graph: &Graph, edge: &Edge) -> Row {
    let name = |at: usize| {
        graph.nodes.get(at).map(|node| shown(&format!("{}{}", node.host, node.label), 300)).unwrap_or_default()
    };
    Row {
        from: name(edge.from),
        to: name(edge.to),
        label: edge.label(),
        place: format!("{}:{}", shown(edge.file.rsplit('/').next().unwrap_or_default(), 80), edge.line),
        condition: shown(&edge.condition, 300),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_of_the_configuration_never_becomes_markup() {
        let page = super::render(&super::super::tests::sample(), "<script>").unwrap();
        assert!(!page.contains("<x>") && !page.contains("<title><script>"), "{page}");
        assert!(page.contains("&lt;x&gt;"));
    }

    #[test]
    fn every_redirect_stands_in_the_table_even_where_the_picture_is_cut() {
        let mut graph = super::super::tests::sample();
        let edge = graph.edges[2].clone();
        graph.edges.extend((0..300).map(|line| super::Edge { line: line + 10, ..edge.clone() }));
        let page = super::render(&graph, "t").unwrap();
        assert!(page.contains(".htaccess:309") && page.contains("the first 120 of 302"), "{}", page.len());
    }
}
