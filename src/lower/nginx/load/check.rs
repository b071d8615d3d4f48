//! What the parser and the directive table alone can tell: would nginx load this?
//!
//! nginx checks a directive when it meets its `;` or `{`, and stops at the first thing wrong. Refusals are therefore
//! collected in that order, syntax errors between them.

use super::super::super::Options;
use super::super::super::directives::{self, Args, Entry};
use super::{Context, DEEPEST, Level, Loaded, node};
use crate::ir::{Effect, Note, Reach, Refusal};
use crate::source::{Sources, Span};
use crate::syntax::{Directive, Item};
use std::collections::{HashMap, HashSet};

/// Refusals behind the first are for comfort only.
const MOST_REFUSALS: usize = 100;

/// What was found.
#[derive(Default)]
pub struct Found {
    /// In nginx's order.
    pub refusals: Vec<Refusal>,
    /// Directives of third-party modules, one note for each name.
    pub notes: Vec<Note>,
}

/// Items still to be checked: of a block, or of an included file.
struct Frame<'a> {
    items: std::slice::Iter<'a, Item>,
    tree: usize,
    context: Context,
    depth: usize,
    /// Whether these are all items of a file.
    whole_file: bool,
}

struct Checker<'a> {
    loaded: &'a Loaded,
    sources: &'a Sources,
    options: &'a Options,
    problems: HashMap<Span, Refusal>,
    found: Found,
    frames: Vec<Frame<'a>>,
    /// Per tree: how many of its syntax errors were reported.
    reported: Vec<usize>,
    /// Per open block: the directives seen that may stand there only once.
    seen: Vec<HashSet<&'static str>>,
    noted: HashSet<&'static str>,
    /// Whether the level is no guess: a whole configuration, or one that has `server` blocks.
    certain: bool,
}

/// Checks everything that was loaded.
pub fn check(loaded: &Loaded, sources: &Sources, options: &Options, problems: HashMap<Span, Refusal>) -> Found {
    let mut checker = Checker {
        loaded,
        sources,
        options,
        problems,
        found: Found::default(),
        frames: Vec::new(),
        reported: vec![0; loaded.trees.len()],
        seen: vec![HashSet::new()],
        noted: HashSet::new(),
        certain: level_is_certain(loaded, sources),
    };
    checker.enter_file(0, loaded.level.context(), 0);
    while checker.step() {}
    checker.found
}

impl<'a> Checker<'a> {
    fn enter_file(&mut self, tree: usize, context: Context, depth: usize) {
        if let Some(items) = self.loaded.trees.get(tree).map(|tree| tree.items.iter()) {
            self.frames.push(Frame { items, tree, context, depth, whole_file: true });
        }
    }

    fn step(&mut self) -> bool {
        let Some(frame) = self.frames.last_mut() else { return false };
        let (tree, context, depth) = (frame.tree, frame.context, frame.depth);
        match frame.items.next() {
            None => {
                if frame.whole_file {
                    self.syntax_errors(tree, usize::MAX);
                } else {
                    self.seen.pop();
                }
                self.frames.pop();
            }
            Some(Item::Directive(directive)) => self.directive(directive, tree, context, depth),
            Some(_) => {}
        }
        self.found.refusals.len() < MOST_REFUSALS
    }

    /// Reports the syntax errors of a file that nginx meets before a place.
    fn syntax_errors(&mut self, tree: usize, before: usize) {
        let (Some(reported), Some(errors)) =
            (self.reported.get_mut(tree), self.loaded.trees.get(tree).map(|tree| &tree.errors))
        else {
            return;
        };
        while let Some(error) = errors.get(*reported).filter(|error| (error.span.start as usize) < before) {
            *reported += 1;
            let (span, message, help) = (error.span, error.message.clone(), error.help.clone());
            self.found.refusals.push(Refusal { span, message, help, reach: Reach::Server });
        }
    }

    fn directive(&mut self, directive: &'a Directive, tree: usize, context: Context, depth: usize) {
        let source = self.sources.file(directive.span.file).bytes();
        self.syntax_errors(tree, directive.rest.end as usize);
        if let Some(problem) = self.problems.remove(&directive.span) {
            self.found.refusals.push(problem);
        }
        let name = directive.name.value(source);
        let free = matches!(context, Context::Body | Context::Unknown);
        if !free && !directive.name.span.is_empty() && node::terminated(directive, source) {
            self.checked(directive, name, context, depth);
        }
        if let Some(files) = self.loaded.includes.get(&directive.span) {
            files.iter().rev().for_each(|&file| self.enter_file(file, context, depth));
        } else if let Some(block) = &directive.block {
            if depth >= DEEPEST {
                let message = format!("blocks are nested deeper than {DEEPEST}");
                return self.refuse(directive.name.span, message, "redirlint reads no further; neither should anybody");
            }
            self.seen.push(HashSet::new());
            let context = context.inside(name);
            self.frames.push(Frame { items: block.items.iter(), tree, context, depth: depth + 1, whole_file: false });
        }
    }

