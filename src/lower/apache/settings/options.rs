//! `Options`.

use super::Done;
use crate::lower::apache::builder::Builder;
use crate::lower::apache::load::Line;
use crate::lower::apache::refused::{Refused, shown};

/// Whether signed and unsigned words are mixed as httpd does not take them: `All` and `None` may stand before
/// signed ones (server/core.c, `set_options`).
fn mixes_signs(words: &[Vec<u8>]) -> bool {
    let signed = |word: &Vec<u8>| word.starts_with(b"+") || word.starts_with(b"-");
    let whole = |word: &Vec<u8>| word.eq_ignore_ascii_case(b"all") || word.eq_ignore_ascii_case(b"none");
    let mut merging = false;
    let mut whole_before = false;
    for (at, word) in words.iter().enumerate() {
        let wrong = if signed(word) { !merging && at > 0 && !whole_before } else { merging };
        if wrong {
            return true;
        }
        merging |= signed(word);
        whole_before |= whole(word);
    }
    false
}

/// Names of options that touch no redirect, and all that `AllowOverride Options=` may list.
const HARMLESS: [&[u8]; 3] = [b"execcgi", b"includes", b"includesnoexec"];
const OTHERS: [&[u8]; 6] = [b"indexes", b"followsymlinks", b"symlinksifownermatch", b"multiviews", b"all", b"none"];

/// `AllowOverride`: whether its words are some (server/core.c `set_override`). What they allow is asked where a
/// `.htaccess` is read.
pub fn check_override(line: &Line, words: &[Vec<u8>]) -> Done {
    let refuse = |what: &str, word: &[u8]| Err(Refused::at(line.rest, format!("{what} {}", shown(word))));
    for word in words {
        let lower = word.to_ascii_lowercase();
        let (name, list) = match memchr::memchr(b'=', &lower).and_then(|at| lower.split_at_checked(at)) {
            Some((name, list)) => (name, list.get(1..)),
            None => (&*lower, None),
        };
        match (name, list) {
            (b"options", Some(list)) => {
                let known = |option: &&[u8]| !HARMLESS.contains(option) && !OTHERS.contains(option);
                if let Some(wrong) = list.split(|&byte| byte == b',').find(known) {
                    return refuse("Illegal option", wrong);
                }
            }
            (b"nonfatal", Some(b"override" | b"unknown" | b"all")) => {}
            (b"limit" | b"options" | b"fileinfo" | b"authconfig" | b"indexes" | b"none" | b"all", None) => {}
            _ => return refuse("Illegal override option", word),
        }
    }
    Ok(())
}

/// `Options`: what of it touches redirects.
pub fn lower(builder: &mut Builder, line: &Line, words: &[Vec<u8>]) -> Done {
    if mixes_signs(words) {
        let why = "Either all Options must start with + or -, or no Option may.";
        return Err(Refused::at(line.rest, why.to_owned()));
    }
    let settings = &mut builder.scope.settings;
    if words.iter().any(|word| !word.starts_with(b"+") && !word.starts_with(b"-")) {
        (settings.follow_symlinks, settings.listing) = (Some(false), Some(false));
    }
    let mut negotiates = false;
    for word in words {
        let (on, name) = match word.split_first() {
            Some((b'+', name)) => (true, name),
            Some((b'-', name)) => (false, name),
            _ => (true, word.as_slice()),
        };
        match name.to_ascii_lowercase().as_slice() {
            b"indexes" => settings.listing = Some(on),
            b"followsymlinks" | b"symlinksifownermatch" => settings.follow_symlinks = Some(on),
            b"all" => (settings.follow_symlinks, settings.listing) = (Some(on), Some(on)),
            b"none" => {}
            b"multiviews" => negotiates = on,
            other if HARMLESS.contains(&other) => {}
            _ => return Err(Refused::at(line.rest, format!("Illegal option {}", shown(name)))),
        }
    }
    if negotiates {
        builder.scope.settings.negotiates = Some(true);
    }
    Ok(())
}
