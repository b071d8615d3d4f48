//! Sets of bytes: what one position of a pattern can be.

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ByteSet([u64; 4]);

impl ByteSet {
    /// No byte.
    pub const EMPTY: Self = Self([0; 4]);
    /// Every byte.
    pub const ALL: Self = Self([u64::MAX; 4]);

    /// The bytes `first..=last`.
    pub fn range(first: u8, last: u8) -> Self {
        let mut set = Self::EMPTY;
        (first..=last).for_each(|byte| set.insert(byte));
        set
    }

    /// The bytes listed.
    pub fn of(bytes: &[u8]) -> Self {
        let mut set = Self::EMPTY;
        bytes.iter().for_each(|&byte| set.insert(byte));
        set
    }

    /// ASCII digits.
    pub fn digits() -> Self {
        Self::range(b'0', b'9')
    }

    /// What `\w` matches in the C locale.
    pub fn word() -> Self {
        Self::digits().or(Self::range(b'a', b'z')).or(Self::range(b'A', b'Z')).or(Self::of(b"_"))
    }

    /// What `\s` matches in the C locale.
    pub fn space() -> Self {
        Self::range(9, 13).or(Self::of(b" "))
    }

    /// Adds a byte.
    pub fn insert(&mut self, byte: u8) {
        if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
            *word |= 1 << (byte & 63);
        }
    }

    /// Whether the byte is in it.
    pub fn contains(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word >> (byte & 63) & 1 == 1)
    }

    /// Both together.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    /// Everything else.
    #[must_use]
    pub fn inverted(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    /// The set with both cases of every ASCII letter in it.
    #[must_use]
    pub fn fold(self) -> Self {
        let mut folded = self;
        for byte in self.iter().filter(u8::is_ascii_alphabetic) {
            folded.insert(byte ^ 0x20);
        }
        folded
    }

    /// Every byte in it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u8> {
        let set = *self;
        (0..=255).filter(move |&byte| set.contains(byte))
    }

    /// Number of bytes in it.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no byte is in it.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; 4]
    }

    /// Maximal runs `(first, last)`, ascending.
    pub fn runs(&self) -> Vec<(u8, u8)> {
        let mut runs: Vec<(u8, u8)> = Vec::new();
        for byte in self.iter() {
            match runs.last_mut() {
                Some(run) if run.1.checked_add(1) == Some(byte) => run.1 = byte,
                _ => runs.push((byte, byte)),
            }
        }
        runs
    }

    fn zip(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let [a, b, c, d] = self.0;
        let [w, x, y, z] = other.0;
        Self([f(a, w), f(b, x), f(c, y), f(d, z)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join_neighbours_and_folding_adds_the_other_case() {
        assert_eq!(ByteSet::of(b"abcx").runs(), [(b'a', b'c'), (b'x', b'x')]);
        assert_eq!(ByteSet::of(b"a1").fold(), ByteSet::of(b"aA1"));
        assert_eq!(ByteSet::ALL.runs(), [(0, 255)]);
    }
}
