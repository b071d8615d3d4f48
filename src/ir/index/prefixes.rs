//! Places of a list, found by how a text begins. Filled, sealed, then asked.

use rustc_hash::FxHashMap;

/// Clauses by the bytes that a text has to begin with.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    exact: Texts,
    /// Where letters count in either case: in lower case.
    folded: Texts,
}

impl Prefixes {
    pub fn add(&mut self, prefix: &[u8], folded: bool, at: u32) {
        let texts = if folded { &mut self.folded } else { &mut self.exact };
        texts.add(prefix, at);
    }

    pub fn seal(&mut self) {
        self.exact.seal();
        self.folded.seal();
    }

    pub fn collect(&self, subject: &[u8], out: &mut Vec<u32>) {
        self.exact.collect(subject, out);
        if !self.folded.is_empty() {
            self.folded.collect(&subject.to_ascii_lowercase(), out);
        }
    }
}

/// Places by a text, looked up by every beginning of another text.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The first place of a text, and further ones: most have none.
    by_text: FxHashMap<Box<[u8]>, (u32, Vec<u32>)>,
    lengths: Vec<usize>,
}

impl Texts {
    pub fn add(&mut self, text: &[u8], at: u32) {
        match self.by_text.get_mut(text) {
            Some((_, more)) => more.push(at),
            None => drop(self.by_text.insert(text.into(), (at, Vec::new()))),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.by_text.is_empty()
    }

    pub fn seal(&mut self) {
        self.lengths = self.by_text.keys().map(|text| text.len()).collect();
        self.lengths.sort_unstable();
        self.lengths.dedup();
    }

    pub fn collect(&self, subject: &[u8], out: &mut Vec<u32>) {
        for start in self.lengths.iter().map_while(|&length| subject.get(..length)) {
            if let Some((first, more)) = self.by_text.get(start) {
                out.push(*first);
                out.extend(more);
            }
        }
    }
}
