//! PCRE2, the engine of both servers, behind a safe face. The only module with `unsafe` code.
//!
//! Byte strings, C locale, no UTF, no JIT (its match limit counts differently from the interpreter's, which is
//! what the servers run). One block of match data is kept per thread. Safety rests on three facts: a compiled
//! pattern is never written after [`Regex::new`] (PCRE2 documents it as shareable between threads), every
//! pointer handed to C stays borrowed for the call, and offsets coming back are checked against the subject
//! before they are used.
//!
//! What C does with memory, Miri does not see, but valgrind does (replace the target where yours is another):
//!
//! ```text
//! CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="valgrind --error-exitcode=9 --leak-check=full \
//!   --errors-for-leak-kinds=definite" cargo test --lib pcre
//! ```
#![allow(unsafe_code)]

use pcre2_sys as ffi;
use std::cell::RefCell;
use std::ops::Range;
use std::ptr::{self, NonNull};

/// How an expression is compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Letters match in either case (ASCII only).
    pub caseless: bool,
    /// `.` matches a line feed.
    pub dot_all: bool,
    /// `$` matches only at the very end, not before a final line feed.
    pub dollar_end_only: bool,
    /// A group name may be used twice.
    pub duplicate_names: bool,
    /// White space and comments are ignored.
    pub extended: bool,
    /// `^` and `$` match at line feeds.
    pub multi_line: bool,
}

/// Why PCRE2 rejected an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} at offset {offset}")]
pub struct Error {
    /// PCRE2's own words.
    pub message: String,
    /// Byte offset in the expression at which it stopped.
    pub offset: usize,
}

/// Why a match could not be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// The match or depth limit was reached.
    #[error("the match limit was reached")]
    Limit,
    /// Another error of PCRE2, by its number.
    #[error("PCRE2 error {0}")]
    Other(i32),
}

/// A compiled expression.
pub struct Regex {
    code: NonNull<ffi::pcre2_code_8>,
    groups: usize,
    names: Box<[(u32, Box<[u8]>)]>,
}

// SAFETY: the code block is read-only once compiled; PCRE2 documents compiled patterns as thread-safe.
unsafe impl Send for Regex {}
// SAFETY: as above.
unsafe impl Sync for Regex {}

/// The groups of a successful match: byte ranges of the subject, group 0 first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups(pub Vec<Option<Range<usize>>>);

impl Groups {
    /// The range of a group; `None` where it is unset or does not exist.
    pub fn get(&self, group: usize) -> Option<Range<usize>> {
        self.0.get(group).cloned().flatten()
    }
}

impl Regex {
    /// Compiles an expression.
    ///
    /// # Errors
    /// PCRE2's message and offset where the expression is not valid.
    pub fn new(pattern: &[u8], options: Options) -> Result<Self, Error> {
        let mut code = 0;
        let mut offset = 0;
        // SAFETY: pattern is borrowed for the call; both out-pointers are valid.
        let compiled = unsafe {
            ffi::pcre2_compile_8(
                pattern.as_ptr(),
                pattern.len(),
                bits(options),
                &mut code,
                &mut offset,
                ptr::null_mut(),
            )
        };
        let Some(code) = NonNull::new(compiled) else {
            return Err(Error { message: message(code), offset });
        };
        let mut regex = Self { code, groups: 0, names: Box::new([]) };
        regex.groups = regex.info_u32(ffi::PCRE2_INFO_CAPTURECOUNT) as usize;
        regex.names = regex.read_names();
        Ok(regex)
    }

    /// The number of groups, the whole match not counted.
    pub fn group_count(&self) -> usize {
        self.groups
    }

    /// Named groups: number and name.
    pub fn names(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.names.iter().map(|(number, name)| (*number, &**name))
    }

    /// Searches the subject from its start.
    ///
    /// # Errors
    /// Where a limit was reached, so that neither yes nor no is known.
    pub fn find(&self, subject: &[u8]) -> Result<Option<Groups>, MatchError> {
        self.run(subject, |ranges| {
            let checked = |pair: &[usize]| match *pair {
                [start, end] if start <= end && end <= subject.len() => Some(start..end),
                _ => None,
            };
            Groups(ranges.chunks_exact(2).map(checked).collect())
        })
    }

    /// Whether the subject matches.
    ///
    /// # Errors
    /// As for [`Regex::find`].
    pub fn is_match(&self, subject: &[u8]) -> Result<bool, MatchError> {
        self.run(subject, |_| ()).map(|found| found.is_some())
    }

