//! What the layout library draws on: its own SVG writer, with the size of what is really there.
//!
//! The writer takes the length of a text for its height, which leaves pictures mostly blank.

use layout::backends::svg::SVGWriter;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::StyleAttr;

/// Room around the outermost shapes.
const MARGIN: f64 = 12.0;

/// A drawing and how far it reaches.
#[derive(Default)]
pub struct Canvas {
    writer: SVGWriter,
    far: (f64, f64),
    /// Boxes, drawn after the lines, so that a long line passes behind them.
    boxes: Vec<(Point, Point, StyleAttr)>,
    /// Texts, drawn last: no line goes through them then.
    texts: Vec<(Point, String, StyleAttr)>,
}

/// A finished drawing: SVG markup without its outermost element, and its size.
pub struct Drawing {
    /// The markup.
    pub inside: String,
    /// Width, in the picture's units.
    pub width: f64,
    /// Height.
    pub height: f64,
}

impl Canvas {
    fn reach(&mut self, x: f64, y: f64) {
        self.far = (self.far.0.max(x), self.far.1.max(y));
    }

    /// What was drawn.
    pub fn finish(mut self) -> Drawing {
        for (xy, size, look) in &self.boxes {
            self.writer.draw_rect(*xy, *size, look, None, None);
        }
        for (xy, text, look) in &self.texts {
            self.writer.draw_text(*xy, text, look);
        }
        let svg = self.writer.finalize();
        let start = svg.find("<svg").and_then(|at| svg.get(at..)?.find('>').map(|end| at + end + 1)).unwrap_or(0);
        let end = svg.rfind("</svg>").unwrap_or(svg.len());
        let inside = svg.get(start..end).unwrap_or_default().to_owned();
        Drawing { inside, width: self.far.0 + MARGIN, height: self.far.1 + MARGIN }
    }
}

impl RenderBackend for Canvas {
    fn draw_rect(&mut self, xy: Point, size: Point, look: &StyleAttr, _: Option<String>, _: Option<ClipHandle>) {
        self.reach(xy.x + size.x, xy.y + size.y);
        self.boxes.push((xy, size, look.clone()));
    }

    fn draw_line(&mut self, start: Point, stop: Point, look: &StyleAttr, more: Option<String>) {
        self.reach(start.x.max(stop.x), start.y.max(stop.y));
        self.writer.draw_line(start, stop, look, more);
    }

    fn draw_circle(&mut self, xy: Point, size: Point, look: &StyleAttr, more: Option<String>) {
        self.reach(xy.x + size.x / 2.0, xy.y + size.y / 2.0);
        self.writer.draw_circle(xy, size, look, more);
    }

    fn draw_text(&mut self, xy: Point, text: &str, look: &StyleAttr) {
        self.reach(xy.x, xy.y + look.font_size as f64);
        self.texts.push((xy, text.to_owned(), look.clone()));
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        head: (bool, bool),
        look: &StyleAttr,
        more: Option<String>,
        text: &str,
    ) {
        for (one, other) in path {
            self.reach(one.x.max(other.x), one.y.max(other.y));
        }
        self.writer.draw_arrow(path, dashed, head, look, more, text);
    }

    fn create_clip(&mut self, xy: Point, size: Point, rounded: usize) -> ClipHandle {
        self.writer.create_clip(xy, size, rounded)
    }
}
