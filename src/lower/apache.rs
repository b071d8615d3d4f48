//! Apache httpd to IR: loading ([`load`], [`check`]) is what the server does while it reads its files; the other
//! submodules say what the loaded lines mean.

pub mod access;
pub mod alias;
pub mod builder;
pub mod check;
pub mod conditional;
pub mod context;
pub mod defines;
pub mod expr;
pub mod flags;
pub mod folders;
mod include;
pub mod lines;
pub mod load;
pub mod macros;
pub mod modules;
mod read;
mod read_time;
pub mod refused;
pub mod regex_options;
pub mod rule;
pub mod sections;
pub mod server;
pub mod settings;
pub mod text;
pub mod variables;
pub mod words;

use super::{Dialect, FileId, Loader, Lowered, Options, Sources, Version};
use context::Context;

/// The newest version that is modelled.
pub const NEWEST: Version = Version(2, 4, 71);

/// Lowers an Apache configuration or a lone `.htaccess`.
pub fn lower(sources: &mut Sources, main: FileId, options: &Options, loader: &dyn Loader) -> Lowered {
    let mut loaded = load::load(sources, main, options, loader, None);
    let mut trees = std::mem::take(&mut loaded.trees);
    let files = match options.dialect {
        Dialect::Htaccess => folders::beside(sources, main, options, loader, &loaded),
        _ => folders::below(sources, options, loader, &loaded),
    };
    let mut files = files;
    trees.extend(files.iter_mut().flat_map(|file| std::mem::take(&mut file.loaded.trees)));
    let version = options.version.unwrap_or(NEWEST);
    let templates = loaded.templates.clone();
    let mut context = Context::new(sources, loader, version, loaded.modules.clone(), options.prefix.clone());
    context.real_files = options.real_files;
    context.program.notes = std::mem::take(&mut loaded.notes);
    match options.dialect {
        Dialect::Htaccess => server::fragment(&mut context, main, &loaded, &files, options),
        _ => server::whole(&mut context, &loaded, &files, options),
    }
    // What a template says is known after rendering; a server never reads it as it is.
    context.program.refusals.retain(|refusal| !templates.contains(&refusal.span.file));
    Lowered { program: context.program, trees }
}
