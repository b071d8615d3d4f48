//! `RegexDefaultOptions`: a pattern is read with what the lines before it say, in the order of reading
//! (`set_regex_default_options` in server/core.c). A `.htaccess` is read last.

use super::load::Line;
use crate::ir::{Reach, Refusal};
use crate::pcre::Options;
use crate::source::{FileId, Sources, Span};
use rustc_hash::FxHashMap;

/// The options that patterns are read with.
pub struct RegexOptions {
    /// From which byte of a file on which options hold, in the order of reading; nothing where they never change.
    changes: FxHashMap<FileId, Vec<(u32, Options)>>,
    /// At the end of the server's configuration.
    last: Options,
}

impl Default for RegexOptions {
    fn default() -> Self {
        let last = Options { dot_all: true, dollar_end_only: true, duplicate_names: true, ..Options::default() };
        Self { changes: FxHashMap::default(), last }
    }
}

impl RegexOptions {
    /// Those that hold for what stands at a place.
    pub fn at(&self, place: Span) -> Options {
        let Some(changes) = self.changes.get(&place.file) else { return self.last };
        // A file that is included twice is taken as it was read the second time.
        let before = changes.iter().rev().find(|(start, _)| *start <= place.start);
        before.map_or(self.last, |(_, options)| *options)
    }

    /// Reads a server's lines; and what httpd would refuse about them.
    pub fn read(sources: &Sources, lines: &[Line]) -> (Self, Vec<Refusal>) {
        let (mut read, mut refused) = (Self::default(), Vec::new());
        if lines.iter().any(is_change) {
            let mut file = None;
            for line in lines {
                read.walk(line, &mut file);
                if is_change(line) {
                    refused.extend(read.change(sources, line).err());
                    file = None;
                }
            }
        }
        (read, refused)
    }

    /// Notes the options at the first line behind a change or in another file.
    fn walk(&mut self, line: &Line, file: &mut Option<FileId>) {
        if *file != Some(line.head.file) {
            *file = Some(line.head.file);
            self.changes.entry(line.head.file).or_default().push((line.head.start, self.last));
        }
        for inner in line.block.iter().flatten() {
            self.walk(inner, file);
        }
    }

    /// A name alone takes the place of all options so far.
    fn change(&mut self, sources: &Sources, line: &Line) -> Result<(), Refusal> {
        let options = &mut self.last;
        for word in line.words(sources) {
            let (on, name) = match word.value.split_first() {
                Some((b'-', name)) => (false, name),
                Some((b'+', name)) => (true, name),
                _ => {
                    *options = Options { caseless: false, dot_all: false, dollar_end_only: false, ..*options };
                    (true, &*word.value)
                }
            };
            match name.to_ascii_lowercase().as_slice() {
                b"icase" => options.caseless = on,
                b"dotall" => options.dot_all = on,
                b"dollar_endonly" => options.dollar_end_only = on,
                b"none" => {}
                _ => return Err(unknown(line, name)),
            }
        }
        Ok(())
    }
}

fn is_change(line: &Line) -> bool {
    *line.name == *b"regexdefaultoptions"
}

fn unknown(line: &Line, name: &[u8]) -> Refusal {
    let message = format!("RegexDefaultOptions: option '{}' unknown", String::from_utf8_lossy(name));
    let help = Some("its options are ICASE, DOTALL and DOLLAR_ENDONLY".to_owned());
    Refusal { span: line.head, message, help, reach: Reach::Server }
}
