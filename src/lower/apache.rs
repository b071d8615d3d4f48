//! Apache httpd to IR: loading ([`load`], [`check`]) is what the server does while it reads its files; the other
//! submodules say what the loaded lines mean.

pub mod check;
pub mod conditional;
pub mod defines;
pub mod load;
pub mod macros;
pub mod modules;
pub mod words;

use super::{FileId, Loader, Lowered, Options, Sources};

/// Lowers an Apache configuration or a lone `.htaccess`.
pub fn lower(_sources: &mut Sources, _main: FileId, _options: &Options, _loader: &dyn Loader) -> Lowered {
    todo!()
}