    fn run<T>(&self, subject: &[u8], read: impl FnOnce(&[usize]) -> T) -> Result<Option<T>, MatchError> {
        MATCH_DATA.with_borrow_mut(|data| {
            let pairs = self.groups + 1;
            let data = data.at_least(pairs);
            // SAFETY: code and data are live; subject is borrowed for the call.
            let count = unsafe {
                ffi::pcre2_match_8(
                    self.code.as_ptr(),
                    subject.as_ptr(),
                    subject.len(),
                    0,
                    0,
                    data.as_ptr(),
                    ptr::null_mut(),
                )
            };
            match count {
                ffi::PCRE2_ERROR_NOMATCH => Ok(None),
                ffi::PCRE2_ERROR_MATCHLIMIT | ffi::PCRE2_ERROR_DEPTHLIMIT | ffi::PCRE2_ERROR_HEAPLIMIT => {
                    Err(MatchError::Limit)
                }
                error if error < 0 => Err(MatchError::Other(error)),
                _ => {
                    // SAFETY: the data block was made for at least `pairs` pairs of offsets, all of which
                    // PCRE2 sets on success (unset groups to PCRE2_UNSET).
                    let offsets = unsafe {
                        std::slice::from_raw_parts(ffi::pcre2_get_ovector_pointer_8(data.as_ptr()), pairs * 2)
                    };
                    Ok(Some(read(offsets)))
                }
            }
        })
    }

    fn info_u32(&self, what: u32) -> u32 {
        let mut value: u32 = 0;
        // SAFETY: the queries used here write one u32.
        unsafe { ffi::pcre2_pattern_info_8(self.code.as_ptr(), what, (&raw mut value).cast()) };
        value
    }

    fn read_names(&self) -> Box<[(u32, Box<[u8]>)]> {
        let count = self.info_u32(ffi::PCRE2_INFO_NAMECOUNT) as usize;
        let size = self.info_u32(ffi::PCRE2_INFO_NAMEENTRYSIZE) as usize;
        let mut table: *const u8 = ptr::null();
        // SAFETY: PCRE2_INFO_NAMETABLE writes one pointer.
        unsafe { ffi::pcre2_pattern_info_8(self.code.as_ptr(), ffi::PCRE2_INFO_NAMETABLE, (&raw mut table).cast()) };
        if table.is_null() || size < 3 {
            return Box::new([]);
        }
        // SAFETY: the table holds `count` entries of `size` bytes and lives as long as the code.
        let table = unsafe { std::slice::from_raw_parts(table, count * size) };
        let entry = |entry: &[u8]| match entry {
            [high, low, name @ ..] => {
                let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
                Some((u32::from(u16::from_be_bytes([*high, *low])), name.get(..end)?.into()))
            }
            _ => None,
        };
        table.chunks_exact(size).filter_map(entry).collect()
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: made by pcre2_compile_8 and freed once.
        unsafe { ffi::pcre2_code_free_8(self.code.as_ptr()) }
    }
}

impl std::fmt::Debug for Regex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Regex").field("groups", &self.groups).finish_non_exhaustive()
    }
}

/// The version of the PCRE2 that is linked in, such as `10.45 2025-02-05`.
pub fn version() -> String {
    let mut text = [0u8; 64];
    // SAFETY: PCRE2 documents 24 code units as enough for the version string.
    unsafe { ffi::pcre2_config_8(ffi::PCRE2_CONFIG_VERSION, text.as_mut_ptr().cast()) };
    until_nul(&text)
}

fn bits(options: Options) -> u32 {
    [
        (options.caseless, ffi::PCRE2_CASELESS),
        (options.dot_all, ffi::PCRE2_DOTALL),
        (options.dollar_end_only, ffi::PCRE2_DOLLAR_ENDONLY),
        (options.duplicate_names, ffi::PCRE2_DUPNAMES),
        (options.extended, ffi::PCRE2_EXTENDED),
        (options.multi_line, ffi::PCRE2_MULTILINE),
    ]
    .into_iter()
    .filter(|(on, _)| *on)
    .fold(0, |bits, (_, bit)| bits | bit)
}

fn message(code: i32) -> String {
    let mut text = [0u8; 256];
    // SAFETY: the buffer and its length belong together.
    unsafe { ffi::pcre2_get_error_message_8(code, text.as_mut_ptr(), text.len()) };
    until_nul(&text)
}

