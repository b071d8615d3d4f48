//! Changes of the target inside the server, by the policy of each.

pub mod finish;
pub mod local;
pub mod split_literal;
pub mod split_query;
pub mod sub_request;
pub mod url;

use super::clauses::{self, ListEnd};
use super::flow::{Flow, Reply, Try};
use super::machine::{ListState, Machine};
use super::{own_url, template};
use crate::ir::Bytes;
use crate::ir::clause::{Clause, Rewrite, Store};
use crate::ir::policy::{Escape, QueryPolicy, Relative, SplitAt};
use crate::ir::scope::{Finish, RewriteList};
use crate::ir::template::{Part, Template};
use crate::source::Span;

pub use sub_request::{look_ahead, reachable};
pub use url::{escape_back_reference, reparse};

/// The state of a rewriting list whose result is a file or a URL.
#[derive(Clone, Debug, Default)]
pub struct Rewriting {
    /// The folder of the list; `None` for a site's own list.
    pub folder: Option<Bytes>,
    /// The URL of that folder, where the configuration names one (`RewriteBase`).
    pub base: Option<Bytes>,
    /// A text was put in place, and the last one leaves the server unescaped.
    pub changed: Option<bool>,
    /// The query as it came, which is sent on as it is.
    pub kept: Option<Vec<u8>>,
    /// The status that the last redirect asked for.
    pub status: Option<u16>,
    /// The last text as written, and whether it is trusted to name a file.
    pub last: Option<(Bytes, bool)>,
    /// The result goes on as a path (PT).
    pub passed: bool,
    /// The result is fetched from elsewhere (P): the status where that cannot be, else 0.
    pub proxied: Option<u16>,
    /// The result was an own URL.
    pub reduced: bool,
    /// The directive that changed the text last.
    pub span: Option<Span>,
}

/// The longest text a list may make, in bytes: twice the longest request line.
const LONGEST: usize = 2 * 8190;

/// Applies the rewrite of a clause that matched; `Some` where the list ends with it.
pub fn apply(machine: &mut Machine, clause: &Clause, change: &Rewrite) -> Try<Option<ListEnd>> {
    match change.query {
        QueryPolicy::SplitLiteral { drop_old } => split_literal::apply(machine, clause, change, drop_old),
        QueryPolicy::Split { split, .. } => substitute(machine, clause, change, split),
        _ => Ok(None),
    }
}

/// Runs a rewriting list from its start and does what its end means.
pub fn run_list(machine: &mut Machine, list: &RewriteList) -> Flow {
    if machine.scope.settings.rewriting == Some(false) || machine.flags.rewriting_ended {
        return Flow::Next;
    }
    machine.list = ListState::default();
    match list.finish {
        Finish::SearchAgain => run_clauses(machine, list).unwrap_or(Flow::Next),
        _ if machine.scope.settings.rewriting.is_none() => Flow::Next,
        Finish::MapToFile => finish::site(machine, list),
        Finish::Redirect => finish::folder(machine, list),
    }
}

/// Runs the clauses; `Some` where one of them answers.
fn run_clauses(machine: &mut Machine, list: &RewriteList) -> Option<Flow> {
    for clauses in &list.clauses.0 {
        match clauses::run(machine, clauses) {
            ListEnd::Through => {}
            ListEnd::Left(flow) => return Some(flow),
            ListEnd::Ended => break,
            ListEnd::EndedAll => {
                machine.flags.rewriting_ended = true;
                break;
            }
        }
    }
    None
}

/// The text that the next pattern is held against: the file with its path info, made relative to the folder.
fn subject(machine: &mut Machine) {
    let mut text = machine.file.clone().unwrap_or_default();
    if let Some(folder) = &machine.rewriting.folder {
        text.extend_from_slice(machine.path_info.as_deref().unwrap_or_default());
        if let Some(rest) = text.strip_prefix(&**folder) {
            text = rest.to_vec();
        }
    }
    machine.list.text = Some(text);
}

/// The text, and whether the question mark that counts came from somewhere else than the text as written.
fn expand(machine: &mut Machine, to: &Template, split: SplitAt) -> Try<(Vec<u8>, bool)> {
    let (mut out, mut foreign) = (Vec::new(), None);
    for part in &to.parts {
        let bytes = template::value(machine, part)?;
        if bytes.contains(&b'?') && (foreign.is_none() || split == SplitAt::Last) {
            foreign = Some(!matches!(part, Part::Literal(_)));
        }
        out.extend_from_slice(&bytes);
    }
    Ok((out, foreign == Some(true)))
}

