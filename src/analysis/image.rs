//! The path of a target as a function of the request's path, and backwards: which request leads to this path.
//!
//! A proposal only: what a server escapes or normalises on the way is left to the evaluator, which has the last word.

use super::expression::{self, Choices, Kind, Node};
use super::language::Language;
use super::routes::{PathKind, PathPattern, PathTest, Route, group_named};
use super::target::{Piece, Place};
use super::witness::fits;
use crate::ir::Program;
use crate::ir::clause::Store;
use crate::ir::pattern::Regex;
use crate::ir::template::{Attribute, Part};
use crate::pcre;
use std::cell::OnceCell;

/// Targets of more pieces are not solved.
const MAX_STEPS: usize = 400;

/// The paths a redirect leads to.
pub struct Image<'f, 'a> {
    route: &'f Route<'a>,
    steps: Vec<Step>,
    /// The expression whose groups the steps mean, with its tree.
    source: Option<(&'a Regex, Node)>,
    backwards: OnceCell<Option<Backwards>>,
    language: OnceCell<Option<Language>>,
}

/// The target as an expression: what it holds in place of each step is a group.
struct Backwards {
    expression: pcre::Regex,
    /// The steps that are no fixed byte, with the groups that stand for them.
    holes: Vec<(usize, usize)>,
}

/// A piece of the path a target leads to.
enum Step {
    Byte(u8),
    /// A group of the route's own expression.
    Group(u32),
    /// The request's path as it is.
    Path,
    /// What stands behind the matched prefix.
    Rest,
}

impl Step {
    fn byte(&self) -> Option<u8> {
        match self {
            Self::Byte(byte) => Some(*byte),
            _ => None,
        }
    }
}

impl<'f, 'a> Image<'f, 'a> {
    /// The image of a redirect; `None` where the path is made of something else than the request's.
    pub fn of(route: &'f Route<'a>, program: &Program) -> Option<Self> {
        let target = route.target()?;
        let source = own(route).and_then(|test| match test.pattern {
            PathPattern::Regex(regex) => Some((regex, expression::of(regex))),
            _ => None,
        });
        let mut steps: Vec<Step> = match (target.place, &route.mount) {
            (Place::Relative, Some(mount)) => mount.iter().map(|&byte| Step::Byte(byte)).collect(),
            (Place::Relative, None) => return None,
            _ => Vec::new(),
        };
        for piece in target.path() {
            match piece {
                // What follows is empty in the request that is looked for.
                Piece::Byte(b'?' | b'#') | Piece::Hole(Part::Attribute(Attribute::QueryMark | Attribute::Query)) => {
                    break;
                }
                Piece::Byte(byte) => steps.push(Step::Byte(byte)),
                Piece::Hole(part) => steps.push(step(part, source.as_ref(), program)?),
            }
        }
        if target.appends_rest {
            steps.push(Step::Rest);
        }
        let (backwards, language) = (OnceCell::new(), OnceCell::new());
        (steps.len() <= MAX_STEPS).then_some(Self { route, steps, source, backwards, language })
    }

    /// Every path it leads to, and perhaps some more; `None` where that is not regular.
    pub fn language(&self) -> Option<&Language> {
        self.language.get_or_init(|| self.make_language()).as_ref()
    }

    fn make_language(&self) -> Option<Language> {
        let mut all = Language::literal(b"");
        let literal = |a: &Step, b: &Step| matches!((a, b), (Step::Byte(_), Step::Byte(_)));
        for steps in self.steps.chunk_by(literal) {
            let one = match steps {
                [Step::Group(number)] => Language::of_piece(self.group(*number)?).unwrap_or_else(Language::all),
                [Step::Path] => self.route.language()?,
                [Step::Rest] => Language::all(),
                bytes => Language::literal(&bytes.iter().filter_map(Step::byte).collect::<Vec<_>>()),
            };
            all = all.then(&one)?;
        }
        Some(all)
    }

