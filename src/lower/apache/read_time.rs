//! Directives that act while the file is read: `Define`, `Include`, `LoadModule`, `ServerRoot`, macros.

use super::load::Line;
use super::macros::{Macro, Substitution};
use super::read::{Place, Read, Reader};
use crate::ir::Effect;
use crate::syntax::{Block, apache};
use std::path::PathBuf;

impl Reader<'_> {
    /// Carries a directive out if it acts at reading time; `false` if it is one for later, or malformed, which the
    /// check of the table tells.
    pub fn act(&mut self, read: &Read, place: Place<'_>, out: &mut Vec<Line>) -> bool {
        let count = || self.words(read).len();
        match read.name.as_ref() {
            b"use" => self.use_macro(read, place, out),
            b"undefmacro" if count() == 1 => self.undefine_macro(read),
            _ if self.is_htaccess() => return false,
            b"define" if (1..=2).contains(&count()) => self.define(read),
            b"undefine" if count() == 1 => {
                let name = self.word(read, 0);
                self.loaded.defines.unset(&name);
            }
            b"include" | b"includeoptional" if count() == 1 => self.include(read, place, out),
            b"loadmodule" if count() == 2 && !place.in_section => {
                let name = self.word(read, 0);
                self.loaded.modules.add(&name);
            }
            b"serverroot" if count() == 1 => {
                self.server_root(read);
                return false;
            }
            _ => return false,
        }
        true
    }

    /// The value of a word; empty where there is none.
    pub fn word(&self, read: &Read, at: usize) -> Vec<u8> {
        self.words(read).get(at).map(|word| word.value.to_vec()).unwrap_or_default()
    }

    fn define(&mut self, read: &Read) {
        let words = self.words(read);
        let name = self.word(read, 0);
        let value = words.get(1).map(|word| word.value.to_vec());
        if memchr::memchr(b':', &name).is_some() {
            let message = "Variable name must not contain ':'".to_owned();
            return self.refuse(read.head, message, "`${a:b}` looks up a RewriteMap; choose another name");
        }
        self.loaded.defines.set(&name, value.as_deref());
    }

    /// Follows `ServerRoot` where the files lie as on the server.
    fn server_root(&mut self, read: &Read) {
        let path: PathBuf = super::include::path(&self.word(read, 0));
        if path.is_absolute() && (self.options.real_files || self.loader.exists(&path)) {
            self.root = path;
        }
    }

    /// `<Macro name params>`: keeps the lines between its tags.
    pub fn define_macro(&mut self, read: &Read, block: &Block) {
        let words = self.words(read);
        let Some(name) = words.first().map(|word| word.value.to_ascii_lowercase()) else {
            let message = "<Macro macro definition: name not found".to_owned();
            return self.refuse(read.head, message, "give it a name: `<Macro name $param>`");
        };
        let params = words.iter().skip(1).map(|word| word.value.as_ref().into()).collect();
        let file = block.open.file;
        let source = self.sources.file(file).bytes();
        let after =
            |at: usize| source.get(at..).and_then(|tail| memchr::memchr(b'\n', tail)).map(|length| at + length + 1);
        let start = after(block.open.end as usize).unwrap_or(source.len());
        let end = block.close.map_or(source.len(), |close| {
            let before = source.get(..close.start as usize).unwrap_or_default();
            memchr::memrchr(b'\n', before).map_or(0, |at| at + 1)
        });
        let made = Macro { name: read.head, params, file, body: start..end.max(start) };
        self.macros.insert(name.into(), made);
    }

    fn undefine_macro(&mut self, read: &Read) {
        let name = self.word(read, 0).to_ascii_lowercase();
        if self.macros.remove(name.as_slice()).is_none() {
            self.no_macro(read, &name, "cannot remove undefined macro");
        }
    }

    /// A macro that is not there: an error in a whole configuration; a fragment may have it from elsewhere.
    fn no_macro(&mut self, read: &Read, name: &[u8], what: &str) {
        let name = String::from_utf8_lossy(name).into_owned();
        if self.options.real_files || self.loaded.modules.is_explicit() {
            self.refuse(read.head, format!("{what} '{name}'"), "define it before this line");
        } else {
            self.note(
                read,
                Effect::May,
                format!("the macro `{name}` is not defined here, so that what it says is unknown"),
            );
        }
    }

    fn use_macro(&mut self, read: &Read, place: Place<'_>, out: &mut Vec<Line>) {
        let words = self.words(read);
        let Some((name, args)) = words.split_first() else {
            return self.refuse(read.head, "no macro name specified with Use".to_owned(), "name a macro");
        };
        let key: Box<[u8]> = name.value.to_ascii_lowercase().into();
        let shown = String::from_utf8_lossy(&key).into_owned();
        let Some(found) = self.macros.get(&key).cloned() else {
            return self.no_macro(read, &key, "undefined macro");
        };
        if args.len() != found.params.len() {
            let (given, wanted) = (args.len(), found.params.len());
            let message = format!("macro '{shown}' used with {given} arguments instead of {wanted}");
            return self.refuse(read.head, message, "give one word for each parameter");
        }
        let substitution = Substitution::new(&found.params, args);
        if self.open_macros.contains(&key) {
            let message = format!("recursive use of macro '{shown}' is invalid");
            return self.refuse(read.head, message, "a macro cannot use itself");
        }
        if !self.afford(found.body.len(), read) {
            return;
        }
        let tree = apache::parse_range(found.file, self.sources.file(found.file).bytes(), found.body);
        self.open_macros.push(key);
        self.tree(&tree, Place { substitution: Some(&substitution), ..place }, out);
        self.open_macros.pop();
    }
}
