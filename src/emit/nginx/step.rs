//! Steps: clauses of the source in nginx's terms, in the order of the source, before they get a shape.

use super::formula::Formula;
use super::maps::Maps;
use super::plan::{Statement, Test};
use super::regex::Pattern;
use super::text::Text;
use crate::emit::Refusal;
use crate::pcre;
use crate::source::Span;

/// One clause in nginx's terms.
#[derive(Clone, Debug)]
pub struct Step {
    /// The directive.
    pub span: Span,
    /// Comment lines that travel with it.
    pub comments: Vec<Vec<u8>>,
    /// Which paths it is for.
    pub path: Path,
    /// When it applies beside that.
    pub when: Formula,
    /// Statements that must run before the test.
    pub before: Vec<Statement>,
    /// Statements between the test and what it does.
    pub inner: Vec<Statement>,
    /// What it does.
    pub does: Does,
    /// It is skipped while an index file is looked for (a redirect of mod_rewrite).
    pub not_for_index: bool,
}

/// Which paths a step is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// All.
    All,
    /// One.
    Exact(Vec<u8>),
    /// Those that match.
    Pattern(Pattern),
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Does {
    /// Answers.
    Return(u16, Option<Text>),
    /// Changes the path: the expression of the `rewrite`, its text, whether the list ends.
    Rewrite(Vec<u8>, Text, bool),
    /// Ends the list.
    Stop,
    /// Sets a variable.
    Set(String, Text),
    /// Nothing: it stands as comments only.
    Remark,
}

/// An answer without a target.
///
/// # Errors
/// Statuses that `return` does not take (`ngx_http_rewrite_return` in ngx_http_rewrite_module.c).
pub fn answer(status: u16) -> Result<Does, Refusal> {
    match status {
        0..=999 => Ok(Does::Return(status, None)),
        _ => Err(format!("nginx sends no status {status}").into()),
    }
}

impl Step {
    /// A step that is comments only.
    pub fn remark(span: Span, comments: Vec<Vec<u8>>) -> Self {
        let (path, when, does) = (Path::All, Formula::TRUE(), Does::Remark);
        let (before, inner, not_for_index) = (Vec::new(), Vec::new(), false);
        Self { span, comments, path, when, before, inner, does, not_for_index }
    }

    /// Whether an index file's path gets here although Apache would not look at the rule then.
    pub fn meets_index(&self, names: &[Vec<u8>]) -> bool {
        if !self.not_for_index {
            return false;
        }
        let paths =
            names.iter().flat_map(|name| [[b"/", name.as_slice()].concat(), [b"/dir/", name.as_slice()].concat()]);
        match &self.path {
            Path::All => true,
            Path::Exact(path) => names.iter().any(|name| path.ends_with(name)),
            Path::Pattern(pattern) => {
                let options = pcre::Options { caseless: pattern.ignore_case, ..pcre::Options::default() };
                let regex = pcre::Regex::new(&pattern.text, options);
                paths.into_iter().any(|path| regex.as_ref().is_ok_and(|regex| regex.is_match(&path).unwrap_or(true)))
            }
        }
    }

    /// Whether the path alone decides, and the step answers: it can stand as a location.
    pub fn is_location(&self) -> bool {
        let answers = matches!(self.does, Does::Return(..)) && self.path != Path::All;
        matches!(self.does, Does::Remark) || answers && self.when.is_true() && self.before.is_empty()
    }

    /// What runs once the test has succeeded.
    pub fn body(&self) -> Vec<Statement> {
        let mut out = self.inner.clone();
        match &self.does {
            Does::Return(code, text) => out.push(Statement::Return(*code, text.clone())),
            Does::Rewrite(pattern, to, last) => {
                out.push(Statement::Rewrite(pattern.clone(), to.clone(), if *last { "last" } else { "" }));
            }
            Does::Stop => out.push(Statement::Plain("break", Vec::new())),
            Does::Set(name, value) => out.push(Statement::Set(name.clone(), value.clone())),
            Does::Remark => {}
        }
        out
    }

    /// The step at server level.
    pub fn statements(&self, maps: &mut Maps, volatile: bool, out: &mut Vec<Statement>) {
        out.extend(self.comments.iter().cloned().map(Statement::Comment));
        if matches!(self.does, Does::Remark) || self.when.is_false() {
            return;
        }
        out.extend(self.before.iter().cloned());
        // the `rewrite` itself tests the path
        let rewrites = matches!(self.does, Does::Rewrite(..)) && self.inner.is_empty();
        if rewrites && self.when.is_true() {
            out.extend(self.body());
            return;
        }
        let path = if rewrites { &Path::All } else { &self.path };
        match test(path, &self.when, maps, volatile) {
            Some(test) => out.push(Statement::If(test, self.body())),
            None => out.extend(self.body()),
        }
    }
}

/// The test of an `if`; `None` where nothing is left to test.
fn test(path: &Path, when: &Formula, maps: &mut Maps, volatile: bool) -> Option<Test> {
    let subject = match (when.is_true(), path) {
        (true, _) => "uri".to_owned(),
        (false, Path::All) => return Some(Test::True(when.variable(maps, volatile))),
        (false, _) => when.path_variable(maps, volatile),
    };
    match path {
        Path::All => None,
        Path::Exact(text) => Some(Test::Equals(subject, Text::literal(text))),
        Path::Pattern(pattern) => Some(Test::Matches(subject, pattern.text.clone(), pattern.ignore_case)),
    }
}
