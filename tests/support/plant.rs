//! Clean configurations of many shapes, and defects planted into them: drawn from `fixtures/plants`.

use super::check::{Files, PREFIX};
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use redirlint::lower::Dialect;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the fixtures hold.
pub struct Catalogue {
    shapes: Vec<Shape>,
    fillers: BTreeMap<String, Fillers>,
    pub kinds: Vec<Kind>,
}

/// A configuration with slots.
#[derive(Deserialize)]
struct Shape {
    name: String,
    dialect: String,
    files: serde_yaml::Mapping,
}

#[derive(Deserialize)]
struct Fillers {
    #[serde(default)]
    instead: BTreeMap<String, String>,
    blocks: BTreeMap<String, Vec<String>>,
}

/// A kind of defect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// The rule that has to find it.
    pub rule: String,
    /// What it is, in words.
    pub name: String,
    #[serde(rename = "in")]
    dialect: String,
    /// A part of the name of the shapes it fits; every shape with its slots where absent.
    #[serde(default)]
    shape: String,
    /// Whether the finding may be at other words than the planted ones.
    #[serde(default)]
    pub anywhere: bool,
    /// A rule that tells the same defect where it applies too.
    pub or: Option<String>,
    plant: Vec<Piece>,
}

/// One piece of a plant: `slot: text`, and what is there in the clean configuration.
#[derive(Deserialize)]
struct Piece {
    clean: Option<String>,
    /// Whether it stands in the clean configuration as it is.
    #[serde(default)]
    stays: bool,
    #[serde(flatten)]
    at: BTreeMap<String, String>,
}

impl Piece {
    fn at(&self) -> (&str, &str) {
        let (slot, text) = self.at.iter().next().expect("a slot");
        (slot, text)
    }
}

/// One drawn case: the same configuration without and with the defect.
pub struct Case {
    pub clean: Files,
    pub planted: Files,
    /// Where the planted words are.
    pub spots: Vec<(PathBuf, std::ops::Range<usize>)>,
}

impl Case {
    /// Whether the words of a file overlap planted ones.
    pub fn planted_at(&self, path: &Path, at: &std::ops::Range<usize>) -> bool {
        self.spots.iter().any(|(file, spot)| file == path && at.start < spot.end && spot.start < at.end)
    }
}

impl Catalogue {
    pub fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/plants");
        fn load<T: serde::de::DeserializeOwned>(path: &Path) -> T {
            serde_yaml::from_str(&std::fs::read_to_string(path).unwrap())
                .unwrap_or_else(|error| panic!("{path:?}: {error}"))
        }
        Self {
            shapes: load(&folder.join("shapes.yaml")),
            fillers: load(&folder.join("fillers.yaml")),
            kinds: load(&folder.join("kinds.yaml")),
        }
    }

    /// Draws a configuration with and without the defect.
    pub fn draw(&self, kind: &Kind, seed: u64) -> Case {
        let at = self.kinds.iter().position(|one| std::ptr::eq(one, kind)).unwrap_or_default();
        let mut dice = Dice::new(seed, at as u64);
        let fits = |shape: &&Shape| {
            let slots = kind.plant.iter().all(|piece| shape.has(piece.at().0));
            shape.dialect == kind.dialect && shape.name.contains(&kind.shape) && slots
        };
        let shapes: Vec<&Shape> = self.shapes.iter().filter(fits).collect();
        let shape = dice.pick(&shapes);
        let mut words = Words::default();
        let bodies = self.bodies(kind, shape, &mut words, &mut dice);
        let mut case = Case { clean: shape.empty(), planted: shape.empty(), spots: Vec::new() };
        for (path, text) in shape.texts() {
            let path = words.expand(path, &mut dice);
            let full =
                if shape.dialect == "htaccess" { format!("/srv/www/{path}") } else { format!("{PREFIX}/{path}") };
            let text = words.expand(text, &mut dice);
            case.clean.files.push((full.clone().into(), fill(&text, |slot| &bodies[slot].0)));
            let (text, spots) = without_marks(&fill(&text, |slot| &bodies[slot].1));
            case.planted.files.push((full.clone().into(), text));
            case.spots.extend(spots.into_iter().map(|spot| (full.clone().into(), spot)));
        }
        case
    }

    /// The text of every slot, clean and planted.
    fn bodies(
        &self,
        kind: &Kind,
        shape: &Shape,
        words: &mut Words,
        dice: &mut Dice,
    ) -> BTreeMap<String, (String, String)> {
        let fillers = &self.fillers[&shape.dialect];
        let mut bodies = BTreeMap::new();
        for slot in shape.slots() {
            let pieces = kind.plant.iter().filter(|piece| piece.at().0 == slot);
            let mut own: Vec<(String, String)> = Vec::new();
            for piece in pieces {
                let planted = words.expand(piece.at().1, dice);
                let clean = match &piece.clean {
                    Some(text) => words.expand(text, dice),
                    None if piece.stays => without_marks(&planted).0,
                    None => String::new(),
                };
                own.push((clean, planted));
            }
            if let (true, Some(text)) = (own.is_empty(), fillers.instead.get(slot)) {
                own.push((text.clone(), text.clone()));
            }
            let blocks = fillers.blocks.get(slot).map_or(&[][..], Vec::as_slice);
            for _ in 0..if blocks.is_empty() { 0 } else { dice.below(6) } {
                let block = dice.pick(blocks);
                let block = Words::beside(words).expand(block, dice);
                own.insert(dice.below(own.len() + 1), (block.clone(), block));
            }
            let text = |of: fn(&(String, String)) -> &String| -> String {
                own.iter()
                    .map(|pair| of(pair).trim_end())
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            bodies.insert(slot.to_owned(), (text(|pair| &pair.0), text(|pair| &pair.1)));
        }
        bodies
    }
}

