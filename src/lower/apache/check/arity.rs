//! Whether a directive gets the words it takes, and httpd's words where not.

use super::Arg;
use crate::lower::directives::Args;

/// What httpd says about the number of words, behind the directive's name; `None` where it is content.
///
/// A required word that is empty (`""`) counts as missing. `On`/`Off` directives look at the first word only.
pub fn wrong(args: Args, words: &[Arg<'_>], text: &[u8]) -> Option<&'static str> {
    let filled = words.iter().take_while(|word| !word.value.is_empty()).count();
    let is_wrong = match args {
        Args::Raw => false,
        Args::Flag => {
            let first = words.first().map(|word| word.value.as_ref()).unwrap_or_default();
            !first.eq_ignore_ascii_case(b"on") && !first.eq_ignore_ascii_case(b"off")
        }
        Args::Count { min: 0, max: Some(0) } => !text.is_empty(),
        Args::Count { min: 2, max: None } => filled < 1 || words.len() < 2,
        Args::Count { min, max } => filled < min || max.is_some_and(|max| words.len() > max),
        Args::Either(few, many) => filled < few || (words.len() != few && words.len() != many),
    };
    is_wrong.then(|| message(args))
}

fn message(args: Args) -> &'static str {
    match args {
        Args::Flag => "must be On or Off",
        Args::Either(..) => "takes one or three arguments",
        Args::Count { min: 0, max: Some(0) } => "takes no arguments",
        Args::Count { min: 1, max: Some(1) } => "takes one argument",
        Args::Count { min: 1, max: Some(2) } => "takes 1-2 arguments",
        Args::Count { min: 1, max: Some(_) } => "takes one, two or three arguments",
        Args::Count { min: 2, max: Some(2) } => "takes two arguments",
        Args::Count { min: 2, max: Some(_) } => "takes two or three arguments",
        Args::Count { min: 2, max: None } => "requires at least two arguments",
        Args::Count { max: Some(_), .. } => "takes three arguments",
        Args::Count { .. } | Args::Raw => "requires at least one argument",
    }
}

/// What to write instead.
pub fn wanted(args: Args) -> &'static str {
    match args {
        Args::Flag => "write `On` or `Off`",
        Args::Either(..) => "give it one word or three",
        Args::Raw => "give it what it takes",
        Args::Count { min: 0, max: Some(0) } => "take the words behind it away",
        Args::Count { min: 1, max: Some(1) } => "give it one word",
        Args::Count { min: 1, max: Some(2) } => "give it one word or two",
        Args::Count { min: 1, max: Some(_) } => "give it one to three words",
        Args::Count { min: 2, max: Some(2) } => "give it two words",
        Args::Count { min: 2, max: Some(_) } => "give it two words or three",
        Args::Count { min: 2, max: None } => "give it two words or more",
        Args::Count { max: Some(_), .. } => "give it three words",
        Args::Count { .. } => "give it a word or more",
    }
}