fn until_nul(text: &[u8]) -> String {
    let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
    String::from_utf8_lossy(text.get(..end).unwrap_or_default()).into_owned()
}

struct MatchData {
    block: Option<NonNull<ffi::pcre2_match_data_8>>,
    pairs: usize,
}

thread_local! {
    static MATCH_DATA: RefCell<MatchData> = const { RefCell::new(MatchData { block: None, pairs: 0 }) };
}

impl MatchData {
    fn at_least(&mut self, pairs: usize) -> NonNull<ffi::pcre2_match_data_8> {
        if let Some(block) = self.block.filter(|_| self.pairs >= pairs) {
            return block;
        }
        self.free();
        let wanted = pairs.max(10);
        // SAFETY: plain allocation; PCRE2 accepts up to 65535 pairs and patterns have fewer groups than that.
        let block = unsafe { ffi::pcre2_match_data_create_8(wanted as u32, ptr::null_mut()) };
        let Some(block) = NonNull::new(block) else {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<[usize; 20]>())
        };
        (self.block, self.pairs) = (Some(block), wanted);
        block
    }

    fn free(&mut self) {
        if let Some(block) = self.block.take() {
            // SAFETY: made by pcre2_match_data_create_8 and freed once.
            unsafe { ffi::pcre2_match_data_free_8(block.as_ptr()) }
        }
    }
}

impl Drop for MatchData {
    fn drop(&mut self) {
        self.free();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_byte_ranges_and_unset_groups_are_none() {
        let regex = Regex::new(b"(a)|(?<n>b)", Options::default()).unwrap();
        let groups = regex.find(b"xb").unwrap().unwrap();
        assert_eq!(groups.get(0), Some(1..2));
        assert_eq!(groups.get(1), None);
        assert_eq!(groups.get(2), Some(1..2));
        assert_eq!(regex.names().collect::<Vec<_>>(), [(2, &b"n"[..])]);
    }

    #[test]
    fn the_dollar_before_a_final_line_feed_is_an_option() {
        let nginx = Regex::new(b"a$", Options::default()).unwrap();
        let apache = Regex::new(b"a$", Options { dollar_end_only: true, ..Options::default() }).unwrap();
        assert!(nginx.is_match(b"a\n").unwrap());
        assert!(!apache.is_match(b"a\n").unwrap());
    }

    #[test]
    fn a_bad_expression_is_refused_with_the_place() {
        let error = Regex::new(b"a(b", Options::default()).unwrap_err();
        assert_eq!((error.offset, error.message.as_str()), (3, "missing closing parenthesis"));
    }

    #[test]
    fn odd_expressions_and_subjects_stay_within_their_bounds_in_every_thread() {
        const TEXTS: [&[u8]; 14] = [
            b"",
            b"\0",
            b"(?=a\\K)",
            b"a\\Kb",
            b"(?<n>a)|(?<n>b)",
            b"(?|(a)|(b))",
            b"\xff+",
            b"(a)?(b)?(c)?$",
            b"(?R)?a",
            b"\\C",
            b"(?<=a)b",
            b"(?s).*\\z",
            b"(((((((((((a)))))))))))?",
            b"a{0,65535}",
        ];
        const SUBJECTS: [&[u8]; 8] = [b"", b"\0", b"a", b"ab", b"\xff\xff", b"b\n", b"aab\0c", &[b'a'; 5_000]];
        for duplicate_names in [false, true] {
            let options = Options { duplicate_names, ..Options::default() };
            for regex in TEXTS.iter().filter_map(|text| Regex::new(text, options).ok()) {
                let try_all = || {
                    for subject in SUBJECTS {
                        let Ok(Some(groups)) = regex.find(subject) else { continue };
                        let ranges = (0..regex.group_count() + 3).filter_map(|group| groups.get(group));
                        assert!(ranges.into_iter().all(|range| subject.get(range).is_some()));
                    }
                };
                std::thread::scope(|scope| {
                    scope.spawn(try_all);
                    try_all();
                });
            }
        }
    }

    #[test]
    fn a_runaway_expression_ends_at_the_match_limit() {
        let regex = Regex::new(b"^(a+)+$", Options::default()).unwrap();
        assert_eq!(regex.find(&[&[b'a'; 40][..], b"!"].concat()), Err(MatchError::Limit));
    }
}
