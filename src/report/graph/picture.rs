//! The graph as an SVG, laid out by the `layout-rs` library.

use super::{Fate, Graph, shown};
use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;

/// Longest label, in characters.
const LABEL: usize = 48;
const FONT: usize = 14;

/// The whole graph as one SVG document, its groups one below the other.
pub fn render(graph: &Graph) -> String {
    let parts: Vec<String> = graph.groups().iter().map(|group| draw(&graph.part(&group.edges))).collect();
    stack(&parts)
}

/// One graph as an SVG document of its own.
pub fn draw(graph: &Graph) -> String {
    let mut visual = VisualGraph::new(Orientation::LeftToRight);
    let nodes: Vec<_> = graph
        .nodes
        .iter()
        .map(|node| {
            let text = shown(&format!("{}{}", node.host, node.label), LABEL);
            let size = Point::new(text_width(&text), FONT as f64 * 2.2);
            visual.add_node(Element::create(
                ShapeKind::new_box(&text),
                style(node.fate),
                Orientation::LeftToRight,
                size,
            ))
        })
        .collect();
    for edge in &graph.edges {
        if let (Some(&from), Some(&to)) = (nodes.get(edge.from), nodes.get(edge.to)) {
            visual.add_edge(Arrow::simple(&edge.label()), from, to);
        }
    }
    let mut writer = SVGWriter::new();
    visual.do_it(false, false, false, &mut writer);
    // A white rim keeps labels readable on the lines they lie on.
    writer.finalize().replace("Times, serif;", "sans-serif; paint-order: stroke; stroke: #fff; stroke-width: 3px;")
}

fn style(fate: Fate) -> StyleAttr {
    StyleAttr::new(Color::new(0x3333_33ff), 1, Some(Color::new(rgba(fate.color()))), 8, FONT)
}

fn rgba(color: &str) -> u32 {
    u32::from_str_radix(color.trim_start_matches('#'), 16).map_or(0xffff_ffff, |rgb| rgb << 8 | 0xff)
}

fn text_width(text: &str) -> f64 {
    (text.chars().count() as f64).mul_add(FONT as f64 * 0.62, 24.0)
}

/// Several SVG documents as one, below each other.
fn stack(parts: &[String]) -> String {
    let sizes: Vec<(f64, f64)> = parts.iter().map(|part| size(part)).collect();
    let width = sizes.iter().map(|size| size.0).fold(100.0, f64::max);
    let height: f64 = sizes.iter().map(|size| size.1).sum::<f64>().max(50.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    let mut y = 0.0;
    for (number, (part, size)) in parts.iter().zip(&sizes).enumerate() {
        out.push_str(&format!("<svg y=\"{y}\" width=\"{}\" height=\"{}\">\n", size.0, size.1));
        out.push_str(&own_names(inner(part), number));
        out.push_str("</svg>\n");
        y += size.1;
    }
    out.push_str("</svg>\n");
    out
}

/// The markup inside the outermost `<svg>`.
fn inner(svg: &str) -> &str {
    let start = svg.find("<svg").and_then(|at| svg.get(at..)?.find('>').map(|end| at + end + 1)).unwrap_or(0);
    let end = svg.rfind("</svg>").unwrap_or(svg.len());
    svg.get(start..end).unwrap_or_default()
}

/// The names a part refers to itself by (arrow heads, fonts), told apart from the other parts'.
fn own_names(part: &str, number: usize) -> String {
    ["startarrow", "endarrow"].iter().fold(part.to_owned(), |text, name| text.replace(name, &format!("{name}{number}")))
}

fn size(svg: &str) -> (f64, f64) {
    let attribute = |name: &str| {
        let at = svg.find(&format!("{name}=\""))? + name.len() + 2;
        svg.get(at..)?.split('"').next()?.trim_end_matches("px").parse().ok()
    };
    (attribute("width").unwrap_or(100.0), attribute("height").unwrap_or(50.0))
}
