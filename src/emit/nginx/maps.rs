//! The tables of the `http` level: allocated once each, with names that do not change from run to run.

use super::plan::{Key, Table};
use super::text::Text;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// What a table without a name of its own is: source, rows, and whether it is looked up at each use.
type Content = (Option<Text>, Vec<(Key, Text)>, bool);

/// Every table so far.
#[derive(Debug, Default)]
pub struct Maps {
    tables: Vec<Table>,
    by_name: FxHashMap<String, usize>,
    by_content: FxHashMap<Content, String>,
    counts: BTreeMap<String, usize>,
    flags: BTreeSet<String>,
}

/// What Apache sends of a path as it is, as a class.
pub const CLEAN: &[u8] = br"^[\w$.+!*'(),:;@&=/~-]*\z";

impl Maps {
    /// The variable of a table with these rows: an equal one is used again, else `stem_N` is made.
    pub fn get(&mut self, stem: &str, source: Text, rows: Vec<(Key, Text)>, volatile: bool) -> String {
        let content = (Some(source), rows, volatile);
        if let Some(name) = self.by_content.get(&content) {
            return name.clone();
        }
        let name = self.fresh(stem);
        let (source, rows, volatile) = content.clone();
        self.by_content.insert(content, name.clone());
        self.add(Table { note: None, source, name: name.clone(), volatile, rows });
        name
    }

    fn add(&mut self, table: Table) {
        self.by_name.insert(table.name.clone(), self.tables.len());
        self.tables.push(table);
    }

    /// A name that no table has: `stem_1`, `stem_2`…
    pub fn fresh(&mut self, stem: &str) -> String {
        let count = self.counts.entry(stem.to_owned()).or_default();
        *count += 1;
        format!("{stem}_{count}")
    }

    /// A variable that is `1` or empty, as a condition is looked at.
    pub fn flag(&mut self, stem: &str) -> String {
        let name = self.fresh(stem);
        self.flags.insert(name.clone());
        name
    }

    /// Whether the variable is `1` or empty, whatever the request.
    pub fn is_flag(&self, name: &str) -> bool {
        self.flags.contains(name)
    }

    /// The variable that is `1` for clients of these networks.
    pub fn networks(&mut self, networks: &[String]) -> String {
        let rows: Vec<_> =
            networks.iter().map(|net| (Key::Literal(net.clone().into_bytes()), Text::literal(b"1"))).collect();
        let content = (None, rows, false);
        if let Some(name) = self.by_content.get(&content) {
            return name.clone();
        }
        let name = self.flag("network");
        self.add(Table::geo(&name, content.1.clone()));
        self.by_content.insert(content, name.clone());
        name
    }

    /// Whether a variable is empty only where nothing has set it.
    pub fn tells_unset(&self, name: &str) -> bool {
        let table = self.by_name.get(name).and_then(|at| self.tables.get(*at));
        table.is_some_and(|table| table.rows.iter().all(|(_, value)| value.as_literal().is_some()))
    }

    /// Adds a table under a name of its own, unless it is there.
    pub fn named(&mut self, table: Table) {
        if !self.by_name.contains_key(&table.name) {
            self.add(table);
        }
    }

    /// The variable that holds a captured part of the path as Apache sends it. `raw` is the named group,
    /// `encoded` the variable set from its number, which nginx percent-encodes where the path was encoded.
    pub fn encoded_part(&mut self, raw: &str) -> String {
        let name = format!("{raw}_url");
        let mut table = Table::map(
            Text::variable(raw),
            &name,
            vec![
                (Key::Pattern(CLEAN.to_vec(), false), Text::variable(raw)),
                (Key::Default, Text::variable(&format!("{raw}_encoded"))),
            ],
        );
        table.note = Some(format!("${raw} as Apache sends it: percent-encoded only where it must be"));
        self.named(table);
        name
    }

    /// The variable that holds the whole path as Apache sends it.
    pub fn encoded_path(&mut self) -> String {
        let as_sent = vec![(Key::Pattern(b"^(?<path_only>[^?]*)".to_vec(), false), Text::variable("path_only"))];
        self.named(Table::map(Text::variable("request_uri"), "path_as_sent", as_sent));
        let mut table = Table::map(
            Text::variable("uri"),
            "path_url",
            vec![
                (Key::Pattern(CLEAN.to_vec(), false), Text::variable("uri")),
                (Key::Default, Text::variable("path_as_sent")),
            ],
        );
        table.note = Some("the path as Apache sends it: percent-encoded only where it must be".to_owned());
        self.named(table);
        "path_url".to_owned()
    }

    /// The variable that holds the query with its `?`, even where nothing follows it.
    pub fn query_as_sent(&mut self) -> String {
        let rows = vec![(Key::Pattern(br"(?<query_only>\?.*)".to_vec(), false), Text::variable("query_only"))];
        let mut table = Table::map(Text::variable("request_uri"), "query_as_sent", rows);
        table.note = Some("the query with its `?`, even where nothing follows it".to_owned());
        self.named(table);
        "query_as_sent".to_owned()
    }

    /// The variable that holds another one with each `%` written as `%25`, as Apache escapes a query it has
    /// changed; up to eight of them.
    pub fn percent_encoded(&mut self, of: &str) -> String {
        let name = format!("{of}_escaped");
        let mut rows = Vec::new();
        for count in 0..=8usize {
            let pattern = format!(r"^([^%]*){}\z", "%([^%]*)".repeat(count));
            let mut value = Text::variable("1");
            for group in 2..=count + 1 {
                value.push_literal(b"%25");
                value.push_variable(&group.to_string());
            }
            rows.push((Key::Pattern(pattern.into_bytes(), false), value));
        }
        rows.push((Key::Default, Text::variable(of)));
        let mut table = Table::map(Text::variable(of), &name, rows);
        table.note = Some(format!("${of} with `%` as `%25`"));
        self.named(table);
        name
    }

    /// `&` and the old query, or nothing: what follows a query of one's own.
    pub fn and_args(&mut self, escaped: bool) -> String {
        let (name, value) = if escaped {
            ("and_args_escaped", Text::variable(&self.percent_encoded("args")))
        } else {
            ("and_args", Text::variable("args"))
        };
        let mut text = Text::literal(b"&");
        text.append(&value);
        let rows = vec![(Key::Literal(Vec::new()), Text::default()), (Key::Default, text)];
        self.named(Table::map(Text::variable("args"), name, rows));
        name.to_owned()
    }

    /// Every table so far.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Every table, in the order in which they were made.
    pub fn into_tables(self) -> Vec<Table> {
        self.tables
    }
}