/// One rule of mod_rewrite that applies.
fn substitute(machine: &mut Machine, clause: &Clause, change: &Rewrite, split: SplitAt) -> Try<Option<ListEnd>> {
    machine.taint = None;
    let text = match &change.to {
        Some(to) => {
            let (text, foreign) = expand(machine, to, split)?;
            if let (true, Some(status)) = (foreign, change.foreign_question_mark) {
                return Ok(Some(ListEnd::Left(Reply::bare(refusal(machine, status), Some(clause.span)).into())));
            }
            Some(text)
        }
        None => None,
    };
    for action in &change.meanwhile {
        clauses::act(machine, clause, action)?;
    }
    machine.rewriting.span = Some(clause.span);
    if let Some(status) = change.status {
        return Ok(Some(ListEnd::Left(Reply::bare(refusal(machine, status), Some(clause.span)).into())));
    }
    let Some(text) = text else {
        if change.pass_through {
            (machine.rewriting.passed, machine.rewriting.changed) = (true, Some(false));
        }
        machine.pending_handler = change.handler.clone().or(machine.pending_handler.take());
        return Ok(None);
    };
    put(machine, change, text);
    machine.rewriting.last = Some((change.written.clone(), change.unsafe_prefix_stat));
    machine.rewriting.changed = Some(change.escape == Escape::Raw && !change.pass_through);
    machine.rewriting.passed |= change.pass_through;
    machine.rewriting.proxied = change.proxy;
    let stays = change.redirect.is_none() && change.proxy.is_none();
    if stays && machine.file.as_deref().and_then(url::scheme).is_none() {
        machine.pending_handler = change.handler.clone().or(machine.pending_handler.take());
    }
    if let Some(taint) = machine.taint.take() {
        return Err(super::flow::Fail::Unknown(Some(clause.span), taint.to_string()));
    }
    let now = machine.file.clone().unwrap_or_default();
    machine.recorder.step(clause.span, || format!("rewrites to `{}`", String::from_utf8_lossy(&now)));
    if now.len() > LONGEST {
        return Ok(Some(ListEnd::Left(Reply::bare(refusal(machine, 500), Some(clause.span)).into())));
    }
    subject(machine);
    Ok(None)
}

/// The status a list ends with: a query that cannot be sent on is looked at first.
pub fn refusal(machine: &mut Machine, status: u16) -> u16 {
    if finish::bad_query(machine) {
        return 403;
    }
    machine.saved_status = None;
    status
}

/// Puts a new text in place: made absolute, its query split off, its scheme looked at.
fn put(machine: &mut Machine, change: &Rewrite, mut text: Vec<u8>) {
    let mut prefixed = false;
    if !text.starts_with(b"/") && url::scheme(&text).is_none() {
        let prefix = match (&change.relative, &machine.rewriting.folder) {
            (Relative::Folder, Some(folder)) => folder.to_vec(),
            (Relative::Slash, _) => b"/".to_vec(),
            _ => Vec::new(),
        };
        prefixed = !prefix.is_empty();
        text = [prefix, text].concat();
    }
    if change.drop_path_info && machine.rewriting.folder.is_some() {
        machine.path_info = None;
    }
    split_query::apply(machine, change, &mut text);
    if change.proxy.is_some() || change.redirect.is_some() {
        if url::scheme(&text).is_none() {
            let slash: &[u8] = if text.starts_with(b"/") { b"" } else { b"/" };
            text = own_url::absolute(machine, &[slash, &text].concat());
        }
        machine.rewriting.status = change.redirect.or(machine.rewriting.status);
        machine.file = Some(text);
        return;
    }
    if let Some(path) = local::reduce(machine, &text) {
        machine.rewriting.reduced = true;
        text = path;
    }
    if url::scheme(&text).is_some() {
        machine.rewriting.status = change.implicit_redirect;
    } else if change.merge_slashes && !prefixed && !change.written.starts_with(b"//") {
        let slashes = text.iter().take_while(|&&byte| byte == b'/').count();
        text.drain(..slashes.saturating_sub(1));
    }
    machine.file = Some(text);
}

/// The register files of a list start empty.
fn start(machine: &mut Machine, folder: Option<Bytes>, base: Option<Bytes>) {
    machine.rewriting = Rewriting { folder, base, kept: machine.query.clone(), ..Rewriting::default() };
    machine.captures.of_mut(Store::Pattern).clear();
    machine.captures.of_mut(Store::Condition).clear();
    subject(machine);
}
