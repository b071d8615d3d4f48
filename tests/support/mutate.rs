//! Texts to be afraid of: fixtures and sentences of the grammars, cut, doubled, crossed and sprinkled.

use super::ebnf;
use redirlint::lower::Dialect;
use std::path::Path;

/// Longer than any text that is made.
pub const LONGEST: usize = 8_000;

/// A random source of small numbers (splitmix64), the same for the same seed on every machine.
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// A number below the limit.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

/// Every fixture in a language, every configuration of the recorded cases, the bad and good examples of the rules,
/// and sentences of the grammar.
pub fn seeds(dialect: Dialect) -> Vec<Vec<u8>> {
    let nginx = dialect == Dialect::Nginx;
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let (name, ending) = if nginx { ("nginx", "nginx") } else { ("apache", "htaccess") };
    let mut found = files(&fixtures.join("syntax").join(name), None);
    found.extend(files(&fixtures.join("convert"), Some(ending)));
    let cases = std::fs::read(fixtures.join("oracle").join(format!("{name}.yaml"))).unwrap();
    texts(&serde_yaml::from_slice(&cases).unwrap(), &mut found);
    found.extend(redirlint::rules::ALL.iter().flat_map(|rule| examples(&rule.page(), dialect)));
    let grammar =
        if nginx { include_str!("../../grammar/nginx.ebnf") } else { include_str!("../../grammar/apache.ebnf") };
    let grammar = ebnf::Grammar::read(grammar);
    found.extend((1..200).map(|seed| grammar.sentence("parse", seed, 200).into_bytes()));
    found
}

fn files(folder: &Path, ending: Option<&str>) -> Vec<Vec<u8>> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| path.is_file() && ending.is_none_or(|ending| path.extension().is_some_and(|own| own == ending)))
        .collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// The marked blocks of a rule's page in a language.
fn examples(page: &str, dialect: Dialect) -> Vec<Vec<u8>> {
    let mark = match dialect {
        Dialect::Nginx => "```nginx ",
        Dialect::Apache => "```apache ",
        Dialect::Htaccess => "```htaccess ",
    };
    let blocks = page.split(mark).skip(1).filter_map(|block| block.split_once('\n')?.1.split("```").next());
    blocks.map(|block| block.as_bytes().to_vec()).collect()
}

/// Every text of several words in a document: configurations among them.
fn texts(value: &serde_yaml::Value, found: &mut Vec<Vec<u8>>) {
    match value {
        serde_yaml::Value::String(text) if text.contains(' ') && text.len() > 12 => {
            found.push(text.clone().into_bytes())
        }
        serde_yaml::Value::Sequence(parts) => parts.iter().for_each(|part| texts(part, found)),
        serde_yaml::Value::Mapping(parts) => parts.iter().for_each(|(_, part)| texts(part, found)),
        _ => {}
    }
}

/// What is sprinkled in, one a line and some that no line can hold.
const PIECES: &str = "\n \n\"\n'\n\\\n{\n}\n;\n#\n<\n>\n%\n$\n$1\n%{\n(\n)\n[\n]\n*\n+\n?\n|\n^\n%2\n%00\n[R=301,L]\n[C,N,S=3]\n\
                      http://\n//\nreturn 301 \nRewriteCond \nRewriteRule \nif ($host = a) {\n<If \"\n${x:y}\n(?<n>a)\n\
                      include *;\nInclude *\n(?!\n(a+)+\n{1,999}\n[R=999999999999]\n99999999999999999999\n=\n~*\n# redirlint: ignore";

fn piece(dice: &mut Dice) -> &'static [u8] {
    let pieces: Vec<&str> = PIECES.split('\n').collect();
    match dice.below(pieces.len() + 4) {
        0 => b"\n",
        1 => b"\0",
        2 => b"\xff",
        3 => b"\r",
        at => pieces[at - 4].as_bytes(),
    }
}

/// One of the seeds, with up to six changes.
pub fn mutate(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let pick = |dice: &mut Dice| seeds[dice.below(seeds.len())].clone();
    let mut text = pick(dice);
    for _ in 0..1 + dice.below(6) {
        let (from, to) = (dice.below(text.len() + 1), dice.below(text.len() + 1));
        let (from, to) = (from.min(to), from.max(to));
        match dice.below(7) {
            0 => drop(text.drain(from..to.min(from + 30))),
            1 => {
                let piece = text[from..to].to_vec();
                text.splice(from..from, piece);
            }
            2 => {
                let other = pick(dice);
                let (a, b) = (dice.below(other.len() + 1), dice.below(other.len() + 1));
                text.splice(from..from, other[a.min(b)..a.max(b)].iter().copied());
            }
            3 if from < text.len() => text[from] = dice.below(256) as u8,
            _ => drop(text.splice(from..from, piece(dice).iter().copied())),
        }
        text.truncate(LONGEST);
    }
    text
}
