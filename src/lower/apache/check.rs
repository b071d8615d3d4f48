//! What the directive table alone can say against a line: unknown names, wrong place, wrong number of words.

use super::conditional::NEWEST;
use super::load::{Line, Loaded};
use super::words::Arg;
use crate::ir::{Effect, Reach, Refusal};
use crate::lower::Version;
use crate::lower::directives::{self, Entry};
use crate::source::{Sources, Span};
use rustc_hash::FxHashSet;

mod arity;
#[cfg(test)]
mod tests;

/// What `AllowOverride` says of a `.htaccess`: the classes of directives it gives, and what it forgives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Override(pub u8);

impl Override {
    /// `AllowOverride None`.
    pub const NONE: Self = Self(0);
    /// `AuthConfig`.
    pub const AUTH_CONFIG: Self = Self(1);
    /// `FileInfo`.
    pub const FILE_INFO: Self = Self(2);
    /// `Indexes`.
    pub const INDEXES: Self = Self(4);
    /// `Limit`.
    pub const LIMIT: Self = Self(8);
    /// `Options`.
    pub const OPTIONS: Self = Self(16);
    /// `AllowOverride All`.
    pub const ALL: Self = Self(31);

    /// `Nonfatal=Override`: a directive that is not allowed is left out.
    pub const NONFATAL_OVERRIDE: Self = Self(32);
    /// `Nonfatal=Unknown`: a directive that nobody knows is left out.
    pub const NONFATAL_UNKNOWN: Self = Self(64);
    /// `Nonfatal=All`.
    pub const NONFATAL_ALL: Self = Self(96);

    /// Whether any class of `other` is in it.
    pub fn allows(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both together.
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The kind of file that is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The server's configuration, or a fragment of it.
    Server,
    /// A `.htaccess`, under an `AllowOverride` and the single names of `AllowOverrideList` (lower case).
    Htaccess {
        /// The classes allowed.
        allow: Override,
        /// Directives allowed by name.
        list: Vec<Box<[u8]>>,
    },
}

/// What the table says against a file.
#[derive(Debug, Default)]
pub struct Checked {
    /// In reading order.
    pub refusals: Vec<Refusal>,
    /// The heads of the lines that `Nonfatal` has left out.
    pub left_out: FxHashSet<Span>,
}

/// Holds every line against the table.
pub fn check(loaded: &Loaded, sources: &Sources, frame: &Frame) -> Checked {
    let blind = loaded.notes.iter().any(|note| note.effect == Effect::May && is_include(&note.directive));
    let mut checker = Checker { loaded, sources, frame, blind, found: Checked::default(), around: Vec::new() };
    checker.lines(&loaded.lines, frame.context());
    checker.found
}

/// Where a line stands, as the table calls it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Server,
    VirtualHost,
    Directory,
    Htaccess,
}

impl Frame {
    fn context(&self) -> Context {
        match self {
            Self::Server => Context::Server,
            Self::Htaccess { .. } => Context::Htaccess,
        }
    }
}

impl Context {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::VirtualHost => "virtual-host",
            Self::Directory => "directory",
            Self::Htaccess => "htaccess",
        }
    }

    /// The context inside a section.
    fn inside(self, name: &[u8]) -> Self {
        match (self, name) {
            (Self::Htaccess, _) => Self::Htaccess,
            (Self::Server, b"virtualhost") => Self::VirtualHost,
            _ => Self::Directory,
        }
    }
}

/// Why a section may not stand inside another (server/core.c `filesection`).
fn nested(name: &[u8], around: &[Box<[u8]>]) -> Option<String> {
    let shown = match name {
        b"files" => "<Files>",
        b"filesmatch" => "<FilesMatch>",
        _ => return None,
    };
    let outer = around.iter().rev().find_map(|outer| match &**outer {
        b"location" => Some("<Location>"),
        b"locationmatch" => Some("<LocationMatch>"),
        b"limit" | b"limitexcept" => Some("<Limit> or <LimitExcept>"),
        _ => None,
    })?;
    Some(format!("{shown} cannot occur within {outer} section"))
}

struct Checker<'a> {
    loaded: &'a Loaded,
    sources: &'a Sources,
    frame: &'a Frame,
    /// Whether included files could not be seen: they may load modules.
    blind: bool,
    found: Checked,
    /// The sections around the line, outer ones first.
    around: Vec<Box<[u8]>>,
}

