//! `redirlint graph`: the redirects of a configuration as a picture.
//!
//! A node is a source as the configuration spells it, or a target that no source answers for. What leads where is
//! told by the analysis, which followed requests; a redirect that leads nowhere inside gets its target as a node.

use super::args::{GraphArgs, GraphFormat};
use super::deeds;
use super::input::{self, Loaded};
use super::{Exit, Stop};
use crate::analysis::Facts;
use crate::analysis::graph::{Shape, Walk};
use crate::analysis::routes::{Does, Route, RouteId};
use crate::analysis::target::{Host, TargetView};
use crate::ir::site::SiteName;
use crate::ir::template::Part;
use crate::report::graph::{Edge, Fate, Graph, Node, dot, json, mermaid, page, picture};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// Runs the command.
///
/// # Errors
/// A configuration that cannot be read, or output that cannot be written.
pub fn run(args: &GraphArgs, out: &mut dyn Write) -> Result<Exit, Stop> {
    let loaded = input::load_one(&args.path, &args.shared)?;
    let graph = of(&loaded);
    let failed = |error: String| Stop::Told(format!("cannot draw the graph: {error}"));
    let text = match args.format {
        GraphFormat::Dot => dot::render(&graph),
        GraphFormat::Mermaid => mermaid::render(&graph),
        GraphFormat::Svg => picture::render(&graph),
        GraphFormat::Html => page::render(&graph, &title(&args.path)).map_err(|error| failed(error.to_string()))?,
        GraphFormat::Json => json::render(&graph).map_err(|error| failed(error.to_string()))?,
    };
    writeln!(out, "{}", text.trim_end())?;
    Ok(Exit::Clean)
}

/// The path as a heading: the folder's own name for `.`.
fn title(path: &std::path::Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let named = path.file_name().is_some() || path.as_os_str() == "-";
    let shown = if named { path } else { absolute.file_name().map_or(path, std::path::Path::new) };
    shown.display().to_string()
}

/// Where the redirects of a configuration lead.
pub fn of(loaded: &Loaded) -> Graph {
    Drawer::new(loaded).draw()
}

struct Drawer<'a> {
    loaded: &'a Loaded,
    facts: Facts<'a>,
    graph: Graph,
    places: BTreeMap<(String, String), usize>,
    /// What was drawn: from, to, directive.
    drawn: BTreeSet<(usize, usize, Span)>,
}

impl<'a> Drawer<'a> {
    fn new(loaded: &'a Loaded) -> Self {
        let (places, drawn) = (BTreeMap::new(), BTreeSet::new());
        Self { loaded, facts: loaded.facts(), graph: Graph::default(), places, drawn }
    }

    fn draw(mut self) -> Graph {
        let loaded = self.loaded;
        let facts = loaded.facts();
        let mut led: BTreeSet<RouteId> = BTreeSet::new();
        for walk in facts.walks() {
            self.walk(&facts, walk, &mut led);
        }
        for route in &facts.routes().all {
            let leads = matches!(route.does, Does::Redirect { .. } | Does::Rewrite { .. }) && route.enabled;
            if leads && !led.contains(&route.id) {
                self.alone(route);
            }
        }
        self.tables(&facts);
        self.graph
    }

    /// The redirects of a walk that lead to another redirect.
    fn walk(&mut self, facts: &Facts<'_>, walk: &Walk, led: &mut BTreeSet<RouteId>) {
        let looping = matches!(walk.shape, Shape::Loop(_) | Shape::Growing | Shape::Endless);
        let circle = match walk.shape {
            Shape::Loop(at) => at,
            _ => 0,
        };
        let get = |id: &Option<RouteId>| id.and_then(|id| facts.routes().get(id));
        let routes: Vec<_> = walk.routes.iter().map(get).collect();
        let mut pairs: Vec<(usize, &Route<'_>, &Route<'_>)> = Vec::new();
        for (at, pair) in routes.windows(2).enumerate() {
            if let [Some(from), Some(to)] = pair {
                pairs.push((at, from, to));
            }
        }
        if let (Shape::Loop(back), Some(Some(last))) = (walk.shape, routes.last())
            && let Some(Some(first)) = routes.get(back)
        {
            pairs.push((routes.len() - 1, last, first));
        }
        for (at, from, to) in pairs.into_iter().filter(|(_, from, to)| from.is_redirect() && to.is_redirect()) {
            let (start, end) = (self.source(from), self.source(to));
            let within = looping && at >= circle;
            self.fate(start, if within { Fate::Loop } else { Fate::Start });
            self.fate(end, if looping { Fate::Loop } else { Fate::Chain });
            self.edge(start, end, from);
            led.insert(from.id);
        }
    }