    /// A path that the route takes and leads to the wanted one. Not the wanted path itself: a move of the whole site to
    /// another host or scheme stands before every redirect of it, which is how it is meant.
    pub fn source_of(&self, wanted: &[u8]) -> Option<Vec<u8>> {
        let held = self.split(wanted)?;
        let path = if let Some(whole) = held.iter().find_map(|(step, text)| matches!(step, Step::Path).then_some(text))
        {
            whole.clone()
        } else {
            self.path_with(&held)?
        };
        (path != wanted && fits(self.route, &path)).then_some(path)
    }

    fn path_with(&self, held: &[(&Step, Vec<u8>)]) -> Option<Vec<u8>> {
        let test = own(self.route)?;
        let text = match (&test.pattern, &self.source) {
            (PathPattern::Segments(text) | PathPattern::Prefix(text), _) => {
                let rest = held.iter().find_map(|(step, text)| matches!(step, Step::Rest).then_some(text))?;
                [text, rest.as_slice()].concat()
            }
            (_, Some((_, tree))) => {
                let group = |(step, text): &(&Step, Vec<u8>)| match step {
                    Step::Group(number) => Some((*number, text.clone())),
                    _ => None,
                };
                let forced: Vec<_> = held.iter().filter_map(group).collect();
                expression::sample(tree, Choices { variant: 0, forced: &forced })
            }
            _ => return None,
        };
        match (test.on, &self.route.mount) {
            (PathKind::Relative, Some(mount)) => Some([mount, text.as_slice()].concat()),
            _ => Some(text),
        }
    }

    /// What each hole holds where the target is the wanted path.
    fn split(&self, wanted: &[u8]) -> Option<Vec<(&Step, Vec<u8>)>> {
        let Backwards { expression, holes } = self.backwards.get_or_init(|| self.make_backwards()).as_ref()?;
        let found = expression.find(wanted).ok()??;
        let held =
            holes.iter().map(|&(step, group)| Some((self.steps.get(step)?, wanted.get(found.get(group)?)?.to_vec())));
        held.collect()
    }

    fn make_backwards(&self) -> Option<Backwards> {
        let (mut text, mut holes, mut groups) = (b"^".to_vec(), Vec::new(), 0);
        for (at, step) in self.steps.iter().enumerate() {
            if let Step::Byte(byte) = step {
                text.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
                continue;
            }
            groups += 1;
            holes.push((at, groups));
            text.push(b'(');
            match step {
                Step::Group(number) => {
                    let (regex, node) = (self.source.as_ref()?.0, self.group(*number)?);
                    text.extend_from_slice(regex.text.get(node.start..node.end)?);
                    groups += node.walk().iter().filter(|node| matches!(node.kind, Kind::Group(Some(_), _))).count();
                }
                _ => text.extend_from_slice(b".*"),
            }
            text.push(b')');
        }
        text.push(b'$');
        let options = self.source.as_ref().map_or_else(pcre::Options::default, |(regex, _)| regex.options);
        // A named group inside may stand twice, which PCRE2 refuses: then nothing is proposed.
        Some(Backwards { expression: pcre::Regex::new(&text, options).ok()?, holes })
    }

    /// The inside of a group.
    fn group(&self, number: u32) -> Option<&Node> {
        match &self.source.as_ref()?.1.group(number)?.kind {
            Kind::Group(_, inner) => Some(inner),
            _ => None,
        }
    }
}

/// The test whose match the target is made from: the clause's own, else the nearest one around it.
fn own<'r, 'a>(route: &'r Route<'a>) -> Option<&'r PathTest<'a>> {
    route.paths.iter().rev().find(|test| !test.negated && test.on != PathKind::File)
}

fn step(part: &Part, source: Option<&(&Regex, Node)>, program: &Program) -> Option<Step> {
    match part {
        Part::Capture { store: Store::Pattern, group, .. } if *group > 0 => Some(Step::Group(u32::from(*group))),
        Part::Attribute(Attribute::Path | Attribute::RawTarget) => Some(Step::Path),
        Part::Variable(variable) => {
            let name = &program.variables.get(variable.0 as usize)?.name;
            group_named(source?.0, name).map(Step::Group)
        }
        _ => None,
    }
}