impl Checker<'_> {
    fn lines(&mut self, lines: &[Line], context: Context) {
        let mut after_if = false;
        for line in lines {
            if self.loaded.templates.contains(&line.head.file) {
                continue;
            }
            let checked = self.line(line, context);
            if matches!(&*line.name, b"else" | b"elseif") && line.is_section() && !after_if {
                let message = "<Else> or <ElseIf> section without previous <If> or <ElseIf> section in same scope";
                self.refuse(line.head, message.to_owned(), "put it directly behind its `<If>`");
            }
            after_if |= line.is_section() && matches!(&*line.name, b"if" | b"elseif");
            if let (Some(block), true) = (&line.block, checked) {
                self.around.push(line.name.to_ascii_lowercase().into());
                self.lines(block, context.inside(&line.name));
                self.around.pop();
            }
        }
    }

    /// Checks one line; whether its content can be judged.
    fn line(&mut self, line: &Line, context: Context) -> bool {
        let mut entries = directives::apache().get(&line.name).filter(|entry| entry.block == line.is_section());
        if entries.clone().any(|entry| entry.third_party) || (entries.clone().next().is_none() && is_family(&line.name))
        {
            return false;
        }
        if *line.name == *b"error" && !line.is_section() {
            let message = String::from_utf8_lossy(line.args(self.sources)).trim_matches(['"', '\'']).to_owned();
            self.refuse(line.head, message, "the configuration stops itself here");
            return true;
        }
        let version = self.loaded.version.unwrap_or(NEWEST);
        let known = entries.clone().any(|entry| entry.known_to(Some(version)) && self.is_loaded(entry));
        if !known {
            if !self.forgives(Override::NONFATAL_UNKNOWN, line) {
                self.unknown(line, version);
            }
            return false;
        }
        let entry = entries.clone().find(|entry| entry.stands_in(context.name())).or_else(|| entries.next());
        let Some(entry) = entry else { return false };
        if let Some((message, help)) = self.misplaced(entry, line, context) {
            if self.forgives(Override::NONFATAL_OVERRIDE, line) {
                return false;
            }
            self.refuse(name_span(line), message, &help);
            return true;
        }
        if let Some(message) = nested(&line.name, &self.around) {
            self.refuse(name_span(line), message, "put it outside");
            return true;
        }
        if let Some(message) = arity::wrong(entry.args, &line.words(self.sources), line.args(self.sources)) {
            let help = format!("{}; put a value with blanks in quotes", arity::wanted(entry.args));
            self.refuse(line.head, format!("{} {message}", tag(&entry.name, line)), &help);
        }
        true
    }

    /// Whether `Nonfatal` leaves a line out that is wrong in this way.
    fn forgives(&mut self, wrong: Override, line: &Line) -> bool {
        let forgiven = matches!(self.frame, Frame::Htaccess { allow, .. } if allow.allows(wrong));
        if forgiven {
            self.found.left_out.insert(line.head);
        }
        forgiven
    }

    /// Whether the module that brings a directive is there, as far as the configuration tells.
    fn is_loaded(&self, entry: &Entry) -> bool {
        const MPM: [&str; 3] = ["event.c", "prefork.c", "worker.c"];
        let modules = &self.loaded.modules;
        !modules.is_explicit()
            || self.blind
            || MPM.contains(&entry.module.as_str())
            || modules.is_loaded(entry.module.as_bytes())
    }

    /// An unknown name. A module from elsewhere may bring any, so that nothing is said where one is loaded.
    fn unknown(&mut self, line: &Line, version: Version) {
        if self.loaded.modules.has_foreign() {
            return;
        }
        let name = self.written(line);
        let message = format!(
            "Invalid command '{}', perhaps misspelled or defined by a module not included in the server configuration",
            tag(&name, line)
        );
        let help = unknown_help(line, &name, version);
        self.refuse(name_span(line), message, &help);
    }

    /// Why a known directive may not stand here.
    fn misplaced(&self, entry: &Entry, line: &Line, context: Context) -> Option<(String, String)> {
        let shown = tag(&entry.name, line);
        if !entry.stands_in(context.name()) {
            let places = entry.contexts.join(", ");
            let message = match context {
                Context::VirtualHost if entry.stands_in("server") => {
                    format!("{shown} cannot occur within <VirtualHost> section")
                }
                _ => format!("{shown} not allowed here"),
            };
            return Some((message, format!("it may stand in: {places}")));
        }
        let Frame::Htaccess { allow, list } = self.frame else { return None };
        let classes = entry.allow.iter().fold(Override::NONE, |all, class| all.with(class_of(class)));
        let allowed = entry.allow.is_empty() || allow.allows(classes) || list.iter().any(|name| **name == *line.name);
        let help = || format!("it needs `AllowOverride {}` for this folder", entry.allow.join("` or `"));
        (!allowed).then(|| (format!("{shown} not allowed here"), help()))
    }

    /// The name as the user wrote it.
    fn written(&self, line: &Line) -> String {
        let head = self.sources.text(line.head);
        let head = head.strip_prefix(b"<").unwrap_or(head);
        let name = head.get(..line.name.len()).filter(|name| name.eq_ignore_ascii_case(&line.name));
        String::from_utf8_lossy(name.unwrap_or(&line.name)).into_owned()
    }

    fn refuse(&mut self, span: Span, message: String, help: &str) {
        self.found.refusals.push(Refusal { span, message, help: Some(help.to_owned()), reach: Reach::Server });
    }
}