    fn alone(&mut self, route: &Route<'_>) {
        let Some(view) = route.target() else { return };
        let from = self.source(route);
        self.fate(from, Fate::Start);
        let to = self.target(view);
        self.edge(from, to, route);
    }

    /// Entries of tables whose values are sent.
    fn tables(&mut self, facts: &Facts<'_>) {
        let looks_up = |route: &&Route<'_>| {
            let parts = route.target().map(|view| view.template.parts.as_ref()).unwrap_or_default();
            let parts: &[Part] = parts;
            parts.iter().any(|part| matches!(part, Part::Lookup { .. } | Part::Variable(_)))
        };
        let status = facts.routes().redirects().find(looks_up).and_then(Route::status);
        for (key, value, span) in crate::analysis::graph::table_paths(facts) {
            let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let from = self.node(String::new(), lossy(key));
            self.fate(from, Fate::Start);
            let to = self.place(&lossy(value));
            self.push(from, to, status, span, String::new());
        }
    }

    fn edge(&mut self, from: usize, to: usize, route: &Route<'_>) {
        let conditions: BTreeSet<String> = route.guards.iter().map(|guard| self.words(guard.span)).collect();
        let conditions: Vec<String> = conditions.into_iter().filter(|words| !words.is_empty()).collect();
        self.push(from, to, route.status(), route.span, conditions.join("; "));
    }

    fn push(&mut self, from: usize, to: usize, status: Option<u16>, span: Span, condition: String) {
        if !self.drawn.insert((from, to, span)) {
            return;
        }
        let file = self.loaded.sources.file(span.file).path().display().to_string();
        let line = self.loaded.sources.position(span).line;
        self.graph.edges.push(Edge { from, to, status, file, line, condition });
    }

    /// The first line of what is written there.
    fn words(&self, span: Span) -> String {
        self.facts.text(span).lines().next().unwrap_or_default().trim_end_matches(['{', ' ']).to_owned()
    }

    fn source(&mut self, route: &Route<'_>) -> usize {
        let sites = &self.loaded.lowered.program.sites;
        let several = sites.len() > 1;
        let name = sites.get(route.site.0 as usize).filter(|_| several).and_then(|site| {
            site.names.iter().find_map(|name| match name {
                SiteName::Exact(name) => Some(String::from_utf8_lossy(name).into_owned()),
                _ => None,
            })
        });
        self.node(name.unwrap_or_default(), deeds::place(route))
    }

    fn target(&mut self, view: &TargetView<'_>) -> usize {
        match &view.host {
            Host::Fixed(_) => self.place(&deeds::target(view)),
            _ => {
                let to = self.node(String::new(), deeds::target(view));
                self.fate(to, Fate::End);
                to
            }
        }
    }

    /// A target by its text; one on a host that is not the site's own leads away.
    fn place(&mut self, text: &str) -> usize {
        let Some((scheme, rest)) = text.split_once("://") else {
            let to = self.node(String::new(), text.to_owned());
            self.fate(to, Fate::End);
            return to;
        };
        let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        if self.is_own(host) {
            let to = self.node(
                if self.loaded.lowered.program.sites.len() > 1 { host.to_owned() } else { String::new() },
                path.to_owned(),
            );
            self.fate(to, Fate::End);
            return to;
        }
        let to = self.node(format!("{scheme}://{host}"), path.to_owned());
        self.fate(to, Fate::Away);
        to
    }

    fn is_own(&self, host: &str) -> bool {
        let named = self.loaded.options.host.iter().chain(&self.facts.knobs.hosts);
        let exact =
            |name: &SiteName| matches!(name, SiteName::Exact(name) if name.eq_ignore_ascii_case(host.as_bytes()));
        let mut sites = self.loaded.lowered.program.sites.iter();
        named.into_iter().any(|name| name.eq_ignore_ascii_case(host)) || sites.any(|site| site.names.iter().any(exact))
    }

    fn node(&mut self, host: String, label: String) -> usize {
        let nodes = &mut self.graph.nodes;
        *self.places.entry((host.clone(), label.clone())).or_insert_with(|| {
            nodes.push(Node { label, host, fate: Fate::End });
            nodes.len() - 1
        })
    }

    /// Notes what becomes of a request there; the worst counts, and where one starts it does not end.
    fn fate(&mut self, at: usize, fate: Fate) {
        if let Some(node) = self.graph.nodes.get_mut(at) {
            node.fate = match (node.fate, fate) {
                (Fate::End, fate) => fate,
                (Fate::Start, Fate::End) => Fate::Start,
                (old, new) => old.min(new),
            };
        }
    }
}