impl Shape {
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str().unwrap(), text.as_str().unwrap()))
    }

    fn slots(&self) -> BTreeSet<&str> {
        self.texts().flat_map(|(_, text)| text.lines()).filter_map(slot_of).collect()
    }

    fn has(&self, slot: &str) -> bool {
        self.slots().contains(slot)
    }

    fn empty(&self) -> Files {
        let dialect = match self.dialect.as_str() {
            "htaccess" => Dialect::Htaccess,
            "apache" => Dialect::Apache,
            "nginx" => Dialect::Nginx,
            other => panic!("`{other}` is no dialect"),
        };
        Files { dialect, files: Vec::new() }
    }
}

fn slot_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix('⟦')?.strip_suffix('⟧')
}

/// The text with its slots filled, indented as they are.
fn fill<'b>(text: &str, body: impl Fn(&str) -> &'b String) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        match slot_of(line) {
            Some(slot) => body(slot).lines().for_each(|inner| out.push_str(&format!("{indent}{inner}\n"))),
            None => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

/// The text without `«` and `»`, and the ranges that stood between them.
fn without_marks(text: &str) -> (String, Vec<std::ops::Range<usize>>) {
    let (mut out, mut spots, mut open) = (String::new(), Vec::new(), 0);
    for character in text.chars() {
        match character {
            '«' => open = out.len(),
            '»' => spots.push(open..out.len()),
            other => out.push(other),
        }
    }
    (out, spots)
}

/// The words drawn for the names of a configuration; no two names have the same.
#[derive(Clone, Default)]
struct Words {
    drawn: BTreeMap<String, String>,
    used: std::rc::Rc<std::cell::RefCell<BTreeSet<String>>>,
}

const FIRST: &[&str] = &[
    "amber", "autumn", "bright", "cedar", "copper", "early", "fern", "garden", "green", "harbour", "iron", "linen",
    "maple", "north", "olive", "paper", "quiet", "river", "silver", "stone", "velvet", "winter",
];
const SECOND: &[&str] = &[
    "atlas", "bench", "bridge", "chair", "clock", "desk", "field", "guide", "hall", "kettle", "lamp", "letter",
    "market", "orchard", "pages", "pottery", "recipes", "shelf", "studio", "table", "tours", "weaving",
];

impl Words {
    /// New words for the names of a block; those of the whole configuration stay.
    fn beside(words: &Self) -> Self {
        let site = words.drawn.iter().filter(|(name, _)| *name == "site");
        Self { drawn: site.map(|(a, b)| (a.clone(), b.clone())).collect(), used: words.used.clone() }
    }

    /// Replaces names and choices from the left, inner ones before those around them.
    fn expand(&mut self, text: &str, dice: &mut Dice) -> String {
        let mut text = text.to_owned();
        while let Some(close) = text.find('⟩') {
            let open = text[..close].rfind('⟨').expect("an opening bracket");
            let inner = text[open + '⟨'.len_utf8()..close].to_owned();
            let value = self.value(&inner, dice);
            text.replace_range(open..close + '⟩'.len_utf8(), &value);
        }
        text
    }

    fn value(&mut self, inner: &str, dice: &mut Dice) -> String {
        if !inner.contains('|') {
            return self.word(inner, dice);
        }
        let simple = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase());
        let (name, choices) = match inner.split_once('=') {
            Some((name, choices)) if simple(name) => (Some(name), choices),
            _ => (None, inner),
        };
        let choices: Vec<&str> = choices.split('|').collect();
        let chosen = (*dice.pick(&choices)).to_owned();
        match name {
            Some(name) => self.drawn.entry(name.to_owned()).or_insert(chosen).clone(),
            None => chosen,
        }
    }

    /// The word of a name; a name that begins with `v` gets one without a hyphen.
    fn word(&mut self, name: &str, dice: &mut Dice) -> String {
        if let Some(known) = self.drawn.get(name) {
            return known.clone();
        }
        let separator = if name.starts_with('v') || dice.below(2) == 0 { "" } else { "-" };
        let word = loop {
            let word = format!("{}{separator}{}", dice.pick(FIRST), dice.pick(SECOND));
            if self.used.borrow_mut().insert(word.replace('-', "")) {
                break word;
            }
        };
        self.drawn.insert(name.to_owned(), word.clone());
        word
    }
}

/// A seeded source of choices.
struct Dice(TestRng);

impl Dice {
    fn new(seed: u64, stream: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&stream.to_le_bytes());
        Self(TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
    }

    fn below(&mut self, end: usize) -> usize {
        self.0.next_u32() as usize % end
    }

    fn pick<'c, T>(&mut self, choices: &'c [T]) -> &'c T {
        &choices[self.below(choices.len())]
    }
}