    /// The checks of the table, in nginx's order; the first that fails is reported.
    fn checked(&mut self, directive: &Directive, name: &[u8], context: Context, depth: usize) {
        let shown = String::from_utf8_lossy(name);
        let span = directive.name.span;
        let Some(entry) = self.entry(name, context) else {
            let fragment = depth == 0 && !self.certain;
            return match known(name, self.options) {
                false => self.refuse(span, format!("unknown directive \"{shown}\""), &unknown_help(name, self.options)),
                true if fragment => {}
                true => self.refuse(span, format!("\"{shown}\" directive is not allowed here"), &place_help(name)),
            };
        };
        if entry.third_party {
            return self.note_third_party(directive, entry);
        }
        let has_block = directive.block.is_some();
        if has_block && !entry.block {
            let help = "end it with `;`: it takes no block";
            return self.refuse(span, format!("directive \"{shown}\" is not terminated by \";\""), help);
        }
        if !has_block && entry.block {
            let help = "give it a block: `{ … }`";
            return self.refuse(span, format!("directive \"{shown}\" has no opening \"{{\""), help);
        }
        if !entry.args.accepts(directive.args.len()) {
            let help = format!("it takes {}, not {}", count(entry.args), directive.args.len());
            return self.refuse(
                directive.head(),
                format!("invalid number of arguments in \"{shown}\" directive"),
                &help,
            );
        }
        let first = self.seen.last_mut().is_none_or(|seen| seen.insert(entry.name.as_str()));
        if entry.once && !first {
            return self.refuse(span, format!("\"{shown}\" directive is duplicate"), "keep one of the two");
        }
        self.check_flag(directive, entry);
    }

    fn check_flag(&mut self, directive: &Directive, entry: &Entry) {
        let Some(word) = directive.args.first().filter(|_| entry.args == Args::Flag) else { return };
        let value = word.value(self.sources.file(word.span.file).bytes());
        if value.eq_ignore_ascii_case(b"on") || value.eq_ignore_ascii_case(b"off") {
            return;
        }
        let value = String::from_utf8_lossy(value);
        let message =
            format!("invalid value \"{value}\" in \"{}\" directive, it must be \"on\" or \"off\"", entry.name);
        self.refuse(word.span, message, "write `on` or `off`");
    }

    fn entry(&self, name: &[u8], context: Context) -> Option<&'static Entry> {
        let known = |entry: &&Entry| entry.known_to(self.options.version);
        let mut entries = directives::nginx().get(name).filter(known);
        entries
            .clone()
            .find(|entry| entry.stands_in(context.name()))
            .or_else(|| entries.find(|entry| entry.third_party))
    }

    fn note_third_party(&mut self, directive: &Directive, entry: &'static Entry) {
        if self.noted.insert(entry.name.as_str()) {
            let effect = if entry.effect == directives::Effect::None { Effect::None } else { Effect::May };
            let reason = format!("of `{}`, which a stock nginx does not have", entry.module);
            self.found.notes.push(Note { span: directive.head(), directive: entry.name.clone(), effect, reason });
        }
    }

    fn refuse(&mut self, span: Span, message: String, help: &str) {
        self.found.refusals.push(Refusal { span, message, help: Some(help.to_owned()), reach: Reach::Server });
    }
}

fn level_is_certain(loaded: &Loaded, sources: &Sources) -> bool {
    let has_server =
        || loaded.roots(sources).any(|node| node.has_block() && node.context.inside(node.name()) == Context::Server);
    loaded.level == Level::Main || (loaded.level == Level::Http && has_server())
}

fn known(name: &[u8], options: &Options) -> bool {
    directives::nginx().get(name).any(|entry| entry.known_to(options.version))
}

fn unknown_help(name: &[u8], options: &Options) -> String {
    let table = directives::nginx();
    if let Some(entry) = table.get(name).next() {
        let version = |version: super::super::super::Version| format!("{}.{}.{}", version.0, version.1, version.2);
        return match (entry.since, entry.until) {
            // Without it the server would answer in the clear.
            (_, Some(until)) if name == b"ssl" && !entry.known_to(options.version) => format!(
                "write `ssl` in `listen` instead (`listen 443 ssl;`): nginx {} and newer no longer know it",
                version(until)
            ),
            (_, Some(until)) if !entry.known_to(options.version) && entry.since.is_none() => {
                format!("remove it: nginx {} and newer no longer know it", version(until))
            }
            (Some(since), _) => format!("it needs nginx {} or newer", version(since)),
            _ => "remove it".to_owned(),
        };
    }
    let name = String::from_utf8_lossy(name);
    let close =
        table.entries().iter().map(|entry| (strsim::damerau_levenshtein(&entry.name, &name), &entry.name)).min();
    match close {
        Some((distance, close)) if distance <= 2 && name.len() > 3 => format!("did you mean `{close}`?"),
        _ => "correct the name, or load the module that knows it".to_owned(),
    }
}

fn place_help(name: &[u8]) -> String {
    let mut places: Vec<&str> = Vec::new();
    for context in directives::nginx().get(name).flat_map(|entry| &entry.contexts) {
        if !places.contains(&context.as_str()) {
            places.push(context);
        }
    }
    format!("it may stand in: {}", places.join(", "))
}

fn count(args: Args) -> String {
    match args {
        Args::Flag => "`on` or `off`".to_owned(),
        Args::Raw => "any arguments".to_owned(),
        Args::Either(few, many) => format!("{few} or {many} arguments"),
        Args::Count { min: 0, max: Some(0) } => "no arguments".to_owned(),
        Args::Count { min: 1, max: Some(1) } => "1 argument".to_owned(),
        Args::Count { min, max: Some(max) } if min == max => format!("{min} arguments"),
        Args::Count { min, max: Some(max) } => format!("{min} to {max} arguments"),
        Args::Count { min, max: None } => format!("{min} or more arguments"),
    }
}
