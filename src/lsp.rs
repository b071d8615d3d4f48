//! The language server: what `check` says, while the file is being typed.
//!
//! One thread, one loop: messages are taken as they come, and as soon as none is waiting the sites of the
//! changed files are checked and what is found is published, so that typing never waits for an older state.
//! What a check is, is not known here: [`Workspace`] does it, with the editor's text in place of the files'.

mod actions;
mod documents;
mod hover;
mod navigate;
mod position;

pub use documents::Documents;

use crate::analysis::Knobs;
use crate::diagnostic::Finding;
use crate::lower::{Lowered, Options};
use crate::source::{FileId, Sources, Span};
use crate::syntax::Tree;
use lsp_server::{Connection, Message, Notification, Request, Response};
use lsp_types::notification::{self as note, Notification as _};
use lsp_types::request::{self as ask, Request as _};
use position::Encoding;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One checked site: a configuration with everything it includes.
pub struct Checked {
    /// Its files; open ones with the editor's text.
    pub sources: Sources,
    /// What it means.
    pub lowered: Lowered,
    /// What it was read as.
    pub options: Options,
    /// What the user says about the world around it.
    pub knobs: Knobs,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What single directives do, once somebody asked.
    pub deeds: OnceCell<Vec<Deed>>,
}

/// What a directive does.
pub struct Deed {
    /// The directive.
    pub span: Span,
    /// What it answers, in a line: `301 to /new, for example GET /old`.
    pub text: String,
}

/// Findings of a site that are published, the most severe ones; an editor shows no more, and each costs its time.
const MOST: usize = 2_000;

/// Who checks.
pub trait Workspace {
    /// Checks the site that a file belongs to; `None` where the file is no redirect configuration.
    fn check(&self, file: &Path, open: &BTreeMap<PathBuf, Vec<u8>>) -> Option<Checked>;
    /// What the directives of a checked site do, for the lines above them and for hovering.
    fn deeds(&self, checked: &Checked) -> Vec<Deed>;
}

/// Runs the server on a connection until the client ends it.
///
/// # Errors
/// Where the client breaks the protocol or the connection.
pub fn serve(
    connection: &Connection,
    workspace: &dyn Workspace,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (id, parameters) = connection.initialize_start()?;
    let encoding = Encoding::agreed(&parameters);
    connection.initialize_finish(
        id,
        serde_json::json!({
            "capabilities": capabilities(encoding),
            "serverInfo": { "name": "redirlint", "version": env!("CARGO_PKG_VERSION") },
        }),
    )?;
    let mut server = Server {
        connection,
        workspace,
        encoding,
        documents: Documents::default(),
        changed: BTreeSet::new(),
        sites: BTreeMap::new(),
        published: BTreeMap::new(),
    };
    server.run()
}

fn capabilities(encoding: Encoding) -> serde_json::Value {
    serde_json::json!({
        "positionEncoding": encoding.name(),
        "textDocumentSync": { "openClose": true, "change": 2, "save": { "includeText": false } },
        "hoverProvider": true,
        "definitionProvider": true,
        "documentSymbolProvider": true,
        "codeActionProvider": { "codeActionKinds": ["quickfix"] },
        "codeLensProvider": { "resolveProvider": false },
    })
}

