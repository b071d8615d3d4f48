//! `.htaccess` files: what each may contain where it stands, and the scope it becomes.

use super::super::builder::{Builder, Place};
use super::super::check::{self, Frame, Override};
use super::super::context::Context;
use super::super::folders::HtaccessFile;
use super::super::lines;
use super::super::load::{Line, Loaded};
use crate::ir::choice::Sections;
use crate::ir::pattern::Glob;
use crate::ir::{Bytes, Reach, Refusal, ScopeId, SiteId};
use crate::source::FileId;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// What a `.htaccess` may contain, by folder, and the scopes already made for it.
pub type Cache = FxHashMap<(FileId, u8, Vec<Box<[u8]>>, Option<SiteId>), ScopeId>;

/// The sections of a site with the files that are read under it.
pub fn with_files<'a>(
    context: &mut Context<'a>,
    mut sections: Sections,
    main: &'a [Line],
    host: &'a [Line],
    files: &'a [HtaccessFile],
    cache: &mut Cache,
) -> Sections {
    for (folder, file) in named(context, files, [host, main]) {
        let (allow, list) = allowed(context, folder, [main, host]);
        if !allow.allows(Override::ALL) && list.is_empty() {
            continue;
        }
        let key = (file.id, allow.0, list.clone(), context.own_maps);
        let scope = match cache.get(&key) {
            Some(scope) => *scope,
            None => {
                let frame = Frame::Htaccess { allow, list };
                let scope = htaccess(context, &file.folder, &file.loaded, &frame);
                cache.insert(key, scope);
                scope
            }
        };
        sections.htaccess.insert(file.folder.as_slice().into(), scope);
    }
    sections
}

/// The one file of each folder that a server reads: the first of the names that `AccessFileName` gives which is there.
fn named<'a>(
    context: &Context,
    files: &'a [HtaccessFile],
    servers: [&[Line]; 2],
) -> BTreeMap<&'a [u8], &'a HtaccessFile> {
    let line = servers.iter().find_map(|lines| lines.iter().rfind(|line| &*line.name == b"accessfilename"));
    let words = line.map(|line| line.words(context.sources));
    let names: Vec<&[u8]> = match &words {
        Some(words) => words.iter().map(|word| &*word.value).collect(),
        None => vec![b".htaccess"],
    };
    let rank = |file: &HtaccessFile| {
        let name = context.sources.file(file.id).path().file_name()?;
        names.iter().position(|have| *have == name.as_encoded_bytes())
    };
    let mut ranked: Vec<_> = files.iter().filter_map(|file| Some((rank(file)?, file))).collect();
    ranked.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
    ranked.into_iter().map(|(_, file)| (file.folder.as_slice(), file)).collect()
}

/// The `AllowOverride` in force in a folder.
fn allowed(context: &Context, folder: &[u8], servers: [&[Line]; 2]) -> (Override, Vec<Box<[u8]>>) {
    let mut found: Vec<(usize, &Line)> = Vec::new();
    for line in servers.into_iter().flatten().filter(|line| &*line.name == b"directory") {
        let words = line.words(context.sources);
        let Some(word) = words.first().filter(|word| &*word.value != b"~") else { continue };
        let text = word.value.strip_suffix(b"/").unwrap_or(&word.value);
        let depth = text.iter().filter(|&&byte| byte == b'/').count();
        let parent = nth_folder(folder, depth);
        let glob = Glob { text: text.into(), path: true, ignore_case: false };
        if parent.is_some_and(|parent| parent == text || crate::ir::pattern::glob_matches(&glob, parent)) {
            found.push((depth, line));
        }
    }
    found.sort_by_key(|(depth, _)| *depth);
    let (mut allow, mut list) = (Override::NONE, Vec::new());
    for line in found.iter().flat_map(|(_, line)| line.block.iter().flatten()) {
        let words = line.words(context.sources);
        match &*line.name {
            b"allowoverride" => {
                allow = Override::NONE;
                for word in &words {
                    let lower = word.value.to_ascii_lowercase();
                    allow = allow.with(match &*lower {
                        b"nonfatal=override" => Override::NONFATAL_OVERRIDE,
                        b"nonfatal=unknown" => Override::NONFATAL_UNKNOWN,
                        b"nonfatal=all" => Override::NONFATAL_ALL,
                        _ => Override::NONE,
                    });
                    let class = lower.split(|&byte| byte == b'=').next().unwrap_or_default();
                    allow = allow.with(match class {
                        b"all" => Override::ALL,
                        b"fileinfo" => Override::FILE_INFO,
                        b"indexes" => Override::INDEXES,
                        b"options" => Override::OPTIONS,
                        b"authconfig" => Override::AUTH_CONFIG,
                        b"limit" => Override::LIMIT,
                        _ => Override::NONE,
                    });
                }
            }
            b"allowoverridelist" => {
                list = words.iter().map(|word| word.value.to_ascii_lowercase().into()).collect();
                list.retain(|name: &Bytes| **name != *b"none");
            }
            _ => {}
        }
    }
    (allow, list)
}

/// The first so many segments of a folder's path.
fn nth_folder(folder: &[u8], depth: usize) -> Option<&[u8]> {
    if depth == 0 {
        return Some(b"");
    }
    let mut slashes = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    folder.get(..slashes.nth(depth)?)
}

/// The scope of a `.htaccess`; broken where the server would refuse it.
pub fn htaccess<'a>(context: &mut Context<'a>, folder: &[u8], loaded: &'a Loaded, frame: &Frame) -> ScopeId {
    let mut builder = Builder::new(Place::Section(folder.into()));
    let checked = check::check(loaded, context.sources, frame);
    context.htaccess = true;
    context.left_out = checked.left_out;
    let refused = lines::lower(context, &mut builder, &loaded.lines);
    context.htaccess = false;
    context.left_out.clear();
    let mut refusals = loaded.refusals.clone();
    refusals.extend(checked.refusals);
    let own = refused.into_iter().map(|one| Refusal {
        span: one.span,
        message: one.message,
        help: None,
        reach: Reach::Server,
    });
    refusals.extend(own);
    refusals.retain(|refusal| !loaded.templates.contains(&refusal.span.file));
    let mut scope = builder.finish();
    let id = ScopeId(context.program.scopes.len() as u32);
    if let Some(first) = refusals.first() {
        scope.settings.broken = Some(first.message.as_str().into());
        scope.span = Some(first.span);
    }
    let here = refusals.into_iter().map(|refusal| Refusal { reach: Reach::Folder(id), ..refusal });
    context.program.refusals.extend(here);
    context.scope(scope)
}
