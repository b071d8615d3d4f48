//! Misspelt file names, and names in the wrong case (modules/mappers/mod_speling.c).

use super::flow::{Flow, Reply};
use super::machine::Machine;
use super::{escape, own_url};
use crate::ir::scope::Spelling;

/// How a name differs from the one that was asked for, the better fit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// In case only.
    Case,
    /// Two neighbouring bytes are swapped.
    Swapped,
    /// The name asked for lacks a byte.
    Missing,
    /// It has a byte too many.
    Extra,
    /// One byte is another.
    Mistyped,
    /// The same up to the first dot.
    Basename,
}

/// Redirects to the one file whose name comes nearest; several that come as near are offered with a 300.
pub fn correct(machine: &mut Machine) -> Flow {
    let Some(spelling) = machine.scope.settings.spelling.filter(|spelling| spelling.on) else { return Flow::Next };
    let Some((folder, wrong, url)) = parts(machine) else { return Flow::Next };
    let Some(listing) = machine.world.list(&folder) else {
        return Flow::Unknown(machine.scope.span, "`CheckSpelling` may find a similar file".to_owned());
    };
    let names = listing.unwrap_or_default();
    if names.contains(&wrong) {
        return Flow::Next;
    }
    let fits = names.iter().filter_map(|name| Some((fit(&wrong, name, spelling)?, name)));
    let mut fits: Vec<(Fit, &Vec<u8>)> = fits.collect();
    fits.sort_by_key(|(fit, _)| *fit);
    match fits.as_slice() {
        [] => Flow::Next,
        [(best, name), rest @ ..] if *best != Fit::Basename && rest.first().is_none_or(|(next, _)| next != best) => {
            let path = [&*url, name, machine.path_info.as_deref().unwrap_or_default()].concat();
            to(machine, &path)
        }
        _ => Reply::bare(300, None).into(),
    }
}

/// The folder, the name in it, and the URL of the folder, where a misspelling may be the reason that nothing is there.
fn parts(machine: &Machine) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let info = machine.path_info.as_deref().unwrap_or_default();
    let takes_info = machine.scope.settings.accept_path_info == Some(true);
    let asked = matches!(&*machine.method, b"GET" | b"HEAD") && machine.depth == 0 && machine.planted.is_none();
    if !asked || machine.found.is_some() || (!info.is_empty() && !takes_info) || machine.path == b"/" {
        return None;
    }
    let file = machine.file.as_deref()?;
    let slash = memchr::memrchr(b'/', file)?;
    let (folder, name) = (file.get(..slash)?, file.get(slash + 1..)?);
    let url = machine.path.strip_suffix(&*[name, info].concat())?;
    Some((folder.to_vec(), name.to_vec(), url.to_vec()))
}

fn to(machine: &mut Machine, path: &[u8]) -> Flow {
    let mut to = escape::path(path);
    if let Some(query) = &machine.query {
        to.push(b'?');
        to.extend_from_slice(query);
    }
    let to = own_url::absolute(machine, &to);
    Reply::location(301, to, None).into()
}

fn fit(wrong: &[u8], name: &[u8], spelling: Spelling) -> Option<Fit> {
    if wrong.eq_ignore_ascii_case(name) {
        return Some(Fit::Case);
    }
    let near = if spelling.case_only { None } else { typo(wrong, name) };
    let base = |name: &[u8]| name.split(|&byte| byte == b'.').next().unwrap_or_default().to_ascii_lowercase();
    near.or_else(|| (spelling.basename && base(wrong) == base(name)).then_some(Fit::Basename))
}

/// The one mistake that makes a name of another, case aside.
fn typo(wrong: &[u8], name: &[u8]) -> Option<Fit> {
    let same = wrong.iter().zip(name).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    let (wrong, name) = (wrong.get(same..)?, name.get(same..)?);
    let alike = |a: &[u8], b: &[u8]| a.eq_ignore_ascii_case(b);
    match (wrong, name) {
        ([a, b, rest @ ..], [x, y, tail @ ..]) if alike(&[*a, *b], &[*y, *x]) && alike(rest, tail) => {
            Some(Fit::Swapped)
        }
        ([_, rest @ ..], [_, tail @ ..]) if alike(rest, tail) => Some(Fit::Mistyped),
        ([_, rest @ ..], _) if alike(rest, name) => Some(Fit::Extra),
        (_, [_, tail @ ..]) if alike(wrong, tail) => Some(Fit::Missing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mistake_is_found_and_two_are_not() {
        assert_eq!(typo(b"godo.html", b"good.html"), Some(Fit::Swapped));
        assert_eq!(typo(b"god.html", b"good.html"), Some(Fit::Missing));
        assert_eq!(typo(b"goood.html", b"Good.html"), Some(Fit::Extra));
        assert_eq!(typo(b"go_d.html", b"good.html"), Some(Fit::Mistyped));
        assert_eq!(typo(b"dogo.html", b"good.html"), None);
    }

    #[test]
    fn the_same_name_up_to_the_first_dot_counts_where_it_may() {
        let all = Spelling::default();
        assert_eq!(fit(b"GOOD.x", b"good.html", all), Some(Fit::Basename));
        assert_eq!(fit(b"GOOD.x", b"good.html", Spelling { basename: false, ..all }), None);
        assert_eq!(fit(b"god.html", b"good.html", Spelling { case_only: true, ..all }), None);
        assert_eq!(fit(b"GOOD.html", b"good.html", Spelling { case_only: true, ..all }), Some(Fit::Case));
    }
}