struct Server<'a> {
    connection: &'a Connection,
    workspace: &'a dyn Workspace,
    encoding: Encoding,
    documents: Documents,
    /// Open files whose site must be checked again.
    changed: BTreeSet<PathBuf>,
    /// By open file: its site as it was checked last.
    sites: BTreeMap<PathBuf, Checked>,
    /// By open file: the files whose diagnostics it published, so that they can be taken back.
    published: BTreeMap<PathBuf, BTreeSet<PathBuf>>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Server<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            let message = if self.changed.is_empty() {
                match self.connection.receiver.recv() {
                    Ok(message) => message,
                    Err(_) => return Ok(()),
                }
            } else {
                match self.connection.receiver.try_recv() {
                    Ok(message) => message,
                    // Nothing waits: now is the time to check.
                    Err(_) => {
                        self.check_one()?;
                        continue;
                    }
                }
            };
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    self.check_all()?;
                    let response = self.answer(request);
                    self.connection.sender.send(Message::Response(response))?;
                }
                Message::Notification(notification) => self.note(notification)?,
                Message::Response(_) => {}
            }
        }
    }

    fn check_all(&mut self) -> Result<(), Failure> {
        while !self.changed.is_empty() {
            self.check_one()?;
        }
        Ok(())
    }

    fn check_one(&mut self) -> Result<(), Failure> {
        let Some(path) = self.changed.pop_first() else { return Ok(()) };
        match self.workspace.check(&path, self.documents.texts()) {
            Some(checked) => {
                self.publish(&path, &checked)?;
                self.sites.insert(path, checked);
            }
            None => self.forget(&path)?,
        }
        Ok(())
    }

    fn publish(&mut self, opened: &Path, checked: &Checked) -> Result<(), Failure> {
        let mut by_file: BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>> = BTreeMap::new();
        // The opened file is always published, so that what was mended disappears.
        by_file.insert(opened.to_owned(), Vec::new());
        let mut findings: Vec<&Finding> = checked.findings.iter().collect();
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        for finding in findings.iter().take(MOST) {
            let file = checked.sources.file(finding.file()).path().to_owned();
            by_file.entry(file).or_default().push(actions::diagnostic(checked, finding, self.encoding));
        }
        let left = findings.len().saturating_sub(MOST);
        by_file.entry(opened.to_owned()).or_default().extend((left > 0).then(|| actions::left_out(left)));
        let now: BTreeSet<PathBuf> = by_file.keys().cloned().collect();
        let before = self.published.insert(opened.to_owned(), now.clone()).unwrap_or_default();
        for file in before.difference(&now) {
            self.send_diagnostics(file, Vec::new())?;
        }
        for (file, diagnostics) in by_file {
            self.send_diagnostics(&file, diagnostics)?;
        }
        Ok(())
    }

    fn forget(&mut self, path: &Path) -> Result<(), Failure> {
        self.sites.remove(path);
        for file in self.published.remove(path).unwrap_or_default() {
            self.send_diagnostics(&file, Vec::new())?;
        }
        Ok(())
    }

    fn send_diagnostics(&self, file: &Path, diagnostics: Vec<lsp_types::Diagnostic>) -> Result<(), Failure> {
        let Some(uri) = documents::uri(file) else { return Ok(()) };
        let version = self.documents.version(file);
        let parameters = lsp_types::PublishDiagnosticsParams { uri, diagnostics, version };
        let notification = Notification::new(note::PublishDiagnostics::METHOD.to_owned(), parameters);
        self.connection.sender.send(Message::Notification(notification))?;
        Ok(())
    }

    fn note(&mut self, notification: Notification) -> Result<(), Failure> {
        match notification.method.as_str() {
            note::DidOpenTextDocument::METHOD => {
                let opened: lsp_types::DidOpenTextDocumentParams = serde_json::from_value(notification.params)?;
                self.changed.extend(self.documents.open(opened));
            }
            note::DidChangeTextDocument::METHOD => {
                let change: lsp_types::DidChangeTextDocumentParams = serde_json::from_value(notification.params)?;
                self.changed.extend(self.documents.change(change, self.encoding));
                // Another open file may be of the same site.
                self.changed.extend(self.documents.texts().keys().cloned());
            }
            note::DidCloseTextDocument::METHOD => {
                let closed: lsp_types::DidCloseTextDocumentParams = serde_json::from_value(notification.params)?;
                if let Some(path) = self.documents.close(&closed) {
                    self.changed.remove(&path);
                    self.forget(&path)?;
                }
            }
            note::DidSaveTextDocument::METHOD => self.changed.extend(self.documents.texts().keys().cloned()),
            _ => {}
        }
        Ok(())
    }

    fn answer(&self, request: Request) -> Response {
        let id = request.id.clone();
        let result = match request.method.as_str() {
            ask::HoverRequest::METHOD => self.at(request.params, hover::hover),
            ask::GotoDefinition::METHOD => self.at(request.params, navigate::definition),
            ask::DocumentSymbolRequest::METHOD => self.of(request.params, navigate::symbols),
            ask::CodeLensRequest::METHOD => self.of(request.params, navigate::lenses),
            ask::CodeActionRequest::METHOD => self.actions(request.params),
            other => {
                let message = format!("`{other}` is not supported");
                return Response::new_err(id, lsp_server::ErrorCode::MethodNotFound as i32, message);
            }
        };
        match result {
            Ok(value) => Response::new_ok(id, value),
            Err(error) => Response::new_err(id, lsp_server::ErrorCode::InvalidParams as i32, error.to_string()),
        }
    }

    /// Answers a question about a place.
    fn at<T: serde::Serialize>(
        &self,
        parameters: serde_json::Value,
        answer: impl Fn(&View<'_>, usize) -> Option<T>,
    ) -> Result<serde_json::Value, serde_json::Error> {
        let place: lsp_types::TextDocumentPositionParams = serde_json::from_value(parameters)?;
        let found = self.view(&place.text_document.uri).and_then(|view| {
            let offset = position::offset(view.text(), place.position, self.encoding);
            answer(&view, offset)
        });
        serde_json::to_value(found)
    }

    /// Answers a question about a file.
    fn of<T: serde::Serialize>(
        &self,
        parameters: serde_json::Value,
        answer: impl Fn(&View<'_>) -> T,
    ) -> Result<serde_json::Value, serde_json::Error> {
        let file: lsp_types::TextDocumentIdentifier =
            serde_json::from_value(parameters.get("textDocument").cloned().unwrap_or_default())?;
        serde_json::to_value(self.view(&file.uri).map(|view| answer(&view)))
    }

    fn actions(&self, parameters: serde_json::Value) -> Result<serde_json::Value, serde_json::Error> {
        let wanted: lsp_types::CodeActionParams = serde_json::from_value(parameters)?;
        let found = self.view(&wanted.text_document.uri).map(|view| {
            let start = position::offset(view.text(), wanted.range.start, self.encoding);
            let end = position::offset(view.text(), wanted.range.end, self.encoding);
            actions::fixes(&view, start..end)
        });
        serde_json::to_value(found.unwrap_or_default())
    }

    fn view(&self, uri: &lsp_types::Uri) -> Option<View<'_>> {
        let path = documents::path(uri)?;
        let checked = self.sites.get(&path)?;
        let file = checked.sources.iter().find(|(_, file)| file.path() == path).map(|(id, _)| id)?;
        Some(View { workspace: self.workspace, checked, file, encoding: self.encoding })
    }
}

/// One open file of a checked site.
pub(crate) struct View<'a> {
    workspace: &'a dyn Workspace,
    checked: &'a Checked,
    file: FileId,
    encoding: Encoding,
}

impl View<'_> {
    fn text(&self) -> &[u8] {
        self.checked.sources.file(self.file).bytes()
    }

    fn tree(&self) -> Option<&Tree> {
        self.checked.lowered.trees.iter().find(|tree| tree.file == self.file)
    }

    fn deeds(&self) -> &[Deed] {
        self.checked.deeds.get_or_init(|| self.workspace.deeds(self.checked))
    }

    fn range(&self, span: Span) -> lsp_types::Range {
        position::range(self.checked.sources.file(span.file), span, self.encoding)
    }

    fn location(&self, span: Span) -> Option<lsp_types::Location> {
        let file = self.checked.sources.file(span.file);
        Some(lsp_types::Location { uri: documents::uri(file.path())?, range: self.range(span) })
    }
}
