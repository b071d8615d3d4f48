//! The graph as an SVG, laid out by the `layout-rs` library.

use super::bundle::bundle;
use super::canvas::{Canvas, Drawing};
use super::{Fate, Graph, shown};
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

/// Longest label, in characters.
const LABEL: usize = 48;
/// The library keeps a fixed distance between nodes; letters are drawn large and the whole made smaller.
const FONT: usize = 22;
const SCALE: f64 = 0.6;
/// Between groups, and above one for its title.
const GAP: f64 = 24.0;
const TITLE: f64 = 30.0;

/// The whole graph as one SVG document: its groups with their titles, in columns where they are many.
pub fn render(graph: &Graph) -> String {
    let groups = graph.groups();
    let parts: Vec<(String, Drawing)> =
        groups.iter().map(|group| (shown(&group.title, LABEL), lay_out(&graph.part(&group.edges)))).collect();
    arrange(&parts)
}

/// One group as an SVG document of its own.
pub fn draw(graph: &Graph) -> String {
    let drawing = lay_out(graph);
    let (width, height) = (drawing.width, drawing.height);
    document(width, height, &own_names(&drawing.inside, 0))
}

fn lay_out(graph: &Graph) -> Drawing {
    let mut visual = VisualGraph::new(Orientation::LeftToRight);
    let drawn = bundle(graph);
    let nodes: Vec<_> = drawn
        .nodes
        .iter()
        .map(|(lines, fate)| {
            let lines: Vec<String> = lines.iter().map(|line| shown(line, LABEL)).collect();
            let size = size_of(&lines);
            let shape = ShapeKind::new_box(&lines.join("\n"));
            visual.add_node(Element::create(shape, style(*fate), Orientation::LeftToRight, size))
        })
        .collect();
    for (from, to, label) in &drawn.arrows {
        if let (Some(&from), Some(&to)) = (nodes.get(*from), nodes.get(*to)) {
            visual.add_edge(arrow(label), from, to);
        }
    }
    let mut canvas = Canvas::default();
    visual.do_it(false, false, false, &mut canvas);
    let mut drawing = canvas.finish();
    // A white rim keeps labels readable on the lines they lie on.
    let rim = "sans-serif; paint-order: stroke; stroke: #fff; stroke-width: 3px;";
    drawing.inside = drawing.inside.replace("Times, serif;", rim);
    drawing
}

fn arrow(label: &str) -> Arrow {
    let look = StyleAttr::new(Color::new(0x3333_33ff), 1, None, 0, FONT - 4);
    Arrow::new(LineEndKind::None, LineEndKind::Arrow, LineStyleKind::Normal, label, &look, &None, &None)
}

fn style(fate: Fate) -> StyleAttr {
    StyleAttr::new(Color::new(0x3333_33ff), 1, Some(Color::new(rgba(fate.color()))), 8, FONT)
}

fn rgba(color: &str) -> u32 {
    u32::from_str_radix(color.trim_start_matches('#'), 16).map_or(0xffff_ffff, |rgb| rgb << 8 | 0xff)
}

fn size_of(lines: &[String]) -> Point {
    let longest = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let width = (longest as f64).mul_add(FONT as f64 * 0.6, 24.0);
    Point::new(width, (lines.len() as f64).mul_add(FONT as f64, FONT as f64))
}

/// Groups below each other, in so many columns that the whole is about as high as wide.
fn arrange(parts: &[(String, Drawing)]) -> String {
    let column = parts.iter().map(|(_, drawing)| drawing.width).fold(100.0, f64::max) + GAP;
    let heights = parts.iter().map(|(_, drawing)| drawing.height + TITLE + GAP);
    let total: f64 = heights.clone().sum();
    let tallest = heights.fold(0.0, f64::max).max((total * column).sqrt());
    let (mut x, mut y, mut height): (f64, f64, f64) = (0.0, 0.0, 50.0);
    let mut out = String::new();
    for (number, (title, drawing)) in parts.iter().enumerate() {
        let own = drawing.height + TITLE + GAP;
        if y > 0.0 && y + own > tallest * 1.05 {
            (x, y) = (x + column, 0.0);
        }
        out.push_str(&format!(
            "<text x=\"{}\" y=\"{}\" font-family=\"sans-serif\" font-weight=\"bold\" font-size=\"{FONT}\">{}</text>\n",
            x + GAP,
            y + TITLE,
            escaped(title)
        ));
        out.push_str(&format!(
            "<svg x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{}\">\n",
            y + TITLE,
            drawing.width,
            drawing.height
        ));
        out.push_str(&own_names(&drawing.inside, number));
        out.push_str("</svg>\n");
        y += own;
        height = height.max(y);
    }
    document(x + column, height, &out)
}

fn document(width: f64, height: f64, inside: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0}\" height=\"{:.0}\" viewBox=\"0 0 {width:.0} {height:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{inside}</svg>\n",
        width * SCALE,
        height * SCALE
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The names a part refers to itself by (arrow heads, fonts), told apart from the other parts'.
fn own_names(part: &str, number: usize) -> String {
    ["startarrow", "endarrow"].iter().fold(part.to_owned(), |text, name| text.replace(name, &format!("{name}{number}")))
}
