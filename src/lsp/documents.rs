//! The texts that are open in the editor, and their names.

use super::position::{Encoding, offset};
use lsp_types::{DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, Uri};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Open documents by path.
#[derive(Default)]
pub struct Documents {
    texts: BTreeMap<PathBuf, Vec<u8>>,
    versions: BTreeMap<PathBuf, i32>,
}

impl Documents {
    /// The texts by path.
    pub fn texts(&self) -> &BTreeMap<PathBuf, Vec<u8>> {
        &self.texts
    }

    /// The version the editor gave the text.
    pub fn version(&self, path: &Path) -> Option<i32> {
        self.versions.get(path).copied()
    }

    pub(super) fn open(&mut self, opened: DidOpenTextDocumentParams) -> Option<PathBuf> {
        let path = path(&opened.text_document.uri)?;
        self.versions.insert(path.clone(), opened.text_document.version);
        self.texts.insert(path.clone(), opened.text_document.text.into_bytes());
        Some(path)
    }

    pub(super) fn change(&mut self, change: DidChangeTextDocumentParams, encoding: Encoding) -> Option<PathBuf> {
        let path = path(&change.text_document.uri)?;
        let text = self.texts.get_mut(&path)?;
        for edit in change.content_changes {
            match edit.range {
                None => *text = edit.text.into_bytes(),
                Some(range) => {
                    let start = offset(text, range.start, encoding);
                    let end = offset(text, range.end, encoding).max(start);
                    text.splice(start..end, edit.text.into_bytes());
                }
            }
        }
        self.versions.insert(path.clone(), change.text_document.version);
        Some(path)
    }

    pub(super) fn close(&mut self, closed: &DidCloseTextDocumentParams) -> Option<PathBuf> {
        let path = path(&closed.text_document.uri)?;
        self.versions.remove(&path);
        self.texts.remove(&path).map(|_| path)
    }
}

/// The file behind a `file:` URI.
pub(super) fn path(uri: &Uri) -> Option<PathBuf> {
    url::Url::parse(uri.as_str()).ok()?.to_file_path().ok()
}

/// The `file:` URI of an absolute path.
pub(super) fn uri(path: &Path) -> Option<Uri> {
    Uri::from_str(url::Url::from_file_path(path).ok()?.as_str()).ok()
}
