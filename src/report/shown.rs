//! Bytes of a configuration as text for a screen: nothing in it can move the cursor or turn the writing around.

/// A file as it is shown, with the way from byte offsets to places in the text.
#[derive(Debug, Default)]
pub struct Shown {
    /// The text.
    pub text: String,
    /// Where each line starts in the text.
    pub lines: Vec<usize>,
    /// Byte offset behind a piece whose length changed, and the text offset behind it.
    shifts: Vec<(usize, usize)>,
}

impl Shown {
    /// Shows bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut shown = Self { lines: vec![0], ..Self::default() };
        let mut at = 0;
        for chunk in bytes.utf8_chunks() {
            let mut rest = chunk.valid();
            while !rest.is_empty() {
                // Runs of plain letters, which most files consist of, are taken as they are.
                let run = rest.bytes().position(|byte| !(b' '..=b'~').contains(&byte)).unwrap_or(rest.len());
                let (plain, behind) = rest.split_at(run);
                shown.text.push_str(plain);
                at += run;
                let mut letters = behind.chars();
                if let Some(letter) = letters.next() {
                    at += letter.len_utf8();
                    shown.letter(letter, at);
                }
                rest = letters.as_str();
            }
            for _ in chunk.invalid() {
                at += 1;
                let before = shown.text.len();
                shown.text.push(char::REPLACEMENT_CHARACTER);
                shown.shift(at, 1, before);
            }
        }
        shown
    }

    /// Adds a letter that ends at this byte offset.
    fn letter(&mut self, letter: char, at: usize) {
        let before = self.text.len();
        match letter {
            // A carriage return takes part in line ends only.
            '\r' => {}
            _ => push(&mut self.text, letter),
        }
        self.shift(at, letter.len_utf8(), before);
        if letter == '\n' {
            self.lines.push(self.text.len());
        }
    }

    /// Shows bytes; what a line has beyond so many columns is left out.
    pub fn fitted(bytes: &[u8], columns: usize) -> Self {
        if columns == usize::MAX {
            return Self::new(bytes);
        }
        let mut shown = Self { lines: vec![0], ..Self::default() };
        let (mut at, mut column) = (0, 0);
        for chunk in bytes.utf8_chunks() {
            for letter in chunk.valid().chars() {
                at += letter.len_utf8();
                let before = shown.text.len();
                match letter {
                    '\r' => {}
                    '\n' => shown.text.push('\n'),
                    _ if column + 1 < columns => push(&mut shown.text, letter),
                    _ if column + 1 == columns => shown.text.push('…'),
                    _ => {}
                }
                column += 1;
                shown.shift(at, letter.len_utf8(), before);
                if letter == '\n' {
                    shown.lines.push(shown.text.len());
                    column = 0;
                }
            }
            for _ in chunk.invalid() {
                at += 1;
                let before = shown.text.len();
                shown.text.push(char::REPLACEMENT_CHARACTER);
                shown.shift(at, 1, before);
            }
        }
        shown
    }

    fn shift(&mut self, at: usize, length: usize, before: usize) {
        if self.text.len() - before != length {
            self.shifts.push((at, self.text.len()));
        }
    }

    /// The place in the text of a byte offset.
    pub fn offset(&self, byte: usize) -> usize {
        let known = self.shifts.partition_point(|&(at, _)| at <= byte);
        let (at, shown) = known.checked_sub(1).and_then(|last| self.shifts.get(last)).copied().unwrap_or_default();
        (shown + (byte - at)).min(self.text.len())
    }

    /// The line, from 0, that a place in the text lies on.
    pub fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset).saturating_sub(1)
    }
}

/// Text for a screen on one or more lines, with everything that could steer a terminal written out.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|letter| push(&mut out, letter));
    out
}

/// The same on one line: a name of a file may hold line feeds.
pub fn one_line(text: &str) -> String {
    escape(text).replace('\n', "\\n")
}

/// JSON in which what could steer a terminal or turn the writing around stands as `\uXXXX`. Such letters occur
/// inside its strings only, so that it still says the same.
pub fn json(text: &str) -> String {
    let steers = |letter: &char| turns(*letter) || (letter.is_control() && !matches!(letter, '\n' | '\t'));
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match steers(&letter) {
            true => out.push_str(&format!("\\u{:04x}", u32::from(letter))),
            false => out.push(letter),
        }
    }
    out
}

/// The same for bytes.
pub fn escape_bytes(bytes: &[u8]) -> String {
    // What travels in a request or an answer stands on one line; a line feed in it is worth seeing.
    escape(&String::from_utf8_lossy(bytes)).replace('\n', "\\u{a}")
}

/// Whether the letter turns the direction of writing.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push(out: &mut String, letter: char) {
    if turns(letter) || (letter.is_control() && !matches!(letter, '\n' | '\t')) {
        out.extend(letter.escape_unicode());
    } else {
        out.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_cut_ends_in_dots_and_places_behind_the_cut_lie_there() {
        let shown = Shown::fitted(b"abcdefgh\nij\n", 5);
        assert_eq!(shown.text, "abcd…\nij\n");
        assert_eq!((shown.offset(2), shown.offset(7), shown.offset(9)), (2, 7, 8));
    }

    #[test]
    fn what_steers_a_terminal_is_written_out_and_offsets_follow() {
        let shown = Shown::new(b"a\x1b[31mb\r\n\xe9c\xe2\x80\xaed");
        assert_eq!(shown.text, "a\\u{1b}[31mb\n\u{fffd}c\\u{202e}d");
        let place = |byte| shown.text.get(shown.offset(byte)..).unwrap().chars().next().unwrap();
        assert_eq!((place(0), place(6), place(10), place(14)), ('a', 'b', 'c', 'd'));
        assert_eq!(shown.line_of(shown.offset(10)), 1);
    }
}