/// Whether a name begins like all of a well-known module's from elsewhere, which has more of them than the table.
fn is_family(name: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 14] = [
        b"perl",
        b"wsgi",
        b"gssapi",
        b"php_",
        b"passenger",
        b"modpagespeed",
        b"oidc",
        b"mellon",
        b"shib",
        b"geoip",
        b"auth_memcookie",
        b"fcgid",
        b"sec",
        b"jk",
    ];
    BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

fn is_include(name: &str) -> bool {
    name.eq_ignore_ascii_case("include") || name.eq_ignore_ascii_case("includeoptional")
}

/// A name as httpd's messages have it: `<` in front of a section's.
fn tag(name: &str, line: &Line) -> String {
    if line.is_section() { format!("<{name}") } else { name.to_owned() }
}

/// The name's place in the file; it is the head's beginning.
fn name_span(line: &Line) -> Span {
    let end = line.head.start + line.name.len() as u32 + u32::from(line.is_section());
    Span { end: end.min(line.head.end), ..line.head }
}

fn class_of(name: &str) -> Override {
    match name {
        "AuthConfig" => Override::AUTH_CONFIG,
        "FileInfo" => Override::FILE_INFO,
        "Indexes" => Override::INDEXES,
        "Limit" => Override::LIMIT,
        "Options" => Override::OPTIONS,
        _ => Override::NONE,
    }
}

fn unknown_help(line: &Line, name: &str, version: Version) -> String {
    let table = directives::apache();
    let number = |version: Version| format!("{}.{}.{}", version.0, version.1, version.2);
    if let Some(entry) = table.get(&line.name).find(|entry| entry.block == line.is_section()) {
        return match (entry.since, entry.until) {
            (Some(since), _) if version < since => format!("it needs httpd {} or newer", number(since)),
            (_, Some(until)) if version >= until => format!("remove it: httpd {} no longer knows it", number(until)),
            _ => format!("load `{}`, or put it in `<IfModule {}>`", entry.module, entry.module),
        };
    }
    if table.knows(&line.name) {
        let other =
            if line.is_section() { format!("write `{name}` without `<`") } else { format!("write `<{name} …>`") };
        return format!("{other}, as it is {} section", if line.is_section() { "no" } else { "a" });
    }
    let named = table.entries().iter().filter(|entry| entry.block == line.is_section());
    let lower = name.to_ascii_lowercase();
    let distance = |entry: &Entry| strsim::damerau_levenshtein(&entry.name.to_ascii_lowercase(), &lower);
    // Names are short; a long one is no misspelling, and comparing it would take time.
    let close = (lower.len() <= 40).then(|| named.map(|entry| (distance(entry), &entry.name)).min()).flatten();
    match close {
        Some((distance, close)) if distance <= 2 && name.len() > 3 => format!("did you mean `{close}`?"),
        _ => "correct the name, or load the module that knows it".to_owned(),
    }
}
